"""Hosts with interfaces whose frames are kept, or that are joined by cables; packets made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glassnet.datalink import Interface
from glassnet.engine import Drops, Engine
from glassnet.network import IcmpError, Internet, parse_address
from glassnet.physical.cable import Cable
from glassnet.wire import icmpv6
from glassnet.wire.checksum import is_valid, pseudo_sum
from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet

SECOND = 1_000_000_000


class Wire:
    """Stands for a lane, and keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.frames = self.bytes = 0
        self.up = True
        self.receiver = None

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def take(self) -> list[bytes]:
        taken, self.sent = self.sent, []
        return taken


class Station:
    """A host under test. `got` is what handlers of protocols 17 and 253 received: (payload, interface)."""

    def __init__(self, engine: Engine, name: str, number: int) -> None:
        self.engine = engine
        self.number = number
        self.drops = Drops(engine, name)
        self.internet = Internet(engine, name, self.drops)
        self.got: list[tuple[bytes, Interface]] = []
        self.calls: list[tuple[bytes, int, int, int]] = []
        self.errors: list[IcmpError] = []
        for protocol in (17, 253):
            self.internet.handlers[protocol] = self._take
            self.internet.error_handlers[protocol] = self.errors.append

    def _take(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        self.calls.append((frame, network, start, end))
        self.got.append((frame[start:end], interface))

    def port(self, *addresses: str, name: str | None = None, mtu: int = 1500, wire: bool = True) -> Interface:
        """A new interface with these addresses, on a wire that keeps frames (or on nothing yet)."""
        count = len(self.internet.interfaces) - 1
        interface = Interface(
            self.engine,
            name or f"eth{count}",
            bytes((2, 0, 0, 0, self.number, count)),
            mtu,
            drops=self.drops,
            owner=self.internet.name,
        )
        self.internet.attach(interface)
        for address in addresses:
            self.internet.add_address(interface, address)
        if wire:
            interface.lane = Wire()  # type: ignore[assignment]
        return interface

    def know(self, interface: Interface, address: str | bytes, mac: bytes) -> None:
        """Make a neighbour of this station known and reachable for long."""
        packed = parse_address(address)
        neighbour = self.internet.attachment(interface).neighbours(len(packed)).get(packed)
        neighbour.heard(mac)
        neighbour.confirmed = self.engine.now + 10**15

    @property
    def counts(self) -> dict[str, int]:
        return self.drops.counts


class Lab:
    """Stations of one engine."""

    second = SECOND

    def __init__(self) -> None:
        self.engine = Engine(7)
        self.stations: list[Station] = []
        self.cables: list[Cable] = []

    def station(self, name: str = "") -> Station:
        number = len(self.stations) + 1
        station = Station(self.engine, name or f"host{number}", number)
        self.stations.append(station)
        return station

    def cable(self, one: Interface, other: Interface, delay: int = 1000) -> Cable:
        cable = Cable(self.engine, f"cable{len(self.cables)}", rate=None, delay=delay)
        cable.plug(one, other)
        self.cables.append(cable)
        return cable

    def run(self, seconds: float | None = None) -> None:
        self.engine.run(None if seconds is None else self.engine.now + int(seconds * SECOND))


def mac_of(number: int, port: int = 0) -> bytes:
    return bytes((2, 0, 0, 0, number, port))


def packet(
    source: str | bytes, destination: str | bytes, protocol: int, payload: bytes, **fields: Any
) -> bytes:
    """An IP packet of the family of its addresses."""
    one, other = parse_address(source), parse_address(destination)
    if len(one) == 4:
        made = Ipv4Packet(source=one, destination=other, protocol=protocol, payload=payload, **fields)
        return made.build()
    return Ipv6Packet(source=one, destination=other, next_header=protocol, payload=payload, **fields).build()


def framed(to: bytes, sender: bytes, packet: bytes) -> bytes:
    """An IP packet in an Ethernet frame, padded as on a cable."""
    ethertype = ETHERTYPE_IPV4 if packet[0] >> 4 in (4, 5) else ETHERTYPE_IPV6
    return (to + sender + ethertype + packet).ljust(60, b"\0")


def parsed(frame: bytes) -> Ipv4Packet | Ipv6Packet:
    """The packet in a frame; its header checksum must be right."""
    if frame[12:14] == ETHERTYPE_IPV4:
        header = frame[14 : 14 + (frame[14] & 15) * 4]
        assert is_valid(header), "header checksum"
        return Ipv4Packet.parse(frame, 14)
    assert frame[12:14] == ETHERTYPE_IPV6
    return Ipv6Packet.parse(frame, 14)


def message(frame: bytes) -> IcmpMessage | Icmpv6Message:
    """The ICMP message in a frame; its checksum must be right."""
    found = parsed(frame)
    if isinstance(found, Ipv4Packet):
        assert found.protocol == 1
        assert is_valid(found.payload), "icmp checksum"
        return IcmpMessage.parse(found.payload)
    assert found.next_header == 58
    pseudo = pseudo_sum(found.source, found.destination, 58, len(found.payload))
    assert is_valid(found.payload, pseudo), "icmpv6 checksum"
    return Icmpv6Message.parse(found.payload)


def icmp_packet(
    source: str | bytes,
    destination: str | bytes,
    kind: int,
    code: int = 0,
    rest: int = 0,
    payload: bytes = b"",
    **fields: Any,
) -> bytes:
    """A packet with an ICMP or ICMPv6 message, by the family of the addresses."""
    one, other = parse_address(source), parse_address(destination)
    if len(one) == 4:
        built = IcmpMessage(type=kind, code=code, rest=rest, payload=payload).build()
        return packet(one, other, 1, built, **fields)
    made = Icmpv6Message(type=kind, code=code, rest=rest, payload=payload)
    return packet(one, other, 58, made.build(pseudo_sum(one, other, 58)), **fields)


class Tools:
    """The functions above, for tests."""

    second = SECOND
    mac_of = staticmethod(mac_of)
    packet = staticmethod(packet)
    framed = staticmethod(framed)
    parsed = staticmethod(parsed)
    message = staticmethod(message)
    icmp_packet = staticmethod(icmp_packet)
    address = staticmethod(parse_address)


class Family:
    """Addresses of one family: two networks, two hosts in each (the first is the router's)."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.bytes = 4 if version == 4 else 16
        self.bits = self.bytes * 8
        self.header = 20 if version == 4 else 40
        self.least_mtu = 552 if version == 4 else 1280
        one, two = ("192.0.2.", "198.51.100.") if version == 4 else ("2001:db8:1::", "2001:db8:2::")
        self.length = 24 if version == 4 else 64
        self.router1, self.host1, self.other1 = one + "1", one + "5", one + "6"
        self.router2, self.host2, self.other2 = two + "1", two + "5", two + "6"
        self.default = "0.0.0.0/0" if version == 4 else "::/0"
        self.elsewhere = "203.0.113.7" if version == 4 else "2001:db8:ffff::7"
        self.loopback = "127.0.0.1" if version == 4 else "::1"
        self.group = "239.1.2.3" if version == 4 else "ff02::4321"
        self.unreachable = 3 if version == 4 else icmpv6.DESTINATION_UNREACHABLE
        self.host_unreachable = 1 if version == 4 else icmpv6.ADDRESS_UNREACHABLE
        self.port_unreachable = 3 if version == 4 else icmpv6.PORT_UNREACHABLE
        self.no_route = 0
        self.time_exceeded = 11 if version == 4 else icmpv6.TIME_EXCEEDED
        self.echo_request, self.echo_reply = (8, 0) if version == 4 else (128, 129)
        self.name = f"ipv{version}"
        self.icmp = "icmp" if version == 4 else "icmpv6"

    def cidr(self, address: str) -> str:
        return f"{address}/{self.length}"


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def new_lab() -> type[Lab]:
    """For property tests, which need a fresh one for each example."""
    return Lab


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"], scope="session")
def family(request: pytest.FixtureRequest) -> Family:
    return Family(request.param)


@pytest.fixture(scope="session")
def families() -> Callable[[int], Family]:
    return Family


@pytest.fixture
def host(lab: Lab, family: Family) -> Station:
    """A host with one interface on a wire, a default route, and a router and a neighbour it knows."""
    station = lab.station("host")
    interface = station.port(family.cidr(family.host1))
    station.internet.routes.add(family.default, via=family.router1)
    station.know(interface, family.router1, mac_of(9, 1))
    station.know(interface, family.other1, mac_of(9, 2))
    wire_of(station).take()
    station.counts.clear()
    return station


@pytest.fixture
def router(lab: Lab, family: Family) -> Station:
    """A router between two wires, which knows a host on each."""
    station = lab.station("router")
    station.internet.forwarding = True
    one, two = station.port(family.cidr(family.router1)), station.port(family.cidr(family.router2))
    station.know(one, family.host1, mac_of(8, 1))
    station.know(two, family.host2, mac_of(8, 2))
    return station


def wire_of(station: Station, name: str = "eth0") -> Wire:
    return station.internet.interfaces[name].lane  # type: ignore[return-value]


@pytest.fixture(scope="session")
def sent() -> Callable[..., list[bytes]]:
    """Takes what a station has sent through one of its interfaces."""

    def take(station: Station, name: str = "eth0") -> list[bytes]:
        return wire_of(station, name).take()

    return take
