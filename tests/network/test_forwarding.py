from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.network import parse_address
from glassnet.wire.checksum import internet_checksum
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.options import Option

DATA = b"12345678"


@pytest.fixture
def take(router: Any, tools: Any) -> Any:
    """Lets the router receive a packet on its first interface."""
    interface = router.internet.interfaces["eth0"]

    def receive(packet: bytes, to: bytes | None = None, foreign: bool = True) -> None:
        frame = tools.framed(to or interface.mac, tools.mac_of(8, 1), packet)
        interface.receive(Foreign(frame) if foreign else frame)

    return receive


def hops(packet: Any, family: Any) -> int:
    return packet.ttl if family.version == 4 else packet.hop_limit


def with_hops(family: Any, count: int) -> dict[str, int]:
    return {"ttl": count} if family.version == 4 else {"hop_limit": count}


@pytest.mark.parametrize("foreign", [False, True])
def test_a_packet_is_sent_on(
    router: Any, family: Any, take: Any, tools: Any, sent: Any, foreign: bool
) -> None:
    packet = tools.packet(family.host1, family.host2, 17, DATA, **with_hops(family, 9))
    for _ in range(3):  # the first time, the next hop is merely stale
        take(packet, foreign=foreign)
    frames = sent(router, "eth1")
    assert len(frames) == 3
    for frame in frames:
        assert frame[:12] == tools.mac_of(8, 2) + router.internet.interfaces["eth1"].mac
        onward = tools.parsed(frame)
        assert hops(onward, family) == 8
        assert onward.payload == DATA
        assert (type(frame) is Foreign) is foreign
        assert frame[14 + family.header + 8 :].strip(b"\0") == b""  # no one's padding
    assert router.got == []
    assert router.counts == {}


