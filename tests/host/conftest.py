"""Two hosts on a LAN, and a place to run small programs."""

from __future__ import annotations

import pytest

import glassnet


@pytest.fixture
def net():
    network = glassnet.Network(seed=3)
    yield network
    network.close()


@pytest.fixture
def hosts(net):
    """Hosts `a` (192.0.2.1, 2001:db8::1) and `b` (192.0.2.2, 2001:db8::2), 20 ms apart."""
    return net.lan("a", "b", delay="10ms")


@pytest.fixture
def a(hosts):
    return hosts[0]


@pytest.fixture
def b(hosts):
    return hosts[1]
