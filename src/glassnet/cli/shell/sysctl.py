"""`sysctl`: the TCP settings of a host, under the names of Linux."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from glassnet.topology.host import Host
from glassnet.transport.tcp.sysctl import NAMES

__all__ = ["parser", "sysctl"]


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="sysctl", description="Show or change TCP settings.")
    options.add_argument("-a", action="store_true", help="show all")
    options.add_argument("-q", "-w", action="store_true", help="change quietly; changes are told otherwise")
    options.add_argument("settings", nargs="*", metavar="NAME[=VALUE]", help="net.ipv4.tcp_sack=0")
    return options


def sysctl(host: Host, options: argparse.Namespace) -> Iterator[str]:
    """The lines that it shows. ValueError for a setting that does not exist, or cannot have a value."""
    for setting in NAMES if options.a else options.settings:
        name, equals, value = setting.partition("=")
        now = host.sysctl(name, value if equals else None)
        if not (equals and options.q):
            yield f"net.ipv4.{name.removeprefix('net.ipv4.')} = {now}"
