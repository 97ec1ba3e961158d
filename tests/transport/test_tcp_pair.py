"""Two TCPs and a path between them: what goes in comes out, whatever the path does."""

from __future__ import annotations

import hashlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.transport.tcp import Connection, Listener, State

PORT = 80


def open_pair(path, *, backlog=5):
    binding = path.right.ports.bind(bytes(len(path.addresses[1])), PORT)
    listener = path.right.listen(binding, backlog)
    client = path.left.connect(None, (path.addresses[1], PORT))
    client.connect()
    return client, listener


def accepted(path, listener: Listener, within: float = 200) -> Connection:
    end = path.engine.now + within * 1e9
    while not listener.readable and path.engine.now < end and path.engine.heap:
        path.engine.step()
    connection = listener.accept()
    assert connection is not None
    return connection


class Stream:
    """Writes `data` into a connection and reads what comes, as a program would."""

    def __init__(self, connection: Connection, data: bytes, piece: int = 65536) -> None:
        self.connection = connection
        self.data = memoryview(data)
        self.piece = piece
        self.received = bytearray()
        self.ended = False
        connection.on_change = self.pump

    def pump(self) -> None:
        connection = self.connection
        while not self.ended:
            got = connection.receive(65536)
            if got is None:
                break
            if got == b"":
                self.ended = True
            self.received += got
        while self.data and connection.writable:
            taken = connection.send(self.data[: self.piece])
            if not taken:
                break
            self.data = self.data[taken:]
        if not self.data and not connection.sender.fin_wanted and connection.established:
            connection.shutdown_send()


def transfer(path, to_right: bytes, to_left: bytes, limit: float = 3600) -> tuple[Stream, Stream]:
    client, listener = open_pair(path)
    left = Stream(client, to_right)
    right = Stream(accepted(path, listener), to_left)
    right.pump()
    left.pump()
    end = path.engine.now + limit * 1e9
    while not (left.ended and right.ended) and path.engine.now < end and path.engine.heap:
        path.engine.step()
    assert hashlib.sha256(right.received).digest() == hashlib.sha256(to_right).digest()
    assert hashlib.sha256(left.received).digest() == hashlib.sha256(to_left).digest()
    assert left.ended
    assert right.ended
    return left, right


@pytest.mark.parametrize("v6", [False, True])
def test_a_clean_path_needs_no_retransmission(pair, v6):
    path = pair(v6=v6)
    data = Random(1).randbytes(3_000_000)
    left, right = transfer(path, data, data[:1_000_000])
    assert left.connection.sender.retransmissions == 0
    assert right.connection.sender.retransmissions == 0
    assert not any(reason.startswith("tcp") for drops in path.drops for reason in drops.counts)


@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("scaling", [False, True])
def test_with_and_without_options(pair, timestamps, scaling):
    path = pair(timestamps=timestamps, window_scaling=scaling)
    transfer(path, bytes(range(256)) * 2000, b"ok")


def faults(seed: int, loss: float, duplication: float, reordering: float, delay: int):
    random = Random(seed)

    def judge(frame: bytes, towards: str) -> list[int]:
        if random.random() < loss:
            return []
        times = [delay]
        if random.random() < reordering:
            times = [delay + random.randrange(5 * delay)]
        if random.random() < duplication:
            times.append(delay + random.randrange(5 * delay))
        return times

    return judge


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    loss=st.sampled_from([0, 0.02, 0.1, 0.25]),
    duplication=st.sampled_from([0, 0.05, 0.3]),
    reordering=st.sampled_from([0, 0.05, 0.5]),
    sizes=st.tuples(st.integers(0, 80_000), st.integers(0, 80_000)),
    piece=st.sampled_from([1, 100, 1448, 5000, 65536]),
)
def test_any_path_that_lets_something_through_delivers_everything_once(
    pair, seed, loss, duplication, reordering, sizes, piece
):
    path = pair(seed=seed)
    path.judge = faults(seed, loss, duplication, reordering, 10**6)
    if piece < 100:
        sizes = (sizes[0] % 3000, sizes[1] % 3000)
    random = Random(seed)
    left, right = transfer(path, random.randbytes(sizes[0]), random.randbytes(sizes[1]), limit=10**5)
    for stream in (left, right):
        stream.connection.close()
    path.run(400)
    assert not path.left.connections
    assert not path.right.connections
    assert not path.engine.heap


