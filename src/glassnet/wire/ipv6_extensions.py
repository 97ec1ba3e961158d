"""The extension headers of IPv6 (RFC 8200 4; authentication header: RFC 4302)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from glassnet.wire.errors import WireError
from glassnet.wire.layout import Field, Layout
from glassnet.wire.numbers import AH, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING
from glassnet.wire.options import Option

__all__ = [
    "AUTHENTICATION_LAYOUT",
    "EXTENSIONS",
    "FRAGMENT_HEADER",
    "FRAGMENT_LAYOUT",
    "JUMBO_PAYLOAD",
    "LAYOUTS",
    "MORE_FRAGMENTS",
    "OPTIONS_LAYOUT",
    "PAD1",
    "PADN",
    "ROUTER_ALERT",
    "ROUTING_LAYOUT",
    "AuthenticationHeader",
    "Extension",
    "FragmentHeader",
    "OptionsHeader",
    "RoutingHeader",
    "Walk",
    "walk",
]

# Hop-by-hop and destination options look alike; their display names differ.
OPTIONS_LAYOUT = Layout(
    "IPv6 options",
    "RFC 8200 4.3, 4.6",
    Field("next_header", 8, "what follows this header"),
    Field("length", 8, "of this header in units of 8 bytes, not counting the first 8"),
)
ROUTING_LAYOUT = Layout(
    "IPv6 routing",
    "RFC 8200 4.4",
    Field("next_header", 8, "what follows this header", "ipv6.routing.nxt"),
    Field("length", 8, "of this header in units of 8 bytes, not counting the first 8", "ipv6.routing.len"),
    Field("routing_type", 8, "kind of routing header", "ipv6.routing.type"),
    Field("segments_left", 8, "nodes still to be visited", "ipv6.routing.segleft"),
)
FRAGMENT_LAYOUT = Layout(
    "IPv6 fragment",
    "RFC 8200 4.5",
    Field("next_header", 8, "what the fragmented part begins with", "ipv6.fraghdr.nxt"),
    Field("reserved_1", 8, "0", "ipv6.fraghdr.reserved_octet"),
    Field("fragment_offset", 13, "where the payload belongs, in units of 8 bytes", "ipv6.fraghdr.offset"),
    Field("reserved_2", 2, "0", "ipv6.fraghdr.reserved_bits"),
    Field("more_fragments", 1, "this fragment is not the last", "ipv6.fraghdr.more"),
    Field("identification", 32, "the same in all fragments of one packet", "ipv6.fraghdr.ident"),
)
FRAGMENT_HEADER = FRAGMENT_LAYOUT.struct
AUTHENTICATION_LAYOUT = Layout(
    "AH",
    "RFC 4302 2",
    Field("next_header", 8, "what follows this header", "ah.next_header"),
    Field("length", 8, "of this header in units of 4 bytes, minus 2", "ah.length"),
    Field("reserved", 16, "0", "ah.reserved"),
    Field("spi", 32, "security parameters index: which association", "ah.spi"),
    Field("sequence", 32, "counts the packets of the association", "ah.sequence"),
)

LAYOUTS = {
    HOP_BY_HOP: OPTIONS_LAYOUT,
    ROUTING: ROUTING_LAYOUT,
    FRAGMENT: FRAGMENT_LAYOUT,
    AH: AUTHENTICATION_LAYOUT,
    DESTINATION_OPTIONS: OPTIONS_LAYOUT,
}

EXTENSIONS = frozenset(LAYOUTS)
"""The next header values that `walk` passes."""

# Within the unit of fragment offset and flag.
MORE_FRAGMENTS = 1

# Kinds of option.
PAD1 = 0
PADN = 1
ROUTER_ALERT = 5
JUMBO_PAYLOAD = 194


@dataclass(slots=True, kw_only=True)
class OptionsHeader:
    """A hop-by-hop or a destination options header.

    `options` keeps every option, padding as well: `Option(PAD1)` is one zero, `Option(PADN, bytes(n))`
    n + 2 bytes. They and two bytes must fill units of 8.
    """

    next_header: int
    options: tuple[Option, ...] = ()
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The header at `offset`, and what follows up to `end`. Raises `WireError`."""
        end = OPTIONS_LAYOUT.within(data, offset, end)
        next_header, length = OPTIONS_LAYOUT.unpack(data, offset)
        start = offset + 8 + length * 8
        if start > end:
            raise OPTIONS_LAYOUT.error("length", "length", offset)
        at = offset + OPTIONS_LAYOUT.size
        options = []
        while at < start:
            kind = data[at]
            if kind == PAD1:
                options.append(Option(kind))
                at += 1
                continue
            if at + 1 == start or at + 2 + data[at + 1] > start:
                raise WireError("ipv6 options: option length", at + 1)
            options.append(Option(kind, data[at + 2 : at + 2 + data[at + 1]]))
            at += 2 + data[at + 1]
        return cls(next_header=next_header, options=tuple(options), payload=data[start:end])

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        built = b""
        for option in self.options:
            kind, length = option.kind, len(option.data)
            if not 0 <= kind <= 255 or length > 255 or (kind == PAD1 and length):
                at = OPTIONS_LAYOUT.size + len(built)
                raise WireError(f"ipv6 options: option {kind} with {length} bytes of data", at)
            built += b"\0" if kind == PAD1 else bytes((kind, length)) + option.data
        units, rest = divmod(OPTIONS_LAYOUT.size + len(built), 8)
        if rest or not units:
            raise OPTIONS_LAYOUT.error(f"{len(built)} bytes of options do not fill units of 8", "length")
        return OPTIONS_LAYOUT.pack(self.next_header, units - 1) + built + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return OPTIONS_LAYOUT.size + sum(
            1 if option.kind == PAD1 else 2 + len(option.data) for option in self.options
        )


