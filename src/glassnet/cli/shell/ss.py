"""`ss`: the TCP and UDP sockets of a host, as iproute2 shows them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from glassnet.host.netstat import netstat
from glassnet.host.process import Process
from glassnet.host.sockets.udp import UdpSocket
from glassnet.network.addresses import address_text
from glassnet.topology.host import Host

__all__ = ["parser", "ss"]


class _Row(NamedTuple):
    kind: str
    state: str
    local: str
    peer: str
    owner: str
    details: str = ""


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="ss", description="Show sockets.")
    for flag, help_ in (
        ("t", "TCP"),
        ("u", "UDP"),
        ("l", "those that listen"),
        ("a", "all"),
        ("p", "which program they belong to"),
        ("i", "what TCP knows of each connection"),
        ("n", "ports as numbers (always so)"),
    ):
        options.add_argument(f"-{flag}", dest=flag, action="store_true", help=help_)
    return options


def ss(host: Host, options: argparse.Namespace) -> Iterator[str]:
    """The lines that it shows."""
    rows = []
    for row in _rows(host):
        listens = row.state in ("LISTEN", "UNCONN")
        wanted = (options.t if row.kind == "tcp" else options.u) or not (options.t or options.u)
        if wanted and (options.a or listens == options.l):
            rows.append(row)
    heading = _Row("Netid", "State", "Local Address:Port", "Peer Address:Port", "Process")
    table = [heading, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        yield "  ".join([*cells, row.owner] if options.p else cells).rstrip()
        if options.i and row.details:
            yield f"\t {row.details}"


def _rows(host: Host) -> Iterator[_Row]:
    for row in netstat(host.system):
        yield _Row("tcp", row.state, row.local, row.peer, row.owner, row.details)
    files = host.system.world.files.files
    for process in host.system.processes.values():
        for number in process.numbers:
            file = files.get(number)
            if isinstance(file, UdpSocket) and file.endpoint.local is not None:
                remote = file.endpoint.remote
                local = _end(*file.endpoint.local, file.v6)
                state = "UNCONN" if remote is None else "ESTAB"
                peer = _end(*(remote or (b"", 0)), file.v6)
                yield _Row("udp", state, local, peer, _owner(process))


def _owner(process: Process) -> str:
    return f'users:(("{process.name}",pid={process.pid}))'


def _end(address: bytes, port: int, v6: bool) -> str:
    if not any(address):
        text = "*" if v6 else "0.0.0.0"
    else:
        text = address_text(address)
        text = f"[{text}]" if ":" in text else text
    return f"{text}:{port or '*'}"
