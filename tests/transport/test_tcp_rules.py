"""One rule of the RFCs each: a scripted peer says something, and the stack must answer just so."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.transport.tcp import State
from glassnet.wire.foreign import Foreign
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, FIN, PSH, RST, SYN, TIMESTAMPS, URG, WINDOW_SCALE

MSS = Option(2, (1460).to_bytes(2, "big"))
MS = 10**6


def connected(scripted, *, options=(MSS,), window=65535, **settings):
    """An established connection that the stack opened; no timestamps unless the peer's options have them."""
    end = scripted(**settings)
    connection = end.tcp.connect(None, (b"\xc0\x00\x02\x02", 80))
    end.port = connection.local[1]
    connection.connect()
    (syn,) = end.take()
    assert syn.flags == SYN
    end.isn = syn.sequence
    end.say(SYN | ACK, end.iss, syn.sequence + 1, window=window, options=options)
    (ack,) = end.take()
    assert ack.flags == ACK
    assert ack.acknowledgment == end.iss + 1
    assert connection.state is State.ESTABLISHED
    end.connection = connection
    return end


def listening(scripted, **settings):
    end = scripted(**settings)
    end.port, end.peer_port = 80, 40000
    end.listener = end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), 5)
    return end


# The handshake


def test_the_syn_offers_mss_scale_and_timestamps(scripted):
    end = scripted()
    end.tcp.connect(None, (b"\xc0\x00\x02\x02", 80)).connect()
    (syn,) = end.take()
    assert syn.mss == 1460
    assert syn.window_scale == 6  # 1 MiB, and its books, need 2^6
    assert syn.timestamps is not None
    assert syn.window == 65535


