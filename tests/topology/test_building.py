"""Building networks: addresses, names and routes that come by themselves, and misuse that is told clearly."""

from __future__ import annotations

import ipaddress
import itertools
import time

import pytest

from glassnet.errors import GlassnetError
from glassnet.topology import Network


def ping(net: Network, source, to: str, seconds: float = 5) -> float | None:
    """Seconds until the echo reply; None without one."""
    start = net.now
    replies: list[float] = []
    source.internet.echo_listeners[1] = lambda reply: replies.append(net.now - start)
    net.engine.after(0, lambda _: source.internet.echo(ipaddress.ip_address(to).packed, 1, 1, b"ping"))
    net.run(for_=seconds)
    return replies[0] if replies else None


def test_a_lan_has_documentation_addresses_and_names():
    net = Network()
    server, client = net.lan("server", "client")
    assert server.addresses == ["192.0.2.1", "2001:db8::1"]
    assert client.ip_address() == "192.0.2.2"
    assert client.ip_address(6) == "2001:db8::2"
    assert net["server"] is server
    assert net.names.addresses("client") == (b"\xc0\x00\x02\x02", ipaddress.ip_address("2001:db8::2").packed)


def test_several_lans_get_networks_of_their_own():
    net = Network()
    for number in range(6):
        net.lan(f"a{number}", f"b{number}")
    networks = [ipaddress.ip_network(net[f"a{n}"].ip_address() + "/24", strict=False) for n in range(6)]
    assert [str(each) for each in networks] == [
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.19.255.0/24",
        "198.19.254.0/24",
        "198.19.253.0/24",
    ]


def test_a_given_prefix_is_used_and_can_be_full():
    net = Network()
    a, _ = net.lan("a", "b", prefix=("10.0.0.0/30", "2001:db8:7::/64"))
    assert a.addresses == ["10.0.0.1", "2001:db8:7::1"]
    with pytest.raises(GlassnetError, match=r"10\.1\.0\.0/30 is too small: 3 hosts .* 2 are free"):
        net.lan("c", "d", "e", prefix="10.1.0.0/30")


def test_a_cable_between_hosts_numbers_both_ends():
    net = Network()
    a, b = net.host("a"), net.host("b")
    net.cable(a, b, delay="3ms")
    assert a.ip_address() == "198.18.0.1"
    assert ping(net, a, b.ip_address()) == pytest.approx(0.012)  # ARP first
    assert ping(net, a, b.ip_address(6)) == pytest.approx(0.012)
    assert ping(net, a, b.ip_address()) == pytest.approx(0.006)


def test_hosts_reach_each_other_over_any_number_of_routers():
    net = Network()
    routers = [net.router(f"r{n}") for n in range(5)]
    for left, right in itertools.pairwise(routers):
        net.cable(left, right)
    a, *_ = net.lan("a", routers[0])
    b, *_ = net.lan("b", routers[4])
    for version in (4, 6):
        assert ping(net, a, b.ip_address(version)) is not None
        assert ping(net, b, a.ip_address(version)) is not None


def test_routes_go_the_way_with_the_fewest_routers():
    net = Network()
    r1, r2, r3 = (net.router(name) for name in ("r1", "r2", "r3"))
    net.cable(r1, r2, delay="1ms")
    net.cable(r2, r3, delay="1ms")
    net.cable(r1, r3, delay="50ms")
    a, _ = net.lan("a", r1)
    b, _ = net.lan("b", r3)
    ping(net, a, b.ip_address())
    assert ping(net, a, b.ip_address()) == pytest.approx(0.1)


def test_a_users_route_goes_before_the_automatic_one():
    net = Network()
    r1, r2, r3 = (net.router(name) for name in ("r1", "r2", "r3"))
    net.cable(r1, r2, delay="1ms")
    net.cable(r2, r3, delay="1ms")
    net.cable(r1, r3, delay="50ms")
    a, _ = net.lan("a", r1)
    b, _ = net.lan("b", r3)
    r1.route("198.51.100.0/24", via=r2.ip_address())
    ping(net, a, b.ip_address())
    assert ping(net, a, b.ip_address()) == pytest.approx(0.052)


def test_a_cable_added_later_is_routed_as_well():
    net = Network()
    r = net.router("r")
    a, _ = net.lan("a", r)
    net.run(for_="1s")
    b, _ = net.lan("b", r)
    assert ping(net, a, b.ip_address()) is not None


def test_switches_joined_by_cables_are_one_link():
    net = Network()
    net.lan("a", "b", switch="left")
    c, r = net.lan("c", net.router("r"), switch="right", prefix="192.0.2.128/25")
    net.cable("left", "right")
    d, _ = net.lan("d", r)
    assert ping(net, c, r.ip_address()) is not None
    assert ping(net, c, d.ip_address()) is not None


def test_a_router_with_three_hundred_cables():
    net = Network()
    r = net.router("r")
    for number in range(300):
        net.cable(net.host(f"h{number}"), r)
    assert ping(net, net["h0"], net["h299"].ip_address()) is not None


