"""RED: its average and its chances, as Floyd and Jacobson (1993) and Floyd (2000) have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glassnet.engine import Engine
from glassnet.physical import Conditions, Lane, Red
from glassnet.physical.queues.discipline import Waiting
from glassnet.physical.queues.red import RedQueue
from glassnet.wire.ecn import CE, ECT_0, codepoint

Packet = Callable[..., bytes]

FULL = 1538


def bench(seed: int = 0, rate: int = 10**7, **parameters: Any) -> tuple[Lane, RedQueue]:
    lane = Lane(Engine(seed), "c", "end", Conditions(rate=rate))
    queue = Red(**parameters).open(lane, lane._engine.random)
    assert isinstance(queue, RedQueue)
    return lane, queue


def put(queue: RedQueue, frame: bytes, now: int = 0) -> None:
    queue.put(Waiting(frame, FULL, now), now, 10**9)


def test_the_average_follows_what_waits(packet: Packet) -> None:
    _, queue = bench(weight=0.5, min=10**7, max=10**8)
    averages = []
    for _ in range(4):
        put(queue, packet())
        averages.append(queue.average / FULL)
    assert averages == [0, 0.5, 1.25, 2.125]


def test_idle_time_counts_as_frames_that_found_nothing(packet: Packet) -> None:
    _, queue = bench(weight=0.5, min=10**7, max=10**8)
    queue.average = 32_000.0
    assert queue.take(10**9) is None
    put(queue, packet(), 10**9 + 4 * 1538 * 8 * 100)  # the time of four full frames at 10 Mbit/s
    assert queue.average == 32_000 / 2**4
    put(queue, packet(), 10**9 + 10**8)
    assert queue.average == 2000 / 2 + FULL / 2, "it is idle no more"


def test_a_long_idle_time_forgets_all(packet: Packet) -> None:
    _, queue = bench()
    queue.average = 1e6
    assert queue.take(0) is None
    put(queue, packet(), 10**15)
    assert queue.average == 0


@pytest.mark.parametrize(
    ("average", "chance"),
    [
        (0, None),
        (9_999, None),
        (10_000, 0),
        (20_000, 0.05),
        (30_000, 0.1),
        (45_000, 0.55),  # gentle: from the greatest probability at max to 1 at twice max
        (60_000, 1),
        (10**9, 1),
    ],
)
def test_the_chance_rises_with_the_average(average: int, chance: float | None) -> None:
    _, queue = bench(min=10_000, max=30_000, probability=0.1)
    queue.average = float(average)
    assert queue.chance() == (None if chance is None else pytest.approx(chance))


def steady(queue: RedQueue, frame: bytes, average: float, count: int) -> None:
    """Frames that find the average as it was."""
    for _ in range(count):
        queue.average = average
        queue._weight = 0.0
        put(queue, frame)


def test_below_the_minimum_nothing_is_dropped(packet: Packet) -> None:
    lane, queue = bench(min=10_000, max=30_000)
    steady(queue, packet(), 9_999, 5000)
    assert lane.drops.counts == {}


@pytest.mark.parametrize("ecn", [0, ECT_0])
def test_the_gaps_between_drops_are_uniform(packet: Packet, ecn: int) -> None:
    # By the pseudocode of the paper, at p_b = 1/20 the gaps are 1 to 19 frames, each as likely.
    lane, queue = bench(seed=5, min=10_000, max=30_000, probability=0.1)
    gaps, last = [], -1
    for number in range(20_000):
        before = lane.drops.counts.get("cable: red", 0) + lane.marked
        steady(queue, packet(number=number, ecn=ecn), 20_000, 1)
        if lane.drops.counts.get("cable: red", 0) + lane.marked > before:
            gaps.append(number - last)
            last = number
    assert max(gaps) == 19
    assert min(gaps) == 1
    assert sum(gaps) / len(gaps) == pytest.approx(10, rel=0.05)
    for gap in range(1, 20):
        assert gaps.count(gap) == pytest.approx(len(gaps) / 19, rel=0.4)
    if ecn:
        assert lane.drops.counts == {}
        marked = [w for w in queue.empty() if codepoint(w.frame) == CE]
        assert len(marked) == lane.marked == len(gaps)
    else:
        assert lane.marked == 0


def test_the_capable_are_marked_up_to_twice_the_maximum(packet: Packet) -> None:
    lane, queue = bench(min=10_000, max=30_000)
    steady(queue, packet(ecn=ECT_0), 59_999, 1000)
    assert lane.drops.counts == {}
    assert lane.marked > 990
    steady(queue, packet(ecn=ECT_0), 60_000, 1000)
    assert lane.drops.counts == {"cable: red": 1000}


def test_without_ecn_the_capable_are_dropped(packet: Packet) -> None:
    lane, queue = bench(min=10_000, max=30_000, ecn=False)
    steady(queue, packet(ecn=ECT_0), 40_000, 1000)
    assert lane.drops.counts["cable: red"] > 300
    assert lane.marked == 0


def test_one_that_has_no_room_is_not_marked(packet: Packet) -> None:
    lane, queue = bench(min=0, max=1)
    queue.average = 1.5
    queue.put(Waiting(packet(ecn=ECT_0), FULL, 0), 0, FULL - 1)
    assert lane.drops.counts == {"cable: queue full": 1}
    assert lane.marked == 0


def test_the_same_seed_drops_the_same(packet: Packet) -> None:
    def left(seed: int) -> list[bytes]:
        _, queue = bench(seed=seed, min=10_000, max=30_000)
        for number in range(500):
            queue.average = 25_000.0
            put(queue, packet(number=number))
        return [w.frame for w in queue.empty()]

    assert left(1) == left(1)
    assert left(1) != left(2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min": "90kB"}, "Red: max: '90kB': expected a size above min, '90kB'; .* Threshold"),
        ({"probability": 2}, "Red: probability: 2: expected a probability"),
        ({"weight": 0}, "Red: weight: 0: expected a number above 0"),
        ({"min": "x"}, "Red: min: 'x': expected a size"),
        ({"ecn": None}, "Red: ecn: None: expected true or false"),
    ],
)
def test_nonsense_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Red(**wrong)
