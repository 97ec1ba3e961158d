"""Connections are made."""

from __future__ import annotations

import errno
import select
import socket
from socket import AF_INET6

from parity_kit import attempt, connected, failing, listening, program


@program
def refused():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket() as s:
        first = attempt(s.connect, address)
        second = attempt(s.connect, address)
        return first, second, s.connect_ex(address)


@program
def connecting_twice():
    client, peer = connected()
    with client, peer:
        return failing(client.connect, peer.getsockname()), client.connect_ex(("127.0.0.1", 9))


@program
def connecting_a_listener():
    with listening() as server:
        return failing(server.connect, ("127.0.0.1", 9)), failing(server.recv, 1), failing(server.send, b"x")


@program
def nonblocking_connect():
    with listening() as server, socket.socket() as s:
        s.setblocking(False)
        first = s.connect_ex(server.getsockname())
        select.select([], [s], [], 5)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        again = s.connect_ex(server.getsockname())
        return first == errno.EINPROGRESS, error, again, s.connect_ex(server.getsockname())


@program
def nonblocking_connect_refused():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket() as s:
        s.setblocking(False)
        first = s.connect_ex(address)
        _, writable, _ = select.select([], [s], [], 5)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        after = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return first in (errno.EINPROGRESS, errno.ECONNREFUSED), writable == [s], error or first, after


@program
def names_of_a_connection():
    client, peer = connected()
    with client, peer:
        return (
            client.getsockname() == peer.getpeername(),
            client.getpeername() == peer.getsockname(),
            client.getsockname()[0],
        )


@program
def names_of_an_ipv6_connection():
    client, peer = connected(AF_INET6)
    with client, peer:
        name = client.getsockname()
        return name[0], name[2:], name == peer.getpeername()


@program
def ipv4_on_a_dual_stack_listener():
    with socket.socket(AF_INET6) as server, socket.socket() as client:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen()
        client.connect(("127.0.0.1", server.getsockname()[1]))
        peer, address = server.accept()
        with peer:
            return address[0], peer.getsockname()[0], peer.getpeername()[0], peer.family


@program
def mapped_address_from_an_ipv6_socket():
    with listening() as server, socket.socket(AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        return client.getsockname()[0], client.getpeername()[0]


@program
def v6only_refuses_mapped():
    with socket.socket(AF_INET6) as client:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return failing(client.connect, ("::ffff:127.0.0.1", 9))


@program
def link_local_needs_a_scope():
    with socket.socket(AF_INET6) as client:
        return failing(client.connect, ("fe80::77", 9))


@program
def connect_to_the_unspecified_address():
    with listening() as server, socket.socket() as client:
        client.connect(("", server.getsockname()[1]))
        return client.getpeername()[0]


@program
def accepting():
    with listening() as server:
        server.setblocking(False)
        nothing = attempt(server.accept)
        server.settimeout(0.01)
        late = attempt(server.accept)
        return nothing, late


@program
def accepting_without_listening():
    with socket.socket() as s:
        return failing(s.accept)


@program
def accepted_sockets_are_blocking():
    out = []
    for timeout in (None, 5.0):
        with listening() as server, socket.socket() as client:
            server.settimeout(timeout)
            client.connect(server.getsockname())
            peer, _ = server.accept()
            with peer:
                out.append((peer.gettimeout(), peer.type, peer.proto))
    return out


@program
def listening_without_binding():
    with socket.socket() as server:
        server.listen()
        return server.getsockname()[0], server.getsockname()[1] > 0


@program
def listening_on_a_connection():
    client, peer = connected()
    with client, peer:
        return failing(client.listen)


@program
def listening_accepts():
    with socket.socket() as s:
        before = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        s.listen()
        return before, s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