def test_conditions_change_at_run_time():
    net = Network()
    a, b = net.host("a"), net.host("b")
    cable = net.cable(a, b)
    assert ping(net, a, b.ip_address()) is not None
    cable.cut()
    assert ping(net, a, b.ip_address()) is None
    cable.mend()
    assert ping(net, a, b.ip_address()) is not None
    cable.towards("b").set(loss="100%")
    assert ping(net, a, b.ip_address()) is None
    cable.set(loss=0, delay="7ms")
    assert ping(net, a, b.ip_address()) == pytest.approx(0.014)


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (lambda net: net["nobody"], r"no host or switch 'nobody'; it has: a, b, s"),
        (lambda net: net.host("a"), r"has a 'a' already"),
        (lambda net: net.switch("a"), r"has a 'a' already"),
        (lambda net: net.host("two words"), r"expected a host name"),
        (lambda net: net.host("192.0.2.9"), r"expected a host name"),
        (lambda net: net.host("localhost"), r"expected a host name"),
        (lambda net: net.host("x" * 64), r"expected a host name"),
        (lambda net: net.host("A"), r"has a 'a' already"),
        (lambda net: net.cable("a", "nobody"), r"no host or switch 'nobody'"),
        (lambda net: net.cable("a", "a"), r"leads nowhere"),
        (lambda net: net.cable("a", "b", delay="20 parsecs"), r"cable a-b: delay: .*no unit 'parsecs'"),
        (lambda net: net.cable("a", "b", loss=2), r"cable a-b: loss: 2: expected a probability"),
        (lambda net: net.cable("a", "b", lose="1%"), r"no condition 'lose'; there are rate, "),
        (lambda net: net.cable("a", "b", rate=0), r"must be above 0"),
        (lambda net: net.cable("a", "s", prefix="10.0.0.0/24"), r"between two hosts"),
        (lambda net: net.cable(Network().host("a"), "b"), r"not of this network"),
        (lambda net: net.lan(), r"needs members"),
        (lambda net: net.lan("x", prefix="300.0.0.0/24"), r"expected a network such as"),
        (lambda net: net["a"].add_address("192.0.2.9/24"), r"host a is on no network"),
        (lambda net: net["a"].interface("eth7"), r"host a: no interface 'eth7'; it has lo"),
        (lambda net: net["a"].ip_address(), r"host a has no IPv4 address"),
        (lambda net: net.run(until="1s", for_="1s"), r"not both"),
        (lambda net: net.run(until=object()), r"expected a time"),
        (lambda net: net.capture("/nowhere/at/all.pcapng", "s"), r"s is a switch"),
        (lambda net: Network(clock="broken"), r"expected 'virtual'"),
    ],
)
def test_misuse_names_the_thing_and_the_remedy(misuse, message):
    net = Network()
    net.host("a")
    net.host("b")
    net.switch("s")
    with pytest.raises((GlassnetError, ValueError), match=message):
        misuse(net)


def test_an_address_can_be_given_only_once():
    net = Network()
    a, b = net.lan("a", "b")
    a.add_address("192.0.2.77/24")
    with pytest.raises(GlassnetError, match=r"host b: 192\.0\.2\.77 is taken by host a"):
        b.add_address("192.0.2.77/24")
    with pytest.raises(ValueError, match="prefix length is missing"):
        b.add_address("192.0.2.78")


def test_failed_building_leaves_nothing_behind():
    net = Network()
    net.host("a")
    with pytest.raises(ValueError, match="expected a probability"):
        net.lan("a", "new", loss="lots")
    assert list(net.hosts) == ["a"]
    assert not net.switches
    assert not net.cables


def test_running_keeps_pace_with_the_clock_whatever_it_waits_for():
    net = Network(clock="scaled", speed=20)
    (host,) = net.lan("host")
    for wait in (lambda p: None, lambda p: lambda: not p.alive, lambda p: p):
        process = host.start(time.sleep, 2)
        began = time.monotonic()
        net.run(until=wait(process))
        assert not process.alive
        assert time.monotonic() - began >= 0.09


def test_a_pause_ends_any_run_and_the_next_goes_on():
    net = Network()
    (host,) = net.lan("host")
    process = host.start(time.sleep, 10)
    for run in (lambda: net.run(until=lambda: not process.alive), lambda: net.run(for_="20s")):
        net.engine.after(10**9, lambda _: net.pause())
        run()
        assert process.alive
    net.run(until=process)
    assert net.now == pytest.approx(10)


def test_running_the_network_inside_it_is_refused():
    net = Network()
    (host,) = net.lan("host")
    with pytest.raises(GlassnetError, match="while the network runs"):
        host.run(net.run)


def test_a_member_is_named_once():
    with pytest.raises(GlassnetError, match="'n' is named 2 times"):
        Network().lan("n", "n")


def test_owner_of_an_address():
    net = Network()
    net.lan("a", "b")
    assert net.owner_of("192.0.2.2") == "b"
    assert net.owner_of("2001:db8::1") == "a"
    assert net.owner_of("192.0.2.9") is None
