"""Programs that never heard of glassnet, and two hosts to run them on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import glassnet

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "apps")]


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Certificates for TLS at the host `server`."""
    from probes.certificates import Certificates

    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def net():
    network = glassnet.Network(seed=7)
    yield network
    network.close()


@pytest.fixture
def hosts(net):
    return net.lan("server", "client", delay="10ms")