def test_a_host_does_not_forward(router: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    packet = tools.packet(family.host1, family.host2, 17, DATA)
    take(packet)
    router.internet.forwarding = False
    take(packet)
    assert len(sent(router, "eth1")) == 1
    assert router.counts == {f"{family.name}: not our address": 1}


@pytest.mark.parametrize("count", [0, 1])
def test_the_last_hop(router: Any, family: Any, take: Any, tools: Any, sent: Any, count: int) -> None:
    packet = tools.packet(family.host1, family.host2, 17, DATA, **with_hops(family, count))
    take(packet)
    assert sent(router, "eth1") == []
    (frame,) = sent(router)
    found = tools.message(frame)
    assert (found.type, found.code) == (family.time_exceeded, 0)
    assert found.payload == packet
    about = tools.parsed(frame)
    assert (about.source, about.destination) == tuple(map(parse_address, (family.router1, family.host1)))
    if family.version == 4:
        assert about.dscp == 0xC0 >> 2  # RFC 1812 section 4.3.2.5
    assert router.counts == {("ipv4: time to live" if family.version == 4 else "ipv6: hop limit"): 1}


def test_no_route(router: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    take(tools.packet(family.host1, family.elsewhere, 17, DATA))
    (frame,) = sent(router)
    found = tools.message(frame)
    assert (found.type, found.code) == (family.unreachable, family.no_route)
    assert router.counts == {f"{family.name}: no route": 1}


def test_a_route_that_went(router: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    router.internet.routes.add(family.default, via=family.host2)
    packet = tools.packet(family.host1, family.elsewhere, 17, DATA)
    take(packet)
    assert len(sent(router, "eth1")) == 1
    router.internet.routes.remove(family.default)
    take(packet)
    assert sent(router, "eth1") == []
    assert tools.message(sent(router)[0]).code == family.no_route


def test_the_cache_of_destinations_is_bounded(
    router: Any, family: Any, take: Any, tools: Any, sent: Any
) -> None:
    router.internet.destinations.limit = 16
    router.internet.routes.add(family.default, via=family.host2)
    way = family.elsewhere.rpartition("." if family.version == 4 else ":")[0]
    for number in range(1, 101):
        separator = "." if family.version == 4 else ":"
        take(tools.packet(family.host1, f"{way}{separator}{number}", 17, DATA))
        assert len(router.internet.destinations) <= 16
    assert len(sent(router, "eth1")) == 100


def test_an_entry_pushed_out_of_the_cache_is_made_again(
    router: Any, family: Any, take: Any, tools: Any, sent: Any
) -> None:
    packet = tools.packet(family.host1, family.host2, 17, DATA)
    take(packet)
    router.internet.destinations.clear()
    take(packet)
    assert len(sent(router, "eth1")) == 2


def test_too_big_for_the_next_link(router: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    narrow = router.internet.interfaces["eth1"]
    narrow.mtu = 1400
    router.know(narrow, family.host2, tools.mac_of(8, 2))
    router.know(router.internet.interfaces["eth0"], family.host1, tools.mac_of(8, 1))
    fields = {"dont_fragment": True} if family.version == 4 else {}
    take(tools.packet(family.host1, family.host2, 17, bytes(1400 - family.header), **fields))
    assert len(sent(router, "eth1")) == 1
    take(tools.packet(family.host1, family.host2, 17, bytes(1401 - family.header), **fields))
    assert sent(router, "eth1") == []
    (frame,) = sent(router)
    found = tools.message(frame)
    if family.version == 4:
        assert (found.type, found.code, found.next_hop_mtu) == (3, 4, 1400)
        assert len(frame) - 14 == 576
        assert router.counts == {"ipv4: fragmentation needed": 1}
    else:
        assert (found.type, found.code, found.mtu) == (2, 0, 1400)
        assert len(frame) - 14 == 1280
        assert router.counts == {"ipv6: packet too big": 1}


@given(
    size=st.integers(1, 3000),
    mtu=st.integers(68, 1500),
    offset=st.integers(0, 100),
    more=st.booleans(),
    with_options=st.booleans(),
    foreign=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_routers_fragment_ipv4(
    new_lab: Any, tools: Any, size: int, mtu: int, offset: int, more: bool, with_options: bool, foreign: bool
) -> None:
    station = new_lab().station()
    station.internet.forwarding = True
    one = station.port("192.0.2.1/24", mtu=4000)
    two = station.port("198.51.100.1/24", mtu=mtu)
    station.know(two, "198.51.100.5", tools.mac_of(8))
    payload = bytes(number % 251 for number in range(size - size % 8 if more else size)) or DATA
    options = (Option(148, b"\0\0"), Option(1), Option(7, b"\4\0\0\0\0\0")) if with_options else ()
    packet = tools.packet(
        "192.0.2.5",
        "198.51.100.5",
        17,
        payload,
        identification=77,
        fragment_offset=offset,
        more_fragments=more,
        options=options,
    )
    frame = tools.framed(one.mac, tools.mac_of(7), packet)
    one.receive(Foreign(frame) if foreign else frame)
    together = b""
    pieces = [tools.parsed(frame) for frame in two.lane.sent]
    for number, piece in enumerate(pieces):
        assert piece.header_length + len(piece.payload) <= mtu
        assert piece.fragment_offset * 8 == offset * 8 + len(together)
        assert piece.identification == 77
        assert piece.more_fragments == (more or number < len(pieces) - 1)
        # RFC 791 section 3.1: only options with the copied flag go into later fragments.
        assert piece.options == (options if number == 0 else options[:1])
        together += piece.payload
    assert together == payload
    assert all((type(frame) is Foreign) is foreign for frame in two.lane.sent)


@given(header=st.binary(min_size=20, max_size=20), ttl=st.integers(2, 255))
@settings(deadline=None, max_examples=200)
def test_the_incremental_checksum_equals_a_new_one(new_lab: Any, header: bytes, ttl: int) -> None:
    """RFC 1624, for headers with anything in them."""
    station = new_lab().station()
    interface = station.port("198.51.100.1/24")
    station.know(interface, "198.51.100.5", bytes(6))
    way = station.internet.destinations.lookup(parse_address("198.51.100.5"))
    way.send(bytes(20))
    given_header = header[:8] + bytes((ttl,)) + header[9:10] + b"\0\0" + header[12:]
    checksum = internet_checksum(given_header)
    frame = bytes(14) + given_header[:10] + checksum.to_bytes(2, "big") + given_header[12:]
    for careful in (False, True):
        forwarder = station.internet.forwarder
        forward = forwarder._forward_v4_with_care if careful else forwarder.forward_v4
        forward(frame, 14, 34, ttl, header[9], checksum, way)
        onward = interface.lane.sent[-1][14:34]
        fresh = onward[:10] + b"\0\0" + onward[12:]
        assert onward[8] == ttl - 1
        assert onward[10:12] == internet_checksum(fresh).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("source", "destination", "reason"),
    [
        ("192.0.2.5", "198.51.100.255", "ipv4: directed broadcast"),
        ("192.0.2.5", "240.0.0.1", "ipv4: destination is not unicast"),
        ("192.0.2.5", "0.0.0.1", "ipv4: destination is not unicast"),
        ("192.0.2.5", "239.1.2.3", "ipv4: group not joined"),
        ("192.0.2.5", "169.254.1.1", "ipv4: address of another link"),
        ("169.254.1.1", "198.51.100.5", "ipv4: address of another link"),
        ("127.0.0.1", "198.51.100.5", "ipv4: loopback address on the wire"),
        ("192.0.2.255", "198.51.100.5", "ipv4: source is not unicast"),
        ("224.0.0.1", "198.51.100.5", "ipv4: source is not unicast"),
        ("0.0.0.0", "198.51.100.5", "ipv4: source is unspecified"),
        ("198.51.100.1", "198.51.100.5", "ipv4: source is our own"),
        ("2001:db8:1::5", "fe80::9", "ipv6: address of another link"),
        ("2001:db8:1::5", "ff05::9", "ipv6: group not joined"),
        ("2001:db8:1::5", "::1", "ipv6: loopback address on the wire"),
        ("::1", "2001:db8:2::5", "ipv6: loopback address on the wire"),
        ("::", "2001:db8:2::5", "ipv6: source is unspecified"),
        ("fe80::9", "2001:db8:2::5", "ipv6: beyond scope of source address"),
    ],
)
def test_what_no_router_forwards(
    lab: Any, tools: Any, sent: Any, source: str, destination: str, reason: str
) -> None:
    station = lab.station()
    station.internet.forwarding = True
    one = station.port("192.0.2.1/24", "2001:db8:1::1/64")
    station.port("198.51.100.1/24", "2001:db8:2::1/64")
    station.internet.routes.add("0.0.0.0/0", via="198.51.100.9")
    station.internet.routes.add("::/0", via="2001:db8:2::9")
    one.inject(tools.framed(one.mac, tools.mac_of(8), tools.packet(source, destination, 17, DATA)))
    assert station.counts == {reason: 1}
    assert sent(station, "eth1") == []


def test_beyond_the_scope_of_its_source(lab: Any, tools: Any, sent: Any) -> None:
    station = lab.station()
    station.internet.forwarding = True
    one = station.port("2001:db8:1::1/64")
    station.port("2001:db8:2::1/64")
    station.know(one, "fe80::9", tools.mac_of(8))
    one.inject(tools.framed(one.mac, tools.mac_of(8), tools.packet("fe80::9", "2001:db8:2::5", 17, DATA)))
    (frame,) = sent(station)
    found = tools.message(frame)
    assert (found.type, found.code) == (1, 2)
    assert tools.parsed(frame).source == station.internet.attachment(one).link_local


def test_a_broadcast_of_the_link_is_not_forwarded(
    router: Any, family: Any, take: Any, tools: Any, sent: Any
) -> None:
    take(tools.packet(family.host1, family.host2, 17, DATA), b"\xff" * 6)
    assert sent(router, "eth1") == []
    assert sent(router) == []
    assert list(router.counts) == [
        "ipv4: broadcast of the link to a unicast address"
        if family.version == 4
        else "ipv6: group of the link to a unicast address"
    ]


def test_options_go_along(lab: Any, tools: Any, sent: Any) -> None:
    station = lab.station()
    station.internet.forwarding = True
    one, two = station.port("192.0.2.1/24"), station.port("198.51.100.1/24")
    station.know(two, "198.51.100.5", tools.mac_of(8))
    options = (Option(148, b"\0\0"),)
    packet = tools.packet("192.0.2.5", "198.51.100.5", 17, DATA, options=options)
    one.inject(tools.framed(one.mac, tools.mac_of(8), packet))
    onward = tools.parsed(sent(station, "eth1")[0])
    assert isinstance(onward, Ipv4Packet)
    assert (onward.options, onward.payload) == (options, DATA)
