"""Neighbour unreachability detection, the same for both families (RFC 4861 section 7.3)."""

from __future__ import annotations

from errno import EHOSTUNREACH
from typing import Any

import pytest

from glassnet.engine import Events
from glassnet.network import NeighbourChanged, NeighbourState, parse_address
from glassnet.network import neighbours as module
from glassnet.wire.ethernet import BROADCAST
from glassnet.wire.foreign import Foreign

S = 1_000_000_000
MAC = bytes((2, 0, 0, 0, 9, 9))


@pytest.fixture
def station(lab: Any, family: Any) -> Any:
    made = lab.station("host")
    made.port(family.cidr(family.host1))
    return made


@pytest.fixture
def entry(station: Any, family: Any) -> Any:
    return cache_of(station, family).get(parse_address(family.other1))


def cache_of(station: Any, family: Any, name: str = "eth0") -> Any:
    return station.internet.attachment(station.internet.interfaces[name]).neighbours(family.bytes)


def flow_to(station: Any, family: Any) -> Any:
    return station.internet.flow(parse_address(family.other1), 17)


def asked_everyone(frame: bytes) -> bool:
    return frame[:6] == BROADCAST or frame[:3] == b"\x33\x33\xff"


def watched(events: Events) -> list[tuple[int, str]]:
    seen: list[tuple[int, str]] = []
    events.on(NeighbourChanged, lambda event: seen.append((event.time, event.state.name)))
    return seen


def test_three_questions_a_second_apart_and_then_unreachable(
    lab: Any, station: Any, family: Any, sent: Any
) -> None:
    seen = watched(lab.engine.events)
    flow = flow_to(station, family)
    flow.send(b"headhead", b"one")
    flow.send(b"headhead", b"two")
    times = []
    while station.engine.step() or sent(station):
        times += [station.engine.now for _ in sent(station)]
    assert seen == [(0, "INCOMPLETE"), (3 * S, "FAILED")]
    assert [error.errno for error in station.errors] == [EHOSTUNREACH] * 2
    first = station.errors[0]
    assert (first.type, first.code) == (family.unreachable, family.host_unreachable)
    assert (first.source, first.destination) == (flow.source, flow.destination)
    assert (first.quoted, first.fatal, first.reporter) == (b"headheadone", False, flow.source)
    assert station.counts == {"neighbour: unreachable": 2}
    assert station.engine.heap == []


def test_questions_are_asked_at_0_1_and_2_seconds(station: Any, family: Any, sent: Any) -> None:
    flow_to(station, family).send(b"headhead", b"")
    times = [(0, frame) for frame in sent(station)]
    while station.engine.step():
        times += [(station.engine.now, frame) for frame in sent(station)]
    assert [time for time, _ in times] == [0, S, 2 * S]
    assert all(asked_everyone(frame) for _, frame in times)


def test_another_packet_asks_again(lab: Any, station: Any, family: Any, sent: Any, entry: Any) -> None:
    flow = flow_to(station, family)
    flow.send(b"headhead", b"")
    lab.run()
    assert entry.state is NeighbourState.FAILED
    sent(station)
    flow.send(b"headhead", b"")
    assert entry.state is NeighbourState.INCOMPLETE
    assert asked_everyone(sent(station)[0])


def test_the_life_of_an_entry(lab: Any, station: Any, family: Any, sent: Any, entry: Any) -> None:
    seen = watched(lab.engine.events)
    flow = flow_to(station, family)
    flow.send(b"headhead", b"1")
    entry.advertised(MAC, solicited=True, override=True)
    reachable = cache_of(station, family).reachable_time
    assert 15 * S <= reachable < 45 * S
    lab.run()
    assert seen == [(0, "INCOMPLETE"), (0, "REACHABLE"), (reachable, "STALE")]
    assert lab.engine.heap == []  # nothing is done about a stale neighbour until it is needed
    seen.clear()
    sent(station)
    start = lab.engine.now
    flow.send(b"headhead", b"2")
    flow.send(b"headhead", b"3")
    assert [frame[:6] for frame in sent(station)] == [MAC, MAC]
    lab.run(5.5)
    assert seen == [(start, "DELAY"), (start + 5 * S, "PROBE")]
    (probe,) = sent(station)
    assert probe[:6] == MAC
    flow.send(b"headhead", b"4")  # still sent meanwhile
    assert sent(station)[0][:6] == MAC
    entry.advertised(MAC, solicited=True, override=True)
    assert seen[-1][1] == "REACHABLE"


def test_a_neighbour_that_fell_silent(lab: Any, station: Any, family: Any, sent: Any, entry: Any) -> None:
    entry.heard(MAC)
    flow = flow_to(station, family)
    flow.send(b"headhead", b"1")
    sent(station)
    seen = watched(lab.engine.events)
    probes = []
    while station.engine.step():
        probes += [(station.engine.now, frame[:6]) for frame in sent(station)]
    assert probes == [(5 * S, MAC), (6 * S, MAC), (7 * S, MAC)]
    assert seen == [(5 * S, "PROBE"), (8 * S, "FAILED")]
    flow.send(b"headhead", b"2")
    assert asked_everyone(sent(station)[0])


