"""Path MTU discovery where routers tell nothing (RFC 4821), and where they do (RFC 1191)."""

from __future__ import annotations

import socket
import time
from collections import Counter, deque

import pytest

import glassnet
from glassnet.transport.tcp.events import RecoveryEntered, Retransmission

SIZE = 400_000
STAMPED = 14 + 20 + 32


class Path:
    """A client, two routers and a server; the far router's near interface is `narrow`, and nobody knows."""

    def __init__(self, mode, narrow=1300, version=4, congestion="cubic", **tcp):
        settings = {"tcp_mtu_probing": mode, "tcp_congestion_control": congestion, **tcp}
        self.net = glassnet.Network(seed=4, tcp=settings)
        self.client = self.net.host("client")
        near, self.far = self.net.router("near"), self.net.router("far")
        self.server = self.net.host("server")
        self.net.cable(self.client, near, delay="1ms", rate="100Mbps")
        self.middle = self.net.cable(near, self.far, delay="5ms", rate="100Mbps")
        self.net.cable(self.far, self.server, delay="1ms", rate="100Mbps")
        self.version = version
        self.far.interfaces[0].mtu = narrow
        self.sizes: Counter[int] = Counter()
        self.latest: deque[int] = deque(maxlen=50)
        self.client.interfaces[0].taps.append(self._sent)
        self.causes: Counter[str] = Counter()
        self.resent: list[tuple[str, int]] = []
        self.net.engine.events.on(Retransmission, self._again)
        self.entered: list[str] = []
        self.net.engine.events.on(RecoveryEntered, lambda event: self.entered.append(event.cause))

    def _sent(self, now, interface, way, frame):
        header = STAMPED if self.version == 4 else STAMPED + 20
        if way == "tx" and len(frame) > header + 200:
            self.sizes[len(frame) - header] += 1
            self.latest.append(len(frame) - header)

    def _again(self, event):
        if event.host == "client":
            self.causes[event.cause] += 1
            self.resent.append((event.cause, event.length))

    def bulk(self, size=SIZE, timeout=30):
        """Send; whether all has arrived before the client's patience was over."""
        address = self.server.ip_address(self.version)
        got = []

        def serve():
            family = socket.AF_INET if self.version == 4 else socket.AF_INET6
            with socket.create_server(("", 80), family=family) as listener:
                connection, _ = listener.accept()
                with connection:
                    while data := connection.recv(65536):
                        got.append(data)
                    connection.sendall(b"!")

        def ask():
            with socket.create_connection((address, 80)) as connection:
                connection.settimeout(timeout)
                connection.sendall(bytes(size))
                connection.shutdown(socket.SHUT_WR)
                try:
                    return connection.recv(1) == b"!"
                except TimeoutError:
                    return False

        self.server.start(serve)
        done = self.client.run(ask)
        assert not done or b"".join(got) == bytes(size)
        return done


