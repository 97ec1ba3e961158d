from __future__ import annotations

from errno import ENETUNREACH
from os import strerror
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.network import Route, parse_address


def test_the_longest_prefix_wins(lab: Any, family: Any) -> None:
    station = lab.station()
    one = station.port(family.cidr(family.host1))
    two = station.port(family.cidr(family.host2))
    routes = station.internet.routes
    routes.add(family.default, via=family.router1)
    wide, narrow = (
        ("203.0.0.0/8", "203.0.113.0/24") if family.version == 4 else ("2001:db8::/32", "2001:db8:ffff::/48")
    )
    assert routes.lookup(parse_address(family.elsewhere)).interface is one
    routes.add(wide, via=family.router1)
    routes.add(narrow, via=family.router2)
    assert routes.lookup(parse_address(family.elsewhere)).interface is two
    assert routes.lookup(parse_address(family.elsewhere), one).interface is one
    assert routes.lookup(parse_address(family.host1)).via is None
    routes.remove(narrow)
    assert routes.lookup(parse_address(family.elsewhere)).interface is one
    assert [str(route) for route in routes if route.length == 0] == [
        f"{family.default} via {family.router1} dev eth0"
    ]


def test_of_equal_prefixes_the_lowest_metric_and_then_the_first_added(lab: Any, family: Any) -> None:
    station = lab.station()
    one = station.port(family.cidr(family.host1))
    two = station.port(family.cidr(family.host2))
    routes = station.internet.routes
    routes.add(family.default, via=family.router2, metric=10)
    routes.add(family.default, via=family.router1, metric=10)
    there = parse_address(family.elsewhere)
    assert routes.lookup(there).interface is two
    routes.add(family.default, via=family.other1, metric=5)
    assert routes.lookup(there).via == parse_address(family.other1)
    routes.remove(family.default, via=family.other1)
    routes.remove(family.default, interface="eth1")
    assert routes.lookup(there).interface is one
    routes.remove(family.default)
    assert routes.lookup(there) is None


def test_misuse_says_what_is_wrong(lab: Any, family: Any) -> None:
    station = lab.station("web")
    station.port(family.cidr(family.host1))
    routes = station.internet.routes
    other_family = "2001:db8::9" if family.version == 4 else "192.0.2.9"
    with pytest.raises(ValueError, match="give the next router"):
        routes.add(family.default)
    with pytest.raises(ValueError, match="on no link of this host"):
        routes.add(family.default, via=family.elsewhere)
    with pytest.raises(ValueError, match="one family"):
        routes.add(family.default, via=other_family)
    with pytest.raises(ValueError, match="unicast"):
        routes.add(family.default, via=family.group)
    with pytest.raises(ValueError, match="no interface 'eth9'"):
        routes.add(family.default, interface="eth9")
    with pytest.raises(ValueError, match="expected a prefix"):
        routes.add("default", via=family.router1)
    with pytest.raises(ValueError, match="none to remove"):
        routes.remove(family.default)
    routes.add(family.default, via=family.router1)
    with pytest.raises(ValueError, match="there already"):
        routes.add(family.default, via=family.router1, metric=7)


def test_a_router_known_by_its_link_local_address(lab: Any) -> None:
    station = lab.station()
    interface = station.port("2001:db8::5/64")
    with pytest.raises(ValueError, match="needs interface="):
        station.internet.routes.add("::/0", via="fe80::1")
    route = station.internet.routes.add("::/0", via="fe80::1", interface=interface)
    assert station.internet.flow(parse_address("2001:db8:9::1"), 17).interface is interface
    assert route.via == parse_address("fe80::1")


def test_a_router_behind_a_router_is_none(lab: Any, family: Any) -> None:
    station = lab.station()
    station.port(family.cidr(family.host1))
    station.internet.routes.add(family.default, via=family.router1)
    with pytest.raises(ValueError, match="on no link"):
        station.internet.routes.add(
            "203.0.113.0/24" if family.version == 4 else "2001:db8:5::/48", via=family.elsewhere
        )


def test_flows_follow_a_change_of_routes(host: Any, family: Any, sent: Any, tools: Any) -> None:
    internet = host.internet
    flow = internet.flow(parse_address(family.elsewhere), 17)
    flow.send(b"one-----", b"")
    assert sent(host)[0][:6] == tools.mac_of(9, 1)
    internet.routes.add(f"{family.elsewhere}/{family.bits}", via=family.other1)
    flow.send(b"two-----", b"")
    assert sent(host)[0][:6] == tools.mac_of(9, 2)
    internet.routes.remove(f"{family.elsewhere}/{family.bits}")
    internet.routes.remove(family.default)
    with pytest.raises(OSError, match=strerror(ENETUNREACH)):
        flow.send(b"three---", b"")
    assert host.counts == {"ip: no route": 1}
    assert flow.mtu == 1500
    internet.routes.add(family.default, via=family.router1)
    flow.send(b"four----", b"")
    assert sent(host)[0][:6] == tools.mac_of(9, 1)


def naive(routes: list[Route], destination: bytes) -> Route | None:
    """The routes' definition: of those whose prefix matches, longest, lowest metric, first."""
    bits = len(destination) * 8
    number = int.from_bytes(destination, "big")
    best = None
    for route in routes:
        shift = bits - route.length
        if (
            len(route.prefix) != len(destination)
            or int.from_bytes(route.prefix, "big") >> shift != number >> shift
        ):
            continue
        if best is None or (-route.length, route.metric) < (-best.length, best.metric):
            best = route
    return best


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("size", [4, 16])
def test_lookup_equals_the_definition(new_lab: Any, size: int, data: st.DataObject) -> None:
    station = new_lab().station()
    ports = [station.port(wire=False) for _ in range(3)]
    bits = size * 8
    kept: list[Route] = []
    # Few distinct bits, so that prefixes nest and meet.
    number = st.integers(0, 15).map(lambda n: (n * 0x1111_1111 << (bits - 32)) & ((1 << bits) - 1))
    for base, length, port, metric, remove in data.draw(
        st.lists(
            st.tuples(number, st.integers(0, bits), st.integers(0, 2), st.integers(0, 2), st.booleans()),
            max_size=12,
        )
    ):
        prefix = (base >> (bits - length) << (bits - length)).to_bytes(size, "big")
        same = [r for r in kept if (r.prefix, r.length, r.interface) == (prefix, length, ports[port])]
        if same:
            if remove:
                station.internet.routes.discard(same, "")
                kept.remove(same[0])
            continue
        route = Route(prefix, length, None, ports[port], metric)
        station.internet.routes.insert(route)
        kept.append(route)
    for probe in data.draw(st.lists(number, min_size=1, max_size=8)):
        destination = (probe ^ data.draw(st.integers(0, 255))).to_bytes(size, "big")
        assert station.internet.routes.lookup(destination) is naive(kept, destination)
    ours = [route for route in station.internet.routes if len(route.prefix) == size]
    assert sorted(map(str, ours)) == sorted(map(str, kept))
