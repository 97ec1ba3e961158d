"""What the short way of segments that are as expected must not forget, seen from outside."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp import State
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, FIN, PSH, RST, SYN

DAY = 86400
LEFT, RIGHT = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
MSS = Option(2, (1460).to_bytes(2, "big"))


def stamps(value: int, echo: int = 0) -> tuple[Option, ...]:
    value &= 0xFFFFFFFF
    return (Option(1), Option(1), Option(8, value.to_bytes(4, "big") + echo.to_bytes(4, "big")))


@pytest.fixture
def connected(scripted):
    """A connection to a peer with timestamps, who says `say(offset, data, acknowledged, stamp)`."""

    def make(window=65535, timestamps=True, **settings):
        end = scripted(**settings)
        end.connection = end.tcp.connect(None, (RIGHT, 80))
        end.port = end.connection.local[1]
        end.connection.connect()
        (syn,) = end.take()
        options = (MSS, *(stamps(1000) if timestamps else ()))
        end.say(SYN | ACK, 5000, syn.sequence + 1, window=window, options=options)
        assert end.connection.state is State.ESTABLISHED
        end.take()

        def say(offset, data=b"", acknowledged=0, stamp=1000, *, flags=ACK, window=window):
            end.scripted_say(
                flags,
                5001 + offset,
                syn.sequence + 1 + acknowledged,
                data,
                window=window,
                options=stamps(stamp) if stamp else (),
            )

        end.scripted_say, end.say = end.say, say
        return end

    return make


def test_stamps_that_come_by_it_keep_the_measure_young(connected):
    """RFC 7323, 5.5: a stamp is outdated when none has come for 24 days, not when the first is so old."""
    end = connected()
    stamp = 1000
    for day in range(30):
        end.run(DAY)
        stamp += DAY * 1000
        end.say(day, b"x", 0, stamp)
    end.say(30, b"y", 0, stamp - 1)
    assert end.connection.receive(100) == b"x" * 30
    assert end.drops.counts["tcp: old timestamp (PAWS)"] == 1


def test_what_comes_by_it_puts_keepalive_off(connected):
    end = connected()
    end.connection.keepalive.idle = 60 * 10**9
    end.connection.keepalive.turn(True)
    for second in range(5):
        end.run(50)
        end.say(second, b"x", 0, 1001 + second)
    end.run(1)
    end.take()
    end.run(50)
    assert end.take() == []
    end.run(20)
    assert [each.payload for each in end.take()] == [b""]


def test_a_peer_that_sends_lives_though_its_window_is_closed(connected):
    """It may keep its window closed for as long as it says something (RFC 9293, 3.8.6.1)."""
    end = connected(window=0)
    end.connection.send(b"waiting")
    for minute in range(60):
        end.run(60)
        end.say(minute, b"x", 0, 1001 + minute)
    assert end.connection.state is State.ESTABLISHED
    end.say(60, b"x", 0, 2000, window=100)
    end.say(61, b"", 1, 2001, window=100)
    assert end.take()[-1].payload == b"aiting"


def test_data_for_a_program_that_has_gone_are_refused(connected):
    end = connected(window=10)
    end.connection.send(b"more than the window takes")
    end.connection.close()
    assert end.connection.state is State.ESTABLISHED, "its FIN waits for the rest"
    end.take()
    end.say(0, b"too late", 0, 1001, window=10)
    assert [each.flags & RST for each in end.take()] == [RST]
    assert end.connection.state is State.CLOSED


def test_a_fin_that_came_early_is_taken_when_the_gap_is_filled(connected):
    end = connected()
    end.say(4, b"", 0, 1001, flags=ACK | FIN)
    end.say(0, b"half", 0, 1002, flags=ACK | PSH)
    assert end.connection.receive(10) == b"half"
    assert end.connection.state is State.CLOSE_WAIT
    assert end.connection.receive(10) == b""


def test_data_beyond_an_early_fin_are_not_taken(connected):
    end = connected()
    end.say(4, b"", 0, 1001, flags=ACK | FIN)
    end.say(0, b"half and beyond", 0, 1002, flags=ACK | PSH)
    assert end.connection.receive(100) is None


def test_an_acknowledgement_confirms_the_neighbour(connected):
    """RFC 4861, 7.3.1."""
    end = connected()
    end.connection.send(b"hello")
    before = end.connection.flow.confirmed
    end.say(0, b"", 5, 1001)
    assert end.connection.flow.confirmed == before + 1


def test_stamps_of_a_peer_that_did_not_agree_to_them_mean_nothing(connected):
    end = connected(timestamps=False)
    end.say(0, b"one", 0, 5000)
    end.say(3, b"two", 0, 4000)
    assert end.connection.receive(10) == b"onetwo"
