"""TCP Fast Open (RFC 7413), from both ends."""

from __future__ import annotations

import errno

import pytest

from glassnet.transport.tcp import State
from glassnet.transport.tcp.fast_open import connect_with, has_cookie
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, PSH, RST, SYN

MSS = Option(2, (1460).to_bytes(2, "big"))
REMOTE = (b"\xc0\x00\x02\x02", 80)
COOKIE = b"biscuits"
FAST_OPEN = 34


def fast_open(cookie=b""):
    return Option(FAST_OPEN, cookie)


def cookie_in(segment):
    for option in segment.options:
        if option.kind == FAST_OPEN:
            return option.data
    return None


def calling(scripted, data=b"", *, end=None, **settings):
    end = end or scripted(**settings)
    connection = end.connection = end.tcp.connect(None, REMOTE)
    end.port = connection.local[1]
    end.sent_with = connect_with(connection, data)
    (end.syn,) = end.take()
    return end


def known(scripted, **settings):
    """A host that has a cookie for its peer, of an earlier connection."""
    end = calling(scripted, **settings)
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS, fast_open(COOKIE)))
    end.connection.abort()
    end.take()
    return end


def listening(scripted, limit=5, **settings):
    end = scripted(fast_open=3, **settings)
    end.port, end.peer_port = 80, 40000
    end.listener = end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), 5)
    end.listener.fast_open.limit = limit
    return end


def granted(end):
    """The cookie that a listening host gives its peer."""
    end.say(SYN, 100, options=(MSS, fast_open()))
    (answer,) = end.take()
    end.say(RST, 101)
    cookie = cookie_in(answer)
    assert len(cookie) == 8
    assert answer.acknowledgment == 101
    return cookie


# The client


def test_the_first_syn_asks_for_a_cookie_and_carries_nothing(scripted):
    end = calling(scripted, b"data")
    assert end.sent_with == 0
    assert cookie_in(end.syn) == b""
    assert end.syn.payload == b""
    assert not has_cookie(end.connection)
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS, fast_open(COOKIE)))
    assert has_cookie(end.connection)
    assert [segment.payload for segment in end.take()] == [b""]


def test_the_next_brings_it_back_with_data(scripted):
    end = calling(scripted, b"GET /", end=known(scripted))
    assert end.sent_with == 5
    assert end.syn.flags == SYN
    assert cookie_in(end.syn) == COOKIE
    assert end.syn.payload == b"GET /"
    end.say(SYN | ACK, end.iss, end.syn.sequence + 6, options=(MSS,))
    assert end.connection.state is State.ESTABLISHED
    assert end.connection.syn_data
    assert not end.connection.sender.outstanding
    assert [(s.flags, s.sequence) for s in end.take()] == [(ACK, (end.syn.sequence + 6) % 2**32)]


def test_a_syn_is_filled_as_the_servers_mss_allows(scripted):
    end = calling(scripted, b"x" * 5000, end=known(scripted))
    assert end.sent_with == len(end.syn.payload) == 1420  # 40 octets stay for options
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1421, options=(MSS,))
    end.take()
    end.connection.send(b"x" * 3580)
    assert sum(len(segment.payload) for segment in end.take()) == 3580


@pytest.mark.parametrize("taken", [0, 2])
def test_what_the_server_did_not_take_is_sent_again_at_once(scripted, taken):
    end = calling(scripted, b"GET /", end=known(scripted))
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1 + taken, options=(MSS,))
    ack, again = end.take()
    assert ack.payload == b""
    assert again.payload == b"GET /"[taken:]
    assert again.sequence == (end.syn.sequence + 1 + taken) % 2**32
    assert end.connection.syn_data is (taken > 0)
    end.say(ACK, end.iss + 1, end.syn.sequence + 6)
    assert not end.connection.sender.outstanding
    assert end.connection.sender.congestion.window >= 10 * 1400


def test_a_syn_that_is_sent_again_is_plain_and_its_destination_is_spared(scripted):
    end = calling(scripted, b"GET /", end=known(scripted))
    end.run(1.5)
    (again,) = end.take()
    assert (again.flags, again.payload, cookie_in(again)) == (SYN, b"", None)
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS,))
    assert [segment.payload for segment in end.take()] == [b"", b"GET /"]
    end.connection.abort()
    end.take()
    for wait in (60, 120, 240):
        assert calling(scripted, b"GET /", end=end).sent_with == 0
        assert cookie_in(end.syn) is None
        end.connection.abort()
        end.run(wait)
        assert calling(scripted, b"GET /", end=end).sent_with == 5
        end.run(1.5)
        end.take()
        end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS,))
        end.connection.abort()
        end.take()


