"""Whether a packet that this stack has sent is the one that the script expects."""

from __future__ import annotations

from glassnet.packetdrill.conversation import Conversation, octets
from glassnet.packetdrill.flags import Flags
from glassnet.packetdrill.script import Icmp, Packet, Segment, TextOption, Udp
from glassnet.packetdrill.seen import Seen, flag_letters, text_options
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import TCP, UDP
from glassnet.wire.tcp import ACK, SYN, TcpSegment
from glassnet.wire.udp import UdpDatagram

__all__ = ["differences"]

_ECN_NAMES = ("noecn", "ect1", "ect0", "ce")


def differences(expected: Packet, seen: Seen, conversation: Conversation | None, flags: Flags) -> list[str]:
    """What about `seen` is not as `expected`; nothing if it is the same packet.

    `conversation` learns from it which numbers of the wire stand for those of the script.
    Timestamps are compared only if `flags` say how long a tick of the script's is.
    """
    found = [f"wrong {fault}" for fault in seen.faults]
    want, content = expected.content, seen.content
    if isinstance(want, Udp):
        if not isinstance(content, UdpDatagram):
            return [*found, "it is no UDP datagram"]
        if len(content.payload) != want.length:
            found.append(f"octets: expected {want.length}, seen {len(content.payload)}")
    elif isinstance(want, Icmp):
        if not isinstance(content, IcmpMessage | Icmpv6Message):
            return [*found, "it is no ICMP message"]
        if (content.type, content.code) != (want.kind, want.code):
            found.append(
                f"type and code: expected {want.kind} and {want.code}, seen {content.type} and {content.code}"
            )
        if want.rest and content.rest != want.rest:
            found.append(f"MTU, or identifier and number: expected {want.rest:#x}, seen {content.rest:#x}")
        if want.quoted is not None:
            found += _quotation(want.quoted, content.payload)
    elif not isinstance(content, TcpSegment):
        return [*found, "it is no TCP segment"]
    else:
        found += _segment(want, content, conversation, flags)
    return found + _ip(expected, seen)


def _quotation(want: Segment | Udp, payload: bytes) -> list[str]:
    """What is not as the script says about the packet of the remote end that an ICMP message quotes."""
    v4 = payload[:1] != b"" and payload[0] >> 4 == 4
    protocol = payload[9 if v4 else 6 : 10 if v4 else 7]
    inner = payload[(payload[0] & 15) * 4 if v4 else 40 :]
    if protocol != bytes([UDP if isinstance(want, Udp) else TCP]) or len(inner) < 8:
        return [f"it quotes no {'UDP datagram' if isinstance(want, Udp) else 'TCP segment'}"]
    if isinstance(want, Udp):
        name, wanted, seen = "octets", want.length, int.from_bytes(inner[4:6], "big") - 8
    else:
        name, wanted, seen = "sequence number", want.sequence, int.from_bytes(inner[4:8], "big")
    return [] if wanted == seen else [f"{name} of the quoted packet: expected {wanted}, seen {seen}"]


def _ip(expected: Packet, seen: Seen) -> list[str]:
    want, found = expected.ip, []
    if want.ecn is not None and seen.ip.ecn not in want.ecn:
        names = " or ".join(_ECN_NAMES[each] for each in want.ecn)
        found.append(f"ECN: expected {names}, seen {_ECN_NAMES[seen.ip.ecn]}")
    if want.tos is not None and seen.tos != want.tos:
        found.append(f"TOS: expected {want.tos:#04x}, seen {seen.tos:#04x}")
    if want.ttl is not None and seen.ttl != want.ttl:
        found.append(f"TTL: expected {want.ttl}, seen {seen.ttl}")
    if want.flow_label is not None and (
        not isinstance(seen.ip, Ipv6Packet) or seen.ip.flow_label != want.flow_label
    ):
        found.append(f"flow label: expected {want.flow_label:#x}")
    return found


def _segment(want: Segment, live: TcpSegment, conversation: Conversation | None, flags: Flags) -> list[str]:
    found: list[str] = []
    if conversation is not None and live.flags & SYN and conversation.local_start is None:
        conversation.begin(want.sequence, live.sequence)
    talk = conversation or Conversation((b"", 0), (b"", 0), {})
    if live.flags != want.flags:
        found.append(f"flags: expected {flag_letters(want.flags)}, seen {flag_letters(live.flags)}")
    sequence = talk.to_script(live.sequence)
    if sequence != want.sequence:
        found.append(f"sequence number: expected {want.sequence}, seen {sequence}")
    if len(live.payload) != want.length:
        found.append(f"octets: expected {want.length}, seen {len(live.payload)}")
    elif live.payload and sequence == want.sequence:
        found += _payload(live, talk, sequence)
    acknowledgment = live.acknowledgment
    if want.acknowledgment is not None and live.flags & ACK and acknowledgment != want.acknowledgment:
        found.append(f"ack: expected {want.acknowledgment}, seen {acknowledgment}")
    if want.window is not None and live.window != want.window:
        found.append(f"window: expected {want.window}, seen {live.window}")
    if want.urgent is not None and live.urgent_pointer != want.urgent:
        found.append(f"urgent pointer: expected {want.urgent}, seen {live.urgent_pointer}")
    if live.reserved:
        found.append(f"reserved bits: {live.reserved:#x}")
    if want.options is not None:
        found += _options(want.options, live, talk, flags)
    return found


def _payload(live: TcpSegment, talk: Conversation, sequence: int) -> list[str]:
    start = (talk.local_start or 0) + (0 if live.flags & SYN else 1)
    position = (sequence - start) & 0xFFFFFFFF
    if talk.written is None:
        wanted = octets(position, len(live.payload))
    else:
        wanted = bytes(talk.written[position : position + len(live.payload)])
    if wanted == live.payload:
        return []
    length = min(len(wanted), len(live.payload))
    at = next((at for at in range(length) if wanted[at] != live.payload[at]), length)
    return [f"octet {sequence + at} is not the one that the program wrote"]


def _options(wanted: tuple[TextOption, ...], live: TcpSegment, talk: Conversation, flags: Flags) -> list[str]:
    wanted = tuple(each for each in wanted if each.name != "eol")  # filling at the end is not looked at
    there = text_options(live, None, True)
    if [each.name for each in wanted] != [each.name for each in there]:
        return [f"options: expected <{_names(wanted)}>, seen <{_names(there)}>"]
    found = []
    for want, have in zip(wanted, there, strict=True):
        if want.name == "TS":
            value = have.values[0]
            talk.stamped(want.values[0], value)
            off = talk.stamp_error(want.values[0], value, flags.stamp_tick) if flags.stamp_tick else 0
            if off > flags.tolerance:
                found.append(f"TS val: expected {want.values[0]}, seen {talk.stamp_to_script(value)}")
            if want.values[1] != have.values[1]:
                found.append(f"TS ecr: expected {want.values[1]}, seen {have.values[1]}")
        elif want.name in ("FO", "FOEXP") and live.flags & (SYN | ACK) == SYN | ACK:
            if len(want.cookie) != len(have.cookie):
                found.append(f"cookie: expected {len(want.cookie)} octets, seen {len(have.cookie)}")
            talk.cookie_made(want.cookie, have.cookie)
        elif want != have:
            found.append(f"option: expected {want}, seen {have}")
    return found


def _names(options: tuple[TextOption, ...]) -> str:
    return ",".join(each.name for each in options)
