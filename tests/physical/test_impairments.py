from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.engine import Drop, Engine
from glassnet.physical import Cable, FrameImpaired
from glassnet.physical.framing import fcs_holds, with_fcs

Join = Callable[..., Any]

GIGABIT = 10**9


def numbered(count: int, size: int = 60) -> Iterator[bytes]:
    return (number.to_bytes(4, "big").ljust(size, b".") for number in range(count))


def send_all(engine: Engine, lane: Any, count: int, size: int = 60, every: int = 10_000) -> list[bytes]:
    frames = list(numbered(count, size))
    for number, frame in enumerate(frames):
        engine.at(engine.now + number * every, lane.send, frame)
    engine.run()
    return frames


def test_loss_has_the_rate_asked_for_and_loses_nothing_else(joined: Join) -> None:
    engine, a, b, cable = joined(seed=1, rate=GIGABIT, loss=0.02)
    frames = send_all(engine, a.lane, 20_000)
    lost = cable.towards("lan").drops.counts["cable: loss"]
    assert 400 - 4 * 20 <= lost <= 400 + 4 * 20  # four standard deviations
    assert len(b.got) + lost == len(frames)
    arrived = set(b.frames)
    assert b.frames == [frame for frame in frames if frame in arrived], "in order"
    assert cable.towards("lan").frames == len(frames), "lost on the way, after they were sent"


def test_the_lost_take_their_time_on_the_line(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT, loss=1)
    seen: list[Drop] = []
    engine.events.on(Drop, seen.append)
    a.lane.send(bytes(1514))
    assert seen == [Drop(0, "cable:pc-lan:lan", "cable: loss", bytes(1514))]
    cable.set(loss=0)
    a.lane.send(bytes(1514))
    engine.run()
    assert b.times == [(1538 + 1526) * 8]


def test_duplicates_arrive_beside_the_original(joined: Join) -> None:
    engine, a, b, cable = joined(seed=2, rate=GIGABIT, duplication=0.1)
    frames = send_all(engine, a.lane, 5000)
    duplicated = cable.towards("lan").duplicated
    assert 500 - 4 * 21 <= duplicated <= 500 + 4 * 21
    assert len(b.got) == len(frames) + duplicated
    assert list(dict.fromkeys(b.frames)) == frames
    twice = [frame for frame, following in zip(b.frames, b.frames[1:], strict=False) if frame is following]
    assert len(twice) == duplicated


def test_jitter_spreads_arrivals_evenly_and_keeps_order(joined: Join) -> None:
    engine, a, b, _ = joined(seed=3, delay=1000, jitter=500)
    frames = send_all(engine, a.lane, 4000, every=10_000)
    late = [when - number * 10_000 - 1000 for number, when in enumerate(b.times)]
    assert b.frames == frames
    assert min(late) >= 0
    assert max(late) <= 500
    assert {0, 500} <= set(late)
    assert sum(late) / len(late) == pytest.approx(250, abs=10)


def test_great_jitter_still_keeps_order(joined: Join) -> None:
    engine, a, b, _ = joined(seed=3, rate=GIGABIT, jitter=10**6)
    frames = send_all(engine, a.lane, 2000, every=1000)
    assert b.frames == frames
    assert b.times == sorted(b.times)


def test_a_frame_held_back_is_overtaken(joined: Join) -> None:
    engine, a, b, cable = joined(seed=4, rate=GIGABIT, reordering=0.05, reordering_delay=35_000)
    frames = send_all(engine, a.lane, 4000, every=10_000)
    held = cable.towards("lan").held_back
    assert 200 - 4 * 14 <= held <= 200 + 4 * 14
    assert sorted(b.frames) == frames
    assert b.frames != frames
    on_time = {number * 10_000 + 576 for number in range(len(frames))}
    late = [(when, frame) for when, frame in b.got if when not in on_time]
    assert len(late) == held
    for when, frame in late:
        assert when == int.from_bytes(frame[:4], "big") * 10_000 + 576 + 35_000
    first = int.from_bytes(late[0][1][:4], "big")
    assert b.frames.index(late[0][1]) == first + 3, "those sent in the next 35 us overtook it"


