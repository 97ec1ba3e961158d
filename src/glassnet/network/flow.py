"""A flow: everything about sending from one address to another that does not change from packet to packet.

A transport makes one flow per connection or peer and then only calls `send`. The
Internet header is a template; its checksum is arithmetic on the few fields that vary,
never a second pass over the bytes.
"""

from __future__ import annotations

from copy import copy
from errno import EINVAL, EMSGSIZE
from os import strerror
from struct import Struct
from typing import TYPE_CHECKING, Self

from glassnet.datalink.interface import Interface
from glassnet.network.destinations import Destination, Kind
from glassnet.network.fragmentation import fragments_v4, fragments_v6
from glassnet.network.next_hop import GroupHop
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.ipv4 import DONT_FRAGMENT
from glassnet.wire.large import Large, large

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["DEFAULT_HOPS", "Flow", "Ipv4Flow", "Ipv6Flow"]

DEFAULT_HOPS = 64
"""Time to live, or hop limit, of unicast packets (RFC 1700; RFC 8200 leaves it to hosts)."""

# The units of `wire.ipv4.LAYOUT`, those that never change within a flow taken together.
_pack_v4 = Struct("!HHH4sH8s").pack
_pack_v6 = Struct("!4sH34s").pack


class Flow:
    """Packets of one `protocol` from `source` to `destination` (bytes).

    `pseudo` is the ones' complement sum of the pseudo header without the length, for
    the transport's checksum.
    """

    __slots__ = (
        "_engine",
        "_entry",
        "_internet",
        "_via",
        "destination",
        "dont_fragment",
        "multicast_loop",
        "protocol",
        "pseudo",
        "source",
        "tos",
        "ttl",
    )

    _longest_segment = 65535

    def __init__(
        self,
        internet: Internet,
        entry: Destination,
        source: bytes,
        protocol: int,
        via: Interface | None,
        ttl: int | None,
        tos: int,
        dont_fragment: bool,
    ) -> None:
        self._internet = internet
        self._engine = internet.engine
        self._entry = entry
        self._via = via
        self.source = source
        self.destination = entry.address
        self.protocol = protocol
        self.pseudo = pseudo_sum(source, entry.address, protocol)
        self.multicast_loop = True
        if ttl is None:
            ttl = 1 if entry.kind is Kind.MULTICAST else DEFAULT_HOPS
        self.set(ttl=ttl, tos=tos, dont_fragment=dont_fragment)

    def set(
        self,
        *,
        ttl: int | None = None,
        tos: int | None = None,
        dont_fragment: bool | None = None,
        multicast_loop: bool | None = None,
    ) -> None:
        """Change what is given: time to live or hop limit, type of service or traffic class, and so on.

        OSError(EINVAL) for numbers that do not fit their field.
        """
        if ttl is not None:
            if not 0 < ttl < 256:
                raise OSError(EINVAL, strerror(EINVAL))
            self.ttl = ttl
        if tos is not None:
            if not 0 <= tos < 256:
                raise OSError(EINVAL, strerror(EINVAL))
            self.tos = tos
        if dont_fragment is not None:
            self.dont_fragment = dont_fragment
        if multicast_loop is not None:
            self.multicast_loop = multicast_loop
        self._prepare()

    def twin(self, *, ecn: int) -> Self:
        """The same flow with these two bits of ECN in its packets (RFC 3168, 5)."""
        other = copy(self)
        other.set(tos=self.tos & ~3 | ecn)
        return other

    @property
    def interface(self) -> Interface:
        """Where packets leave the host."""
        return self._entry.interface

    @property
    def is_loopback(self) -> bool:
        """Whether the destination is this host itself."""
        return self._entry.kind is Kind.LOCAL

    @property
    def kind(self) -> Kind:
        """Unicast, local, broadcast or multicast."""
        return self._entry.kind

    @property
    def mtu(self) -> int:
        """The longest packet, Internet header included, known to pass unfragmented to the destination."""
        entry = self._entry
        if not entry.valid or entry.expires is not None:
            try:
                entry = self._current()
            except OSError:
                pass  # no route: send will say so, and until then the last MTU known is as good as any
        return entry.mtu

    @property
    def offloads(self) -> bool:
        """Whether the interface takes segments in runs at all."""
        return self._entry.interface.large > 0

    @property
    def large(self) -> int:
        """The longest packet, Internet header included, that may be sent as a `Large` now; 0: none.

        Then `send` takes a payload that is a `Large`, and an interface further on cuts it.
        """
        entry = self._entry
        return 0 if entry.hop.link is None else entry.interface.large

    def confirm(self) -> None:
        """The transport has proof that packets arrive (RFC 4861 section 7.3.1)."""
        self._entry.hop.confirmed = self._engine.now

    def send(self, head: bytes, payload: bytes) -> None:
        """Send one transport segment: `head` is its complete header, checksum included.

        Longer than the path MTU, it is fragmented, or refused with OSError(EMSGSIZE) if
        `dont_fragment` is set. OSError(ENETUNREACH) when the route has gone.
        """
        raise NotImplementedError

    def send_packet(self, packet: bytes) -> None:
        """Send a whole IP packet that someone else made; it must fit the link."""
        entry = self._current()
        if isinstance(entry.hop, GroupHop):
            entry.hop.send(packet, False, self.multicast_loop)
        else:
            entry.send(packet)

    def _prepare(self) -> None:
        """Make the template of the Internet header."""
        raise NotImplementedError

    def _packet(self, head: bytes, payload: bytes) -> bytes:
        raise NotImplementedError

    def _fragments(self, segment: bytes, mtu: int) -> list[bytes]:
        raise NotImplementedError

    def _current(self) -> Destination:
        """The destination's entry as it is now; OSError if there is no way there any more."""
        entry = self._entry
        if not entry.valid:
            self._entry = entry = self._internet.destinations.lookup(self.destination, self._via)
            self._prepare()
        if entry.expires is not None and entry.expires <= self._engine.now:
            entry.forget_path_mtu()
            if entry.breakable:
                entry.breakable = False
                self._prepare()
        return entry

    def _send_with_care(self, head: bytes, payload: bytes, header: int) -> None:
        """Send when something stands in the way: the length, the neighbour, a changed route, a group."""
        try:
            entry = self._current()
        except OSError:
            self._internet.drops("ip: no route", head)
            raise
        if type(payload) is Large and entry.hop.link is not None:
            frame = entry.hop.link + self._packet(head, payload)
            entry.transmit(large(frame, payload.segment))
            return
        if header + len(head) + len(payload) > entry.mtu:
            unbroken = self.dont_fragment and not entry.breakable
            if unbroken or len(head) + len(payload) > self._longest_segment:
                raise OSError(EMSGSIZE, strerror(EMSGSIZE))
            packets = self._fragments(b"".join((head, payload)), entry.mtu)
        else:
            packets = [self._packet(head, payload)]
        hop = entry.hop
        for packet in packets:
            if isinstance(hop, GroupHop):
                hop.send(packet, False, self.multicast_loop)
            else:
                entry.send(packet)


