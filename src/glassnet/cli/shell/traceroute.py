"""`traceroute`: UDP to unlikely ports with a growing TTL, and who complains (RFC 1393's elder)."""

from __future__ import annotations

import argparse
import socket
import struct
import time

from glassnet.cli.shell.ping import find, quoted, raw, received

__all__ = ["parser", "traceroute"]

_FIRST_PORT = 33434
_MARKS = {4: {0: "!N", 1: "!H", 2: "!P", 4: "!F", 13: "!X"}, 6: {0: "!N", 1: "!X", 3: "!H"}}


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="traceroute", description="Show the routers on the way to a host.")
    options.add_argument("-m", dest="hops", type=int, default=30, help="how far at most (30)")
    options.add_argument("-q", dest="queries", type=int, default=3, help="probes for each hop (3)")
    options.add_argument("-w", dest="wait", type=float, default=5.0, help="seconds to wait for an answer (5)")
    options.add_argument("-n", dest="numeric", action="store_true", help="no names")
    family = options.add_mutually_exclusive_group()
    family.add_argument("-4", dest="version", action="store_const", const=4, help="IPv4 alone")
    family.add_argument("-6", dest="version", action="store_const", const=6, help="IPv6 alone")
    options.add_argument("host")
    return options


def traceroute(*words: str) -> int:
    """Run it; 0 if the host was reached, 1 if not."""
    options = parser().parse_args(words)
    version, address = find(options.host, options.version)
    size = 60 if version == 4 else 80
    print(f"traceroute to {options.host} ({address}), {options.hops} hops max, {size} byte packets")
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    port = _FIRST_PORT
    with raw(version) as ear, socket.socket(family, socket.SOCK_DGRAM) as mouth:
        for hop in range(1, options.hops + 1):
            if version == 4:
                mouth.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
            else:
                mouth.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop)
            line, before, arrived = f"{hop:2} ", "", False
            for _ in range(options.queries):
                began = time.monotonic()
                try:
                    mouth.sendto(bytes(32), (address, port))
                except OSError as error:
                    print(f"{line} {error.strerror}")
                    return 1
                found = _answer(ear, version, port, began + options.wait)
                port += 1
                if found is None:
                    line += " *"
                    continue
                who, final, mark, at = found
                if who != before:
                    line += f" {who if options.numeric else _named(who)} "
                    before = who
                line += f" {(at - began) * 1000:.3f} ms{mark}"
                arrived = arrived or final
            print(line)
            if arrived:
                return 0
    return 1


def _answer(ear: socket.socket, version: int, port: int, until: float) -> tuple[str, bool, str, float] | None:
    """Who answered the probe to `port`, whether that was its destination, a mark, and when; None: nobody."""
    exceeded, unreachable, port_code = (11, 3, 3) if version == 4 else (3, 1, 4)
    while (left := until - time.monotonic()) > 0:
        ear.settimeout(left)
        try:
            message, source, _ = received(ear, version)
        except TimeoutError:
            return None
        if len(message) < 8 or message[0] not in (exceeded, unreachable):
            continue
        protocol, original = quoted(message, version)
        if protocol != socket.IPPROTO_UDP or len(original) < 4:
            continue
        if struct.unpack_from("!H", original, 2)[0] == port:
            final = message[0] == unreachable
            known = message[0] == exceeded or message[1] == port_code
            mark = "" if known else " " + _MARKS[version].get(message[1], f"!{message[1]}")
            return source, final, mark, time.monotonic()
    return None


def _named(address: str) -> str:
    try:
        name = socket.gethostbyaddr(address)[0]
    except OSError:
        name = address
    return f"{name} ({address})"
