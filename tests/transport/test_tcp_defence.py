"""How a host stands what is done to it: floods, forged segments, and ends that never end."""

from __future__ import annotations

import errno
import gc

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glassnet.transport.tcp import State
from glassnet.transport.tcp.cookies import LIFETIME, SynCookies, offered_in, stamp_with
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.wire.options import Option
from glassnet.wire.tcp import (
    ACK,
    CWR,
    ECE,
    FIN,
    PSH,
    RST,
    SACK_PERMITTED,
    SYN,
    TIMESTAMPS,
    WINDOW_SCALE,
    TcpSegment,
)

MSS = Option(2, (1400).to_bytes(2, "big"))
SACK = Option(SACK_PERMITTED, b"")
SCALE = Option(WINDOW_SCALE, b"\x09")
S = 10**9
REMOTE = (b"\xc0\x00\x02\x02", 80)
KEYS = st.binary(min_size=12, max_size=12) | st.binary(min_size=36, max_size=36)
NUMBERS = st.integers(0, 2**32 - 1)


def stamped(value, echo=0):
    return Option(TIMESTAMPS, value.to_bytes(4, "big") + echo.to_bytes(4, "big"))


def calling(scripted, **settings_):
    end = scripted(**settings_)
    end.connection = end.tcp.connect(None, REMOTE)
    end.port = end.connection.local[1]
    end.connection.connect()
    (end.syn,) = end.take()
    return end


def connected(scripted, *, options=(MSS,), **settings_):
    end = calling(scripted, **settings_)
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=options)
    assert end.connection.state is State.ESTABLISHED
    end.take()
    end.isn = end.syn.sequence
    return end


def listening(scripted, backlog=5, **settings_):
    end = scripted(**settings_)
    end.port, end.peer_port = 80, 40000
    end.listener = end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), backlog)
    return end


# What SYNs say


def test_a_syn_is_laid_out_as_linux_does_it(scripted):
    end = calling(scripted)
    assert [option.kind for option in end.syn.options] == [2, 4, 8, 1, 3]
    plain = calling(scripted, timestamps=False)
    assert [option.kind for option in plain.syn.options] == [2, 1, 1, 4, 1, 3]
    bare = calling(scripted, timestamps=False, sack=False, window_scaling=False)
    assert [option.kind for option in bare.syn.options] == [2]


@pytest.mark.parametrize("mine", [False, True])
@pytest.mark.parametrize("theirs", [False, True])
def test_sack_needs_both_ends(scripted, mine, theirs):
    options = (MSS, SACK) if theirs else (MSS,)
    assert connected(scripted, options=options, sack=mine).connection.sack is (mine and theirs)
    end = listening(scripted, sack=mine)
    end.say(SYN, 500, options=options)
    (answer,) = end.take()
    assert answer.sack_permitted is (mine and theirs)
    (child,) = end.tcp.connections.values()
    assert child.sack is (mine and theirs)


@given(
    st.integers(1, 65535),
    st.none() | st.integers(0, 255),
    st.none() | NUMBERS,
    NUMBERS,
    st.booleans(),
    st.none() | st.just(b"") | st.integers(2, 8).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n)),
    st.booleans(),
)
def test_syn_options_survive_their_way(mss, scale, stamp, echo, sack, cookie, experimental):
    options = SynOptions(mss, scale, stamp, 0, sack, cookie, experimental)
    built = options.build(echo)
    assert len(built) % 4 == 0
    assert len(built) <= 40
    parsed = SynOptions.parse(b"x" + built, 1, 1 + len(built))
    assert parsed is not None
    if cookie is not None and parsed.fast_open is None:
        assert len(SynOptions(mss, scale, stamp, 0, sack).build(echo)) + len(cookie) + 2 > 36
    else:
        assert parsed.fast_open == cookie
        assert parsed.experimental is (experimental and cookie is not None)
    assert (parsed.mss, parsed.scale, parsed.stamp, parsed.sack) == (mss, scale, stamp, sack)
    assert parsed.echo == (echo if stamp is not None else 0)


@given(st.binary(max_size=40))
@settings(max_examples=500)
def test_any_bytes_are_options_or_malformed(data):
    found = SynOptions.parse(data, 0, len(data))
    if found is not None:
        assert 0 <= found.mss <= 65535
        assert found.fast_open is None or len(found.fast_open) in (0, 4, 6, 8, 10, 12, 14, 16)


