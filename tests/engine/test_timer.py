from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Engine, Timer


def make() -> tuple[Engine, Timer, list[int]]:
    engine = Engine()
    fired: list[int] = []
    return engine, Timer(engine, lambda: fired.append(engine.now)), fired


def test_fires_once_at_its_deadline() -> None:
    engine, timer, fired = make()
    timer.start(100)
    assert timer.deadline == 100
    engine.run()
    assert fired == [100]
    assert timer.deadline is None


def test_stopped_does_not_fire() -> None:
    engine, timer, fired = make()
    timer.start(100)
    timer.stop()
    assert timer.deadline is None
    engine.run()
    assert fired == []


def test_putting_off_costs_no_further_entry() -> None:
    engine, timer, fired = make()
    for when in range(100, 1000):
        timer.start(when)
    assert len(engine.heap) == 1
    engine.run()
    assert fired == [999]


def test_moved_forward_fires_early_and_only_then() -> None:
    engine, timer, fired = make()
    timer.start(100)
    timer.start(50)
    engine.run()
    assert fired == [50]


def test_restarted_from_its_own_callback() -> None:
    engine = Engine()
    fired: list[int] = []

    def callback() -> None:
        fired.append(engine.now)
        if len(fired) < 4:
            timer.start(engine.now + 10)

    timer = Timer(engine, callback)
    timer.start(10)
    engine.run()
    assert fired == [10, 20, 30, 40]


def test_a_deadline_in_the_past_means_now() -> None:
    engine, timer, fired = make()
    engine.at(100, lambda _: timer.start(30))
    engine.at(100, lambda _: fired.append(-1))
    engine.run()
    assert fired == [-1, 100]
    assert engine.now == 100


@given(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 40)))))
def test_behaves_as_a_timer_without_laziness(actions: list[tuple[int, int | None]]) -> None:
    engine, timer, fired = make()
    expected: list[int] = []
    deadline: int | None = None
    for gap, ahead in actions:
        now = engine.now + gap
        if deadline is not None and deadline <= now:
            expected.append(deadline)
            deadline = None
        engine.run(until=now)
        if ahead is None:
            timer.stop()
            deadline = None
        else:
            timer.start(now + ahead)
            deadline = now + ahead
        assert timer.deadline == deadline
    if deadline is not None:
        expected.append(deadline)
    engine.run()
    assert fired == expected
