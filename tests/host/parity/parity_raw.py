"""Raw sockets. On a kernel they are for root only."""

from __future__ import annotations

import socket
import struct
from socket import AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM, SOCK_RAW

from parity_kit import attempt, failing, privileged

LEVEL = {AF_INET: (socket.IPPROTO_IP, "127.0.0.1"), AF_INET6: (socket.IPPROTO_IPV6, "::1")}


def _sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _echo(kind, identifier=4711, data=b"some data"):
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, 3)
    return struct.pack("!BBHHH", kind, 0, _sum(head + data), identifier, 3) + data


@privileged
def making_raw_sockets():
    out = []
    for family in (AF_INET, AF_INET6):
        for protocol in (0, 1, 6, 17, 58, 99, 255):
            outcome = failing(socket.socket, family, SOCK_RAW, protocol)
            if outcome[0] == "no failure":
                with outcome[1] as s:
                    out.append((s.type, s.proto, s.getsockname()[:2], s.getsockopt(1, 38)))
            else:
                out.append(outcome)
    return out


@privileged
def raw_icmp_sees_request_and_reply():
    with socket.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) as s:
        s.settimeout(2)
        s.sendto(_echo(8), ("127.0.0.1", 0))
        packets = [s.recvfrom(1000) for _ in range(2)]
        return [(p[0], p[9], p[12:20], p[20:22], p[24:], source) for p, source in packets]


@privileged
def raw_icmpv6_has_no_header_and_a_checksum():
    with socket.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) as s:
        s.settimeout(2)
        s.sendto(_echo(128), ("::1", 0))
        return [s.recvfrom(1000) for _ in range(2)]


@privileged
def filters_of_types():
    with socket.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) as s:
        s.settimeout(2)
        out = [s.getsockopt(255, 1, 4)]
        s.setsockopt(255, 1, struct.pack("I", 1 << 8))
        out.append(s.getsockopt(255, 1, 4))
        s.sendto(_echo(8), ("127.0.0.1", 0))
        return [*out, s.recv(1000)[20]]


@privileged
def filters_of_types_of_icmpv6():
    with socket.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) as s:
        s.settimeout(2)
        block = bytearray(b"\xff" * 32)
        block[129 // 32 * 4 : 129 // 32 * 4 + 4] = struct.pack("I", 0xFFFFFFFF & ~(1 << 129 % 32))
        s.setsockopt(58, 1, bytes(block))
        s.sendto(_echo(128), ("::1", 0))
        return s.getsockopt(58, 1, 32) == bytes(block), s.recv(1000)[0]


@privileged
def any_protocol_goes():
    out = []
    for family, (_, host) in LEVEL.items():
        with socket.socket(family, SOCK_RAW, 99) as s, socket.socket(family, SOCK_RAW, 99) as t:
            t.bind((host, 0))
            t.settimeout(2)
            s.sendto(b"hello", (host, 0))
            data, source = t.recvfrom(100)
            out.append((data[-5:], len(data), source))
    return out


@privileged
def a_header_of_ones_own():
    out = []
    with socket.socket(AF_INET, SOCK_RAW, 99) as t, socket.socket(AF_INET, SOCK_RAW, 255) as s:
        t.settimeout(2)
        lo = socket.inet_aton("127.0.0.1")
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0x10, 0, 7, 0, 9, 99, 0, bytes(4), lo)
        out.append(s.getsockopt(0, 3))
        out.append(s.sendto(header + b"payload", ("127.0.0.1", 0)))
        out.append(t.recv(100))
        out.append(failing(s.sendto, b"short", ("127.0.0.1", 0)))
        return out


@privileged
def raw_udp_sees_what_the_port_gets():
    with socket.socket(AF_INET, SOCK_RAW, 17) as s, socket.socket(AF_INET, SOCK_DGRAM) as u:
        s.settimeout(2)
        u.settimeout(2)
        u.bind(("127.0.0.1", 0))
        s.connect(("127.0.0.1", 0))
        u.sendto(b"x" * 5, u.getsockname())
        port = u.getsockname()[1]
        packet = s.recv(100)
        return struct.unpack("!HHH", packet[20:26]) == (port, port, 13), packet[28:], u.recv(10)


@privileged
def control_data_of_raw_sockets():
    with socket.socket(AF_INET, SOCK_RAW, 99) as s:
        s.settimeout(2)
        for name in (8, 12, 13):
            s.setsockopt(0, name, 1)
        s.sendmsg([b"a"], [(0, 2, struct.pack("i", 7)), (0, 1, b"\x08")], 0, ("127.0.0.1", 0))
        data, control, flags, source = s.recvmsg(100, 200)
        return data[1], data[8], data[20:], control, flags, source


@privileged
def control_data_of_raw_ipv6_sockets():
    with socket.socket(AF_INET6, SOCK_RAW, 99) as s:
        s.settimeout(2)
        for name in (49, 51, 66):
            s.setsockopt(41, name, 1)
        control = [(41, 52, struct.pack("i", 7)), (41, 67, struct.pack("i", 8))]
        s.sendmsg([b"a"], control, 0, ("::1", 0))
        return s.recvmsg(100, 200)


@privileged
def checksums_of_raw_ipv6_sockets():
    with socket.socket(AF_INET6, SOCK_RAW, 99) as s, socket.socket(AF_INET6, SOCK_RAW, 58) as t:
        s.settimeout(2)
        out = [s.getsockopt(41, 7), t.getsockopt(41, 7), failing(t.setsockopt, 41, 7, 4)]
        s.setsockopt(41, 7, 2)
        s.sendto(bytes(8), ("::1", 0))
        out += [s.recv(100), failing(s.sendto, b"abc", ("::1", 0)), s.getsockopt(41, 7)]
        return out


@privileged
def addresses_of_raw_sockets():
    with socket.socket(AF_INET, SOCK_RAW, 99) as s:
        out = [failing(s.send, b"x"), failing(s.getpeername), failing(s.bind, ("198.51.100.9", 0))]
        s.connect(("127.0.0.1", 5))
        return [*out, s.getsockname(), s.getpeername(), attempt(s.listen, 1), failing(s.accept)]