class Ipv4Flow(Flow):
    """A flow of IPv4 packets."""

    _longest_segment = 65535 - 20

    __slots__ = ("_addresses", "_constant", "_first", "_sum")

    def _prepare(self) -> None:
        unbroken = self.dont_fragment and not self._entry.breakable
        flags = DONT_FRAGMENT if unbroken else 0
        self._first = 0x4500 | self.tos
        self._constant = flags.to_bytes(2, "big") + bytes((self.ttl, self.protocol))
        self._addresses = self.source + self.destination
        self._sum = self._first + ones_sum(self._constant) + ones_sum(self._addresses)

    def send(self, head: bytes, payload: bytes) -> None:
        """Send one segment: see `Flow.send`."""
        entry = self._entry
        length = 20 + len(head) + len(payload)
        link = entry.hop.link
        if link is None or length > entry.mtu:
            self._send_with_care(head, payload, 20)
            return
        entry.identification = number = (entry.identification + 1) & 0xFFFF
        entry.transmit(
            b"".join(
                (
                    link,
                    _pack_v4(
                        self._first,
                        length,
                        number,
                        self._constant,
                        -(self._sum + length + number) % 0xFFFF,
                        self._addresses,
                    ),
                    head,
                    payload,
                )
            )
        )

    def _header(self, length: int) -> bytes:
        entry = self._entry
        entry.identification = number = (entry.identification + 1) & 0xFFFF
        checksum = -(self._sum + length + number) % 0xFFFF
        return _pack_v4(self._first, length, number, self._constant, checksum, self._addresses)

    def _packet(self, head: bytes, payload: bytes) -> bytes:
        return b"".join((self._header(20 + len(head) + len(payload)), head, payload))

    def _fragments(self, segment: bytes, mtu: int) -> list[bytes]:
        return fragments_v4(self._header(20 + len(segment)) + segment, mtu)


class Ipv6Flow(Flow):
    """A flow of IPv6 packets."""

    __slots__ = ("_addresses", "_first")

    def _prepare(self) -> None:
        self._first = (0x60000000 | self.tos << 20).to_bytes(4, "big")
        self._addresses = bytes((self.protocol, self.ttl)) + self.source + self.destination

    def send(self, head: bytes, payload: bytes) -> None:
        """Send one segment: see `Flow.send`."""
        entry = self._entry
        length = len(head) + len(payload)
        link = entry.hop.link
        if link is None or length + 40 > entry.mtu:
            self._send_with_care(head, payload, 40)
            return
        entry.transmit(b"".join((link, _pack_v6(self._first, length, self._addresses), head, payload)))

    def _packet(self, head: bytes, payload: bytes) -> bytes:
        length = len(head) + len(payload)
        return b"".join((_pack_v6(self._first, length, self._addresses), head, payload))

    def _fragments(self, segment: bytes, mtu: int) -> list[bytes]:
        entry = self._entry
        entry.identification = number = (entry.identification + 1) & 0xFFFFFFFF
        return fragments_v6(_pack_v6(self._first, len(segment), self._addresses), segment, mtu, number)
