"""Path MTU discovery: RFC 1191, RFC 8201."""

from __future__ import annotations

from errno import EMSGSIZE
from os import strerror
from typing import Any

import pytest

from glassnet.network import parse_address
from glassnet.wire.foreign import Foreign

S = 1_000_000_000


@pytest.fixture
def report(host: Any, family: Any, tools: Any) -> Any:
    """Lets the host hear that a packet of its was too big for a link."""

    def receive(mtu: int, destination: str = "", length: int = 1500) -> None:
        destination = destination or family.elsewhere
        payload = tools.packet(family.host1, destination, 17, bytes(length - family.header))[:500]
        kind, code = (3, 4) if family.version == 4 else (2, 0)
        packet = tools.icmp_packet(family.router1, family.host1, kind, code, rest=mtu, payload=payload)
        interface = host.internet.interfaces["eth0"]
        interface.receive(Foreign(tools.framed(interface.mac, tools.mac_of(9, 1), packet)))

    return receive


@pytest.fixture
def flow(host: Any, family: Any) -> Any:
    return host.internet.flow(parse_address(family.elsewhere), 17)


def test_all_flows_to_a_destination_learn(host: Any, family: Any, flow: Any, report: Any, sent: Any) -> None:
    other = host.internet.flow(flow.destination, 253)
    elsewhere = host.internet.flow(parse_address(family.router1), 17)
    report(1300)
    assert (flow.mtu, other.mtu, elsewhere.mtu) == (1300, 1300, 1500)
    with pytest.raises(OSError, match=strerror(EMSGSIZE)):
        flow.send(bytes(8), bytes(1301 - family.header - 8))
    flow.send(bytes(8), bytes(1300 - family.header - 8))
    assert len(sent(host)) == 1
    assert host.internet.flow(flow.destination, 17).mtu == 1300
    assert [(error.errno, error.mtu) for error in host.errors] == [(EMSGSIZE, 1300)]


def test_it_only_becomes_smaller(host: Any, flow: Any, report: Any) -> None:
    report(1500)
    assert host.errors == []
    for reported, known in ((1400, 1400), (1450, 1400), (1300, 1300), (9000, 1300)):
        report(reported)
        assert flow.mtu == known
    assert [error.mtu for error in host.errors] == [1400, 1400, 1300, 1300]


def test_it_is_forgotten_after_ten_minutes(lab: Any, host: Any, flow: Any, report: Any, sent: Any) -> None:
    report(1300)
    lab.run()
    assert lab.engine.heap == []  # nothing waits for that
    lab.engine.now = 599 * S
    assert flow.mtu == 1300
    lab.engine.now = 601 * S
    flow.send(bytes(8), bytes(1400))
    assert flow.mtu == 1500
    report(1350)
    assert flow.mtu == 1350
    lab.engine.now += 601 * S
    assert flow.mtu == 1500


def test_reports_about_what_was_never_sent(host: Any, family: Any, report: Any, flow: Any) -> None:
    report(1300, destination=family.other2)
    assert flow.mtu == 1500
    assert host.errors == []
    assert len(host.counts) == 1


def test_least_path_mtu(host: Any, family: Any, flow: Any, report: Any, sent: Any, tools: Any) -> None:
    report(family.least_mtu)
    assert flow.mtu == family.least_mtu
    report(family.least_mtu - 1)
    assert flow.mtu == family.least_mtu
    flow.send(bytes(8), bytes(200))
    packet = tools.parsed(sent(host)[0])
    if family.version == 4:
        assert not packet.dont_fragment  # routers may cut it, since it may still be too big
        assert flow.dont_fragment
        with pytest.raises(OSError, match=strerror(EMSGSIZE)):
            flow.send(bytes(8), bytes(65535))
    else:
        assert list(host.counts) == ["icmpv6: path MTU not believed"]
        assert len(host.errors) == 1


def test_a_narrow_path_widens_again(lab: Any, families: Any, tools: Any, sent: Any) -> None:
    family = families(4)
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    station.know(interface, family.other1, tools.mac_of(9))
    flow = station.internet.flow(parse_address(family.other1), 17)
    narrow = station.internet.destinations.narrow
    assert narrow(flow.destination, interface, 100, 1500) == 552
    sent(station)
    flow.send(bytes(8), bytes(1000))  # cut by us, as routers would
    frames = sent(station)
    assert [tools.parsed(frame).dont_fragment for frame in frames] == [False, False]
    lab.engine.now = 601 * S
    assert flow.mtu == 1500
    flow.send(bytes(8), bytes(1000))
    assert tools.parsed(sent(station)[0]).dont_fragment


@pytest.mark.parametrize(("length", "plateau"), [(1500, 1492), (1492, 1006), (1006, 552), (300, 552)])
def test_routers_that_do_not_say(lab: Any, families: Any, length: int, plateau: int) -> None:
    family = families(4)
    station = lab.station()
    interface = station.port(family.cidr(family.host1))
    flow = station.internet.flow(parse_address(family.other1), 17)
    assert station.internet.destinations.narrow(flow.destination, interface, 0, length) == plateau
    assert flow.mtu == plateau


def test_a_flow_bound_to_an_interface_learns_too(host: Any, family: Any, report: Any) -> None:
    bound = host.internet.flow(
        parse_address(family.elsewhere), 17, interface=host.internet.interfaces["eth0"]
    )
    report(1300)
    assert bound.mtu == 1300


def test_own_addresses_and_groups_have_no_path(host: Any, family: Any) -> None:
    destinations, interface = host.internet.destinations, host.internet.interfaces["eth0"]
    for text in (family.host1, family.group):
        flow = host.internet.flow(parse_address(text), 17)
        assert destinations.narrow(flow.destination, interface, 1300, 1500) is None


def test_through_a_narrow_link(lab: Any, family: Any) -> None:
    one, router, two = lab.station("one"), lab.station("router"), lab.station("two")
    a, b = one.port(family.cidr(family.host1), wire=False), two.port(family.cidr(family.host2), wire=False)
    r1 = router.port(family.cidr(family.router1), wire=False)
    r2 = router.port(family.cidr(family.router2), mtu=1300, wire=False)
    router.internet.forwarding = True
    lab.cable(a, r1)
    lab.cable(b, r2)
    one.internet.routes.add(family.default, via=family.router1)
    flow = one.internet.flow(parse_address(family.host2), 17)
    flow.send(bytes(8), bytes(1400))
    lab.run(1)
    assert [(error.errno, error.mtu) for error in one.errors] == [(EMSGSIZE, 1300)]
    assert flow.mtu == 1300
    flow.send(bytes(8), bytes(1300 - 8 - family.header))
    lab.run(1)
    assert [len(data) for data, _ in two.got] == [1300 - family.header]
    # Without the ban on fragmentation it arrives in pieces, cut by the source.
    one.internet.flow(parse_address(family.host2), 17, dont_fragment=False).send(bytes(8), bytes(1400))
    lab.run(1)
    assert [len(data) for data, _ in two.got[1:]] == [1408]
