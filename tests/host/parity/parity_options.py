"""Socket options."""

from __future__ import annotations

import socket
import struct
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from parity_kit import attempt, failing, listening, program


@program
def options_at_first():
    out = []
    for kind in (SOCK_STREAM, SOCK_DGRAM):
        with socket.socket(AF_INET, kind) as s:
            names = "SO_REUSEADDR SO_KEEPALIVE SO_BROADCAST SO_ERROR SO_TYPE SO_DOMAIN"
            out += [s.getsockopt(socket.SOL_SOCKET, getattr(socket, name)) for name in names.split()]
            names = "IP_TTL IP_TOS IP_MULTICAST_TTL IP_MULTICAST_LOOP"
            out += [s.getsockopt(socket.IPPROTO_IP, getattr(socket, name)) for name in names.split()]
    return out


@program
def options_kept():
    with socket.socket() as s:
        out = []
        for level, name, value in (
            (socket.SOL_SOCKET, socket.SO_REUSEADDR, 5),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 7),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4000),
            (socket.IPPROTO_IP, socket.IP_TTL, 17),
            (socket.IPPROTO_IP, socket.IP_TOS, 0x10),
        ):
            s.setsockopt(level, name, value)
            out.append(s.getsockopt(level, name))
        return out


@program
def options_refused():
    with socket.socket() as s, socket.socket(AF_INET, SOCK_DGRAM) as u:
        return [
            attempt(s.setsockopt, socket.SOL_SOCKET, 9999, 1),
            attempt(s.getsockopt, socket.SOL_SOCKET, 9999),
            failing(s.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 0),
            failing(s.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 256),
            failing(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 0),
            failing(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 40000),
            failing(u.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            attempt(s.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, "on"),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_LINGER, b"\0"),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_TYPE, 1),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_ERROR, 1),
        ]


@program
def options_as_bytes():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, struct.pack("i", 1))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 9))
        return (
            s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 4),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8),
            failing(s.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 0) if False else None,
        )


@program
def buffer_sizes_are_doubled():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        out = []
        for value in (1, 5000, 100_000):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, value)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, value)
            out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        return out


@program
def v6only():
    with socket.socket(AF_INET6) as s:
        out = [s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)]
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        out.append(s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
        s.bind(("::1", 0))
        out.append(failing(s.setsockopt, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
        out.append(s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS))
        return out


@program
def options_are_inherited():
    with listening() as server, socket.socket() as client:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            return (
                peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            )


@program
def creating_servers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reuse = server.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        with socket.create_connection(server.getsockname(), timeout=3) as client:
            out = [reuse, client.gettimeout(), client.proto]
    with socket.create_server(("", 0), family=AF_INET6, dualstack_ipv6=True) as server:
        out += [server.getsockname()[0], socket.has_dualstack_ipv6()]
    out.append(failing(socket.create_connection, ("127.0.0.1", 1)))
    return out
