"""Neighbor Discovery for IPv6: the messages (RFC 4861 4; router preference: RFC 4191; flags: RFC 5175)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from glassnet.wire import icmpv6
from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout
from glassnet.wire.nd_options import (
    MTU,
    PREFIX_INFORMATION,
    PREFIX_INFORMATION_LAYOUT,
    NdOption,
    PrefixInformation,
    build_options,
    parse_options,
)

__all__ = [
    "HOP_LIMIT",
    "LAYOUTS",
    "NEIGHBOR_ADVERTISEMENT_LAYOUT",
    "NEIGHBOR_SOLICITATION_LAYOUT",
    "REDIRECT_LAYOUT",
    "ROUTER_ADVERTISEMENT_LAYOUT",
    "ROUTER_SOLICITATION_LAYOUT",
    "NeighborAdvertisement",
    "NeighborSolicitation",
    "Redirect",
    "RouterAdvertisement",
    "RouterSolicitation",
]

HOP_LIMIT = 255
"""Every message is sent with this hop limit, and dropped with any other: it did not come from this link."""

_HEAD = (
    Field("type", 8, "kind of message", "icmpv6.type"),
    Field("code", 8, "0", "icmpv6.code"),
    Field("checksum", 16, "over pseudo header and message", "icmpv6.checksum"),
)
_RESERVED = Field("reserved", 32, "0", "icmpv6.reserved")

ROUTER_SOLICITATION_LAYOUT = Layout("Router Solicitation", "RFC 4861 4.1", *_HEAD, _RESERVED)
ROUTER_ADVERTISEMENT_LAYOUT = Layout(
    "Router Advertisement",
    "RFC 4861 4.2",
    *_HEAD,
    Field("hop_limit", 8, "hop limit that hosts should use; 0 if not given", "icmpv6.nd.ra.cur_hop_limit"),
    Field("managed", 1, "addresses are to be had by DHCPv6", "icmpv6.nd.ra.flag.m"),
    Field("other", 1, "other configuration is to be had by DHCPv6", "icmpv6.nd.ra.flag.o"),
    Field("home_agent", 1, "the router is a Mobile IPv6 home agent", "icmpv6.nd.ra.flag.h"),
    Field("preference", 2, "1 high, 0 medium, 3 low", "icmpv6.nd.ra.flag.prf"),
    Field("proxy", 1, "the advertisement was proxied", "icmpv6.nd.ra.flag.p"),
    Field("reserved", 2, "0", "icmpv6.nd.ra.flag.rsv"),
    Field("router_lifetime", 16, "seconds as a default router; 0: not one", "icmpv6.nd.ra.router_lifetime"),
    Field("reachable_time", 32, "milliseconds a neighbor counts as reachable", "icmpv6.nd.ra.reachable_time"),
    Field("retrans_timer", 32, "milliseconds between solicitations", "icmpv6.nd.ra.retrans_timer"),
)
NEIGHBOR_SOLICITATION_LAYOUT = Layout(
    "Neighbor Solicitation",
    "RFC 4861 4.3",
    *_HEAD,
    _RESERVED,
    Field("target", 128, "whose link-layer address is asked for", "icmpv6.nd.ns.target_address"),
)
NEIGHBOR_ADVERTISEMENT_LAYOUT = Layout(
    "Neighbor Advertisement",
    "RFC 4861 4.4",
    *_HEAD,
    Field("router", 1, "the sender is a router", "icmpv6.nd.na.flag.r"),
    Field("solicited", 1, "sent in answer to a solicitation", "icmpv6.nd.na.flag.s"),
    Field("override", 1, "replaces the link-layer address already known", "icmpv6.nd.na.flag.o"),
    Field("reserved", 29, "0", "icmpv6.nd.na.flag.rsv"),
    Field("target", 128, "whose link-layer address is given", "icmpv6.nd.na.target_address"),
)
REDIRECT_LAYOUT = Layout(
    "Redirect",
    "RFC 4861 4.5",
    *_HEAD,
    _RESERVED,
    Field("target", 128, "the better first hop for the destination", "icmpv6.nd.rd.target_address"),
    Field("destination", 128, "which destination is redirected", "icmpv6.rd.na.destination_address"),
)

LAYOUTS = {
    icmpv6.ROUTER_SOLICITATION: ROUTER_SOLICITATION_LAYOUT,
    icmpv6.ROUTER_ADVERTISEMENT: ROUTER_ADVERTISEMENT_LAYOUT,
    icmpv6.NEIGHBOR_SOLICITATION: NEIGHBOR_SOLICITATION_LAYOUT,
    icmpv6.NEIGHBOR_ADVERTISEMENT: NEIGHBOR_ADVERTISEMENT_LAYOUT,
    icmpv6.REDIRECT: REDIRECT_LAYOUT,
}


def _parse(
    kind: int, data: bytes, offset: int, end: int | None
) -> tuple[tuple[Any, ...], tuple[NdOption, ...]]:
    """The fields of a message from its checksum on, and its options."""
    layout = LAYOUTS[kind]
    end = layout.within(data, offset, end)
    found, code, *fields = layout.unpack(data, offset)
    if found != kind:
        raise layout.error("type", "type", offset)
    if code != 0:
        raise layout.error("code", "code", offset)
    return tuple(fields), parse_options(data, offset + layout.size, end)


def _build(
    kind: int,
    pseudo: int | None,
    checksum: int | None,
    fields: tuple[Any, ...],
    options: tuple[NdOption, ...],
) -> bytes:
    """The bytes of a message from its fields after the checksum."""
    layout = LAYOUTS[kind]
    built = build_options(options)
    if checksum is None:
        if pseudo is None:
            raise layout.error("a checksum needs the pseudo header", "checksum")
        message = layout.pack(kind, 0, 0, *fields) + built
        checksum = internet_checksum(message, pseudo + len(message))
    return layout.pack(kind, 0, checksum, *fields) + built


def _length(kind: int, options: tuple[NdOption, ...]) -> int:
    return LAYOUTS[kind].size + sum(len(option.data) + 2 for option in options)


@dataclass(slots=True, kw_only=True)
class RouterSolicitation:
    """A host asks for routers. `checksum` is worked out by `build` where it is None."""

    checksum: int | None = field(default=None, compare=False)
    reserved: int = 0
    options: tuple[NdOption, ...] = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        (checksum, reserved), options = _parse(icmpv6.ROUTER_SOLICITATION, data, offset, end)
        return cls(checksum=checksum, reserved=reserved, options=options)

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of the message; `pseudo` as for `Icmpv6Message`. Raises `WireError`."""
        return _build(icmpv6.ROUTER_SOLICITATION, pseudo, self.checksum, (self.reserved,), self.options)

    @property
    def header_length(self) -> int:
        """Bytes of the message, which has no payload."""
        return _length(icmpv6.ROUTER_SOLICITATION, self.options)


