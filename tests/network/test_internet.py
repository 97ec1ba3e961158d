"""Addresses, interfaces and groups of one host."""

from __future__ import annotations

from errno import EADDRNOTAVAIL
from os import strerror
from typing import Any

import pytest

from glassnet.network import NeighbourState, address_text, parse_address
from glassnet.network.addresses import ALL_NODES, multicast_mac, solicited_node


def test_what_an_interface_has_when_it_is_attached(lab: Any) -> None:
    station = lab.station("host")
    interface = station.port()
    assert [str(entry) for entry in station.internet.addresses()] == [
        "127.0.0.1/8 dev lo",
        "::1/128 dev lo",
        "fe80::ff:fe00:100/64 dev eth0",
    ]
    assert multicast_mac(ALL_NODES) in interface.groups
    assert b"\x01\0\x5e\0\0\x01" in interface.groups
    assert (station.internet.loopback.index, interface.index, station.port().index) == (1, 2, 3)


def test_addresses_come_and_go(lab: Any, family: Any) -> None:
    station = lab.station("host")
    interface = station.port()
    internet = station.internet
    internet.add_address(interface, family.cidr(family.host1))
    internet.add_address("eth0", family.cidr(family.other1))  # a second one of the same network
    packed = parse_address(family.host1)
    assert internet.is_local(packed)
    assert internet.routes.lookup(parse_address(family.router1)).interface is interface
    if family.version == 6:
        assert multicast_mac(solicited_node(packed)) in interface.groups
    else:
        assert internet.is_broadcast(parse_address("192.0.2.255"))
    internet.remove_address(interface, family.cidr(family.host1))
    assert not internet.is_local(packed)
    assert internet.routes.lookup(parse_address(family.router1)) is not None
    internet.remove_address("eth0", family.cidr(family.other1))
    assert internet.routes.lookup(parse_address(family.router1)) is None
    assert not internet.is_broadcast(parse_address("192.0.2.255"))
    assert multicast_mac(solicited_node(bytes(12) + packed[-4:])) not in interface.groups


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("224.0.0.1/4", "unicast"),
        ("ff02::1/64", "unicast"),
        ("0.0.0.0/8", "unicast"),
        ("::/64", "unicast"),
        ("255.255.255.255/32", "unicast"),
        ("192.0.2.255/24", "broadcast address"),
        ("192.0.2.1/24", "already"),
        ("192.0.2.1", "prefix length"),
        ("pc/24", "expected an address"),
    ],
)
def test_addresses_that_no_host_can_have(lab: Any, address: str, what: str) -> None:
    station = lab.station("host")
    station.port("192.0.2.1/24")
    with pytest.raises(ValueError, match=what):
        station.internet.add_address("eth0", address)


def test_misuse_names_the_thing(lab: Any) -> None:
    station, other = lab.station("host"), lab.station("other")
    interface = station.port()
    with pytest.raises(ValueError, match="host: interface 'eth0' is there already"):
        station.port(name="eth0")
    with pytest.raises(ValueError, match="no interface 'eth7'; there are lo, eth0"):
        station.internet.add_address("eth7", "192.0.2.1/24")
    with pytest.raises(ValueError, match="not attached"):
        other.internet.add_address(interface, "192.0.2.1/24")
    with pytest.raises(ValueError, match="does not have this address"):
        station.internet.remove_address("eth0", "192.0.2.9/24")
    with pytest.raises(ValueError, match="not a multicast group"):
        station.internet.join(parse_address("192.0.2.1"), interface)
    with pytest.raises(OSError, match=strerror(EADDRNOTAVAIL)):
        station.internet.leave(parse_address("239.1.2.3"), interface)


def test_networks_of_two_have_no_broadcast(lab: Any) -> None:
    station = lab.station()
    station.port("192.0.2.1/31", "198.51.100.1/32")
    assert not station.internet.is_broadcast(parse_address("192.0.2.1"))
    assert station.internet.flow(parse_address("192.0.2.0"), 17).interface.name == "eth0"
    assert len([r for r in station.internet.routes if len(r.prefix) == 4]) == 1


def test_groups_are_counted(lab: Any, family: Any) -> None:
    station = lab.station()
    interface = station.port()
    group = parse_address(family.group)
    mac = multicast_mac(group)
    station.internet.join(group, interface)
    station.internet.join(group, interface)
    station.internet.leave(group, interface)
    assert mac in interface.groups
    station.internet.leave(group, interface)
    assert mac not in interface.groups


