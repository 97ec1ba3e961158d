"""From a packet as a script writes it to the bytes on the wire."""

from __future__ import annotations

from glassnet.packetdrill.conversation import Conversation, octets
from glassnet.packetdrill.script import Ip, Packet, Segment, TextOption, Udp
from glassnet.packetdrill.seen import FAST_OPEN_MAGIC, KINDS
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import ICMP, ICMPV6, TCP, UDP
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, SYN, URG, TcpSegment
from glassnet.wire.udp import UdpDatagram

__all__ = ["build_packet"]

_DEFAULT_TTL = 255  # as a neighbour's, so that nothing is refused for coming from afar


def build_packet(packet: Packet, talk: Conversation) -> bytes:
    """The IP packet that arrives at this stack in the conversation `talk`, checksums and all.

    WireError for what cannot be written into a header.
    """
    content = packet.content
    source, destination = talk.remote[0], talk.local[0]
    v4 = len(source) == 4
    if isinstance(content, Segment):
        return _ip(source, destination, TCP, _segment(content, talk), packet.ip)
    if isinstance(content, Udp):
        return _ip(source, destination, UDP, _udp(content, talk.remote, talk.local), packet.ip)
    quoted = b"" if content.quoted is None else _quoted(content.quoted, talk)
    if v4:
        message = IcmpMessage(type=content.kind, code=content.code, rest=content.rest, payload=quoted).build()
        return _ip(source, destination, ICMP, message, packet.ip)
    pseudo = pseudo_sum(source, destination, ICMPV6)
    six = Icmpv6Message(type=content.kind, code=content.code, rest=content.rest, payload=quoted)
    return _ip(source, destination, ICMPV6, six.build(pseudo), packet.ip)


def _ip(source: bytes, destination: bytes, protocol: int, payload: bytes, ip: Ip) -> bytes:
    tos = ip.tos or 0
    dscp, ecn = tos >> 2, tos & 3
    if ip.ecn is not None:
        ecn = ip.ecn[-1]
    ttl = _DEFAULT_TTL if ip.ttl is None else ip.ttl
    if len(source) == 4:
        return Ipv4Packet(
            dscp=dscp,
            ecn=ecn,
            dont_fragment=True,
            ttl=ttl,
            protocol=protocol,
            source=source,
            destination=destination,
            payload=payload,
        ).build()
    return Ipv6Packet(
        dscp=dscp,
        ecn=ecn,
        flow_label=ip.flow_label or 0,
        next_header=protocol,
        hop_limit=ttl,
        source=source,
        destination=destination,
        payload=payload,
    ).build()


def _segment(segment: Segment, talk: Conversation) -> bytes:
    acknowledgment = segment.acknowledgment
    options = tuple(_option(each, talk) for each in segment.options or ())
    while options and options[-1].kind == KINDS["eol"]:
        options = options[:-1]  # what fills a header up to whole words is zeros
    position = (segment.sequence - talk.remote_start - (0 if segment.flags & SYN else 1)) & 0xFFFFFFFF
    live = TcpSegment(
        source_port=talk.remote[1],
        destination_port=talk.local[1],
        sequence=segment.sequence,
        acknowledgment=0 if acknowledgment is None else _acknowledged(segment, talk),
        flags=segment.flags,
        window=segment.window or 0,
        urgent_pointer=segment.urgent or 0,
        options=options,
        payload=octets(position, segment.length),
    )
    if segment.flags & URG:
        talk.urgent = True
    return live.build(pseudo_sum(talk.remote[0], talk.local[0], TCP))


def _acknowledged(segment: Segment, talk: Conversation) -> int:
    number = segment.acknowledgment or 0
    return talk.to_wire(number) if segment.flags & ACK else number


def _option(option: TextOption, talk: Conversation) -> Option:
    name, values = option.name, option.values
    if name == "mss":
        data = values[0].to_bytes(2, "big")
    elif name == "wscale":
        data = values[0].to_bytes(1, "big")
    elif name == "TS":
        echo = talk.stamp_to_wire(values[1])
        data = values[0].to_bytes(4, "big") + echo.to_bytes(4, "big")
    elif name == "sack":
        data = b"".join(talk.to_wire(edge).to_bytes(4, "big") for edge in values)
    elif name == "FO":
        data = talk.cookie_to_wire(option.cookie)
    elif name == "FOEXP":
        data = FAST_OPEN_MAGIC + talk.cookie_to_wire(option.cookie)
    elif name.startswith("kind"):
        return Option(int(name[5:]), option.cookie)
    else:
        data = b""
    return Option(KINDS[name], data)


def _udp(datagram: Udp, source: tuple[bytes, int], destination: tuple[bytes, int]) -> bytes:
    live = UdpDatagram(
        source_port=source[1], destination_port=destination[1], payload=octets(0, datagram.length)
    )
    return live.build(pseudo_sum(source[0], destination[0], UDP))


def _quoted(quoted: Segment | Udp, talk: Conversation) -> bytes:
    """The beginning of a packet of ours that an ICMP message is about: IP header and eight octets or more."""
    if isinstance(quoted, Udp):
        payload, protocol = _udp(quoted, talk.local, talk.remote), UDP
    else:
        protocol = TCP
        acknowledgment = quoted.acknowledgment
        payload = TcpSegment(
            source_port=talk.local[1],
            destination_port=talk.remote[1],
            sequence=talk.to_wire(quoted.sequence),
            acknowledgment=acknowledgment or 0,
            flags=quoted.flags or ACK,
            payload=bytes(quoted.length),
        ).build(pseudo_sum(talk.local[0], talk.remote[0], TCP))
    whole = _ip(talk.local[0], talk.remote[0], protocol, payload, Ip(ttl=64))
    header = 20 if len(talk.local[0]) == 4 else 40
    return whole[: header + 20]
