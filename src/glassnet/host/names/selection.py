"""In which order to try the addresses of a name: destination address selection (RFC 6724 section 6).

Rules 3 (deprecated addresses), 4 (home addresses) and 7 (encapsulating transports) never
decide here: the stack has nothing of the kind. IPv4 addresses take part as the mapped
addresses that they are (section 2.1); their common prefix (rule 9) counts only within the
network of the source, as glibc has it, for beyond that it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING, NamedTuple

from glassnet.network.addresses import is_mapped, scope

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["Candidate", "by_preference", "order"]

_MAPPED = bytes(10) + b"\xff\xff"

# The default policy table of RFC 6724 section 2.1: precedence and label, longest prefix first.
_POLICIES = tuple(
    (int(network.network_address), 128 - network.prefixlen, precedence, label)
    for network, precedence, label in (
        (ip_network("::1/128"), 50, 0),
        (ip_network("::ffff:0:0/96"), 35, 4),
        (ip_network("::/96"), 1, 3),
        (ip_network("2001::/32"), 5, 5),
        (ip_network("2002::/16"), 30, 2),
        (ip_network("3ffe::/16"), 1, 12),
        (ip_network("fec0::/10"), 1, 11),
        (ip_network("fc00::/7"), 3, 13),
        (ip_network("::/0"), 40, 1),
    )
)


class Candidate(NamedTuple):
    """A destination, and the source for it with its prefix length; no source where there is no way."""

    destination: bytes
    source: bytes | None
    length: int = 128


def _policy(address: bytes) -> tuple[int, int]:
    """Precedence and label."""
    number = int.from_bytes(address if len(address) == 16 else _MAPPED + address, "big")
    return next(
        (precedence, label)
        for network, shift, precedence, label in _POLICIES
        if number >> shift == network >> shift
    )


def _plain(address: bytes) -> bytes:
    """The IPv4 address in a mapped one."""
    return address[12:] if is_mapped(address) else address


def _common(source: bytes, destination: bytes, length: int) -> int:
    """CommonPrefixLen of RFC 6724 section 2.2."""
    differing = int.from_bytes(source, "big") ^ int.from_bytes(destination, "big")
    bits = len(source) * 8 - differing.bit_length()
    if len(source) == 4:
        return bits if bits >= length else 0
    return min(bits, length)


def by_preference(candidates: Iterable[Candidate]) -> list[bytes]:
    """The destinations, best first; equally good ones stay in order (rule 10)."""
    return [each.destination for each in sorted(candidates, key=_rank)]


def _rank(candidate: Candidate) -> tuple[int, ...]:
    destination = _plain(candidate.destination)
    precedence, label = _policy(destination)
    wanted = scope(destination)
    if candidate.source is None:
        return (1, 0, 0, -precedence, wanted, 0)
    source = _plain(candidate.source)
    # Rule 9 is for addresses of one kind; two of different kinds differ in rule 6 already.
    common = _common(source, destination, candidate.length) if len(source) == len(destination) else 0
    # Rules 1, 2, 5, 6, 8 and 9; the lowest rank wins.
    return (
        0,
        scope(source) != wanted,
        _policy(source)[1] != label,
        -precedence,
        wanted,
        -common,
    )


def order(system: System, destinations: Iterable[bytes]) -> list[bytes]:
    """Destinations of a host, best first, by the sources that it would use now."""
    held = list(destinations)
    if len(held) < 2:
        return held
    internet = system.internet
    lengths = {each.address: each.length for each in internet.addresses()}
    candidates = []
    for destination in held:
        try:
            source = internet.source_for(_plain(destination))
        except OSError:
            candidates.append(Candidate(destination, None))
        else:
            whole = 8 if source[0] == 127 and len(source) == 4 else len(source) * 8
            candidates.append(Candidate(destination, source, lengths.get(source, whole)))
    return by_preference(candidates)
