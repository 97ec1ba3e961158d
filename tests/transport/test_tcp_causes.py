"""Each retransmission is told with its cause, and each cause can be brought about."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp.events import Retransmission
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, ECE, RST, SACK_PERMITTED, SYN

MSS = Option(2, (1000).to_bytes(2, "big"))
SACK = Option(SACK_PERMITTED, b"")
REMOTE = (b"\xc0\x00\x02\x02", 80)


@pytest.fixture
def calling(scripted):
    """A connection that has sent its SYN; `causes()` gives those told since the last call."""

    def begin(**settings):
        end = scripted(timestamps=False, **settings)
        end.events = []
        end.engine.events.on(Retransmission, end.events.append)
        end.connection = end.tcp.connect(None, REMOTE)
        end.port = end.connection.local[1]
        end.connection.connect()
        end.first = end.take()[0].sequence + 1
        return end

    return begin


@pytest.fixture
def open_(calling):
    def begin(*options, window=65535, **settings):
        end = calling(**settings)
        end.run(0.05)
        end.say(SYN | ACK, end.iss, end.first, options=(MSS, *options), window=window)
        end.take()
        return end

    return begin


def causes(end):
    told = [event.cause for event in end.events]
    end.events.clear()
    return told


def acknowledge(end, count, *blocks):
    octets = b"".join((end.first + edge).to_bytes(4, "big") for block in blocks for edge in block)
    options = (Option(1, b""), Option(1, b""), Option(5, octets)) if blocks else ()
    end.say(ACK, end.iss + 1, end.first + count, options=options)


def test_rack(open_):
    end = open_(SACK)
    end.connection.send(bytes(5000))
    end.run(0.05)
    acknowledge(end, 0, (1000, 5000))
    assert causes(end) == ["RACK"]


def test_duplicate_and_partial_acknowledgements(open_):
    end = open_()
    end.connection.send(bytes(6000))
    end.run(0.05)
    for _ in range(3):
        acknowledge(end, 0)
    assert causes(end) == ["duplicate ACKs"]
    end.run(0.05)
    acknowledge(end, 2000)
    assert causes(end) == ["partial ACK"]


def test_a_timeout(open_):
    end = open_()
    end.connection.send(bytes(1000))
    end.run(1)
    assert set(causes(end)) == {"timeout"}


def test_a_tail_loss_probe(open_):
    end = open_(SACK)
    end.connection.send(bytes(3000))
    end.run(0.15)
    assert causes(end) == ["tail loss probe"]


def test_a_window_probe(open_):
    end = open_(window=0)
    end.connection.send(bytes(1000))
    end.run(5)
    assert set(causes(end)) == {"window probe"}


def test_a_smaller_path_mtu(open_):
    end = open_()
    end.connection.send(bytes(3000))
    end.path.mtu = end.connection.flow.mtu = 600
    end.connection.path_changed()
    end.run(0)
    assert set(causes(end)) == {"path MTU"}


def test_a_syn(calling):
    end = calling()
    end.run(1.5)
    assert causes(end) == ["SYN"]


def test_simultaneous_open(calling):
    end = calling()
    end.say(SYN, end.iss, options=(MSS,))
    assert causes(end) == ["simultaneous open"]


def test_ecn_refused(calling):
    end = calling(ecn=1)
    end.say(RST | ACK, 0, end.first)
    assert causes(end) == ["ECN refused"]
    assert not end.take()[-1].flags & ECE


def test_a_repeated_syn(scripted):
    end = scripted()
    events = []
    end.engine.events.on(Retransmission, events.append)
    end.port, end.peer_port = 80, 40000
    end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), 5)
    for _ in range(2):
        end.say(SYN, 500, options=(MSS,))
    assert [event.cause for event in events] == ["repeated SYN"]
