"""BBR on a path of one bottleneck, simulated here segment by segment."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

import pytest

from glassnet.transport.tcp.congestion import Bbr, RateSample
from glassnet.transport.tcp.congestion.bbr import Mode
from glassnet.transport.tcp.rate import DeliveryRate

MSS = 1000
MS = 10**6
S = 10**9


class Sent:
    __slots__ = ("app_limited", "delivered", "delivered_at", "first_sent_at", "payload", "sent")

    delivered: int
    delivered_at: int
    first_sent_at: int
    app_limited: bool

    def __init__(self, now: int) -> None:
        self.payload = bytes(MSS)
        self.sent = now


class Path:
    """A sender with endless data, a bottleneck of `rate` bytes per second, `trip` there and back.

    `drop` is asked for each segment, by its number. A lost segment is found when the third one
    after it is acknowledged; nothing is sent again, for the data do not matter.
    """

    def __init__(self, rate: int, trip: int, drop: frozenset[int] = frozenset()) -> None:
        self.bbr = Bbr(MSS)
        self.meter = DeliveryRate()
        self.rate = rate
        self.trip = trip
        self.drop = drop
        self.now = S
        self.busy_until = 0
        self.release = 0
        self.in_flight = 0
        self.count = 0
        self.min_rtt = 0
        self.recovery_until = -1
        self.missing: deque[int] = deque()
        self.events: list[tuple[int, int, Sent | None]] = []
        self.limit: int | None = None  # what the application gives, in bytes per second
        self.delivered_log: list[tuple[int, int, int]] = []
        self.modes: list[tuple[int, Mode]] = []
        self.windows: list[tuple[int, int]] = []
        self.armed = -1
        self.alarms = 0
        self.arm(self.now)

    def arm(self, when: int) -> None:
        if when != self.armed:
            self.armed = when
            self.alarms += 1
            heappush(self.events, (when, (1 << 60) + self.alarms, None))

    def send(self) -> None:
        while self.in_flight + MSS <= self.bbr.window:
            if self.release > self.now:
                self.arm(self.release)
                return
            segment = Sent(self.now)
            self.in_flight += MSS
            self.meter.sent(segment, self.now, self.in_flight)
            pace = min(self.bbr.pacing_rate, self.limit) if self.limit else self.bbr.pacing_rate
            self.release = max(self.release, self.now) + MSS * S // pace
            if self.limit:
                self.meter.app_limited(self.in_flight)
            self.count += 1
            if self.count in self.drop:
                self.missing.append(self.count)
                continue
            self.busy_until = max(self.busy_until, self.now) + MSS * S // self.rate
            heappush(self.events, (self.busy_until + self.trip, self.count, segment))

    def run(self, duration: int) -> None:
        end = self.now + duration
        self.arm(self.now)
        while self.events and self.events[0][0] <= end:
            self.now, number, segment = heappop(self.events)
            if segment is not None:
                self.acknowledge(number, segment)
            self.send()
        self.now = end

    def acknowledge(self, number: int, segment: Sent) -> None:
        before = self.in_flight
        self.in_flight -= MSS
        lost = 0
        while self.missing and self.missing[0] + 3 <= number:
            self.missing.popleft()
            lost += MSS
            self.recovery_until = self.count
        self.in_flight -= lost
        rtt = self.now - segment.sent
        self.min_rtt = min(self.min_rtt or rtt, rtt)
        self.meter.taken(segment, self.now)
        sample = self.meter.sample(
            self.now, MSS, lost, self.in_flight, before, rtt, number < self.recovery_until, self.min_rtt
        )
        assert sample is not None
        self.bbr.sampled(sample)
        self.delivered_log.append((self.now, MSS, rtt))
        if not self.modes or self.modes[-1][1] is not self.bbr.mode:
            self.modes.append((self.now, self.bbr.mode))
        self.windows.append((self.now, self.bbr.window))

    def goodput(self, since: int) -> float:
        return sum(size for now, size, _ in self.delivered_log if now > since) * S / (self.now - since)


@pytest.mark.parametrize(
    ("rate", "trip"),
    [(1_250_000, 40 * MS), (125_000, 100 * MS), (6_250_000, 10 * MS), (2_500_000, 1 * MS)],
)
def test_it_finds_the_bandwidth_and_the_round_trip(rate: int, trip: int) -> None:
    path = Path(rate, trip)
    path.run(4 * S)
    bbr = path.bbr
    assert bbr.mode is Mode.PROBE_BW
    assert bbr.bandwidth == pytest.approx(rate, rel=0.05)
    assert bbr.min_rtt == pytest.approx(trip + MSS * S // rate, rel=0.05)
    assert path.goodput(path.now - 2 * S) == pytest.approx(rate, rel=0.05)


def test_it_goes_from_startup_through_drain_to_probing() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    assert [mode for _, mode in path.modes] == [Mode.STARTUP, Mode.DRAIN, Mode.PROBE_BW]
    # Startup doubles each round trip: 10 segments to 50 and over takes three, and three more to see it.
    # Meanwhile the queue it makes stretches the round trips to twice their length.
    assert path.modes[1][0] - S < 2 * 8 * 40 * MS


def test_the_queue_stays_short() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(5 * S)
    late = [rtt for now, _, rtt in path.delivered_log if now > path.now - 2 * S]
    # What Inflight() allows beyond what fits: three times 2 KB, or 4.8 ms; and a quarter while probing.
    assert sum(late) / len(late) < 40.8 * MS + 6 * MS
    assert max(late) < 1.25 * (40.8 * MS + 6 * MS)


def test_the_gains_cycle_one_phase_each_round_trip() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    gains = []
    for _ in range(400):
        path.run(4 * MS)
        if not gains or gains[-1] != path.bbr.pacing_gain:
            gains.append(path.bbr.pacing_gain)
    assert set(gains) == {1250, 1000, 750}
    for index, gain in enumerate(gains[1:-1], 1):
        if gain == 1250:
            assert (gains[index - 1], gains[index + 1]) == (1000, 750)


def test_every_ten_seconds_the_window_shrinks_to_see_the_round_trip() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(25 * S)
    probes = [index for index, (_, mode) in enumerate(path.modes) if mode is Mode.PROBE_RTT]
    assert len(probes) == 2
    for index in probes:
        begin, end = path.modes[index][0], path.modes[index + 1][0]
        assert path.modes[index + 1][1] is Mode.PROBE_BW
        assert 200 * MS < end - begin < 200 * MS + 3 * 45 * MS
        small = [window for now, window in path.windows if begin + 1 <= now < end]
        assert max(small) == 4 * MSS
        after = next(window for now, window in path.windows if now >= end)
        assert after > 50 * MSS
    assert path.modes[probes[1]][0] - path.modes[probes[0]][0] > 10 * S
    assert path.bbr.bandwidth == pytest.approx(1_250_000, rel=0.05)


def test_a_longer_path_is_noticed_after_ten_seconds() -> None:
    path = Path(1_250_000, 20 * MS)
    path.run(3 * S)
    path.trip = 60 * MS
    path.run(3 * S)
    assert path.bbr.min_rtt < 22 * MS
    path.run(9 * S)
    assert path.bbr.min_rtt == pytest.approx(60.8 * MS, rel=0.05)
    path.trip = 10 * MS
    path.run(12 * S)
    assert path.bbr.min_rtt == pytest.approx(10.8 * MS, rel=0.05)


def test_more_and_less_bandwidth_are_followed() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    path.rate = 2_500_000
    path.run(4 * S)
    assert path.bbr.bandwidth == pytest.approx(2_500_000, rel=0.05)
    path.rate = 1_250_000
    path.run(5 * S)
    assert path.bbr.bandwidth == pytest.approx(1_250_000, rel=0.05)


def test_random_losses_do_not_slow_it_down() -> None:
    # Every fiftieth segment: 2 %. Reno's window would be about 9 segments, of 50.
    path = Path(1_250_000, 40 * MS, frozenset(range(100, 20000, 50)))
    path.run(8 * S)
    assert path.goodput(path.now - 4 * S) > 0.9 * 1_250_000


def test_recovery_sends_what_is_delivered_for_a_round_trip_and_then_comes_back() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    bbr = path.bbr
    before = bbr.window
    delivered = path.meter.delivered

    def sample(prior: int, lost: int, in_flight: int, in_recovery: bool) -> int:
        nonlocal delivered
        delivered += MSS
        path.now += MS
        bbr.sampled(
            RateSample(
                path.now,
                -1,
                0,
                prior,
                delivered,
                MSS,
                lost,
                in_flight,
                in_flight,
                45 * MS,
                False,
                in_recovery,
            )
        )
        return bbr.window

    start = delivered
    assert sample(start - 10 * MSS, 2 * MSS, 40 * MSS, True) == 41 * MSS
    assert sample(start - 9 * MSS, 0, 39 * MSS, True) == 41 * MSS
    assert sample(start - 8 * MSS, 0, 50 * MSS, True) == 51 * MSS
    # A round trip after: growth is as ever, but what is lost is taken off.
    assert sample(delivered, 0, 30 * MSS, True) == 52 * MSS
    assert sample(start, 5 * MSS, 30 * MSS, True) == 48 * MSS
    # Recovery is over.
    assert sample(start, 0, 30 * MSS, False) == pytest.approx(before, abs=2 * MSS)


def test_an_application_that_gives_little_does_not_lower_the_estimate() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    path.limit = 200_000
    path.run(4 * S)
    assert path.bbr.bandwidth == pytest.approx(1_250_000, rel=0.05)


def test_a_timeout_starts_from_one_segment_and_comes_back() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    window = path.bbr.window
    path.bbr.timed_out(path.now, path.in_flight, again=False)
    assert path.bbr.window == MSS
    path.run(S)
    assert path.bbr.window == pytest.approx(window, rel=0.1)


def test_after_silence_it_sends_at_the_bandwidth_and_does_not_probe_at_once() -> None:
    path = Path(1_250_000, 40 * MS)
    path.run(3 * S)
    window = path.bbr.window
    path.now += 30 * S
    path.in_flight = 0
    path.events.clear()
    path.missing.clear()
    path.bbr.restarted(path.now, 30 * S, S)
    assert path.bbr.window == window
    assert path.bbr.pacing_rate == path.bbr.bandwidth
    path.run(5 * S)
    assert Mode.PROBE_RTT not in [mode for _, mode in path.modes]


def test_what_is_delivered_while_looking_for_the_round_trip_does_not_lower_the_estimate() -> None:
    path = Path(6_250_000, 10 * MS)  # 200 ms are twice the ten round trips of the filter
    path.run(2 * S)
    for _ in range(1000):
        path.run(10 * MS)
        assert path.bbr.bandwidth == pytest.approx(6_250_000, rel=0.05)
    assert Mode.PROBE_RTT in [mode for _, mode in path.modes]


def test_the_same_times_give_the_same_phases() -> None:
    def phases() -> list[int]:
        path = Path(1_250_000, 40 * MS)
        seen = []
        for _ in range(300):
            path.run(10 * MS)
            seen.append(path.bbr.pacing_gain)
        return seen

    assert phases() == phases()


def test_neither_losses_nor_marks_set_a_threshold() -> None:
    bbr = Bbr(MSS)
    window, threshold = bbr.window, bbr.threshold
    bbr.congested(S, 5 * MSS)
    bbr.congested(S, 5 * MSS, mark=True)
    bbr.recovered()
    assert (bbr.window, bbr.threshold) == (window, threshold)
