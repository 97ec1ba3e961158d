"""CUBIC against RFC 9438's formulas, written here in floating point and in segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.transport.tcp.congestion import UNLIMITED, Cubic
from glassnet.transport.tcp.congestion.cubic import cube_root

MSS = 1448
MS = 10**6
S = 10**9


def w_cubic(t: float, k: float, maximum: float) -> float:
    return 0.4 * (t - k) ** 3 + maximum


class Driver:
    """Acknowledges windows, evenly over each round trip, two segments at a time."""

    def __init__(self, cubic: Cubic, rtt: int, now: int = S) -> None:
        self.cubic = cubic
        self.rtt = rtt
        self.now = now
        self.unacked = 0

    def round(self, *, limited: bool = True) -> None:
        flight = self.cubic.window
        acks = -(-flight // (2 * MSS))
        for _ in range(acks):
            size = min(2 * MSS, flight)
            flight -= size
            self.now += self.rtt // acks
            self.unacked += size
            self.cubic.acknowledged(
                self.now, size, self.rtt, limited, self.unacked, self.unacked + self.cubic.window
            )

    def run(self, seconds: float, *, limited: bool = True) -> list[tuple[float, float]]:
        """Time since the start and window in segments, at the end of each round trip."""
        start = self.now
        seen = []
        while self.now - start < seconds * S:
            self.round(limited=limited)
            seen.append(((self.now - start) / S, self.cubic.window / MSS))
        return seen


def after_loss(segments: int, rtt: int) -> tuple[Cubic, Driver]:
    cubic = Cubic(MSS)
    cubic.window = segments * MSS
    cubic.congested(0, cubic.window)
    cubic.recovered()
    return cubic, Driver(cubic, rtt)


@pytest.mark.parametrize(
    ("segments", "rtt"), [(1000, 100 * MS), (300, 50 * MS), (5000, 50 * MS), (200, 300 * MS)]
)
def test_the_window_follows_the_cubic_curve_through_concave_and_convex(segments: int, rtt: int) -> None:
    cubic, driver = after_loss(segments, rtt)
    k = (segments * 0.3 / 0.4) ** (1 / 3)  # figure 2
    assert cubic.window == segments * MSS * 7 // 10
    seen = driver.run(1.5 * k)
    slope = 3 * 0.4 * k**2 * rtt / S  # segments in the first round trip, which has no history
    for t, window in seen:
        assert window == pytest.approx(w_cubic(t, k, segments), abs=max(2, slope / 4), rel=0.01)
    plateau = [window for t, window in seen if abs(t - k) < rtt / S]
    assert plateau
    assert all(window == pytest.approx(segments, abs=2) for window in plateau)
    assert seen[-1][1] > segments


def test_k_is_the_time_back_to_the_old_window() -> None:
    # 1000 segments: K = cbrt(1000 * 0.3 / 0.4) = 9.09 s. Before it the window is below, after it above.
    _, driver = after_loss(1000, 100 * MS)
    seen = driver.run(14)
    crossing = next(t for t, window in seen if window >= 1000)
    assert crossing == pytest.approx(9.09, abs=1.4)  # the plateau is flat: 1 segment is 1.4 s
    middle = next(window for t, window in seen if t >= 4.54)
    assert middle == pytest.approx(1000 - 300 / 8, abs=2)


def test_fast_convergence_releases_bandwidth_when_the_window_shrinks() -> None:
    cubic, driver = after_loss(1000, 100 * MS)
    # The next loss comes below the last maximum: W_max = cwnd * (1 + beta) / 2 (4.7).
    cubic.window = 800 * MSS
    cubic.congested(driver.now, cubic.window)
    cubic.recovered()
    assert cubic.window == 560 * MSS
    k = ((680 - 560) / 0.4) ** (1 / 3)
    for t, window in driver.run(1.2 * k):
        assert window == pytest.approx(w_cubic(t, k, 680), abs=6)


def test_without_fast_convergence_the_maximum_is_the_window_of_the_loss() -> None:
    cubic, driver = after_loss(1000, 100 * MS)
    cubic.window = 1200 * MSS
    cubic.congested(driver.now, cubic.window)
    cubic.recovered()
    k = (1200 * 0.3 / 0.4) ** (1 / 3)
    for t, window in driver.run(1.2 * k):
        assert window == pytest.approx(w_cubic(t, k, 1200), abs=6)


def test_on_a_short_path_it_grows_as_reno_would() -> None:
    # 4.3: alpha = 9/17 segments each round trip to the old window, then 1.
    rtt = MS
    segments = 40
    _, driver = after_loss(segments, rtt)
    rounds_to_prior = segments * 0.3 / (9 / 17)
    seen = driver.run(0.1)
    for t, window in seen:
        rounds = t * S / rtt
        if rounds < rounds_to_prior:
            expected = segments * 0.7 + rounds * 9 / 17
        else:
            expected = segments + rounds - rounds_to_prior
        assert window == pytest.approx(expected, abs=2)
    assert seen[-1][1] > 1.5 * segments


def test_growth_is_at_most_half_a_window_each_round_trip() -> None:
    # 4.2: far behind the curve, as on a very long path, the target is 1.5 windows.
    cubic, driver = after_loss(10, 2 * S)
    growth = []
    for _ in range(12):
        before = cubic.window
        driver.round()
        growth.append(cubic.window / before)
    assert 1.4 < max(growth) < 1.65  # in a round trip the window, and so the half of it, grows too
    assert w_cubic(24, 1.96, 10) > 1.5 * cubic.window / MSS


def test_an_unused_window_does_not_grow_and_its_time_does_not_count() -> None:
    one, driver_one = after_loss(1000, 100 * MS)
    two, driver_two = after_loss(1000, 100 * MS)
    driver_one.run(4)
    driver_two.run(4)
    before = two.window
    driver_two.run(30, limited=False)
    assert two.window == before
    driver_one.run(3)
    driver_two.run(3)
    assert two.window == pytest.approx(one.window, abs=4 * MSS)


def test_silence_does_not_count_either() -> None:
    one, driver_one = after_loss(1000, 100 * MS)
    two, driver_two = after_loss(1000, 100 * MS)
    driver_one.run(4)
    driver_two.run(4)
    driver_two.now += 60 * S  # shorter than no timeout, but nobody restarts the window
    driver_one.run(3)
    driver_two.run(3)
    assert two.window == pytest.approx(one.window, abs=4 * MSS)


def test_beta_is_seven_tenths_and_two_segments_the_least() -> None:
    cubic = Cubic(MSS)
    cubic.congested(0, cubic.window)
    assert cubic.threshold == 7 * MSS
    for _ in range(10):
        cubic.recovered()
        cubic.congested(0, cubic.window)
    assert cubic.threshold == 2 * MSS


def test_a_timeout_means_slow_start_and_then_a_curve_without_a_plateau() -> None:
    cubic, driver = after_loss(200, 100 * MS)
    cubic.timed_out(driver.now, cubic.window, again=False)
    assert cubic.window == MSS
    assert cubic.threshold == 98 * MSS
    rounds = 0
    while cubic.window < cubic.threshold:
        driver.round()
        rounds += 1
    assert rounds <= 8
    assert cubic.window == 98 * MSS  # slow start ends at the threshold
    # 4.8: K = 0 and W_max is the window in which congestion avoidance begins.
    for t, window in driver.run(8)[2:]:
        assert window == pytest.approx(max(w_cubic(t, 0, 98), 98 + t * 10 * 9 / 17), abs=6, rel=0.02)


def test_slow_start_does_not_pass_the_threshold() -> None:
    cubic, driver = after_loss(205, 100 * MS)
    cubic.timed_out(driver.now, cubic.window, again=False)
    assert cubic.threshold == 205 * MSS * 7 // 10 * 7 // 10
    cubic.acknowledged(driver.now, 500 * MSS, -1, True, 500 * MSS, 501 * MSS)
    assert cubic.window == cubic.threshold


def test_a_second_timeout_of_the_same_data_does_not_lower_the_threshold() -> None:
    cubic, driver = after_loss(200, 100 * MS)
    cubic.timed_out(driver.now, cubic.window, again=False)
    cubic.timed_out(driver.now, cubic.window, again=True)
    assert cubic.threshold == 98 * MSS
    assert cubic.window == MSS


def test_spurious_congestion_leaves_no_trace() -> None:
    one, driver_one = after_loss(1000, 100 * MS)
    two, driver_two = after_loss(1000, 100 * MS)
    driver_one.run(6)
    driver_two.run(6)
    window, threshold = two.window, two.threshold
    two.congested(driver_two.now, two.window)
    two.window = two.threshold
    two.undo(window, threshold)
    assert (two.window, two.threshold) == (window, threshold)
    driver_one.run(6)
    driver_two.run(6)
    assert two.window == pytest.approx(one.window, abs=2 * MSS)


def test_a_spurious_timeout_in_the_first_slow_start_goes_back_to_it() -> None:
    cubic = Cubic(MSS)
    driver = Driver(cubic, 100 * MS)
    driver.round()
    window = cubic.window
    cubic.timed_out(driver.now, window, again=False)
    cubic.undo(window, UNLIMITED)
    driver.round()
    assert cubic.window == 2 * window


def test_the_first_slow_start_doubles_each_round_trip() -> None:
    cubic = Cubic(MSS)
    driver = Driver(cubic, 20 * MS)
    assert cubic.window == 10 * MSS
    for segments in (20, 40, 80, 160):
        driver.round()
        assert cubic.window == segments * MSS


def test_a_rising_round_trip_ends_slow_start_without_a_loss() -> None:
    cubic = Cubic(MSS)
    driver = Driver(cubic, 20 * MS)
    for _ in range(3):
        driver.round()
    driver.rtt = 30 * MS
    for _ in range(8):
        driver.round()
    assert cubic.threshold < UNLIMITED
    left = cubic.threshold
    # 4.10: K = 0, W_max the window then.
    for t, window in driver.run(3)[1:]:
        assert left / MSS <= window <= left / MSS + 0.4 * t**3 + t / 0.03 + 3


def test_idleness_ends_in_slow_start_up_to_what_was_known() -> None:
    cubic, driver = after_loss(100, 50 * MS)
    cubic.restarted(driver.now, 10 * S, S)
    assert cubic.window == 10 * MSS
    assert cubic.threshold == 70 * MSS
    for _ in range(3):
        driver.round()
    assert cubic.window == 70 * MSS


def test_another_segment_size_keeps_the_number_of_segments() -> None:
    cubic, _ = after_loss(1000, 100 * MS)
    cubic.set_mss(MSS // 2)
    assert cubic.window == 700 * (MSS // 2)
    assert cubic.threshold == 700 * (MSS // 2)


@given(st.integers(0, 10**40))
def test_the_cube_root_is_exact(value: int) -> None:
    root = cube_root(value)
    assert root**3 <= value < (root + 1) ** 3
