"""The Internet Control Message Protocol for IPv6 (RFC 4443); neighbor discovery is in `nd`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout

__all__ = [
    "ADDRESS_UNREACHABLE",
    "ADMINISTRATIVELY_PROHIBITED",
    "BEYOND_SCOPE",
    "DESTINATION_UNREACHABLE",
    "ECHO_LAYOUT",
    "ECHO_REPLY",
    "ECHO_REQUEST",
    "ERRONEOUS_HEADER_FIELD",
    "HEADER",
    "HOP_LIMIT_EXCEEDED",
    "LAYOUT",
    "LAYOUTS",
    "MLD2_REPORT",
    "MLD_DONE",
    "MLD_QUERY",
    "MLD_REPORT",
    "NEIGHBOR_ADVERTISEMENT",
    "NEIGHBOR_SOLICITATION",
    "NO_ROUTE",
    "PACKET_TOO_BIG",
    "PACKET_TOO_BIG_LAYOUT",
    "PARAMETER_PROBLEM",
    "PARAMETER_PROBLEM_LAYOUT",
    "POLICY_FAILED",
    "PORT_UNREACHABLE",
    "REASSEMBLY_TIME_EXCEEDED",
    "REDIRECT",
    "REJECT_ROUTE",
    "ROUTER_ADVERTISEMENT",
    "ROUTER_SOLICITATION",
    "TIME_EXCEEDED",
    "UNRECOGNIZED_NEXT_HEADER",
    "UNRECOGNIZED_OPTION",
    "UNUSED_LAYOUT",
    "Icmpv6Message",
    "is_error",
]

_TYPE = Field("type", 8, "kind of message; below 128 it is an error", "icmpv6.type")
_CODE = Field("code", 8, "which of the kind", "icmpv6.code")
_CHECKSUM = Field("checksum", 16, "over pseudo header and message", "icmpv6.checksum")

LAYOUT = Layout(
    "ICMPv6",
    "RFC 4443",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("rest", 32, "first word of the message body, different for each type"),
)
HEADER = LAYOUT.struct

ECHO_LAYOUT = Layout(
    "ICMPv6 echo",
    "RFC 4443 4",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("identifier", 16, "which program asked", "icmpv6.echo.identifier"),
    Field("sequence", 16, "which of its requests", "icmpv6.echo.sequence_number"),
)
PACKET_TOO_BIG_LAYOUT = Layout(
    "ICMPv6 packet too big",
    "RFC 4443 3.2",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("mtu", 32, "the most that fits the next link", "icmpv6.mtu"),
)
PARAMETER_PROBLEM_LAYOUT = Layout(
    "ICMPv6 parameter problem",
    "RFC 4443 3.4",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("pointer", 32, "byte of the quoted packet that was not understood", "icmpv6.pointer"),
)
UNUSED_LAYOUT = Layout(
    "ICMPv6 error",
    "RFC 4443 3.1, 3.3",
    _TYPE,
    _CODE,
    _CHECKSUM,
    Field("unused", 32, "0", "icmpv6.reserved"),
)

# Types.
DESTINATION_UNREACHABLE = 1
PACKET_TOO_BIG = 2
TIME_EXCEEDED = 3
PARAMETER_PROBLEM = 4
ECHO_REQUEST = 128
ECHO_REPLY = 129
MLD_QUERY = 130
MLD_REPORT = 131
MLD_DONE = 132
ROUTER_SOLICITATION = 133
ROUTER_ADVERTISEMENT = 134
NEIGHBOR_SOLICITATION = 135
NEIGHBOR_ADVERTISEMENT = 136
REDIRECT = 137
MLD2_REPORT = 143

LAYOUTS = {
    DESTINATION_UNREACHABLE: UNUSED_LAYOUT,
    PACKET_TOO_BIG: PACKET_TOO_BIG_LAYOUT,
    TIME_EXCEEDED: UNUSED_LAYOUT,
    PARAMETER_PROBLEM: PARAMETER_PROBLEM_LAYOUT,
    ECHO_REQUEST: ECHO_LAYOUT,
    ECHO_REPLY: ECHO_LAYOUT,
}
"""The diagram of each type that has more to it than `LAYOUT`; those of neighbor discovery are in `nd`."""

# Codes of destination unreachable.
NO_ROUTE = 0
ADMINISTRATIVELY_PROHIBITED = 1
BEYOND_SCOPE = 2
ADDRESS_UNREACHABLE = 3
PORT_UNREACHABLE = 4
POLICY_FAILED = 5
REJECT_ROUTE = 6

# Codes of time exceeded.
HOP_LIMIT_EXCEEDED = 0
REASSEMBLY_TIME_EXCEEDED = 1

# Codes of parameter problem.
ERRONEOUS_HEADER_FIELD = 0
UNRECOGNIZED_NEXT_HEADER = 1
UNRECOGNIZED_OPTION = 2


def is_error(kind: int) -> bool:
    """Whether messages of this type quote the packet at fault, and must never be answered with an error.

    A redirect counts as one for that (RFC 4443 2.4).
    """
    return kind < 128 or kind == REDIRECT


@dataclass(slots=True, kw_only=True)
class Icmpv6Message:
    """A message of any type. `checksum` is worked out by `build` where it is None.

    `rest` is the first word of the message body: of an echo `identifier << 16 | sequence`, of
    "packet too big" the MTU. The properties read it as the type says.
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

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of header and payload. Raises `WireError`.

        `pseudo` is `pseudo_sum(source, destination, ICMPV6)`, without the length; it is
        needed unless `checksum` is given.
        """
        checksum = self.checksum
        if checksum is None:
            if pseudo is None:
                raise LAYOUT.error("a checksum needs the pseudo header", "checksum")
            message = LAYOUT.pack(self.type, self.code, 0, self.rest) + self.payload
            checksum = internet_checksum(message, pseudo + len(message))
        return LAYOUT.pack(self.type, self.code, checksum, self.rest) + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size

    @property
    def identifier(self) -> int:
        """Of an echo: which program asked."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """Of an echo: which of the program's requests."""
        return self.rest & 0xFFFF

    @property
    def mtu(self) -> int:
        """Of "packet too big": the most that fits the next link."""
        return self.rest

    @property
    def pointer(self) -> int:
        """Of a parameter problem: the byte of the quoted packet at fault."""
        return self.rest
