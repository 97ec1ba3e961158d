"""The destination cache: what sending to an address takes (RFC 4861 section 5.1), path MTU included.

An entry is made by one route lookup and used until something that it depends on
changes; then it is no longer `valid`, and whoever holds it looks the address up again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from errno import EINVAL, ENETUNREACH
from itertools import islice
from os import strerror
from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import (
    LIMITED_BROADCAST,
    is_link_local,
    is_loopback,
    is_multicast,
    multicast_mac,
)
from glassnet.network.next_hop import NextHop, Nowhere
from glassnet.wire.ethernet import BROADCAST

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment
    from glassnet.network.internet import Internet

__all__ = ["Destination", "DestinationCache", "Kind"]

CACHE_LIMIT = 16384
PATH_MTU_LIFETIME = 600 * 1_000_000_000
"""After ten minutes a larger MTU may be tried again (RFC 1191 section 6.3, RFC 8201 section 4)."""
LEAST_PATH_MTU_V4 = 552
"""No report makes an IPv4 path narrower than this; routers may then fragment what is sent there."""
LEAST_PATH_MTU_V6 = 1280
_GREATEST_PACKET_V4 = 65535

_Key = bytes | tuple[bytes, str]


class Kind(Enum):
    """What a destination is to this host."""

    UNICAST = "unicast"
    LOCAL = "local"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"


class Destination:
    """How packets get to `address`.

    `mtu` is the path MTU as far as known, `link_mtu` that of the first link alone;
    `expires` is when a path MTU that a router reported is to be forgotten. With
    `breakable`, packets must not forbid fragmentation. `identification` numbers the
    packets to this destination. `transmit` sends a complete frame.
    """

    __slots__ = (
        "address",
        "attachment",
        "breakable",
        "expires",
        "hop",
        "identification",
        "interface",
        "kind",
        "link_mtu",
        "mtu",
        "next_hop",
        "source",
        "transmit",
        "valid",
    )

    def __init__(
        self,
        address: bytes,
        kind: Kind,
        attachment: Attachment,
        next_hop: bytes,
        hop: NextHop,
        identification: int,
    ) -> None:
        self.address = address
        self.kind = kind
        self.attachment = attachment
        self.interface: Interface = attachment.interface
        self.next_hop = next_hop
        self.hop = hop
        self.transmit: Callable[[bytes], None] = attachment.interface.send
        mtu = attachment.interface.mtu
        self.link_mtu = self.mtu = mtu if len(address) == 16 else min(mtu, _GREATEST_PACKET_V4)
        self.expires: int | None = None
        self.breakable = False
        self.identification = identification
        self.source: bytes | None = None
        self.valid = True

    def send(self, packet: bytes, forwarded: bool = False) -> None:
        """Send an IP packet that fits the MTU, now or when the next hop's MAC address is known."""
        hop = self.hop
        if hop.gone:
            hop = self.hop = self.attachment.neighbour(self.next_hop)
        hop.send(packet, forwarded)

    def forget_path_mtu(self) -> None:
        """Believe in the first link's MTU again."""
        self.mtu = self.link_mtu
        self.expires = None


