"""Layer 3 of one host or router: where its addresses, routes and packets come together."""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRNOTAVAIL
from functools import partial
from os import strerror

from glassnet.datalink.interface import Interface, LoopbackInterface
from glassnet.engine import Drops, Engine
from glassnet.network.addresses import (
    ALL_HOSTS,
    ALL_NODES,
    ALL_NODES_INTERFACE,
    ALL_ROUTERS,
    ALL_ROUTERS_V4,
    LIMITED_BROADCAST,
    LOOPBACK_V4,
    LOOPBACK_V6,
    UNSPECIFIED_V4,
    address_text,
    broadcast_address,
    interface_address,
    is_link_local,
    is_multicast,
    is_unspecified,
    link_local_from_mac,
    network_prefix,
    scope,
    solicited_node,
)
from glassnet.network.attachment import Attachment
from glassnet.network.destinations import Destination, DestinationCache, Kind
from glassnet.network.echo import EchoReply
from glassnet.network.errors import IcmpError
from glassnet.network.flow import Flow, Ipv4Flow, Ipv6Flow
from glassnet.network.forwarding import Forwarder
from glassnet.network.fragments import Fragments
from glassnet.network.icmp import Icmp
from glassnet.network.icmpv6 import Icmpv6
from glassnet.network.routes import Route, Routes
from glassnet.network.source_address import InterfaceAddress, choose_source
from glassnet.network.verdicts import Verdicts
from glassnet.wire import icmp, icmpv6
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.numbers import ICMP, ICMPV6

__all__ = ["ErrorHandler", "Handler", "Internet"]

Handler = Callable[[bytes, int, int, int, Interface], None]
"""`handler(frame, network_offset, transport_offset, end, interface)`; `end` is exclusive."""
ErrorHandler = Callable[[IcmpError], None]

REASSEMBLY_TIME_V4 = 30 * 1_000_000_000
REASSEMBLY_TIME_V6 = 60 * 1_000_000_000  # RFC 8200 section 4.5


