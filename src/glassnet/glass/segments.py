"""TCP segments in captured frames, and the connections that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final, NamedTuple

from glassnet.glass.pcapng import LINKTYPE_ETHERNET, Direction, Packet
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import DESTINATION_OPTIONS, HOP_BY_HOP, ROUTING, TCP
from glassnet.wire.tcp import ACK, FIN, RST, SYN, TcpSegment

__all__ = [
    "Connection",
    "Conversation",
    "Endpoint",
    "Segment",
    "Sighting",
    "conversations",
    "segments",
    "sightings",
]


_LOOPBACK: Final = bytes(12)  # both addresses of its frames are zero


class Sighting(NamedTuple):
    """A frame seen at an interface of a host: as it left ("tx"), or as it came in ("rx").

    `time` is in nanoseconds, from wherever its source counts.
    """

    time: int
    host: str
    interface: str
    direction: Direction
    frame: bytes


def sightings(packets: Iterable[Packet]) -> Iterator[Sighting]:
    """The packets of a capture file whose interfaces are named as `Capture` names them: `"host.eth0"`."""
    for packet in packets:
        ethernet = packet.interface.link_type == LINKTYPE_ETHERNET
        if ethernet and packet.time is not None and packet.direction is not None:
            host, _, interface = packet.interface.name.rpartition(".")
            yield Sighting(packet.time, host, interface, packet.direction, packet.data)


class Endpoint(NamedTuple):
    """One end of a connection: an address of 4 or 16 bytes, and a port."""

    address: bytes
    port: int

    def __str__(self) -> str:
        text = str(ip_address(self.address))
        return f"{text}:{self.port}" if len(self.address) == 4 else f"[{text}]:{self.port}"


class Connection(NamedTuple):
    """The two ends of a TCP connection; `client` is the one that sent the first segment."""

    client: Endpoint
    server: Endpoint


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment where it was seen; `length` is that of its data, `mss` its option (RFC 9293, 3.7.1).

    `identity` is equal for the sightings of one packet along its way, and as a rule
    different for other packets, of the same data too.
    """

    time: int
    host: str
    direction: Direction
    source: Endpoint
    destination: Endpoint
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    length: int
    mss: int | None
    identity: bytes

    @property
    def taken(self) -> int:
        """How many sequence numbers it takes: SYN and FIN take one each (RFC 9293, 3.4)."""
        return self.length + bool(self.flags & SYN) + bool(self.flags & FIN)


def segments(seen: Iterable[Sighting]) -> Iterator[Segment]:
    """The whole TCP segments among frames; fragments of them, and broken ones, are passed over.

    On a loopback interface a frame is seen once, and is both sent and received there.
    """
    for sighting in seen:
        try:
            segment = _segment(sighting)
        except WireError:
            continue
        if segment is None:
            continue
        if sighting.frame[:12] == _LOOPBACK:
            yield replace(segment, direction="tx")
            yield replace(segment, direction="rx")
        else:
            yield segment


def _segment(sighting: Sighting) -> Segment | None:
    frame = EthernetFrame.parse(sighting.frame)
    packet: Ipv4Packet | Ipv6Packet
    if frame.ethertype == ETHERTYPE_IPV4:
        packet = Ipv4Packet.parse(frame.payload)
        if packet.protocol != TCP or packet.more_fragments or packet.fragment_offset:
            return None
        data, identity = packet.payload, packet.identification.to_bytes(2, "big")
    elif frame.ethertype == ETHERTYPE_IPV6:
        packet = Ipv6Packet.parse(frame.payload)
        data, identity = _behind_extensions(packet), b""
    else:
        return None
    if not data:
        return None
    tcp = TcpSegment.parse(data)
    return Segment(
        time=sighting.time,
        host=sighting.host,
        direction=sighting.direction,
        source=Endpoint(packet.source, tcp.source_port),
        destination=Endpoint(packet.destination, tcp.destination_port),
        sequence=tcp.sequence,
        acknowledgment=tcp.acknowledgment,
        flags=tcp.flags,
        window=tcp.window,
        length=len(tcp.payload),
        mss=tcp.mss,
        identity=identity + data,
    )


def _behind_extensions(packet: Ipv6Packet) -> bytes:
    """The TCP segment of an IPv6 packet; empty if it carries something else (RFC 8200, 4)."""
    kind, data = packet.next_header, packet.payload
    while kind in (HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS) and len(data) >= 8:
        kind, data = data[0], data[8 + data[1] * 8 :]
    return data if kind == TCP else b""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was seen of one connection, in the order of the sightings."""

    connection: Connection
    segments: list[Segment] = field(default_factory=list)


def conversations(found: Iterable[Segment]) -> list[Conversation]:
    """Sort segments by connection, in the order in which the connections began.

    A connection that follows another between the same addresses and ports is its own:
    it begins with a SYN of another number, after a FIN or RST.
    """
    result: list[Conversation] = []
    current: dict[Connection, Conversation] = {}
    opened: dict[Connection, int] = {}
    ending: set[Connection] = set()
    for segment in found:
        key = Connection(segment.source, segment.destination)
        if Connection(*reversed(key)) in current:
            key = Connection(*reversed(key))
        opening = segment.flags & (SYN | ACK) == SYN
        again = opening and key in ending and segment.sequence != opened.get(key)
        if again:
            del current[key]
            ending.remove(key)
            key = Connection(segment.source, segment.destination)
        if key not in current:
            current[key] = Conversation(key)
            result.append(current[key])
            if opening:
                opened[key] = segment.sequence
        if segment.flags & (FIN | RST):
            ending.add(key)
        current[key].segments.append(segment)
    return result