def test_a_syn_ack_after_a_lost_one_that_takes_the_data_is_no_black_hole(scripted):
    end = calling(scripted, b"GET /", end=known(scripted))
    end.run(1.5)
    end.take()
    end.say(SYN | ACK, end.iss, end.syn.sequence + 6, options=(MSS,))
    assert end.connection.syn_data
    end.connection.abort()
    end.take()
    assert calling(scripted, b"GET /", end=end).sent_with == 5


def test_a_refused_connection_fails_as_ever(scripted):
    end = calling(scripted, b"GET /", end=known(scripted))
    end.say(RST | ACK, 0, end.syn.sequence + 6)
    assert end.connection.error == errno.ECONNREFUSED


def test_the_host_may_forbid_it(scripted):
    with pytest.raises(OSError, match="not supported") as caught:
        calling(scripted, b"x", fast_open=0)
    assert caught.value.errno == errno.EOPNOTSUPP


def test_the_host_may_do_without_cookies(scripted):
    end = calling(scripted, b"GET /", fast_open=5)
    assert end.syn.payload == b"GET /"
    assert cookie_in(end.syn) is None


def test_the_experimental_number_is_tried_in_turn(scripted):
    end = calling(scripted)
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS,))
    end.connection.abort()
    end.take()
    calling(scripted, end=end)
    assert cookie_in(end.syn) is None
    assert [option.data for option in end.syn.options if option.kind == 254] == [b"\xf9\x89"]
    end.say(SYN | ACK, end.iss, end.syn.sequence + 1, options=(MSS, Option(254, b"\xf9\x89" + COOKIE)))
    end.connection.abort()
    end.take()
    assert calling(scripted, b"x", end=end).sent_with == 1
    assert [option.data for option in end.syn.options if option.kind == 254] == [b"\xf9\x89" + COOKIE]


def test_few_destinations_are_remembered(scripted):
    end = known(scripted)
    for number in range(2000):
        end.tcp.fast_open._entry(number.to_bytes(4, "big"))
    assert len(end.tcp.fast_open._destinations) == 1024
    assert calling(scripted, b"x", end=end).sent_with == 0


# The server


def test_a_cookie_opens_with_data(scripted):
    end = listening(scripted)
    cookie = granted(end)
    end.say(SYN | PSH, 500, 0, b"GET /", options=(MSS, fast_open(cookie)))
    (answer,) = end.take()
    assert answer.flags == SYN | ACK
    assert answer.acknowledgment == 506
    assert cookie_in(answer) is None
    connection = end.listener.accept()
    assert connection.state is State.SYN_RECEIVED
    assert connection.syn_data
    assert connection.receive(100) == b"GET /"
    assert connection.receive(100) is None
    assert connection.writable
    assert connection.send(b"x" * 2920) == 2920
    data = end.take()
    assert sum(len(segment.payload) for segment in data) == 2920
    assert data[0].sequence == (answer.sequence + 1) % 2**32
    end.say(ACK, 506, answer.sequence + 2921)
    assert connection.state is State.ESTABLISHED
    assert not connection.sender.outstanding
    assert end.listener.fast_open.pending == 0
    assert not end.listener.readable


def test_an_answer_goes_on_when_the_syn_ack_is_lost(scripted):
    end = listening(scripted)
    end.say(SYN, 500, 0, b"GET /", options=(MSS, fast_open(granted(end))))
    (answer,) = end.take()
    connection = end.listener.accept()
    connection.send(b"page")
    connection.shutdown_send()
    end.take()
    end.run(1.1)
    assert [(s.flags, s.payload) for s in end.take()] == [(SYN | ACK, b"")]
    end.say(ACK, 506, answer.sequence + 1)
    end.run(3)
    assert b"page" in [segment.payload for segment in end.take()]
    end.say(ACK, 506, answer.sequence + 6)
    assert connection.state is State.FIN_WAIT_2


def test_a_repeated_syn_with_data_is_answered_and_not_taken_twice(scripted):
    end = listening(scripted)
    cookie = granted(end)
    for _ in range(2):
        end.say(SYN, 500, 0, b"GET /", options=(MSS, fast_open(cookie)))
    first, second = end.take()
    assert (first.flags, first.sequence, first.acknowledgment) == (SYN | ACK, second.sequence, 506)
    assert second.flags == SYN | ACK
    assert end.listener.accept().receive(100) == b"GET /"
    assert end.listener.accept() is None


