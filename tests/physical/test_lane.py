"""When frames arrive, and which the queue refuses."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Drop
from glassnet.physical import Conditions

Join = Callable[..., Any]

GIGABIT = 10**9


def line_time(size: int, rate: int) -> Fraction:
    """Nanoseconds of line time of a frame with all that goes with it (802.3)."""
    preamble, fcs, gap = 8, 4, 12
    return Fraction((preamble + max(size + fcs, 64) + gap) * 8 * 10**9, rate)


@pytest.mark.parametrize(
    ("size", "rate", "arrival"),
    [
        (1514, 10**9, (8 + 1518) * 8),
        (60, 10**9, (8 + 64) * 8),
        (14, 10**9, (8 + 64) * 8),  # shorter than the minimum takes as long as the minimum
        (61, 10**9, (8 + 65) * 8),
        (1514, 10**8, (8 + 1518) * 80),
        (1514, 10**7, (8 + 1518) * 800),
        (1514, 10**10, 1221),  # 1220.8: the last bit is there when the nanosecond is over
        (60, 10**10, 58),  # 57.6
        (1514, 56_000, 218_000_000),
        (60, 9_600, 60_000_000),
        (1514, 10**12, 13),  # 12.208
        (1514, None, 0),
    ],
)
def test_a_frame_arrives_with_its_last_bit(joined: Join, size: int, rate: int | None, arrival: int) -> None:
    for delay in (0, 1, 5_000_000):
        engine, a, b, _ = joined(rate=rate, delay=delay)
        a.lane.send(bytes(size))
        engine.run()
        assert b.times == [arrival + delay]


def test_frames_follow_each_other_with_preamble_and_gap(joined: Join) -> None:
    engine, a, b, _ = joined(rate=GIGABIT, delay=100)
    for _ in range(5):
        a.lane.send(bytes(1514))
    engine.run()
    # 81,274 full frames a second: the textbook figure of gigabit Ethernet is 1538 octets each.
    assert b.times == [(8 + 1518) * 8 + 100 + number * 1538 * 8 for number in range(5)]


@pytest.mark.parametrize("rate", [10**10, 25 * 10**9, 56_000, 999_999_937])
def test_no_rounding_adds_up(joined: Join, rate: int) -> None:
    engine, a, b, _ = joined(rate=rate)
    sizes = [60 + 7 * number % 1454 for number in range(1000)]
    for size in sizes:
        a.lane.send(bytes(size))
    engine.run()
    ends = Fraction(0)
    for size, when in zip(sizes, b.times, strict=True):
        ends += line_time(size, rate)
        assert when == ceil(ends - Fraction(12 * 8 * 10**9, rate))


@given(
    rate=st.sampled_from([None, 10**7, 10**9, 10**10, 40 * 10**9, 1_544_000, 7]),
    delay=st.integers(0, 10**6),
    sent=st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 1514)), max_size=30),
)
def test_arrivals_are_those_of_an_exact_transmitter(
    joined: Join, rate: int | None, delay: int, sent: list[tuple[int, int]]
) -> None:
    engine, a, b, _ = joined(rate=rate, delay=delay)
    expected: list[tuple[int, bytes]] = []
    when, free = 0, Fraction(0)
    for number, (gap, size) in enumerate(sent):
        when += gap
        frame = number.to_bytes(2, "big") + bytes(size)
        engine.at(when, a.lane.send, frame)
        if rate is None:
            expected.append((when + delay, frame))
        else:
            free = max(free, Fraction(when)) + line_time(len(frame), rate)
            expected.append((ceil(free - Fraction(12 * 8 * 10**9, rate)) + delay, frame))
    engine.run()
    assert b.got == expected, "in the order sent, each at its nanosecond"
    assert a.got == []


def test_both_directions_are_independent(joined: Join) -> None:
    engine, a, b, _ = joined(rate=GIGABIT)
    a.lane.send(bytes(1514))
    b.lane.send(bytes(1514))
    engine.run()
    assert a.times == b.times == [1526 * 8]


def test_the_very_object_is_delivered(joined: Join) -> None:
    engine, a, b, _ = joined(rate=GIGABIT, delay=3)
    frame = bytes(range(60))
    a.lane.send(frame)
    engine.run()
    assert b.frames[0] is frame


def test_one_scheduled_event_for_each_frame(joined: Join) -> None:
    engine, a, _, _ = joined(rate=GIGABIT, queue=10**6)
    for number in range(1, 101):
        a.lane.send(bytes(1514))
        assert len(engine.heap) == number


def test_frames_and_octets_are_counted(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT)
    a.lane.send(bytes(100))
    a.lane.send(bytes(1000))
    b.lane.send(bytes(60))
    engine.run()
    assert (cable.towards("lan").frames, cable.towards("lan").bytes) == (2, 1100)
    assert (cable.towards("pc").frames, cable.towards("pc").bytes) == (1, 60)


# --- the queue


def test_a_full_queue_drops_the_frame_that_comes(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT, queue=3 * 1538)
    seen: list[Drop] = []
    engine.events.on(Drop, seen.append)
    frames = [bytes([number]) * 1514 for number in range(5)]
    for frame in frames:
        a.lane.send(frame)
    engine.run()
    assert b.frames == frames[:3]
    assert cable.towards("lan").drops.counts == {"cable: queue full": 2}
    assert seen == [Drop(0, "cable:pc-lan:lan", "cable: queue full", frame) for frame in frames[3:]]


def test_room_in_the_queue_is_counted_in_octets_as_they_are_sent(joined: Join) -> None:
    engine, _, b, cable = joined(rate=GIGABIT, queue=2 * 1538)
    lane = cable.towards("lan")
    lane.send(bytes(1514))
    lane.send(bytes(1514))
    assert lane.backlog == 2 * 1538
    engine.run(until=84 * 8 - 1)
    lane.send(bytes(60))
    assert lane.drops.counts == {"cable: queue full": 1}
    engine.run(until=84 * 8)  # room for exactly one shortest frame
    assert lane.backlog == 2 * 1538 - 84
    lane.send(bytes(60))
    assert lane.drops.counts == {"cable: queue full": 1}
    assert lane.backlog == 2 * 1538
    engine.run()
    assert len(b.got) == 3


@pytest.mark.parametrize("rate", [10**9, 10**10])
def test_an_idle_transmitter_takes_any_frame(joined: Join, rate: int) -> None:
    engine, a, b, _ = joined(rate=rate, queue=0)
    for _ in range(3):
        a.lane.send(bytes(1514))
        a.lane.send(bytes(60))
        engine.run()
        engine.run(until=engine.now + 1000)  # the gap goes by
    assert [len(frame) for frame in b.frames] == [1514] * 3


def test_nothing_queues_on_an_infinitely_fast_cable(joined: Join) -> None:
    engine, a, b, _ = joined(rate=None, queue=0, delay=10)
    for _ in range(1000):
        a.lane.send(bytes(1514))
    assert a.lane.backlog == 0
    engine.run()
    assert b.times == [10] * 1000


@given(
    rate=st.sampled_from([10**7, 10**9, 10**10]),
    queue=st.integers(0, 20_000),
    sent=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 1514)), max_size=40),
)
def test_the_queue_is_that_of_an_exact_transmitter(
    joined: Join, rate: int, queue: int, sent: list[tuple[int, int]]
) -> None:
    engine, a, b, cable = joined(rate=rate, queue=queue)
    when, free = 0, Fraction(0)
    accepted: list[bytes] = []
    for number, (gap, size) in enumerate(sent):
        when += gap
        frame = number.to_bytes(2, "big") + bytes(size)
        engine.at(when, a.lane.send, frame)
        waiting = max(free - when, Fraction(0))
        taken = line_time(len(frame), rate)
        if not waiting or (waiting + taken) * rate / (8 * 10**9) <= queue:
            free = max(free, Fraction(when)) + taken
            accepted.append(frame)
    engine.run()
    assert b.frames == accepted
    refused = len(sent) - len(accepted)
    assert cable.towards("lan").drops.counts == ({"cable: queue full": refused} if refused else {})
    assert cable.towards("lan").frames == len(accepted)


# --- conditions that change


def test_a_new_rate_and_delay_hold_from_the_next_frame_on(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT)
    a.lane.send(bytes(1514))
    cable.set(rate=10**8, delay=5)
    assert cable.towards("lan").conditions == Conditions(rate=10**8, delay=5)
    a.lane.send(bytes(1514))
    engine.run()
    assert b.times == [1526 * 8, 1538 * 8 + 1526 * 80 + 5]


def test_one_direction_can_be_changed(joined: Join) -> None:
    engine, a, b, cable = joined()
    cable.towards(b).set(delay=7)
    a.lane.send(bytes(60))
    b.lane.send(bytes(60))
    engine.run()
    assert (a.times, b.times) == ([0], [7])


def test_a_shorter_delay_does_not_let_frames_overtake(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT, delay=10**6)
    a.lane.send(b"1" * 60)
    cable.set(delay=0)
    a.lane.send(b"2" * 60)
    engine.run()
    assert b.got == [(576 + 10**6, b"1" * 60), (576 + 10**6, b"2" * 60)]
    a.lane.send(b"3" * 60)
    engine.run()
    assert b.times[-1] == 2 * 576 + 10**6


changes = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.sampled_from([None, 10**7, 10**9, 10**10]),
        "delay": st.integers(0, 10**6),
        "jitter": st.integers(0, 10**6),
        "queue": st.sampled_from([None, 0, 5000]),
    },
)


@given(st.lists(st.tuples(st.integers(0, 10**5), st.one_of(st.integers(0, 1514), changes)), max_size=40))
def test_whatever_changes_frames_stay_in_order(joined: Join, actions: list[tuple[int, Any]]) -> None:
    engine, a, b, cable = joined()
    sent: list[bytes] = []
    when = 0

    def act(action: Any) -> None:
        if isinstance(action, dict):
            cable.set(**action)
        else:
            before = cable.towards("lan").frames
            frame = len(sent).to_bytes(2, "big") + bytes(action)
            a.lane.send(frame)
            if cable.towards("lan").frames > before:
                sent.append(frame)

    for gap, action in actions:
        when += gap
        engine.at(when, act, action)
    engine.run()
    assert b.frames == sent
