"""`ping`, as the one of iputils: ICMP echo over raw sockets (RFC 792, RFC 4443)."""

from __future__ import annotations

import argparse
import math
import os
import socket
import struct
import sys
import time

__all__ = ["parser", "ping"]

_ECHO = {4: (8, 0), 6: (128, 129)}
_ERRORS = {
    4: {(3, 0): "Destination Net Unreachable", (3, 1): "Destination Host Unreachable",
        (3, 2): "Destination Protocol Unreachable", (3, 3): "Destination Port Unreachable",
        (3, 4): "Frag needed and DF set", (3, 13): "Packet filtered", (11, 0): "Time to live exceeded"},
    6: {(1, 0): "Destination unreachable: No route",
        (1, 1): "Destination unreachable: Administratively prohibited",
        (1, 3): "Destination unreachable: Address unreachable",
        (1, 4): "Destination unreachable: Port unreachable",
        (2, 0): "Packet too big", (3, 0): "Time exceeded: Hop limit"},
}  # fmt: skip
_HEADER = struct.Struct("!BBHHH")
_STAMP = struct.Struct("!Q")


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="ping", description="Send ICMP echo requests.")
    options.add_argument("-c", dest="count", type=int, default=4, help="how many (4)")
    options.add_argument("-i", dest="interval", type=float, default=1.0, help="seconds between them (1)")
    options.add_argument("-s", dest="size", type=int, default=56, help="bytes of data (56)")
    options.add_argument("-t", dest="ttl", type=int, default=64, help="time to live (64)")
    options.add_argument("-W", dest="wait", type=float, default=10.0, help="seconds to wait for answers (10)")
    family = options.add_mutually_exclusive_group()
    family.add_argument("-4", dest="version", action="store_const", const=4, help="IPv4 alone")
    family.add_argument("-6", dest="version", action="store_const", const=6, help="IPv6 alone")
    options.add_argument("host")
    return options


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def find(host: str, version: int | None) -> tuple[int, str]:
    """The IP version and the address to use for `host`, IPv4 first as ping and traceroute have it."""
    wanted = {None: (socket.AF_INET, socket.AF_INET6), 4: (socket.AF_INET,), 6: (socket.AF_INET6,)}[version]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        raise OSError(f"{host}: {error.strerror}") from None
    for family in wanted:
        for each in found:
            if each[0] == family:
                return (4 if family == socket.AF_INET else 6), str(each[4][0])
    raise OSError(f"{host}: no IPv{version or 4} address")


def raw(version: int) -> socket.socket:
    """A raw socket for ICMP of that IP version; OSError with the reason if there can be none."""
    if version == 4:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


def received(sock: socket.socket, version: int) -> tuple[bytes, str, int]:
    """The next ICMP message: its bytes, who sent it, and the TTL or hop limit that was left (0: unknown)."""
    if version == 4:
        packet, source = sock.recvfrom(65535)
        return packet[(packet[0] & 15) * 4 :], source[0], packet[8]
    message, control, _, source = sock.recvmsg(65535, 64)
    hops = 0
    for level, kind, data in control:
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_HOPLIMIT:
            hops = int.from_bytes(data[:4], sys.byteorder)
    return message, str(source[0]), hops


def quoted(message: bytes, version: int) -> tuple[int, bytes]:
    """From an ICMP error: the protocol and the payload of the packet that it quotes."""
    packet = message[8:]
    if version == 4:
        if len(packet) < 20:
            return -1, b""
        return packet[9], packet[(packet[0] & 15) * 4 :]
    return (packet[6], packet[40:]) if len(packet) >= 40 else (-1, b"")


