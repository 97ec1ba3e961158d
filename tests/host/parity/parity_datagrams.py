"""Datagrams."""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6, SOCK_DGRAM

from parity_kit import attempt, failing, program, soon


@program
def datagrams():
    with socket.socket(AF_INET, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("127.0.0.1", 0))
        t.bind(("127.0.0.1", 0))
        out = [
            t.sendto(b"hello", s.getsockname()),
            t.sendto(b"", s.getsockname()),
            t.sendto(b"flags", 0, s.getsockname()),
        ]
        data, source = s.recvfrom(100, socket.MSG_PEEK)
        out += [data, source == t.getsockname(), s.recvfrom(2)[0], s.recv(10), s.recv(10)]
        out += [attempt(s.recv, 10, socket.MSG_DONTWAIT)]
        return out


@program
def datagrams_cut_short():
    with socket.socket(AF_INET, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("127.0.0.1", 0))
        t.sendto(b"0123456789", s.getsockname())
        data, ancillary, flags, _ = s.recvmsg(4)
        t.sendto(b"abcdef", s.getsockname())
        buffer = bytearray(3)
        return data, ancillary, flags == socket.MSG_TRUNC, s.recvfrom_into(buffer)[0], bytes(buffer)


@program
def datagram_failures():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        return [
            failing(s.send, b"x"),
            failing(s.sendall, b"x"),
            failing(s.sendto, b"x" * 65508, ("127.0.0.1", 9)),
            attempt(s.sendto, b"x"),
            attempt(s.sendto, b"x", 0, ("127.0.0.1", 9), 1),
            attempt(s.sendto, "x", ("127.0.0.1", 9)),
            failing(s.sendto, b"x", ("255.255.255.255", 9)),
            failing(s.listen),
            failing(s.accept),
            failing(s.getpeername),
            failing(s.shutdown, socket.SHUT_RDWR),
        ]


@program
def largest_datagram():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.sendto(b"z" * 65507, s.getsockname())
        return len(s.recv(70000))


@program
def connected_datagrams():
    with (
        socket.socket(AF_INET, SOCK_DGRAM) as s,
        socket.socket(AF_INET, SOCK_DGRAM) as t,
        socket.socket(AF_INET, SOCK_DGRAM) as u,
    ):
        for each in (s, t, u):
            each.bind(("127.0.0.1", 0))
        s.connect(t.getsockname())
        u.sendto(b"not from the peer", s.getsockname())
        t.sendto(b"from the peer", s.getsockname())
        out = [s.recv(100), s.getpeername() == t.getsockname(), s.send(b"back"), t.recv(100)]
        out.append(s.sendto(b"elsewhere", u.getsockname()))
        out.append(u.recv(100))
        return out


@program
def datagrams_to_a_closed_port():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect(address)
        first = s.send(b"x")
        soon()
        out = [first, attempt(s.recv, 10)]
        s.send(b"x")
        soon()
        out.append(failing(s.send, b"x"))
        s.send(b"x")
        soon()
        out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return out


@program
def ipv6_datagrams():
    with socket.socket(AF_INET6, SOCK_DGRAM) as s, socket.socket(AF_INET6, SOCK_DGRAM) as t:
        s.bind(("::1", 0))
        t.bind(("::1", 0))
        t.sendto(b"six", s.getsockname())
        data, source = s.recvfrom(10)
        return data, source == t.getsockname(), source[0], source[2:]


@program
def ipv4_datagram_on_an_ipv6_socket():
    with socket.socket(AF_INET6, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("::", 0))
        t.bind(("127.0.0.1", 0))
        t.sendto(b"four", ("127.0.0.1", s.getsockname()[1]))
        data, source = s.recvfrom(10)
        s.sendto(b"back", source)
        return data, source[0], t.recvfrom(10)[0]


@program
def datagram_timeouts():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.settimeout(0.01)
        out = [attempt(s.recvfrom, 10)]
        s.bind(("127.0.0.1", 0))
        out += [attempt(s.recv, 10), attempt(s.recv_into, bytearray(3))]
        return out
