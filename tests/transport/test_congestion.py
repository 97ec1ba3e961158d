"""What every congestion controller keeps to, and Reno's rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.transport.tcp.congestion import CONTROLLERS, UNLIMITED, CongestionControl, RateSample, Reno

MSS = 1000
MS = 10**6
S = 10**9

NAMES = sorted(CONTROLLERS)


def feed(controller: CongestionControl, size: int, *, limited: bool = True) -> None:
    controller.acknowledged(S, size, 50 * MS, limited, 10**6, 10**6 + controller.window)


def test_the_names_are_those_of_tcp_congestion() -> None:
    assert NAMES == ["bbr", "cubic", "dctcp", "reno"]
    assert [name for name in NAMES if CONTROLLERS[name].samples] == ["bbr"]
    assert [name for name in NAMES if CONTROLLERS[name].marks] == ["dctcp"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("mss", "segments", "window"),
    [
        (1460, 10, 14600),
        (536, 10, 5360),
        (3000, 10, 14600),
        (9000, 10, 18000),
        (1460, 4, 5840),
        (1460, 1, 1460),
    ],
)
def test_the_initial_window(name: str, mss: int, segments: int, window: int) -> None:
    # RFC 6928, 2: min(10 * MSS, max(2 * MSS, 14600)).
    assert CONTROLLERS[name](mss, segments).window == window


# Reno


def test_reno_slow_start_adds_what_was_acknowledged_up_to_two_segments() -> None:
    reno = Reno(MSS)
    feed(reno, 300)
    assert reno.window == 10300
    feed(reno, 2 * MSS)
    assert reno.window == 12300
    feed(reno, 5 * MSS)  # RFC 3465, 2.2: L = 2
    assert reno.window == 14300


def test_reno_slow_start_after_a_timeout_adds_one_segment_at_most() -> None:
    reno = Reno(MSS)
    reno.timed_out(S, 40 * MSS, again=False)
    assert (reno.window, reno.threshold) == (MSS, 20 * MSS)
    for segments in range(2, 21):  # RFC 3465, 2.3: L = 1
        feed(reno, 3 * MSS)
        assert reno.window == segments * MSS
    feed(reno, 3 * MSS)
    assert reno.window == 20 * MSS  # congestion avoidance
    reno.threshold = 40 * MSS  # and another slow start, after silence
    feed(reno, 3 * MSS)
    assert reno.window == 22 * MSS


def test_reno_grows_a_segment_for_each_window_acknowledged() -> None:
    reno = Reno(MSS)
    reno.window = reno.threshold = 20 * MSS
    for _ in range(9):
        feed(reno, 2 * MSS)
        assert reno.window == 20 * MSS
    feed(reno, 2 * MSS)
    assert reno.window == 21 * MSS
    for _ in range(10):
        feed(reno, 2 * MSS)
    assert reno.window == 21 * MSS
    feed(reno, 2 * MSS)
    assert reno.window == 22 * MSS


def test_reno_halves_flight_size_and_not_below_two_segments() -> None:
    reno = Reno(MSS)
    reno.congested(S, 30 * MSS)  # RFC 5681, equation 4
    assert reno.threshold == 15 * MSS
    reno.recovered()
    assert reno.window == 15 * MSS
    reno.congested(S, 3 * MSS)
    assert reno.threshold == 2 * MSS


def test_reno_lowers_the_threshold_once_for_the_same_data() -> None:
    reno = Reno(MSS)
    reno.timed_out(S, 40 * MSS, again=False)
    reno.timed_out(S, MSS, again=True)  # RFC 5681, 3.1: "MUST be held constant"
    assert (reno.window, reno.threshold) == (MSS, 20 * MSS)


@pytest.mark.parametrize("name", ["cubic", "dctcp", "reno"])
def test_an_unused_window_does_not_grow(name: str) -> None:
    controller = CONTROLLERS[name](MSS)
    for _ in range(50):
        feed(controller, 2 * MSS, limited=False)
    assert controller.window == 10 * MSS
    controller.threshold = 5 * MSS
    for _ in range(50):
        feed(controller, 2 * MSS, limited=False)
    assert controller.window == 10 * MSS


@pytest.mark.parametrize("name", ["cubic", "dctcp", "reno"])
def test_idleness_halves_the_window_for_each_timeout_down_to_the_initial(name: str) -> None:
    controller = CONTROLLERS[name](MSS)
    controller.window = 100 * MSS
    controller.threshold = 20 * MSS
    controller.restarted(S, 5 * S // 2, S)  # RFC 2861: two timeouts and a half
    assert controller.window == 25 * MSS
    assert controller.threshold == 75 * MSS
    controller.restarted(S, 100 * S, S)
    assert controller.window == 10 * MSS
    controller.timed_out(S, 10 * MSS, again=False)
    controller.restarted(S, 100 * S, S)
    assert controller.window == MSS  # idleness gives nothing


@pytest.mark.parametrize("name", ["cubic", "dctcp", "reno"])
def test_a_window_that_is_not_used_shrinks_halfway_to_what_is(name: str) -> None:
    controller = CONTROLLERS[name](MSS)
    controller.window = 100 * MSS
    controller.unused(40 * MSS)
    assert controller.window == 70 * MSS
    controller.threshold = 2 * MSS
    controller.unused(2 * MSS)  # the initial window may always be kept
    assert controller.window == 40 * MSS
    assert controller.threshold == 52500
    controller.window = MSS
    controller.unused(MSS)
    assert controller.window == MSS


@pytest.mark.parametrize("name", ["cubic", "dctcp", "reno"])
def test_undo_gives_back_what_was_before(name: str) -> None:
    controller = CONTROLLERS[name](MSS)
    controller.window = 50 * MSS
    controller.timed_out(S, 50 * MSS, again=False)
    controller.undo(50 * MSS, UNLIMITED)
    assert (controller.window, controller.threshold) == (50 * MSS, UNLIMITED)


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_segments_survives_another_segment_size(name: str) -> None:
    controller = CONTROLLERS[name](1400)
    controller.window = 70 * 1400
    if name != "bbr":
        controller.threshold = 35 * 1400
    controller.set_mss(1000)
    assert controller.window == 70 * 1000
    if name != "bbr":
        assert controller.threshold == 35 * 1000


# Every controller, whatever comes


SIZES = st.integers(1, 3_000_000)
MOMENTS = st.integers(0, 20 * S)

CALLS = st.one_of(
    st.tuples(st.just("acknowledged"), SIZES, st.one_of(st.just(-1), MOMENTS), st.booleans()),
    st.tuples(st.just("congested"), SIZES, st.booleans()),
    st.tuples(st.just("recovered")),
    st.tuples(st.just("timed_out"), SIZES, st.booleans()),
    st.tuples(st.just("undo")),
    st.tuples(st.just("restarted"), MOMENTS, st.integers(MS, S)),
    st.tuples(st.just("unused"), SIZES),
    st.tuples(st.just("set_mss"), st.integers(88, 9000)),
    st.tuples(st.just("sampled"), SIZES, MOMENTS, st.booleans(), st.booleans(), st.booleans()),
    st.tuples(st.just("marked"), SIZES, st.booleans()),
)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    mss=st.integers(88, 9000),
    segments=st.integers(1, 100),
    calls=st.lists(st.tuples(MOMENTS, CALLS), max_size=60),
)
def test_whatever_is_told_the_window_stays_within_reason(
    name: str, mss: int, segments: int, calls: list[tuple[int, tuple[object, ...]]]
) -> None:
    controller = CONTROLLERS[name](mss, segments)
    now = total = 0
    before = (controller.window, controller.threshold)
    for wait, (what, *rest) in calls:
        now += wait
        window, threshold = controller.window, controller.threshold
        if what == "acknowledged":
            size, rtt, limited = rest
            total += size
            controller.acknowledged(now, size, rtt, limited, total, total + window)
            assert controller.window >= window
            assert controller.window <= window + size + 2 * controller.mss or name == "cubic"
            assert controller.window <= 2 * window + size
            if not limited:
                assert controller.window == window
        elif what == "congested":
            before = (window, threshold)
            controller.congested(now, *rest[:1], mark=rest[1])
            assert controller.window == window
            assert controller.threshold <= max(threshold, 2 * controller.mss, rest[0] // 2, window)
        elif what == "timed_out":
            before = (window, threshold)
            controller.timed_out(now, rest[0], again=rest[1])
            assert controller.window == controller.mss
        elif what == "undo":
            controller.undo(*before)
            assert controller.window >= before[0]
        elif what == "restarted":
            controller.restarted(now, *rest)
            assert controller.window <= window
        elif what == "unused":
            controller.unused(*rest)
            assert controller.window <= window
        elif what == "set_mss":
            controller.set_mss(*rest)
            before = (controller.window, controller.threshold)
        elif what == "sampled":
            size, interval, limited, recovering, rated = rest
            total += size
            controller.sampled(
                RateSample(
                    now=now,
                    interval=interval or -1 if rated else -1,
                    delivered=size,
                    prior_delivered=total - size,
                    total_delivered=total,
                    acked=size,
                    lost=size // 3 if recovering else 0,
                    in_flight=size,
                    prior_in_flight=2 * size,
                    rtt=interval,
                    app_limited=limited,
                    in_recovery=recovering,
                )
            )
            if name != "bbr":
                assert controller.window == window
        elif what == "marked":
            controller.marked(rest[0], rest[1], total, total + window)
            assert controller.window == window
        else:
            controller.recovered()
        assert controller.window >= controller.mss
        assert controller.window < 1 << 40
        assert controller.threshold >= 2 * controller.mss
        assert controller.pacing_rate >= 0
        assert all(isinstance(each, int) for each in (controller.window, controller.threshold))