@dataclass(slots=True, kw_only=True)
class RouterAdvertisement:
    """A router tells of itself and the link. `checksum` is worked out by `build` where it is None."""

    checksum: int | None = field(default=None, compare=False)
    hop_limit: int = 0
    managed: bool = False
    other: bool = False
    home_agent: bool = False
    preference: int = 0
    proxy: bool = False
    reserved: int = 0
    router_lifetime: int = 0
    reachable_time: int = 0
    retrans_timer: int = 0
    options: tuple[NdOption, ...] = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        fields, options = _parse(icmpv6.ROUTER_ADVERTISEMENT, data, offset, end)
        checksum, hop_limit, managed, other, home_agent, preference, proxy, reserved, *times = fields
        router_lifetime, reachable_time, retrans_timer = times
        return cls(
            checksum=checksum,
            hop_limit=hop_limit,
            managed=managed == 1,
            other=other == 1,
            home_agent=home_agent == 1,
            preference=preference,
            proxy=proxy == 1,
            reserved=reserved,
            router_lifetime=router_lifetime,
            reachable_time=reachable_time,
            retrans_timer=retrans_timer,
            options=options,
        )

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of the message; `pseudo` as for `Icmpv6Message`. Raises `WireError`."""
        fields = (
            self.hop_limit,
            self.managed,
            self.other,
            self.home_agent,
            self.preference,
            self.proxy,
            self.reserved,
            self.router_lifetime,
            self.reachable_time,
            self.retrans_timer,
        )
        return _build(icmpv6.ROUTER_ADVERTISEMENT, pseudo, self.checksum, fields, self.options)

    @property
    def header_length(self) -> int:
        """Bytes of the message, which has no payload."""
        return _length(icmpv6.ROUTER_ADVERTISEMENT, self.options)

    @property
    def mtu(self) -> int | None:
        """The MTU of the link, if the router gives one."""
        for option in self.options:
            if option.type == MTU and len(option.data) == 6:
                return int.from_bytes(option.data[2:], "big")
        return None

    @property
    def prefixes(self) -> tuple[PrefixInformation, ...]:
        """What the router says about prefixes."""
        return tuple(
            PrefixInformation.parse(build_options((option,)))
            for option in self.options
            if option.type == PREFIX_INFORMATION and len(option.data) == PREFIX_INFORMATION_LAYOUT.size - 2
        )


@dataclass(slots=True, kw_only=True)
class NeighborSolicitation:
    """Asks for the link-layer address of `target`. `checksum` is worked out by `build` where it is None."""

    checksum: int | None = field(default=None, compare=False)
    reserved: int = 0
    target: bytes
    options: tuple[NdOption, ...] = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        (checksum, reserved, target), options = _parse(icmpv6.NEIGHBOR_SOLICITATION, data, offset, end)
        return cls(checksum=checksum, reserved=reserved, target=target, options=options)

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of the message; `pseudo` as for `Icmpv6Message`. Raises `WireError`."""
        fields = (self.reserved, self.target)
        return _build(icmpv6.NEIGHBOR_SOLICITATION, pseudo, self.checksum, fields, self.options)

    @property
    def header_length(self) -> int:
        """Bytes of the message, which has no payload."""
        return _length(icmpv6.NEIGHBOR_SOLICITATION, self.options)