def test_both_close_and_one_waits_2_msl(pair):
    path = pair()
    left, right = transfer(path, b"hello", b"world")
    states = {left.connection.state, right.connection.state}
    assert states <= {State.TIME_WAIT, State.CLOSED, State.LAST_ACK, State.CLOSING, State.FIN_WAIT_2}
    path.run(1)
    assert State.TIME_WAIT in {left.connection.state, right.connection.state}
    path.run(130)
    assert not path.left.connections
    assert not path.right.connections


def test_half_close_leaves_the_other_direction_open(pair):
    path = pair()
    client, listener = open_pair(path)
    server = accepted(path, listener)
    client.send(b"question")
    client.shutdown_send()
    path.run(0.1)
    assert server.receive(100) == b"question"
    assert server.receive(100) == b""
    assert server.state is State.CLOSE_WAIT
    assert client.state is State.FIN_WAIT_2
    assert server.send(b"answer") == 6
    path.run(0.1)
    assert client.receive(100) == b"answer"
    assert client.receive(100) is None
    server.close()
    path.run(0.1)
    assert client.receive(100) == b""
    assert client.state is State.TIME_WAIT


def test_simultaneous_close(pair):
    path = pair()
    client, listener = open_pair(path)
    server = accepted(path, listener)
    client.shutdown_send()
    server.shutdown_send()
    path.run(0.0015)
    assert {client.state, server.state} <= {State.CLOSING, State.TIME_WAIT}
    path.run(1)
    assert client.state is State.TIME_WAIT
    assert server.state is State.TIME_WAIT


def test_simultaneous_open(pair):
    path = pair()
    left_binding = path.left.ports.bind(path.addresses[0], 1000)
    right_binding = path.right.ports.bind(path.addresses[1], 2000)
    left = path.left.connect(left_binding, (path.addresses[1], 2000))
    right = path.right.connect(right_binding, (path.addresses[0], 1000))
    left.connect()
    right.connect()
    path.run(0.5)
    assert left.state is State.ESTABLISHED
    assert right.state is State.ESTABLISHED
    left.send(b"x")
    right.send(b"y")
    path.run(0.5)
    assert left.receive(10) == b"y"
    assert right.receive(10) == b"x"


def test_a_closed_window_is_probed_until_it_opens(pair):
    path = pair(receive_buffer=10_000)
    client, listener = open_pair(path)
    server = accepted(path, listener)
    data = Random(2).randbytes(100_000)
    assert client.send(data) == len(data)
    path.run(600)
    assert client.sender.window < 1448
    assert client.state is State.ESTABLISHED
    got = bytearray()

    def read() -> None:
        while piece := server.receive(3000):
            got.extend(piece)

    server.on_change = read
    read()
    path.run(300)
    assert bytes(got) == data


def test_a_lost_window_update_does_not_stop_the_stream(pair):
    path = pair(receive_buffer=10_000)
    client, listener = open_pair(path)
    server = accepted(path, listener)
    data = Random(3).randbytes(50_000)
    client.send(data)
    path.run(5)
    path.judge = lambda frame, towards: [] if towards == "left" else [path.delay]
    got = bytearray()
    while piece := server.receive(3000):
        got.extend(piece)
    path.judge = lambda frame, towards: [path.delay]

    def read() -> None:
        while piece := server.receive(3000):
            got.extend(piece)

    server.on_change = read
    path.run(300)
    assert bytes(got) == data


def test_a_silent_peer_times_out(pair):
    path = pair()
    client, listener = open_pair(path)
    accepted(path, listener)
    path.judge = lambda frame, towards: []
    client.send(b"anyone?")
    path.run(800)
    assert client.state is State.ESTABLISHED
    path.run(400)
    assert client.state is State.CLOSED
    with pytest.raises(TimeoutError):
        client.receive(1)


