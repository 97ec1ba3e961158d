import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Clock, Engine, clock


class Wall:
    """A wall clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 5_000_000_000
        self.sleeps: list[float] = []
        monkeypatch.setattr(clock, "_wall_ns", lambda: self.now)
        monkeypatch.setattr(clock, "_wall_sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += round(seconds * 1e9)


def test_virtual_time_jumps_to_each_event_and_stops_after_the_last() -> None:
    engine = Engine()
    seen: list[tuple[str, int]] = []
    engine.at(3600 * 10**9, lambda name: seen.append((name, engine.now)), "late")
    engine.after(20, lambda name: seen.append((name, engine.now)), "early")
    assert engine.run() is False
    assert seen == [("early", 20), ("late", 3600 * 10**9)]
    assert engine.now == 3600 * 10**9


def test_events_at_one_time_run_in_the_order_scheduled() -> None:
    engine = Engine()
    seen: list[int] = []
    for number in range(100):
        engine.at(7, seen.append, number)
    engine.run()
    assert seen == list(range(100))


@given(st.lists(st.integers(-5, 50)))
def test_any_schedule_runs_in_order_of_time_then_of_scheduling(times: list[int]) -> None:
    engine = Engine()
    seen: list[tuple[int, int]] = []
    for number, when in enumerate(times):
        engine.at(when, lambda number: seen.append((engine.now, number)), number)
    engine.run()
    assert seen == sorted((max(when, 0), number) for number, when in enumerate(times))


def test_the_past_means_now() -> None:
    engine = Engine()
    seen: list[int] = []
    engine.at(10, lambda _: engine.at(3, lambda _: seen.append(engine.now)))
    engine.run()
    assert seen == [10]


def test_run_until_runs_what_is_due_and_leaves_the_clock_there() -> None:
    engine = Engine()
    seen: list[int] = []
    for when in (10, 20, 21):
        engine.at(when, seen.append, when)
    assert engine.run(until=20) is True
    assert seen == [10, 20]
    assert engine.now == 20
    assert engine.run(until=500) is True
    assert seen == [10, 20, 21]
    assert engine.now == 500
    assert engine.run(until=400) is True
    assert engine.now == 500, "time does not go back"


def test_pause_returns_after_the_event_under_way_and_run_goes_on_from_there() -> None:
    engine = Engine()
    seen: list[int] = []

    def pause(_: object) -> None:
        assert engine.running
        engine.pause()
        seen.append(engine.now)

    engine.at(1, pause)
    engine.at(2, seen.append, 2)
    assert engine.run(until=10) is True
    assert (engine.now, seen, engine.running) == (1, [1], False)
    assert engine.run() is False
    assert seen == [1, 2]


@pytest.mark.parametrize("kind", ["virtual", "real", "scaled"])
def test_step_runs_one_event_whatever_the_clock(kind: Clock) -> None:
    engine = Engine(clock=kind)
    seen: list[int] = []
    engine.at(10**15, seen.append, 1)
    engine.at(10**15, seen.append, 2)
    assert engine.step() is True
    assert (engine.now, seen) == (10**15, [1])
    assert engine.step() is True
    assert engine.step() is False
    assert seen == [1, 2]


def test_running_or_stepping_inside_an_event_is_refused() -> None:
    engine = Engine()
    refused: list[str] = []

    def again(_: object) -> None:
        engine.at(9, print)
        for call in (engine.run, engine.step):
            with pytest.raises(RuntimeError, match="already running") as caught:
                call()
            refused.append(str(caught.value))
        engine.heap.clear()

    engine.at(1, again)
    engine.run()
    assert len(refused) == 2


def test_an_exception_leaves_the_engine_fit_to_go_on() -> None:
    engine = Engine()
    seen: list[int] = []

    def fail(_: object) -> None:
        raise KeyError("ours")

    for run in (engine.run, engine.step):
        engine.after(1, fail)
        engine.after(2, seen.append, 2)
        with pytest.raises(KeyError):
            run()
        assert not engine.running
        engine.run()
    assert seen == [2, 2]


@pytest.mark.parametrize(
    ("kind", "speed", "factor"),
    [("real", 1.0, 1.0), ("real", 5.0, 1.0), ("scaled", 0.5, 2.0), ("scaled", 10.0, 0.1)],
)
def test_a_paced_clock_waits_for_the_wall(
    monkeypatch: pytest.MonkeyPatch, kind: Clock, speed: float, factor: float
) -> None:
    wall = Wall(monkeypatch)
    began = wall.now
    engine = Engine(clock=kind, speed=speed)
    seen: list[tuple[int, int]] = []
    for when in (0, 10**9, 3 * 10**9):
        engine.at(when, lambda _: seen.append((engine.now, wall.now - began)))
    assert engine.run() is False
    assert [when for when, _ in seen] == [0, 10**9, 3 * 10**9]
    assert [real for _, real in seen] == pytest.approx([0, 10**9 * factor, 3 * 10**9 * factor])


def test_a_paced_clock_does_not_sleep_when_it_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")

    def slow(_: object) -> None:
        wall.now += 10**10

    engine.at(0, slow)
    engine.at(5, lambda _: None)
    engine.run()
    assert wall.sleeps == []
    assert engine.now == 5


def test_a_paced_clock_waits_until_the_end_even_with_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="scaled", speed=2)
    engine.at(5 * 10**9, print)
    assert engine.run(until=4 * 10**9) is True
    assert sum(wall.sleeps) == pytest.approx(2)
    assert engine.now == 4 * 10**9
    assert len(engine.heap) == 1


def test_a_pause_does_not_count_as_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")
    engine.at(10**9, lambda _: engine.pause())
    engine.at(2 * 10**9, lambda _: None)
    assert engine.run() is True
    wall.now += 60 * 10**9
    began = wall.now
    assert engine.run() is False
    assert wall.now - began == pytest.approx(10**9)


def test_a_real_clock_on_the_real_wall() -> None:
    engine = Engine(clock="real")
    engine.at(20_000_000, lambda _: None)
    began = clock._wall_ns()
    engine.run()
    assert clock._wall_ns() - began >= 20_000_000


def test_bad_clocks_are_refused() -> None:
    with pytest.raises(ValueError, match="clock='wall': expected 'virtual', 'real' or 'scaled'"):
        Engine(clock="wall")  # type: ignore[arg-type]
    for speed in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="speed="):
            Engine(clock="scaled", speed=speed)


class Outside:
    """Something outside, which is ready whenever it is looked at, until it has happened `times`."""

    def __init__(self, engine: Engine, times: int) -> None:
        self.engine = engine
        self.left = times
        self.happened: list[int] = []

    def wait(self, seconds: float) -> bool:
        return self.left > 0

    def happen(self) -> None:
        self.left -= 1
        self.happened.append(self.engine.now)


def test_work_without_end_does_not_shut_out_what_is_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")
    outside = engine.outside = Outside(engine, 3)
    ran = 0

    def again(_: object) -> None:
        nonlocal ran
        ran += 1
        wall.now += 10
        if outside.left and ran < 10_000:
            engine.after(0, again)

    engine.at(0, again)
    assert engine.run() is False
    assert len(outside.happened) == 3
    assert ran < 1000


def test_what_comes_from_outside_comes_before_events_that_are_not_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")
    outside = engine.outside = Outside(engine, 1)
    seen: list[int] = []
    engine.at(5 * 10**9, lambda _: seen.append(engine.now))
    wall.now += 7
    engine.run()
    assert outside.happened[0] < 5 * 10**9
    assert seen == [5 * 10**9]


@pytest.mark.parametrize(("late", "order"), [(300, ["outside", "timer"]), (1, ["timer"])])
def test_what_came_while_a_paced_clock_was_held_up_comes_before_a_timer_of_that_time(
    monkeypatch: pytest.MonkeyPatch, late: int, order: list[str]
) -> None:
    """An answer that waits to be read must not be missed by who has a timeout for it."""
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")
    seen: list[str] = []

    class Answer(Outside):
        def wait(self, seconds: float) -> bool:
            return held_up and super().wait(seconds)

        def happen(self) -> None:
            super().happen()
            engine.after(0, lambda _: seen.append("outside"))

    held_up = False
    outside = engine.outside = Answer(engine, 1)

    def hold_up(_: object) -> None:
        nonlocal held_up
        wall.now += (200 + late) * 10**6
        held_up = True

    def expire(_: object) -> None:
        nonlocal held_up
        seen.append("timer")
        held_up = False

    engine.at(0, hold_up)
    engine.at(200 * 10**6, expire)
    engine.run()
    assert seen == order
    assert outside.happened == [200 * 10**6 - 1][: len(order) - 1]


def test_a_pause_from_outside_is_heeded_although_events_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    engine = Engine(clock="real")
    seen: list[int] = []

    class Switch(Outside):
        def happen(self) -> None:
            super().happen()
            engine.pause()

    engine.outside = Switch(engine, 0)
    engine.at(0, lambda _: setattr(wall, "now", wall.now + 10**9))
    engine.at(0, lambda _: setattr(engine.outside, "left", 1))
    engine.at(10**8, seen.append, 1)
    assert engine.run() is True
    assert seen == []


def test_a_paced_run_is_asked_after_each_event_whether_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Wall(monkeypatch)
    engine = Engine(clock="real")
    seen: list[int] = []
    for number in range(10):
        engine.at(0, seen.append, number)
    assert engine.run(wanted=lambda: len(seen) < 3) is False
    assert seen == [0, 1, 2]
    engine.at(0, lambda _: engine.pause())
    engine.at(0, seen.append, 99)
    assert engine.run() is True
    assert seen == list(range(10))
