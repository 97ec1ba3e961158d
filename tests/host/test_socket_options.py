"""What socket options do to the traffic between two hosts."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
import time

import pytest

TCP = socket.IPPROTO_TCP
SERVER = "192.0.2.1"


def _accept(port, options=(), count=1):
    with socket.socket() as server:
        for level, name, value in options:
            server.setsockopt(level, name, value)
        server.bind(("", port))
        server.listen()
        peer, _ = server.accept()
        with peer:
            accepted = time.monotonic()
            return [(peer.recv(10000), time.monotonic() - accepted) for _ in range(count)]


def _corked(pull):
    with socket.create_connection((SERVER, 80)) as s:
        s.setsockopt(TCP, socket.TCP_CORK, 1)
        s.send(b"head ")
        time.sleep(0.05)
        s.send(b"body")
        if pull:
            s.setsockopt(TCP, socket.TCP_CORK, 0)
        time.sleep(1)


@pytest.mark.parametrize(("pull", "held"), [(True, 0.05), (False, 0.2)])
def test_a_cork_holds_less_than_a_segment_back(net, a, b, pull, held):
    process = a.start(_accept, 80)
    b.run(_corked, pull)
    ((data, after),) = process.result()
    assert data == b"head body"
    assert after == pytest.approx(held, abs=0.03)


def _silent(wait):
    with socket.create_connection((SERVER, 80)) as s:
        time.sleep(wait)
        s.send(b"now")


def _when_accepted(seconds):
    with socket.socket() as server:
        server.setsockopt(TCP, socket.TCP_DEFER_ACCEPT, seconds)
        server.bind(("", 80))
        server.listen()
        started = time.monotonic()
        peer, _ = server.accept()
        with peer:
            return time.monotonic() - started


@pytest.mark.parametrize(
    ("seconds", "wait", "low", "high"), [(7, 2, 2, 2.3), (3, 60, 3, 3.3), (0, 2, 0, 0.2)]
)
def test_accept_may_be_deferred_until_data_come(net, a, b, seconds, wait, low, high):
    process = a.start(_when_accepted, seconds)
    b.run(_silent, wait)
    assert low <= process.result() <= high


def _shared(kind, port, number):
    with socket.socket(socket.AF_INET, kind) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("", port))
        s.settimeout(5)
        got = []
        if kind == socket.SOCK_STREAM:
            s.listen(100)
        while True:
            try:
                if kind == socket.SOCK_STREAM:
                    peer, address = s.accept()
                    peer.close()
                else:
                    address = s.recvfrom(100)[1]
            except TimeoutError:
                return got
            got.append(address[1])


def _many(kind, port):
    for _ in range(40):
        with socket.socket(socket.AF_INET, kind) as s:
            s.connect((SERVER, port))
            for _ in range(2):
                if kind == socket.SOCK_DGRAM:
                    s.send(b"x")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_sockets_that_share_a_port_share_the_work(net, a, b, kind):
    shares = [a.start(_shared, kind, 80, number) for number in range(4)]
    b.run(_many, kind, 80)
    got = [share.result() for share in shares]
    assert all(got)
    assert sum(map(len, got)) == (40 if kind == socket.SOCK_STREAM else 80)
    for one in got:
        for other in got:
            assert one is other or not set(one) & set(other)  # one flow, one socket


SPREAD = """
import glassnet, socket
from tests.host.test_socket_options import _many, _shared
net = glassnet.Network(seed=3)
a, b = net.lan("a", "b")
shares = [a.start(_shared, socket.SOCK_DGRAM, 80, n) for n in range(4)]
b.run(_many, socket.SOCK_DGRAM, 80)
print([share.result() for share in shares])
net.close()
"""


def test_the_spreading_does_not_depend_on_the_hash_seed():
    seen = set()
    for seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        out = subprocess.run(
            [sys.executable, "-c", SPREAD], env=environment, capture_output=True, text=True, check=True
        )
        seen.add(hashlib.sha256(out.stdout.encode()).hexdigest())
    assert len(seen) == 1


def _hear_on(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        s.bind(("", 80))
        s.settimeout(1)
        try:
            return s.recv(10)
        except TimeoutError:
            return None


def _say():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (SERVER, 80))


def test_a_socket_bound_to_a_device_hears_that_alone(net, a, b):
    outside = next(name for name in a.internet.interfaces if name != "lo").encode()
    heard = a.start(_hear_on, outside)
    b.run(_say)
    assert heard.result() == b"x"
    heard = a.start(_hear_on, b"lo")
    b.run(_say)
    assert heard.result() is None


def _too_long():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(0, 10, 2)
        s.setsockopt(0, 11, 1)
        with pytest.raises(OSError, match="Message too long"):
            s.sendto(bytes(1473), (SERVER, 80))
        data, ((level, kind, value),), _, _ = s.recvmsg(2000, 200, socket.MSG_ERRQUEUE)
        error, origin, *_, mtu, _ = struct.unpack_from("IBBBBII", value)
        return len(data), level, kind, error, origin, mtu, s.sendto(bytes(1472), (SERVER, 80))


def test_a_datagram_that_must_not_be_cut_is_refused(net, a, b):
    assert b.run(_too_long) == (1473, 0, 11, 90, 1, 1500, 1472)


def _info():
    with socket.create_connection((SERVER, 80)) as s:
        s.send(bytes(5000))
        time.sleep(1)
        info = s.getsockopt(TCP, socket.TCP_INFO, 248)
        (rtt,), (mss,) = struct.unpack_from("I", info, 68), struct.unpack_from("I", info, 16)
        (acked,) = struct.unpack_from("Q", info, 120)
        return info[0], rtt, mss, acked


def test_tcp_info_is_true(net, a, b):
    a.start(_accept, 80, (), 3)
    state, rtt, mss, acked = b.run(_info)
    assert (state, mss, acked) == (1, 1448, 5001)  # with the SYN, as Linux counts
    assert 40_000 <= rtt <= 90_000  # the first one took the search for the neighbour along
