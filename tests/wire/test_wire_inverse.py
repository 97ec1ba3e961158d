"""Build and parse are each other's inverse, for every format."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.wire import WireError
from glassnet.wire.arp import ArpPacket
from glassnet.wire.checksum import is_valid
from glassnet.wire.ethernet import TPID_CUSTOMER, TPID_SERVICE, EthernetFrame, Llc, VlanTag
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import AuthenticationHeader, FragmentHeader, OptionsHeader, RoutingHeader
from glassnet.wire.nd import (
    NeighborAdvertisement,
    NeighborSolicitation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
)
from glassnet.wire.nd_options import NdOption, PrefixInformation
from glassnet.wire.options import NO_OPERATION, Option, build_options, parse_options
from glassnet.wire.tcp import TcpSegment
from glassnet.wire.udp import UdpDatagram


def bits(width: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << width) - 1)


def octets(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


byte, word, long = bits(8), bits(16), bits(32)
flag = st.booleans()
mac, v4, v6 = octets(6), octets(4), octets(16)
payload = st.binary(max_size=64)
tag = st.builds(VlanTag, bits(12), bits(3), bits(1), st.sampled_from((TPID_CUSTOMER, TPID_SERVICE)))


def _types() -> st.SearchStrategy[bytes]:
    kinds = st.integers(0x0600, 0xFFFF).map(lambda number: number.to_bytes(2, "big"))
    return kinds.filter(lambda kind: kind not in (TPID_CUSTOMER, TPID_SERVICE))


@st.composite
def frames(draw: st.DrawFn) -> EthernetFrame:
    content = draw(payload)
    kind = draw(st.one_of(_types(), st.just(len(content).to_bytes(2, "big"))))
    return EthernetFrame(
        destination=draw(mac),
        source=draw(mac),
        tags=tuple(draw(st.lists(tag, max_size=3))),
        ethertype=kind,
        payload=content,
    )


def _fits(options: list[Option]) -> bool:
    return sum(1 if option.kind == NO_OPERATION else 2 + len(option.data) for option in options) <= 40


options = (
    st.lists(
        st.one_of(
            st.just(Option(NO_OPERATION)),
            st.builds(Option, st.integers(2, 255), st.binary(max_size=10)),
        ),
        max_size=8,
    )
    .filter(_fits)
    .map(tuple)
)


@st.composite
def options_headers(draw: st.DrawFn) -> OptionsHeader:
    listed = draw(st.lists(st.builds(Option, st.integers(1, 255), st.binary(max_size=20)), max_size=5))
    size = 2 + sum(2 + len(option.data) for option in listed)
    gap = -size % 8
    if draw(flag) or gap == 1:
        listed += [Option(0)] * gap
    elif gap:
        listed.append(Option(1, bytes(gap - 2)))
    return OptionsHeader(next_header=draw(byte), options=tuple(listed), payload=draw(payload))


nd_options = st.lists(
    st.builds(NdOption, byte, st.integers(0, 3).flatmap(lambda units: octets(units * 8 + 6))), max_size=4
).map(tuple)

FORMATS: dict[str, st.SearchStrategy[Any]] = {
    "ethernet": frames(),
    "tag": tag,
    "llc": st.builds(Llc, dsap=byte, ssap=byte, control=byte, payload=payload),
    "arp": st.builds(
        ArpPacket,
        operation=word,
        sender_hardware=mac,
        sender_protocol=v4,
        target_hardware=mac,
        target_protocol=v4,
    ),
    "ipv4": st.builds(
        Ipv4Packet,
        dscp=bits(6),
        ecn=bits(2),
        identification=word,
        reserved=bits(1),
        dont_fragment=flag,
        more_fragments=flag,
        fragment_offset=bits(13),
        ttl=byte,
        protocol=byte,
        checksum=st.none() | word,
        source=v4,
        destination=v4,
        options=options,
        payload=payload,
    ),
    "ipv6": st.builds(
        Ipv6Packet,
        dscp=bits(6),
        ecn=bits(2),
        flow_label=bits(20),
        next_header=byte,
        hop_limit=byte,
        source=v6,
        destination=v6,
        payload=payload,
    ),
    "ipv6 options": options_headers(),
    "ipv6 routing": st.builds(
        RoutingHeader,
        next_header=byte,
        routing_type=byte,
        segments_left=byte,
        data=st.integers(0, 4).flatmap(lambda units: octets(units * 8 + 4)),
        payload=payload,
    ),
    "ipv6 fragment": st.builds(
        FragmentHeader,
        next_header=byte,
        reserved_1=byte,
        fragment_offset=bits(13),
        reserved_2=bits(2),
        more_fragments=flag,
        identification=long,
        payload=payload,
    ),
    "ah": st.builds(
        AuthenticationHeader,
        next_header=byte,
        reserved=word,
        spi=long,
        sequence=long,
        icv=st.integers(0, 6).flatmap(lambda units: octets(units * 4)),
        payload=payload,
    ),
    "icmp": st.builds(
        IcmpMessage, type=byte, code=byte, checksum=st.none() | word, rest=long, payload=payload
    ),
    "icmpv6": st.builds(
        Icmpv6Message, type=byte, code=byte, checksum=st.none() | word, rest=long, payload=payload
    ),
    "router solicitation": st.builds(RouterSolicitation, reserved=long, options=nd_options),
    "router advertisement": st.builds(
        RouterAdvertisement,
        hop_limit=byte,
        managed=flag,
        other=flag,
        home_agent=flag,
        preference=bits(2),
        proxy=flag,
        reserved=bits(2),
        router_lifetime=word,
        reachable_time=long,
        retrans_timer=long,
        options=nd_options,
    ),
    "neighbor solicitation": st.builds(NeighborSolicitation, reserved=long, target=v6, options=nd_options),
    "neighbor advertisement": st.builds(
        NeighborAdvertisement,
        router=flag,
        solicited=flag,
        override=flag,
        reserved=bits(29),
        target=v6,
        options=nd_options,
    ),
    "redirect": st.builds(Redirect, reserved=long, target=v6, destination=v6, options=nd_options),
    "prefix information": st.builds(
        PrefixInformation,
        prefix_length=byte,
        on_link=flag,
        autonomous=flag,
        reserved_1=bits(6),
        valid_lifetime=long,
        preferred_lifetime=long,
        reserved_2=long,
        prefix=v6,
    ),
    "udp": st.builds(
        UdpDatagram, source_port=word, destination_port=word, checksum=st.none() | word, payload=payload
    ),
    "tcp": st.builds(
        TcpSegment,
        source_port=word,
        destination_port=word,
        sequence=long,
        acknowledgment=long,
        reserved=bits(4),
        flags=byte,
        window=word,
        checksum=st.none() | word,
        urgent_pointer=word,
        options=options,
        payload=payload,
    ),
}
WITH_PSEUDO_HEADER = (
    Icmpv6Message,
    UdpDatagram,
    TcpSegment,
    RouterSolicitation,
    RouterAdvertisement,
    NeighborSolicitation,
    NeighborAdvertisement,
    Redirect,
)
# Formats that say themselves where they end; those of the others reach to the end of the data.
SELF_DELIMITING = ("tag", "arp", "ipv4", "ipv6", "prefix information", "udp")


def build(thing: Any, pseudo: int) -> bytes:
    """Build with a pseudo header, where the format's checksum covers one."""
    built = thing.build(pseudo) if type(thing) in WITH_PSEUDO_HEADER else thing.build()
    assert isinstance(built, bytes)
    return built


