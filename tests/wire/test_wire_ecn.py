"""Marks in IP headers, and flows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.wire import ecn
from glassnet.wire.checksum import is_valid
from glassnet.wire.ethernet import EthernetFrame, VlanTag, payload_start
from glassnet.wire.flows import flow_key
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import PADN, FragmentHeader, OptionsHeader
from glassnet.wire.numbers import DESTINATION_OPTIONS, FRAGMENT, ICMP, TCP, UDP
from glassnet.wire.options import Option

A, B = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")
PORTS = bytes((0, 80, 4, 210))
TAGS = st.sampled_from([(), (VlanTag(5),), (VlanTag(7, tpid=b"\x88\xa8"), VlanTag(5))])


def framed(packet: Ipv4Packet | Ipv6Packet, tags: tuple[VlanTag, ...] = ()) -> bytes:
    ethertype = b"\x08\x00" if isinstance(packet, Ipv4Packet) else b"\x86\xdd"
    return EthernetFrame(
        destination=b"\2\0\0\0\0\2",
        source=b"\2\0\0\0\0\1",
        tags=tags,
        ethertype=ethertype,
        payload=packet.build(),
    ).build()


def v4(ecn: int = 0, protocol: int = UDP, payload: bytes = PORTS + bytes(4), **more: object) -> Ipv4Packet:
    more = {"source": A, "destination": B, **more}
    return Ipv4Packet(ecn=ecn, protocol=protocol, payload=payload, **more)


def v6(ecn: int = 0, next_header: int = UDP, payload: bytes = PORTS + bytes(4), **more: object) -> Ipv6Packet:
    more = {"source": A6, "destination": B6, **more}
    return Ipv6Packet(ecn=ecn, next_header=next_header, payload=payload, **more)


@given(
    before=st.sampled_from([ecn.ECT_0, ecn.ECT_1]),
    dscp=st.integers(0, 63),
    identification=st.integers(0, 0xFFFF),
    ttl=st.integers(0, 255),
    source=st.binary(min_size=4, max_size=4),
    options=st.integers(0, 2),
    tags=TAGS,
)
def test_a_marked_ipv4_header_has_the_checksum_of_one_made_anew(
    before: int, dscp: int, identification: int, ttl: int, source: bytes, options: int, tags: object
) -> None:
    packet = v4(before, dscp=dscp, identification=identification, ttl=ttl, source=source)
    frame = framed(packet, tags)
    marked = ecn.marked(frame)
    assert marked is not None
    packet.ecn = ecn.CE
    assert marked == framed(packet, tags)
    _, start = payload_start(marked)
    assert is_valid(marked[start : start + 20])
    assert ecn.codepoint(marked) == ecn.CE


@given(frame=st.binary(min_size=20, max_size=20))
def test_every_checksum_stays_as_right_or_wrong_as_it_was(frame: bytes) -> None:
    header = bytearray(frame)
    header[0], header[1] = 0x45, header[1] & 0xFC | ecn.ECT_0
    marked = ecn.marked(bytes(12) + b"\x08\x00" + bytes(header))
    assert marked is not None
    assert is_valid(marked[14:]) == is_valid(bytes(header))


@pytest.mark.parametrize("before", [ecn.ECT_0, ecn.ECT_1])
@pytest.mark.parametrize("tags", [(), (VlanTag(5),)])
def test_a_marked_ipv6_header_differs_in_its_two_bits(before: int, tags: tuple[VlanTag, ...]) -> None:
    packet = v6(before, dscp=0x2A, flow_label=0xABCDE)
    marked = ecn.marked(framed(packet, tags))
    packet.ecn = ecn.CE
    assert marked == framed(packet, tags)


@pytest.mark.parametrize("packet", [v4(), v6()])
def test_what_is_not_ecn_capable_is_never_marked(packet: Ipv4Packet | Ipv6Packet) -> None:
    assert ecn.codepoint(framed(packet)) == ecn.NOT_ECT
    assert ecn.marked(framed(packet)) is None


@pytest.mark.parametrize("packet", [v4(ecn.CE), v6(ecn.CE)])
def test_what_is_marked_stays_the_very_object(packet: Ipv4Packet | Ipv6Packet) -> None:
    frame = framed(packet)
    assert ecn.marked(frame) is frame


@pytest.mark.parametrize("packet", [v4(ecn.ECT_0), v6(ecn.ECT_0)])
def test_a_foreign_frame_stays_foreign_and_no_other_becomes_one(packet: Ipv4Packet | Ipv6Packet) -> None:
    frame = framed(packet)
    assert type(ecn.marked(frame)) is bytes
    assert type(ecn.marked(Foreign(frame))) is Foreign


@given(
    st.binary(max_size=70), st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x81\x00\0\1\x86\xdd", b"\x08\x06"])
)
def test_no_frame_is_too_broken(rest: bytes, ethertype: bytes) -> None:
    frame = bytes(12) + ethertype + rest
    marked = ecn.marked(frame)
    assert marked is None or len(marked) == len(frame)
    assert (marked is None) == (ecn.codepoint(frame) in (None, ecn.NOT_ECT))
    assert flow_key(frame)


@given(st.binary(max_size=14))
def test_runts_are_no_packets(frame: bytes) -> None:
    assert ecn.codepoint(frame) is None
    assert ecn.marked(frame) is None
    assert flow_key(frame) == frame


def test_arp_is_no_packet() -> None:
    assert ecn.codepoint(bytes(12) + b"\x08\x06" + b"\x45\x03" + bytes(60)) is None


# --- flows


def test_flows_differ_in_each_of_the_five() -> None:
    frames = [
        framed(packet)
        for packet in (
            v4(),
            v4(source=B, destination=A),
            v4(destination=A),
            v4(protocol=TCP),
            v4(payload=bytes((0, 81, 4, 210))),
            v4(payload=bytes((0, 80, 4, 211))),
            v6(),
            v6(source=B6),
            v6(next_header=TCP),
            v6(payload=bytes((0, 80, 4, 211))),
        )
    ]
    assert len({flow_key(frame) for frame in frames}) == len(frames)


@pytest.mark.parametrize("make", [v4, v6])
def test_a_flow_is_known_by_nothing_else(make: object) -> None:
    plain = framed(make())
    other = framed(make(ecn=2, dscp=9, payload=PORTS + b"other"), (VlanTag(5),))
    assert flow_key(plain) == flow_key(other)


def test_what_has_no_ports_is_known_by_its_addresses() -> None:
    assert flow_key(framed(v4(protocol=ICMP, payload=b"one"))) == flow_key(framed(v4(protocol=ICMP)))
    assert flow_key(framed(v4(protocol=ICMP))) != flow_key(framed(v4(protocol=ICMP, source=B)))


def test_all_fragments_of_a_packet_are_of_one_flow() -> None:
    first = framed(v4(more_fragments=True, identification=7))
    later = framed(v4(fragment_offset=1, identification=7, payload=b"anything"))
    assert flow_key(first) == flow_key(later)

    def fragment(offset: int, more: bool, payload: bytes) -> bytes:
        header = FragmentHeader(
            next_header=UDP, fragment_offset=offset, more_fragments=more, identification=7, payload=payload
        )
        return framed(v6(next_header=FRAGMENT, payload=header.build()))

    assert flow_key(fragment(0, True, PORTS)) == flow_key(fragment(1, False, b"anything"))


def test_ports_are_found_behind_options() -> None:
    options = OptionsHeader(next_header=UDP, options=(Option(PADN, bytes(4)),), payload=PORTS)
    assert flow_key(framed(v6(next_header=DESTINATION_OPTIONS, payload=options.build()))) == flow_key(
        framed(v6())
    )


def test_other_frames_are_known_by_their_ends_and_type() -> None:
    frame = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x08\x06"
    assert flow_key(frame + b"one") == flow_key(frame + b"two") == frame