class _Ping:
    def __init__(self, options: argparse.Namespace) -> None:
        self.host = options.host
        self.size = options.size
        self.version, self.address = find(options.host, options.version)
        self.identifier = os.getpid() & 0xFFFF
        self.times: list[float] = []
        self.errors = self.duplicates = self.sent = 0
        self.answered: set[int] = set()
        self.sock = raw(self.version)
        if self.version == 4:
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, options.ttl)
        else:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, options.ttl)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)

    def send(self) -> None:
        self.sent += 1
        kind = _ECHO[self.version][0]
        stamp = _STAMP.pack(time.monotonic_ns()) if self.size >= _STAMP.size else b""
        data = stamp + bytes(number & 0xFF for number in range(len(stamp), self.size))
        message = _HEADER.pack(kind, 0, 0, self.identifier, self.sent & 0xFFFF) + data
        if self.version == 4:  # the kernel computes that of ICMPv6
            message = _HEADER.pack(kind, 0, checksum(message), self.identifier, self.sent & 0xFFFF) + data
        try:
            self.sock.sendto(message, (self.address, 0))
        except OSError as error:
            self.errors += 1
            print(f"ping: sendmsg: {error.strerror}")

    def listen(self, until: float, all_sent: bool) -> None:
        """Take answers until that time, or, once all are sent, until all have come."""
        while not (all_sent and len(self.answered) + self.errors >= self.sent):
            left = until - time.monotonic()
            if left <= 0:
                return
            self.sock.settimeout(left)
            try:
                message, source, ttl = received(self.sock, self.version)
            except TimeoutError:
                return
            except OSError as error:
                self.errors += 1
                print(f"ping: recvmsg: {error.strerror}")
                continue
            if len(message) >= _HEADER.size:
                self.take(message, source, ttl)

    def take(self, message: bytes, source: str, ttl: int) -> None:
        kind, code, _, identifier, sequence = _HEADER.unpack_from(message)
        if kind == _ECHO[self.version][1]:
            if identifier == self.identifier:
                self.answer(message, source, ttl, sequence)
            return
        text = _ERRORS[self.version].get((kind, code))
        protocol, original = quoted(message, self.version)
        if text is None or protocol not in (1, 58) or len(original) < _HEADER.size:
            return
        *_, identifier, sequence = _HEADER.unpack_from(original)
        if identifier == self.identifier:
            self.errors += 1
            print(f"From {source} icmp_seq={sequence} {text}")

    def answer(self, message: bytes, source: str, ttl: int, sequence: int) -> None:
        line = f"{len(message)} bytes from {source}: icmp_seq={sequence}"
        line += f" ttl={ttl}" if ttl else ""
        if len(message) >= _HEADER.size + _STAMP.size:
            took = (time.monotonic_ns() - _STAMP.unpack_from(message, _HEADER.size)[0]) / 1e6
            line += f" time={_short(took)} ms"
            if sequence not in self.answered:
                self.times.append(took)
        if sequence in self.answered:
            self.duplicates += 1
            line += " (DUP!)"
        self.answered.add(sequence)
        print(line)

    def statistics(self, began: float) -> None:
        print(f"\n--- {self.host} ping statistics ---")
        lost = 100 * (self.sent - len(self.answered)) / self.sent if self.sent else 0
        line = f"{self.sent} packets transmitted, {len(self.answered)} received"
        line += f", +{self.duplicates} duplicates" if self.duplicates else ""
        line += f", +{self.errors} errors" if self.errors else ""
        print(f"{line}, {lost:.6g}% packet loss, time {(time.monotonic() - began) * 1000:.0f}ms")
        times = self.times
        if times:
            mean = sum(times) / len(times)
            deviation = math.sqrt(max(sum(each * each for each in times) / len(times) - mean * mean, 0))
            low, high = min(times), max(times)
            print(f"rtt min/avg/max/mdev = {low:.3f}/{mean:.3f}/{high:.3f}/{deviation:.3f} ms")


def _short(milliseconds: float) -> str:
    """Three digits, as ping shows them."""
    digits = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:.{digits}f}"


def ping(*words: str) -> int:
    """Run it; 0 if anything was answered, 1 if not."""
    options = parser().parse_args(words)
    run = _Ping(options)
    data = run.size + (28 if run.version == 4 else 48)
    print(f"PING {options.host} ({run.address}) {run.size}({data}) bytes of data.")
    began = time.monotonic()
    try:
        for number in range(options.count):
            run.send()
            last = number == options.count - 1
            run.listen(time.monotonic() + (options.wait if last else options.interval), all_sent=last)
    except KeyboardInterrupt:
        pass
    run.statistics(began)
    return 0 if run.answered else 1
