"""A frame in one line, as tcpdump shows it, and filters that choose among frames."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

from glassnet.network.addresses import address_text
from glassnet.wire.arp import REQUEST, ArpPacket
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame, mac_text
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import ICMP, ICMPV6, TCP, UDP
from glassnet.wire.tcp import TcpSegment
from glassnet.wire.udp import UdpDatagram

__all__ = ["Frame", "described", "filtered"]

_FLAGS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x20, "U"), (0x40, "E"), (0x80, "W"))
_KINDS = ("arp", "ip", "ip6", "icmp", "icmp6", "tcp", "udp")
_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}
_ICMPV6 = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
}


class Frame(NamedTuple):
    """What there is to show of a frame: its protocols, ends and ports, and a line about it."""

    kinds: tuple[str, ...]
    addresses: tuple[bytes, ...]
    ports: tuple[int, ...]
    line: str


def described(data: bytes) -> Frame:
    """A frame, for people. One that makes no sense is shown as that."""
    try:
        return _described(data)
    except WireError as error:
        return Frame((), (), (), f"broken frame of {len(data)} bytes: {error}")


def _described(data: bytes) -> Frame:
    frame = EthernetFrame.parse(data)
    if frame.ethertype == ETHERTYPE_ARP:
        arp = ArpPacket.parse(frame.payload)
        asks, asked = address_text(arp.sender_protocol), address_text(arp.target_protocol)
        told = (
            f"Request who-has {asked} tell {asks}"
            if arp.operation == REQUEST
            else f"Reply {asks} is-at {mac_text(arp.sender_hardware)}"
        )
        return Frame(("arp",), (arp.sender_protocol, arp.target_protocol), (), f"ARP, {told}")
    if frame.ethertype == ETHERTYPE_IPV4:
        packet = Ipv4Packet.parse(frame.payload)
        if packet.fragment_offset:
            line = f"IP {address_text(packet.source)} > {address_text(packet.destination)}: fragment"
            return Frame(("ip",), (packet.source, packet.destination), (), line)
        return _transport("IP", "ip", packet.source, packet.destination, packet.protocol, packet.payload)
    if frame.ethertype == ETHERTYPE_IPV6:
        six = Ipv6Packet.parse(frame.payload)
        return _transport("IP6", "ip6", six.source, six.destination, six.next_header, six.payload)
    line = f"{mac_text(frame.source)} > {mac_text(frame.destination)}: ethertype 0x{frame.ethertype.hex()}"
    return Frame((), (), (), line)


def _transport(
    name: str, kind: str, source: bytes, destination: bytes, protocol: int, payload: bytes
) -> Frame:
    ends = (source, destination)
    a, b = address_text(source), address_text(destination)
    if protocol == TCP:
        tcp = TcpSegment.parse(payload)
        flags = "".join(letter for bit, letter in _FLAGS if tcp.flags & bit) + (
            "." if tcp.flags & 0x10 else ""
        )
        line = (
            f"{name} {a}.{tcp.source_port} > {b}.{tcp.destination_port}: Flags [{flags}], seq {tcp.sequence}"
        )
        if tcp.flags & 0x10:
            line += f", ack {tcp.acknowledgment}"
        line += f", win {tcp.window}, length {len(tcp.payload)}"
        return Frame((kind, "tcp"), ends, (tcp.source_port, tcp.destination_port), line)
    if protocol == UDP:
        udp = UdpDatagram.parse(payload, truncated=True)
        line = f"{name} {a}.{udp.source_port} > {b}.{udp.destination_port}: UDP, length {len(udp.payload)}"
        return Frame((kind, "udp"), ends, (udp.source_port, udp.destination_port), line)
    if protocol in (ICMP, ICMPV6):
        message = (IcmpMessage if protocol == ICMP else Icmpv6Message).parse(payload)
        names = _ICMP if protocol == ICMP else _ICMPV6
        what = names.get(message.type, f"type {message.type}")
        if what.startswith("echo"):
            what += f", id {message.identifier}, seq {message.sequence}"
        short = "icmp" if protocol == ICMP else "icmp6"
        line = f"{name} {a} > {b}: {short.upper()} {what}, length {len(payload)}"
        return Frame((kind, short), ends, (), line)
    return Frame((kind,), ends, (), f"{name} {a} > {b}: protocol {protocol}, length {len(payload)}")


Filter = Callable[[Frame], bool]


def filtered(words: list[str], find: Callable[[str], tuple[bytes, ...]]) -> Filter:
    """The filter that words such as `tcp port 80` or `icmp or host web` stand for.

    `find` gives the addresses of a name. ValueError says what was not understood.
    """
    alternatives: list[list[Filter]] = [[]]
    rest = list(words)
    negated = False
    while rest:
        word = rest.pop(0)
        if word == "or":
            alternatives.append([])
            continue
        if word == "and":
            continue
        if word == "not":
            negated = not negated
            continue
        test = _test(word, rest, find)
        alternatives[-1].append(_opposite(test) if negated else test)
        negated = False
    if negated or (words and not all(alternatives)):
        raise ValueError(f"filter {' '.join(words)!r} is not complete")
    return lambda frame: any(all(test(frame) for test in tests) for tests in alternatives)


def _opposite(test: Filter) -> Filter:
    return lambda frame: not test(frame)


def _test(word: str, rest: list[str], find: Callable[[str], tuple[bytes, ...]]) -> Filter:
    if word in _KINDS:
        return lambda frame: word in frame.kinds
    if word in ("port", "host") and rest:
        value = rest.pop(0)
        if word == "host":
            wanted = find(value)
            if not wanted:
                raise ValueError(f"host {value}: no such host, and no address")
            return lambda frame: any(address in wanted for address in frame.addresses)
        try:
            port = int(value) if value.isdigit() else socket.getservbyname(value)
        except OSError:
            raise ValueError(f"port {value}: expected a number, or the name of a service") from None
        return lambda frame: port in frame.ports
    raise ValueError(
        f"filter word {word!r} is not known: there are {', '.join(_KINDS)}, "
        "host NAME, port NUMBER, and, or, not"
    )
