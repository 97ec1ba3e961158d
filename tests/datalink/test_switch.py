from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.datalink import Interface, Port, Switch, switch
from glassnet.engine import Engine
from glassnet.physical import Cable
from glassnet.physical.framing import with_fcs
from glassnet.wire.foreign import Foreign

BROADCAST = b"\xff" * 6
SECOND = 10**9


def mac(number: int) -> bytes:
    return b"\x02\x00\x00\x00" + number.to_bytes(2, "big")


def frame(destination: bytes | int, source: bytes | int) -> bytes:
    ends = (end if isinstance(end, bytes) else mac(end) for end in (destination, source))
    return b"".join(ends) + b"\x08\x00" + bytes(46)


@pytest.fixture(scope="session")
def wired(wire: Any) -> Callable[[int], tuple[Engine, Switch, list[Port], list[Any]]]:
    """Makes a switch whose ports lead to wires that keep what is sent."""

    def make(ports: int) -> tuple[Engine, Switch, list[Port], list[Any]]:
        engine = Engine()
        made = Switch(engine, "lan")
        wires = [wire() for _ in range(ports)]
        for lane in wires:
            made.port().lane = lane
        return engine, made, made.ports, wires

    return make


def taken(wires: list[Any]) -> list[int]:
    """Which wires got a frame since the last call."""
    numbers = [number for number, lane in enumerate(wires) for _ in lane.sent]
    for lane in wires:
        lane.sent.clear()
    return numbers


def test_unknown_destinations_are_flooded_and_known_ones_are_not(wired: Any) -> None:
    _, lan, ports, wires = wired(4)
    ports[0].receive(frame(2, 1))
    assert taken(wires) == [1, 2, 3]
    ports[1].receive(frame(1, 2))
    assert taken(wires) == [0]
    ports[0].receive(frame(2, 1))
    assert taken(wires) == [1]
    assert lan.where(mac(1)) is ports[0]
    assert lan.where(mac(2)) is ports[1]
    assert lan.where(mac(3)) is None


@pytest.mark.parametrize("destination", [BROADCAST, b"\x33\x33\x00\x00\x00\x01", b"\x01\x00\x5e\x00\x00\xfb"])
def test_groups_are_flooded_always(wired: Any, destination: bytes) -> None:
    _, _, ports, wires = wired(3)
    for _ in range(2):
        ports[1].receive(frame(destination, 1))
        assert taken(wires) == [0, 2]


def test_the_very_object_is_passed_on(wired: Any) -> None:
    _, _, ports, wires = wired(3)
    ours, foreign = frame(BROADCAST, 1), Foreign(frame(BROADCAST, 1))
    for sent in (ours, foreign):
        ports[0].receive(sent)
        assert wires[1].sent[-1] is wires[2].sent[-1] is sent


def test_a_destination_on_the_same_port_is_dropped(wired: Any) -> None:
    _, lan, ports, wires = wired(3)
    ports[0].receive(frame(BROADCAST, 1))
    taken(wires)
    ports[0].receive(frame(1, 2))
    ports[0].receive(frame(1, 1))
    assert taken(wires) == []
    assert lan.drops.counts == {"switch: destination on the same port": 2}


def test_a_station_that_moves_is_found_where_it_speaks(wired: Any) -> None:
    _, _, ports, wires = wired(3)
    ports[0].receive(frame(BROADCAST, 1))
    ports[2].receive(frame(BROADCAST, 1))
    taken(wires)
    ports[1].receive(frame(1, 2))
    assert taken(wires) == [2]


def test_stations_age_by_what_they_send(wired: Any) -> None:
    engine, lan, ports, wires = wired(3)
    ports[0].receive(frame(BROADCAST, 1))
    engine.run(until=200 * SECOND)
    ports[0].receive(frame(BROADCAST, 1))
    engine.run(until=500 * SECOND)
    taken(wires)
    ports[1].receive(frame(1, 2))
    assert taken(wires) == [0], "heard 300 s ago"
    engine.run(until=500 * SECOND + 1)
    ports[1].receive(frame(1, 2))
    assert taken(wires) == [0, 2], "forgotten"
    assert lan.where(mac(1)) is None
    ports[0].receive(frame(BROADCAST, 1))
    assert lan.where(mac(1)) is ports[0]


def test_ageing_schedules_nothing(wired: Any) -> None:
    engine, _, ports, _ = wired(3)
    for number in range(100):
        ports[0].receive(frame(BROADCAST, number))
    assert engine.heap == []


def test_a_full_table_learns_no_more_until_stations_age(wired: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "CAPACITY", 10)
    engine, lan, ports, _ = wired(2)
    for number in range(50):
        engine.run(until=number * SECOND)
        ports[0].receive(frame(BROADCAST, number))
    assert len(lan.stations) == 10
    assert lan.where(mac(9)) is ports[0]
    assert lan.where(mac(10)) is None
    engine.run(until=304 * SECOND)  # those heard at 0 to 3 s are forgotten
    for number in range(100, 120):
        ports[1].receive(frame(BROADCAST, number))
    assert len(lan.stations) == 10
    assert [lan.where(mac(number)) is ports[1] for number in range(100, 105)] == [True] * 4 + [False]
    assert ports[0]._stations is lan.stations


