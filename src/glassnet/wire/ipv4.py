"""The Internet Protocol, version 4 (RFC 791; DSCP and ECN: RFC 2474, RFC 3168; identification: RFC 6864)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout
from glassnet.wire.options import Option, build_options, parse_options

__all__ = [
    "DONT_FRAGMENT",
    "FRAGMENT_OFFSET",
    "HEADER",
    "LAYOUT",
    "LOOSE_SOURCE_ROUTE",
    "MAXIMUM",
    "MINIMUM_MTU",
    "MORE_FRAGMENTS",
    "RECORD_ROUTE",
    "ROUTER_ALERT",
    "SECURITY",
    "STREAM_IDENTIFIER",
    "STRICT_SOURCE_ROUTE",
    "TIMESTAMP",
    "Ipv4Packet",
]

LAYOUT = Layout(
    "IPv4",
    "RFC 791",
    Field("version", 4, "4", "ip.version"),
    Field("ihl", 4, "header length in units of 4 bytes, options included; at least 5", "ip.hdr_len"),
    Field("dscp", 6, "differentiated services code point: which treatment is asked for", "ip.dsfield.dscp"),
    Field("ecn", 2, "explicit congestion notification; 3 means congestion was experienced", "ip.dsfield.ecn"),
    Field("total_length", 16, "bytes of header and payload", "ip.len"),
    Field("identification", 16, "the same in all fragments of one packet", "ip.id"),
    Field("reserved", 1, "0", "ip.flags.rb"),
    Field("dont_fragment", 1, "a router must refuse the packet rather than fragment it", "ip.flags.df"),
    Field("more_fragments", 1, "this fragment is not the last", "ip.flags.mf"),
    Field(
        "fragment_offset", 13, "where the payload belongs in the whole, in units of 8 bytes", "ip.frag_offset"
    ),
    Field("ttl", 8, "time to live: routers that may still pass the packet on", "ip.ttl"),
    Field("protocol", 8, "what the payload is", "ip.proto"),
    Field("checksum", 16, "over the header", "ip.checksum"),
    Field("source", 32, "address of the sender", "ip.src", octets=True),
    Field("destination", 32, "address of the receiver", "ip.dst", octets=True),
)
HEADER = LAYOUT.struct

# Within the 16-bit unit of flags and fragment offset.
DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000
FRAGMENT_OFFSET = 0x1FFF

MAXIMUM = 0xFFFF
"""The greatest total length, in bytes."""
MINIMUM_MTU = 68
"""Every link carries packets of at least this many bytes."""

# Kinds of option. Those of 128 and up are copied into every fragment.
RECORD_ROUTE = 7
TIMESTAMP = 68
SECURITY = 130
LOOSE_SOURCE_ROUTE = 131
STREAM_IDENTIFIER = 136
STRICT_SOURCE_ROUTE = 137
ROUTER_ALERT = 148


@dataclass(slots=True, kw_only=True)
class Ipv4Packet:
    """A packet or a fragment. `total_length` and `checksum` are worked out by `build` where they are None.

    `fragment_offset` is in units of 8 bytes.
    """

    dscp: int = 0
    ecn: int = 0
    total_length: int | None = field(default=None, compare=False)
    identification: int = 0
    reserved: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
    ttl: int = 64
    protocol: int
    checksum: int | None = field(default=None, compare=False)
    source: bytes
    destination: bytes
    options: tuple[Option, ...] = ()
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None, *, truncated: bool = False) -> Self:
        """The packet between `offset` and `end`; bytes beyond its total length are not part of it.

        `truncated`: the payload may be cut short, as where an ICMP error quotes it. Raises
        `WireError`. The checksum is not verified here: see `checksum.is_valid`.
        """
        end = LAYOUT.within(data, offset, end)
        (
            version,
            ihl,
            dscp,
            ecn,
            total_length,
            identification,
            reserved,
            dont_fragment,
            more_fragments,
            fragment_offset,
            ttl,
            protocol,
            checksum,
            source,
            destination,
        ) = LAYOUT.unpack(data, offset)
        if version != 4:
            raise LAYOUT.error("version", "version", offset)
        start = offset + ihl * 4
        if ihl < 5 or start > end:
            raise LAYOUT.error("header length", "ihl", offset)
        if total_length < ihl * 4 or (offset + total_length > end and not truncated):
            raise LAYOUT.error("total length", "total_length", offset)
        return cls(
            dscp=dscp,
            ecn=ecn,
            total_length=total_length,
            identification=identification,
            reserved=reserved,
            dont_fragment=dont_fragment == 1,
            more_fragments=more_fragments == 1,
            fragment_offset=fragment_offset,
            ttl=ttl,
            protocol=protocol,
            checksum=checksum,
            source=source,
            destination=destination,
            options=parse_options("ipv4", data, offset + LAYOUT.size, start),
            payload=data[start : min(offset + total_length, end)],
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        options = build_options("ipv4", self.options)
        header_length = LAYOUT.size + len(options)
        total_length = header_length + len(self.payload) if self.total_length is None else self.total_length
        header = (
            LAYOUT.pack(
                4,
                header_length // 4,
                self.dscp,
                self.ecn,
                total_length,
                self.identification,
                self.reserved,
                self.dont_fragment,
                self.more_fragments,
                self.fragment_offset,
                self.ttl,
                self.protocol,
                self.checksum or 0,
                self.source,
                self.destination,
            )
            + options
        )
        if self.checksum is None:
            at = LAYOUT.offset("checksum")
            checksum = internet_checksum(header).to_bytes(2, "big")
            header = b"".join((header[:at], checksum, header[at + 2 :]))
        return header + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size + len(build_options("ipv4", self.options))
