"""HyStart++: leave the first slow start before it overflows the path's queue (RFC 9406)."""

from __future__ import annotations

__all__ = ["HyStart"]

_MS = 10**6
_MIN_THRESHOLD = 4 * _MS
_MAX_THRESHOLD = 16 * _MS
_THRESHOLD_DIVISOR = 8
_SAMPLES = 8
_GROWTH_DIVISOR = 4
_ROUNDS = 5
_INFINITE = 1 << 62


class HyStart:
    """How much each acknowledgement adds to the window in the first slow start, and when that ends.

    Round-trip times that rise mean that a queue fills: slow start becomes conservative (CSS),
    four times slower. When they fall again it was jitter, and slow start goes on; otherwise
    it is `over` after five rounds, and congestion avoidance follows.

    RFC 9406's L, the most that one acknowledgement counts for, is infinite, as Linux has it:
    a receiver that acknowledges rarely must not slow its sender down.
    """

    __slots__ = ("_baseline", "_end", "_last", "_least", "_rounds", "_samples", "conservative", "over")

    def __init__(self) -> None:
        self.conservative = False
        self.over = False
        self._end = -1  # windowEnd: the round is over when this is acknowledged
        self._last = _INFINITE  # lastRoundMinRTT
        self._least = _INFINITE  # currentRoundMinRTT
        self._samples = 0  # rttSampleCount
        self._baseline = _INFINITE  # cssBaselineMinRtt
        self._rounds = 0  # of CSS

    def grow(self, size: int, rtt: int, unacked: int, next_: int) -> int:
        """How many bytes the window grows by, now that `size` were acknowledged.

        `rtt` is in nanoseconds, -1 when this acknowledgement measured none; `unacked` and `next_`
        are SND.UNA and SND.NXT.
        """
        if self._end < 0:
            self._end = next_
        if rtt >= 0:
            self._samples += 1
            if rtt < self._least:
                self._least = rtt
        if self.conservative:
            size //= _GROWTH_DIVISOR
            if self._samples >= _SAMPLES and self._least < self._baseline:
                self.conservative = False
                self._baseline = _INFINITE
        elif self._samples >= _SAMPLES and self._last < _INFINITE:
            last = self._last
            if self._least >= last + min(max(last // _THRESHOLD_DIVISOR, _MIN_THRESHOLD), _MAX_THRESHOLD):
                self.conservative = True
                self._baseline = self._least
                self._rounds = 0
        if unacked >= self._end:
            self._end = next_
            self._last = self._least
            self._least = _INFINITE
            self._samples = 0
            if self.conservative:
                self._rounds += 1  # the round in which CSS began counts too
                self.over = self._rounds >= _ROUNDS
        return size
