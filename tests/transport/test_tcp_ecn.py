"""Explicit congestion notification: whose marks count, and what DCTCP says of them."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp import State
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, CWR, ECE, SYN

ECT, CE = 2, 3


def listening(scripted, **settings):
    """An open connection whose ends have agreed to ECN; `take()` gives what it answers."""
    end = scripted(ecn=1, receive_buffer=5000, **settings)
    listener = end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), 1)
    end.port, end.peer_port = 80, 40000
    end.say(SYN | ECE | CWR, 1000, options=(Option(2, (1000).to_bytes(2, "big")),))
    (answer,) = end.take()
    assert answer.flags == SYN | ACK | ECE
    end.say(ACK, 1001, answer.sequence + 1)
    end.connection = listener.accept()
    end.acknowledgment = answer.sequence + 1
    assert end.connection.state is State.ESTABLISHED
    return end


def send(end, sequence, size, flags=ACK, ecn=ECT):
    end.say(flags, sequence, end.acknowledgment, bytes(size), ecn=ecn)


def test_a_mark_is_echoed_until_the_peer_has_reduced(scripted):
    end = listening(scripted)
    send(end, 1001, 100, ecn=CE)
    assert [each.flags & ECE for each in end.take()] == [ECE]
    send(end, 1101, 100, flags=ACK | CWR)
    end.run(1)
    assert [each.flags & ECE for each in end.take()] == [0]


@pytest.mark.parametrize("control", ["reno", "dctcp"])
@pytest.mark.parametrize("outside", [-2000, 50_000])
def test_a_mark_outside_the_window_says_nothing(scripted, control, outside):
    """RFC 3168, 6.1.5: whoever cannot see the window could slow down the peer by it."""
    end = listening(scripted, congestion_control=control)
    send(end, 1001 + outside, 100, ecn=CE)
    assert [each.flags & ECE for each in end.take()] == [0]
    send(end, 1001, 100)
    end.run(1)
    assert [each.flags & ECE for each in end.take()] == [0]


def test_a_mark_without_ack_says_nothing(scripted):
    end = listening(scripted)
    send(end, 1001, 100, flags=0, ecn=CE)
    assert end.take() == []
    send(end, 1001, 100)
    end.run(1)
    assert [each.flags & ECE for each in end.take()] == [0]


def test_cwr_outside_the_window_ends_no_echo(scripted):
    end = listening(scripted)
    send(end, 1001, 100, ecn=CE)
    end.take()
    send(end, 51_001, 100, flags=ACK | CWR)
    assert [each.flags & ECE for each in end.take()] == [ECE]


def test_dctcp_says_of_which_segments_each_acknowledgement_is(scripted):
    """RFC 8257, 3.2: what came before the mark is acknowledged before it."""
    end = listening(scripted, congestion_control="dctcp")
    send(end, 1001, 100)
    assert end.take() == []  # an acknowledgement waits for company
    send(end, 1101, 100, ecn=CE)
    assert [(each.acknowledgment, each.flags & ECE) for each in end.take()] == [(1101, 0), (1201, ECE)]


def test_a_mark_beyond_the_window_does_not_open_it(scripted):
    """The acknowledgement that DCTCP sends for a mark would move the edge, and let the segment in."""
    end = listening(scripted, congestion_control="dctcp")
    send(end, 1001, 1000)
    assert end.take() == []
    end.connection.receive(1000)
    edge = 1001 + 5000
    send(end, edge, 100, ecn=CE)
    (answer,) = end.take()
    assert answer.acknowledgment == 2001
    assert answer.acknowledgment + answer.window > edge
    assert end.connection.receiver.early == 0


def test_a_marked_segment_is_cut_at_the_edge_that_it_met(scripted):
    end = listening(scripted, congestion_control="dctcp")
    send(end, 1001, 1000)
    end.connection.receive(1000)
    edge = 1001 + 5000
    send(end, edge - 5, 100, ecn=CE)
    assert end.connection.receiver.early == 5
