"""Static routes for a whole network, as an administrator would enter them.

Hosts get a default route to the first router on their link. Each router gets a
route to every prefix of the network, over the fewest routers. These routes have
metric `METRIC`: what a user or a routing protocol adds goes before them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import is_link_local, network_prefix
from glassnet.network.routes import Route
from glassnet.topology.host import Host

__all__ = ["METRIC", "fill_routes"]

METRIC = 1024

Link = list[tuple[Host, Interface]]
Prefix = tuple[bytes, int]


def fill_routes(links: Iterable[Link]) -> None:
    """Replace the automatic routes of all hosts on `links`: each a list of who is on one link."""
    all_links = [link for link in links if link]
    hosts: dict[Host, list[Link]] = {}
    for link in all_links:
        for host, _ in link:
            hosts.setdefault(host, []).append(link)
    for host in hosts:
        old = [route for route in host.internet.routes if route.metric == METRIC]
        if old:
            host.internet.routes.discard(old, "")
    for host, own in hosts.items():
        if host.forwarding:
            _fill_router(host, own, hosts)
        else:
            _fill_host(host, own)


def _fill_host(host: Host, own: list[Link]) -> None:
    for family, prefix in ((4, IPv4Network("0.0.0.0/0")), (16, IPv6Network("::/0"))):
        for link in own:
            interface = _interface(host, link)
            via = next(
                (
                    address
                    for router, theirs in link
                    if router.forwarding and router is not host
                    for address in _addresses(router, theirs, family)
                    if _reachable(host, interface, address)
                ),
                None,
            )
            if via is not None:
                host.internet.routes.insert(Route(prefix.network_address.packed, 0, via, interface, METRIC))
                break


def _fill_router(router: Host, own: list[Link], hosts: dict[Host, list[Link]]) -> None:
    """Breadth first over routers; each is reached by the first step that led to it."""
    known: set[Prefix] = {
        prefix for link in own for host, i in link if host is router for prefix in _prefixes(host, i)
    }
    steps: dict[Host, dict[int, tuple[bytes, Interface]]] = {router: {}}
    queue: deque[Host] = deque()
    for link in own:
        interface = _interface(router, link)
        for other, theirs in link:
            if other.forwarding and other not in steps:
                first = {}
                for family in (4, 16):
                    for address in _addresses(other, theirs, family):
                        if _reachable(router, interface, address):
                            first[family] = (address, interface)
                            break
                steps[other] = first
                queue.append(other)
    while queue:
        at = queue.popleft()
        first = steps[at]
        for link in hosts[at]:
            for prefix in _prefixes(at, _interface(at, link)):
                way = first.get(len(prefix[0]))
                if prefix not in known and way is not None:
                    known.add(prefix)
                    router.internet.routes.insert(Route(*prefix, way[0], way[1], METRIC))
            for other, _ in link:
                if other.forwarding and other not in steps:
                    steps[other] = first
                    queue.append(other)


def _interface(host: Host, link: Link) -> Interface:
    return next(interface for each, interface in link if each is host)


def _addresses(host: Host, interface: Interface, family: int) -> list[bytes]:
    return [
        address
        for address, _ in host.addresses_of(interface)
        if len(address) == family and not is_link_local(address)
    ]


def _prefixes(host: Host, interface: Interface) -> list[Prefix]:
    return [
        (network_prefix(address, length), length)
        for address, length in host.addresses_of(interface)
        if not is_link_local(address)
    ]


def _reachable(host: Host, interface: Interface, address: bytes) -> bool:
    return any(
        len(own) == len(address) and network_prefix(own, length) == network_prefix(address, length)
        for own, length in host.addresses_of(interface)
    )
