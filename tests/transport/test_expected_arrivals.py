"""The short way of segments that are as expected does nothing but what the long one does."""

from __future__ import annotations

import hashlib
import random
import selectors
import socket
import time
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import pytest

import glassnet
from glassnet.transport.tcp.connection import Connection

PORT = 7

CABLES: dict[str, dict[str, Any]] = {
    "clean": {},
    "short queue": {"queue": "16KiB"},
    "loss": {"loss": "2%"},
    "reordering": {"delay": "4ms", "jitter": "2ms", "reordering": "5%"},
    "duplication": {"duplication": "5%"},
    "damage": {"bit_errors": 2e-7},
    "marks": {"discipline": "codel", "rate": "10Mbps"},
    "lazy readers": {},
    "lazy readers, loss": {"loss": "1%"},
}


def answer(size: int, lazy: bool) -> int:
    """Take whatever comes, and send as much as was asked for, in pieces of all sizes."""
    pieces = random.Random(size)
    with socket.create_server(("", PORT)) as listener:
        if lazy:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talk, _ = listener.accept()
    got = 0
    with talk:
        while got < size:
            if lazy:
                time.sleep(pieces.randrange(1000) / 1e6)
            got += len(talk.recv(pieces.randrange(1, 20_000)))
            talk.sendall(bytes(pieces.randrange(3000)))
        talk.shutdown(socket.SHUT_WR)
        while data := talk.recv(4096):
            got += len(data)
    return got


def ask(size: int, controller: str, lazy: bool) -> int:
    """The other side of it."""
    pieces = random.Random(size + 1)
    with socket.socket() as talk:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, controller.encode())
        if lazy:
            talk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 6000)
        talk.connect(("right", PORT))
        talk.setblocking(False)
        left, got = size, 0
        with selectors.DefaultSelector() as selector:
            selector.register(talk, EVENT_READ | EVENT_WRITE)
            while True:
                for _, events in selector.select():
                    if lazy:
                        time.sleep(pieces.randrange(1500) / 1e6)
                    if events & EVENT_READ:
                        data = talk.recv(pieces.randrange(1, 30_000))
                        if not data:
                            return got
                        got += len(data)
                    if events & EVENT_WRITE:
                        left -= talk.send(bytes(min(left, pieces.randrange(1, 9_000))))
                        if not left:
                            talk.shutdown(socket.SHUT_WR)
                            selector.modify(talk, EVENT_READ)


def story(name: str, controller: str, seed: int) -> tuple[str, int, dict[str, int]]:
    """A digest of every frame that a dialogue over this cable has sent, how many, and what was dropped."""
    lazy = name.startswith("lazy")
    net = glassnet.Network(seed=seed, tcp={"net.ipv4.tcp_ecn": 1})
    left, right = net.host("left"), net.host("right")
    net.cable(left, right, **{"rate": "100Mbps", "delay": "1ms", **CABLES[name]})
    digest = hashlib.sha256()
    count = 0

    def tap(now: int, interface: object, direction: str, frame: bytes) -> None:
        nonlocal count
        count += 1
        digest.update(b"%d %s " % (now, direction.encode()) + frame)

    left.interfaces[0].taps.append(tap)
    server = right.start(answer, 300_000, lazy)
    client = left.start(ask, 300_000, controller, lazy)
    client.result()
    assert server.result() == 300_000
    drops = dict(net.drops())
    net.close()
    return digest.hexdigest(), count, drops


@pytest.mark.parametrize("controller", ["cubic", "bbr"])
@pytest.mark.parametrize("cable", CABLES)
def test_it_makes_no_difference(monkeypatch: pytest.MonkeyPatch, cable: str, controller: str) -> None:
    taken = 0
    short = Connection._arrives_as_expected

    def counting(self: Connection, frame: bytes, start: int, end: int) -> bool:
        nonlocal taken
        done = short(self, frame, start, end)
        taken += done
        return done

    monkeypatch.setattr(Connection, "_arrives_as_expected", counting)
    with_it = story(cable, controller, 1)
    monkeypatch.setattr(Connection, "_arrives_as_expected", lambda *_: False)
    without = story(cable, controller, 1)
    assert with_it == without
    assert taken > 50
