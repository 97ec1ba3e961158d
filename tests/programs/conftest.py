"""Programs that never heard of glassnet, and two hosts to run them on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import glassnet

sys.path.insert(0, str(Path(__file__).parent / "apps"))


@pytest.fixture
def net():
    network = glassnet.Network(seed=7)
    yield network
    network.close()


@pytest.fixture
def hosts(net):
    return net.lan("server", "client", delay="10ms")
