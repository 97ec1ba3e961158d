"""What does not parse, what cannot be built, and where the fault lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glassnet.wire import WireError, numbers
from glassnet.wire.arp import REQUEST, ArpPacket
from glassnet.wire.ethernet import (
    BROADCAST,
    ETHERTYPE_IPV4,
    TPID_CUSTOMER,
    TPID_SERVICE,
    EthernetFrame,
    Llc,
    VlanTag,
    mac_bytes,
    mac_text,
)
from glassnet.wire.icmp import FRAGMENTATION_NEEDED, PARAMETER_PROBLEM, REDIRECT, IcmpMessage
from glassnet.wire.icmpv6 import PACKET_TOO_BIG, Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import (
    AuthenticationHeader,
    FragmentHeader,
    OptionsHeader,
    RoutingHeader,
    walk,
)
from glassnet.wire.nd import NeighborSolicitation, RouterAdvertisement, RouterSolicitation
from glassnet.wire.nd_options import NdOption, PrefixInformation
from glassnet.wire.nd_options import build_options as build_nd_options
from glassnet.wire.options import Option, build_options, parse_options
from glassnet.wire.tcp import MAXIMUM_SEGMENT_SIZE, SACK, SYN, TIMESTAMPS, WINDOW_SCALE, TcpSegment
from glassnet.wire.udp import UdpDatagram

MAC = bytes.fromhex("020000000001")
IPV4 = Ipv4Packet(protocol=17, source=b"\xc0\0\2\1", destination=b"\xc0\0\2\2", payload=b"12345678").build()
IPV6 = Ipv6Packet(next_header=17, source=bytes(16), destination=bytes(16), payload=b"12345678").build()
TCP = TcpSegment(source_port=1, destination_port=2, flags=SYN, options=(Option(2, b"\5\xb4"),)).build(1)
UDP = UdpDatagram(source_port=1, destination_port=2, payload=b"abc").build(1)
ARP = ArpPacket(
    operation=REQUEST, sender_hardware=MAC, sender_protocol=bytes(4), target_protocol=bytes(4)
).build()
SOLICITATION = NeighborSolicitation(target=bytes(16), options=(NdOption(1, MAC),)).build(1)
PREFIX = PrefixInformation(prefix_length=64, prefix=bytes(16)).build()


def changed(data: bytes, at: int, *values: int) -> bytes:
    return data[:at] + bytes(values) + data[at + len(values) :]


@pytest.mark.parametrize(
    ("parse", "data", "what", "at"),
    [
        (EthernetFrame.parse, bytes(12) + b"\0\5abcd", "ethernet: length", 12),
        (
            EthernetFrame.parse,
            bytes(12) + b"\x05\xdd" + bytes(99),
            "ethernet: neither a type nor a length",
            12,
        ),
        (EthernetFrame.parse, bytes(12) + TPID_CUSTOMER + b"\0", "802.1q: truncated", 15),
        (EthernetFrame.parse, bytes(12) + TPID_CUSTOMER + b"\0\1\x08", "ethernet: truncated", 17),
        (EthernetFrame.parse, bytes(12) + TPID_SERVICE + b"\0\1" + TPID_CUSTOMER, "802.1q: truncated", 18),
        (VlanTag.parse, b"\x08\0\0\0", "802.1q: tag protocol identifier", 0),
        (Llc.parse, b"\x42\x42", "llc: truncated", 2),
        (ArpPacket.parse, changed(ARP, 0, 0, 6), "arp: hardware type", 0),
        (ArpPacket.parse, changed(ARP, 2, 0x86, 0xDD), "arp: protocol type", 2),
        (ArpPacket.parse, changed(ARP, 4, 8), "arp: hardware address length", 4),
        (ArpPacket.parse, changed(ARP, 5, 16), "arp: protocol address length", 5),
        (ArpPacket.parse, ARP[:27], "arp: truncated", 27),
        (Ipv4Packet.parse, b"", "ipv4: truncated", 0),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x65), "ipv4: version", 0),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x44), "ipv4: header length", 0),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x4F), "ipv4: header length", 0),
        (Ipv4Packet.parse, changed(IPV4, 2, 0, 19), "ipv4: total length", 2),
        (Ipv4Packet.parse, changed(IPV4, 2, 0, 29), "ipv4: total length", 2),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x46)[:20] + b"\7\1\0\0" + bytes(4), "ipv4: option length", 21),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x46)[:20] + b"\1\7\4\0" + bytes(4), "ipv4: option length", 22),
        (Ipv4Packet.parse, changed(IPV4, 0, 0x46)[:20] + b"\1\1\1\7" + bytes(4), "ipv4: option length", 24),
        (Ipv6Packet.parse, changed(IPV6, 0, 0x45), "ipv6: version", 0),
        (Ipv6Packet.parse, changed(IPV6, 4, 0, 9), "ipv6: payload length", 4),
        (Ipv6Packet.parse, IPV6[:39], "ipv6: truncated", 39),
        (OptionsHeader.parse, b"\x3b\1" + bytes(13), "ipv6 options: length", 1),
        (OptionsHeader.parse, b"\x3b\0\1\5\0\0\0\0", "ipv6 options: option length", 3),
        (OptionsHeader.parse, b"\x3b\0\0\0\0\0\0\1", "ipv6 options: option length", 8),
        (RoutingHeader.parse, b"\x3b\1\0\0" + bytes(11), "ipv6 routing: length", 1),
        (FragmentHeader.parse, bytes(7), "ipv6 fragment: truncated", 7),
        (AuthenticationHeader.parse, b"\x3b\0" + bytes(20), "ah: length", 1),
        (AuthenticationHeader.parse, b"\x3b\5" + bytes(20), "ah: length", 1),
        (IcmpMessage.parse, bytes(7), "icmp: truncated", 7),
        (Icmpv6Message.parse, bytes(7), "icmpv6: truncated", 7),
        (NeighborSolicitation.parse, changed(SOLICITATION, 0, 136), "neighbor solicitation: type", 0),
        (NeighborSolicitation.parse, changed(SOLICITATION, 1, 1), "neighbor solicitation: code", 1),
        (NeighborSolicitation.parse, changed(SOLICITATION, 25, 0), "nd: option length", 25),
        (NeighborSolicitation.parse, changed(SOLICITATION, 25, 2), "nd: option length", 25),
        (NeighborSolicitation.parse, SOLICITATION[:25], "nd: option length", 25),
        (RouterSolicitation.parse, b"\x85\0\0\0\0\0\0", "router solicitation: truncated", 7),
        (PrefixInformation.parse, changed(PREFIX, 0, 4), "prefix information: type", 0),
        (PrefixInformation.parse, changed(PREFIX, 1, 3), "prefix information: length", 1),
        (UdpDatagram.parse, changed(UDP, 4, 0, 7), "udp: length", 4),
        (UdpDatagram.parse, changed(UDP, 4, 0, 12), "udp: length", 4),
        (TcpSegment.parse, changed(TCP, 12, 0x40), "tcp: data offset", 12),
        (TcpSegment.parse, changed(TCP, 12, 0x70), "tcp: data offset", 12),
        (TcpSegment.parse, changed(TCP, 21, 0), "tcp: option length", 21),
        (TcpSegment.parse, changed(TCP, 21, 1), "tcp: option length", 21),
        (TcpSegment.parse, changed(TCP, 21, 5), "tcp: option length", 21),
        (TcpSegment.parse, changed(TCP, 20, 1, 1, 1, 5), "tcp: option length", 24),
    ],
)
def test_what_does_not_parse(parse: Callable[..., Any], data: bytes, what: str, at: int) -> None:
    with pytest.raises(WireError) as caught:
        parse(data)
    assert (caught.value.what, caught.value.offset) == (what, at)
    with pytest.raises(WireError) as caught:
        parse(b"before" + data + b"after", 6, 6 + len(data))
    assert (caught.value.what, caught.value.offset) == (what, at + 6)


@pytest.mark.parametrize(
    ("build", "what", "at"),
    [
        (lambda: EthernetFrame(destination=MAC, source=b"", ethertype=ETHERTYPE_IPV4).build(), "source", 6),
        (lambda: EthernetFrame(destination=MAC, source=MAC, ethertype=b"\0\1").build(), "length 1 of 0", 12),
        (lambda: EthernetFrame(destination=MAC, source=MAC, ethertype=b"\5\xff").build(), "neither", 12),
        (lambda: EthernetFrame(destination=MAC, source=MAC, ethertype=TPID_CUSTOMER).build(), "a tag's", 12),
        (lambda: VlanTag(4096).build(), "vid 4096", 2),
        (lambda: VlanTag(1, tpid=b"\0\0").build(), "tag protocol identifier", 0),
        (
            lambda: Ipv4Packet(protocol=256, source=bytes(4), destination=bytes(4)).build(),
            "protocol 256 is not in 0..255",
            9,
        ),
        (
            lambda: Ipv4Packet(
                protocol=1, source=bytes(4), destination=bytes(4), payload=bytes(65516)
            ).build(),
            "total_length 65536",
            2,
        ),
        (
            lambda: Ipv6Packet(next_header=1, source=bytes(4), destination=bytes(16)).build(),
            "is not 16 bytes",
            8,
        ),
        (lambda: OptionsHeader(next_header=59).build(), "do not fill units of 8", 1),
        (lambda: OptionsHeader(next_header=59, options=(Option(0, b"x"),)).build(), "option 0 with 1", 2),
        (
            lambda: RoutingHeader(next_header=59, routing_type=0, data=b"").build(),
            "do not fill units of 8",
            1,
        ),
        (lambda: AuthenticationHeader(next_header=59, spi=0, sequence=0, icv=b"x").build(), "check value", 1),
        (
            lambda: UdpDatagram(source_port=1, destination_port=65536, checksum=0).build(),
            "destination_port",
            2,
        ),
        (lambda: UdpDatagram(source_port=1, destination_port=2).build(), "pseudo header", 6),
        (
            lambda: UdpDatagram(source_port=1, destination_port=2, payload=bytes(65528)).build(1),
            "length 65536",
            4,
        ),
        (lambda: TcpSegment(source_port=1, destination_port=2).build(), "pseudo header", 16),
        (lambda: TcpSegment(source_port=1, destination_port=2, flags=256).build(1), "flags 256", 13),
        (lambda: TcpSegment(source_port=1, destination_port=2, sequence=1 << 32).build(1), "sequence", 4),
        (lambda: Icmpv6Message(type=1).build(), "pseudo header", 2),
        (lambda: NeighborSolicitation(target=bytes(16)).build(), "pseudo header", 2),
        (
            lambda: build_nd_options(
                (NdOption(1, MAC), NdOption(1, b"")),
            ),
            "option 1 with 0",
            8,
        ),
        (lambda: build_options("tcp", (Option(256),)), "option 256", 0),
        (lambda: build_options("tcp", (Option(1), Option(1, b"x"))), "option 1 with 1", 1),
        (lambda: build_options("tcp", (Option(0), Option(1))), "after the end", 1),
        (lambda: build_options("tcp", (Option(9, bytes(39)),)), "option 9 with 39", 0),
        (lambda: build_options("tcp", (Option(9, bytes(19)),) * 2), "44 bytes of options", 40),
    ],
)
def test_what_cannot_be_built(build: Callable[[], bytes], what: str, at: int) -> None:
    with pytest.raises(WireError) as caught:
        build()
    assert what in caught.value.what
    assert caught.value.offset == at


def test_mac_addresses_as_text() -> None:
    assert mac_text(BROADCAST) == "ff:ff:ff:ff:ff:ff"
    assert mac_bytes("02:00:5E:00:53:01") == mac_bytes("02-00-5e-00-53-01") == b"\x02\0\x5e\0\x53\1"
    for bad in (
        "",
        "02:00:5e:00:53",
        "02:00:5e:00:53:01:02",
        "02:00:5e-00:53:01",
        "02005e005301",
        "0g:" * 5 + "00",
    ):
        with pytest.raises(ValueError, match="expected a MAC address"):
            mac_bytes(bad)


def test_tagged_and_802_3_frames() -> None:
    llc = Llc(dsap=0x42, ssap=0x42, payload=b"bpdu")
    frame = EthernetFrame(
        destination=bytes.fromhex("0180c2000000"),
        source=MAC,
        tags=(VlanTag(100, pcp=7, tpid=TPID_SERVICE), VlanTag(4095, dei=1)),
        ethertype=len(llc.build()).to_bytes(2, "big"),
        payload=llc.build(),
    )
    built = frame.build()
    assert built.hex() == "0180c200000002000000000188a8e06481001fff000742420362706475"
    parsed = EthernetFrame.parse(built + bytes(40))
    assert parsed == frame
    assert (parsed.length, parsed.header_length) == (7, 22)
    assert Llc.parse(parsed.payload) == llc
    assert llc.header_length == 3


def test_known_tcp_options_and_unknown_ones() -> None:
    options = (
        Option(MAXIMUM_SEGMENT_SIZE, b"\x05\xb4"),
        Option(1),
        Option(WINDOW_SCALE, b"\7"),
        Option(253, b"\x12\x34unknown"),
        Option(SACK, bytes.fromhex("00000001 00000002 fffffff0 00000010")),
    )
    segment = TcpSegment.parse(TcpSegment(source_port=1, destination_port=2, options=options).build(1))
    assert segment.options == options
    assert (segment.mss, segment.window_scale, segment.timestamps) == (1460, 7, None)
    assert segment.sack == ((1, 2), (0xFFFFFFF0, 0x10))
    # A known kind of the wrong length is kept, but says nothing.
    odd = (Option(MAXIMUM_SEGMENT_SIZE, b"\5"), Option(TIMESTAMPS, bytes(7)), Option(SACK, b""))
    segment = TcpSegment.parse(TcpSegment(source_port=1, destination_port=2, options=odd).build(1))
    assert segment.options == odd
    assert (segment.mss, segment.timestamps, segment.sack) == (None, None, ())


def test_what_follows_the_end_of_options_is_kept() -> None:
    for text, expected in (
        ("020405b4 00000000", (Option(2, b"\5\xb4"), Option(0, bytes(3)))),
        ("020405b4 01000000", (Option(2, b"\5\xb4"), Option(1))),
        ("020405b4 0100ff00", (Option(2, b"\5\xb4"), Option(1), Option(0, b"\xff\0"))),
        ("00020405", (Option(0, b"\2\4\5"),)),
        ("00" + "ff" * 39, (Option(0, b"\xff" * 39),)),
        ("09 28" + "ff" * 38, (Option(9, b"\xff" * 38),)),
    ):
        data = bytes.fromhex(text)
        assert parse_options("tcp", data, 0, len(data)) == expected
        assert build_options("tcp", expected) == data


def test_udp_without_a_checksum_and_with_one_that_is_zero() -> None:
    assert UdpDatagram(source_port=0, destination_port=0, checksum=0).build()[6:8] == b"\0\0"
    # 8 for the length in the header and 8 in the pseudo header: a sum of minus zero.
    assert UdpDatagram(source_port=0, destination_port=0).build(0xFFFF - 16)[6:8] == b"\xff\xff"


def test_the_rest_of_an_icmp_header() -> None:
    assert IcmpMessage(type=3, code=FRAGMENTATION_NEEDED, rest=1280).next_hop_mtu == 1280
    assert IcmpMessage(type=REDIRECT, rest=0xC0000201).gateway == b"\xc0\0\2\1"
    assert IcmpMessage(type=PARAMETER_PROBLEM, rest=20 << 24).pointer == 20
    assert IcmpMessage(type=8).header_length == 8
    assert Icmpv6Message(type=PACKET_TOO_BIG, rest=1280).mtu == 1280
    assert Icmpv6Message(type=4, rest=40).pointer == 40


def test_what_a_router_advertises() -> None:
    prefix = PrefixInformation(
        prefix_length=64, prefix=bytes.fromhex("20010db8") + bytes(12), valid_lifetime=1
    )
    advertisement = RouterAdvertisement(
        hop_limit=64,
        router_lifetime=1800,
        options=(NdOption(5, b"\0\0\0\0\5\0"), NdOption(3, prefix.build()[2:]), NdOption(3, bytes(6))),
    )
    parsed = RouterAdvertisement.parse(advertisement.build(1))
    assert parsed == advertisement
    assert parsed.mtu == 1280
    assert parsed.prefixes == (prefix,)
    assert RouterAdvertisement().mtu is None


HOP_BY_HOP = bytes((numbers.DESTINATION_OPTIONS, 0)) + bytes(6)
DESTINATION = bytes((numbers.ROUTING, 1)) + bytes(14)
ROUTING = bytes((numbers.AH, 0)) + bytes(6)
AUTHENTICATION = bytes((numbers.FRAGMENT, 1)) + bytes(10)
FIRST_FRAGMENT = bytes((numbers.UDP, 0, 0, 1)) + bytes(4)


def test_extension_headers_are_walked() -> None:
    data = HOP_BY_HOP + DESTINATION + ROUTING + AUTHENTICATION + FIRST_FRAGMENT + b"udp"
    passed = walk(b"xx" + data, numbers.HOP_BY_HOP, 2)
    assert [(header.number, header.offset, header.end) for header in passed.headers] == [
        (numbers.HOP_BY_HOP, 2, 10),
        (numbers.DESTINATION_OPTIONS, 10, 26),
        (numbers.ROUTING, 26, 34),
        (numbers.AH, 34, 46),
        (numbers.FRAGMENT, 46, 54),
    ]
    assert (passed.protocol, passed.offset, passed.pointer) == (numbers.UDP, 54, 46)


def test_the_walk_stops() -> None:
    for protocol in (numbers.TCP, numbers.NO_NEXT_HEADER, numbers.ESP, 255):
        passed = walk(b"", protocol, 0)
        assert (passed.headers, passed.protocol, passed.offset, passed.pointer) == ((), protocol, 0, None)
    # Hop-by-hop options count only directly behind the IPv6 header.
    passed = walk(b"\0" + bytes(15), numbers.DESTINATION_OPTIONS, 0)
    assert (passed.protocol, passed.offset, passed.pointer) == (numbers.HOP_BY_HOP, 8, 0)
    later = bytes((numbers.UDP, 0, 0, 8)) + bytes(4)
    assert walk(later, numbers.FRAGMENT, 0).protocol is None
    for data, at in ((b"", 0), (bytes(7), 7), (b"\x3b\1" + bytes(13), 1)):
        with pytest.raises(WireError, match="ipv6: extension header") as caught:
            walk(data, numbers.DESTINATION_OPTIONS, 0)
        assert caught.value.offset == at
