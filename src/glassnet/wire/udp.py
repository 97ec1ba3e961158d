"""The User Datagram Protocol (RFC 768; checksums over IPv6: RFC 8200 8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout

__all__ = ["HEADER", "LAYOUT", "UdpDatagram"]

LAYOUT = Layout(
    "UDP",
    "RFC 768",
    Field("source_port", 16, "port to answer to; 0 for none", "udp.srcport"),
    Field("destination_port", 16, "port that the datagram is for", "udp.dstport"),
    Field("length", 16, "bytes of header and data", "udp.length"),
    Field("checksum", 16, "over pseudo header, header and data; 0 means none was made", "udp.checksum"),
)
HEADER = LAYOUT.struct


@dataclass(slots=True, kw_only=True)
class UdpDatagram:
    """A datagram. `length` and `checksum` are worked out by `build` where they are None."""

    source_port: int
    destination_port: int
    length: int | None = field(default=None, compare=False)
    checksum: int | None = field(default=None, compare=False)
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None, *, truncated: bool = False) -> Self:
        """The datagram between `offset` and `end`. Raises `WireError`.

        `truncated`: the payload may be cut short, as where an ICMP error quotes it.
        """
        end = LAYOUT.within(data, offset, end)
        source_port, destination_port, length, checksum = LAYOUT.unpack(data, offset)
        if length < LAYOUT.size or (offset + length > end and not truncated):
            raise LAYOUT.error("length", "length", offset)
        return cls(
            source_port=source_port,
            destination_port=destination_port,
            length=length,
            checksum=checksum,
            payload=data[offset + LAYOUT.size : min(offset + length, end)],
        )

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of header and payload. Raises `WireError`.

        `pseudo` is `pseudo_sum(source, destination, UDP)`, without the length; it is needed
        unless `checksum` is given. A `checksum` of 0 sends none (IPv4 only).
        """
        length = LAYOUT.size + len(self.payload) if self.length is None else self.length
        checksum = self.checksum
        ports = (self.source_port, self.destination_port)
        if checksum is None:
            if pseudo is None:
                raise LAYOUT.error("a checksum needs the pseudo header", "checksum")
            datagram = LAYOUT.pack(*ports, length, 0) + self.payload
            checksum = internet_checksum(datagram, pseudo + length) or 0xFFFF
        return LAYOUT.pack(*ports, length, checksum) + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size
