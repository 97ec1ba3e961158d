"""The other end of the cable: it notes what this stack sends, and sends what the script says.

It is the router to everywhere, and answers whoever asks for its address, or any other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from glassnet.datalink.interface import Interface
from glassnet.engine import Engine
from glassnet.packetdrill.seen import Seen
from glassnet.physical.framing import FCS
from glassnet.physical.lane import Lane
from glassnet.wire import arp, icmpv6
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6
from glassnet.wire.foreign import Foreign
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.nd import HOP_LIMIT, NeighborAdvertisement, NeighborSolicitation
from glassnet.wire.nd_options import TARGET_LINK_LAYER_ADDRESS, NdOption
from glassnet.wire.numbers import ICMPV6

__all__ = ["Remote"]

_LINK_MATTERS = range(130, 144)
"""ICMPv6 types of multicast listeners and neighbour discovery: no business of a script."""


class Remote:
    """What the cable's other end is plugged into. `sent` are packets of this stack not yet looked at.

    `noticed` is called after each of them; `passed` with each packet in either direction.
    """

    name = "remote"
    offload = 0

    def __init__(self, engine: Engine, mac: bytes, interface: Interface) -> None:
        self.lane: Lane | None = None
        self.sent: deque[Seen] = deque()
        self.noticed: Callable[[], object] = _nothing
        self.passed: Callable[[Seen, bool], object] = _nothing_passed
        self._engine = engine
        self._mac = mac
        self._interface = interface

    def receive(self, frame: bytes) -> None:
        """Take a frame of this stack."""
        ethertype = frame[12:14]
        if ethertype == ETHERTYPE_ARP:
            self._answer_arp(frame)
        elif ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
            packet = frame[14:]
            if ethertype == ETHERTYPE_IPV6 and self._of_the_link(packet):
                return
            seen = Seen.parse(self._engine.now, packet)
            if seen is not None:
                self.sent.append(seen)
                self.passed(seen, True)
                self.noticed()

    def receive_damaged(self, bits: bytes) -> None:
        """Take a frame with bit errors; this cable makes none."""
        self.receive(bits[:-FCS])

    def inject(self, packet: bytes) -> None:
        """Send an IP packet to this stack, which trusts nothing in it."""
        seen = Seen.parse(self._engine.now, packet)
        if seen is not None:
            self.passed(seen, False)
        self._send(ETHERTYPE_IPV4 if packet[0] >> 4 == 4 else ETHERTYPE_IPV6, packet)

    def _send(self, ethertype: bytes, packet: bytes) -> None:
        assert self.lane is not None
        frame = Foreign(b"".join((self._interface.mac, self._mac, ethertype, packet)))
        if len(packet) <= self._interface.mtu:
            self.lane.send(frame)
        else:
            # As from a device that puts segments together (GRO): scripts send what no cable carries.
            self._engine.after(0, self._deliver, frame)

    def _deliver(self, frame: bytes) -> None:
        self._interface.handlers[frame[12:14]](frame, 14, self._interface)

    def _answer_arp(self, frame: bytes) -> None:
        asked = arp.ArpPacket.parse(frame, 14)
        if asked.operation != arp.REQUEST or asked.sender_protocol == asked.target_protocol:
            return
        answer = arp.ArpPacket(
            operation=arp.REPLY,
            sender_hardware=self._mac,
            sender_protocol=asked.target_protocol,
            target_hardware=asked.sender_hardware,
            target_protocol=asked.sender_protocol,
        )
        self._send(ETHERTYPE_ARP, answer.build())

    def _of_the_link(self, packet: bytes) -> bool:
        """Whether a packet is neighbour discovery or multicast listening; questions are answered."""
        ip = Ipv6Packet.parse(packet)
        if ip.next_header == 0:
            return True  # only listener reports have hop-by-hop options here
        if ip.next_header != ICMPV6 or not ip.payload or ip.payload[0] not in _LINK_MATTERS:
            return False
        if Icmpv6Message.parse(ip.payload).type == icmpv6.NEIGHBOR_SOLICITATION and any(ip.source):
            asked = NeighborSolicitation.parse(ip.payload)
            answer = NeighborAdvertisement(
                router=True,
                solicited=True,
                override=True,
                target=asked.target,
                options=(NdOption(TARGET_LINK_LAYER_ADDRESS, self._mac),),
            ).build(pseudo_sum(asked.target, ip.source, ICMPV6))
            self._send(
                ETHERTYPE_IPV6,
                Ipv6Packet(
                    next_header=ICMPV6,
                    hop_limit=HOP_LIMIT,
                    source=asked.target,
                    destination=ip.source,
                    payload=answer,
                ).build(),
            )
        return True


def _nothing() -> None:
    pass


def _nothing_passed(seen: Seen, ours: bool) -> None:
    pass
