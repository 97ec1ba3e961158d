"""Ends of a cable: plugging, cutting, mending."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Drop, Engine
from glassnet.physical import Cable, LaneChanged

Join = Callable[..., Any]


def test_ends_have_names_and_lanes(joined: Join) -> None:
    _, a, b, cable = joined()
    assert cable.ends == ("pc", "lan")
    assert cable.towards("pc") is cable.towards(a) is b.lane
    assert cable.towards("lan") is cable.towards(b) is a.lane
    assert cable.lanes == (b.lane, a.lane)
    assert a.lane.name == "cable:pc-lan:lan"
    assert a.lane.receiver is b
    assert repr(cable) == "<Cable pc-lan: pc to lan>"


def test_unknown_ends_are_refused_by_name(joined: Join, sink: Any) -> None:
    engine, _, _, cable = joined()
    with pytest.raises(ValueError, match="cable pc-lan: no end 'web': it has 'pc' and 'lan'"):
        cable.towards("web")
    with pytest.raises(ValueError, match="cable pc-lan: no end web eth0"):
        cable.towards(sink(engine, "web eth0"))


def test_bad_conditions_name_the_cable() -> None:
    with pytest.raises(ValueError, match="cable pc-lan: loss=2: expected a probability"):
        Cable(Engine(), "pc-lan", loss=2)
    with pytest.raises(ValueError, match="cable pc-lan: both ends are called 'x'"):
        Cable(Engine(), "pc-lan", ends=("x", "x"))


def test_a_bad_change_changes_nothing(joined: Join) -> None:
    _, a, b, cable = joined(delay=5)
    with pytest.raises(ValueError, match="cable pc-lan: loss=7"):
        cable.set(delay=9, loss=7)
    assert (a.lane.conditions.delay, b.lane.conditions.delay) == (5, 5)


def test_one_cable_for_each_receiver(joined: Join, sink: Any) -> None:
    engine, _, b, cable = joined()
    c, d = sink(engine, "c"), sink(engine, "d")
    other = Cable(engine, "other")
    with pytest.raises(ValueError, match="cable other: lan port 1 has a cable already: pc-lan"):
        other.plug(c, b)
    assert c.lane is None
    with pytest.raises(ValueError, match="cable other: both ends are plugged into c"):
        other.plug(c, c)
    with pytest.raises(ValueError, match="cable pc-lan: already plugged into pc eth0"):
        cable.plug(c, d)


def test_unplugged_cables_can_be_used_again(joined: Join, sink: Any) -> None:
    engine, a, b, cable = joined(delay=10)
    lane = a.lane
    lane.send(b"under way")
    cable.unplug()
    assert a.lane is b.lane is None
    assert lane.drops.counts == {"cable: cut": 1}
    lane.send(b"to nobody")
    assert lane.drops.counts == {"cable: cut": 1, "cable: not plugged in": 1}
    c = sink(engine, "c")
    cable.plug(c, a)
    c.lane.send(b"hello")
    engine.run()
    assert a.frames == [b"hello"]
    assert b.frames == []


@pytest.mark.parametrize("rate", [None, 10**6, 10**10])
@pytest.mark.parametrize("impaired", [{}, {"jitter": 5}, {"bit_errors": 1e-3}])
def test_a_cut_loses_what_is_under_way_and_what_is_sent_after(
    joined: Join, rate: int | None, impaired: dict[str, Any]
) -> None:
    engine, a, b, cable = joined(rate=rate, delay=1000, **impaired)
    seen: list[Drop] = []
    engine.events.on(Drop, seen.append)
    under_way = [bytes([number]) * 60 for number in range(10)]
    for frame in under_way:
        a.lane.send(frame)
        b.lane.send(frame)
    engine.run(until=500)
    cable.cut()
    assert not cable.up
    assert [drop.time for drop in seen] == [500] * 20
    assert [drop.reason for drop in seen] == ["cable: cut"] * 20
    if not impaired:
        assert [drop.data for drop in seen if drop.where == "cable:pc-lan:lan"] == under_way
    assert engine.heap == []
    a.lane.send(bytes(60))
    assert seen[-1] == Drop(500, "cable:pc-lan:lan", "cable: cut", bytes(60))
    engine.run()
    assert a.got == b.got == []
    assert a.lane.frames == 10


def test_a_cut_leaves_other_events_and_cables_alone(joined: Join, sink: Any) -> None:
    engine, a, b, cable = joined(delay=50)
    c, d = sink(engine, "c"), sink(engine, "d")
    other = Cable(engine, "other", delay=60)
    other.plug(c, d)
    order: list[object] = []
    for number in range(40):
        engine.at(37 * number % 100, order.append, (37 * number % 100, number))
        a.lane.send(bytes(60))
        c.lane.send(number.to_bytes(1, "big"))
    cable.cut()
    engine.run()
    assert order == sorted(order)
    assert d.frames == [number.to_bytes(1, "big") for number in range(40)]
    assert b.got == []


def test_a_mended_cable_begins_with_an_empty_queue(joined: Join) -> None:
    engine, a, b, cable = joined(rate=10**6, queue=3000)
    a.lane.send(bytes(1514))
    cable.cut()
    cable.mend()
    assert cable.up
    assert a.lane.backlog == 0
    a.lane.send(bytes(60))
    engine.run()
    assert b.got == [(72 * 8000, bytes(60))]


def test_one_direction_can_be_cut(joined: Join) -> None:
    engine, a, b, cable = joined()
    cable.towards("lan").cut()
    assert not cable.up
    a.lane.send(b"lost")
    b.lane.send(b"found")
    engine.run()
    assert (a.frames, b.frames) == ([b"found"], [])
    cable.mend()
    assert cable.up


def test_conditions_set_while_cut_hold_after_mending(joined: Join) -> None:
    engine, a, b, cable = joined()
    cable.cut()
    cable.set(delay=8, loss=0.5)
    cable.set(loss=0)
    a.lane.send(bytes(60))
    cable.mend()
    a.lane.send(b"x" * 60)
    engine.run()
    assert b.got == [(8, b"x" * 60)]


def test_cutting_and_mending_are_told_once(joined: Join) -> None:
    engine, _, _, cable = joined()
    seen: list[LaneChanged] = []
    engine.events.on(LaneChanged, seen.append)
    for _ in range(2):
        cable.cut()
    for _ in range(2):
        cable.mend()
    lanes = ("cable:pc-lan:pc", "cable:pc-lan:lan")
    assert seen == [LaneChanged(0, lane, up) for up in (False, True) for lane in lanes]


def test_receivers_may_be_any_callables() -> None:
    class Bare:
        def __init__(self, name: str, log: list[bytes]) -> None:
            self.name = name
            self.lane: Any = None
            self.receive = log.append
            self.receive_damaged = log.append

    engine = Engine()
    log: list[bytes] = []
    cables = [Cable(engine, name, delay=5) for name in ("one", "two")]
    ends = [Bare(str(number), log) for number in range(4)]
    cables[0].plug(ends[0], ends[1])
    cables[1].plug(ends[2], ends[3])
    ends[0].lane.send(b"one")
    ends[2].lane.send(b"two")
    cables[0].cut()
    engine.run()
    assert log == [b"two"]


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from(["send", "send", "send", "cut", "mend"])), max_size=40
    )
)
def test_frames_are_delivered_or_dropped_through_any_cuts(
    joined: Join, actions: list[tuple[int, str]]
) -> None:
    engine, _, b, cable = joined(rate=10**9, delay=3000, jitter=500, duplication=0.1)
    lane = cable.towards("lan")
    when = sent = 0
    for gap, action in actions:
        when += gap
        if action == "send":
            engine.at(when, lane.send, sent.to_bytes(2, "big") + bytes(98))
            sent += 1
        else:
            engine.at(when, lambda action: getattr(cable, action)(), action)
    engine.run()
    assert len(b.got) + sum(lane.drops.counts.values()) == sent + lane.duplicated
    assert b.frames == sorted(b.frames)
