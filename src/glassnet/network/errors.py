"""ICMP errors as the transport and its sockets see them.

Which `errno` a message means, and whether it ends a connection, is what Linux
gives programs; RFC 1122 section 4.2.3.9 and RFC 5461 discuss the difference
between hard and soft errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import (
    EACCES,
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from typing import Final

__all__ = ["IcmpError", "errno_v4", "errno_v6"]


@dataclass(slots=True)
class IcmpError:
    """What became of a packet that this host sent.

    `source` and `destination` are the addresses of that packet, `quoted` the first
    bytes of its transport segment (at least 8). `mtu` is the path MTU now in force
    when the packet was too big. `reporter` is the address that told us: our own
    when a neighbour did not answer. Not `fatal` errors are advice: a connection
    goes on trying.
    """

    protocol: int
    source: bytes
    destination: bytes
    quoted: bytes
    errno: int
    fatal: bool
    type: int
    code: int
    mtu: int | None
    reporter: bytes


_UNREACHABLE_V4: Final = (
    (ENETUNREACH, False),  # network
    (EHOSTUNREACH, False),  # host
    (ENOPROTOOPT, True),  # protocol
    (ECONNREFUSED, True),  # port
    (EMSGSIZE, False),  # fragmentation needed
    (EOPNOTSUPP, False),  # source route failed
    (ENETUNREACH, True),  # network unknown
    (EHOSTDOWN, True),  # host unknown
    (ENONET, True),  # source host isolated
    (ENETUNREACH, True),  # network prohibited
    (EHOSTUNREACH, True),  # host prohibited
    (ENETUNREACH, False),  # network unreachable for this type of service
    (EHOSTUNREACH, False),  # host unreachable for this type of service
    (EHOSTUNREACH, True),  # administratively prohibited
    (EHOSTUNREACH, True),  # host precedence violation
    (EHOSTUNREACH, True),  # precedence cutoff
)
_UNREACHABLE_V6: Final = (
    (ENETUNREACH, False),  # no route
    (EACCES, True),  # administratively prohibited
    (EHOSTUNREACH, False),  # beyond scope of source address
    (EHOSTUNREACH, False),  # address
    (ECONNREFUSED, True),  # port
    (EACCES, True),  # source address failed policy
    (EACCES, True),  # route rejected
)


def errno_v4(kind: int, code: int) -> tuple[int, bool] | None:
    """The errno of an ICMP error, and whether it is fatal; None for one without meaning (RFC 792)."""
    if kind == 3:
        return _UNREACHABLE_V4[code] if code < len(_UNREACHABLE_V4) else None
    if kind == 11:
        return EHOSTUNREACH, False
    if kind == 12:
        return EPROTO, True
    return None


def errno_v6(kind: int, code: int) -> tuple[int, bool] | None:
    """The errno of an ICMPv6 error, and whether it is fatal; None for one without meaning (RFC 4443)."""
    if kind == 1:
        return _UNREACHABLE_V6[code] if code < len(_UNREACHABLE_V6) else (EPROTO, False)
    if kind == 2:
        return EMSGSIZE, False
    if kind == 3:
        return EHOSTUNREACH, False
    if kind == 4:
        return EPROTO, True
    return None