def test_detaching(lab: Any, family: Any) -> None:
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    station.internet.routes.add(family.default, via=family.router1)
    station.internet.flow(parse_address(family.elsewhere), 17).send(b"headhead", b"")
    station.internet.detach(interface)
    assert interface.handlers == {}
    assert interface.groups == {}
    assert list(station.internet.routes) == []
    assert not station.internet.is_local(parse_address(family.host1))
    assert station.counts == {"neighbour: interface gone": 1}
    lab.run()
    assert lab.engine.heap == []
    station.internet.attach(interface)


def test_turning_forwarding_on_and_off(lab: Any) -> None:
    station = lab.station()
    interface = station.port()
    all_routers = multicast_mac(parse_address("ff02::2"))
    station.internet.forwarding = True
    station.internet.forwarding = True
    assert all_routers in interface.groups
    assert all_routers in station.port().groups
    station.internet.forwarding = False
    assert all_routers not in interface.groups


def test_neighbours_who_ask_need_not_be_asked(lab: Any, family: Any) -> None:
    """One exchange of questions serves both ways."""
    one, two = lab.station("one"), lab.station("two")
    a, b = one.port(family.cidr(family.host1), wire=False), two.port(family.cidr(family.other1), wire=False)
    lab.cable(a, b, delay=1000)
    times: list[int] = []
    one.internet.echo_listeners[1] = lambda reply: times.append(lab.engine.now)
    one.internet.echo(parse_address(family.other1), 1, 1)
    lab.run()
    assert times == [4000]


def test_two_hosts_and_a_router_between_them(lab: Any, family: Any) -> None:
    one, router, two = lab.station("one"), lab.station("router"), lab.station("two")
    a, b = one.port(family.cidr(family.host1), wire=False), two.port(family.cidr(family.host2), wire=False)
    r1 = router.port(family.cidr(family.router1), wire=False)
    r2 = router.port(family.cidr(family.router2), wire=False)
    router.internet.forwarding = True
    lab.cable(a, r1)
    lab.cable(b, r2)
    one.internet.routes.add(family.default, via=family.router1)
    two.internet.routes.add(family.default, via=family.router2)
    replies: list[Any] = []
    one.internet.echo_listeners[77] = replies.append
    for sequence, size in enumerate((0, 56, 5000)):
        one.internet.echo(parse_address(family.host2), 77, sequence, bytes(size))
    lab.run()
    assert [(r.sequence, len(r.data), r.hops) for r in replies] == [(0, 0, 63), (1, 56, 63), (2, 5000, 63)]
    assert address_text(replies[0].source) == family.host2
    for station in (one, router, two):
        assert station.counts == {}
    assert lab.engine.heap == []
    cache = router.internet.attachment(r2).neighbours(family.bytes)
    assert [n.state for n in cache if not n.address.startswith(b"\xfe")] == [NeighbourState.STALE]


def test_a_host_without_an_address_of_the_family(lab: Any, sent: Any) -> None:
    station = lab.station()
    bare = station.port()
    station.internet.routes.add("203.0.113.0/24", interface=bare)
    with pytest.raises(OSError, match=strerror(EADDRNOTAVAIL)):
        station.internet.flow(parse_address("203.0.113.9"), 17)
    # Nor can it ask for a neighbour, should it have to send on for others.
    attachment = station.internet.attachment(bare)
    attachment.neighbours(4).get(parse_address("203.0.113.9")).send(bytes(40), True)
    station.internet.remove_address(bare, f"{address_text(attachment.link_local)}/64")
    attachment.neighbours(16).get(parse_address("2001:db8::9")).send(bytes(40), True)
    assert sent(station) == []
    assert station.counts == {"arp: no address to ask with": 1, "nd: no address to ask with": 1}


def test_groups_on_the_loopback(lab: Any, family: Any) -> None:
    station = lab.station()
    group, lo = parse_address(family.group), station.internet.loopback
    station.internet.join(group, lo)
    source = parse_address(family.loopback)
    station.internet.flow(group, 17, interface=lo, source=source).send(b"headhead", b"")
    lab.run()
    assert station.got == [(b"headhead", lo)]
    station.internet.leave(group, lo)
