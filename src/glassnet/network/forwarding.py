"""Forwarding: what makes a host a router (RFC 1812 section 5.2, RFC 8200 section 3)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from glassnet.network.destinations import Destination, Kind
from glassnet.network.fragmentation import fragments_v4
from glassnet.network.mss import clamped
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import DONT_FRAGMENT

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Forwarder"]

_TCP = 6
_pack_v4 = Struct("!BBH").pack
_HOPS = tuple(bytes((hops,)) for hops in range(256))


class Forwarder:
    """Sends packets on that are not for this host.

    `clamp_mss` keeps the MSS in TCP SYNs that pass to what their way out takes in one packet
    (True), or to a number of bytes, or leaves it alone (False).
    """

    __slots__ = ("_drops", "_internet", "clamp_mss")

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._drops = internet.drops
        self.clamp_mss: bool | int = False

    def forward_v4(
        self,
        frame: bytes,
        offset: int,
        end: int,
        ttl: int,
        protocol: int,
        checksum: int,
        way: Destination,
    ) -> None:
        """Send an IPv4 packet on, one hop nearer to the end of its life."""
        if self.clamp_mss is not False and protocol == _TCP:
            fragment = (frame[offset + 6] & 0x1F) | frame[offset + 7]
            if not fragment:
                start = offset + ((frame[offset] & 15) << 2)
                frame = clamped(frame, start, end, self._most(way.link_mtu - 40))
        link = way.hop.link
        if link is None or ttl < 2 or end - offset > way.link_mtu or frame[0] & 1:
            self._forward_v4_with_care(frame, offset, end, ttl, protocol, checksum, way)
            return
        # RFC 1624: the TTL is the higher half of its word, which loses 0x100; the checksum gains it.
        checksum += 0x100
        if checksum >= 0xFFFF:
            checksum -= 0xFFFF
        onward = b"".join(
            (
                link,
                frame[offset : offset + 8],
                _pack_v4(ttl - 1, protocol, checksum),
                frame[offset + 12 : end],
            )
        )
        way.transmit(onward if type(frame) is bytes else Foreign(onward))

    def forward_v6(self, frame: bytes, offset: int, end: int, hop_limit: int, way: Destination) -> None:
        """Send an IPv6 packet on, one hop nearer to the end of its life."""
        if self.clamp_mss is not False and frame[offset + 6] == _TCP:
            frame = clamped(frame, offset + 40, end, self._most(way.link_mtu - 60))
        link = way.hop.link
        if link is None or hop_limit < 2 or end - offset > way.link_mtu or frame[0] & 1:
            self._forward_v6_with_care(frame, offset, end, hop_limit, way)
            return
        onward = b"".join((link, frame[offset : offset + 7], _HOPS[hop_limit - 1], frame[offset + 8 : end]))
        way.transmit(onward if type(frame) is bytes else Foreign(onward))

    def _most(self, fits: int) -> int:
        return fits if self.clamp_mss is True else int(self.clamp_mss)

    def _forward_v4_with_care(
        self,
        frame: bytes,
        offset: int,
        end: int,
        ttl: int,
        protocol: int,
        checksum: int,
        way: Destination,
    ) -> None:
        icmp = self._internet.icmp
        if frame[0] & 1:
            self._drops("ipv4: broadcast of the link to a unicast address", frame)  # RFC 1812 section 5.3.4
            return
        if ttl < 2:
            self._drops("ipv4: time to live", frame)
            icmp.time_exceeded(frame, offset, end)
            return
        current = self._current(way)
        if current is None:
            self._drops("ipv4: no route", frame)
            icmp.network_unreachable(frame, offset, end)
            return
        checksum += 0x100
        if checksum >= 0xFFFF:
            checksum -= 0xFFFF
        packet = b"".join(
            (frame[offset : offset + 8], _pack_v4(ttl - 1, protocol, checksum), frame[offset + 12 : end])
        )
        packets = [packet]
        if len(packet) > current.link_mtu:
            if packet[6] & DONT_FRAGMENT >> 8:
                self._drops("ipv4: fragmentation needed", frame)
                icmp.fragmentation_needed(frame, offset, end, current.link_mtu)
                return
            packets = fragments_v4(packet, current.link_mtu)
        for part in packets:
            current.send(part if type(frame) is bytes else Foreign(part), True)

    def _forward_v6_with_care(
        self, frame: bytes, offset: int, end: int, hop_limit: int, way: Destination
    ) -> None:
        icmpv6 = self._internet.icmpv6
        if frame[0] & 1:
            self._drops("ipv6: group of the link to a unicast address", frame)
            return
        if hop_limit < 2:
            self._drops("ipv6: hop limit", frame)
            icmpv6.time_exceeded(frame, offset, end)
            return
        current = self._current(way)
        if current is None:
            self._drops("ipv6: no route", frame)
            icmpv6.no_route(frame, offset, end, way.interface)
            return
        if end - offset > current.link_mtu:
            self._drops("ipv6: packet too big", frame)
            icmpv6.packet_too_big(frame, offset, end, current.link_mtu)
            return
        packet = b"".join((frame[offset : offset + 7], _HOPS[hop_limit - 1], frame[offset + 8 : end]))
        current.send(packet if type(frame) is bytes else Foreign(packet), True)

    def _current(self, way: Destination) -> Destination | None:
        """The entry of a destination as it is now; None if there is no way there any more."""
        if way.valid:
            return way
        try:
            current = self._internet.destinations.lookup(way.address)
        except OSError:
            return None
        return current if current.kind is Kind.UNICAST else None
