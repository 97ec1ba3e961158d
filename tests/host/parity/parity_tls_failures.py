"""TLS: handshakes that fail."""

from __future__ import annotations

import contextlib
import socket

from parity_kit import program, soon
from tls_kit import (
    AUTHORITY,
    CLIENT,
    SERVER,
    dialled,
    how_a_client_fares,
    outcome,
)


@program
def a_handshake_that_takes_too_long():
    with dialled(lambda sock: sock.recv(10_000)[:1]) as (sock, peer):
        sock.settimeout(0.05)
        out = [outcome(CLIENT.wrap_socket, sock, server_hostname="server.test")]
        return [*out, sock.fileno(), peer.result()]


@program
def a_server_waits_too_long():
    def serve(sock):
        sock.settimeout(0.05)
        return SERVER.wrap_socket(sock, server_side=True)

    with dialled(serve) as (_, peer):
        return peer.result()


@program
def a_refused_timeout_of_the_handshake_leaves_the_socket_usable():
    with dialled(lambda sock: sock.recv(10_000)[:1]) as (sock, _):
        sock.settimeout(0.05)
        tls = CLIENT.wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
        with tls:
            return [outcome(tls.do_handshake), tls.gettimeout(), tls.fileno() >= 0, outcome(tls.do_handshake)]


def against(answer, before=True):
    """How a client's handshake ends with a server that says `answer`, and hangs up."""

    def serve(sock):
        if before:
            sock.recv(10_000)
        sock.sendall(answer)

    def call():
        with CLIENT.wrap_socket(sock, server_hostname="server.test") as tls:
            return tls.version()

    with dialled(serve) as (sock, peer):
        out = outcome(call)
        peer.result()
        return out


@program
def servers_that_do_not_speak_tls():
    return [
        against(b""),
        against(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThis is a port for TLS"),
        against(b"SSH-2.0-something\r\n"),
        against(b"220 mail.test ESMTP\r\n"),
        against(b"\x00" * 100),
        against(b"\xff" * 100),
        against(b"\x16\x03"),
        against(b"\x16\x03\x03\x00\x10"),
        against(b"\x16\x03\x03\x00\x10" + b"x" * 5),
        against(b"\x16\x03\x03\x00\x05" + b"xxxxx"),
        against(b"\x16\x03\x03\xff\xff" + b"x" * 100),
        against(b"\x17\x03\x03\x00\x05" + b"xxxxx"),
        against(b"\x15\x03\x03\x00\x02\x02\x28"),
        against(b"\x15\x03\x03\x00\x02\x01\x00"),
        against(b"\x15\x03\x03\x00\x02\x02\x46"),
        against(b"\x63\x03\x03\x00\x02\x02\x28"),
    ]


@program
def clients_that_do_not_speak_tls():
    out = []
    for said in (
        b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"hello, hello, hello\r\n",
        b"\x00" * 50,
        b"\x80\x2e\x01\x03\x01" + b"\x00" * 43,
        b"\x80\x2e\x01\x00\x02" + b"\x00" * 43,
        b"\x16\x03\x01\x00\x02\x01\x00",
        b"\x16",
        b"",
    ):
        with dialled(lambda sock: SERVER.wrap_socket(sock, server_side=True)) as (sock, peer):
            sock.sendall(said)
            with contextlib.suppress(OSError):  # it may have hung up already
                sock.shutdown(socket.SHUT_WR)
            out.append((peer.result(), outcome(sock.recv, 100)))
    return out


@program
def a_reset_instead_of_a_handshake():
    def serve(sock):
        sock.recv(10_000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with dialled(serve) as (sock, _):
        return outcome(CLIENT.wrap_socket, sock, server_hostname="server.test")


@program
def a_client_that_gives_up():
    with dialled(lambda sock: SERVER.wrap_socket(sock, server_side=True)) as (sock, peer):
        soon()
        sock.close()
        return peer.result()


@program
def an_error_in_a_name_callback():
    server = AUTHORITY.server()
    server.sni_callback = lambda *_: "not a number"
    import sys

    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        return how_a_client_fares(CLIENT, server=server)
    finally:
        sys.unraisablehook = before