class DestinationCache:
    """The destinations that one host has sent to lately, at most `limit`."""

    __slots__ = ("_entries", "_internet", "_nowhere", "_numbers", "limit")

    def __init__(self, internet: Internet, loopback: Interface) -> None:
        self._internet = internet
        self._entries: dict[_Key, Destination] = {}
        self._nowhere = Nowhere(loopback)
        self._numbers = internet.engine.random[f"host:{internet.name}:identification"]
        self.limit = CACHE_LIMIT

    def lookup(self, address: bytes, interface: Interface | None = None) -> Destination:
        """The entry for `address`, reached through `interface` if one is given.

        OSError: ENETUNREACH without a route, EINVAL for a link-local IPv6 address
        without an interface.
        """
        key: _Key = address if interface is None else (address, interface.name)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._resolve(address, interface)
            self._insert(key, entry)
        return entry

    def _insert(self, key: _Key, entry: Destination) -> None:
        entries = self._entries
        if len(entries) >= self.limit:
            # Half at once: taking out one by one the oldest of a dict walks over all the holes before it.
            for old in list(islice(entries, self.limit // 2)):
                self._invalidate(entries.pop(old))
            self._internet.forget_verdicts()
        entries[key] = entry

    def _invalidate(self, entry: Destination) -> None:
        entry.valid = False
        entry.hop = self._nowhere

    def clear(self) -> None:
        """Make every entry invalid: routes, addresses or interfaces changed."""
        entries, self._entries = self._entries, {}
        for entry in entries.values():
            self._invalidate(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def _resolve(self, address: bytes, interface: Interface | None) -> Destination:
        internet = self._internet
        if internet.is_local(address) and not self._is_of_another_link(address, interface):
            lo = internet.attachment(internet.loopback)
            return self._entry(address, Kind.LOCAL, lo, lo.loop_hop(address))
        if is_multicast(address):
            way = self._group_way(address, interface)
            return self._entry(address, Kind.MULTICAST, way, way.group_hop(address, multicast_mac(address)))
        if address == LIMITED_BROADCAST:
            way = self._group_way(address, interface)
            return self._entry(address, Kind.BROADCAST, way, way.group_hop(address, BROADCAST))
        if len(address) == 16 and is_link_local(address):
            if interface is None:
                raise OSError(EINVAL, strerror(EINVAL))
            way = internet.attachment(interface)
            return self._entry(address, Kind.UNICAST, way, way.neighbour(address))
        route = internet.routes.lookup(address, interface)
        if route is None or is_loopback(address):
            raise OSError(ENETUNREACH, strerror(ENETUNREACH))
        way = internet.attachment(route.interface)
        if address in way.broadcasts:
            return self._entry(address, Kind.BROADCAST, way, way.group_hop(address, BROADCAST))
        next_hop = address if route.via is None else route.via
        return self._entry(address, Kind.UNICAST, way, way.neighbour(next_hop), next_hop)

    def _is_of_another_link(self, address: bytes, interface: Interface | None) -> bool:
        """Whether an address of ours is, on the link of `interface`, perhaps some other host's."""
        if interface is None or interface is self._internet.loopback or not is_link_local(address):
            return False
        return not self._internet.is_own(address, interface)

    def _group_way(self, address: bytes, interface: Interface | None) -> Attachment:
        """The link of a group without an interface: where a route points to, or else the first there is."""
        internet = self._internet
        if interface is None:
            route = internet.routes.lookup(address)
            if route is not None:
                interface = route.interface
            else:
                for attachment in internet.attachments.values():
                    if attachment.speaks(len(address)) and attachment.interface is not internet.loopback:
                        interface = attachment.interface
                        break
                else:
                    raise OSError(ENETUNREACH, strerror(ENETUNREACH))
        return internet.attachment(interface)

    def _entry(
        self, address: bytes, kind: Kind, way: Attachment, hop: NextHop, next_hop: bytes | None = None
    ) -> Destination:
        number = self._numbers.getrandbits(32)
        return Destination(address, kind, way, address if next_hop is None else next_hop, hop, number)

    def narrow(self, address: bytes, interface: Interface, mtu: int, length: int) -> int | None:
        """A router reports that a packet of `length` bytes to `address` was larger than `mtu`.

        Returns the path MTU now in force, or None if the report is not to be believed:
        nothing was sent there, or what was sent fits that MTU, or an IPv6 link cannot be
        that narrow (RFC 8201 section 4).
        """
        narrowed = None
        for key in (address, (address, interface.name)):
            entry = self._entries.get(key)
            if entry is not None and entry.kind is Kind.UNICAST:
                narrowed = self._narrow_entry(key, entry, mtu, length) or narrowed
        return narrowed

    def _narrow_entry(self, key: _Key, entry: Destination, mtu: int, length: int) -> int | None:
        if entry.expires is not None and entry.expires <= self._internet.engine.now:
            entry.forget_path_mtu()
        known = entry.mtu if entry.expires is not None else None
        if len(entry.address) == 16:
            if mtu < LEAST_PATH_MTU_V6:
                return None
        elif mtu == 0:  # routers older than RFC 1191 do not say
            mtu = _plateau_below(length)
        if mtu >= entry.mtu:
            return known
        floor = LEAST_PATH_MTU_V4
        if len(entry.address) == 4 and mtu < floor:
            # Whoever holds the entry must change the flags of its packets: they find it invalid.
            narrow = Destination(
                entry.address, entry.kind, entry.attachment, entry.next_hop, entry.hop, entry.identification
            )
            narrow.source = entry.source
            narrow.breakable = True
            self._invalidate(entry)
            self._internet.forget_verdicts()
            self._entries[key] = entry = narrow
            mtu = min(floor, entry.link_mtu)
        entry.mtu = mtu
        entry.expires = self._internet.engine.now + PATH_MTU_LIFETIME
        return mtu


def _plateau_below(length: int) -> int:
    """The greatest common MTU below the length of a packet that was too big (RFC 1191 section 7.1)."""
    for plateau in (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296):
        if plateau < length:
            return plateau
    return 68