@pytest.mark.parametrize("name", FORMATS)
@given(st.data())
def test_what_was_built_parses_to_the_same(name: str, data: st.DataObject) -> None:
    thing = data.draw(FORMATS[name])
    pseudo = data.draw(long)
    built = build(thing, pseudo)
    before, after = data.draw(st.binary(max_size=20)), data.draw(st.binary(max_size=20))
    end = len(before) + len(built)
    parsed = type(thing).parse(before + built + after, len(before), end)
    assert parsed == thing
    if not isinstance(thing, VlanTag):
        size = parsed.header_length + len(getattr(parsed, "payload", b""))
        assert size == len(built)
        assert thing.header_length == parsed.header_length
    if name in SELF_DELIMITING:
        assert type(thing).parse(before + built + after, len(before)) == thing
    # What was parsed says its lengths and checksum itself.
    assert build(parsed, -1) == built


def test_checksums_that_build_works_out_are_valid() -> None:
    for pseudo in (1, 0xFFFF, 123456789):
        for content in (b"", b"x", b"odd", bytes(50)):
            datagram = UdpDatagram(source_port=1, destination_port=2, payload=content).build(pseudo)
            assert is_valid(datagram, pseudo + len(datagram))
            segment = TcpSegment(source_port=1, destination_port=2, payload=content).build(pseudo)
            assert is_valid(segment, pseudo + len(segment))
            message = Icmpv6Message(type=128, payload=content).build(pseudo)
            assert is_valid(message, pseudo + len(message))
            solicitation = NeighborSolicitation(target=bytes(16)).build(pseudo)
            assert is_valid(solicitation, pseudo + len(solicitation))
        assert is_valid(IcmpMessage(type=0).build())
        header = Ipv4Packet(protocol=6, source=bytes(4), destination=bytes(4), options=(Option(7, b"\4"),))
        assert is_valid(header.build())


@given(st.lists(st.binary(min_size=1, max_size=1) | st.sampled_from((b"\0", b"\1", b"\2\4")), max_size=40))
def test_any_options_that_parse_are_built_again(parts: list[bytes]) -> None:
    data = b"".join(parts)[:40]
    data = data[: len(data) & ~3]
    parsed = None
    with suppress(WireError):
        parsed = parse_options("tcp", data, 0, len(data))
    if parsed is not None:
        assert build_options("tcp", parsed) == data
