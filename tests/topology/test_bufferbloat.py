"""Bufferbloat, shown and cured: a ping beside a flood, and beside a TCP transfer, through a slow cable."""

from __future__ import annotations

import socket
import time

import pytest

import glassnet
from glassnet.engine import Drop

RATE, DELAY, QUEUE = "10Mbps", "1ms", "256KiB"
PINGS = 20


@pytest.fixture
def net():
    network = glassnet.Network(seed=4)
    yield network
    network.close()


def flood(seconds: float) -> None:
    """Twice as much as the cable carries."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("b", 9))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            out.send(bytes(1472))
            time.sleep(1538 * 8 / 20e6)


def bulk(total: int) -> None:
    with socket.create_connection(("b", 80)) as out:
        out.sendall(bytes(total))


def sink() -> int:
    with socket.create_server(("", 80)) as listener:
        came, _ = listener.accept()
    received = 0
    with came:
        while data := came.recv(65536):
            received += len(data)
    return received


def swallow() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as into:
        into.bind(("", 9))
        while True:
            into.recv(2000)


def ping(wait: float) -> list[float]:
    """Milliseconds of each round trip, after `wait` seconds."""
    time.sleep(wait)
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as echo:
        echo.connect(("b", 0))
        echo.settimeout(5)
        for number in range(PINGS):
            began = time.monotonic()
            echo.send(b"\x08\0\0\0\0\0" + number.to_bytes(2, "big") + b"ping")
            reply = echo.recv(100)
            assert reply[6:8] == number.to_bytes(2, "big")
            times.append((time.monotonic() - began) * 1000)
            time.sleep(0.1)
    return times


def beside_a_flood(net, discipline) -> list[float]:
    a, b = net.host("a"), net.host("b")
    net.cable(a, b, rate=RATE, delay=DELAY, queue=QUEUE, discipline=discipline)
    b.start(swallow)
    a.start(flood, 8.0)
    pings = a.start(ping, 1.5)
    return pings.result()


def test_behind_a_flood_a_ping_waits_for_the_whole_queue(net):
    times = beside_a_flood(net, "tail_drop")
    assert min(times) > 100
    assert max(times) < 2 + 256 * 1024 * 8 / 1e4 + 2


def test_a_ping_goes_before_a_flood_under_fq_codel(net):
    times = beside_a_flood(net, "fq_codel")
    assert max(times) < 15
    assert net.drops()["cable: codel"] > 0


@pytest.mark.parametrize("discipline", ["tail_drop", glassnet.CoDel(), "red", glassnet.FqCoDel()], ids=str)
def test_a_ping_beside_a_transfer(net, discipline):
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b, rate=RATE, delay="10ms", queue=QUEUE, discipline=discipline)
    received = b.start(sink)
    a.start(bulk, 6_000_000)
    times = a.start(ping, 2).result()
    middle = sorted(times)[PINGS // 2]
    if discipline == "tail_drop":
        assert middle > 100
    elif discipline == glassnet.FqCoDel():
        assert max(times) - 20 < 15
    else:
        assert middle < 100
    assert received.result() == 6_000_000
    sent = cable.towards("b").lane
    assert sent.backlog == 0


def test_it_can_be_cured_while_it_lasts(net):
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b, rate=RATE, delay=DELAY, queue=QUEUE)
    b.start(swallow)
    a.start(flood, 12.0)
    assert min(a.start(ping, 1.5).result()) > 100
    cable.towards(b).set(discipline={"name": "fq_codel", "target": "10ms"})
    assert cable.lanes[1].conditions.discipline == glassnet.FqCoDel(target="10ms")
    assert max(a.start(ping, 0.5).result()) < 15


def test_a_transfer_survives_a_cut_of_a_managed_cable(net):
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b, rate=RATE, delay="10ms", queue=QUEUE, discipline="fq_codel")
    received = b.start(sink)
    a.start(bulk, 1_000_000)
    net.run(for_="0.4s")
    lost: list[Drop] = []
    net.events.on(Drop, lost.append)
    cable.cut()
    assert len([drop for drop in lost if drop.reason == "cable: cut"]) > 1
    net.run(for_="0.1s")
    cable.mend()
    assert received.result() == 1_000_000


def test_a_crashed_host_leaves_what_waits_on_the_cable(net):
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b, rate=RATE, delay=DELAY, queue=QUEUE, discipline="codel")
    b.start(swallow)
    a.start(flood, 1.0)
    net.run(for_="0.5s")
    lane = cable.towards("b").lane
    waiting, before = lane.backlog, lane.frames
    assert waiting > 100_000
    a.crash()
    assert lane.backlog == waiting
    net.run(for_="1s")
    assert lane.backlog == 0
    assert lane.frames - before > 0.8 * waiting / 1538


def test_a_paused_host_leaves_what_waits_on_the_cable(net):
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b, rate=RATE, delay=DELAY, queue=QUEUE, discipline="fq_codel")
    b.start(swallow)
    a.start(flood, 3.0)
    net.run(for_="0.3s")
    lane = cable.towards("b").lane
    assert lane.backlog > 10_000
    a.pause()
    net.run(for_="1s")
    assert lane.backlog == 0
    a.resume()
    net.run(for_="10ms")
    assert lane.backlog > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("fq-codel", "cable a-b: discipline: 'fq-codel': expected one of tail_drop, threshold, red, codel"),
        (None, "cable a-b: discipline: None: expected one of"),
        ({"name": "codel", "goal": 1}, "cable a-b: discipline: codel has no 'goal'; it has target, interval"),
        ({"name": "red", "max": "1kB"}, "cable a-b: discipline: Red: max: '1kB': expected a size above min"),
    ],
)
def test_nonsense_is_refused_by_name(net, wrong, message):
    a, b = net.host("a"), net.host("b")
    with pytest.raises(ValueError, match=message):
        net.cable(a, b, rate=RATE, discipline=wrong)
