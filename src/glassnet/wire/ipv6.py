"""The Internet Protocol, version 6: the header (RFC 8200 3; flow label: RFC 6437)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.layout import Field, Layout

__all__ = ["HEADER", "LAYOUT", "MINIMUM_MTU", "Ipv6Packet"]

LAYOUT = Layout(
    "IPv6",
    "RFC 8200",
    Field("version", 4, "6", "ipv6.version"),
    Field("dscp", 6, "differentiated services code point: which treatment is asked for", "ipv6.tclass.dscp"),
    Field(
        "ecn", 2, "explicit congestion notification; 3 means congestion was experienced", "ipv6.tclass.ecn"
    ),
    Field("flow_label", 20, "the same in all packets of one flow; 0 if not labelled", "ipv6.flow"),
    Field("payload_length", 16, "bytes after this header, extension headers included", "ipv6.plen"),
    Field("next_header", 8, "what follows: an extension header, or what the payload is", "ipv6.nxt"),
    Field("hop_limit", 8, "routers that may still pass the packet on", "ipv6.hlim"),
    Field("source", 128, "address of the sender", "ipv6.src"),
    Field("destination", 128, "address of the receiver", "ipv6.dst"),
)
HEADER = LAYOUT.struct

MINIMUM_MTU = 1280
"""Every link carries packets of at least this many bytes."""


@dataclass(slots=True, kw_only=True)
class Ipv6Packet:
    """A packet. `payload_length` is worked out by `build` where it is None.

    Extension headers are the first part of `payload`: see `ipv6_extensions.walk`.
    """

    dscp: int = 0
    ecn: int = 0
    flow_label: int = 0
    payload_length: int | None = field(default=None, compare=False)
    next_header: int
    hop_limit: int = 64
    source: bytes
    destination: bytes
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None, *, truncated: bool = False) -> Self:
        """The packet between `offset` and `end`; bytes beyond its payload length are not part of it.

        `truncated`: the payload may be cut short, as where an ICMPv6 error quotes it. Raises
        `WireError`.
        """
        end = LAYOUT.within(data, offset, end)
        (
            version,
            dscp,
            ecn,
            flow_label,
            payload_length,
            next_header,
            hop_limit,
            source,
            destination,
        ) = LAYOUT.unpack(data, offset)
        if version != 6:
            raise LAYOUT.error("version", "version", offset)
        start = offset + LAYOUT.size
        if start + payload_length > end and not truncated:
            raise LAYOUT.error("payload length", "payload_length", offset)
        return cls(
            dscp=dscp,
            ecn=ecn,
            flow_label=flow_label,
            payload_length=payload_length,
            next_header=next_header,
            hop_limit=hop_limit,
            source=source,
            destination=destination,
            payload=data[start : min(start + payload_length, end)],
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        header = LAYOUT.pack(
            6,
            self.dscp,
            self.ecn,
            self.flow_label,
            len(self.payload) if self.payload_length is None else self.payload_length,
            self.next_header,
            self.hop_limit,
            self.source,
            self.destination,
        )
        return header + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size
