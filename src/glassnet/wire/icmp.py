"""The Internet Control Message Protocol (RFC 792; next-hop MTU: RFC 1191; length: RFC 4884)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout

__all__ = [
    "ADMINISTRATIVELY_PROHIBITED",
    "DESTINATION_UNREACHABLE",
    "ECHO_LAYOUT",
    "ECHO_REPLY",
    "ECHO_REQUEST",
    "ERRORS",
    "FRAGMENTATION_NEEDED",
    "HEADER",
    "HOST_PROHIBITED",
    "HOST_UNREACHABLE",
    "LAYOUT",
    "LAYOUTS",
    "NET_PROHIBITED",
    "NET_UNREACHABLE",
    "PARAMETER_PROBLEM",
    "PARAMETER_PROBLEM_LAYOUT",
    "PORT_UNREACHABLE",
    "PROTOCOL_UNREACHABLE",
    "REASSEMBLY_TIME_EXCEEDED",
    "REDIRECT",
    "REDIRECT_LAYOUT",
    "ROUTER_ADVERTISEMENT",
    "ROUTER_SOLICITATION",
    "SOURCE_QUENCH",
    "SOURCE_ROUTE_FAILED",
    "TIMESTAMP_LAYOUT",
    "TIMESTAMP_REPLY",
    "TIMESTAMP_REQUEST",
    "TIME_EXCEEDED",
    "TIME_EXCEEDED_LAYOUT",
    "TTL_EXCEEDED",
    "UNREACHABLE_LAYOUT",
    "IcmpMessage",
]

_TYPE = Field("type", 8, "kind of message", "icmp.type")
_CODE = Field("code", 8, "which of the kind", "icmp.code")
_CHECKSUM = Field("checksum", 16, "over the whole message", "icmp.checksum")
_LENGTH = Field("length", 8, "length of the quoted packet in units of 4 bytes; 0 if not given", "icmp.length")

LAYOUT = Layout(
    "ICMP",
    "RFC 792",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("rest", 32, "rest of the header, different for each type"),
)
HEADER = LAYOUT.struct

ECHO_LAYOUT = Layout(
    "ICMP echo",
    "RFC 792",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("identifier", 16, "which program asked", "icmp.ident"),
    Field("sequence", 16, "which of its requests", "icmp.seq"),
)
UNREACHABLE_LAYOUT = Layout(
    "ICMP destination unreachable",
    "RFC 792, RFC 1191, RFC 4884",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("unused", 8, "0", "icmp.unused"),
    _LENGTH,
    Field("next_hop_mtu", 16, "the most that fits, if fragmentation was needed (code 4)", "icmp.mtu"),
)
TIME_EXCEEDED_LAYOUT = Layout(
    "ICMP time exceeded",
    "RFC 792, RFC 4884",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("unused", 8, "0", "icmp.unused"),
    _LENGTH,
    Field("unused_2", 16, "0", "icmp.unused"),
)
PARAMETER_PROBLEM_LAYOUT = Layout(
    "ICMP parameter problem",
    "RFC 792, RFC 4884",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("pointer", 8, "byte of the quoted packet that was not understood", "icmp.pointer"),
    _LENGTH,
    Field("unused", 16, "0", "icmp.unused"),
)
REDIRECT_LAYOUT = Layout(
    "ICMP redirect",
    "RFC 792",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("gateway", 32, "address of the better router", "icmp.redir_gw", octets=True),
)
TIMESTAMP_LAYOUT = Layout(
    "ICMP timestamp",
    "RFC 792",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("identifier", 16, "which program asked", "icmp.ident"),
    Field("sequence", 16, "which of its requests", "icmp.seq"),
    Field("originate", 32, "when it was asked: milliseconds since midnight UT", "icmp.originate_timestamp"),
    Field("receive", 32, "when the request arrived", "icmp.receive_timestamp"),
    Field("transmit", 32, "when the reply left", "icmp.transmit_timestamp"),
)

# Types.
ECHO_REPLY = 0
DESTINATION_UNREACHABLE = 3
SOURCE_QUENCH = 4
REDIRECT = 5
ECHO_REQUEST = 8
ROUTER_ADVERTISEMENT = 9
ROUTER_SOLICITATION = 10
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12
TIMESTAMP_REQUEST = 13
TIMESTAMP_REPLY = 14

ERRORS = frozenset((DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM))
"""The types that quote the packet at fault; never answered with an error (RFC 1122 3.2.2)."""

LAYOUTS = {
    ECHO_REPLY: ECHO_LAYOUT,
    DESTINATION_UNREACHABLE: UNREACHABLE_LAYOUT,
    REDIRECT: REDIRECT_LAYOUT,
    ECHO_REQUEST: ECHO_LAYOUT,
    TIME_EXCEEDED: TIME_EXCEEDED_LAYOUT,
    PARAMETER_PROBLEM: PARAMETER_PROBLEM_LAYOUT,
    TIMESTAMP_REQUEST: TIMESTAMP_LAYOUT,
    TIMESTAMP_REPLY: TIMESTAMP_LAYOUT,
}
"""The diagram of each type that has more to it than `LAYOUT`."""

# Codes of destination unreachable.
NET_UNREACHABLE = 0
HOST_UNREACHABLE = 1
PROTOCOL_UNREACHABLE = 2
PORT_UNREACHABLE = 3
FRAGMENTATION_NEEDED = 4
SOURCE_ROUTE_FAILED = 5
NET_PROHIBITED = 9
HOST_PROHIBITED = 10
ADMINISTRATIVELY_PROHIBITED = 13

# Codes of time exceeded.
TTL_EXCEEDED = 0
REASSEMBLY_TIME_EXCEEDED = 1


@dataclass(slots=True, kw_only=True)
class IcmpMessage:
    """A message of any type. `checksum` is worked out by `build` where it is None.

    `rest` is the second word of the header: of an echo `identifier << 16 | sequence`, of
    "fragmentation needed" the next-hop MTU. The properties read it as the type says.
    """

    type: int
    code: int = 0
    checksum: int | None = field(default=None, compare=False)
    rest: int = 0
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        end = LAYOUT.within(data, offset, end)
        kind, code, checksum, rest = LAYOUT.unpack(data, offset)
        return cls(
            type=kind, code=code, checksum=checksum, rest=rest, payload=data[offset + LAYOUT.size : end]
        )

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        checksum = self.checksum
        if checksum is None:
            message = LAYOUT.pack(self.type, self.code, 0, self.rest) + self.payload
            checksum = internet_checksum(message)
        return LAYOUT.pack(self.type, self.code, checksum, self.rest) + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size

    @property
    def identifier(self) -> int:
        """Of an echo or a timestamp: which program asked."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """Of an echo or a timestamp: which of the program's requests."""
        return self.rest & 0xFFFF

    @property
    def next_hop_mtu(self) -> int:
        """Of "fragmentation needed": the most that fits; 0 from a router older than RFC 1191."""
        return self.rest & 0xFFFF

    @property
    def pointer(self) -> int:
        """Of a parameter problem: the byte of the quoted packet at fault."""
        return self.rest >> 24

    @property
    def gateway(self) -> bytes:
        """Of a redirect: the address of the better router."""
        return self.rest.to_bytes(4, "big")
