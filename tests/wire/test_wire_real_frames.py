"""Frames that real hosts sent: what they say is read, their checksums agree, and they are built again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from glassnet.wire import icmp, icmpv6, numbers
from glassnet.wire.arp import REPLY, REQUEST, ArpPacket
from glassnet.wire.checksum import is_valid, pseudo_sum
from glassnet.wire.ethernet import (
    BROADCAST,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    EthernetFrame,
    mac_text,
)
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import ROUTER_ALERT, Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import PADN, FragmentHeader, OptionsHeader, walk
from glassnet.wire.nd import NeighborAdvertisement, NeighborSolicitation, RouterSolicitation
from glassnet.wire.nd_options import (
    SOURCE_LINK_LAYER_ADDRESS,
    TARGET_LINK_LAYER_ADDRESS,
    NdOption,
    link_layer_address,
)
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpSegment
from glassnet.wire.udp import UdpDatagram

FRAMES = {
    name: bytes.fromhex(text)
    for name, text in (
        line.split()
        for line in Path(__file__).with_name("frames.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}
MAC_1, MAC_2 = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
V4_1, V4_2 = bytes.fromhex("c0000201"), bytes.fromhex("c0000202")
V6_1 = bytes.fromhex("20010db8000000000000000000000001")
V6_2 = bytes.fromhex("20010db8000000000000000000000002")
GREETING = b"hello, world"


def ipv4(name: str) -> Ipv4Packet:
    return Ipv4Packet.parse(EthernetFrame.parse(FRAMES[name]).payload)


def ipv6(name: str) -> Ipv6Packet:
    return Ipv6Packet.parse(EthernetFrame.parse(FRAMES[name]).payload)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_built_again_byte_for_byte(name: str) -> None:
    """With every length and checksum worked out afresh, at every layer."""
    frame = EthernetFrame.parse(FRAMES[name])
    pseudo = 0
    if frame.ethertype == ETHERTYPE_ARP:
        assert replace(frame, payload=ArpPacket.parse(frame.payload).build()).build() == FRAMES[name]
        return
    inner: bytes
    if frame.ethertype == ETHERTYPE_IPV4:
        packet = Ipv4Packet.parse(frame.payload)
        assert is_valid(frame.payload[: packet.header_length])
        assert packet.header_length + len(packet.payload) == len(frame.payload) == packet.total_length
        protocol: int | None = packet.protocol
        transport = packet.payload
        if packet.fragment_offset:
            protocol = None
        head = b""
        pseudo = pseudo_sum(packet.source, packet.destination, packet.protocol)
    else:
        packet6 = Ipv6Packet.parse(frame.payload)
        assert packet6.header_length + len(packet6.payload) == len(frame.payload)
        passed = walk(frame.payload, packet6.next_header, packet6.header_length)
        protocol = passed.protocol
        head, transport = frame.payload[40 : passed.offset], frame.payload[passed.offset :]
        pseudo = pseudo_sum(packet6.source, packet6.destination, protocol or 0)
    if protocol == numbers.TCP:
        assert is_valid(transport, pseudo + len(transport))
        inner = replace(TcpSegment.parse(transport), checksum=None).build(pseudo)
    elif protocol == numbers.UDP:
        assert is_valid(transport, pseudo + len(transport))
        inner = replace(UdpDatagram.parse(transport), length=None, checksum=None).build(pseudo)
    elif protocol == numbers.ICMP:
        assert is_valid(transport)
        inner = replace(IcmpMessage.parse(transport), checksum=None).build()
    elif protocol == numbers.ICMPV6:
        assert is_valid(transport, pseudo + len(transport))
        inner = replace(Icmpv6Message.parse(transport), checksum=None).build(pseudo)
    else:
        inner = transport
    if frame.ethertype == ETHERTYPE_IPV4:
        payload = replace(packet, total_length=None, checksum=None, payload=head + inner).build()
    else:
        payload = replace(packet6, payload_length=None, payload=head + inner).build()
    assert replace(frame, payload=payload).build() == FRAMES[name]


def test_arp() -> None:
    frame = EthernetFrame.parse(FRAMES["arp_request"])
    assert (frame.destination, frame.source, frame.ethertype) == (BROADCAST, MAC_1, ETHERTYPE_ARP)
    assert (frame.header_length, frame.length, frame.tags) == (14, None, ())
    assert mac_text(frame.source) == "02:00:00:00:00:01"
    assert ArpPacket.parse(frame.payload) == ArpPacket(
        operation=REQUEST, sender_hardware=MAC_1, sender_protocol=V4_1, target_protocol=V4_2
    )
    assert ArpPacket.parse(FRAMES["arp_reply"], 14) == ArpPacket(
        operation=REPLY,
        sender_hardware=MAC_2,
        sender_protocol=V4_2,
        target_hardware=MAC_1,
        target_protocol=V4_1,
    )


def test_ipv4_header() -> None:
    assert ipv4("tcp4_syn") == Ipv4Packet(
        identification=0xCCFD,
        dont_fragment=True,
        protocol=numbers.TCP,
        source=V4_1,
        destination=V4_2,
        payload=FRAMES["tcp4_syn"][34:],
    )
    packet = ipv4("icmp_port_unreachable")
    assert (packet.dscp, packet.ecn, packet.ttl, packet.checksum) == (48, 0, 64, 0x3F3B)


def test_ipv4_router_alert() -> None:
    packet = ipv4("igmp_router_alert")
    assert packet.options == (Option(ROUTER_ALERT, b"\0\0"),)
    assert (packet.header_length, packet.protocol, packet.ttl) == (24, numbers.IGMP, 1)
    assert packet.payload[0] == 0x22


def test_fragments() -> None:
    packet = ipv4("fragment4")
    assert (packet.fragment_offset * 8, packet.more_fragments, packet.dont_fragment) == (1480, False, False)
    assert len(packet.payload) == 1536 + 8 - 1480
    packet6 = ipv6("fragment6")
    fragment = FragmentHeader.parse(packet6.payload)
    assert (fragment.next_header, fragment.fragment_offset * 8, fragment.more_fragments) == (17, 1448, False)
    assert fragment.identification == 0xB0D673B7
    assert len(fragment.payload) == 1536 + 8 - 1448
    passed = walk(FRAMES["fragment6"], packet6.next_header, 54)
    assert (passed.protocol, passed.offset, passed.pointer) == (None, 62, 54)


def test_udp() -> None:
    for name, payload in (("udp4", ipv4("udp4").payload), ("udp6", ipv6("udp6").payload)):
        datagram = UdpDatagram.parse(payload)
        assert (datagram.destination_port, datagram.length, datagram.payload) == (7, 20, GREETING), name
        assert datagram.header_length == 8


def test_tcp_handshake() -> None:
    for syn, syn_ack, mss in (
        (ipv4("tcp4_syn").payload, ipv4("tcp4_syn_ack").payload, 1460),
        (ipv6("tcp6_syn").payload, ipv6("tcp6_syn_ack").payload, 1440),
    ):
        first, second = TcpSegment.parse(syn), TcpSegment.parse(syn_ack)
        assert (first.flags, second.flags) == (SYN, SYN | ACK)
        assert second.acknowledgment == first.sequence + 1
        assert (first.source_port, first.destination_port) == (second.destination_port, second.source_port)
        for segment in (first, second):
            assert (segment.mss, segment.window_scale, segment.sack_permitted) == (mss, 10, True)
            assert (segment.header_length, segment.payload, segment.reserved) == (40, b"", 0)
            assert [option.kind for option in segment.options] == [2, 4, 8, 1, 3]
        assert first.timestamps is not None
        assert second.timestamps is not None
        assert second.timestamps[1] == first.timestamps[0]


def test_tcp_data_and_end() -> None:
    data = TcpSegment.parse(ipv4("tcp4_data").payload)
    assert (data.flags, data.payload, data.header_length) == (PSH | ACK, b"GET /\r\n", 32)
    assert (data.mss, data.window_scale, data.sack_permitted, data.sack) == (None, None, False, ())
    assert TcpSegment.parse(ipv4("tcp4_fin").payload).flags == FIN | ACK
    assert TcpSegment.parse(ipv6("tcp6_data").payload).payload == b"200 OK\r\n"
    for reset in (ipv4("tcp4_rst").payload, ipv6("tcp6_rst").payload):
        segment = TcpSegment.parse(reset)
        assert (segment.flags, segment.window, segment.options, segment.header_length) == (
            RST | ACK,
            0,
            (),
            20,
        )


def test_echo() -> None:
    for name, kind in (("echo_request4", icmp.ECHO_REQUEST), ("echo_reply4", icmp.ECHO_REPLY)):
        message = IcmpMessage.parse(ipv4(name).payload)
        assert (message.type, message.code, message.payload) == (kind, 0, b"ping")
        assert (message.identifier, message.sequence) == (0x1234, 1)
    for name, kind in (("echo_request6", icmpv6.ECHO_REQUEST), ("echo_reply6", icmpv6.ECHO_REPLY)):
        message6 = Icmpv6Message.parse(ipv6(name).payload)
        assert (message6.type, message6.code, message6.payload) == (kind, 0, b"ping")
        assert (message6.identifier, message6.sequence) == (0x1234, 1)
        assert not icmpv6.is_error(kind)


def test_port_unreachable_quotes_the_packet() -> None:
    message = IcmpMessage.parse(ipv4("icmp_port_unreachable").payload)
    assert (message.type, message.code) == (icmp.DESTINATION_UNREACHABLE, icmp.PORT_UNREACHABLE)
    assert message.type in icmp.ERRORS
    assert message.payload == FRAMES["udp4"][14:]
    message6 = Icmpv6Message.parse(ipv6("icmpv6_port_unreachable").payload)
    assert (message6.type, message6.code) == (icmpv6.DESTINATION_UNREACHABLE, icmpv6.PORT_UNREACHABLE)
    assert icmpv6.is_error(message6.type)
    assert message6.payload == FRAMES["udp6"][14:]
    # What is quoted may be cut short.
    quoted = Ipv4Packet.parse(message.payload[:28], truncated=True)
    datagram = UdpDatagram.parse(quoted.payload, truncated=True)
    assert (quoted.total_length, datagram.length, datagram.payload) == (40, 20, b"")
    assert quoted.build() == message.payload[:28]
    assert Ipv6Packet.parse(message6.payload[:50], truncated=True).build() == message6.payload[:50]


def test_neighbor_discovery() -> None:
    packet = ipv6("neighbor_solicitation")
    assert packet.hop_limit == 255
    solicitation = NeighborSolicitation.parse(packet.payload)
    assert solicitation.target == V6_2
    assert solicitation.options == (NdOption(SOURCE_LINK_LAYER_ADDRESS, MAC_1),)
    assert link_layer_address(solicitation.options, SOURCE_LINK_LAYER_ADDRESS) == MAC_1
    assert solicitation.header_length == len(packet.payload)
    packet = ipv6("neighbor_advertisement")
    advertisement = NeighborAdvertisement.parse(packet.payload)
    assert advertisement == NeighborAdvertisement(
        solicited=True, override=True, target=V6_2, options=(NdOption(TARGET_LINK_LAYER_ADDRESS, MAC_2),)
    )
    assert advertisement.checksum == 0x8A71
    pseudo = pseudo_sum(packet.source, packet.destination, numbers.ICMPV6)
    assert replace(advertisement, checksum=None).build(pseudo) == packet.payload
    packet = ipv6("router_solicitation")
    routers = RouterSolicitation.parse(packet.payload)
    assert routers.options == (NdOption(SOURCE_LINK_LAYER_ADDRESS, MAC_1),)
    pseudo = pseudo_sum(packet.source, packet.destination, numbers.ICMPV6)
    assert replace(routers, checksum=None).build(pseudo) == packet.payload
    # A host that looks for duplicates of its address sends a nonce (RFC 7527).
    probe = NeighborSolicitation.parse(ipv6("neighbor_solicitation_dad").payload)
    assert [option.type for option in probe.options] == [14]
    assert link_layer_address(probe.options, SOURCE_LINK_LAYER_ADDRESS) is None


def test_hop_by_hop_options() -> None:
    packet = ipv6("mld2_report")
    assert packet.next_header == numbers.HOP_BY_HOP
    header = OptionsHeader.parse(packet.payload)
    assert header.options == (Option(5, b"\0\0"), Option(PADN))
    assert (header.next_header, header.header_length) == (numbers.ICMPV6, 8)
    assert header.build() == packet.payload
    assert Icmpv6Message.parse(header.payload).type == icmpv6.MLD2_REPORT
