"""`ip`: a host's interfaces, addresses, routes and neighbours, as iproute2 shows them."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.datalink.interface import Interface, LoopbackInterface
from glassnet.network.addresses import address_text, is_link_local, is_loopback
from glassnet.topology.host import Host
from glassnet.wire.ethernet import mac_text

__all__ = ["ip"]

_OBJECTS = ("address", "link", "route", "neighbour", "neighbor")
_USAGE = "ip [-4|-6] addr | link | route | neigh"


def ip(host: Host, words: list[str]) -> Iterator[str]:
    """The lines that `ip` with these arguments shows. ValueError says how to use it."""
    families = [4, 16]
    words = list(words)
    while words and words[0] in ("-4", "-6"):
        families = [4] if words.pop(0) == "-4" else [16]
    what = words[0] if words else ""
    full = next((name for name in _OBJECTS if what and name.startswith(what)), None)
    rest = [word for word in words[1:] if word not in ("show", "list", "dev")]
    if full is None or len(rest) > 1:
        raise ValueError(f"usage: {_USAGE} [INTERFACE]")
    interfaces = list(host.internet.interfaces.values()) if not rest else [host.interface(rest[0])]
    if full in ("address", "link"):
        for interface in interfaces:
            yield from _link(interface)
            if full == "address":
                yield from _addresses(host, interface, families)
    elif full == "route":
        # As `ip`, without -6 it shows the IPv4 table alone.
        yield from _routes(host, interfaces, families[:1])
    else:
        for interface in interfaces:
            for family in families:
                for neighbour in host.internet.attachment(interface).neighbours(family):
                    where = f" lladdr {mac_text(neighbour.mac)}" if neighbour.mac is not None else ""
                    at = f"{address_text(neighbour.address)} dev {interface.name}"
                    yield f"{at}{where} {neighbour.state.value}"


def _link(interface: Interface) -> Iterator[str]:
    loopback = isinstance(interface, LoopbackInterface)
    flags = ["LOOPBACK"] if loopback else ["BROADCAST", "MULTICAST"]
    flags += ["UP"] if interface.up else []
    flags += ["LOWER_UP"] if interface.carrier else []
    if interface.up and not interface.carrier:
        flags.insert(0, "NO-CARRIER")
    state = "UNKNOWN" if loopback else "UP" if interface.carrier else "DOWN"
    yield f"{interface.index}: {interface.name}: <{','.join(flags)}> mtu {interface.mtu} state {state}"
    if loopback:
        yield "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00"
    else:
        yield f"    link/ether {mac_text(interface.mac)} brd ff:ff:ff:ff:ff:ff"


def _addresses(host: Host, interface: Interface, families: list[int]) -> Iterator[str]:
    for address, length in host.addresses_of(interface):
        if len(address) in families:
            kind = "inet" if len(address) == 4 else "inet6"
            scope = "host" if is_loopback(address) else "link" if is_link_local(address) else "global"
            yield f"    {kind} {address_text(address)}/{length} scope {scope}"


def _routes(host: Host, interfaces: list[Interface], families: list[int]) -> Iterator[str]:
    for route in host.internet.routes:
        shown = len(route.prefix) in families and route.interface in interfaces
        if not shown or isinstance(route.interface, LoopbackInterface):
            continue
        network = f"{address_text(route.prefix)}/{route.length}" if route.length else "default"
        via = f" via {address_text(route.via)}" if route.via is not None else ""
        metric = f" metric {route.metric}" if route.metric else ""
        yield f"{network}{via} dev {route.interface.name}{metric}"