def test_a_syn_to_a_listener_is_answered(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    assert answer.flags == SYN | ACK
    assert answer.acknowledgment == 501
    assert answer.window_scale is None  # the peer did not offer any (RFC 7323, 2.2)
    assert answer.timestamps is None
    assert not end.listener.readable
    end.say(ACK, 501, answer.sequence + 1)
    assert end.listener.readable


def test_a_syn_ack_is_sent_again(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    end.run(8)
    assert [round(t / 1e9) for t in end.times] == [0, 1, 3, 7]
    assert {segment.flags for segment in end.sent} == {SYN | ACK}


def test_a_half_open_connection_is_given_up(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    end.run(100)
    assert not end.tcp.connections
    assert not end.listener.readable


def test_a_repeated_syn_gets_the_same_answer(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    end.say(SYN, 500, options=(MSS,))
    first, second = end.take()
    assert second.flags in (ACK, SYN | ACK)
    assert len(end.tcp.connections) == 1
    assert first.sequence + 1 >= second.sequence


def test_mss_defaults_to_536(scripted):
    end = connected(scripted, options=())
    end.connection.send(b"x" * 2000)
    assert [len(segment.payload) for segment in end.take()] == [536, 536, 536, 392]


def test_an_ack_of_nothing_in_syn_sent_is_reset(scripted):
    end = scripted()
    connection = end.tcp.connect(None, (b"\xc0\x00\x02\x02", 80))
    end.port = connection.local[1]
    connection.connect()
    (syn,) = end.take()
    end.say(ACK, 7, syn.sequence + 77)
    (answer,) = end.take()
    assert answer.flags == RST
    assert answer.sequence == (syn.sequence + 77) & 0xFFFFFFFF
    assert connection.state is State.SYN_SENT


def test_data_with_the_handshake_is_kept(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.say(ACK | PSH, 501, answer.sequence + 1, b"early bird")
    assert end.listener.accept().receive(100) == b"early bird"


@pytest.mark.parametrize("flags", [ACK, ACK | FIN, FIN, SYN | ACK, 0, URG, SYN | FIN])
def test_a_closed_port_answers_with_rst(scripted, flags):
    end = scripted()
    end.port = 81
    end.say(flags, 900, 300, b"abc")
    (answer,) = end.take()
    assert answer.flags & RST
    if flags & ACK:
        assert answer.flags == RST
        assert answer.sequence == 300
    else:
        assert answer.flags == RST | ACK
        assert answer.acknowledgment == 903 + bool(flags & FIN) + bool(flags & SYN)


def test_a_reset_is_never_answered(scripted):
    end = scripted()
    end.port = 81
    end.say(RST, 900)
    end.say(RST | ACK, 900, 5)
    assert end.take() == []


# Acknowledgements


def test_every_second_full_segment_is_acknowledged_at_once(scripted):
    end = connected(scripted)
    at = end.iss + 1
    for _ in range(4):
        end.say(ACK, at, end.isn + 1, b"d" * 1460)
        at += 1460
    assert [segment.acknowledgment for segment in end.take()] == [end.iss + 1 + 2920, end.iss + 1 + 5840]


def test_a_single_segment_is_acknowledged_after_40_ms(scripted):
    end = connected(scripted)
    end.say(ACK, end.iss + 1, end.isn + 1, b"x")
    assert end.take() == []
    end.run(0.039)
    assert end.take() == []
    end.run(0.002)
    assert [segment.acknowledgment for segment in end.take()] == [end.iss + 2]


def test_a_gap_is_reported_at_once_and_filled(scripted):
    end = connected(scripted)
    end.say(ACK, end.iss + 4, end.isn + 1, b"def")
    (duplicate,) = end.take()
    assert duplicate.acknowledgment == end.iss + 1
    end.say(ACK, end.iss + 1, end.isn + 1, b"abc")
    assert end.connection.receive(100) == b"abcdef"


def test_an_answer_carries_the_acknowledgement(scripted):
    end = connected(scripted)
    end.say(ACK | PSH, end.iss + 1, end.isn + 1, b"ping")
    end.connection.send(b"pong")
    (answer,) = end.take()
    assert answer.payload == b"pong"
    assert answer.acknowledgment == end.iss + 5
    end.run(0.1)
    assert end.take() == []


def test_an_ack_of_what_was_not_sent_is_answered_and_dropped(scripted):
    end = connected(scripted)
    end.say(ACK, end.iss + 1, end.isn + 1000, b"evil")
    (answer,) = end.take()
    assert answer.flags == ACK
    assert end.connection.receive(10) is None


# Blind attacks (RFC 5961)


def test_a_reset_must_hit_the_expected_number(scripted):
    end = connected(scripted)
    end.say(RST, end.iss + 100)
    (challenge,) = end.take()
    assert challenge.flags == ACK
    assert end.connection.state is State.ESTABLISHED
    end.say(RST, end.iss + 1 + 10**7)
    assert end.take() == []
    end.say(RST, end.iss + 1)
    assert end.connection.state is State.CLOSED
    assert end.connection.take_error() == errno.ECONNRESET


def test_a_syn_in_an_open_connection_is_challenged(scripted):
    end = connected(scripted)
    end.say(SYN, end.iss + 50)
    (challenge,) = end.take()
    assert challenge.flags == ACK
    assert end.connection.state is State.ESTABLISHED


def test_a_wrong_checksum_is_dropped_and_counted(scripted):
    end = connected(scripted)
    frames = []
    deliver = end.path.deliver
    end.path.deliver = frames.append
    end.say(ACK | PSH, end.iss + 1, end.isn + 1, b"data")
    broken = bytearray(frames[0])
    broken[-1] ^= 1
    deliver(Foreign(broken))
    assert end.drops.counts["tcp: checksum"] == 1
    assert end.connection.receive(10) is None
    deliver(Foreign(frames[0]))
    assert end.connection.receive(10) == b"data"


# Timestamps (RFC 7323)


def stamps(value, echo=0):
    return (Option(1), Option(1), Option(TIMESTAMPS, value.to_bytes(4, "big") + echo.to_bytes(4, "big")))


def test_paws_drops_an_old_duplicate(scripted):
    end = connected(scripted, options=(MSS, *stamps(1000)))
    end.say(ACK, end.iss + 1, end.isn + 1, b"new", options=stamps(1005))
    end.take()
    end.say(ACK, end.iss + 4, end.isn + 1, b"old", options=stamps(900))
    (answer,) = end.take()
    assert answer.acknowledgment == end.iss + 4
    assert answer.timestamps[1] == 1005
    assert end.connection.receive(10) == b"new"


def test_a_segment_without_the_agreed_timestamp_is_dropped(scripted):
    end = connected(scripted, options=(MSS, *stamps(1000)))
    end.say(ACK, end.iss + 1, end.isn + 1, b"bare")
    assert end.connection.receive(10) is None
    assert end.drops.counts == {"tcp: no timestamp": 1}


def test_the_echo_is_the_stamp_of_the_last_ack_sent(scripted):
    end = connected(scripted, options=(MSS, *stamps(1000)))
    end.say(ACK, end.iss + 1, end.isn + 1, b"a" * 100, options=stamps(1010))
    end.say(ACK, end.iss + 101, end.isn + 1, b"b" * 100, options=stamps(1020))
    end.run(0.05)
    assert end.take()[-1].timestamps[1] == 1010  # RFC 7323, 4.3: delayed ACKs echo the earlier stamp


def test_window_scale_is_obeyed(scripted):
    end = connected(scripted, options=(MSS, Option(WINDOW_SCALE, b"\x03")), window=1000)
    assert end.connection.sender.window == 1000  # in a SYN it is not scaled
    end.say(ACK, end.iss + 1, end.isn + 1, window=1000)
    assert end.connection.sender.window == 8000


# Loss (RFC 5681, 6298, 6582)


def test_three_duplicates_make_a_fast_retransmit(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 14600)
    assert len(end.take()) == 10
    for count in range(3):
        end.say(ACK, end.iss + 1, end.isn + 1)
        assert len(end.take()) == (count == 2)
    assert end.connection.sender.recovery.recovering
    assert end.connection.sender.congestion.threshold == 7300


def test_a_partial_ack_resends_the_next_hole_and_a_full_one_ends_it(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 14600)
    end.take()
    for _ in range(3):
        end.say(ACK, end.iss + 1, end.isn + 1)
    (first,) = end.take()
    assert first.sequence == (end.isn + 1) & 0xFFFFFFFF
    end.say(ACK, end.iss + 1, end.isn + 1 + 1460 * 4)
    (second,) = end.take()
    assert second.sequence == (end.isn + 1 + 1460 * 4) & 0xFFFFFFFF
    end.say(ACK, end.iss + 1, end.isn + 1 + 14600)
    assert not end.connection.sender.recovery.recovering
    assert end.connection.sender.congestion.window <= 7300


def test_two_duplicates_do_nothing(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 14600)
    end.take()
    for _ in range(2):
        end.say(ACK, end.iss + 1, end.isn + 1)
    assert end.take() == []


def test_window_updates_are_no_duplicates(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 14600)
    end.take()
    for window in (60000, 50000, 40000, 30000):
        end.say(ACK, end.iss + 1, end.isn + 1, window=window)
    assert end.take() == []


def test_the_timeout_doubles_and_the_window_collapses(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 14600)
    end.take()
    end.run(20)
    # The handshake took no time: RTO is its minimum.
    assert [round(t / MS) for t in end.times] == [200, 600, 1400, 3000, 6200, 12600]
    assert {segment.sequence for segment in end.sent} == {(end.isn + 1) & 0xFFFFFFFF}
    assert end.connection.sender.congestion.window == 1460
    assert end.connection.sender.congestion.threshold == 7300


def test_after_a_timeout_slow_start_sends_the_rest_again(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 7300)
    end.take()
    end.run(0.3)
    end.take()
    end.say(ACK, end.iss + 1, end.isn + 1 + 1460)
    assert [s.sequence - end.isn - 1 for s in end.take()] == [1460, 2920]
    end.say(ACK, end.iss + 1, end.isn + 1 + 7300)
    assert end.take() == []
    assert end.connection.sender.in_flight == 0


def test_karn_takes_no_sample_of_a_retransmission(scripted):
    end = connected(scripted)
    before = end.connection.sender.round_trip.smoothed
    end.connection.send(b"x")
    end.run(0.5)
    end.say(ACK, end.iss + 1, end.isn + 2)
    assert end.connection.sender.round_trip.smoothed == before


# Windows


def test_the_peers_window_is_never_exceeded(scripted):
    end = connected(scripted, window=3000)
    end.connection.send(b"x" * 10000)
    assert sum(len(segment.payload) for segment in end.take()) <= 3000


def test_a_zero_window_is_probed_with_backoff_and_for_ever(scripted):
    end = connected(scripted, window=0)
    end.connection.send(b"data")
    assert end.take() == []
    end.run(10)
    times = [round(t / MS) for t in end.times]
    assert times[:4] == [200, 600, 1400, 3000]
    assert all(len(segment.payload) <= 1 for segment in end.sent)
    for _ in range(40):
        end.run(120)
        if end.take():
            end.say(ACK, end.iss + 1, end.isn + 1, window=0)
    assert end.connection.state is State.ESTABLISHED
    end.say(ACK, end.iss + 1, end.isn + 1, window=1000)
    end.run(0.01)
    (again,) = end.take()
    assert again.payload == b"d"
    end.say(ACK, end.iss + 1, end.isn + 2, window=1000)
    assert end.take()[-1].payload == b"ata"


def test_a_closed_window_lets_acknowledgements_in(scripted):
    end = connected(scripted, receive_buffer=1000)
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 1000)
    end.connection.send(b"hello")
    end.take()
    end.say(ACK, end.iss + 1001, end.isn + 6, b"z")
    assert end.connection.sender.unacked == end.connection.sender.next
    assert end.take()[-1].acknowledgment == end.iss + 1001


def test_data_beyond_the_window_is_cut(scripted):
    end = connected(scripted, receive_buffer=1000)
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 1460)
    assert end.take()[-1].acknowledgment == end.iss + 1001
    assert end.connection.receive(5000) == b"f" * 1000


def test_reading_opens_the_window_at_once(scripted):
    end = connected(scripted, receive_buffer=4000)
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 2000)
    end.say(ACK, end.iss + 2001, end.isn + 1, b"f" * 2000)
    assert end.take()[-1].window == 0
    end.connection.receive(4000)
    assert end.take()[-1].window == 4000


# Ends


def test_a_fin_out_of_order_waits_for_the_gap(scripted):
    end = connected(scripted)
    end.say(ACK | FIN, end.iss + 4, end.isn + 1, b"def")
    assert end.connection.state is State.ESTABLISHED
    end.say(ACK, end.iss + 1, end.isn + 1, b"abc")
    assert end.connection.state is State.CLOSE_WAIT
    assert end.connection.receive(100) == b"abcdef"
    assert end.connection.receive(100) == b""
    assert end.take()[-1].acknowledgment == end.iss + 8


def test_closing_sends_fin_and_reaches_time_wait(scripted):
    end = connected(scripted)
    end.connection.close()
    (fin,) = end.take()
    assert fin.flags & FIN
    end.say(ACK, end.iss + 1, fin.sequence + 1)
    assert end.connection.state is State.FIN_WAIT_2
    end.say(ACK | FIN, end.iss + 1, fin.sequence + 1)
    assert end.connection.state is State.TIME_WAIT
    assert end.take()[-1].acknowledgment == end.iss + 2
    end.run(30)
    end.say(ACK | FIN, end.iss + 1, fin.sequence + 1)
    assert end.take()[-1].acknowledgment == end.iss + 2
    end.run(59)
    assert end.tcp.connections  # the repeated FIN started 2 MSL anew
    end.run(2)
    assert not end.tcp.connections


def test_a_reset_does_not_end_time_wait(scripted):
    end = connected(scripted)
    end.connection.close()
    (fin,) = end.take()
    end.say(ACK | FIN, end.iss + 1, fin.sequence + 1)
    end.say(RST, end.iss + 2)
    assert end.tcp.connections
    assert end.drops.counts["tcp: RST in TIME-WAIT"] == 1


def test_an_orphan_in_fin_wait_2_does_not_stay(scripted):
    end = connected(scripted)
    end.connection.close()
    (fin,) = end.take()
    end.say(ACK, end.iss + 1, fin.sequence + 1)
    end.run(61)
    assert not end.tcp.connections


def test_data_after_close_is_reset(scripted):
    end = connected(scripted)
    end.connection.close()
    end.take()
    end.say(ACK, end.iss + 1, end.isn + 2, b"too late")
    assert end.take()[-1].flags & RST
    assert not end.tcp.connections


def test_fin_rides_on_the_last_data(scripted):
    end = connected(scripted, window=1)
    end.connection.send(b"ab")
    end.connection.shutdown_send()
    end.take()
    end.say(ACK, end.iss + 1, end.isn + 1, window=5000)
    assert any(segment.flags & FIN and segment.payload for segment in end.take())


# Anything at all


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 255),
            st.sampled_from([-(2**31), -70000, -1461, -1, 0, 1, 2, 10, 1459, 65535, 2**20, 2**31]),
            st.sampled_from([-(2**31), -1, 0, 1, 2, 5, 1461, 2**31]),
            st.binary(max_size=30),
            st.integers(0, 65535),
            st.sampled_from(
                [(), (MSS,), (Option(WINDOW_SCALE, b"\xff"),), (Option(254, b"?"),), stamps(5, 9)]
            ),
        ),
        max_size=30,
    ),
    st.sampled_from(["open", "listen", "closing", "timestamps"]),
)
def test_no_segment_breaks_the_stack(scripted, segments, how):
    if how == "listen":
        end = listening(scripted)
        end.isn = 0
        connection = None
    else:
        end = connected(scripted, options=(MSS, *stamps(5)) if how == "timestamps" else (MSS,))
        connection = end.connection
        connection.send(b"some data")
        if how == "closing":
            connection.close()
    for flags, sequence, acknowledgment, payload, window, options in segments:
        end.say(
            flags,
            end.iss + 1 + sequence,
            end.isn + 1 + acknowledgment,
            payload,
            window=window,
            options=options,
        )
        end.engine.step()
        if connection is not None:
            sender, receiver = connection.sender, connection.receiver
            assert sender.unacked <= sender.next
            assert 0 <= sender.lost <= sender.next - sender.unacked
            assert receiver.next <= receiver.edge + 1
            assert receiver.size + receiver.early <= receiver.limit
    end.run(5000)
    if connection is not None and connection.state is State.CLOSED:
        assert connection.key not in end.tcp.connections