def test_a_flood_of_addresses_is_bounded(wired: Any) -> None:
    _, lan, ports, wires = wired(2)
    for number in range(20_000):
        ports[0].receive(frame(BROADCAST, number))
    assert len(lan.stations) == switch.CAPACITY
    assert len(wires[1].sent) == 20_000


@pytest.mark.parametrize("last", [0x00, 0x03, 0x0E, 0x0F])
def test_addresses_reserved_for_bridges_are_not_passed_on(wired: Any, last: int) -> None:
    _, lan, ports, wires = wired(3)
    ports[0].receive(frame(b"\x01\x80\xc2\x00\x00" + bytes([last]), 1))
    assert taken(wires) == []
    assert lan.drops.counts == {"switch: reserved address": 1}


def test_the_address_after_the_reserved_ones_is(wired: Any) -> None:
    _, _, ports, wires = wired(3)
    ports[0].receive(frame(b"\x01\x80\xc2\x00\x00\x10", 1))
    assert taken(wires) == [1, 2]


def test_impossible_frames_are_dropped_with_a_reason(wired: Any) -> None:
    _, lan, ports, wires = wired(3)
    ports[0].receive(b"")
    ports[0].receive(frame(1, 2)[:13])
    ports[0].receive(frame(1, BROADCAST))
    ports[0].receive(frame(1, b"\x01\x00\x5e\x00\x00\x01"))
    assert taken(wires) == []
    assert lan.stations == {}
    assert lan.drops.counts == {"ethernet: runt": 2, "switch: source is a group address": 2}


def test_bit_errors_are_found_by_the_port(wired: Any) -> None:
    _, lan, ports, wires = wired(3)
    bits = bytearray(with_fcs(frame(BROADCAST, 1)))
    bits[7] ^= 1
    ports[0].receive_damaged(bytes(bits))
    assert taken(wires) == []
    assert ports[0].rx_crc_errors == 1
    assert lan.drops.counts == {"ethernet: frame check sequence": 1}
    ports[0].receive_damaged(with_fcs(frame(BROADCAST, 1)))
    assert type(wires[1].sent[0]) is Foreign


def test_ports_count_and_are_tapped(wired: Any) -> None:
    engine, _, ports, _ = wired(3)
    ports[0].receive(frame(BROADCAST, 1))
    ports[1].receive(frame(BROADCAST, 2))
    engine.run(until=5)
    seen: list[Any] = []
    for port in ports:
        port.taps.append(lambda *args: seen.append(args))
    sent = frame(2, 1)
    ports[0].receive(sent)
    assert seen == [(5, ports[0], "rx", sent), (5, ports[1], "tx", sent)]
    assert [(port.rx_frames, port.tx_frames) for port in ports] == [(2, 1), (1, 2), (0, 2)]
    assert [port.rx_bytes for port in ports] == [120, 60, 0]
    assert [port.name for port in ports] == ["lan port 1", "lan port 2", "lan port 3"]


def test_a_port_without_a_cable_is_passed_over(wired: Any) -> None:
    _, lan, ports, wires = wired(3)
    ports[2].receive(frame(BROADCAST, 3))
    ports[2].lane = None
    assert lan.where(mac(3)) is None, "its stations went with the cable"
    taken(wires)
    ports[0].receive(frame(3, 1))
    assert taken(wires) == [1]
    ports[2].send(frame(3, 1))
    assert lan.drops.counts == {"ethernet: no carrier": 1}


def test_hosts_on_a_switch(interface: Callable[..., Interface]) -> None:
    engine = Engine()
    lan = Switch(engine, "lan")
    hosts = [interface(number, engine=engine) for number in range(3)]
    got: list[tuple[int, int, bytes]] = []
    for number, host in enumerate(hosts):
        host.handlers[b"\x08\x00"] = lambda data, _, __, number=number: got.append((engine.now, number, data))
        Cable(engine, f"{number}", rate=10**9, delay=500).plug(host, lan.port())
    query, answer = frame(BROADCAST, 0), frame(0, 1)
    hosts[0].send(query)
    engine.run()
    hop = 72 * 8 + 500
    assert got == [(2 * hop, 1, query), (2 * hop, 2, query)]
    hosts[1].send(answer)
    engine.run()
    assert got[2:] == [(4 * hop, 0, answer)]
    assert hosts[2].rx_frames == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5), st.integers(0, 200)), max_size=60
    )
)
def test_behaves_as_the_simplest_model(wired: Any, sent: list[tuple[int, int, int, int]]) -> None:
    engine, _, ports, wires = wired(4)
    heard: dict[int, tuple[int, int]] = {}
    for port, destination, source, wait in sent:
        engine.run(until=engine.now + wait * SECOND)
        ports[port].receive(frame(destination, source))
        heard[source] = (port, engine.now)
        where, when = heard.get(destination, (-1, -(10**18)))
        if engine.now - when > 300 * SECOND:
            expected = [number for number in range(4) if number != port]
        else:
            expected = [where] if where != port else []
        assert taken(wires) == expected


@given(st.binary(max_size=40))
def test_any_bytes_are_passed_on_or_dropped(wired: Any, data: bytes) -> None:
    _, lan, ports, wires = wired(2)
    ports[0].receive(data)
    ports[0].receive_damaged(data)
    assert len(taken(wires)) + sum(lan.drops.counts.values()) == 2
