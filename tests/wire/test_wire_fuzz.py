"""Hostile bytes: they parse, and are built again, or raise `WireError` with an offset among them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.wire import WireError
from glassnet.wire.arp import ArpPacket
from glassnet.wire.ethernet import EthernetFrame, Llc, VlanTag
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import (
    AuthenticationHeader,
    FragmentHeader,
    OptionsHeader,
    RoutingHeader,
    walk,
)
from glassnet.wire.nd import (
    NeighborAdvertisement,
    NeighborSolicitation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
)
from glassnet.wire.nd_options import PrefixInformation
from glassnet.wire.tcp import TcpSegment
from glassnet.wire.udp import UdpDatagram

CLASSES: list[Any] = [
    EthernetFrame,
    VlanTag,
    Llc,
    ArpPacket,
    Ipv4Packet,
    Ipv6Packet,
    OptionsHeader,
    RoutingHeader,
    FragmentHeader,
    AuthenticationHeader,
    IcmpMessage,
    Icmpv6Message,
    RouterSolicitation,
    RouterAdvertisement,
    NeighborSolicitation,
    NeighborAdvertisement,
    Redirect,
    PrefixInformation,
    UdpDatagram,
    TcpSegment,
]
CUT_SHORT: list[Any] = [Ipv4Packet, Ipv6Packet, UdpDatagram]

FRAMES = [
    bytes.fromhex(line.split()[1])
    for line in Path(__file__).with_name("frames.txt").read_text().splitlines()
    if not line.startswith("#")
]


def examine(kind: Any, data: bytes, offset: int, end: int | None, **how: bool) -> bool:
    """Parse; whatever parses must be built again to the very same bytes, and never reach beyond its end."""
    try:
        parsed = kind.parse(data, offset, end, **how)
    except WireError as error:
        if not 0 <= error.offset <= len(data):
            raise AssertionError(f"{error!r} beyond {len(data)} bytes") from error
        return False
    built = parsed.build()
    limit = len(data) if end is None else min(end, len(data))
    assert offset + len(built) <= limit
    assert data[offset : offset + len(built)] == built
    payload = getattr(parsed, "payload", b"")
    if kind is not VlanTag:
        assert parsed.header_length + len(payload) == len(built)
        assert built[parsed.header_length :] == payload
    if kind is TcpSegment:
        assert parsed.mss is None or 0 <= parsed.mss <= 0xFFFF
        assert len(parsed.sack) <= 4
        assert parsed.timestamps is None or len(parsed.timestamps) == 2
    if kind is RouterAdvertisement:
        assert all(len(prefix.prefix) == 16 for prefix in parsed.prefixes)
    return True


@pytest.mark.parametrize("kind", CLASSES)
@given(
    data=st.binary(max_size=120),
    offset=st.integers(0, 130) | st.just(0),
    end=st.none() | st.integers(-3, 140),
)
def test_any_bytes(kind: Any, data: bytes, offset: int, end: int | None) -> None:
    examine(kind, data, offset, end)
    if kind in CUT_SHORT:
        examine(kind, data, offset, end, truncated=True)


@pytest.mark.parametrize("kind", CLASSES)
def test_random_bytes(kind: Any) -> None:
    random = Random(f"wire:{kind.__name__}")
    for _ in range(2000):
        data = bytearray(random.randbytes(random.choice((4, 8, 20, 24, 40, 44, 60, 100))))
        # Make it likelier that the first checks are passed, and the later ones are reached.
        if data and random.random() < 0.7:
            data[0] = random.choice((0x45, 0x46, 0x4F, 0x60, 133, 134, 135, 136, 137, 3))
        if len(data) > 3 and random.random() < 0.5:
            data[1:4] = (random.choice((0, 1, 4)), 0, random.randrange(64))
        examine(kind, bytes(data), 0, None)
        if kind in CUT_SHORT:
            examine(kind, bytes(data), 0, None, truncated=True)


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_truncated_and_bit_flipped_frames(frame: bytes) -> None:
    random = Random(frame)
    starts = (0, 14, 34, 38, 54, 62)
    for size in range(0, len(frame) + 1, 1 if len(frame) < 120 else 7):
        for offset in starts:
            for kind in random.sample(CLASSES, 6):
                examine(kind, frame[:size], offset, None)
    for _ in range(150):
        damaged = int.from_bytes(frame, "big")
        for _ in range(random.choice((1, 1, 2, 5))):
            damaged ^= 1 << random.randrange(len(frame) * 8)
        data = damaged.to_bytes(len(frame), "big")
        for kind in CLASSES:
            examine(kind, data, random.choice(starts), None)


def examine_walk(data: bytes, first: int, offset: int) -> None:
    """The headers passed lie one behind the other, within the data."""
    try:
        passed = walk(data, first, offset)
    except WireError as error:
        if not 0 <= error.offset <= len(data):
            raise AssertionError(f"{error!r} beyond {len(data)} bytes") from error
        return
    at = offset
    for header in passed.headers:
        assert header.offset == at
        assert at < header.end <= len(data)
        at = header.end
    assert passed.offset == at


@given(st.binary(max_size=100), st.sampled_from((0, 43, 44, 51, 60, 6, 59)), st.integers(0, 20))
def test_walking_through_any_bytes(data: bytes, first: int, offset: int) -> None:
    examine_walk(data, first, offset)


@given(st.lists(st.sampled_from((0, 43, 44, 51, 60, 17)), max_size=8), st.data())
def test_walking_through_likely_headers(kinds: list[int], data: st.DataObject) -> None:
    chain = b""
    for kind in kinds:
        units = data.draw(st.integers(0, 3))
        chain += bytes((kind, units)) + data.draw(st.binary(min_size=6 + units * 8, max_size=6 + units * 8))
    examine_walk(chain, 60, 0)
