"""Packets that this stack has sent, and how the script would write them."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.packetdrill.conversation import Conversation
from glassnet.packetdrill.icmp_names import ICMP_V4, ICMP_V6
from glassnet.packetdrill.reading_packets import FLAG_LETTERS
from glassnet.packetdrill.script import TextOption
from glassnet.wire.checksum import is_valid, pseudo_sum
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import ICMP, ICMPV6, TCP, UDP
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, URG, TcpSegment
from glassnet.wire.udp import UdpDatagram

__all__ = ["FAST_OPEN", "FAST_OPEN_MAGIC", "KINDS", "Seen", "flag_letters", "show", "text_options"]

FAST_OPEN = 34
EXPERIMENT = 254
FAST_OPEN_MAGIC = b"\xf9\x89"
"""What the experimental option begins with when it is Fast Open (RFC 7413, appendix; RFC 6994)."""

KINDS = {"eol": 0, "nop": 1, "mss": 2, "wscale": 3, "sackOK": 4, "sack": 5, "TS": 8, "FO": FAST_OPEN}
KINDS["FOEXP"] = EXPERIMENT
_SIZES = {"mss": 2, "wscale": 1, "sackOK": 0, "TS": 8}
_NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(slots=True)
class Seen:
    """An IP packet on the wire, at `time`; `faults` are checksums in it that are wrong."""

    time: int
    ip: Ipv4Packet | Ipv6Packet
    content: TcpSegment | UdpDatagram | IcmpMessage | Icmpv6Message
    faults: tuple[str, ...] = ()

    @classmethod
    def parse(cls, time: int, packet: bytes) -> Seen | None:
        """What an IP packet is; None if it is of a protocol that scripts have no words for. WireError."""
        ip: Ipv4Packet | Ipv6Packet
        faults = []
        if packet[:1] and packet[0] >> 4 == 4:
            ip = Ipv4Packet.parse(packet)
            protocol = ip.protocol
            if not is_valid(packet[: ip.header_length]):
                faults.append("IPv4 header checksum")
        else:
            ip = Ipv6Packet.parse(packet)
            protocol = ip.next_header
        data = ip.payload
        pseudo = pseudo_sum(ip.source, ip.destination, protocol, len(data))
        content: TcpSegment | UdpDatagram | IcmpMessage | Icmpv6Message
        if protocol == TCP:
            content = TcpSegment.parse(data)
            good = is_valid(data, pseudo)
        elif protocol == UDP:
            content = UdpDatagram.parse(data)
            good = content.checksum == 0 or is_valid(data, pseudo)
        elif protocol == ICMP and isinstance(ip, Ipv4Packet):
            content = IcmpMessage.parse(data)
            good = is_valid(data)
        elif protocol == ICMPV6 and isinstance(ip, Ipv6Packet):
            content = Icmpv6Message.parse(data)
            good = is_valid(data, pseudo)
        else:
            return None
        if not good:
            faults.append(f"checksum of {type(content).__name__}")
        return cls(time, ip, content, tuple(faults))

    @property
    def ports(self) -> tuple[int, int] | None:
        """Its source and destination port, if it has any."""
        if isinstance(self.content, TcpSegment | UdpDatagram):
            return self.content.source_port, self.content.destination_port
        return None

    @property
    def tos(self) -> int:
        """The octet of DSCP and ECN."""
        return self.ip.dscp << 2 | self.ip.ecn

    @property
    def ttl(self) -> int:
        """TTL, or hop limit."""
        return self.ip.ttl if isinstance(self.ip, Ipv4Packet) else self.ip.hop_limit


def flag_letters(flags: int) -> str:
    """The flags as scripts write them."""
    return (
        "".join(letter for letter, bit in FLAG_LETTERS.items() if flags & bit and bit != ACK)
        + ("." if flags & ACK else "")
        or "-"
    )


def text_options(
    segment: TcpSegment, conversation: Conversation | None, ours: bool
) -> tuple[TextOption, ...]:
    """The options of a segment in the script's words and numbers; `ours` says whether this stack sent it."""
    return tuple(_text_option(option, conversation, ours) for option in segment.options)


def _text_option(option: Option, conversation: Conversation | None, ours: bool) -> TextOption:
    name, data = _NAMES.get(option.kind, ""), option.data
    number = int.from_bytes(data, "big")
    if name in ("nop", "eol"):
        return TextOption(name)
    if name == "sack" and data and len(data) % 8 == 0:
        edges = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]
        if not ours and conversation is not None:
            edges = [conversation.to_script(edge) for edge in edges]
        return TextOption(name, tuple(edges))
    if name == "FO":
        return TextOption(name, (), data)
    if name == "FOEXP" and data.startswith(FAST_OPEN_MAGIC):
        return TextOption(name, (), data[2:])
    if _SIZES.get(name) == len(data):
        if name == "TS":
            value, echo = number >> 32, number & 0xFFFFFFFF
            if conversation is not None:
                if ours:
                    value = conversation.stamp_to_script(value)
                elif echo:
                    echo = conversation.stamp_to_script(echo)
            return TextOption(name, (value, echo))
        return TextOption(name, (number,) if data else ())
    return TextOption(f"kind {option.kind}", (), data)


def show(seen: Seen, conversation: Conversation | None, ours: bool = True, ports: bool = False) -> str:
    """A packet as a line of a script, from its arrow on.

    It has the numbers of `conversation`, those on the wire without one, and `ports` if asked for.
    """
    parts = [">" if ours else "<"]
    ecn = ("", "[ect1]", "[ect0]", "[ce]")[seen.ip.ecn]
    if ecn:
        parts.append(ecn)
    if ports and seen.ports is not None:
        parts.append(f"{seen.ports[0]} > {seen.ports[1]}")
    content = seen.content
    if isinstance(content, UdpDatagram):
        parts.append(f"udp ({len(content.payload)})")
    elif isinstance(content, IcmpMessage | Icmpv6Message):
        parts.append(_icmp(content))
    else:
        parts.append(_segment(content, conversation, ours))
    return " ".join(parts)


def _icmp(message: IcmpMessage | Icmpv6Message) -> str:
    v4 = isinstance(message, IcmpMessage)
    word = "icmp" if v4 else "icmpv6"
    for name, (kind, codes) in (ICMP_V4 if v4 else ICMP_V6).items():
        if kind == message.type:
            second = [each for each, code in codes.items() if code == message.code]
            size = f" mtu {message.rest}" if second == ["frag_needed"] or name == "packet_too_big" else ""
            return " ".join([word, name, *second]) + size
    return f"{word} type {message.type} code {message.code}"


def _segment(segment: TcpSegment, conversation: Conversation | None, ours: bool) -> str:
    sequence, acknowledgment = segment.sequence, segment.acknowledgment
    if conversation is not None:
        if ours:
            sequence = conversation.to_script(sequence)
        elif segment.flags & ACK:
            acknowledgment = conversation.to_script(acknowledgment)
    size = len(segment.payload)
    parts = [flag_letters(segment.flags), f"{sequence}:{(sequence + size) & 0xFFFFFFFF}({size})"]
    if segment.flags & ACK:
        parts.append(f"ack {acknowledgment}")
    parts.append(f"win {segment.window}")
    if segment.flags & URG or segment.urgent_pointer:
        parts.append(f"urg {segment.urgent_pointer}")
    options = text_options(segment, conversation, ours)
    if options:
        parts.append(f"<{','.join(map(str, options))}>")
    return " ".join(parts)
