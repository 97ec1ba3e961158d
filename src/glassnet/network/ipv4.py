"""Receiving IPv4 packets (RFC 791, RFC 1122 section 3.2.1): check, then deliver here or forward.

What becomes of a packet depends on its two addresses alone, and that is decided once:
each pair of source and destination that came through is remembered until an address,
a group or a route changes.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import (
    LIMITED_BROADCAST,
    UNSPECIFIED_V4,
    is_link_local,
    is_loopback,
    is_multicast,
)
from glassnet.network.destinations import Kind
from glassnet.network.verdicts import Verdicts
from glassnet.wire.checksum import internet_checksum, is_valid
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_IPV4
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import (
    FRAGMENT_OFFSET,
    LOOSE_SOURCE_ROUTE,
    MAXIMUM,
    MORE_FRAGMENTS,
    STRICT_SOURCE_ROUTE,
)
from glassnet.wire.options import parse_options

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment

__all__ = ["Ipv4Input"]

# The units of `wire.ipv4.LAYOUT` that matter on arrival, with both addresses taken as one.
_unpack = Struct("!BxH2xHBBH8s").unpack_from
_PLAIN = 0x45  # version 4, no options
_FRAGMENT = MORE_FRAGMENTS | FRAGMENT_OFFSET


class Ipv4Input(Verdicts):
    """Takes the IPv4 packets of one interface."""

    __slots__ = ("_forward",)

    def __init__(self, attachment: Attachment) -> None:
        super().__init__(attachment)
        self._forward = attachment.internet.forwarder.forward_v4

    def receive(self, frame: bytes, offset: int, interface: Interface) -> None:
        """Take the packet that begins at `offset` of a frame."""
        try:
            first, total, fragment, ttl, protocol, checksum, pair = _unpack(frame, offset)
        except error:
            self._drops("ipv4: truncated", frame)
            return
        start = offset + 20
        end = offset + total
        if first != _PLAIN:
            start = offset + (first & 0x0F) * 4
            if first >> 4 != 4 or start < offset + 20:
                self._drops("ipv4: version" if first >> 4 != 4 else "ipv4: header length", frame)
                return
        if end < start or end > len(frame):
            self._drops("ipv4: total length", frame)
            return
        if type(frame) is not bytes and not is_valid(frame[offset:start]):
            self._drops("ipv4: header checksum", frame)
            return
        try:
            way = self._pairs[pair]
        except KeyError:
            if not self._decide(pair, frame, offset, end):
                return
            way = self._pairs[pair]
        if first != _PLAIN and not self._acceptable_options(frame, offset, start, end):
            return
        if way is not None:
            self._forward(frame, offset, end, ttl, protocol, checksum, way)
            return
        if fragment & _FRAGMENT:
            self._reassemble(frame, offset, start, end, fragment, interface)
            return
        handler = self._handlers.get(protocol)
        if handler is None:
            self._refuse_protocol(frame, offset, end)
            return
        handler(frame, offset, start, end, interface)

    def _refuse_protocol(self, frame: bytes, offset: int, end: int) -> None:
        self._drops("ipv4: unknown protocol", frame)
        self._internet.icmp.protocol_unreachable(frame, offset, end)

    # --- what to do with packets from one address to another

    def _decide(self, pair: bytes, frame: bytes, offset: int, end: int) -> bool:
        """Remember what to do with packets of this pair; False if this one was dropped."""
        source, destination = pair[:4], pair[4:]
        reason = self._bad_source(source, destination)
        if reason is None:
            if self._is_for_us(destination):
                self._remember(pair, None)
                return True
            reason = self._unforwardable(source, destination)
            if reason is None:
                try:
                    way = self._internet.destinations.lookup(destination)
                except OSError:
                    self._drops("ipv4: no route", frame)
                    self._internet.icmp.network_unreachable(frame, offset, end)
                    return False
                if way.kind is Kind.UNICAST:
                    self._remember(pair, way)
                    return True
                reason = "ipv4: directed broadcast"  # not into another network (RFC 2644)
        self._drops(reason, frame)
        return False

    def _bad_source(self, source: bytes, destination: bytes) -> str | None:
        """Why nothing may come from this address, if so (RFC 1122 3.2.1.3, RFC 1812 5.3.7)."""
        internet = self._internet
        if self._attachment.interface is internet.loopback:
            ours = source == UNSPECIFIED_V4 or internet.is_local(source)
            return None if ours else "ipv4: source is not ours"
        if source[0] >= 224 or source in self._attachment.broadcasts:
            return "ipv4: source is not unicast"
        if source[0] == 127 or destination[0] == 127:
            return "ipv4: loopback address on the wire"
        if source[0] == 0:
            # A host that does not know its address yet speaks to everyone.
            if source == UNSPECIFIED_V4 and (destination == LIMITED_BROADCAST or is_multicast(destination)):
                return None
            return "ipv4: source is unspecified"
        if internet.is_local(source):
            return "ipv4: source is our own"
        return None

    def _is_for_us(self, destination: bytes) -> bool:
        attachment = self._attachment
        if destination == LIMITED_BROADCAST or destination in attachment.broadcasts:
            return True
        if attachment.interface is self._internet.loopback:
            # What this host says to a group it hears itself, if it listens on that link.
            return (
                is_multicast(destination)
                or self._internet.is_local(destination)
                or self._internet.is_broadcast(destination)
            )
        if is_multicast(destination):
            return destination in attachment.groups
        return self._internet.is_local(destination)

    def _unforwardable(self, source: bytes, destination: bytes) -> str | None:
        """Why this packet is dropped rather than forwarded, if so (RFC 1812 section 5.3)."""
        if is_multicast(destination):
            return "ipv4: group not joined"
        if not self._internet.forwarding or self._attachment.interface is self._internet.loopback:
            return "ipv4: not our address"
        if destination[0] >= 240 or destination[0] == 0 or is_loopback(destination):
            return "ipv4: destination is not unicast"
        if is_link_local(source) or is_link_local(destination) or source == UNSPECIFIED_V4:
            return "ipv4: address of another link"  # RFC 3927 section 2.7
        return None

    # --- options and fragments

    def _acceptable_options(self, frame: bytes, offset: int, start: int, end: int) -> bool:
        """Whether the options are well-formed and none of them is a source route (RFC 7126 section 4.3)."""
        if start == offset + 20:
            return True
        try:
            options = parse_options("ipv4", frame, offset + 20, start)
        except WireError as problem:
            self._drops(problem.what, frame)
            self._internet.icmp.parameter_problem(frame, offset, end, problem.offset - offset)
            return False
        if any(option.kind in (LOOSE_SOURCE_ROUTE, STRICT_SOURCE_ROUTE) for option in options):
            self._drops("ipv4: source route", frame)
            return False
        return True

    def _reassemble(
        self, frame: bytes, offset: int, start: int, end: int, flags_offset: int, interface: Interface
    ) -> None:
        more = flags_offset & MORE_FRAGMENTS != 0
        position = (flags_offset & FRAGMENT_OFFSET) << 3
        length = end - start
        if length == 0 or (more and length & 7):
            self._drops("ipv4: fragment length", frame)
            return
        if position + length > MAXIMUM - 20:
            self._drops("ipv4: fragment beyond the longest packet", frame)
            return
        # RFC 791 section 3.2: source, destination, protocol, identification.
        key = b"".join(
            (
                frame[offset + 12 : offset + 20],
                frame[offset + 9 : offset + 10],
                frame[offset + 4 : offset + 6],
            )
        )
        whole = self._internet.fragments_v4.add(
            key, position, frame[start:end], more, frame, offset, frame[offset:start], interface
        )
        if whole is None:
            return
        header, segment, foreign = whole
        total = len(header) + len(segment)
        if total > MAXIMUM:
            self._drops("ipv4: fragment beyond the longest packet", frame)
            return
        fresh = bytearray(header)
        fresh[2:4] = total.to_bytes(2, "big")
        fresh[6:8] = b"\0\0"
        fresh[10:12] = b"\0\0"
        fresh[10:12] = internet_checksum(bytes(fresh)).to_bytes(2, "big")
        packet = b"".join((frame[:12], ETHERTYPE_IPV4, fresh, segment))
        if foreign:
            packet = Foreign(packet)
        handler = self._handlers.get(header[9])
        if handler is None:
            self._refuse_protocol(packet, 14, len(packet))
            return
        handler(packet, 14, 14 + len(header), len(packet), interface)
