"""Buffers that programs choose, or leave to TCP; and the window scale that follows from them."""

from __future__ import annotations

import socket

import pytest

import glassnet
from glassnet.transport.tcp.syn_options import SynOptions

RCVBUF, SNDBUF = socket.SO_RCVBUF, socket.SO_SNDBUF


@pytest.fixture
def ends():
    net = glassnet.Network(seed=3)
    yield net.lan("server", "client", delay="10ms")
    net.close()


def connect(server, client, choose=lambda sock: None):
    """The server's end of a connection to a listener that `choose` has set up, and the SYN-ACK's options."""
    answers = []

    def look(now, interface, way, frame):
        if way == "tx" and frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[47] & 0x12 == 0x12:
            answers.append(SynOptions.parse(frame, 54, 34 + (frame[46] >> 4) * 4))

    server.interfaces[0].taps.append(look)
    found = []

    def serve():
        with socket.socket() as listener:
            choose(listener)
            listener.bind(("", 80))
            listener.listen()
            with listener.accept()[0]:
                (connection,) = server.tcp.connections.values()
                found.append((connection.sender, connection.receiver))

    def ask():
        with socket.create_connection(("server", 80)) as connection:
            return connection.recv(1)

    server.start(serve)
    client.run(ask)
    (answer,) = answers
    return *found[0], answer


def test_buffers_grow_by_themselves(ends):
    sender, receiver, _ = connect(*ends)
    assert sender.tuned
    assert receiver.tuned


@pytest.mark.parametrize("option", [RCVBUF, SNDBUF])
def test_the_default_size_is_a_choice_too(ends, option):
    def choose(listener):
        size = listener.getsockopt(socket.SOL_SOCKET, option)
        listener.setsockopt(socket.SOL_SOCKET, option, size // 2)

    server = ends[0]
    server.sysctl("tcp_wmem", "4096 131072 4194304")
    before = server.tcp.settings.receive_buffer, server.tcp.settings.send_buffer
    sender, receiver, _ = connect(*ends, choose)
    assert (receiver.tuned, sender.tuned) == (option != RCVBUF, option != SNDBUF)
    assert (receiver.limit, sender.limit) == before


@pytest.mark.parametrize("size", [None, 4096, 65535, 65536, 131072, 212992])
def test_a_cookie_offers_the_same_scale_as_a_handshake(ends, size):
    def choose(listener):
        if size is not None:
            listener.setsockopt(socket.SOL_SOCKET, RCVBUF, size)

    server, client = ends
    _, plain, first = connect(server, client, choose)
    server.interfaces[0].taps.clear()
    server.sysctl("tcp_syncookies", 2)
    client.system.engine.run(client.system.engine.now + 100 * 10**9)  # TIME-WAIT is over
    _, cookie, second = connect(server, client, choose)
    assert server.tcp.cookies.received == 1
    assert first.scale == second.scale == plain.scale == cookie.scale
    assert first.scale == {None: 7, 4096: 0, 65535: 0, 65536: 1, 131072: 2, 212992: 2}[size]
    assert plain.limit == cookie.limit


def test_all_of_a_chosen_buffer_can_be_offered(ends):
    tcp = ends[0].tcp
    for size in (1, 65535, 65536, 131071, 131072, 10**6, 3 << 20, 1 << 29):
        assert size >> tcp.scale_for(size) <= 0xFFFF
    assert tcp.scale_for(1 << 40) == 14  # RFC 7323, 2.3
