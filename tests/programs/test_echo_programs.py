"""Echo servers and clients, blocking and asyncio, over both IP versions."""

from __future__ import annotations

import socket

import echo
import echo_asyncio
import pytest

import glassnet


@pytest.mark.parametrize(
    ("family", "address", "name"),
    [
        (socket.AF_INET, "", "192.0.2.1"),
        (socket.AF_INET6, "::", "2001:db8::1"),
        (socket.AF_INET6, "::", "::ffff:192.0.2.1"),
    ],
)
def test_a_blocking_pair_exchanges_everything(net, hosts, family, address, name):
    server, client = hosts
    process = server.start(echo.serve, family, address)
    data = bytes(range(256)) * 1000
    assert client.run(echo.call, name, data, family) == data
    expected = {"192.0.2.1": "192.0.2.2", "2001:db8::1": "2001:db8::2"}
    assert process.result() == expected.get(name, "::ffff:192.0.2.2")


def test_a_blocking_pair_waits_in_virtual_time(net, hosts):
    server, client = hosts
    server.start(echo.serve_slowly, 3600)
    answer, elapsed = client.run(echo.call_with_timeout, "192.0.2.1", 7200)
    assert answer == b"are you there?"
    assert 3600 < elapsed < 3601


def test_a_blocking_read_times_out(net, hosts):
    server, client = hosts
    server.start(echo.serve_slowly, 100)
    # ARP and the handshake take 40 ms each; the timeout counts from the read.
    assert client.run(echo.call_with_timeout, "192.0.2.1", 5) == (None, 5.08)


def test_a_connect_times_out_where_nobody_answers(net, hosts):
    _, client = hosts
    net.cables[0].cut()
    assert client.run(echo.connect_with_timeout, "192.0.2.1", 2) == ("TimeoutError", 2.0)


def test_a_connect_is_refused_where_nobody_listens(net, hosts):
    _, client = hosts
    kind, _ = client.run(echo.connect_with_timeout, "192.0.2.1", 2)
    assert kind == "ConnectionRefusedError"


@pytest.mark.parametrize("name", ["192.0.2.1", "2001:db8::1", "server"])
def test_asyncio_streams(net, hosts, name):
    server, client = hosts
    server.start(echo_asyncio.serve_streams)
    messages = [b"one", b"two" * 1000, b"three" * 40_000]
    peer, answers = client.run(echo_asyncio.call_streams, name, messages)
    assert answers == messages
    assert peer == ("192.0.2.1" if name == "192.0.2.1" else "2001:db8::1")


def test_many_asyncio_connections_at_once(net, hosts):
    server, client = hosts
    server.start(echo_asyncio.serve_streams)
    assert all(client.run(echo_asyncio.call_many, "server", 200))


@pytest.mark.parametrize(("bound", "name"), [("0.0.0.0", "192.0.2.1"), ("::", "2001:db8::1")])
def test_asyncio_datagrams(net, hosts, bound, name):
    server, client = hosts
    server.start(echo_asyncio.serve_datagrams, bound)
    answers = client.run(echo_asyncio.call_datagrams, name, [b"a", b"bc" * 600, b"x" * 20_000])
    assert answers == [(b"A", name), (b"BC" * 600, name), (b"X" * 20_000, name)]


def test_asyncio_datagrams_hear_of_a_closed_port(net, hosts):
    _, client = hosts
    assert client.run(echo_asyncio.call_datagrams, "server", [b"a"]) == [("ConnectionRefusedError", None)]


def test_a_blocking_program_and_an_asyncio_one_understand_each_other(net, hosts):
    server, client = hosts
    server.start(echo_asyncio.serve_streams)
    assert client.run(echo.call, "192.0.2.1", b"mixed company") == b"mixed company"


def test_the_same_seed_gives_the_same_times(net):
    def elapsed(seed):
        network = glassnet.Network(seed=seed)
        server, client = network.lan("server", "client", delay="10ms", loss="5%")
        server.start(echo.serve)
        client.run(echo.call, "192.0.2.1", bytes(300_000))
        end = network.now
        network.close()
        return end

    assert elapsed(1) == elapsed(1)
    assert elapsed(1) != elapsed(2)
