"""Lanes whose queue manages itself: times, limits, changes, cuts, and that no frame is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.engine import Drop
from glassnet.physical import CoDel, Discipline, FqCoDel, FrameImpaired, Red, TailDrop, Threshold
from glassnet.physical.queues import discipline
from glassnet.wire.checksum import is_valid
from glassnet.wire.ecn import CE, codepoint
from glassnet.wire.foreign import Foreign

Join = Callable[..., Any]
Packet = Callable[..., bytes]

MANAGED = [Threshold(mark="1GB"), Red(), CoDel(), FqCoDel()]
DISCIPLINES = [TailDrop(), Threshold(mark="3kB"), Red(min=2000, max=5000, weight=0.2), *MANAGED[2:]]


@settings(deadline=None)
@given(
    rate=st.sampled_from([None, 10**7, 10**9, 10**10, 40 * 10**9, 1_544_000]),
    delay=st.integers(0, 10**6),
    queue=st.sampled_from([None, 0, 3000, 20_000]),
    sent=st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 1514)), max_size=40),
)
def test_a_queue_that_never_acts_is_tail_drop_to_the_nanosecond(
    joined: Join, rate: int | None, delay: int, queue: int | None, sent: list[tuple[int, int]]
) -> None:
    got = []
    for way in (TailDrop(), Threshold(mark="1GB")):
        engine, a, b, _ = joined(rate=rate, delay=delay, queue=queue, discipline=way)
        when = 0
        for number, (gap, size) in enumerate(sent):
            when += gap
            engine.at(when, a.lane.send, number.to_bytes(2, "big") + bytes(size))
        engine.run()
        got.append((b.got, a.lane.drops.counts, a.lane.frames, a.lane.bytes))
    assert got[0] == got[1]


@pytest.mark.parametrize("queue", [None, 0])
def test_a_frame_that_comes_as_the_transmitter_becomes_free_is_not_sent_before_it_came(
    joined: Join, queue: int | None
) -> None:
    got = []
    for way in (TailDrop(), *MANAGED[:3]):
        engine, a, b, _ = joined(rate=10**10, queue=queue, discipline=way)
        # The first has been sent at 1230.4; the second comes at 1231, before the end of the first is noticed.
        for when in (0, 1231, 1231):
            engine.at(when, a.lane.send, bytes(1514))
        engine.run()
        got.append((b.times, a.lane.drops.counts))
    assert got == [got[0]] * 4
    assert got[0][0] == ([1221, 2452, 3683] if queue is None else [1221, 2452])


@pytest.mark.parametrize("way", MANAGED)
def test_an_idle_transmitter_sends_at_once(joined: Join, way: Discipline) -> None:
    engine, a, b, _ = joined(rate=10**9, delay=5, queue=0, discipline=way)
    for number in range(3):
        engine.at(number * 100_000, a.lane.send, bytes(1514))
    engine.run()
    assert b.times == [number * 100_000 + 1526 * 8 + 5 for number in range(3)]
    assert engine.heap == []


@pytest.mark.parametrize("way", MANAGED)
def test_what_waits_and_the_rest_of_what_is_sent_are_the_backlog(joined: Join, way: Discipline) -> None:
    engine, a, _, _ = joined(rate=10**9, discipline=way)
    for _ in range(3):
        a.lane.send(bytes(1514))
    assert a.lane.backlog == 3 * 1538
    assert a.lane.frames == 1, "the others are not on the wire yet"
    engine.run(until=1000 * 8)
    assert a.lane.backlog == 3 * 1538 - 1000
    engine.run(until=2000 * 8)
    assert a.lane.backlog == 3 * 1538 - 2000
    assert a.lane.frames == 2
    engine.run()
    assert a.lane.backlog == 0
    assert (a.lane.frames, a.lane.bytes) == (3, 3 * 1514)


def test_the_threshold_marks_above_it_and_not_below(joined: Join, packet: Packet) -> None:
    engine, a, b, _ = joined(rate=10**7, queue=8 * 1538, discipline=Threshold(mark=3 * 1538))
    seen: list[FrameImpaired] = []
    engine.events.on(FrameImpaired, seen.append)
    frames = [packet(1, number, ecn=0 if number == 6 else 2) for number in range(10)]
    for frame in frames:
        a.lane.send(frame)
    engine.run()
    # The first is being sent at once; the sixth is the first that finds four waiting.
    assert b.frames == [packet(1, n, ecn=3 if n in (5, 7) else 0 if n == 6 else 2) for n in range(8)]
    assert a.lane.marked == 2
    assert seen == [FrameImpaired(0, "cable:pc-lan:lan", "marked", frames[n]) for n in (5, 7)]
    assert a.lane.drops.counts == {"cable: queue full": 2}, "of which none was marked before"


def test_a_marked_frame_has_a_right_checksum_and_keeps_its_trust(joined: Join, packet: Packet) -> None:
    engine, a, b, _ = joined(rate=10**7, discipline=Threshold(mark=0))
    for frame in (packet(ecn=2), packet(ecn=2), packet(ecn=2), Foreign(packet(ecn=2))):
        a.lane.send(frame)
    engine.run()
    assert [codepoint(frame) for frame in b.frames] == [2, 2, CE, CE]
    assert all(is_valid(frame[14:34]) for frame in b.frames)
    assert [type(frame) for frame in b.frames] == [bytes, bytes, bytes, Foreign]


@pytest.mark.parametrize(
    "way", [CoDel(target=0, interval="1ms"), FqCoDel(target=0, interval="1ms"), Red(min=0, max=1)]
)
def test_frames_other_than_ip_are_never_marked_and_stay_in_order(
    joined: Join, packet: Packet, way: Discipline
) -> None:
    engine, a, b, _ = joined(rate=10**7, discipline=way)
    frames = [packet(1, number, ecn=2, ethertype=b"\x88\xb5") for number in range(100)]
    for frame in frames:
        a.lane.send(frame)
    engine.run()
    assert a.lane.marked == 0
    assert sum(a.lane.drops.counts.values()) > 0
    arrived = set(b.frames)
    assert b.frames == [frame for frame in frames if frame in arrived]
    assert len(b.frames) + sum(a.lane.drops.counts.values()) == 100


# --- conditions that change


@pytest.mark.parametrize("before", DISCIPLINES)
@pytest.mark.parametrize("after", DISCIPLINES)
@pytest.mark.parametrize("rate", [10**7, 10**10])
def test_a_live_change_of_discipline_loses_nothing(
    joined: Join, packet: Packet, before: Discipline, after: Discipline, rate: int
) -> None:
    engine, a, b, cable = joined(rate=rate, queue=100_000, discipline=before)
    frames = [packet(1, number, size=200) for number in range(24)]
    for frame in frames[:8]:
        a.lane.send(frame)
    waiting = a.lane.backlog
    cable.set(discipline=after)
    assert a.lane.conditions.discipline == after
    assert a.lane.backlog == waiting
    for frame in frames[8:16]:
        a.lane.send(frame)
    engine.run(until=600 * 8 * 10**9 // rate)
    cable.set(discipline=before)
    for frame in frames[16:]:
        a.lane.send(frame)
    engine.run()
    arrived = set(b.frames)
    assert b.frames == [frame for frame in frames if frame in arrived]
    assert len(b.frames) + sum(a.lane.drops.counts.values()) == 24
    assert b.frames[:8] == frames[:8]
    if a.lane.drops.counts == {}:
        last = (24 * (200 + 24) - 12) * 8 * 10**9
        assert b.times[-1] == -(-last // rate), "and the line was never idle"
    assert engine.heap == []
    assert a.lane.backlog <= 12, "no more than the gap behind the last frame"


@pytest.mark.parametrize("after", MANAGED)
def test_a_change_at_the_very_end_of_a_transmission_lets_the_next_begin(
    joined: Join, packet: Packet, after: Discipline
) -> None:
    engine, a, b, cable = joined(rate=10**7, discipline=CoDel(target="1ms"))
    engine.at(1538 * 800, lambda _: cable.set(discipline=after))
    for number in range(3):
        a.lane.send(packet(1, number))
    engine.run()
    assert b.times == [(1538 * number + 1526) * 800 for number in range(3)]


def test_one_direction_can_have_a_discipline(joined: Join, packet: Packet) -> None:
    engine, a, b, cable = joined(rate=10**7)
    cable.towards("lan").set(discipline=FqCoDel())
    assert cable.towards("pc").conditions.discipline == TailDrop()
    for end in (a, b):
        for frame in (packet(1, 0), packet(1, 1), packet(1, 2), packet(2, 3, size=60)):
            end.lane.send(frame)
    engine.run()
    assert b.frames == [packet(1, 0), packet(2, 3, size=60), packet(1, 1), packet(1, 2)] or b.frames == [
        packet(1, 0),
        packet(1, 1),
        packet(2, 3, size=60),
        packet(1, 2),
    ]
    assert a.frames == [packet(1, 0), packet(1, 1), packet(1, 2), packet(2, 3, size=60)]


def test_what_waits_goes_at_once_when_the_cable_becomes_infinitely_fast(joined: Join, packet: Packet) -> None:
    engine, a, b, cable = joined(rate=10**7, delay=7, discipline=FqCoDel())
    frames = [packet(1, number) for number in range(5)]
    for frame in frames:
        a.lane.send(frame)
    engine.run(until=100)
    cable.set(rate=None)
    a.lane.send(packet(1, 5))
    engine.run()
    assert b.frames == [*frames, packet(1, 5)], "behind the one that was being sent"
    assert b.times == [1526 * 800 + 7] * 6
    cable.set(rate=10**7)
    for frame in frames:
        a.lane.send(frame)
    assert a.lane.backlog == 5 * 1538
    engine.run()
    assert b.frames[6:] == frames


def test_a_new_rate_holds_from_the_next_frame_on(joined: Join, packet: Packet) -> None:
    engine, a, b, cable = joined(rate=10**7, discipline=CoDel())
    for number in range(3):
        a.lane.send(packet(1, number))
    engine.run(until=1)
    cable.set(rate=10**10, delay=3)
    engine.run()
    assert b.times[0] == 1526 * 800
    assert b.times[1] == 1538 * 800 + 1221 + 3
    assert b.times[2] == 1538 * 800 + 2452 + 3  # 1230.4 and 1220.8


def test_other_changes_leave_the_queue_as_it_is(joined: Join, packet: Packet) -> None:
    engine, a, b, cable = joined(rate=10**7, discipline=FqCoDel())
    for number in range(4):
        a.lane.send(packet(1, number))
    cable.set(delay=9, loss=0, queue=10**6, discipline=FqCoDel())
    a.lane.send(packet(2, 4, size=60))
    engine.run()
    assert len(b.frames) == 5
    assert b.frames.index(packet(2, 4, size=60)) <= 2


# --- ends


@pytest.mark.parametrize("way", MANAGED)
@pytest.mark.parametrize("act", ["cut", "unplug"])
def test_a_cut_loses_what_waits(joined: Join, packet: Packet, sink: Any, way: Discipline, act: str) -> None:
    engine, a, b, cable = joined(rate=10**7, delay=10**9, discipline=way)
    lane = a.lane
    seen: list[Drop] = []
    engine.events.on(Drop, seen.append)
    frames = [packet(1, number) for number in range(10)]
    for frame in frames:
        lane.send(frame)
    engine.run(until=3 * 1538 * 800)
    getattr(cable, act)()
    assert [drop.data for drop in seen] == frames, "those on the way, and those that waited"
    assert lane.drops.counts == {"cable: cut": 10}
    assert lane.backlog == 0
    assert engine.heap == []
    if act == "unplug":
        c, d = sink(engine, "c"), b
        cable.plug(c, d)
        lane = c.lane
    else:
        cable.mend()
    lane.send(packet(1, 77))
    lane.send(packet(1, 78))
    engine.run()
    assert b.frames == [packet(1, 77), packet(1, 78)]
    assert b.times == [3 * 1538 * 800 + 10**9 + (1538 * n + 1526) * 800 for n in range(2)]


def test_after_a_cut_the_past_is_forgotten(joined: Join, packet: Packet) -> None:
    engine, a, b, cable = joined(rate=10**7, discipline=Red(min=100, max=200, weight=0.5))
    for number in range(20):
        a.lane.send(packet(1, number))
    assert a.lane.drops.counts["cable: red"] > 10
    cable.cut()
    cable.mend()
    a.lane.send(packet(1, 20))
    engine.run()
    assert b.frames == [packet(1, 20)]


def test_a_cut_of_one_cable_leaves_the_others_awake(joined: Join, packet: Packet, sink: Any) -> None:
    from glassnet.physical import Cable

    engine, a, b, cable = joined(rate=10**7, discipline=CoDel())
    other = Cable(engine, "other", rate=10**7, discipline=CoDel())
    c, d = sink(engine, "c"), sink(engine, "d")
    other.plug(c, d)
    for number in range(5):
        a.lane.send(packet(1, number))
        c.lane.send(packet(1, number))
    cable.cut()
    engine.run()
    assert (len(b.got), len(d.got)) == (0, 5)


# --- together

changes = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.sampled_from([None, 10**7, 10**9, 10**10, 1_544_000]),
        "delay": st.integers(0, 10**6),
        "queue": st.sampled_from([None, 0, 2000, 20_000]),
        "discipline": st.sampled_from(DISCIPLINES),
        "loss": st.sampled_from([0, 0.3]),
        "duplication": st.sampled_from([0, 0.3]),
        "jitter": st.integers(0, 10**6),
        "bit_errors": st.sampled_from([0, 1e-4]),
    },
)
frames = st.tuples(st.integers(1, 3), st.sampled_from([60, 500, 1514]), st.sampled_from([0, 1, 2, 3]))
actions = st.one_of(frames, frames, frames, changes, st.sampled_from(["cut", "mend"]))


def play(joined: Join, packet: Packet, seed: int, start: dict[str, Any], acts: list[tuple[int, Any]]) -> Any:
    engine, a, b, cable = joined(seed=seed, **start)
    sent: list[bytes] = []

    def act(action: Any) -> None:
        if isinstance(action, dict):
            cable.set(**action)
        elif isinstance(action, str):
            getattr(cable, action)()
        else:
            flow, size, ecn = action
            sent.append(packet(flow, len(sent), ecn, size))
            a.lane.send(sent[-1])

    when = 0
    for gap, action in acts:
        when += gap
        engine.at(when, act, action)
    engine.run()
    return a.lane, b, sent, cable


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 9),
    start=changes,
    acts=st.lists(st.tuples(st.integers(0, 10**5), actions), max_size=80),
)
def test_no_frame_is_forgotten_nor_overtakes_its_flow(
    joined: Join, packet: Packet, seed: int, start: dict[str, Any], acts: list[tuple[int, Any]]
) -> None:
    lane, b, sent, _ = play(joined, packet, seed, start, acts)
    dropped = sum(lane.drops.counts.values())
    assert len(sent) + lane.duplicated == len(b.got) + len(b.damaged) + dropped
    assert lane._managed is None or lane._managed.octets == 0
    numbers = {flow: [] for flow in range(1, 4)}
    for frame in b.frames:
        before = sent[int.from_bytes(frame[42:46], "big")]
        if frame != before:
            assert codepoint(before) in (1, 2)
            assert codepoint(frame) == CE
            assert is_valid(frame[14:34])
            assert frame[26:] == before[26:]
        numbers[int.from_bytes(frame[34:36], "big")].append(int.from_bytes(frame[42:46], "big"))
    for flow in numbers.values():
        assert flow == sorted(flow)


@settings(max_examples=30, deadline=None)
@given(start=changes, acts=st.lists(st.tuples(st.integers(0, 10**5), actions), max_size=60))
def test_the_same_seed_does_the_same(
    joined: Join, packet: Packet, start: dict[str, Any], acts: list[tuple[int, Any]]
) -> None:
    (one, b, _, _), (other, c, _, _) = (play(joined, packet, 4, start, acts) for _ in range(2))
    assert (b.got, b.damaged, one.drops.counts, one.marked) == (
        c.got,
        c.damaged,
        other.drops.counts,
        other.marked,
    )


# --- names


def test_disciplines_have_names_and_parameters() -> None:
    assert discipline("codel") == CoDel()
    assert discipline({"name": "codel", "target": "10ms"}) == CoDel(target="10ms")
    assert discipline({"name": "red", "min": "3kB", "ecn": False}) == Red(min="3kB", ecn=False)
    assert discipline("tail_drop") == TailDrop()
    assert discipline("threshold") == Threshold()
    own = FqCoDel(flows=7)
    assert discipline(own) is own


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("codle", "'codle': expected one of tail_drop, threshold, red, codel, fq_codel"),
        (5, "5: expected one of tail_drop"),
        (None, "None: expected one of"),
        ({}, "{}: expected one of"),
        ({"name": ["codel"]}, "expected one of"),
        ({"name": "codel", "flows": 3}, "codel has no 'flows'; it has target, interval, ecn"),
        ({"name": "tail_drop", "ecn": True}, "tail_drop has no 'ecn'; it has no parameters"),
        ({"name": "codel", "target": "x"}, "CoDel: target: 'x'"),
        ({"name": "threshold", "mark": "5 apples"}, "Threshold: mark: '5 apples'"),
    ],
)
def test_nonsense_is_no_discipline(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        discipline(wrong)
