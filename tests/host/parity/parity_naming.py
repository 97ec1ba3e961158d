"""Sockets are made and named."""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from parity_kit import attempt, failing, program


@program
def attributes():
    out = []
    for family in (AF_INET, AF_INET6):
        for kind in (SOCK_STREAM, SOCK_DGRAM):
            with socket.socket(family, kind) as s:
                out.append((s.family, s.type, s.proto, s.timeout, s.getblocking(), s.fileno() >= 0))
    return out


@program
def attributes_as_given():
    with socket.socket(AF_INET, SOCK_STREAM, socket.IPPROTO_TCP) as s:
        return s.proto, s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


@program
def nonblocking_at_birth():
    with socket.socket(AF_INET, SOCK_STREAM | socket.SOCK_NONBLOCK) as s:
        return s.type, s.gettimeout(), s.getblocking()


@program
def unknown_protocols():
    return [
        failing(socket.socket, AF_INET, SOCK_STREAM, socket.IPPROTO_UDP),
        failing(socket.socket, AF_INET, SOCK_DGRAM, socket.IPPROTO_TCP),
        failing(socket.socket, 77, SOCK_STREAM),
    ]


@program
def unbound_names():
    out = []
    for family in (AF_INET, AF_INET6):
        with socket.socket(family) as s:
            out += [s.getsockname(), failing(s.getpeername)]
    return out


@program
def bad_addresses():
    with socket.socket() as s, socket.socket(AF_INET6) as s6:
        return [
            attempt(s.bind, "127.0.0.1"),
            attempt(s.bind, ("127.0.0.1",)),
            attempt(s.bind, ("127.0.0.1", 1, 2)),
            attempt(s.bind, ("127.0.0.1", -1)),
            attempt(s.bind, ("127.0.0.1", 65536)),
            attempt(s.bind, ("127.0.0.1", "80")),
            attempt(s.bind, (1, 80)),
            attempt(s.connect, None),
            attempt(s6.bind, ("::1",)),
            attempt(s6.bind, ("::1", 1, 2, 3, 4)),
            attempt(s6.bind, ("::1", 0, 1 << 20)),
            attempt(s6.bind, ("::1", 70000)),
            failing(s.bind, ("203.0.113.77", 0)),
            failing(s6.bind, ("2001:db8:77::1", 0)),
            failing(s.bind, ("224.0.0.77", 0)),
        ]


@program
def binding_twice():
    with socket.socket() as s, socket.socket() as other:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        return s.getsockname()[0], failing(s.bind, ("127.0.0.1", 0)), failing(other.bind, ("127.0.0.1", port))


@program
def reuse_address():
    out = []
    for first, second in ((0, 0), (1, 0), (0, 1), (1, 1)):
        with socket.socket() as s, socket.socket() as other:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, first)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, second)
            s.bind(("127.0.0.1", 0))
            outcome = attempt(other.bind, s.getsockname())
            out.append(outcome and outcome[1])
            s.listen()
            with socket.socket() as third:
                third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                out.append(failing(third.bind, s.getsockname()))
    return out


@program
def reuse_port():
    with socket.socket() as s, socket.socket() as other:
        for each in (s, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", 0))
        s.listen()
        other.bind(s.getsockname())
        return attempt(other.listen)


@program
def any_address_against_one():
    with socket.socket() as s, socket.socket() as other:
        s.bind(("", 0))
        return failing(other.bind, ("127.0.0.1", s.getsockname()[1]))


@program
def both_families_on_one_port():
    out = []
    for v6only in (0, 1):
        with socket.socket(AF_INET6) as six, socket.socket() as four:
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
            six.bind(("::", 0))
            out.append(failing(four.bind, ("0.0.0.0", six.getsockname()[1])))
    return out