def test_connecting_to_nobody_times_out_after_127_seconds(pair):
    path = pair()
    path.judge = lambda frame, towards: []
    client = path.left.connect(None, (path.addresses[1], PORT))
    client.connect()
    path.run(126.9)
    assert client.state is State.SYN_SENT
    path.run(0.2)
    assert client.state is State.CLOSED
    assert client.take_error() == 110


def test_connecting_to_a_closed_port_is_refused(pair):
    path = pair()
    client = path.left.connect(None, (path.addresses[1], PORT))
    client.connect()
    path.run(0.01)
    assert client.state is State.CLOSED
    assert client.take_error() == 111
    assert not path.left.connections


def test_keepalive_finds_a_dead_peer(pair):
    path = pair()
    client, listener = open_pair(path)
    accepted(path, listener)
    keepalive = client.keepalive
    keepalive.idle, keepalive.interval, keepalive.count = 10 * 10**9, 10**9, 3
    keepalive.turn(True)
    path.run(100)
    assert client.state is State.ESTABLISHED
    path.judge = lambda frame, towards: []
    path.run(20)
    assert client.state is State.CLOSED
    assert client.take_error() == 110


def test_unread_data_at_close_is_a_reset(pair):
    path = pair()
    client, listener = open_pair(path)
    server = accepted(path, listener)
    client.send(b"unread")
    path.run(0.1)
    server.close()
    path.run(0.1)
    assert client.state is State.CLOSED
    with pytest.raises(ConnectionResetError):
        client.receive(1)
    with pytest.raises(BrokenPipeError):
        client.send(b"x")


def test_the_accept_queue_bounds_and_recovers(pair):
    path = pair()
    first, listener = open_pair(path, backlog=1)
    more = []
    for _ in range(5):
        client = path.left.connect(None, (path.addresses[1], PORT))
        client.connect()
        more.append(client)
    path.run(0.5)
    assert path.drops[1].counts.get("tcp: accept queue full")
    taken = 0
    for _ in range(200):
        path.run(0.5)
        if listener.accept():
            taken += 1
    assert taken == 6
    assert all(client.established for client in (first, *more))


def test_closing_a_listener_resets_those_who_wait(pair):
    path = pair()
    client, listener = open_pair(path)
    path.run(0.1)
    listener.close()
    path.run(0.1)
    assert client.state is State.CLOSED
    assert not path.right.connections
    path.right.ports.bind(bytes(4), PORT)


def test_time_wait_gives_way_to_a_new_connection(pair):
    path = pair()
    binding = path.right.ports.bind(path.addresses[1], PORT, reuse_address=True)
    listener = path.right.listen(binding, 5)
    for _ in range(3):
        local = path.left.ports.bind(path.addresses[0], 5000, reuse_address=True)
        client = path.left.connect(local, (path.addresses[1], PORT))
        client.connect()
        path.run(0.1)
        server = listener.accept()
        assert server is not None
        server.close()  # the server closes first, so TIME-WAIT is on its side
        path.run(0.1)
        client.close()
        path.run(0.5)
        assert client.state is State.CLOSED
        assert len(path.right.connections) == 1


def test_nagle_holds_small_segments_back_and_nodelay_does_not(pair):
    for nodelay, expected in ((False, 2), (True, 10)):
        path = pair(delay=20 * 10**6)
        client, listener = open_pair(path)
        accepted(path, listener)
        client.sender.nodelay = nodelay
        frames = []
        path.judge = lambda frame, towards, frames=frames: (
            frames.append(towards) or [20 * 10**6]  # type: ignore[func-returns-value]
        )
        for _ in range(10):
            client.send(b"k")
        path.run(1)
        assert frames.count("right") == expected


def test_the_path_mtu_falls(pair):
    path = pair()
    client, listener = open_pair(path)
    server = Stream(accepted(path, listener), b"")
    path.paths[0].mtu = 600
    data = Random(4).randbytes(200_000)
    stream = Stream(client, data)
    stream.pump()
    path.run(60)
    assert bytes(server.received) == data
    assert client.sender.mss <= 560


def test_linger_zero_resets(pair):
    path = pair()
    client, listener = open_pair(path)
    server = accepted(path, listener)
    client.close(linger=0)
    path.run(0.1)
    assert server.state is State.CLOSED
    assert server.take_error() == 104
    assert not path.left.connections
