"""Receiving IPv6 packets (RFC 8200): check, walk the extension headers, then deliver here or forward.

As for IPv4, what becomes of a packet is decided once for each pair of addresses.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import (
    is_link_local,
    is_loopback,
    is_mapped,
    is_multicast,
    is_unspecified,
)
from glassnet.network.destinations import Kind
from glassnet.network.verdicts import Verdicts
from glassnet.wire.ethernet import ETHERTYPE_IPV6
from glassnet.wire.foreign import Foreign
from glassnet.wire.numbers import (
    DESTINATION_OPTIONS,
    FRAGMENT,
    HOP_BY_HOP,
    NO_NEXT_HEADER,
    ROUTING,
    TCP,
    UDP,
)

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment

__all__ = ["Ipv6Input"]

# The units of `wire.ipv6.LAYOUT` that matter on arrival, with both addresses taken as one.
_unpack = Struct("!B3xHBB32s").unpack_from
_unpack_fragment = Struct("!BxHI").unpack_from
_GREATEST_PAYLOAD = 65535
_HEADERS_LIMIT = 16
"""More extension headers than this no one sends in earnest (RFC 8504 section 5.3 lets a host refuse them)."""
_PAD1 = 0
_PADN = 1
_ROUTER_ALERT = 5
_EXTENSIONS = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS))
_LEAST_HEADER = {TCP: 20, UDP: 8}

_ERRONEOUS_FIELD = 0
_UNRECOGNIZED_NEXT_HEADER = 1
_UNRECOGNIZED_OPTION = 2
_INCOMPLETE_CHAIN = 3


class Ipv6Input(Verdicts):
    """Takes the IPv6 packets of one interface."""

    __slots__ = ("_forward",)

    def __init__(self, attachment: Attachment) -> None:
        super().__init__(attachment)
        self._forward = attachment.internet.forwarder.forward_v6

    def receive(self, frame: bytes, offset: int, interface: Interface) -> None:
        """Take the packet that begins at `offset` of a frame."""
        try:
            first, length, next_header, hop_limit, pair = _unpack(frame, offset)
        except error:
            self._drops("ipv6: truncated", frame)
            return
        start = offset + 40
        end = start + length
        if first >> 4 != 6 or end > len(frame):
            self._drops("ipv6: version" if first >> 4 != 6 else "ipv6: payload length", frame)
            return
        try:
            way = self._pairs[pair]
        except KeyError:
            if not self._decide(pair, frame, offset, end):
                return
            way = self._pairs[pair]
        if way is not None:
            self._forward(frame, offset, end, hop_limit, way)
            return
        handler = self._handlers.get(next_header)
        if handler is None:
            self._walk(frame, offset, end, next_header, interface)
            return
        handler(frame, offset, start, end, interface)

    # --- what to do with packets from one address to another

    def _decide(self, pair: bytes, frame: bytes, offset: int, end: int) -> bool:
        """Remember what to do with packets of this pair; False if this one was dropped."""
        source, destination = pair[:16], pair[16:]
        reason = self._bad_address(source, destination)
        if reason is None:
            if self._is_for_us(destination):
                self._remember(pair, None)
                return True
            reason = self._unforwardable(source, destination)
            if reason is None:
                if is_link_local(source):
                    self._drops("ipv6: beyond scope of source address", frame)
                    self._internet.icmpv6.beyond_scope(frame, offset, end, self._attachment.interface)
                    return False
                try:
                    way = self._internet.destinations.lookup(destination)
                except OSError:
                    self._drops("ipv6: no route", frame)
                    self._internet.icmpv6.no_route(frame, offset, end, self._attachment.interface)
                    return False
                if way.kind is Kind.UNICAST:
                    self._remember(pair, way)
                    return True
                reason = "ipv6: destination is not unicast"
        self._drops(reason, frame)
        return False

    def _bad_address(self, source: bytes, destination: bytes) -> str | None:
        """Why no packet may have these addresses here, if so (RFC 4291 section 2.5, RFC 8200)."""
        internet = self._internet
        if source[0] == 0xFF:
            return "ipv6: source is not unicast"
        if self._attachment.interface is internet.loopback:
            ours = is_unspecified(source) or internet.is_local(source)
            return None if ours else "ipv6: source is not ours"
        if is_loopback(source) or is_loopback(destination):
            return "ipv6: loopback address on the wire"
        if is_mapped(source) or is_mapped(destination):
            return "ipv6: mapped address on the wire"
        if destination[0] == 0xFF and destination[1] & 0x0F < 2:
            return "ipv6: group of one interface on the wire"
        if is_unspecified(destination):
            return "ipv6: destination is unspecified"
        if is_unspecified(source):
            # Duplicate address detection, and nothing else, speaks without an address, to a group.
            return None if destination[0] == 0xFF else "ipv6: source is unspecified"
        if internet.is_own(source, self._attachment.interface):
            return "ipv6: source is our own"
        if not is_link_local(source) and internet.is_local(source):
            return "ipv6: source is our own"
        return None

    def _is_for_us(self, destination: bytes) -> bool:
        internet, attachment = self._internet, self._attachment
        if attachment.interface is internet.loopback:
            return is_multicast(destination) or internet.is_local(destination)
        if is_multicast(destination):
            return destination in attachment.groups
        if is_link_local(destination):
            return destination in attachment.addresses
        return internet.is_local(destination)

    def _unforwardable(self, source: bytes, destination: bytes) -> str | None:
        """Why this packet is dropped without a word rather than forwarded, if so."""
        if is_multicast(destination):
            return "ipv6: group not joined"
        if not self._internet.forwarding or self._attachment.interface is self._internet.loopback:
            return "ipv6: not our address"
        if is_link_local(destination):
            return "ipv6: address of another link"
        return None

    # --- extension headers

    def _walk(
        self,
        frame: bytes,
        offset: int,
        end: int,
        next_header: int,
        interface: Interface,
        whole: bool = False,
    ) -> None:
        """Go through the extension headers to the transport (RFC 8200 section 4).

        `whole`: the packet was put together from fragments, and cannot be one.
        """
        position, pointer = offset + 40, offset + 6
        for _ in range(_HEADERS_LIMIT):
            handler = self._handlers.get(next_header)
            if handler is not None:
                handler(frame, offset, position, end, interface)
                return
            if next_header == NO_NEXT_HEADER:
                self._drops("ipv6: no next header", frame)
                return
            if next_header not in _EXTENSIONS or (next_header == HOP_BY_HOP and position != offset + 40):
                what = "ipv6: unknown next header"
                self._refuse(what, frame, offset, end, _UNRECOGNIZED_NEXT_HEADER, pointer)
                return
            length = _extension_length(next_header, frame, position, end)
            if position + length > end:
                self._drops("ipv6: extension header length", frame)
                return
            if next_header == FRAGMENT:
                if whole:
                    self._drops("ipv6: fragment within a fragment", frame)
                    return
                whole = True
                _, offset_more, _ = _unpack_fragment(frame, position)
                if offset_more & 0xFFF9:  # else the fragment is the whole packet (RFC 6946)
                    self._reassemble(frame, offset, position, end, pointer, interface)
                    return
            elif next_header == ROUTING:
                if frame[position + 3]:
                    what = "ipv6: routing header"
                    self._refuse(what, frame, offset, end, _ERRONEOUS_FIELD, position + 2)
                    return
            elif not self._acceptable_options(frame, offset, position, position + length, end):
                return
            next_header, pointer, position = frame[position], position, position + length
        self._drops("ipv6: too many extension headers", frame)

    def _refuse(self, reason: str, frame: bytes, offset: int, end: int, code: int, pointer: int) -> None:
        """Drop a packet and tell its source which byte was the problem."""
        self._drops(reason, frame)
        self._internet.icmpv6.parameter_problem(
            frame, offset, end, self._attachment.interface, code, pointer - offset
        )

    def _acceptable_options(self, frame: bytes, offset: int, position: int, stop: int, end: int) -> bool:
        """Whether the options of a header from `position` to `stop` let the packet pass (RFC 8200 4.2)."""
        position += 2
        while position < stop:
            kind = frame[position]
            if kind == _PAD1:
                position += 1
                continue
            if position + 2 > stop or position + 2 + frame[position + 1] > stop:
                self._drops("ipv6: option length", frame)
                return False
            if kind != _PADN and kind != _ROUTER_ALERT and kind >> 6:
                # The two highest bits of an unknown option say what to do: 0 skip it, 1 drop,
                # 2 drop and tell, 3 drop and tell unless the destination is a group.
                if kind >> 6 == 2 or (kind >> 6 == 3 and frame[offset + 24] != 0xFF):
                    what = "ipv6: unknown option"
                    self._refuse(what, frame, offset, end, _UNRECOGNIZED_OPTION, position)
                else:
                    self._drops("ipv6: unknown option", frame)
                return False
            position += 2 + frame[position + 1]
        return True

    # --- fragments

    def _reassemble(
        self, frame: bytes, offset: int, position: int, end: int, pointer: int, interface: Interface
    ) -> None:
        """Take a fragment; its header is at `position`, and named so at `pointer` (RFC 8200 section 4.5)."""
        next_header, offset_more, identification = _unpack_fragment(frame, position)
        start = position + 8
        length = end - start
        place, more = offset_more & 0xFFF8, offset_more & 1 == 1
        if length == 0:
            self._drops("ipv6: fragment length", frame)
            return
        if more and length & 7:
            self._refuse("ipv6: fragment length", frame, offset, end, _ERRONEOUS_FIELD, offset + 4)
            return
        if place + length > _GREATEST_PAYLOAD:
            what = "ipv6: fragment beyond the longest packet"
            self._refuse(what, frame, offset, end, _ERRONEOUS_FIELD, position + 2)
            return
        header = b""
        if place == 0:
            if not _has_whole_chain(frame, start, end, next_header):
                what = "ipv6: first fragment without all headers"
                self._refuse(what, frame, offset, end, _INCOMPLETE_CHAIN, offset)
                return
            header = b"".join(
                (frame[offset:pointer], frame[position : position + 1], frame[pointer + 1 : position])
            )
        key = frame[offset + 8 : offset + 40] + identification.to_bytes(4, "big")
        whole = self._internet.fragments_v6.add(
            key, place, frame[start:end], more, frame, offset, header, interface
        )
        if whole is None:
            return
        header, segment, foreign = whole
        length = len(header) - 40 + len(segment)
        if length > _GREATEST_PAYLOAD:
            self._drops("ipv6: fragment beyond the longest packet", frame)
            return
        packet = b"".join(
            (frame[:12], ETHERTYPE_IPV6, header[:4], length.to_bytes(2, "big"), header[6:], segment)
        )
        if foreign:
            packet = Foreign(packet)
        self._walk(packet, 14, len(packet), header[6], interface, whole=True)


def _extension_length(kind: int, frame: bytes, position: int, end: int) -> int:
    """Bytes of the extension header at `position`; at least 8."""
    return 8 if kind == FRAGMENT or position + 2 > end else frame[position + 1] * 8 + 8


def _has_whole_chain(frame: bytes, position: int, end: int, next_header: int) -> bool:
    """Whether a first fragment has all headers up to the transport's own (RFC 7112)."""
    for _ in range(_HEADERS_LIMIT):
        if next_header not in _EXTENSIONS:
            return position + _LEAST_HEADER.get(next_header, 0) <= end
        length = _extension_length(next_header, frame, position, end)
        if position + length > end:
            return False
        next_header, position = frame[position], position + length
    return False
