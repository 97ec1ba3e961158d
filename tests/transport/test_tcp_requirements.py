"""Requirements of the RFCs that a packet script cannot show: see `docs/reference/rfc-coverage.md`."""

from __future__ import annotations

from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, SYN, TIMESTAMPS

MSS = Option(2, (1460).to_bytes(2, "big"))
MS = 10**6
WORD = 1 << 32


def key(port: int, host: int = 1) -> bytes:
    return bytes((192, 0, 2, 2, 192, 0, 2, host)) + (80).to_bytes(2, "big") + port.to_bytes(2, "big")


def stamps(value, echo=0):
    return (Option(1), Option(1), Option(TIMESTAMPS, value.to_bytes(4, "big") + echo.to_bytes(4, "big")))


def test_initial_numbers_follow_a_clock_of_4_microseconds(scripted):
    end = scripted()
    before = end.tcp.initial_sequence(key(40000))
    end.run(1)
    assert (end.tcp.initial_sequence(key(40000)) - before) % WORD == 250_000


def test_initial_numbers_tell_nothing_of_each_other(scripted):
    end = scripted()
    first = {end.tcp.initial_sequence(key(port)) for port in range(40000, 40100)}
    assert len(first) == 100
    assert len({(number - least) >> 16 for least in [min(first)] for number in first}) > 90
    end.tcp.power_off()  # another secret, at the very same time
    assert not first & {end.tcp.initial_sequence(key(port)) for port in range(40000, 40100)}


def test_stamps_start_anywhere(scripted):
    end = scripted()
    offsets = {end.tcp.stamp_offset(key(40000, host)) for host in range(1, 101)}
    assert len(offsets) == 100
    # The connections of two hosts share one clock, or PAWS would refuse a port that is used again.
    assert end.tcp.stamp_offset(key(40000)) == end.tcp.stamp_offset(key(40001))


def test_an_echo_measures_only_with_new_data(scripted):
    end = scripted()
    connection = end.tcp.connect(None, (b"\xc0\x00\x02\x02", 80))
    end.port = connection.local[1]
    connection.connect()
    (syn,) = end.take()
    end.run(0.1)
    mine = syn.timestamps[0]
    end.say(SYN | ACK, end.iss, syn.sequence + 1, options=(MSS, *stamps(1000, mine)))
    connection.send(b"x" * 100)
    trip = connection.sender.round_trip
    assert trip.smoothed == 100 * MS
    end.run(0.15)
    end.say(ACK, end.iss + 1, syn.sequence + 1, options=stamps(1150, mine))
    assert (trip.smoothed, trip.variation) == (100 * MS, 50 * MS)
    end.say(ACK, end.iss + 1, syn.sequence + 101, options=stamps(1150, mine + 100))
    assert trip.smoothed > 100 * MS
