"""Which of its addresses a host sends from (RFC 6724 section 5; the same idea for IPv4)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import NamedTuple

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import address_text, is_link_local, is_loopback, is_multicast, scope

__all__ = ["InterfaceAddress", "choose_source"]


class InterfaceAddress(NamedTuple):
    """An address of an interface, with the length of its network's prefix."""

    interface: Interface
    address: bytes
    length: int

    def __str__(self) -> str:
        return f"{address_text(self.address)}/{self.length} dev {self.interface.name}"


# The labels of RFC 6724 section 2.1, longest prefix first; ::/0 has label 1.
_LABELS = tuple(
    (int(network.network_address), 128 - network.prefixlen, label)
    for network, label in (
        (ip_network("::1/128"), 0),
        (ip_network("::ffff:0:0/96"), 4),
        (ip_network("::/96"), 3),
        (ip_network("2001::/32"), 5),
        (ip_network("2002::/16"), 2),
        (ip_network("3ffe::/16"), 12),
        (ip_network("fec0::/10"), 11),
        (ip_network("fc00::/7"), 13),
    )
)


def _label(address: bytes) -> int:
    number = int.from_bytes(address, "big")
    for network, shift, label in _LABELS:
        if number >> shift == network >> shift:
            return label
    return 1


def _common_bits(one: bytes, other: bytes) -> int:
    return len(one) * 8 - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()


def choose_source(
    candidates: Iterable[InterfaceAddress], destination: bytes, next_hop: bytes, interface: Interface
) -> bytes | None:
    """The best of this host's addresses to send to `destination` through `interface`; None without one.

    Of equally good ones the first is taken.
    """
    wanted = scope(destination)
    link_only = is_multicast(destination) or is_link_local(destination)
    best, best_rank = None, None
    for candidate in candidates:
        address = candidate.address
        if len(address) != len(destination) or is_loopback(address):
            continue
        outgoing = candidate.interface is interface
        if not outgoing and ((link_only and len(address) == 16) or is_link_local(address)):
            continue
        has = scope(address)
        # Rules 1, 2, 5, 6 and 8; the lowest rank wins.
        rank = (
            address != destination,
            has < wanted,
            has if has >= wanted else -has,
            not outgoing,
            _label(address) != _label(destination) if len(address) == 16 else False,
            -min(_common_bits(address, destination if len(address) == 16 else next_hop), candidate.length),
        )
        if best_rank is None or rank < best_rank:
            best, best_rank = address, rank
    return best