@dataclass(slots=True, kw_only=True)
class RoutingHeader:
    """A routing header of any type; `data` is what is specific to it (4, 12, 20... bytes)."""

    next_header: int
    routing_type: int
    segments_left: int = 0
    data: bytes = bytes(4)
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The header at `offset`, and what follows up to `end`. Raises `WireError`."""
        end = ROUTING_LAYOUT.within(data, offset, end)
        next_header, length, routing_type, segments_left = ROUTING_LAYOUT.unpack(data, offset)
        start = offset + 8 + length * 8
        if start > end:
            raise ROUTING_LAYOUT.error("length", "length", offset)
        return cls(
            next_header=next_header,
            routing_type=routing_type,
            segments_left=segments_left,
            data=data[offset + ROUTING_LAYOUT.size : start],
            payload=data[start:end],
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        units, rest = divmod(self.header_length, 8)
        if rest or not units:
            raise ROUTING_LAYOUT.error(f"{len(self.data)} bytes of data do not fill units of 8", "length")
        header = ROUTING_LAYOUT.pack(self.next_header, units - 1, self.routing_type, self.segments_left)
        return b"".join((header, self.data, self.payload))

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return ROUTING_LAYOUT.size + len(self.data)


@dataclass(slots=True, kw_only=True)
class FragmentHeader:
    """A fragment header and the fragment; `fragment_offset` is in units of 8 bytes."""

    next_header: int
    reserved_1: int = 0
    fragment_offset: int = 0
    reserved_2: int = 0
    more_fragments: bool = False
    identification: int
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The header at `offset`, and what follows up to `end`. Raises `WireError`."""
        end = FRAGMENT_LAYOUT.within(data, offset, end)
        (
            next_header,
            reserved_1,
            fragment_offset,
            reserved_2,
            more_fragments,
            identification,
        ) = FRAGMENT_LAYOUT.unpack(data, offset)
        return cls(
            next_header=next_header,
            reserved_1=reserved_1,
            fragment_offset=fragment_offset,
            reserved_2=reserved_2,
            more_fragments=more_fragments == 1,
            identification=identification,
            payload=data[offset + FRAGMENT_LAYOUT.size : end],
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        header = FRAGMENT_LAYOUT.pack(
            self.next_header,
            self.reserved_1,
            self.fragment_offset,
            self.reserved_2,
            self.more_fragments,
            self.identification,
        )
        return header + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return FRAGMENT_LAYOUT.size


@dataclass(slots=True, kw_only=True)
class AuthenticationHeader:
    """An authentication header; `icv` is its integrity check value, in units of 4 bytes."""

    next_header: int
    reserved: int = 0
    spi: int
    sequence: int
    icv: bytes = b""
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The header at `offset`, and what follows up to `end`. Raises `WireError`."""
        end = AUTHENTICATION_LAYOUT.within(data, offset, end)
        next_header, length, reserved, spi, sequence = AUTHENTICATION_LAYOUT.unpack(data, offset)
        start = offset + 8 + length * 4
        if start < offset + AUTHENTICATION_LAYOUT.size or start > end:
            raise AUTHENTICATION_LAYOUT.error("length", "length", offset)
        return cls(
            next_header=next_header,
            reserved=reserved,
            spi=spi,
            sequence=sequence,
            icv=data[offset + AUTHENTICATION_LAYOUT.size : start],
            payload=data[start:end],
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        units, rest = divmod(self.header_length, 4)
        if rest:
            raise AUTHENTICATION_LAYOUT.error(f"{len(self.icv)} bytes of check value", "length")
        header = AUTHENTICATION_LAYOUT.pack(
            self.next_header, units - 2, self.reserved, self.spi, self.sequence
        )
        return b"".join((header, self.icv, self.payload))

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return AUTHENTICATION_LAYOUT.size + len(self.icv)


@dataclass(frozen=True, slots=True)
class Extension:
    """Where an extension header lies: its number, its first byte, the byte after its last."""

    number: int
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The extension headers of a packet, and what comes after them.

    `protocol` is the number of what begins at `offset`; None after the header of a fragment
    that is not the first, where a middle part begins that no number describes. `pointer` is
    the byte that holds that number, for a parameter problem; None if it is in the IPv6 header.
    """

    headers: tuple[Extension, ...]
    protocol: int | None
    offset: int
    pointer: int | None


def walk(data: bytes, next_header: int, offset: int, end: int | None = None) -> Walk:
    """Pass the extension headers that begin at `offset`, the first being of kind `next_header`.

    Stops at anything that is not one: an upper layer, ESP, no next header, and also a
    hop-by-hop header that is not the first (RFC 8200 4.1). Raises `WireError` for a header that
    does not fit.
    """
    end = len(data) if end is None else min(end, len(data))
    headers: list[Extension] = []
    protocol: int | None = next_header
    pointer = None
    while protocol is not None and protocol in EXTENSIONS and not (protocol == HOP_BY_HOP and headers):
        if offset < 0 or offset + 8 > end:
            raise WireError("ipv6: extension header truncated", max(end, 0))
        if protocol == FRAGMENT:
            length = 8
        elif protocol == AH:
            length = 8 + data[offset + 1] * 4
        else:
            length = 8 + data[offset + 1] * 8
        if offset + length > end:
            raise WireError("ipv6: extension header length", offset + 1)
        headers.append(Extension(protocol, offset, offset + length))
        later_fragment = protocol == FRAGMENT and (data[offset + 2] or data[offset + 3] & 0xF8)
        protocol, pointer = data[offset], offset
        offset += length
        if later_fragment:
            protocol = None
    return Walk(tuple(headers), protocol, offset, pointer)
