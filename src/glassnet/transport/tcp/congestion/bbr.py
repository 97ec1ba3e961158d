"""BBR, version 1: send at the rate that the path delivers, and keep little in its queues.

After draft-cardwell-iccrg-bbr-congestion-control-00, whose sections the docstrings name, and
Cardwell and others, "BBR: congestion-based congestion control", ACM Queue 14 (5), 2016. The
path is modelled by two measurements: the most that it delivered in ten round trips, and the
shortest round trip of ten seconds. Their product is how much fits into it.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from glassnet.transport.tcp.congestion.control import CongestionControl, RateSample

__all__ = ["Bbr", "Mode"]

_MS = 10**6
_S = 10**9
_UNIT = 1000  # gains are in thousandths
_HIGH_GAIN = 2885  # 2 / ln 2: doubles the rate each round trip
_DRAIN_GAIN = 347  # its inverse
_WINDOW_GAIN = 2000
_CYCLE = (1250, 750, 1000, 1000, 1000, 1000, 1000, 1000)
_BANDWIDTH_ROUNDS = 10
_MIN_RTT_LIFE = 10 * _S
_PROBE_RTT_TIME = 200 * _MS
_MIN_SEGMENTS = 4
_FULL_GROWTH = 1250
_FULL_ROUNDS = 3


class Mode(Enum):
    """The four states of BBR."""

    STARTUP = "startup"
    DRAIN = "drain"
    PROBE_BW = "probe-bw"
    PROBE_RTT = "probe-rtt"


class Bbr(CongestionControl):
    """`mode` is the state, `bandwidth` the path's (bytes per second), `min_rtt` its shortest round trip.

    `min_rtt` is -1 before the first measurement. Losses do not change the model; while they are
    repaired, and for the first round trip only what was delivered is sent anew (4.2.3.4).

    There is no chance in it: where the draft draws the phase in which the cycle of gains begins,
    the microsecond in which it does decides. So flows that begin at different times have
    different phases, and the same flow always the same.
    """

    name = "bbr"
    samples = True

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        super().__init__(mss, initial_segments)
        self.mode = Mode.STARTUP
        self.bandwidth = 0
        self.min_rtt = -1
        self.pacing_gain = _HIGH_GAIN
        self.window_gain = _HIGH_GAIN
        self.pacing_rate = self.initial * 1000 * _HIGH_GAIN // _UNIT  # as if the round trip took 1 ms
        self._round = 0
        self._round_starts = False
        self._round_end = 0  # what has been delivered when the round is over
        self._maxima: deque[tuple[int, int]] = deque()  # (round, bandwidth), bandwidths falling
        self._min_rtt_at = 0
        self._min_rtt_expired = False
        self._full = False  # the path is filled: Startup is over
        self._full_bandwidth = 0
        self._full_rounds = 0
        self._phase = 0
        self._phase_at = 0
        self._probe_rtt_until = -1
        self._probe_rtt_round = False
        self._probe_rtt_end = -1  # what was sent before so much was delivered, ProbeRTT had limited
        self._idle = False
        self._repairing = False
        self._conserving = False
        self._saved = 0  # the window before recovery or ProbeRTT

    def sampled(self, sample: RateSample) -> None:
        """One acknowledgement: move the model, then the state, then rate and window (3.3)."""
        self._count_round(sample)
        self._measure_bandwidth(sample)
        self._advance_cycle(sample)
        self._check_full(sample)
        self._check_drain(sample)
        self._measure_rtt(sample)
        self._check_probe_rtt(sample)
        self._set_pacing_rate(self.pacing_gain)
        self._set_window(sample)

    # The model (4.1)

    def _count_round(self, sample: RateSample) -> None:
        self._round_starts = sample.prior_delivered >= self._round_end
        if self._round_starts:
            self._round_end = sample.total_delivered
            self._round += 1

    def _measure_bandwidth(self, sample: RateSample) -> None:
        if sample.interval <= 0:
            return
        rate = sample.delivered * _S // sample.interval
        limited = sample.app_limited or sample.prior_delivered <= self._probe_rtt_end
        maxima = self._maxima
        if rate >= self.bandwidth or not limited:
            while maxima and maxima[-1][1] <= rate:
                maxima.pop()
            if not maxima or maxima[-1][0] < self._round:
                maxima.append((self._round, rate))
            while maxima[0][0] <= self._round - _BANDWIDTH_ROUNDS:
                maxima.popleft()
            self.bandwidth = maxima[0][1]

    def _measure_rtt(self, sample: RateSample) -> None:
        rtt = sample.rtt
        first = self.min_rtt < 0
        self._min_rtt_expired = not first and sample.now > self._min_rtt_at + _MIN_RTT_LIFE
        if rtt >= 0 and (first or rtt <= self.min_rtt or self._min_rtt_expired):
            self.min_rtt = rtt
            self._min_rtt_at = sample.now
            if first and not self._full:
                self.pacing_rate = self.window * _S // max(rtt, 1) * _HIGH_GAIN // _UNIT

    def _inflight(self, gain: int) -> int:
        """`gain` times what fits into the path, and what hosts along it hold back (4.2.3.2)."""
        if self.min_rtt < 0:
            return self.initial
        return self.bandwidth * self.min_rtt * gain // (_UNIT * _S) + 3 * self._quantum()

    def _quantum(self) -> int:
        """How much a host may hand over at once (4.2.2)."""
        rate = self.pacing_rate
        if rate < 150_000:
            return self.mss
        if rate < 3_000_000:
            return 2 * self.mss
        return min(rate // 1000, 65536)

    # The states (4.3)

    def _check_full(self, sample: RateSample) -> None:
        """Three rounds without a quarter more of bandwidth: there is no more (4.3.2.1)."""
        if self._full or not self._round_starts or sample.app_limited:
            return
        if self.bandwidth * _UNIT >= self._full_bandwidth * _FULL_GROWTH:
            self._full_bandwidth = self.bandwidth
            self._full_rounds = 0
            return
        self._full_rounds += 1
        self._full = self._full_rounds >= _FULL_ROUNDS

    def _check_drain(self, sample: RateSample) -> None:
        if self.mode is Mode.STARTUP and self._full:
            self.mode = Mode.DRAIN
            self.pacing_gain = _DRAIN_GAIN
            self.window_gain = _HIGH_GAIN
        if self.mode is Mode.DRAIN and sample.in_flight <= self._inflight(_UNIT):
            self._probe_bandwidth(sample.now)

    def _probe_bandwidth(self, now: int) -> None:
        self.mode = Mode.PROBE_BW
        self.window_gain = _WINDOW_GAIN
        # Any phase but the one below 1, which is for draining what the one above put there.
        self._start_phase(now, (2 + now // 1000 % 7) % 8)

    def _start_phase(self, now: int, phase: int) -> None:
        self._phase = phase
        self._phase_at = now
        self.pacing_gain = _CYCLE[phase]

    def _advance_cycle(self, sample: RateSample) -> None:
        if self.mode is not Mode.PROBE_BW:
            return
        gain = self.pacing_gain
        over = sample.now - self._phase_at > self.min_rtt
        if gain > _UNIT:
            over = over and (sample.lost > 0 or sample.prior_in_flight >= self._inflight(gain))
        elif gain < _UNIT:
            over = over or sample.prior_in_flight <= self._inflight(_UNIT)
        if over:
            self._start_phase(sample.now, (self._phase + 1) % len(_CYCLE))

    def _check_probe_rtt(self, sample: RateSample) -> None:
        """Ten seconds without a shorter round trip: empty the queue, and look (4.3.5)."""
        if self.mode is not Mode.PROBE_RTT and self._min_rtt_expired and not self._idle:
            self._save()
            self.mode = Mode.PROBE_RTT
            self.pacing_gain = self.window_gain = _UNIT
            self._probe_rtt_until = -1
        if self.mode is Mode.PROBE_RTT:
            self._stay_small(sample)
        if sample.acked:
            self._idle = False

    def _stay_small(self, sample: RateSample) -> None:
        now = sample.now
        self._probe_rtt_end = sample.total_delivered + sample.in_flight
        if self._probe_rtt_until < 0:
            if sample.in_flight <= _MIN_SEGMENTS * self.mss:
                self._probe_rtt_until = now + _PROBE_RTT_TIME
                self._probe_rtt_round = False
                self._round_end = sample.total_delivered
            return
        if self._round_starts:
            self._probe_rtt_round = True
        if self._probe_rtt_round and now > self._probe_rtt_until:
            self._min_rtt_at = now
            self.window = max(self.window, self._saved)
            if self._full:
                self._probe_bandwidth(now)
            else:
                self.mode = Mode.STARTUP
                self.pacing_gain = self.window_gain = _HIGH_GAIN

    # Rate and window (4.2)

    def _set_pacing_rate(self, gain: int) -> None:
        rate = self.bandwidth * gain // _UNIT
        if rate and (self._full or rate > self.pacing_rate):
            self.pacing_rate = rate

    def _set_window(self, sample: RateSample) -> None:
        acked = sample.acked
        mss = self.mss
        window = self.window
        if sample.in_recovery:
            if not self._repairing:
                self._save()
                self._repairing = self._conserving = True
                self._round_end = sample.total_delivered
                window = sample.in_flight + max(acked, mss)
            elif self._round_starts:
                self._conserving = False
        elif self._repairing:
            self._repairing = self._conserving = False
            window = max(window, self._saved)
        if sample.lost:
            window = max(window - sample.lost, mss)
        if self._conserving:
            window = max(window, sample.in_flight + acked)
        else:
            target = self._inflight(self.window_gain)
            if self._full:
                window = min(window + acked, target)
            elif window < target or sample.total_delivered < self.initial:
                window += acked
            window = max(window, _MIN_SEGMENTS * mss)
        if self.mode is Mode.PROBE_RTT:
            window = min(window, _MIN_SEGMENTS * mss)
        self.window = window

    def _save(self) -> None:
        if self._repairing or self.mode is Mode.PROBE_RTT:
            self._saved = max(self._saved, self.window)
        else:
            self._saved = self.window

    # What the sender tells

    def congested(self, now: int, in_flight: int, *, mark: bool = False) -> None:
        """Nothing: the samples tell of recovery, and there is no threshold. Marks are not heeded."""

    def recovered(self) -> None:
        """The window is again what it was before the losses."""
        if self._repairing:
            self._repairing = self._conserving = False
            self.window = max(self.window, self._saved)

    def timed_out(self, now: int, in_flight: int, *, again: bool) -> None:
        """One segment, and from there back to the model's window as data are delivered (4.2.3.4)."""
        self._save()
        self._repairing = True
        self._conserving = False
        self.window = self.mss

    def restarted(self, now: int, idle: int, rto: int) -> None:
        """Do not burst, and do not take the end of the silence for a reason to probe (4.3.4.4)."""
        self._idle = True
        if self.mode is Mode.PROBE_BW:
            self._set_pacing_rate(_UNIT)

    def unused(self, used: int) -> None:
        """Nothing: the window follows the model, and that ignores what the application limits."""
