"""Control data beside datagrams, and the queue of errors."""

from __future__ import annotations

import select
import socket
import struct
from socket import AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOCK_DGRAM

from parity_kit import failing, program, soon

HOST = {AF_INET: "127.0.0.1", AF_INET6: "::1"}


def _bound(family=AF_INET, host=None):
    s = socket.socket(family, SOCK_DGRAM)
    s.settimeout(2)
    s.bind((host or HOST[family], 0))
    return s


@program
def packet_info_ttl_and_tos():
    with _bound(host="0.0.0.0") as s:
        for name in (8, 12, 13):
            s.setsockopt(IPPROTO_IP, name, 1)
        out = []
        for host in ("127.0.0.1", "127.0.0.2"):
            s.sendto(b"x", (host, s.getsockname()[1]))
            out.append(s.recvmsg(10, 200)[:3])
        return out


@program
def packet_info_of_ipv6():
    with _bound(AF_INET6) as s:
        for name in (49, 51, 66):
            s.setsockopt(IPPROTO_IPV6, name, 1)
        s.sendto(b"x", s.getsockname())
        return s.recvmsg(10, 200)[:3]


@program
def packet_info_of_mapped_addresses():
    with socket.socket(AF_INET6, SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind(("::", 0))
        for level, name in ((IPPROTO_IPV6, 49), (IPPROTO_IPV6, 51), (IPPROTO_IP, 12), (IPPROTO_IP, 8)):
            s.setsockopt(level, name, 1)
        s.sendto(b"x", ("::ffff:127.0.0.1", s.getsockname()[1]))
        return s.recvmsg(10, 200)[:3]


@program
def ttl_tos_and_source_of_one_message():
    with _bound(host="0.0.0.0") as s, _bound(host="0.0.0.0") as t:
        for name in (12, 13):
            s.setsockopt(IPPROTO_IP, name, 1)
        info = struct.pack("i4s4s", 0, socket.inet_aton("127.0.0.9"), bytes(4))
        control = [(0, 2, struct.pack("i", 3)), (0, 1, struct.pack("i", 0x20)), (0, 8, info)]
        t.sendmsg([b"abc"], control, 0, ("127.0.0.1", s.getsockname()[1]))
        first = s.recvmsg(10, 200)
        t.sendto(b"d", ("127.0.0.1", s.getsockname()[1]))
        second = s.recvmsg(10, 200)
        return first[:3], first[3][0], second[:3], second[3][0]


@program
def bad_control_data():
    with _bound() as s:
        address = s.getsockname()
        return [
            failing(s.sendmsg, [b"x"], [each], 0, address)
            for each in (
                (0, 2, struct.pack("i", 0)),
                (0, 2, struct.pack("i", 256)),
                (0, 2, b"\1"),
                (0, 8, b"short"),
                (0, 99, struct.pack("i", 0)),
                (1, 99, struct.pack("i", 0)),
                (0, 8, struct.pack("i4s4s", 0, socket.inet_aton("198.51.100.3"), bytes(4))),
                (0, 8, struct.pack("i4s4s", 999, bytes(4), bytes(4))),
                (41, 52, struct.pack("i", 5)),
            )
        ]


@program
def control_data_cut():
    with _bound() as s:
        for name in (8, 12):
            s.setsockopt(IPPROTO_IP, name, 1)
        out = []
        for space in (0, 16, 20, 32, 48, 56):
            s.sendto(b"x", s.getsockname())
            out.append(s.recvmsg(10, space)[1:3])
        return out


@program
def timestamps():
    with _bound() as s:
        out = []
        for name in (29, 35):
            s.setsockopt(1, name, 1)
            s.sendto(b"x", s.getsockname())
            ((level, kind, data),) = s.recvmsg(10, 100)[1]
            out.append((level, kind, len(data), struct.unpack("qq", data)[0] > 1_000_000_000))
        return out


def _refused(family, connect):
    level, name = (IPPROTO_IP, 11) if family == AF_INET else (IPPROTO_IPV6, 25)
    with _bound(family) as closed:
        address = closed.getsockname()
    with socket.socket(family, SOCK_DGRAM) as s:
        s.settimeout(0)
        s.setsockopt(level, name, 1)
        if connect:
            s.connect(address)
            s.send(b"hello")
        else:
            s.sendto(b"hello", address)
        soon()
        poll = select.poll()
        poll.register(s, select.POLLIN)
        out = [[mask for _, mask in poll.poll(0)]]
        data, control, flags, source = s.recvmsg(100, 200, socket.MSG_ERRQUEUE)
        out += [data, control, flags, source[0] == address[0], source[1] == address[1]]
        out += [failing(s.recvmsg, 100, 200, socket.MSG_ERRQUEUE), failing(s.recv, 100)]
        return [*out, s.getsockopt(1, 4)]


@program
def errors_of_an_unconnected_socket():
    return _refused(AF_INET, False)


@program
def errors_of_a_connected_socket():
    return _refused(AF_INET, True)


@program
def errors_of_ipv6():
    return _refused(AF_INET6, False), _refused(AF_INET6, True)


@program
def an_error_raised_leaves_the_queue():
    with _bound() as closed:
        address = closed.getsockname()
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.settimeout(0)
        s.setsockopt(IPPROTO_IP, 11, 1)
        s.sendto(b"hello", address)
        soon()
        out = [failing(s.recv, 10), failing(s.recv, 10)]
        return [*out, s.recvmsg(100, 200, socket.MSG_ERRQUEUE)[:3]]
