"""Urgent data below the sockets: pointers that reach far, full buffers, paths that lose and reorder."""

from __future__ import annotations

from random import Random

import pytest

from glassnet.transport.tcp import State
from glassnet.transport.tcp.urgent import at_mark, octet_waits, receive_octet, send_urgent
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, SYN, URG, WINDOW_SCALE

RIGHT = b"\xc0\x00\x02\x02"
MSS = Option(2, (1460).to_bytes(2, "big"))
PORT = 80


def connected(scripted, *, options=(MSS,), window=65535, **settings):
    end = scripted(**settings)
    end.connection = end.tcp.connect(None, (RIGHT, 80))
    end.port = end.connection.local[1]
    end.connection.connect()
    end.isn = end.take()[0].sequence
    end.say(SYN | ACK, end.iss, end.isn + 1, window=window, options=options)
    end.take()
    return end


def pointers(segments):
    return [(segment.urgent_pointer if segment.flags & URG else None) for segment in segments]


def test_a_pointer_that_does_not_fit_is_left_out_until_it_does(scripted):
    end = connected(scripted, options=(MSS, Option(WINDOW_SCALE, b"\x07")), initial_window=100)
    connection = end.connection
    connection.sender.window = 1 << 20
    assert send_urgent(connection, bytes(1460 * 90)) == 1460 * 90
    sent = end.take()
    assert len(sent) == 90
    ahead = [1460 * (90 - number) for number in range(90)]
    # While the rest was not sent, it is too far ahead, or all that was sent is urgent.
    assert pointers(sent) == [length if length <= 0xFFFF else 0xFFFF for length in ahead]
    end.run(2)
    (first, *_) = end.take()
    assert first.sequence == (end.isn + 1) & 0xFFFFFFFF  # sent again, with 130 kB known to follow
    assert pointers([first]) == [None]


def test_the_mark_moves_only_with_what_is_taken(scripted):
    end = connected(scripted, window=0, send_buffer=5000)
    connection = end.connection
    assert connection.send(bytes(3000)) == 3000
    assert send_urgent(connection, bytes(3000)) == 2000
    mark = connection.output.urgent
    assert mark == connection.sender.next + 5000
    assert send_urgent(connection, b"x") == 0
    assert connection.output.urgent == mark


def test_nothing_is_marked_before_the_handshake_or_after_the_end(scripted):
    end = scripted()
    connection = end.tcp.connect(None, (RIGHT, 80))
    connection.connect()
    assert send_urgent(connection, b"x") == 0
    assert connection.output.urgent is None
    connection.abort()
    with pytest.raises(BrokenPipeError):
        send_urgent(connection, b"x")
    assert connection.output.urgent is None


def test_a_pointer_after_the_peers_fin_is_ignored(scripted):
    end = connected(scripted)
    end.say(ACK | 1, end.iss + 1, end.isn + 1)
    end.say(ACK | URG, end.iss + 2, end.isn + 1)
    assert end.connection.state is State.CLOSE_WAIT
    assert not at_mark(end.connection)
    with pytest.raises(OSError, match="Invalid argument"):
        receive_octet(end.connection, False)


def test_urgent_segments_go_one_by_one_where_others_go_in_runs(scripted, monkeypatch):
    from glassnet.transport.tcp import runs

    end = connected(scripted, initial_window=20)
    flow = end.connection.flow
    monkeypatch.setattr(type(flow), "large", 65535, raising=False)
    end.connection.sender.unsent = 14600
    end.connection.output.urgent = end.connection.sender.next + 10
    assert not runs.send_run(end.connection, 14600)
    assert end.connection.sender.unsent == 14600


@pytest.mark.parametrize("seed", range(6))
def test_marks_come_through_a_bad_path(pair, seed):
    """In line, the stream is whole; and each mark that is seen stands before an octet that was urgent."""
    path = pair(seed=seed)
    chance = Random(seed)

    def judge(frame, towards):
        if chance.random() < 0.05:
            return []
        return [chance.randrange(1, 8) * 10**6 for _ in range(2 if chance.random() < 0.05 else 1)]

    binding = path.right.ports.bind(bytes(4), PORT)
    listener = path.right.listen(binding, 5)
    client = path.left.connect(None, (path.addresses[1], PORT))
    client.connect()
    path.engine.run(path.engine.now + 10**9)
    server = listener.accept()
    server.urgent_inline = seed % 2 == 0
    path.judge = judge
    sent, urgent = bytearray(), set()
    received, marks, octets = bytearray(), [], []

    def pump():
        while True:
            if octet_waits(server) and not server.urgent_inline:
                octets.append(
                    (server.receiver.urgent.position - server.receiver.initial, receive_octet(server, False))
                )
            if at_mark(server):
                marks.append(server.receiver.unread - server.receiver.initial)
            data = server.receive(chance.randrange(1, 3000))
            if not data:
                return
            first = server.receiver.unread - server.receiver.initial - len(data)
            received.extend(b"?" * (first - len(received)))
            received.extend(data)

    server.on_change = pump
    for _ in range(60):
        piece = chance.randbytes(chance.randrange(1, 4000))
        if chance.random() < 0.5:
            assert client.send(piece) == len(piece)
            sent += piece
        else:
            assert send_urgent(client, piece) == len(piece)
            sent += piece
            urgent.add(len(sent) - 1)
        path.engine.run(path.engine.now + chance.randrange(30) * 10**6)
    path.engine.run(path.engine.now + 120 * 10**9)
    pump()
    assert len(marks) > 3
    assert set(marks) <= urgent
    if server.urgent_inline:
        assert received == sent
    else:
        received.extend(b"?" * (len(sent) - len(received)))
        assert len(received) == len(sent)
        holes = [place for place, (got, was) in enumerate(zip(received, sent, strict=True)) if got != was]
        assert set(holes) <= urgent
        assert octets
        assert all(place in urgent and bytes([sent[place]]) == octet for place, octet in octets)
    assert client.output.urgent is None or client.output.urgent <= client.sender.unacked
