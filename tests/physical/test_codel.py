"""CoDel by the numbers of RFC 8289."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Drop, Engine
from glassnet.physical import CoDel, Conditions, Lane
from glassnet.physical.queues.codel import CoDelQueue, control_law
from glassnet.physical.queues.discipline import Waiting
from glassnet.wire.ecn import CE, ECT_0, ECT_1, NOT_ECT, codepoint

Packet = Callable[..., bytes]

MS = 10**6
TARGET, INTERVAL = 5 * MS, 100 * MS
FULL = 1538


@given(interval=st.integers(1, 10**12), count=st.integers(1, 10**6))
def test_the_control_law_is_exact(interval: int, count: int) -> None:
    step = control_law(0, interval, count)
    assert step * step * count <= interval * interval < (step + 1) * (step + 1) * count


def test_the_control_law_in_numbers() -> None:
    steps = [control_law(7, INTERVAL, count) - 7 for count in (1, 2, 3, 4, 9, 100)]
    assert steps == [100_000_000, 70_710_678, 57_735_026, 50_000_000, 33_333_333, 10_000_000]


class Bench:
    """A CoDel queue with a hand on its clock: drops and marks by the millisecond in which they happened."""

    def __init__(self, ecn: bool = True) -> None:
        self.engine = Engine()
        self.lane = Lane(self.engine, "c", "end", Conditions(rate=10**7))
        self.queue = CoDelQueue(self.lane, TARGET, INTERVAL, ecn)
        self.dropped: list[tuple[int, bytes]] = []
        self.engine.events.on(Drop, lambda drop: self.dropped.append((drop.time // MS, drop.data)))

    def put(self, frame: bytes, at: int = 0) -> None:
        self.queue.put(Waiting(frame, FULL, at * MS), at * MS, FULL)

    def take(self, at: int) -> bytes | None:
        self.engine.now = at * MS
        first = self.queue.take(at * MS)
        return None if first is None else first.frame

    @property
    def drop_times(self) -> list[int]:
        return [when for when, _ in self.dropped]


# Frames that all came at 0 are taken each millisecond. From 5 ms on they have waited too long,
# which is tolerated for an interval; from then on each drop follows the last by 100 ms / sqrt(count).
BY_THE_LAW = [105, 205, 276, 334, 384, 429]


def test_drops_follow_the_control_law(packet: Packet) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number))
    taken = [bench.take(at) for at in range(450)]
    assert bench.drop_times == BY_THE_LAW
    assert {frame for frame in taken if frame} | {frame for _, frame in bench.dropped} == {
        packet(number=number) for number in range(450 + len(BY_THE_LAW))
    }
    assert bench.lane.drops.counts == {"cable: codel": len(BY_THE_LAW)}


@pytest.mark.parametrize("ecn", [ECT_0, ECT_1, CE])
def test_marks_take_the_place_of_drops(packet: Packet, ecn: int) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number, ecn=ECT_0 if number not in BY_THE_LAW else ecn))
    taken = [bench.take(at) for at in range(450)]
    assert [at for at, frame in enumerate(taken) if frame and codepoint(frame) == CE] == BY_THE_LAW
    assert bench.dropped == []
    assert bench.lane.marked == (0 if ecn == CE else len(BY_THE_LAW))
    assert taken == [
        packet(number=number, ecn=CE if number in BY_THE_LAW else ECT_0) for number in range(450)
    ]


def test_without_ecn_the_capable_are_dropped_as_well(packet: Packet) -> None:
    bench = Bench(ecn=False)
    for number in range(600):
        bench.put(packet(number=number, ecn=ECT_0))
    for at in range(450):
        bench.take(at)
    assert bench.drop_times == BY_THE_LAW
    assert bench.lane.marked == 0


def test_a_drop_takes_the_next_frame_which_may_be_marked_later(packet: Packet) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number, ecn=NOT_ECT if number == 105 else ECT_0))
    taken = [bench.take(at) for at in range(300)]
    assert bench.dropped == [(105, packet(number=105))]
    assert taken[105] == packet(number=106, ecn=ECT_0)
    assert [at for at, frame in enumerate(taken) if frame and codepoint(frame) == CE] == [205, 276]


def test_an_interval_below_target_begins_anew(packet: Packet) -> None:
    bench = Bench()
    for number in range(300):
        bench.put(packet(number=number), at=46 if number == 50 else 0)
    for at in range(150):
        bench.take(at)
    # The 51st has waited 4 ms: from 51 ms on an interval counts.
    assert bench.drop_times == []
    bench.take(150)
    bench.take(151)
    assert bench.drop_times == [151]


def test_a_queue_of_one_frame_is_never_dropped(packet: Packet) -> None:
    bench = Bench()
    for at in range(0, 3000, 100):
        bench.put(packet(number=at), at)
        assert bench.take(at + 90) == packet(number=at)
    assert bench.dropped == []


def test_dropping_ends_when_a_frame_has_waited_less(packet: Packet) -> None:
    bench = Bench()
    for number in range(400):
        bench.put(packet(number=number))
    for at in range(250):
        bench.take(at)
    assert bench.queue.dropping
    assert bench.drop_times == [105, 205]
    bench.queue.empty()
    for number in range(10):
        bench.put(packet(number=number), at=250)
    bench.take(252)
    assert not bench.queue.dropping
    bench.take(290)
    assert bench.drop_times == [105, 205]


def test_dropping_that_begins_again_soon_goes_on_at_its_rate(packet: Packet) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number))
    for at in range(450):
        bench.take(at)
    assert (bench.queue.count, bench.queue.last_count) == (6, 1)
    bench.queue.empty()
    bench.take(450)  # nothing waits: the drop state is left
    assert not bench.queue.dropping
    for number in range(400):
        bench.put(packet(number=number), at=500)
    for at in range(500, 700):
        bench.take(at)
    # At 605 the count goes on with 6 - 1 = 5, so that the next follows 44.7 ms later.
    assert bench.drop_times[len(BY_THE_LAW) :] == [605, 650, 691]


# The drop that would have been the next was due at 469.7 ms: until 16 intervals later is soon.
@pytest.mark.parametrize(("since", "drops"), [(1900, [2005, 2050, 2091]), (2000, [2105, 2205, 2276])])
def test_dropping_that_begins_much_later_begins_slowly(packet: Packet, since: int, drops: list[int]) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number))
    for at in range(450):
        bench.take(at)
    bench.queue.empty()
    bench.take(450)
    for number in range(400):
        bench.put(packet(number=number), at=since)
    for at in range(since, since + 300):
        bench.take(at)
    assert bench.drop_times[len(BY_THE_LAW) :][:3] == drops


def test_what_should_have_been_dropped_since_is_dropped_at_once(packet: Packet) -> None:
    bench = Bench()
    for number in range(600):
        bench.put(packet(number=number))
    for at in range(106):
        bench.take(at)
    bench.take(300)  # due at 205 and 275.7
    assert bench.drop_times == [105, 300, 300]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"target": "5 parsecs"}, "CoDel: target: '5 parsecs': no unit 'parsecs'"),
        ({"interval": -1}, "CoDel: interval: -1: expected a duration"),
        ({"interval": 0}, "CoDel: interval: 0: expected a duration above 0"),
        ({"ecn": "no"}, "CoDel: ecn: 'no': expected true or false"),
    ],
)
def test_nonsense_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoDel(**wrong)
