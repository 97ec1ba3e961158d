"""ICMP and ICMPv6 at parity: RFC 792, RFC 1122 section 3.2.2, RFC 4443."""

from __future__ import annotations

from errno import (
    EACCES,
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from typing import Any

import pytest

from glassnet.network import EchoReply, parse_address
from glassnet.wire.foreign import Foreign

DATA = b"12345678"


@pytest.fixture
def take(host: Any, tools: Any) -> Any:
    """Lets the host receive a packet from outside."""
    interface = host.internet.interfaces["eth0"]

    def receive(packet: bytes, to: bytes | None = None) -> None:
        interface.receive(Foreign(tools.framed(to or interface.mac, tools.mac_of(9, 2), packet)))

    return receive


# --- echo


def test_echo_is_answered(host: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    fields = {"dscp": 10, "ecn": 1} if family.version == 4 else {"dscp": 10, "ecn": 1, "flow_label": 5}
    take(
        tools.icmp_packet(
            family.other1, family.host1, family.echo_request, rest=0x12340007, payload=DATA, **fields
        )
    )
    (frame,) = sent(host)
    found, packet = tools.message(frame), tools.parsed(frame)
    assert (found.type, found.code, found.identifier, found.sequence) == (family.echo_reply, 0, 0x1234, 7)
    assert found.payload == DATA
    assert (packet.source, packet.destination) == tuple(map(parse_address, (family.host1, family.other1)))
    assert (packet.dscp, packet.ecn) == (10, 0)
    assert host.counts == {}


def test_replies_go_to_their_listener(host: Any, family: Any, take: Any, tools: Any) -> None:
    replies: list[EchoReply] = []
    host.internet.echo_listeners[0x1234] = replies.append
    fields = {"ttl": 55} if family.version == 4 else {"hop_limit": 55}
    take(
        tools.icmp_packet(
            family.other1, family.host1, family.echo_reply, rest=0x12340007, payload=DATA, **fields
        )
    )
    take(tools.icmp_packet(family.other1, family.host1, family.echo_reply, rest=0x99990007))
    assert replies == [
        EchoReply(
            parse_address(family.other1),
            parse_address(family.host1),
            0x1234,
            7,
            DATA,
            55,
            host.internet.interfaces["eth0"],
        )
    ]
    assert host.counts == {f"{family.icmp}: unexpected echo reply": 1}


def test_echo_to_groups(host: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    # RFC 1122 section 3.2.2.6 lets IPv4 hosts be silent; RFC 4443 section 4.2 has IPv6 hosts answer.
    group, mac = (
        ("224.0.0.1", b"\x01\0\x5e\0\0\1") if family.version == 4 else ("ff02::1", b"\x33\x33\0\0\0\1")
    )
    take(tools.icmp_packet(family.other1, group, family.echo_request, rest=1), mac)
    frames = sent(host)
    if family.version == 4:
        assert frames == []
        assert host.counts == {"icmp: echo request to a group": 1}
    else:
        assert tools.parsed(frames[0]).source == parse_address(family.host1)


def test_a_request_goes_out(host: Any, family: Any, tools: Any, sent: Any) -> None:
    host.internet.echo(parse_address(family.elsewhere), 77, 3, DATA, ttl=4)
    (frame,) = sent(host)
    found, packet = tools.message(frame), tools.parsed(frame)
    assert (found.type, found.identifier, found.sequence, found.payload) == (family.echo_request, 77, 3, DATA)
    assert (packet.ttl if family.version == 4 else packet.hop_limit) == 4


@pytest.mark.parametrize(("change", "reason"), [(b"\xff", "checksum"), (b"", "truncated")])
def test_broken_messages(host: Any, family: Any, take: Any, tools: Any, change: bytes, reason: str) -> None:
    packet = tools.icmp_packet(family.other1, family.host1, family.echo_request, payload=DATA)
    if change:
        take(packet[:-1] + change)
    else:
        protocol = 1 if family.version == 4 else 58
        take(tools.packet(family.other1, family.host1, protocol, b"\x08\0\0\0\0\0\0"))
    assert host.counts == {f"{family.icmp}: {reason}": 1}


def test_other_types_are_counted(host: Any, family: Any, take: Any, tools: Any) -> None:
    take(tools.icmp_packet(family.other1, family.host1, 200))
    take(tools.icmp_packet(family.other1, family.host1, 5 if family.version == 4 else 143))
    ignored = "icmp: redirect ignored" if family.version == 4 else "icmpv6: listener discovery ignored"
    assert host.counts == {f"{family.icmp}: unknown type": 1, ignored: 1}


# --- errors received


def quoted(tools: Any, family: Any, source: str | None = None, protocol: int = 17, **fields: Any) -> bytes:
    return tools.packet(source or family.host1, family.elsewhere, protocol, DATA + b"more", **fields)


V4 = [
    (3, 0, ENETUNREACH, False),
    (3, 1, EHOSTUNREACH, False),
    (3, 2, ENOPROTOOPT, True),
    (3, 3, ECONNREFUSED, True),
    (3, 5, EOPNOTSUPP, False),
    (3, 6, ENETUNREACH, True),
    (3, 7, EHOSTDOWN, True),
    (3, 8, ENONET, True),
    (3, 9, ENETUNREACH, True),
    (3, 10, EHOSTUNREACH, True),
    (3, 11, ENETUNREACH, False),
    (3, 12, EHOSTUNREACH, False),
    (3, 13, EHOSTUNREACH, True),
    (3, 14, EHOSTUNREACH, True),
    (3, 15, EHOSTUNREACH, True),
    (11, 0, EHOSTUNREACH, False),
    (12, 0, EPROTO, True),
]
V6 = [
    (1, 0, ENETUNREACH, False),
    (1, 1, EACCES, True),
    (1, 2, EHOSTUNREACH, False),
    (1, 3, EHOSTUNREACH, False),
    (1, 4, ECONNREFUSED, True),
    (1, 5, EACCES, True),
    (1, 6, EACCES, True),
    (3, 0, EHOSTUNREACH, False),
    (4, 1, EPROTO, True),
]


@pytest.mark.parametrize(
    ("version", "kind", "code", "errno", "fatal"), [(4, *row) for row in V4] + [(6, *row) for row in V6]
)
def test_the_transport_is_told_as_linux_tells_it(
    lab: Any, families: Any, tools: Any, version: int, kind: int, code: int, errno: int, fatal: bool
) -> None:
    family = families(version)
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    packet = tools.icmp_packet(family.router1, family.host1, kind, code, payload=quoted(tools, family))
    interface.inject(tools.framed(interface.mac, tools.mac_of(9), packet))
    (error,) = station.errors
    assert (error.errno, error.fatal, error.type, error.code, error.mtu) == (errno, fatal, kind, code, None)
    assert (error.source, error.destination) == tuple(map(parse_address, (family.host1, family.elsewhere)))
    assert (error.protocol, error.quoted) == (17, DATA + b"more")
    assert error.reporter == parse_address(family.router1)
    assert station.counts == {}


def test_errors_that_cannot_be_told(host: Any, family: Any, take: Any, tools: Any) -> None:
    def error(payload: bytes, code: int = 1, kind: int = family.unreachable) -> None:
        take(tools.icmp_packet(family.router1, family.host1, kind, code, payload=payload))

    good = quoted(tools, family)
    error(good[:19])
    error(b"\x99" + good[1:])
    error(quoted(tools, family, source=family.other1))
    error(quoted(tools, family, protocol=200))
    error(good[: family.header + 7])
    name = family.icmp
    expected = {
        f"{name}: quoted packet": 3,
        f"{name}: quoted packet is not ours": 1,
        f"{name}: error for an unknown protocol": 1,
    }
    if family.version == 4:
        error(good, code=77)
        error(quoted(tools, family, fragment_offset=3))
        expected |= {"icmp: unknown code": 1, "icmp: quoted packet is a later fragment": 1}
    else:
        header = b"\x11\0\0\x11" + bytes(4)
        error(tools.packet(family.host1, family.elsewhere, 44, header + DATA))
        error(tools.packet(family.host1, family.elsewhere, 60, b"\x11\xff"))
        expected |= {"icmpv6: quoted packet is a later fragment": 1}
        expected["icmpv6: quoted packet"] += 1
    assert host.counts == expected
    assert host.errors == []


def test_an_ipv6_packet_quoted_with_extension_headers(lab: Any, families: Any, tools: Any) -> None:
    family = families(6)
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    inner = tools.packet(
        family.host1, family.elsewhere, 60, b"\x2c\0\1\4\0\0\0\0" + b"\x11\0\0\1\0\0\0\5" + DATA
    )
    packet = tools.icmp_packet(family.router1, family.host1, 1, 4, payload=inner)
    interface.inject(tools.framed(interface.mac, tools.mac_of(9), packet))
    assert station.errors[0].quoted == DATA


# --- errors sent


def port_unreachable(host: Any, packet: bytes, tools: Any, to: bytes | None = None) -> None:
    interface = host.internet.interfaces["eth0"]
    frame = tools.framed(to or interface.mac, tools.mac_of(9, 2), packet)
    host.internet.port_unreachable(frame, 14, interface)


def test_port_unreachable(host: Any, family: Any, tools: Any, sent: Any) -> None:
    packet = tools.packet(family.other1, family.host1, 17, bytes(1400))
    port_unreachable(host, packet, tools)
    (frame,) = sent(host)
    found = tools.message(frame)
    assert (found.type, found.code) == (family.unreachable, family.port_unreachable)
    longest = 548 if family.version == 4 else 1232
    assert found.payload == packet[:longest]
    assert tools.parsed(frame).source == parse_address(family.host1)


def test_no_error_about_an_error(host: Any, family: Any, tools: Any, sent: Any) -> None:
    kinds = (3, 4, 5, 11, 12) if family.version == 4 else (1, 2, 3, 4, 100, 137)
    for kind in kinds:
        port_unreachable(host, tools.icmp_packet(family.other1, family.host1, kind, payload=bytes(60)), tools)
    assert sent(host) == []
    port_unreachable(host, tools.icmp_packet(family.other1, family.host1, family.echo_request), tools)
    assert len(sent(host)) == 1


def test_no_error_about_groups_and_broadcasts(host: Any, family: Any, tools: Any, sent: Any) -> None:
    if family.version == 4:
        pairs = [
            (family.other1, "255.255.255.255"),
            (family.other1, "192.0.2.255"),
            (family.other1, "224.0.0.1"),
            ("0.0.0.0", family.host1),
            ("192.0.2.255", family.host1),
            ("224.0.0.1", family.host1),
            ("255.255.255.255", family.host1),
        ]
    else:
        pairs = [(family.other1, "ff02::1"), ("::", family.host1), ("ff02::1", family.host1)]
    for source, destination in pairs:
        port_unreachable(host, tools.packet(source, destination, 17, DATA), tools)
    port_unreachable(host, tools.packet(family.other1, family.host1, 17, DATA), tools, b"\xff" * 6)
    assert sent(host) == []
    assert host.counts == {}


def test_no_error_about_later_fragments(host: Any, family: Any, tools: Any, sent: Any) -> None:
    if family.version == 4:
        port_unreachable(host, tools.packet(family.other1, family.host1, 17, DATA, fragment_offset=1), tools)
    else:  # of an ICMPv6 message, which may be an error
        header = b"\x3a\0\0\x10" + bytes(4)
        port_unreachable(host, tools.packet(family.other1, family.host1, 44, header + DATA), tools)
    assert sent(host) == []


def test_unknown_protocols_are_reported(host: Any, family: Any, take: Any, tools: Any, sent: Any) -> None:
    take(tools.packet(family.other1, family.host1, 99, DATA))
    found = tools.message(sent(host)[0])
    assert (found.type, found.code) == ((3, 2) if family.version == 4 else (4, 1))


def test_errors_are_limited_in_number(lab: Any, host: Any, family: Any, tools: Any, sent: Any) -> None:
    packet = tools.packet(family.other1, family.host1, 17, DATA)
    for _ in range(200):
        port_unreachable(host, packet, tools)
    assert len(sent(host)) == 50
    assert host.counts == {f"{family.icmp}: rate limit": 150}
    lab.run(0.01)
    sent(host)
    for _ in range(200):
        port_unreachable(host, packet, tools)
    assert len(sent(host)) == 10


def test_errors_to_this_host_itself_are_not_limited(lab: Any, host: Any, family: Any, tools: Any) -> None:
    packet = tools.packet(family.host1, family.host1, 17, DATA)
    for _ in range(100):
        host.internet.port_unreachable(bytes(14) + packet, 14, host.internet.loopback)
    lab.run(0.1)
    assert len(host.errors) == 100
    assert host.errors[0].errno == ECONNREFUSED


def test_an_error_without_a_way_back(lab: Any, family: Any, tools: Any) -> None:
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    frame = tools.framed(interface.mac, bytes(6), tools.packet(family.elsewhere, family.host1, 17, DATA))
    station.internet.port_unreachable(frame, 14, interface)
    assert station.counts == {f"{family.icmp}: no route": 1}


def test_packet_too_big_is_sent_even_about_groups(lab: Any, families: Any, tools: Any, sent: Any) -> None:
    family = families(6)
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    station.know(interface, family.other1, tools.mac_of(9))
    sent(station)
    frame = tools.framed(b"\x33\x33\0\0\0\1", bytes(6), tools.packet(family.other1, "ff05::1", 17, DATA))
    station.internet.icmpv6.packet_too_big(frame, 14, 14 + 48, 1280)
    found = tools.message(sent(station)[0])
    assert (found.type, found.mtu) == (2, 1280)


def test_fragmentation_needed_is_told_with_its_mtu(host: Any, family: Any, take: Any, tools: Any) -> None:
    host.internet.flow(parse_address(family.elsewhere), 17)
    kind, code = (3, 4) if family.version == 4 else (2, 0)
    take(
        tools.icmp_packet(family.router1, family.host1, kind, code, rest=1400, payload=quoted(tools, family))
    )
    (error,) = host.errors
    assert (error.errno, error.fatal, error.mtu) == (EMSGSIZE, False, 1400)


def test_neighbour_discovery_has_no_place_on_the_loopback(lab: Any, families: Any, tools: Any) -> None:
    station = lab.station()
    packet = tools.icmp_packet("::1", "::1", 135, payload=bytes(16), hop_limit=255)
    station.internet.loopback.receive(tools.framed(bytes(6), bytes(6), packet))
    assert station.counts == {"nd: on the loopback interface": 1}


def test_an_echo_request_without_a_source(lab: Any, tools: Any) -> None:
    station = lab.station()
    interface = station.port()
    interface.inject(tools.framed(b"\x33\x33\0\0\0\1", bytes(6), tools.icmp_packet("::", "ff02::1", 128)))
    assert station.counts == {"icmpv6: echo request without a source": 1}