@pytest.mark.parametrize("cookie", [b"", b"wrong!!!", b"1234"])
def test_another_cookie_gets_a_plain_handshake_and_a_good_one(scripted, cookie):
    end = listening(scripted)
    good = granted(end)
    end.say(SYN, 500, 0, b"GET /", options=(MSS, fast_open(cookie)))
    (answer,) = end.take()
    assert answer.acknowledgment == 501
    assert cookie_in(answer) == good
    assert not end.listener.readable


def test_cookies_are_of_one_client(scripted):
    fast = listening(scripted).tcp.fast_open
    cookies = {fast.cookie_for(bytes((192, 0, 2, last)), b"\xc6\x33\x64\x01") for last in range(200)}
    assert len(cookies) == 200


def test_the_queue_is_bounded_and_resets_count_for_a_minute(scripted):
    end = listening(scripted, limit=2)
    cookie = granted(end)

    def call(port):
        end.peer_port = port
        end.say(SYN, 500, 0, b"x", options=(MSS, fast_open(cookie)))
        return end.take()[-1].acknowledgment

    assert [call(port) for port in (1000, 1001, 1002)] == [502, 502, 501]
    end.peer_port = 1000
    end.say(RST, 502)
    assert end.listener.fast_open.pending == 1
    assert call(1003) == 501
    end.run(61)
    end.take()
    assert call(1004) == 502


def test_a_reset_before_accept_is_the_connections_error(scripted):
    end = listening(scripted)
    end.say(SYN, 500, 0, b"x", options=(MSS, fast_open(granted(end))))
    end.say(RST, 502)
    connection = end.listener.accept()
    assert connection.state is State.CLOSED
    assert connection.error == errno.ECONNRESET
    assert end.listener.fast_open.pending == 0


def test_keys_can_be_changed(scripted):
    end = listening(scripted)
    end.listener.fast_open_keys = (b"a" * 16,)
    old = granted(end)
    end.listener.fast_open_keys = (b"b" * 16, b"a" * 16)
    end.say(SYN, 500, 0, b"x", options=(MSS, fast_open(old)))
    (answer,) = end.take()
    assert answer.acknowledgment == 502
    renewed = cookie_in(answer)
    assert renewed not in (None, old)
    end.listener.fast_open_keys = (b"b" * 16,)
    end.peer_port = 40001
    end.say(SYN, 500, 0, b"x", options=(MSS, fast_open(renewed)))
    assert end.take()[-1].acknowledgment == 502


def test_power_changes_the_key(scripted):
    end = listening(scripted)
    cookie = granted(end)
    end.tcp.power_off()
    end.say(SYN, 500, 0, b"x", options=(MSS, fast_open(cookie)))
    (answer,) = end.take()
    assert answer.acknowledgment == 501
    assert cookie_in(answer) != cookie


@pytest.mark.parametrize(("setting", "limit"), [(1, 5), (3, 0)])
def test_a_listener_that_does_not_serve_says_nothing_of_it(scripted, setting, limit):
    end = listening(scripted, limit=limit)
    end.tcp.settings.fast_open = setting
    end.say(SYN, 500, 0, b"x", options=(MSS, fast_open()))
    (answer,) = end.take()
    assert answer.acknowledgment == 501
    assert cookie_in(answer) is None


def test_a_server_may_do_without_cookies(scripted):
    end = listening(scripted)
    end.tcp.settings.fast_open = 0x202
    end.say(SYN, 500, 0, b"x", options=(MSS,))
    assert end.take()[-1].acknowledgment == 502


def test_a_setting_lets_every_listener_serve(scripted):
    end = scripted(fast_open=0x402)
    end.port = 80
    end.tcp.listen(end.tcp.ports.bind(bytes(4), 80), 5)
    end.say(SYN, 500, 0, options=(MSS, fast_open()))
    assert len(cookie_in(end.take()[-1])) == 8


# Both


@pytest.mark.parametrize("v6", [False, True])
def test_two_stacks(pair, v6):
    path = pair(v6=v6, fast_open=3, delay=10**7)
    address = path.addresses[1]
    listener = path.right.listen(path.right.ports.bind(bytes(len(address)), 80), 5)
    listener.fast_open.limit = 5
    first = path.left.connect(None, (address, 80))
    assert connect_with(first, b"one") == 0
    path.run(0.1)
    listener.accept()
    second = path.left.connect(None, (address, 80))
    assert connect_with(second, b"two") == 3
    path.run(0.011)  # half a round trip
    server = listener.accept()
    assert server.receive(10) == b"two"
    server.send(b"answer")
    server.shutdown_send()
    path.run(0.01)
    assert second.receive(10) == b"answer"
    path.run(0.1)
    assert second.peer_closed
    assert server.state is State.FIN_WAIT_2
