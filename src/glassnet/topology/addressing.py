"""Addresses for networks that nobody numbered, from the ranges set aside for documentation.

A LAN takes the next of the three networks of RFC 5737, then a /24 of the benchmark
range of RFC 2544; a cable between two routers or hosts takes a /30 of the latter.
IPv6 networks are /64s of 2001:db8::/32 (RFC 3849).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from glassnet.errors import GlassnetError

__all__ = ["Prefix", "Subnet", "Subnets"]

Prefix = IPv4Network | IPv6Network

_DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
_BENCHMARK = IPv4Network("198.18.0.0/15")
_IPV6 = IPv6Network("2001:db8::/32")


class Subnet:
    """One prefix, and the addresses in it that are still free."""

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix
        self._next = 1
        self._last = prefix.num_addresses - (2 if prefix.version == 4 and prefix.prefixlen < 31 else 1)

    def check_room(self, hosts: int) -> None:
        """Raise GlassnetError unless so many more hosts can have an address."""
        if self._next + hosts - 1 > self._last:
            raise GlassnetError(
                f"network {self.prefix} is too small: {hosts} hosts need an address and "
                f"{max(self._last - self._next + 1, 0)} are free; give a larger prefix"
            )

    def next(self) -> str:
        """The next free address with its prefix length, as `"192.0.2.1/24"`."""
        self.check_room(1)
        prefix = self.prefix
        address: IPv4Address | IPv6Address = prefix.network_address + self._next
        self._next += 1
        return f"{address}/{prefix.prefixlen}"


class Subnets:
    """Hands out prefixes for the networks of one `Network`."""

    def __init__(self) -> None:
        self._lans = self._lan_prefixes()
        self._links = _BENCHMARK.subnets(new_prefix=30)
        # Links are numbered from the low end of the benchmark range, LANs from the high end.
        self._links_taken = 0
        self._lan_blocks = 0
        self._v6 = 0

    def _lan_prefixes(self) -> Iterator[IPv4Network]:
        for text in _DOCUMENTATION:
            yield IPv4Network(text)
        top = int(_BENCHMARK.broadcast_address) + 1
        for block in range(1, 257):
            self._lan_blocks = block
            yield IPv4Network((top - 256 * block, 24))

    def lan(self) -> tuple[Subnet, Subnet]:
        """An IPv4 and an IPv6 network for a LAN."""
        prefix = next(self._lans, None)
        if prefix is None:
            raise GlassnetError(
                "no IPv4 network is left for another LAN: give its prefix, such as prefix='10.1.0.0/24'"
            )
        return Subnet(prefix), self._next_v6()

    def link(self) -> tuple[Subnet, Subnet]:
        """An IPv4 and an IPv6 network for a cable between two hosts or routers."""
        prefix = next(self._links, None)
        self._links_taken += 1
        if prefix is None or self._links_taken * 4 > _BENCHMARK.num_addresses - 256 * self._lan_blocks:
            raise GlassnetError(
                "no IPv4 network is left for another cable: give its prefix, such as prefix='10.1.0.0/30'"
            )
        return Subnet(prefix), self._next_v6()

    def _next_v6(self) -> Subnet:
        base = int(_IPV6.network_address) + (self._v6 << 64)
        self._v6 += 1
        return Subnet(IPv6Network((base, 64)))

    @staticmethod
    def given(prefix: str | tuple[str, ...]) -> list[Subnet]:
        """The networks that a user named."""
        subnets = []
        for text in (prefix,) if isinstance(prefix, str) else prefix:
            try:
                subnets.append(Subnet(ip_network(text)))
            except ValueError as error:
                raise ValueError(
                    f"prefix={text!r}: expected a network such as '192.0.2.0/24' ({error})"
                ) from None
        return subnets
