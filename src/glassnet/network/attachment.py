"""An interface as the network layer sees it: its addresses, groups and neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface, LoopbackInterface
from glassnet.network.addresses import (
    LIMITED_BROADCAST,
    is_link_local,
    multicast_mac,
    network_prefix,
)
from glassnet.network.arp import Arp
from glassnet.network.ipv4 import Ipv4Input
from glassnet.network.ipv6 import Ipv6Input
from glassnet.network.nd import NeighbourDiscovery
from glassnet.network.neighbours import NeighbourCache
from glassnet.network.next_hop import GroupHop, NextHop
from glassnet.network.source_address import InterfaceAddress
from glassnet.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Attachment"]


class Attachment:
    """One interface of a host, attached to its `Internet`.

    `addresses` maps each address to its prefix length, `broadcasts` holds the IPv4
    broadcast addresses, `groups` counts who joined each multicast group.
    """

    __slots__ = (
        "_lo",
        "_neighbours_v4",
        "_neighbours_v6",
        "addresses",
        "arp",
        "broadcasts",
        "groups",
        "interface",
        "internet",
        "ipv4",
        "ipv6",
        "nd",
    )

    def __init__(self, internet: Internet, interface: Interface) -> None:
        self.internet = internet
        self.interface = interface
        self.addresses: dict[bytes, int] = {}
        self.broadcasts: dict[bytes, int] = {}
        self.groups: dict[bytes, int] = {}
        self.arp = Arp(self)
        self.nd = NeighbourDiscovery(self)
        self.ipv4 = Ipv4Input(self)
        self.ipv6 = Ipv6Input(self)
        interface.handlers[ETHERTYPE_IPV4] = self.ipv4.receive
        interface.handlers[ETHERTYPE_IPV6] = self.ipv6.receive
        self._lo: dict[int, NextHop] = {}
        if isinstance(interface, LoopbackInterface):
            zeros = bytes(12)
            self._lo = {
                4: NextHop(interface, zeros + ETHERTYPE_IPV4),
                16: NextHop(interface, zeros + ETHERTYPE_IPV6),
            }
        else:
            interface.handlers[ETHERTYPE_ARP] = self.arp.receive
        engine, name, drops = internet.engine, internet.name, internet.drops
        self._neighbours_v4 = NeighbourCache(
            engine, name, interface, drops, ETHERTYPE_IPV4, self.arp.solicit, internet.icmp.unreachable
        )
        self._neighbours_v6 = NeighbourCache(
            engine, name, interface, drops, ETHERTYPE_IPV6, self.nd.solicit, internet.icmpv6.unreachable
        )

    def detach(self) -> None:
        """Take nothing from the interface any more."""
        for ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP):
            self.interface.handlers.pop(ethertype, None)
        for group in list(self.groups):
            self._listen(group, False)
        self._neighbours_v4.clear()
        self._neighbours_v6.clear()

    # --- next hops

    def neighbours(self, family: int) -> NeighbourCache:
        """The neighbours with addresses of `family` bytes: 4 or 16."""
        return self._neighbours_v4 if family == 4 else self._neighbours_v6

    def neighbour(self, address: bytes) -> NextHop:
        """The way to `address`, which is on this link."""
        if self._lo:
            return self._lo[len(address)]
        return self.neighbours(len(address)).get(address)

    def loop_hop(self, address: bytes) -> NextHop:
        """The way to an address of this host; only for the loopback interface."""
        return self._lo[len(address)]

    def group_hop(self, address: bytes, mac: bytes) -> NextHop:
        """The way to everyone on this link who listens to `address`."""
        if self._lo:
            return self._lo[len(address)]
        ethertype = ETHERTYPE_IPV4 if len(address) == 4 else ETHERTYPE_IPV6
        broadcast = address == LIMITED_BROADCAST or address in self.broadcasts

        def hear(frame: bytes) -> None:
            if broadcast or address in self.groups:
                self.internet.hear(frame, self.interface)

        return GroupHop(self.interface, mac + self.interface.mac + ethertype, hear)

    # --- addresses and groups

    def listing(self) -> list[InterfaceAddress]:
        """Its addresses, in the order in which they were added."""
        return [InterfaceAddress(self.interface, *entry) for entry in self.addresses.items()]

    def speaks(self, family: int) -> bool:
        """Whether the interface has an address of `family` bytes: 4 or 16."""
        return any(len(address) == family for address in self.addresses)

    def address_for(self, destination: bytes) -> bytes | None:
        """Its address in the network of `destination`, or else its first of that family."""
        first = None
        for address, length in self.addresses.items():
            if len(address) == len(destination):
                if first is None:
                    first = address
                if network_prefix(address, length) == network_prefix(destination, length):
                    return address
        return first

    @property
    def link_local(self) -> bytes | None:
        """Its first link-local IPv6 address."""
        for address in self.addresses:
            if len(address) == 16 and is_link_local(address):
                return address
        return None

    def join(self, group: bytes) -> None:
        """Receive packets to a multicast group, until `leave` was called as often."""
        count = self.groups.get(group, 0)
        self.groups[group] = count + 1
        if not count:
            self._listen(group, True)

    def leave(self, group: bytes) -> None:
        """Undo one `join`; KeyError if there was none."""
        if self.groups[group] > 1:
            self.groups[group] -= 1
        else:
            del self.groups[group]
            self._listen(group, False)

    def _listen(self, group: bytes, on: bool) -> None:
        if not self._lo:
            (self.interface.join if on else self.interface.leave)(multicast_mac(group))
        self.ipv4.forget()
        self.ipv6.forget()