def test_the_transport_confirms(lab: Any, station: Any, family: Any, sent: Any, entry: Any) -> None:
    entry.heard(MAC)
    flow = flow_to(station, family)
    flow.send(b"headhead", b"1")
    assert entry.state is NeighbourState.DELAY
    lab.run(1)
    flow.confirm()
    lab.run(4.5)
    assert entry.state is NeighbourState.REACHABLE
    assert len(sent(station)) == 1  # no probe
    reachable = cache_of(station, family).reachable_time
    flow.confirm()
    for _ in range(5):
        lab.run(reachable / S * 0.9)
        flow.confirm()
        assert entry.state is NeighbourState.REACHABLE
    lab.run(reachable / S)
    assert entry.state is NeighbourState.STALE
    flow.confirm()
    flow.send(b"headhead", b"2")
    assert entry.state is NeighbourState.REACHABLE
    lab.run()
    assert lab.engine.heap == []


def test_what_waits_is_sent_in_order_and_bounded(station: Any, family: Any, sent: Any, entry: Any) -> None:
    flow = flow_to(station, family)
    limit = module.QUEUE_LIMIT
    for number in range(limit + 36):
        flow.send(b"headhead", b"%03d" % number)
    sent(station)
    assert station.counts == {"neighbour: queue full": 36}
    entry.advertised(MAC, solicited=True, override=True)
    frames = sent(station)
    header = 14 + family.header
    assert [frame[header + 8 : header + 11] for frame in frames] == [
        b"%03d" % n for n in range(36, limit + 36)
    ]
    assert cache_of(station, family).waiting == 0


def test_all_that_waits_is_bounded(station: Any, family: Any) -> None:
    cache = cache_of(station, family)
    for number in range(50):
        for _ in range(60):
            cache.get(bytes(family.bytes - 1) + bytes((number,))).send(bytes(1500), False)
    assert cache.waiting <= module.WAITING_LIMIT
    assert station.counts["neighbour: queue full"] == 3000 - module.WAITING_LIMIT // 1500
    assert sum(len(p) for n in cache for p, _ in n.pending) == cache.waiting


def test_the_table_is_bounded_and_those_in_use_stay(station: Any, family: Any) -> None:
    cache = cache_of(station, family)
    cache.limit = 20
    used = cache.get(parse_address(family.other1))
    used.advertised(MAC, solicited=True, override=True)
    used.heard(MAC)
    used.advertised(MAC, solicited=True, override=True)
    for number in range(100):
        cache.get(b"\x20" * (family.bytes - 1) + bytes((number,))).heard(MAC)
    assert len(cache) == 20
    assert used in list(cache)


def test_a_flood_of_addresses_that_do_not_answer(lab: Any, station: Any, family: Any, sent: Any) -> None:
    cache = cache_of(station, family)
    cache.limit = 50
    flow = flow_to(station, family)
    cache.get(flow.destination).heard(MAC)
    flow.send(b"headhead", b"")
    base = parse_address(family.host1)[:-2]
    for number in range(1000):
        address = base + number.to_bytes(2, "big")
        if family.version == 4:
            address = base[:2] + b"\2" + bytes((number % 256,))
        cache.get(address).send(bytes(40), False)
    assert len(cache) == 50
    assert len(lab.engine.heap) < 120
    assert station.counts["neighbour: table full"] > 0
    lab.run()
    assert lab.engine.heap == []
    sent(station)
    flow.send(b"headhead", b"again")  # pushed out or not, it is found again
    assert len(sent(station)) == 1


def test_a_holder_of_an_entry_that_was_pushed_out_finds_the_new_one(
    station: Any, family: Any, sent: Any, entry: Any
) -> None:
    entry.heard(MAC)
    flow = flow_to(station, family)
    flow.send(b"headhead", b"")
    cache_of(station, family).clear()
    assert entry.gone
    sent(station)
    flow.send(b"headhead", b"")
    assert asked_everyone(sent(station)[0])
    cache_of(station, family).get(flow.destination).advertised(MAC, solicited=True, override=True)
    assert sent(station)[0][:6] == MAC


def test_clearing_drops_what_waits(station: Any, family: Any) -> None:
    flow_to(station, family).send(b"headhead", b"")
    cache_of(station, family).clear()
    assert station.counts == {"neighbour: interface gone": 1}
    assert cache_of(station, family).waiting == 0


def test_a_router_tells_the_source_that_a_host_does_not_answer(
    lab: Any, router: Any, family: Any, sent: Any, tools: Any
) -> None:
    packet = tools.packet(family.host1, family.other2, 17, b"12345678")
    interface = router.internet.interfaces["eth0"]
    interface.receive(tools.framed(interface.mac, tools.mac_of(8, 1), packet))
    lab.run(3)
    (frame,) = sent(router)
    found = tools.message(frame)
    assert (found.type, found.code) == (family.unreachable, family.host_unreachable)
    assert tools.parsed(frame).destination == parse_address(family.host1)
    assert found.payload.endswith(b"12345678")
    assert router.errors == []


def test_foreign_packets_stay_foreign_while_they_wait(
    router: Any, family: Any, sent: Any, tools: Any
) -> None:
    packet = tools.packet(family.host1, family.other2, 17, b"12345678")
    interface = router.internet.interfaces["eth0"]
    interface.inject(tools.framed(interface.mac, tools.mac_of(8, 1), packet))
    sent(router, "eth1")
    cache_of(router, family, "eth1").get(parse_address(family.other2)).heard(MAC)
    (frame,) = sent(router, "eth1")
    assert type(frame) is Foreign
