"""Putting fragments together: RFC 791, RFC 815, RFC 5722, RFC 6946, RFC 8200 section 4.5."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.network import parse_address
from glassnet.wire.foreign import Foreign
from glassnet.wire.options import Option

S = 1_000_000_000


def fragment(
    tools: Any, family: Any, offset: int, data: bytes, more: bool, number: int = 7, **fields: Any
) -> bytes:
    """A fragment from `other1` to `host1`; `offset` in bytes."""
    source, destination = family.other1, family.host1
    if family.version == 4:
        return tools.packet(
            source,
            destination,
            17,
            data,
            fragment_offset=offset // 8,
            more_fragments=more,
            identification=number,
            **fields,
        )
    header = b"\x11\0" + (offset | more).to_bytes(2, "big") + number.to_bytes(4, "big")
    return tools.packet(source, destination, 44, header + data, **fields)


class Receiver:
    def __init__(self, lab: Any, family: Any, tools: Any) -> None:
        self.station = lab.station("host")
        self.family = family
        self.tools = tools
        self.interface = self.station.port(family.cidr(family.host1))
        self.station.know(self.interface, family.other1, tools.mac_of(9))
        self.interface.lane.take()
        internet = self.station.internet
        self.fragments = internet.fragments_v4 if family.version == 4 else internet.fragments_v6

    def take(self, *packets: bytes, foreign: bool = False) -> None:
        for packet in packets:
            frame = self.tools.framed(self.interface.mac, self.tools.mac_of(9), packet)
            self.interface.receive(Foreign(frame) if foreign else frame)

    def piece(self, offset: int, data: bytes, more: bool, **more_fields: Any) -> None:
        self.take(fragment(self.tools, self.family, offset, data, more, **more_fields))

    @property
    def got(self) -> list[bytes]:
        return [data for data, _ in self.station.got]

    @property
    def counts(self) -> dict[str, int]:
        return {reason.partition(": ")[2]: count for reason, count in self.station.counts.items()}


@pytest.fixture
def receiver(lab: Any, family: Any, tools: Any) -> Receiver:
    return Receiver(lab, family, tools)


DATA = bytes(range(256)) * 8


def test_in_order_and_backwards(receiver: Receiver, tools: Any, family: Any) -> None:
    pieces = [(0, DATA[:1024], True), (1024, DATA[1024:1032], True), (1032, DATA[1032:2000], False)]
    for order in (pieces, pieces[::-1]):
        for piece in order:
            receiver.piece(*piece)
    assert receiver.got == [DATA[:2000]] * 2
    assert receiver.counts == {}
    assert len(receiver.fragments) == receiver.fragments.size == 0
    frame, network, start, end = receiver.station.calls[0]
    assert (network, start, end) == (14, 14 + family.header, len(frame))
    packet = tools.parsed(frame)
    assert packet.payload == DATA[:2000]
    if family.version == 4:
        assert not packet.more_fragments
    assert type(frame) is bytes


def test_one_foreign_fragment_makes_the_whole_foreign(receiver: Receiver, family: Any, tools: Any) -> None:
    receiver.piece(0, DATA[:8], True)
    receiver.take(fragment(tools, family, 8, DATA[8:16], True), foreign=True)
    receiver.piece(16, DATA[16:20], False)
    assert type(receiver.station.calls[0][0]) is Foreign


def test_packets_do_not_mix(receiver: Receiver) -> None:
    receiver.piece(0, b"A" * 8, True, number=1)
    receiver.piece(0, b"B" * 8, True, number=2)
    receiver.piece(8, b"b" * 8, False, number=2)
    receiver.piece(8, b"a" * 8, False, number=1)
    assert receiver.got == [b"B" * 8 + b"b" * 8, b"A" * 8 + b"a" * 8]


def test_copies_are_just_copies(receiver: Receiver) -> None:
    receiver.piece(0, DATA[:64], True)
    receiver.piece(0, DATA[:64], True)
    receiver.piece(128, DATA[128:144], False)
    receiver.piece(128, DATA[128:144], False)
    receiver.piece(64, DATA[64:128], True)
    assert receiver.got == [DATA[:144]]
    assert receiver.counts == {"duplicate fragment": 2}


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([(0, 64, True), (56, 64, True)], "overlapping fragments"),
        ([(56, 64, True), (0, 64, True)], "overlapping fragments"),
        ([(0, 64, True), (8, 8, True)], "overlapping fragments"),  # teardrop
        ([(8, 8, True), (0, 64, True)], "overlapping fragments"),
        ([(0, 64, True), (0, 128, True)], "overlapping fragments"),
        ([(0, 64, True), (0, 32, True)], "overlapping fragments"),
        ([(64, 64, True), (64, 64, False)], "overlapping fragments"),  # the same, but once the last
        ([(64, 64, False), (128, 8, False)], "two ends of one packet"),
        ([(128, 8, True), (64, 64, False)], "two ends of one packet"),
        ([(64, 64, False), (128, 8, True)], "fragment beyond the end"),
    ],
)
def test_what_is_never_sent_in_earnest_spoils_the_packet(
    lab: Any, receiver: Receiver, pieces: list[tuple[int, int, bool]], reason: str
) -> None:
    for offset, length, more in pieces:
        receiver.piece(offset, DATA[offset : offset + length], more)
    assert receiver.counts == {reason: 1}
    # RFC 5722: what comes later of the same packet is dropped as well.
    receiver.piece(512, DATA[:8], True)
    assert receiver.counts == {reason: 1, "fragment of a spoilt packet": 1}
    assert receiver.fragments.size < 1000
    lab.run()
    assert receiver.got == []
    assert receiver.fragments.size == 0
    assert receiver.interface.lane.sent == []  # nothing is told about it


def test_copies_with_other_data_are_an_overlap(receiver: Receiver) -> None:
    receiver.piece(0, b"A" * 64, True)
    receiver.piece(0, b"B" * 64, True)
    assert receiver.counts == {"overlapping fragments": 1}


@pytest.mark.parametrize("first", [True, False])
def test_time_exceeded(lab: Any, receiver: Receiver, family: Any, tools: Any, first: bool) -> None:
    receiver.piece(8, DATA[8:16], True)
    lab.run(10)
    if first:
        receiver.piece(0, DATA[:8], True)
    limit = 30 if family.version == 4 else 60
    lab.run(limit - 10.001)
    assert len(receiver.fragments) == 1
    lab.run(0.002)
    assert len(receiver.fragments) == receiver.fragments.size == 0
    assert receiver.counts == {"reassembly time exceeded": 1}
    frames = receiver.interface.lane.take()
    if not first:
        assert [frame for frame in frames if frame[12:14] != b"\x08\x06"] == []
        return
    found = tools.message(frames[0])
    assert (found.type, found.code) == (family.time_exceeded, 1)
    assert tools.parsed(frames[0]).destination == parse_address(family.other1)


def test_each_packet_has_its_own_time(lab: Any, receiver: Receiver, family: Any) -> None:
    limit = 30 if family.version == 4 else 60
    receiver.piece(8, DATA[8:16], True, number=1)
    lab.run(5)
    receiver.piece(8, DATA[8:16], True, number=2)
    lab.run(limit - 4)
    assert len(receiver.fragments) == 1
    lab.run(5)
    assert len(receiver.fragments) == 0
    lab.run()
    assert lab.engine.heap == []


def test_memory_is_bounded_and_the_oldest_go(receiver: Receiver) -> None:
    for number in range(1, 3000):
        receiver.piece(0, bytes(1024), True, number=number)
        assert receiver.fragments.size <= receiver.fragments.limit
    assert len(receiver.fragments) > 500
    receiver.piece(1024, b"end", False, number=2999)
    receiver.piece(1024, b"end", False, number=1)
    assert [len(data) for data in receiver.got] == [1027]


def test_many_small_pieces_are_bounded_too(receiver: Receiver) -> None:
    for number in range(4):
        for offset in range(0, 60000, 16):
            receiver.piece(offset, bytes(8), True, number=number)
    assert receiver.fragments.size <= receiver.fragments.limit


def test_no_packet_is_longer_than_can_be(receiver: Receiver, family: Any, lab: Any) -> None:
    last = 65512 if family.version == 4 else 65528
    receiver.piece(last, b"1234", False)
    reason = "fragment beyond the longest packet"
    if family.version == 4:
        assert receiver.counts == {reason: 1}  # with its header it would be
    else:
        assert receiver.counts == {}
        receiver.piece(last, b"12345678", False, number=9)
        assert receiver.counts == {reason: 1}


def test_the_longest_packet(receiver: Receiver, family: Any, tools: Any) -> None:
    longest = 65515 if family.version == 4 else 65535
    payload = bytes(n % 249 for n in range(longest))
    for start in range(0, longest, 1024):
        receiver.piece(start, payload[start : start + 1024], start + 1024 < longest)
    assert receiver.got == [payload]


def test_options_make_the_longest_packet_too_long(lab: Any, families: Any, tools: Any) -> None:
    receiver = Receiver(lab, families(4), tools)
    for start in range(0, 65504, 1408):
        end = min(start + 1408, 65512)
        more = end < 65512
        options = (Option(148, b"\0\0"),) if start == 0 else ()
        receiver.piece(start, bytes(end - start), more, options=options)
    assert receiver.got == []
    assert receiver.counts == {"fragment beyond the longest packet": 1}


def test_headers_of_the_first_fragment_are_kept(lab: Any, families: Any, tools: Any) -> None:
    receiver = Receiver(lab, families(4), tools)
    receiver.piece(8, b"87654321", False)
    receiver.piece(0, b"12345678", True, options=(Option(148, b"\0\0"),), ttl=3)
    frame, network, start, _ = receiver.station.calls[0]
    assert start - network == 24
    assert tools.parsed(frame).ttl == 3
    assert receiver.got == [b"1234567887654321"]


def test_the_unfragmentable_part_is_kept(lab: Any, families: Any, tools: Any) -> None:
    family = families(6)
    receiver = Receiver(lab, family, tools)
    options = b"\x2c\0\5\2\0\0\1\0"  # hop-by-hop: router alert
    rest = b"\x11\0\1\4\0\0\0\0"  # destination options, within the fragmentable part

    def part(offset: int, more: int, data: bytes) -> bytes:
        return options + b"\x3c\0" + (offset | more).to_bytes(2, "big") + bytes(4) + data

    receiver.take(tools.packet(family.other1, family.host1, 0, part(16, 0, b"end")))
    receiver.take(tools.packet(family.other1, family.host1, 0, part(0, 1, rest + b"12345678")))
    ((frame, network, start, end),) = receiver.station.calls
    assert frame[54:62] == b"\x3c" + options[1:]
    assert (network, start, frame[start:end]) == (14, 14 + 40 + 16, b"12345678end")
    assert receiver.counts == {}


def test_an_unknown_protocol_in_pieces(receiver: Receiver, family: Any, tools: Any) -> None:
    handlers = receiver.station.internet.handlers
    del handlers[17]
    receiver.piece(0, DATA[:1024], True)
    receiver.piece(1024, DATA[1024:1032], False)
    found = tools.message(receiver.interface.lane.take()[0])
    assert (found.type, found.code) == ((3, 2) if family.version == 4 else (4, 1))


@given(data=st.data())
@settings(deadline=None, max_examples=80)
@pytest.mark.parametrize("version", [4, 6])
def test_any_order_with_copies_gives_the_original(
    new_lab: Any, families: Any, tools: Any, version: int, data: st.DataObject
) -> None:
    receiver = Receiver(new_lab(), families(version), tools)
    size = data.draw(st.integers(1, 600))
    payload = data.draw(st.binary(min_size=size, max_size=size))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(size // 8, 1)), max_size=8)))
    edges = [0, *(cut * 8 for cut in cuts if cut * 8 < size), size]
    pieces = [(a, payload[a:b], b < size) for a, b in pairwise(edges)]
    if len(pieces) == 1:
        return
    order = data.draw(st.permutations(pieces))
    copies = data.draw(st.lists(st.sampled_from(pieces), max_size=3))
    for piece in [*order[:-1], *copies]:
        if piece != order[-1]:
            receiver.piece(*piece)
    assert receiver.got == []
    receiver.piece(*order[-1])
    assert receiver.got == [payload]
    assert receiver.fragments.size == 0


@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 6), st.booleans(), st.booleans()), max_size=12
    )
)
@settings(deadline=None, max_examples=150)
@pytest.mark.parametrize("version", [4, 6])
def test_whatever_arrives_a_packet_is_whole_or_dropped(
    new_lab: Any, families: Any, tools: Any, version: int, pieces: list[tuple[int, int, bool, bool]]
) -> None:
    """Pieces at random: what is delivered agrees with every piece that came in for it."""
    lab = new_lab()
    receiver = Receiver(lab, families(version), tools)
    for start, length, more, other in pieces:
        fill = b"B" if other else b"A"
        receiver.piece(start * 8, fill * (length * 8), more)
    for whole in receiver.got:
        assert len(whole) % 8 == 0
        assert set(whole) <= set(b"AB")
    lab.run()
    assert receiver.fragments.size == len(receiver.fragments) == 0
    assert lab.engine.heap == []


@given(size=st.integers(1, 9000), mtu=st.integers(68, 1500))
@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("version", [4, 6])
def test_what_one_host_cuts_another_puts_together(
    new_lab: Any, families: Any, tools: Any, version: int, size: int, mtu: int
) -> None:
    lab, family = new_lab(), families(version)
    if version == 6:
        mtu = 1280 + mtu % 221  # the least that RFC 8200 lets a link have
    one, two = lab.station(), lab.station()
    a = one.port(family.cidr(family.other1), mtu=mtu, wire=False)
    b = two.port(family.cidr(family.host1), wire=False)
    lab.cable(a, b)
    payload = bytes(number % 253 for number in range(size))
    flow = one.internet.flow(parse_address(family.host1), 17, dont_fragment=False)
    flow.send(b"headhead", payload)
    lab.run()
    expected = [b"headhead" + payload] if size <= 64 * (mtu - 56) else None
    if expected is not None:
        assert [data for data, _ in two.got] == expected
        assert two.counts == {}