def test_a_cookie_of_a_wrong_length_is_none():
    for size in (1, 2, 3, 5, 7, 17, 18):
        data = bytes((34, 2 + size)) + bytes(size)
        found = SynOptions.parse(data, 0, len(data))
        assert found is not None
        assert found.fast_open is None


# ECN (RFC 3168, 6.1.1)


def test_ecn_is_asked_for_and_agreed_to(scripted):
    end = calling(scripted, ecn=1)
    assert end.syn.flags == SYN | ECE | CWR
    end.say(SYN | ACK | ECE, end.iss, end.syn.sequence + 1, options=(MSS,))
    assert end.connection.ecn


@pytest.mark.parametrize("flags", [SYN | ACK, SYN | ACK | ECE | CWR, SYN | ACK | CWR])
def test_only_ece_agrees(scripted, flags):
    end = calling(scripted, ecn=1)
    end.say(flags, end.iss, end.syn.sequence + 1, options=(MSS,))
    assert end.connection.state is State.ESTABLISHED
    assert not end.connection.ecn


@pytest.mark.parametrize(
    ("setting", "asks", "agrees"), [(0, False, False), (1, True, True), (2, False, True)]
)
def test_the_setting_says_who_asks(scripted, setting, asks, agrees):
    assert calling(scripted, ecn=setting).syn.flags == (SYN | ECE | CWR if asks else SYN)
    end = listening(scripted, ecn=setting)
    end.say(SYN | ECE | CWR, 500, options=(MSS,))
    (answer,) = end.take()
    assert answer.flags == (SYN | ACK | ECE if agrees else SYN | ACK)


def test_a_lost_ecn_syn_is_followed_by_a_plain_one(scripted):
    end = calling(scripted, ecn=1)
    end.run(4)
    assert [segment.flags for segment in end.take()] == [SYN, SYN]
    end.say(SYN | ACK | ECE, end.iss, end.syn.sequence + 1, options=(MSS,))
    assert not end.connection.ecn  # RFC 3168, 6.1.1.1: one plain SYN has been sent


def test_a_reset_ecn_syn_is_followed_by_a_plain_one(scripted):
    end = calling(scripted, ecn=1)
    end.say(RST | ACK, 0, end.syn.sequence + 1)
    assert [segment.flags for segment in end.take()] == [SYN]
    end.say(RST | ACK, 0, end.syn.sequence + 1)
    assert end.connection.error == errno.ECONNREFUSED


# SYN cookies (RFC 4987)