class Internet:
    """IPv4 and IPv6 on the host `name`, with a loopback interface from the start.

    `handlers` take received packets by IP protocol number, `error_handlers` what became
    of packets sent, `echo_listeners` answers to echo requests by identifier. A packet
    handler finds both addresses in the frame at `network_offset`, whose upper four bits
    are the version.
    """

    def __init__(self, engine: Engine, name: str, drops: Drops) -> None:
        self.engine = engine
        self.name = name
        self.drops = drops
        self.handlers: dict[int, Handler] = {}
        self.error_handlers: dict[int, ErrorHandler] = {}
        self.echo_listeners: dict[int, Callable[[EchoReply], None]] = {}
        self.interfaces: dict[str, Interface] = {}
        self.attachments: dict[str, Attachment] = {}
        self._last_index = 0
        self._forwarding = False
        self._local: dict[bytes, int] = {}
        self._broadcasts: dict[bytes, int] = {}
        self._remembering: dict[Verdicts, None] = {}
        self.icmp = Icmp(self)
        self.icmpv6 = Icmpv6(self)
        self.handlers[ICMP] = self.icmp.receive
        self.handlers[ICMPV6] = self.icmpv6.receive
        self.forwarder = Forwarder(self)
        self.fragments_v4 = Fragments(
            engine, drops, "ipv4", REASSEMBLY_TIME_V4, self.icmp.reassembly_time_exceeded
        )
        self.fragments_v6 = Fragments(
            engine, drops, "ipv6", REASSEMBLY_TIME_V6, self.icmpv6.reassembly_time_exceeded
        )
        self.loopback: Interface = LoopbackInterface(engine, drops=drops, owner=name)
        self.routes = Routes(self._interface_named, self.invalidate)
        self.destinations = DestinationCache(self, self.loopback)
        self.attach(self.loopback)
        self.add_address(self.loopback, "127.0.0.1/8")
        self.add_address(self.loopback, "::1/128")

    # --- interfaces

    def attach(self, interface: Interface) -> None:
        """Send and receive through `interface`; IPv6 works on its link at once, with a link-local address.

        Its index becomes the next one free on this host, if it is not higher already.
        ValueError if there is an interface of that name.
        """
        if interface.name in self.interfaces:
            raise ValueError(
                f"{self.name}: interface {interface.name!r} is there already; give it another name"
            )
        interface.index = self._last_index = max(interface.index, self._last_index + 1)
        self.interfaces[interface.name] = interface
        attachment = self.attachments[interface.name] = Attachment(self, interface)
        interface.on_change = partial(self._interface_changed, interface)
        if interface is self.loopback:
            return
        for group in (ALL_HOSTS, ALL_NODES, ALL_NODES_INTERFACE):
            attachment.join(group)
        if self._forwarding:
            attachment.join(ALL_ROUTERS_V4)
            attachment.join(ALL_ROUTERS)
        self._add(attachment, link_local_from_mac(interface.mac), 64)

    def detach(self, interface: Interface) -> None:
        """Undo `attach`: addresses, groups, neighbours and routes go. ValueError if it is not attached."""
        attachment = self.attachment(interface)
        for address, length in list(attachment.addresses.items()):
            self._remove(attachment, address, length)
        routes = [route for route in self.routes if route.interface is interface]
        if routes:
            self.routes.discard(routes, "")
        attachment.detach()
        interface.on_change = None
        del self.interfaces[interface.name], self.attachments[interface.name]
        self.invalidate()

    def attachment(self, interface: Interface) -> Attachment:
        """What the network layer knows of one of its interfaces; ValueError if it is none of them."""
        attachment = self.attachments.get(interface.name)
        if attachment is None or attachment.interface is not interface:
            raise ValueError(f"{self.name}: interface {interface.name!r} is not attached to this host")
        return attachment

    def _interface_named(self, name: str) -> Interface:
        try:
            return self.interfaces[name]
        except KeyError:
            known = ", ".join(self.interfaces)
            raise ValueError(f"{self.name}: no interface {name!r}; there are {known}") from None

    def _interface_changed(self, interface: Interface) -> None:
        """The MTU or MAC address of an interface was set anew."""
        attachment = self.attachment(interface)
        attachment.neighbours(4).clear()
        attachment.neighbours(16).clear()
        self.invalidate()

    @property
    def forwarding(self) -> bool:
        """Whether packets to others are forwarded: whether this is a router."""
        return self._forwarding

    @forwarding.setter
    def forwarding(self, on: bool) -> None:
        if on == self._forwarding:
            return
        self._forwarding = on
        for attachment in self.attachments.values():
            if attachment.interface is not self.loopback:
                change = attachment.join if on else attachment.leave
                change(ALL_ROUTERS_V4)
                change(ALL_ROUTERS)
        self.invalidate()

    def invalidate(self) -> None:
        """Decide anew about everything that depends on addresses, routes and interfaces."""
        self.destinations.clear()
        self.forget_verdicts()

    def forget_verdicts(self) -> None:
        """Decide anew what becomes of received packets."""
        for verdicts in self._remembering:
            verdicts.forget()
        self._remembering.clear()

    def remembering(self, verdicts: Verdicts) -> None:
        """These verdicts are to be forgotten when something changes."""
        self._remembering[verdicts] = None

    # --- addresses

    def add_address(self, interface: Interface | str, address: str) -> None:
        """Give an interface an address: `"192.0.2.1/24"` or `"2001:db8::1/64"`.

        The hosts of its network become reachable on that link. ValueError for an address
        that no host can have, or that the interface has.
        """
        if isinstance(interface, str):
            interface = self._interface_named(interface)
        attachment = self.attachment(interface)
        packed, length = interface_address(address)
        if is_multicast(packed) or is_unspecified(packed) or (packed[0] >= 240 and len(packed) == 4):
            raise ValueError(f"{address!r}: a host's address is unicast; this one is not")
        if len(packed) == 4 and length < 31 and packed == broadcast_address(packed, length):
            raise ValueError(f"{address!r}: this is the broadcast address of its network")
        if packed in attachment.addresses:
            raise ValueError(
                f"{address!r}: interface {interface.name!r} of {self.name} has this address already"
            )
        self._add(attachment, packed, length)

    def _add(self, attachment: Attachment, address: bytes, length: int) -> None:
        attachment.addresses[address] = length
        self._local[address] = self._local.get(address, 0) + 1
        interface = attachment.interface
        if interface is not self.loopback:
            if len(address) == 16:
                attachment.join(solicited_node(address))
            elif length < 31:  # RFC 3021: a network of two has no broadcast
                broadcast = broadcast_address(address, length)
                for table in (attachment.broadcasts, self._broadcasts):
                    table[broadcast] = table.get(broadcast, 0) + 1
            if length < len(address) * 8 and not (len(address) == 16 and is_link_local(address)):
                prefix = network_prefix(address, length)
                if self.routes.connected(prefix, length, interface) is None:
                    self.routes.insert(Route(prefix, length, None, interface))
        self.invalidate()

    def remove_address(self, interface: Interface | str, address: str) -> None:
        """Take an address away, and its network with the last address in that.

        ValueError if the interface does not have it.
        """
        if isinstance(interface, str):
            interface = self._interface_named(interface)
        attachment = self.attachment(interface)
        packed, length = interface_address(address)
        if attachment.addresses.get(packed) != length:
            raise ValueError(
                f"{address!r}: interface {interface.name!r} of {self.name} does not have this address"
            )
        self._remove(attachment, packed, length)

    def _remove(self, attachment: Attachment, address: bytes, length: int) -> None:
        del attachment.addresses[address]
        _release(self._local, address)
        if attachment.interface is not self.loopback:
            if len(address) == 16:
                attachment.leave(solicited_node(address))
            elif length < 31:
                broadcast = broadcast_address(address, length)
                _release(attachment.broadcasts, broadcast)
                _release(self._broadcasts, broadcast)
            prefix = network_prefix(address, length)
            route = self.routes.connected(prefix, length, attachment.interface)
            still = any(
                len(other) == len(address) and size == length and network_prefix(other, size) == prefix
                for other, size in attachment.addresses.items()
            )
            if route is not None and not still:
                self.routes.discard([route], "")
        self.invalidate()

    def addresses(self) -> list[InterfaceAddress]:
        """All addresses of this host, in the order of its interfaces."""
        return [entry for attachment in self.attachments.values() for entry in attachment.listing()]

    def is_local(self, address: bytes) -> bool:
        """Whether `address` is one of this host's, on any interface."""
        return address in self._local or (len(address) == 4 and address[0] == 127)

    def is_own(self, address: bytes, interface: Interface) -> bool:
        """Whether `address` is one of this interface's."""
        attachment = self.attachments.get(interface.name)
        return attachment is not None and address in attachment.addresses

    def is_broadcast(self, address: bytes) -> bool:
        """Whether `address` is an IPv4 broadcast address here: limited, or of a network of this host."""
        return address == LIMITED_BROADCAST or address in self._broadcasts

    def any_address(self, like: bytes) -> bytes | None:
        """Some address of this host of the same family, not one of a single link; None without one."""
        return choose_source(self.addresses(), like, like, self.loopback)

    def source_for(self, destination: bytes, interface: Interface | None = None) -> bytes:
        """The address to send from (RFC 6724 section 5); OSError as from `flow`."""
        return self._source(self.destinations.lookup(destination, interface))

    def _source(self, entry: Destination) -> bytes:
        source = entry.source
        if source is None:
            if entry.kind is Kind.LOCAL:
                source = entry.address
            else:
                way = entry.attachment
                source = choose_source(way.listing(), entry.address, entry.next_hop, entry.interface)
                if source is None or scope(source) < scope(entry.address):
                    everything = self.addresses()
                    source = choose_source(everything, entry.address, entry.next_hop, entry.interface)
                if source is None and len(entry.address) == 4 and entry.kind is not Kind.UNICAST:
                    source = UNSPECIFIED_V4  # how a host asks for its address
                if source is None:
                    raise OSError(EADDRNOTAVAIL, strerror(EADDRNOTAVAIL))
            entry.source = source
        return source

    # --- groups

    def join(self, group: bytes, interface: Interface) -> None:
        """Receive what is sent to a multicast group on the link of `interface`; may be done several times."""
        if not is_multicast(group):
            raise ValueError(f"{address_text(group)}: not a multicast group")
        self.attachment(interface).join(group)

    def leave(self, group: bytes, interface: Interface) -> None:
        """Undo one `join`; OSError(EADDRNOTAVAIL) if there was none."""
        attachment = self.attachment(interface)
        if group not in attachment.groups:
            raise OSError(EADDRNOTAVAIL, strerror(EADDRNOTAVAIL))
        attachment.leave(group)

    def hear(self, frame: bytes, interface: Interface) -> None:
        """Receive, as the next event, a copy of what this host sends to a group on `interface`."""
        self.engine.at(self.engine.now, self._heard, (frame, interface))

    def _heard(self, heard: tuple[bytes, Interface]) -> None:
        frame, interface = heard
        lo = self.attachments[self.loopback.name]
        receive = lo.ipv4.receive if frame[14] >> 4 == 4 else lo.ipv6.receive
        receive(frame, 14, interface)

    # --- sending

    def flow(
        self,
        destination: bytes,
        protocol: int,
        *,
        source: bytes | None = None,
        interface: Interface | None = None,
        ttl: int | None = None,
        tos: int = 0,
        dont_fragment: bool = True,
    ) -> Flow:
        """Everything about sending packets of `protocol` to `destination`, made once.

        The source is chosen unless given; the unspecified address means the same. As a
        destination, that means this host itself. OSError: ENETUNREACH without a route,
        EADDRNOTAVAIL if `source` is not ours, EINVAL for a link-local IPv6 destination
        without `interface`.
        """
        if is_unspecified(destination):
            destination = LOOPBACK_V4 if len(destination) == 4 else LOOPBACK_V6
        entry = self.destinations.lookup(destination, interface)
        if source is None or is_unspecified(source):
            source = self._source(entry)
        elif not self.is_local(source) or len(source) != len(destination):
            raise OSError(EADDRNOTAVAIL, strerror(EADDRNOTAVAIL))
        make = Ipv4Flow if len(destination) == 4 else Ipv6Flow
        return make(self, entry, source, protocol, interface, ttl, tos, dont_fragment)

    def port_unreachable(self, frame: bytes, network_offset: int, interface: Interface) -> None:
        """Tell the source of a packet that no one listens on its port; where that is allowed."""
        if frame[network_offset] >> 4 == 4:
            length = int.from_bytes(frame[network_offset + 2 : network_offset + 4], "big")
            self.icmp.port_unreachable(frame, network_offset, network_offset + length)
        else:
            length = 40 + int.from_bytes(frame[network_offset + 4 : network_offset + 6], "big")
            self.icmpv6.port_unreachable(frame, network_offset, network_offset + length, interface)

    def echo(
        self,
        destination: bytes,
        identifier: int,
        sequence: int,
        data: bytes = b"",
        *,
        source: bytes | None = None,
        interface: Interface | None = None,
        ttl: int | None = None,
    ) -> None:
        """Send an echo request; the answer goes to `echo_listeners[identifier]`. OSError as from `flow`."""
        protocol = ICMP if len(destination) == 4 else ICMPV6
        flow = self.flow(
            destination, protocol, source=source, interface=interface, ttl=ttl, dont_fragment=False
        )
        rest = identifier << 16 | sequence
        if protocol == ICMP:
            built = IcmpMessage(type=icmp.ECHO_REQUEST, rest=rest, payload=data).build()
        else:
            built = Icmpv6Message(type=icmpv6.ECHO_REQUEST, rest=rest, payload=data).build(flow.pseudo)
        flow.send(built, b"")

    def announce(self, interface: Interface) -> None:
        """Tell the neighbours on a link the addresses of `interface` (RFC 5227 2.3, RFC 4861 7.2.6)."""
        attachment = self.attachment(interface)
        for address in attachment.addresses:
            (attachment.arp if len(address) == 4 else attachment.nd).announce(address)


def _release(counts: dict[bytes, int], key: bytes) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
