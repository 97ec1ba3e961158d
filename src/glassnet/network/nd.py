"""Neighbour discovery on one interface: solicitations and advertisements (RFC 4861 sections 7.1 and 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.network.addresses import (
    ALL_NODES,
    UNSPECIFIED_V6,
    is_multicast,
    multicast_mac,
    solicited_node,
)
from glassnet.wire import icmpv6, ipv6
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_IPV6
from glassnet.wire.nd import HOP_LIMIT, NeighborAdvertisement, NeighborSolicitation
from glassnet.wire.nd_options import (
    SOURCE_LINK_LAYER_ADDRESS,
    TARGET_LINK_LAYER_ADDRESS,
    NdOption,
    link_layer_address,
)
from glassnet.wire.numbers import ICMPV6

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment

__all__ = ["NeighbourDiscovery"]

_VERSION_6 = 6 << 28
_IGNORED = {
    icmpv6.ROUTER_SOLICITATION: "nd: router solicitation ignored",
    icmpv6.ROUTER_ADVERTISEMENT: "nd: router advertisement ignored",
    icmpv6.REDIRECT: "nd: redirect ignored",
}


class NeighbourDiscovery:
    """Asks for the MAC addresses of IPv6 neighbours, and answers for the addresses of one interface."""

    __slots__ = ("_attachment",)

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment

    def solicit(self, address: bytes, mac: bytes | None, packet: bytes | None) -> None:
        """Ask who has `address`: its solicited-node group, or only the neighbour who had it last.

        From the source of the packet that waits, if that is an address of the interface
        (RFC 4861 section 7.2.2): the neighbour then knows whom to answer.
        """
        attachment = self._attachment
        if packet is not None and packet[8:24] in attachment.addresses:
            source: bytes | None = packet[8:24]
        else:
            source = attachment.address_for(address)
        if source is None:
            attachment.internet.drops("nd: no address to ask with")
            return
        group = solicited_node(address)
        option = NdOption(SOURCE_LINK_LAYER_ADDRESS, attachment.interface.mac)
        to = group if mac is None else address
        message = NeighborSolicitation(target=address, options=(option,))
        built = message.build(pseudo_sum(source, to, ICMPV6))
        self._send(source, to, multicast_mac(group) if mac is None else mac, built)

    def announce(self, address: bytes) -> None:
        """Tell everyone that `address` is here (RFC 4861 section 7.2.6)."""
        self._advertise(address, ALL_NODES, multicast_mac(ALL_NODES), solicited=False)

    def _advertise(self, target: bytes, to: bytes, mac: bytes, solicited: bool) -> None:
        message = NeighborAdvertisement(
            router=self._attachment.internet.forwarding,
            solicited=solicited,
            override=True,
            target=target,
            options=(NdOption(TARGET_LINK_LAYER_ADDRESS, self._attachment.interface.mac),),
        )
        self._send(target, to, mac, message.build(pseudo_sum(target, to, ICMPV6)))

    def _send(self, source: bytes, to: bytes, mac: bytes, message: bytes) -> None:
        interface = self._attachment.interface
        header = ipv6.HEADER.pack(_VERSION_6, len(message), ICMPV6, HOP_LIMIT, source, to)
        interface.send(b"".join((mac, interface.mac, ETHERTYPE_IPV6, header, message)))

    def receive(self, kind: int, frame: bytes, network_offset: int, offset: int, end: int) -> None:
        """Take a neighbour discovery message of this type whose checksum is known to be right."""
        drops = self._attachment.internet.drops
        if frame[network_offset + 7] != HOP_LIMIT:
            drops("nd: hop limit", frame)  # it came through a router
            return
        ignored = _IGNORED.get(kind)
        if ignored is not None:
            drops(ignored, frame)
            return
        source = frame[network_offset + 8 : network_offset + 24]
        destination = frame[network_offset + 24 : network_offset + 40]
        try:
            if kind == icmpv6.NEIGHBOR_SOLICITATION:
                solicitation = NeighborSolicitation.parse(frame, offset, end)
                reason = self._solicited(solicitation, source, destination)
            else:
                advertisement = NeighborAdvertisement.parse(frame, offset, end)
                reason = self._advertised(advertisement, destination)
        except WireError as problem:
            reason = problem.what
        if reason is not None:
            drops(reason, frame)

    def _solicited(self, message: NeighborSolicitation, source: bytes, destination: bytes) -> str | None:
        """Answer a solicitation; the reason if it is dropped instead."""
        target = message.target
        mac = link_layer_address(message.options, SOURCE_LINK_LAYER_ADDRESS)
        if is_multicast(target) or (mac is not None and mac[0] & 1):
            return "nd: group as target or sender"
        probing = source == UNSPECIFIED_V6
        if probing and (mac is not None or destination != solicited_node(target)):
            return "nd: solicitation without a source"
        attachment = self._attachment
        if target not in attachment.addresses:
            return "nd: target is not ours"
        if probing:
            self._advertise(target, ALL_NODES, multicast_mac(ALL_NODES), solicited=False)
            return None
        neighbour = attachment.neighbours(16).get(source)
        if mac is not None:
            neighbour.heard(mac)
            # Straight to who asked, as ARP does it: an answer is no traffic whose path needs a check.
            self._advertise(target, source, mac, solicited=True)
        else:
            self._advertise_later(target, source)
        return None

    def _advertise_later(self, target: bytes, to: bytes) -> None:
        """Answer a neighbour whose MAC address may first have to be found."""
        message = NeighborAdvertisement(
            router=self._attachment.internet.forwarding, solicited=True, override=True, target=target
        ).build(pseudo_sum(target, to, ICMPV6))
        header = ipv6.HEADER.pack(_VERSION_6, len(message), ICMPV6, HOP_LIMIT, target, to)
        self._attachment.neighbours(16).get(to).send(header + message, False)

    def _advertised(self, message: NeighborAdvertisement, destination: bytes) -> str | None:
        """Learn from an advertisement; the reason if it is dropped instead."""
        target = message.target
        mac = link_layer_address(message.options, TARGET_LINK_LAYER_ADDRESS)
        if is_multicast(target) or (mac is not None and mac[0] & 1):
            return "nd: group as target or sender"
        if message.solicited and is_multicast(destination):
            return "nd: solicited advertisement to a group"
        attachment = self._attachment
        if target in attachment.addresses:
            return "nd: address conflict"
        neighbour = attachment.neighbours(16).known(target)
        if neighbour is None:
            return "nd: unexpected advertisement"
        neighbour.router = message.router
        neighbour.advertised(mac, message.solicited, message.override)
        return None
