"""TCP Fast Open as programs use it, between two hosts."""

from __future__ import annotations

import socket
import time

import pytest

TCP = socket.IPPROTO_TCP
SERVER = ("192.0.2.1", 80)


@pytest.fixture
def far(net, a, b):
    """Two hosts that take Fast Open, on one cable."""
    for host in (a, b):
        host.tcp.settings.fast_open = 3
    return a, b


def _serve(count):
    with socket.socket() as server:
        server.bind(("", 80))
        server.listen()
        server.setsockopt(TCP, socket.TCP_FASTOPEN, 5)
        states = []
        for _ in range(count):
            peer, address = server.accept()
            with peer:
                states.append(peer.getsockopt(TCP, socket.TCP_INFO, 1)[0])
                assert peer.getpeername() == address
                peer.sendall(peer.recv(100).upper())
        return states


def _call_at_once(count):
    answers = []
    for _ in range(count):
        with socket.socket() as client:
            answers.append((client.sendto(b"hello", socket.MSG_FASTOPEN, SERVER), client.recv(100)))
    return answers


def _call_later(count):
    answers = []
    for number in range(count):
        with socket.socket() as client:
            client.setsockopt(TCP, 30, 1)
            client.connect(SERVER)
            state = client.getsockopt(TCP, socket.TCP_INFO, 1)[0]
            answers.append((state == 2, client.send(b"hello"), client.recv(100)))
            if number:
                client.settimeout(1)
    return answers


def test_the_second_connection_begins_with_data(far, net):
    a, b = far
    server = a.start(_serve, 3)
    client = b.start(_call_at_once, 3)
    net.run(5)
    assert client.result() == [(5, b"HELLO")] * 3
    assert server.result() == [1, 3, 3]  # ESTABLISHED, and SYN-RECEIVED with data in hand


def test_connect_may_leave_the_syn_to_the_first_data(far, net):
    a, b = far
    server = a.start(_serve, 3)
    client = b.start(_call_later, 3)
    net.run(5)
    assert client.result() == [(False, 5, b"HELLO"), (True, 5, b"HELLO"), (True, 5, b"HELLO")]
    assert server.result() == [1, 3, 3]


def test_a_call_that_must_not_wait_says_how_much_went(far, net):
    a, b = far

    def call():
        out = []
        for _ in range(2):
            with socket.socket() as client:
                client.setblocking(False)
                try:
                    out.append(client.sendto(b"hello", socket.MSG_FASTOPEN, SERVER))
                except BlockingIOError as error:
                    out.append(error.errno)
                time.sleep(0.5)
                if len(out) == 1:
                    client.send(b"hello")
                time.sleep(0.5)
                out.append(client.recv(100))
        return out

    a.start(_serve, 2)
    client = b.start(call)
    net.run(5)
    assert client.result() == [115, b"HELLO", 5, b"HELLO"]


KEYS = [bytes((number,)) * 16 for number in range(3)]


def _serve_with(keys, no_cookie=0):
    """Serve one connection; whether its data came with the SYN."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", 80))
        if keys:
            server.setsockopt(TCP, 33, b"".join(keys))
        server.setsockopt(TCP, 34, no_cookie)
        server.listen()
        server.setsockopt(TCP, socket.TCP_FASTOPEN, 5)
        peer, _ = server.accept()
        with peer:
            state = peer.getsockopt(TCP, socket.TCP_INFO, 1)[0]
            peer.sendall(peer.recv(100).upper())
        return state == 3


def _serve_each(choices):
    return [_serve_with(*choice) for choice in choices]


def _call_slowly(count, no_cookie=0):
    for _ in range(count):
        with socket.socket() as client:
            client.setsockopt(TCP, 34, no_cookie)
            client.sendto(b"hello", socket.MSG_FASTOPEN, SERVER)
            assert client.recv(100) == b"HELLO"
        time.sleep(1)


@pytest.mark.parametrize(
    ("choices", "with_the_syn"),
    [
        # One key: its cookies are good.
        ([(KEYS[:1],), (KEYS[:1],)], [False, True]),
        # Another: they are not, until the client has new ones.
        ([(KEYS[:1],), (KEYS[1:2],), (KEYS[1:2],)], [False, False, True]),
        # The second of two keys is good still, and the first makes a new cookie for the time without it.
        ([(KEYS[:1],), ([KEYS[1], KEYS[0]],), (KEYS[1:2],)], [False, True, True]),
        # The host's own key is another than all of them.
        ([((),), (KEYS[:1],), ((),)], [False, False, False]),
    ],
)
def test_keys_make_cookies(far, net, choices, with_the_syn):
    a, b = far
    server = a.start(_serve_each, choices)
    b.start(_call_slowly, len(choices))
    net.run(30)
    assert server.result() == with_the_syn


@pytest.mark.parametrize("by_server", [0, 1])
@pytest.mark.parametrize("by_client", [0, 1])
def test_both_ends_may_do_without_cookies(far, net, by_server, by_client):
    a, b = far
    server = a.start(_serve_with, (), by_server)
    b.start(_call_slowly, 1, by_client)
    net.run(30)
    assert server.result() is bool(by_server and by_client)


def test_a_connection_that_waits_for_data_needs_no_cookie(far, net):
    a, b = far

    def call():
        with socket.socket() as client:
            client.setsockopt(TCP, 34, 1)
            client.setsockopt(TCP, 30, 1)
            client.connect(SERVER)
            client.sendall(b"hello")
            return client.recv(100)

    server = a.start(_serve_with, (), 1)
    client = b.start(call)
    net.run(30)
    assert server.result()
    assert client.result() == b"HELLO"
