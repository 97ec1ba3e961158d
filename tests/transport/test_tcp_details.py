"""Details of TCP that nothing else would notice: without each test a deliberate bug survived."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp import State, TcpSettings
from glassnet.transport.tcp.congestion import Reno
from glassnet.transport.tcp.recovery import CaState
from glassnet.transport.tcp.rtt import RoundTrip
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, FIN, RST, SYN, TIMESTAMPS, WINDOW_SCALE, TcpSegment

LEFT, RIGHT = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
MSS = Option(2, (1460).to_bytes(2, "big"))
S = 10**9


def stamps(value):
    return (Option(1), Option(1), Option(TIMESTAMPS, value.to_bytes(4, "big") + bytes(4)))


def opening(scripted, **settings):
    end = scripted(**settings)
    end.connection = end.tcp.connect(None, (RIGHT, 80))
    end.port = end.connection.local[1]
    end.connection.connect()
    end.isn = end.take()[0].sequence
    return end


def connected(scripted, *, options=(MSS,), window=65535, **settings):
    end = opening(scripted, **settings)
    end.say(SYN | ACK, end.iss, end.isn + 1, window=window, options=options)
    (end.ack,) = end.take()
    return end


def listening(scripted, backlog=5, **settings):
    end = scripted(**settings)
    end.port, end.peer_port = 80, 40000
    end.listener = end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), backlog)
    return end


# Handshake


def test_in_syn_received_an_acknowledgement_of_nothing_is_reset(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.say(ACK, 501, answer.sequence)
    assert [segment.flags for segment in end.take()] == [RST]
    assert not end.listener.readable
    assert len(end.tcp.connections) == 1


def test_a_peer_without_window_scaling_is_offered_what_16_bits_hold(scripted):
    assert connected(scripted).ack.window == 65535
    assert connected(scripted, options=(MSS, Option(WINDOW_SCALE, b"\0"))).ack.window == 1 << 14  # times 2^6


def test_timestamps_are_taken_off_the_peers_mss(scripted):
    end = scripted()
    end.path.mtu = 9000
    connection = end.tcp.connect(None, (RIGHT, 80))
    end.port = connection.local[1]
    connection.connect()
    isn = end.take()[0].sequence
    end.say(SYN | ACK, end.iss, isn + 1, options=(MSS, *stamps(1)))
    end.take()
    connection.send(b"x" * 5000)
    assert len(end.take()[0].payload) == 1448


def test_a_repeated_syn_ack_of_a_simultaneous_open_still_acknowledges(scripted):
    end = opening(scripted)
    end.say(SYN, end.iss, options=(MSS,))
    end.run(1.5)
    assert [segment.flags for segment in end.take()] == [SYN | ACK, SYN | ACK]


def test_the_accept_queue_holds_one_more_than_the_backlog(scripted):
    end = listening(scripted, backlog=0)
    for port in (40000, 40001):
        end.peer_port = port
        end.say(SYN, 500, options=(MSS,))
        if answers := end.take():
            end.say(ACK, 501, answers[0].sequence + 1)
    assert end.listener.accept() is not None
    assert end.listener.accept() is None


def test_half_open_connections_are_bounded(scripted):
    end = listening(scripted, syn_backlog=10, syn_cookies=0)
    for port in range(40000, 40050):
        end.peer_port = port
        end.say(SYN, 500, options=(MSS,))
    assert len(end.tcp.connections) == 10
    assert end.drops.counts == {"tcp: SYN backlog full": 40}
    end.run(100)
    assert not end.tcp.connections


def test_a_listener_of_the_packets_own_family_goes_first(pair):
    path = pair()
    both = path.right.listen(path.right.ports.bind(bytes(16), 80, v6only=False, reuse_port=True), 5)
    own = path.right.listen(path.right.ports.bind(bytes(4), 80, reuse_port=True), 5)
    for _ in range(8):
        path.left.connect(None, (RIGHT, 80)).connect()
    path.run(0.1)
    assert own.readable
    assert not both.readable


@pytest.mark.parametrize(
    ("source", "port", "to", "reason"),
    [
        (LEFT, 80, LEFT, "tcp: SYN from its own address and port"),
        (RIGHT, 999, b"\xe0\0\0\x01", "tcp: SYN to a group"),
        (RIGHT, 999, b"\xff\xff\xff\xff", "tcp: SYN to a group"),
    ],
)
def test_a_syn_from_or_to_nowhere_is_dropped(scripted, source, port, to, reason):
    end = listening(scripted)
    segment = TcpSegment(source_port=port, destination_port=80, flags=SYN).build(pseudo_sum(source, to, 6))
    header = b"\x45\x00" + (20 + len(segment)).to_bytes(2, "big") + bytes(5) + b"\x06\x00\x00"
    end.path.deliver(bytes(12) + b"\x08\x00" + header + source + to + segment)
    assert end.drops.counts == {reason: 1}
    assert not end.take()
    assert not end.tcp.connections


# Windows


def test_a_single_byte_beyond_the_window_is_cut(scripted):
    end = connected(scripted, receive_buffer=1000)
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 1001)
    assert end.take()[-1].acknowledgment == end.iss + 1001
    assert end.connection.receive(5000) == b"f" * 1000


@pytest.mark.parametrize("closed", [False, True])
def test_reading_opens_the_window_after_our_fin_as_well(scripted, closed):
    end = connected(scripted, receive_buffer=4000)
    if closed:
        end.connection.shutdown_send()
    end.say(ACK, end.iss + 1, end.isn + 1 + closed, b"f" * 4000)
    end.take()
    end.connection.receive(4000)
    assert [segment.window for segment in end.take()] == [4000]


@pytest.mark.parametrize("options", [(MSS,), (MSS, Option(WINDOW_SCALE, b"\0"))])
def test_reading_a_little_says_nothing(scripted, options):
    end = connected(scripted, options=options)
    for _ in range(4):
        end.say(ACK, end.connection.receiver.next, end.isn + 1, b"f" * 1460)
    end.take()
    end.connection.receive(1460)
    end.connection.receive(1460)
    assert end.take() == []


def test_no_silly_window_is_offered(scripted):
    end = connected(scripted, receive_buffer=4000)
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 4000)
    end.take()
    end.connection.receive(100)
    end.say(ACK, end.iss + 4001, end.isn + 1, b"p")
    (answer,) = end.take()
    assert answer.window == 0
    assert answer.acknowledgment == end.iss + 4001


def test_a_smaller_buffer_does_not_take_back_the_window(scripted):
    end = connected(scripted)
    end.connection.receiver.limit = 3000
    end.say(ACK, end.iss + 1, end.isn + 1, b"f" * 1000)
    end.run(0.1)
    assert end.take()[-1].window == 64535


def test_a_scaled_window_that_was_promised_stays_promised(scripted):
    end = connected(scripted, options=(MSS, Option(WINDOW_SCALE, b"\0")), receive_buffer=1 << 20)
    receiver = end.connection.receiver
    for size in (1, 3, 1459, 1460, 7):
        edge = receiver.edge
        end.say(ACK, receiver.next, end.isn + 1, b"f" * size)
        end.run(0.1)
        answer = end.take()[-1]
        assert receiver.next + (answer.window << 6) >= edge


def test_small_segments_do_not_fill_the_buffer_without_bound(scripted):
    """Each could move the edge by what rounding adds: with a scale of 14, by up to 16 KiB."""
    end = connected(
        scripted,
        options=(MSS, Option(WINDOW_SCALE, b"\0")),
        receive_buffer=5000,
        receive_buffer_max=1 << 30,
    )
    receiver = end.connection.receiver
    receiver.tuned = False
    assert receiver.scale == 14
    end.say(ACK, receiver.next, end.isn + 1, b"f" * 4000)
    for _ in range(500):
        room = receiver.edge - receiver.next
        if not room:
            break
        end.say(ACK, receiver.next, end.isn + 1, b"f" * min(1000, (room + 1) // 2))
        end.run(0.1)
    else:
        pytest.fail("the window never closes")
    assert receiver.size > 16384  # all that was promised has been taken
    assert receiver.size <= 5000 + 5000 // 8 + 2 * 16384


def test_half_the_largest_window_is_worth_a_segment(scripted):
    end = connected(scripted, window=1000)
    end.connection.send(b"x" * 5000)
    assert [len(segment.payload) for segment in end.take()] == [1000]


def test_an_older_acknowledgement_does_not_set_the_window(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 4380)
    end.say(ACK, end.iss + 1, end.isn + 1 + 2920, window=5000)
    end.say(ACK, end.iss + 1, end.isn + 1 + 1460, window=9000)
    assert end.connection.sender.window == 5000


def test_a_closed_window_is_no_congestion(scripted):
    end = connected(scripted, window=3000)
    end.connection.send(b"x" * 3000)
    end.say(ACK, end.iss + 1, end.isn + 1, window=0)
    window = end.connection.sender.congestion.window
    end.run(5)
    assert end.connection.sender.congestion.window == window


def test_early_pieces_are_bounded(scripted):
    end = connected(scripted, receive_buffer=10_000)
    receiver = end.connection.receiver
    for offset in range(2, 9_000, 2):
        end.say(ACK, end.iss + 1 + offset, end.isn + 1, b"x", foreign=False)
    assert len(receiver._early) < 1000
    end.say(ACK, end.iss + 1, end.isn + 1, b"x" * 9_500)
    assert end.connection.receive(10_000) == b"x" * 9_500
    assert receiver.early == 0


def test_filling_part_of_a_gap_is_acknowledged_at_once(scripted):
    end = connected(scripted)
    end.say(ACK, end.iss + 11, end.isn + 1, b"late")
    end.take()
    end.say(ACK, end.iss + 1, end.isn + 1, b"abc")
    assert [segment.acknowledgment for segment in end.take()] == [end.iss + 4]


# Sending


def test_nagle_does_not_hold_back_the_last_data(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 10)
    end.connection.send(b"y" * 10)
    assert len(end.take()) == 1
    end.connection.shutdown_send()
    (last,) = end.take()
    assert last.payload == b"y" * 10
    assert last.flags & FIN


def test_duplicates_of_the_time_before_a_timeout_start_no_recovery(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 7300)
    end.run(0.3)
    end.say(ACK, end.iss + 1, end.isn + 1 + 1460)
    end.say(ACK, end.iss + 1, end.isn + 1 + 4380)
    end.run(0.001)
    end.say(ACK, end.iss + 1, end.isn + 1 + 5840)
    assert end.connection.sender.lost == 0
    end.take()
    for _ in range(4):
        end.say(ACK, end.iss + 1, end.isn + 1 + 5840)
    assert end.take() == []
    assert end.connection.sender.recovery.state is CaState.LOSS


def test_a_fin_stays_at_the_end_when_its_segment_is_split(scripted):
    end = connected(scripted)
    end.connection.sender.nodelay = True
    end.connection.send(b"x" * 1400)
    end.take()
    end.connection.send(b"y" * 1000)
    end.connection.shutdown_send()
    end.connection.sender.set_mss(500)
    end.connection.sender.recovery.lose_all("path MTU")
    end.take()
    end.connection.sender.congestion.window = 10_000
    end.connection.sender.push()
    sent = end.take()
    assert b"".join(segment.payload for segment in sent) == b"x" * 1400 + b"y" * 1000
    assert [bool(segment.flags & FIN) for segment in sent] == [False] * len(sent) or sent[-1].flags & FIN
    assert not any(segment.flags & FIN for segment in sent[:-1])
    assert sum(len(s.payload) + bool(s.flags & FIN) for s in sent) == end.connection.sender.in_flight


def test_the_timer_starts_anew_with_every_new_acknowledgement(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 7300)
    for acknowledged in range(1, 5):
        end.run(0.15)
        end.say(ACK, end.iss + 1, end.isn + 1 + 1460 * acknowledged)
    assert end.connection.sender.retransmissions == 0


def test_what_is_lost_counts_no_byte_that_is_acknowledged(scripted):
    end = connected(scripted)
    end.connection.send(b"x" * 7300)
    end.run(0.3)
    end.say(ACK, end.iss + 1, end.isn + 1 + 5000)
    end.say(ACK, end.iss + 1, end.isn + 1 + 6000)
    sender = end.connection.sender
    assert sender.lost == sum(s.end - s.sequence for s in sender.outstanding if s.lost)


def test_an_orphan_whose_fin_is_acknowledged_waits_no_longer_than_fin_timeout(scripted):
    end = connected(scripted)
    end.connection.close()
    end.say(ACK, end.iss + 1, end.isn + 2)
    assert end.connection.state is State.FIN_WAIT_2
    end.run(59)
    assert end.tcp.connections
    end.run(2)
    assert not end.tcp.connections


# TIME-WAIT


@pytest.mark.parametrize(
    ("stamp", "sequence", "gives_way"),
    [
        (None, 10_000, True),
        (None, -10_000, False),
        (2000, -10_000, True),
        (900, 10_000, False),
        (1000, 10_000, True),
        (1000, -10_000, False),
    ],
)
def test_only_a_newer_syn_ends_time_wait(scripted, stamp, sequence, gives_way):
    end = listening(scripted)
    options = (MSS, *stamps(1000)) if stamp else (MSS,)
    end.say(SYN, 50_000, options=options)
    (answer,) = end.take()
    end.say(ACK, 50_001, answer.sequence + 1, options=options[1:])
    end.listener.accept().close()
    (fin,) = end.take()
    end.say(ACK | FIN, 50_001, fin.sequence + 1, options=options[1:])
    end.take()
    (waiting,) = end.tcp.connections.values()
    assert waiting.state is State.TIME_WAIT
    end.say(SYN, 50_000 + sequence, options=(MSS, *stamps(stamp)) if stamp else (MSS,))
    (answer,) = end.take()
    assert answer.flags == (SYN | ACK if gives_way else ACK)
    if gives_way:
        assert (answer.sequence - fin.sequence) & 0xFFFFFFFF > 65535


# Arithmetic


def test_the_timeout_is_computed_as_rfc_6298_says():
    trip = RoundTrip(TcpSettings(rto_min=1))
    trip.sample(8000, 1)
    assert (trip.smoothed, trip.variation, trip.rto) == (8000, 4000, 24_000)
    trip.sample(16_000, 1)
    assert (trip.smoothed, trip.variation) == (9000, 5000)
    trip.back_off()
    assert trip.rto == 58_000
    trip.fall_back()
    assert trip.rto == 58_000


def test_reno_counts_as_the_rfcs_say():
    reno = Reno(1000, 10)
    assert reno.window == 10_000

    def acknowledge(size, limited=True):
        reno.acknowledged(0, size, -1, limited, 0, 0)

    acknowledge(1000, limited=False)
    assert reno.window == 10_000  # not used, so not grown
    acknowledge(5000)
    assert reno.window == 12_000  # two segments at most
    reno.congested(0, 12_000)
    assert reno.threshold == 6000
    reno.recovered()
    assert reno.window == 6000
    for _ in range(6):
        acknowledge(1000)
    assert reno.window == 7000
    for _ in range(6):
        acknowledge(1000)
    assert reno.window == 7000
    acknowledge(1000)
    assert reno.window == 8000
    reno.timed_out(0, 8000, again=False)
    reno.timed_out(0, 1000, again=True)
    assert (reno.threshold, reno.window) == (4000, 1000)