@pytest.fixture
def path():
    made = []

    def make(*args, **kwargs):
        made.append(Path(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.net.close()


def test_a_black_hole_stalls_a_connection_that_does_not_probe(path):
    hole = path(0)
    assert not hole.bulk()
    assert hole.far.drops.counts["ethernet: giant"] > 5
    assert set(hole.sizes) == {1448}


def test_it_is_found_after_a_while(path):
    hole = path(1)
    assert hole.bulk()
    assert hole.causes["timeout"] > 1
    # What Linux does over such a path: down to the base, then up in halves to what fits.
    assert {1448, 1024, 1236, 1342, 1288, 1261, 1248, 1254} <= set(hole.sizes)
    assert hole.far.drops.counts["ethernet: giant"] < 30


def test_with_probes_from_the_start_nothing_waits(path):
    hole = path(2)
    assert hole.bulk(5 * SIZE)
    assert 1448 not in hole.sizes
    assert hole.causes == {"path MTU": 8}  # four probes that were lost, in two segments each
    assert hole.entered == []  # and nobody took that for congestion
    assert hole.far.drops.counts == {"ethernet: giant": 4}
    assert hole.sizes[1248] > 100
    assert hole.sizes[1254] == 1


def test_the_whole_path_is_used_where_there_is_no_black_hole(path):
    plain = path(2, narrow=1500)
    assert plain.bulk(5 * SIZE)
    assert plain.causes == {}
    assert plain.entered == []
    # The search ends within tcp_probe_threshold of 1448.
    assert max(plain.sizes) == 1441
    assert plain.sizes[1441] > 100


def test_the_threshold_says_how_near(path):
    plain = path(2, narrow=1500, tcp_probe_threshold=0)
    assert plain.bulk(20 * SIZE)
    assert max(plain.sizes) == 1447
    assert plain.sizes[1447] > 1000


@pytest.mark.parametrize("congestion", ["reno", "bbr", "dctcp"])
def test_other_controllers_probe_too(path, congestion):
    hole = path(2, congestion=congestion)
    assert hole.bulk(8 * SIZE)
    assert hole.sizes[1248] > 50
    assert hole.entered == []


def test_duplicate_acknowledgements_show_a_lost_probe(path):
    hole = path(2, tcp_sack=0)
    assert hole.bulk(5 * SIZE)
    assert hole.sizes[1248] > 50
    assert hole.entered == []


def test_jumbo_frames(path):
    hole = path(2, narrow=4000)
    for interface in (hole.client.interfaces[0], *hole.net["near"].interfaces, hole.server.interfaces[0]):
        interface.mtu = 9000
    hole.far.interfaces[1].mtu = 9000
    assert hole.bulk(25 * SIZE)
    assert 3940 < max(size for size, count in hole.sizes.items() if count > 50) <= 3948


def test_ipv6(path):
    hole = path(2, narrow=1400, version=6)
    assert hole.bulk(5 * SIZE)
    assert max(size for size, count in hole.sizes.items() if count > 50) in range(1321, 1329)


def test_routers_that_tell_are_believed_at_once(path):
    honest = path(2, narrow=1500)
    for end in honest.middle.a, honest.middle.b:
        end.mtu = 1300
    assert honest.bulk(5 * SIZE)
    # One probe was too big, and the answer says what fits.
    assert {size for size in honest.sizes if size > 1248} == {1342}
    assert honest.entered == []
    assert honest.far.drops.counts == {}
    assert honest.net["near"].drops.counts == {"ipv4: fragmentation needed": 1}


def test_a_wider_path_is_found_in_time(path):
    hole = path(2)
    address = hole.server.ip_address()

    def serve():
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    pass

    def ask():
        with socket.create_connection((address, 80)) as connection:
            connection.sendall(bytes(5 * SIZE))
            time.sleep(1)
            first = max(size for size, count in hole.sizes.items() if count > 50)
            hole.far.interfaces[0].mtu = 1500
            hole.sizes.clear()
            connection.sendall(bytes(SIZE))
            time.sleep(1)
            second = max(hole.sizes)
            time.sleep(600)
            connection.sendall(bytes(5 * SIZE))
            time.sleep(1)
            return first, second, max(hole.sizes)

    hole.server.start(serve)
    assert hole.client.run(ask) == (1248, 1248, 1441)


def test_a_connection_that_has_found_its_size_is_as_cheap_as_any(path):
    hole = path(2, narrow=1500)
    boards = []

    def look(now, interface, way, frame):
        if way == "tx" and len(frame) > 1400:
            connection = next(iter(hole.client.tcp.connections.values()))
            boards.append(connection.sender.board is None)

    hole.client.interfaces[0].taps.append(look)
    assert hole.bulk(4 * SIZE)
    assert not boards[0]
    assert boards[-1]


def test_it_ends_with_the_connection(path):
    hole = path(2, narrow=1500)
    assert hole.bulk(5 * SIZE)
    hole.net.run()
    assert hole.net.engine.now < 120 * 10**9  # no timer of ten minutes is left


def test_a_path_that_becomes_a_black_hole(path):
    hole = path(2, narrow=1500)
    address = hole.server.ip_address()

    def serve():
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    pass
                connection.sendall(b"!")

    def ask():
        with socket.create_connection((address, 80)) as connection:
            connection.sendall(bytes(5 * SIZE))
            time.sleep(1)
            found = max(hole.sizes)
            hole.far.interfaces[0].mtu = 1300
            hole.sizes.clear()
            connection.settimeout(60)
            connection.sendall(bytes(5 * SIZE))
            connection.shutdown(socket.SHUT_WR)
            return found, connection.recv(1)

    hole.server.start(serve)
    assert hole.client.run(ask) == (1441, b"!")
    # Half of what it was, and up again to what fits.
    assert hole.sizes[720] > 10
    assert max(hole.latest) in range(1241, 1249)


@pytest.mark.parametrize(("retries", "timeouts"), [(1, 3), (3, 4), (5, 6)])
def test_r1_says_how_long_silence_lasts_before_it_is_doubted(path, retries, timeouts):
    hole = path(1, tcp_retries1=retries)
    assert hole.bulk(timeout=300)
    # All are sent again at their full size but the last, which is when the silence is doubted.
    assert [size for cause, size in hole.resent if cause == "timeout"][:timeouts] == [
        *[1448] * (timeouts - 1),
        1024,
    ]


def test_the_least_that_segments_carry(path):
    hole = path(1, narrow=100, tcp_min_snd_mss=500, tcp_mtu_probe_floor=48)
    assert not hole.bulk(timeout=60)
    assert min(hole.sizes) == 500


def test_icmp_is_forgotten_and_the_path_measured_again(path):
    """RFC 8201, 4, and RFC 4821, 7.7: what a router said holds for ten minutes."""
    honest = path(2, narrow=1500)
    address = honest.server.ip_address()

    def serve():
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    pass

    def ask():
        with socket.create_connection((address, 80)) as connection:
            connection.sendall(bytes(5 * SIZE))
            time.sleep(1)
            for end in honest.middle.a, honest.middle.b:
                end.mtu = 1200
            honest.sizes.clear()
            connection.sendall(bytes(5 * SIZE))
            time.sleep(1)
            narrow = max(honest.latest)
            for end in honest.middle.a, honest.middle.b:
                end.mtu = 1500
            time.sleep(700)
            honest.sizes.clear()
            connection.sendall(bytes(10 * SIZE))
            time.sleep(1)
            return narrow, max(honest.latest)

    honest.server.start(serve)
    narrow, again = honest.client.run(ask)
    assert narrow == 1148
    assert again in range(1441, 1449)