@dataclass(slots=True, kw_only=True)
class NeighborAdvertisement:
    """Gives the link-layer address of `target`. `checksum` is worked out by `build` where it is None."""

    checksum: int | None = field(default=None, compare=False)
    router: bool = False
    solicited: bool = False
    override: bool = False
    reserved: int = 0
    target: bytes
    options: tuple[NdOption, ...] = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        fields, options = _parse(icmpv6.NEIGHBOR_ADVERTISEMENT, data, offset, end)
        checksum, router, solicited, override, reserved, target = fields
        return cls(
            checksum=checksum,
            router=router == 1,
            solicited=solicited == 1,
            override=override == 1,
            reserved=reserved,
            target=target,
            options=options,
        )

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of the message; `pseudo` as for `Icmpv6Message`. Raises `WireError`."""
        fields = (self.router, self.solicited, self.override, self.reserved, self.target)
        return _build(icmpv6.NEIGHBOR_ADVERTISEMENT, pseudo, self.checksum, fields, self.options)

    @property
    def header_length(self) -> int:
        """Bytes of the message, which has no payload."""
        return _length(icmpv6.NEIGHBOR_ADVERTISEMENT, self.options)


@dataclass(slots=True, kw_only=True)
class Redirect:
    """Names a better first hop. `checksum` is worked out by `build` where it is None."""

    checksum: int | None = field(default=None, compare=False)
    reserved: int = 0
    target: bytes
    destination: bytes
    options: tuple[NdOption, ...] = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The message between `offset` and `end`. Raises `WireError`."""
        (checksum, reserved, target, destination), options = _parse(icmpv6.REDIRECT, data, offset, end)
        return cls(
            checksum=checksum, reserved=reserved, target=target, destination=destination, options=options
        )

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of the message; `pseudo` as for `Icmpv6Message`. Raises `WireError`."""
        fields = (self.reserved, self.target, self.destination)
        return _build(icmpv6.REDIRECT, pseudo, self.checksum, fields, self.options)

    @property
    def header_length(self) -> int:
        """Bytes of the message, which has no payload."""
        return _length(icmpv6.REDIRECT, self.options)