@given(st.binary(min_size=16, max_size=16), KEYS, NUMBERS, st.integers(0, 65535), st.integers(0, 2**50))
def test_a_cookie_is_good_for_64_seconds_and_no_longer_than_128(secret, key, sequence, mss, now):
    cookies = SynCookies(secret)
    cookie = cookies.make(key, sequence, mss, now)
    for later in (0, LIFETIME // 2):
        found = cookies.check(key, sequence, cookie, now + later)
        assert found is not None
        assert found <= max(mss, 88)
        assert mss < 536 or found >= 536
    for later in (LIFETIME, 32 * LIFETIME // 2, 33 * LIFETIME // 2):
        assert cookies.check(key, sequence, cookie, now + later) is None
    assert (cookies.sent, cookies.received, cookies.failed) == (1, 2, 3)


@given(KEYS, NUMBERS, NUMBERS)
def test_cookies_of_others_are_worth_nothing(key, sequence, guess):
    cookies, other = SynCookies(b"a" * 16), SynCookies(b"b" * 16)
    cookie = cookies.make(key, sequence, 1460, S)
    assume(guess != cookie)
    assert cookies.check(key, sequence, guess, S) is None
    assert other.check(key, sequence, cookie, S) is None
    assert cookies.check(key, (sequence + 1) & 0xFFFFFFFF, cookie, S) is None
    assert cookies.check(key[:-1] + bytes((key[-1] ^ 1,)), sequence, cookie, S) is None


@given(NUMBERS, st.none() | st.integers(0, 14), st.booleans(), st.booleans())
def test_a_timestamp_holds_what_the_syn_has_offered(stamp, scale, sack, ecn):
    value = stamp_with(stamp, scale, sack, ecn)
    assert offered_in(value) == (scale, sack, ecn)
    assert (stamp - value) & 0xFFFFFFFF < 128


@pytest.mark.parametrize("stamps", [False, True])
def test_a_cookie_opens_a_connection(scripted, stamps):
    end = listening(scripted, syn_cookies=2)
    options = (MSS, SACK, SCALE) + ((stamped(7),) if stamps else ())
    end.say(SYN | ECE | CWR, 500, options=options)
    (answer,) = end.take()
    assert not end.tcp.connections
    assert answer.flags == SYN | ACK | (ECE if stamps else 0)
    assert answer.acknowledgment == 501
    assert answer.sack_permitted is stamps
    assert (answer.window_scale is not None) is stamps
    back = (stamped(9, answer.timestamps[0]),) if stamps else ()
    end.say(ACK | PSH, 501, answer.sequence + 1, b"hello", window=1000, options=back)
    connection = end.listener.accept()
    assert connection.state is State.ESTABLISHED
    assert connection.receive(100) == b"hello"
    assert connection.sack is stamps
    assert (connection.ecn is not None) is stamps
    assert connection.scaling is stamps
    assert connection.sender.window == 1000 << (9 if stamps else 0)
    assert connection.sender.mss == (1388 if stamps else 1400)
    assert connection.output.stamps is stamps
    end.take()
    connection.send(b"world")
    (data,) = end.take()
    assert (data.payload, data.sequence, data.acknowledgment) == (
        b"world",
        (answer.sequence + 1) % 2**32,
        506,
    )
    if stamps:
        assert data.timestamps[1] == 9
        assert (data.timestamps[0] - answer.timestamps[0]) & 0xFFFFFFFF < 2**31
    assert (end.tcp.cookies.sent, end.tcp.cookies.received) == (1, 1)


def test_a_cookie_comes_back_with_data_when_its_ack_was_lost(scripted):
    end = listening(scripted, syn_cookies=2)
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.run(100)
    end.say(ACK | PSH | FIN, 501, answer.sequence + 1, b"all")
    connection = end.listener.accept()
    assert connection.receive(10) == b"all"
    assert connection.state is State.CLOSE_WAIT


def test_a_guessed_cookie_is_reset(scripted):
    end = listening(scripted, syn_cookies=2)
    end.say(ACK, 501, 12345)
    assert [segment.flags for segment in end.take()] == [RST]
    assert end.drops.counts == {"tcp: no such connection": 1}  # none was given out, so none is looked at
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.say(ACK, 501, answer.sequence + 2)
    assert [segment.flags for segment in end.take()] == [RST]
    assert end.drops.counts["tcp: no valid SYN cookie"] == 1
    assert not end.tcp.connections


def test_a_cookie_waits_for_room_in_the_accept_queue(scripted):
    end = listening(scripted, backlog=0, syn_cookies=2)
    answers = []
    for port in (40000, 40001):
        end.peer_port = port
        end.say(SYN, 500, options=(MSS,))
        answers += end.take()
    for port, answer in zip((40000, 40001), answers, strict=True):
        end.peer_port = port
        end.say(ACK, 501, answer.sequence + 1)
    assert end.listener.waiting == 1
    assert end.drops.counts == {"tcp: accept queue full": 1}
    assert end.take() == []
    assert end.listener.accept() is not None
    end.say(ACK, 501, answers[1].sequence + 1)
    assert end.listener.accept() is not None


def test_a_flood_of_syns_leaves_room_for_clients(scripted):
    end = listening(scripted, syn_backlog=256)
    end.path.out = lambda frame: None
    frames = []

    def keep(frame):
        frames.append(bytes(frame))

    end.path.deliver, deliver = keep, end.path.deliver
    end.say(SYN, 500, options=(MSS, SACK, stamped(1), SCALE))
    (template,) = frames
    end.path.deliver = deliver
    objects = []
    for number in range(100_000):
        # Another port and address each time; a frame of this process needs no checksum.
        source = (0xC6336400 + number // 50000).to_bytes(4, "big")
        port = (1024 + number % 50000).to_bytes(2, "big")
        deliver(template[:26] + source + template[30:34] + port + template[36:])
        if number in (1000, 99_999):
            gc.collect()
            objects.append(len(gc.get_objects()))
    assert objects[1] - objects[0] < 100
    assert len(end.tcp.connections) == 256
    assert end.tcp.cookies.sent == 100_000 - 256
    assert end.drops.counts == {}
    end.path.out = end._out
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.say(ACK, 501, answer.sequence + 1)
    assert end.listener.accept() is not None
    end.run(200)
    assert len(end.tcp.connections) == 1


def test_without_cookies_a_full_backlog_drops(scripted):
    end = listening(scripted, syn_backlog=1, syn_cookies=0)
    for port in (40000, 40001):
        end.peer_port = port
        end.say(SYN, 500, options=(MSS,))
    assert len(end.take()) == 1
    assert end.drops.counts == {"tcp: SYN backlog full": 1}


def test_cookies_do_not_outlive_power(scripted):
    end = listening(scripted, syn_cookies=2)
    end.say(SYN, 500, options=(MSS,))
    (answer,) = end.take()
    end.tcp.power_off()
    end.say(ACK, 501, answer.sequence + 1)
    assert not end.tcp.connections


# SYN-RECEIVED


def test_a_repeated_syn_is_answered_with_the_same_syn_ack(scripted):
    end = listening(scripted)
    end.say(SYN, 500, options=(MSS,))
    (first,) = end.take()
    end.run(0.3)
    end.say(SYN, 500, options=(MSS,))
    end.say(SYN, 500, options=(MSS,))  # at most twice a second
    (second,) = end.take()
    assert (second.flags, second.sequence, second.acknowledgment) == (SYN | ACK, first.sequence, 501)
    assert end.drops.counts == {"tcp: repeated SYN": 2}
    end.run(0.8)
    assert [segment.flags for segment in end.take()] == [SYN | ACK]  # the timer goes on as it was
    end.say(ACK, 501, first.sequence + 1)
    assert end.listener.accept() is not None


def test_an_old_duplicate_syn_does_not_stand_in_the_way(scripted):
    end = listening(scripted)
    end.say(SYN, 100_000_000, options=(MSS,))
    end.take()
    end.say(SYN, 500, options=(MSS,))  # what the peer means now: it gets an ACK for the old
    (challenge,) = end.take()
    assert (challenge.flags, challenge.acknowledgment) == (ACK, 100_000_001)
    end.say(RST, challenge.acknowledgment)  # and resets it (RFC 9293, 3.5.1)
    assert not end.tcp.connections
    end.say(SYN, 500, options=(MSS,))
    assert [segment.acknowledgment for segment in end.take()] == [501]


def test_a_full_accept_queue_lets_the_syn_ack_go_on(scripted):
    end = listening(scripted, backlog=0)
    answers = []
    for port in (40000, 40001):
        end.peer_port = port
        end.say(SYN, 500, options=(MSS,))
        answers += end.take()
    for port, answer in zip((40000, 40001), answers, strict=True):
        end.peer_port = port
        end.say(ACK, 501, answer.sequence + 1)
    assert end.listener.waiting == 1
    assert end.drops.counts == {"tcp: accept queue full": 1}
    end.peer_port = 40002
    end.say(SYN, 500, options=(MSS,))
    assert end.take() == []
    end.run(1.1)
    (again,) = end.take()
    assert (again.flags, again.destination_port) == (SYN | ACK, 40001)
    end.listener.accept()
    end.peer_port = 40001
    end.say(ACK, 501, again.sequence + 1)
    assert end.listener.accept().state is State.ESTABLISHED


def test_simultaneous_open_agrees_on_everything(pair):
    path = pair(ecn=1)
    ends = []
    for tcp, mine, theirs in ((path.left, 1000, 2000), (path.right, 2000, 1000)):
        own, other = path.addresses if tcp is path.left else path.addresses[::-1]
        ends.append(tcp.connect(tcp.ports.bind(own, mine), (other, theirs)))
    for end in ends:
        end.connect()
    path.run(0.5)
    for end in ends:
        assert end.state is State.ESTABLISHED
        assert end.sack
        assert end.scaling
        assert end.output.stamps
        assert end.ecn
    ends[0].send(b"both")
    path.run(0.5)
    assert ends[1].receive(10) == b"both"


def test_a_syn_ack_may_bring_data_and_fin(scripted):
    end = calling(scripted)
    end.say(SYN | ACK | FIN, end.iss, end.syn.sequence + 1, b"all of it", options=(MSS,))
    assert end.take()[-1].acknowledgment == end.iss + 11
    assert end.connection.state is State.CLOSE_WAIT
    assert end.connection.receive(100) == b"all of it"
    assert end.connection.receive(100) == b""


# Challenge ACKs (RFC 5961)


def test_the_host_as_a_whole_sends_few_challenges(scripted):
    end = scripted(challenge_ack_limit=10, invalid_ratelimit=0)
    connection = end.tcp.connect(None, REMOTE)
    end.port = connection.local[1]
    connection.connect()
    (syn,) = end.take()
    end.say(SYN | ACK, end.iss, syn.sequence + 1, options=(MSS,))
    end.take()
    counts = []
    for _ in range(20):
        for _ in range(100):
            end.say(RST, end.iss + 50)
        counts.append(len(end.take()))
        end.run(1)
    assert all(5 <= count < 16 for count in counts)
    assert len(set(counts)) > 1
    assert end.drops.counts == {"tcp: RST beside the expected sequence number": 2000}
    assert connection.state is State.ESTABLISHED


@pytest.mark.parametrize(
    ("flags", "offset", "acknowledges", "reason"),
    [
        (RST, 20, 0, "tcp: RST beside the expected sequence number"),
        (SYN, 20, 0, "tcp: SYN in an open connection"),
        (SYN, -70000, 0, "tcp: out of window"),
        (ACK, 0, 9999, "tcp: acknowledges what was not sent"),
        (ACK, 0, -70000, "tcp: acknowledges what is long gone"),
        (ACK, 2**24, 0, "tcp: out of window"),
    ],
)
def test_what_does_not_fit_is_challenged_and_counted(scripted, flags, offset, acknowledges, reason):
    end = connected(scripted)
    for _ in range(2):
        end.say(flags, end.iss + 1 + offset, end.isn + 1 + acknowledges)
    (challenge,) = end.take()
    assert (challenge.flags, challenge.sequence) == (ACK, (end.isn + 1) % 2**32)
    assert challenge.acknowledgment == end.iss + 1
    assert end.drops.counts == {reason: 2}
    assert end.connection.state is State.ESTABLISHED


def test_a_reset_out_of_the_window_has_no_answer(scripted):
    end = connected(scripted)
    end.say(RST, end.iss + 2**24)
    end.say(RST, end.iss - 5)
    assert end.take() == []
    assert end.connection.state is State.ESTABLISHED


# Ends


def closed_by_us(scripted, **settings_):
    end = connected(scripted, **settings_)
    end.connection.close()
    end.say(ACK | FIN, end.iss + 1, end.isn + 2)
    assert end.connection.state is State.TIME_WAIT
    end.take()
    return end


@pytest.mark.parametrize("careful", [False, True])
def test_a_reset_in_time_wait(scripted, careful):
    end = closed_by_us(scripted, rfc1337=careful)
    end.say(RST, end.iss + 1)  # beside: never
    assert len(end.tcp.connections) == 1
    end.say(RST, end.iss + 2)
    assert len(end.tcp.connections) == careful
    end.run(200)
    assert not end.tcp.connections


def test_time_wait_is_bounded(scripted):
    end = scripted(max_time_wait=3)
    for _ in range(5):
        connection = end.tcp.connect(None, REMOTE)
        end.port = connection.local[1]
        connection.connect()
        (syn,) = end.take()
        end.say(SYN | ACK, end.iss, syn.sequence + 1, options=(MSS,))
        connection.close()
        end.say(ACK | FIN, end.iss + 1, syn.sequence + 2)
        assert [segment.flags for segment in end.take()] == [ACK, FIN | ACK, ACK]
    assert len(end.tcp.connections) == 3
    assert end.drops.counts == {"tcp: too many in TIME-WAIT": 2}
    end.run(61)
    assert not end.tcp.connections
    assert closed_by_us(scripted, max_time_wait=1).drops.counts == {}


def test_orphans_are_bounded(scripted):
    end = scripted(max_orphans=2)
    resets = []
    for _ in range(4):
        connection = end.tcp.connect(None, REMOTE)
        end.port = connection.local[1]
        connection.connect()
        (syn,) = end.take()
        end.say(SYN | ACK, end.iss, syn.sequence + 1, options=(MSS,))
        end.take()
        connection.send(b"last words")
        connection.close()
        resets += [segment for segment in end.take() if segment.flags & RST]
    assert len(resets) == 2
    assert len(end.tcp.connections) == len(end.tcp.orphans) == 2
    assert end.drops.counts == {"tcp: too many orphans": 2}
    end.tcp.power_off()
    assert not end.tcp.orphans


def test_orphans_that_end_make_room(scripted):
    end = closed_by_us(scripted, max_orphans=1)
    assert not end.tcp.orphans
    for _ in range(3):
        connection = end.tcp.connect(None, REMOTE)
        connection.connect()
        connection.close()
    assert not end.tcp.orphans
    assert end.drops.counts == {}


def test_a_segment_of_a_flood_is_well_formed(scripted):
    end = listening(scripted, syn_cookies=2)
    end.say(SYN, 500, options=(MSS, SACK, SCALE, stamped(5)))
    (answer,) = end.take()
    assert isinstance(answer, TcpSegment)
    assert answer.timestamps[1] == 5
    assert answer.window == 65535
