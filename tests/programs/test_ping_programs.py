"""Ping and traceroute in pure Python, over both IP versions, across routers."""

from __future__ import annotations

import socket

import ping
import ping3
import pytest
import traceroute

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])


@pytest.fixture
def way(net):
    """Hosts `near` and `far` with routers `one` and `two` between them; 5 ms each cable."""
    near, far = net.host("near"), net.host("far")
    one, two = net.router("one"), net.router("two")
    for left, right in ((near, one), (one, two), (two, far)):
        net.cable(left, right, delay="5ms")
    return near, one, two, far


def _towards(host, other, family):
    """The address of `host` on the cable towards `other`."""
    size, prefix = (4, 3) if family == socket.AF_INET else (16, 8)
    theirs = {held.address[:prefix] for held in other.internet.addresses()}
    for held in host.internet.addresses():
        own = held.address
        if len(own) == size and own[:prefix] in theirs and own[0] not in (127, 0xFE) and any(own[:-1]):
            return socket.inet_ntop(family, own)
    raise AssertionError("they share no link")


@FAMILIES
@pytest.mark.parametrize("raw", [False, True], ids=["datagrams", "raw"])
def test_ping_across_routers(way, family, raw):
    near, _, two, far = way
    times = near.run(ping.ping, _towards(far, two, family), 3, raw, 1.0, family)
    assert times[1:] == [pytest.approx(0.030, abs=0.001)] * 2
    assert times[0] >= 0.030  # neighbours had to be found first


@FAMILIES
def test_ping_of_nobody(way, family):
    near = way[0]
    lost = {socket.AF_INET: "203.0.113.77", socket.AF_INET6: "2001:db8:ffff::77"}[family]
    assert near.run(ping.ping, lost, 1, True, 0.5, family) == [None]


@FAMILIES
@pytest.mark.parametrize("how", ["udp", "errors", "icmp", "tcp"])
def test_traceroute_names_every_router(way, family, how):
    near, one, two, far = way
    target = _towards(far, two, family)
    expected = [_towards(one, near, family), _towards(two, one, family), target]
    assert near.run(traceroute.trace, target, how, 10, family) == expected


def test_the_programs_print_what_they_find(way, capsys):
    near, _, two, far = way
    target = _towards(far, two, socket.AF_INET)
    assert near.run(ping.main, [target, "2"]) == 0
    assert near.run(traceroute.main, [target]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "2: 30.0 ms"
    assert lines[-1] == f"3: {target}"


def test_a_ping_package_from_pypi(way):
    near, _, two, far = way
    target = _towards(far, two, socket.AF_INET)
    near.run(ping3.ping, target)
    assert near.run(ping3.ping, target) == pytest.approx(0.030, abs=0.001)
