"""The routing table: which way to a destination, by the longest matching prefix.

Both families share one table: an IPv4 prefix has 4 bytes and an IPv6 one 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import (
    Addressable,
    address_text,
    is_link_local,
    is_multicast,
    is_unspecified,
    parse_address,
    parse_prefix,
)

__all__ = ["Route", "Routes"]


@dataclass(frozen=True, slots=True)
class Route:
    """Packets to `prefix`/`length` leave through `interface`, to `via` or straight to the destination.

    Of several routes to the same prefix the one with the lowest `metric` is taken,
    and of equal ones the first added.
    """

    prefix: bytes
    length: int
    via: bytes | None
    interface: Interface
    metric: int = 0

    def __str__(self) -> str:
        way = f" via {address_text(self.via)}" if self.via is not None else ""
        return f"{address_text(self.prefix)}/{self.length}{way} dev {self.interface.name}"


class _Family:
    """The routes of one address family, as one dict per prefix length in use, longest first."""

    __slots__ = ("bits", "levels")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.levels: list[tuple[int, dict[int, list[Route]]]] = []

    def level(self, length: int) -> dict[int, list[Route]]:
        shift = self.bits - length
        for known, table in self.levels:
            if known == shift:
                return table
        table = {}
        self.levels.append((shift, table))
        self.levels.sort(key=lambda level: level[0])
        return table


class Routes:
    """The routes of one host. Finding one costs a dict lookup per prefix length in use, at most."""

    __slots__ = ("_find_interface", "_on_change", "_v4", "_v6")

    def __init__(self, find_interface: Callable[[str], Interface], on_change: Callable[[], None]) -> None:
        self._find_interface = find_interface
        self._on_change = on_change
        self._v4 = _Family(32)
        self._v6 = _Family(128)

    def _family(self, address: bytes) -> _Family:
        return self._v4 if len(address) == 4 else self._v6

    def add(
        self,
        prefix: str | IPv4Network | IPv6Network,
        via: Addressable | None = None,
        interface: Interface | str | None = None,
        metric: int = 0,
    ) -> Route:
        """Add a route to `prefix` (`"0.0.0.0/0"` and `"::/0"` are the default routes).

        `via` is the next router; it must be on a link of this host, which then is
        the interface unless one is given. Without `via` the destinations are on the
        link of `interface`. ValueError for a route that cannot work or is there already.
        """
        address, length = parse_prefix(prefix)
        router = None if via is None else self._router(via, address, prefix)
        if isinstance(interface, str):
            interface = self._find_interface(interface)
        if interface is None:
            if router is None:
                raise ValueError(f"route to {prefix}: give the next router (via=...), the interface, or both")
            interface = self._interface_towards(router, prefix)
        route = Route(address, length, router, interface, metric)
        self.insert(route)
        return route

    @staticmethod
    def _router(via: Addressable, address: bytes, prefix: object) -> bytes:
        router = parse_address(via)
        if len(router) != len(address):
            raise ValueError(
                f"route to {prefix} via {address_text(router)}: both must be of one family, IPv4 or IPv6"
            )
        if is_multicast(router) or is_unspecified(router):
            raise ValueError(f"route to {prefix} via {address_text(router)}: a router has a unicast address")
        return router

    def _interface_towards(self, router: bytes, prefix: object) -> Interface:
        if len(router) == 16 and is_link_local(router):
            raise ValueError(
                f"route to {prefix} via {address_text(router)}: a link-local router needs interface="
            )
        way = self.lookup(router)
        if way is None or way.via is not None:
            raise ValueError(
                f"route to {prefix} via {address_text(router)}: that address is on no link of this host; "
                "add an address of its network to an interface first"
            )
        return way.interface

    def insert(self, route: Route) -> None:
        """Add a route as it is; ValueError if the same one is there."""
        table = self._family(route.prefix).level(route.length)
        key = int.from_bytes(route.prefix, "big") >> (len(route.prefix) * 8 - route.length)
        routes = table.setdefault(key, [])
        if any(r.interface is route.interface and r.via == route.via for r in routes):
            raise ValueError(f"route {route}: there already; remove it first")
        routes.append(route)
        routes.sort(key=lambda r: r.metric)
        self._on_change()

    def remove(
        self,
        prefix: str | IPv4Network | IPv6Network,
        via: Addressable | None = None,
        interface: Interface | str | None = None,
    ) -> None:
        """Remove the routes to `prefix` (only those `via` and through `interface`, if given).

        ValueError if there is none.
        """
        address, length = parse_prefix(prefix)
        router = None if via is None else parse_address(via)
        if isinstance(interface, str):
            interface = self._find_interface(interface)
        self.discard(
            [
                route
                for route in self
                if (route.prefix, route.length) == (address, length)
                and router in (None, route.via)
                and interface in (None, route.interface)
            ],
            f"route to {prefix}: there is none to remove",
        )

    def discard(self, routes: list[Route], otherwise: str) -> None:
        """Remove exactly these routes; ValueError(`otherwise`) if the list is empty."""
        if not routes:
            raise ValueError(otherwise)
        for route in routes:
            family = self._family(route.prefix)
            table = family.level(route.length)
            key = int.from_bytes(route.prefix, "big") >> (family.bits - route.length)
            table[key] = [r for r in table[key] if r is not route]
            if not table[key]:
                del table[key]
            if not table:
                family.levels = [level for level in family.levels if level[1]]
        self._on_change()

    def connected(self, prefix: bytes, length: int, interface: Interface) -> Route | None:
        """The route to the hosts of a network on the link of `interface` itself, if there is one."""
        family = self._family(prefix)
        number = int.from_bytes(prefix, "big")
        for shift, table in family.levels:
            if shift == family.bits - length:
                for route in table.get(number >> shift, ()):
                    if route.interface is interface and route.via is None:
                        return route
        return None

    def lookup(self, destination: bytes, interface: Interface | None = None) -> Route | None:
        """The best route to `destination` (only through `interface`, if given), or None."""
        number = int.from_bytes(destination, "big")
        for shift, table in (self._v4 if len(destination) == 4 else self._v6).levels:
            routes = table.get(number >> shift)
            if routes is not None:
                if interface is None:
                    return routes[0]
                for route in routes:
                    if route.interface is interface:
                        return route
        return None

    def __iter__(self) -> Iterator[Route]:
        """All routes: IPv4 first, longest prefix first, then in the order of metric."""
        for family in (self._v4, self._v6):
            for _, table in family.levels:
                for routes in table.values():
                    yield from routes
