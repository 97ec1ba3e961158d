"""Events of pacing and of flow control."""

from __future__ import annotations

import socket
import time
from itertools import pairwise

import pytest

import glassnet
from glassnet import Paced, ReceiveWindow

MS = 10**6
SO_MAX_PACING_RATE = 47


@pytest.fixture
def net():
    network = glassnet.Network(seed=3, tcp={"tcp_rmem": "4096 32768 32768"})
    yield network
    network.close()


@pytest.fixture
def ends(net):
    return net.lan("server", "client", delay="5ms")


def told(net, kind):
    events = []
    net.events.on(kind, events.append)
    return events


def sends(size, rate=None):
    with socket.create_connection(("server", 80)) as connection:
        if rate is not None:
            connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
        connection.sendall(bytes(size))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def reads(pause=0.0):
    with socket.create_server(("", 80)) as listener, listener.accept()[0] as connection:
        time.sleep(pause)
        while connection.recv(65536):
            pass


def test_a_pace_holds_segments_back(net, ends):
    server, client = ends
    events = told(net, Paced)
    sent = []
    client.interfaces[0].taps.append(
        lambda now, interface, way, frame: sent.append(now) if way == "tx" and len(frame) > 1000 else None
    )
    server.start(reads)
    client.run(sends, 10 * 1448, 100_000)
    assert len(events) == 9  # all but the first
    assert {(event.host, event.rate) for event in events} == {("client", 100_000)}
    assert all(event.connection.endswith(" -> 192.0.2.1:80") for event in events)
    # Each goes when it was said, 14.48 ms after the one before.
    assert [event.until for event in events] == sent[1:]
    assert {second - first for first, second in pairwise(sent)} == {14_480_000}
    assert all(event.time < event.until for event in events)


def test_without_a_pace_nothing_is_told(net, ends):
    events = told(net, Paced)
    ends[0].start(reads)
    ends[1].run(sends, 100_000)
    assert events == []


def test_bbr_paces_by_itself(net, ends):
    ends[1].sysctl("net.ipv4.tcp_congestion_control", "bbr")
    events = told(net, Paced)
    ends[0].start(reads)
    ends[1].run(sends, 300_000)
    assert len(events) > 10
    assert len({event.rate for event in events}) > 1


def test_a_window_closes_and_opens(net, ends):
    server, client = ends
    events = told(net, ReceiveWindow)
    server.start(reads, 2.0)
    client.run(sends, 100_000)
    first, second, third, fourth = events[:4]
    assert (first.host, first.whose, first.window) == ("server", "own", 0)
    assert (second.host, second.whose, second.window) == ("client", "peer", 0)
    assert second.time - first.time in range(10 * MS, 11 * MS)
    assert (third.host, third.whose, fourth.host, fourth.whose) == ("server", "own", "client", "peer")
    assert third.window == fourth.window == 16384
    # The server has slept 2 s from the handshake on.
    assert third.time in range(2000 * MS, 2100 * MS)
    assert fourth.time - third.time in range(10 * MS, 11 * MS)
    # Each end tells of its own side, by turns.
    for host in ("server", "client"):
        mine = [event.window == 0 for event in events if event.host == host]
        assert mine == [True, False] * (len(mine) // 2)


def test_a_window_that_stays_open_is_not_told(net, ends):
    events = told(net, ReceiveWindow)
    ends[0].start(reads)
    ends[1].run(sends, 10_000)
    assert events == []


def test_what_opens_with_the_answer_to_a_probe(net, ends):
    server, client = ends
    events = told(net, ReceiveWindow)
    lane = client.interfaces[0]

    def deaf(event):
        if event.whose == "own" and event.window:
            lane.up = False  # the news that the window is open is lost
            net.engine.after(50 * MS, lambda _: setattr(lane, "up", True))

    off = net.events.on(ReceiveWindow, deaf)
    server.start(reads, 2.0)
    client.start(sends, 20_000)
    net.run(until=lambda: bool([event for event in events if event.whose == "own" and event.window]))
    off()
    net.run(30.0)
    assert [(event.whose, event.window > 0) for event in events] == [
        ("own", False),
        ("peer", False),
        ("own", True),
        ("peer", True),
    ]
    assert events[3].time - events[2].time > 50 * MS