@pytest.mark.parametrize(
    ("rate", "hold"), [(None, 10**6), (GIGABIT, 10**6), (10**6, 3 * 1538 * 8 * 1000), (56_000, 659_142_857)]
)
def test_by_default_a_frame_is_held_back_for_some_full_frames(
    joined: Join, rate: int | None, hold: int
) -> None:
    engine, a, b, _ = joined(rate=rate, reordering=1)
    a.lane.send(bytes(60))
    engine.run()
    alone = 0 if rate is None else -(-72 * 8 * 10**9 // rate)
    assert b.times == [alone + hold]


# --- bit errors


def test_bit_errors_invert_real_bits_at_the_rate_asked_for(joined: Join) -> None:
    rate = 1e-4
    engine, a, b, cable = joined(seed=5, bit_errors=rate)
    frames = send_all(engine, a.lane, 4000, size=500)
    assert len(b.got) + len(b.damaged) == len(frames)
    assert cable.towards("lan").damaged == len(b.damaged)
    inverted = 0
    positions: set[int] = set()
    for when, bits in b.damaged:
        sent = int.from_bytes(with_fcs(frames[when // 10_000]), "little")
        wrong = sent ^ int.from_bytes(bits, "little")
        assert wrong
        inverted += wrong.bit_count()
        positions |= {place for place in range(504 * 8) if wrong >> place & 1}
        assert not fcs_holds(bits)
    expected = 4000 * 504 * 8 * rate
    assert abs(inverted - expected) < 4 * expected**0.5
    assert min(positions) < 100, "the head of a frame is hit"
    assert max(positions) >= 500 * 8, "and so is the check sequence"


def test_short_frames_are_hit_in_their_padding(joined: Join) -> None:
    engine, a, b, _ = joined(bit_errors=1)
    a.lane.send(b"\x00" * 14)
    engine.run()
    (_, bits) = b.damaged[0]
    assert bits == bytes(255 - octet for octet in with_fcs(b"\x00" * 14))


@pytest.mark.parametrize("rate", [1e-300, 5e-324])
def test_the_rarest_errors_never_come(joined: Join, rate: float) -> None:
    engine, a, b, _ = joined(bit_errors=rate)
    frames = send_all(engine, a.lane, 100)
    assert b.frames == frames


def test_the_undamaged_are_the_very_objects(joined: Join) -> None:
    engine, a, b, _ = joined(bit_errors=1e-5)
    frames = send_all(engine, a.lane, 100)
    assert {id(frame) for frame in b.frames} <= {id(frame) for frame in frames}


# --- together


def run(joined: Join, seed: int, **conditions: Any) -> tuple[Any, Any, list[FrameImpaired]]:
    engine, a, b, cable = joined(seed=seed, rate=GIGABIT, **conditions)
    seen: list[FrameImpaired] = []
    engine.events.on(FrameImpaired, seen.append)
    send_all(engine, a.lane, 500, size=400)
    return b, cable.towards("lan"), seen


everything = {
    "loss": 0.05,
    "duplication": 0.05,
    "reordering": 0.05,
    "jitter": 100_000,
    "bit_errors": 1e-5,
}


def test_the_same_seed_does_the_same_and_another_does_not(joined: Join) -> None:
    first, again, other = (run(joined, seed, **everything)[0] for seed in (1, 1, 2))
    assert (first.got, first.damaged) == (again.got, again.damaged)
    assert first.got != other.got


def test_one_impairment_moves_no_other(joined: Join) -> None:
    def lost(b: Any) -> set[bytes]:
        return set(numbered(500, 400)) - set(b.frames)

    alone = lost(run(joined, 1, loss=0.05)[0])
    assert lost(run(joined, 1, loss=0.05, duplication=0.2, reordering=0.1, jitter=9999)[0]) == alone


def test_observers_see_and_change_nothing(joined: Join) -> None:
    b, lane, seen = run(joined, 1, **everything)
    assert sum(event.what == "duplicated" for event in seen) == lane.duplicated > 0
    assert sum(event.what == "held back" for event in seen) == lane.held_back > 0
    assert sum(event.what == "damaged" for event in seen) == lane.damaged == len(b.damaged) > 0
    assert {event.lane for event in seen} == {"cable:pc-lan:lan"}
    engine, a, unseen, _ = joined(seed=1, rate=GIGABIT, **everything)
    send_all(engine, a.lane, 500, size=400)
    assert unseen.got == b.got


def test_directions_and_cables_have_streams_of_their_own(joined: Join) -> None:
    engine, a, b, _ = joined(seed=1, loss=0.5)
    both = [send_all(engine, end.lane, 100) for end in (a, b)]
    assert both[0] == both[1]
    assert a.frames != b.frames
    other_engine, c, d, _ = joined(seed=1, name="other", loss=0.5)
    send_all(other_engine, c.lane, 100)
    assert d.frames != b.frames


probabilities = st.sampled_from([0, 0.01, 0.3, 1])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 60),
    conditions=st.fixed_dictionaries(
        {
            "rate": st.sampled_from([None, 10**8, 10**10]),
            "queue": st.sampled_from([None, 10_000]),
            "loss": probabilities,
            "duplication": probabilities,
            "reordering": probabilities,
            "jitter": st.integers(0, 10**6),
            "bit_errors": st.sampled_from([0, 1e-4, 1e-2]),
        }
    ),
)
def test_every_frame_is_accounted_for(
    joined: Join, seed: int, count: int, conditions: dict[str, Any]
) -> None:
    engine, a, b, cable = joined(seed=seed, **conditions)
    sent = send_all(engine, a.lane, count, size=200, every=5000)
    lane = cable.towards("lan")
    dropped = sum(lane.drops.counts.values())
    assert len(sent) + lane.duplicated == len(b.got) + len(b.damaged) + dropped
    assert lane.damaged == len(b.damaged)
    assert lane.frames == len(sent) - lane.drops.counts.get("cable: queue full", 0)
    if not conditions["reordering"]:
        assert b.frames == sorted(b.frames)
        assert b.times == sorted(b.times)


def test_switching_impairments_on_and_off_leaves_a_perfect_cable(joined: Join) -> None:
    engine, a, b, cable = joined(rate=GIGABIT)
    cable.set(**everything)
    send_all(engine, a.lane, 100)
    cable.set(loss=0, duplication=0, reordering=0, jitter=0, bit_errors=0)
    b.got.clear()
    frames = send_all(engine, a.lane, 100)
    assert b.frames == frames


def test_conditions_may_be_given_before_plugging_in(sink: Any) -> None:
    engine = Engine()
    cable = Cable(engine, "c", loss=1)
    a, b = sink(engine, "a"), sink(engine, "b")
    cable.plug(a, b)
    a.lane.send(bytes(60))
    engine.run()
    assert b.got == []
