"""The Address Resolution Protocol on one interface (RFC 826; probes and conflicts: RFC 5227)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import UNSPECIFIED_V4
from glassnet.network.neighbours import NeighbourState
from glassnet.wire.arp import REPLY, REQUEST, ArpPacket
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import BROADCAST, ETHERTYPE_ARP

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment

__all__ = ["Arp"]

_AWAITED = (NeighbourState.INCOMPLETE, NeighbourState.DELAY, NeighbourState.PROBE)


class Arp:
    """Asks for the MAC addresses of IPv4 neighbours, and answers for the addresses of one interface."""

    __slots__ = ("_attachment",)

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment

    def solicit(self, address: bytes, mac: bytes | None, packet: bytes | None) -> None:
        """Ask who has `address`: everyone, or only the neighbour who had it when last heard of.

        From the source of the packet that waits, if that is an address of the interface:
        the neighbour then knows whom to answer when it gets the packet.
        """
        attachment = self._attachment
        if packet is not None and packet[12:16] in attachment.addresses:
            sender: bytes | None = packet[12:16]
        else:
            sender = attachment.address_for(address)
        if sender is None:
            # An interface without an address of its own speaks under one of the host's.
            sender = attachment.internet.any_address(address)
        if sender is None:
            attachment.internet.drops("arp: no address to ask with")
            return
        if mac is None:
            self._send(REQUEST, sender, address, bytes(6), BROADCAST)
        else:
            self._send(REQUEST, sender, address, mac, mac)

    def announce(self, address: bytes) -> None:
        """Tell everyone that `address` is here (RFC 5227 section 2.3)."""
        self._send(REQUEST, address, address, bytes(6), BROADCAST)

    def _send(self, operation: int, sender: bytes, target: bytes, target_mac: bytes, to: bytes) -> None:
        interface = self._attachment.interface
        packet = ArpPacket(
            operation=operation,
            sender_hardware=interface.mac,
            sender_protocol=sender,
            target_hardware=target_mac,
            target_protocol=target,
        )
        interface.send(b"".join((to, interface.mac, ETHERTYPE_ARP, packet.build())))

    def receive(self, frame: bytes, offset: int, interface: Interface) -> None:
        """Take an ARP packet."""
        attachment = self._attachment
        drops = attachment.internet.drops
        try:
            packet = ArpPacket.parse(frame, offset)
        except WireError as problem:
            drops(problem.what, frame)
            return
        if packet.operation not in (REQUEST, REPLY):
            drops("arp: operation", frame)
            return
        sender, mac = packet.sender_protocol, packet.sender_hardware
        if mac[0] & 1 or not any(mac):
            drops("arp: sender's MAC address", frame)
            return
        if sender[0] >= 224 or sender[0] == 127 or sender in attachment.broadcasts:
            drops("arp: sender's address", frame)
            return
        if sender in attachment.addresses:
            if mac != interface.mac:
                drops("arp: address conflict", frame)
            return
        ours = packet.target_protocol in attachment.addresses
        if packet.operation == REQUEST:
            if sender != UNSPECIFIED_V4:  # a probe by a host that has no address yet
                neighbours = attachment.neighbours(4)
                neighbour = neighbours.get(sender) if ours else neighbours.known(sender)
                if neighbour is not None:
                    neighbour.heard(mac)
            if ours:
                self._send(REPLY, packet.target_protocol, sender, mac, mac)
            return
        known = attachment.neighbours(4).known(sender)
        if known is None:
            drops("arp: unexpected reply", frame)
            return
        known.advertised(mac, frame[:6] == interface.mac and known.state in _AWAITED, override=True)
