"""CUBIC: a window that follows a cubic function of time (RFC 9438), with HyStart++ (RFC 9406).

Only integers: a platform's floating point must not change a byte. Time on the curve is in
microseconds; what grows by less than a byte has 16 binary digits after the point.

Growth is planned, not computed for each acknowledgement: a review looks at the curve, and
finds how many bytes must be acknowledged until the window has a segment more. The next review
is then, or after an eighth of the window (half of a small one), whichever comes first.
"""

from __future__ import annotations

from glassnet.transport.tcp.congestion.control import UNLIMITED, CongestionControl
from glassnet.transport.tcp.congestion.hystart import HyStart

__all__ = ["Cubic", "cube_root"]

_POINT = 16
_SECOND_CUBED = 10**18  # in cubic microseconds
_REVIEW_SEGMENTS = 16


def cube_root(value: int) -> int:
    """The largest integer whose cube is not above `value`, which is not negative."""
    if not value:
        return 0
    root = 1 << -(-value.bit_length() // 3)
    while True:  # Newton's method from above: falls until it is there
        better = (2 * root + value // (root * root)) // 3
        if better >= root:
            return root
        root = better


class Cubic(CongestionControl):
    """Concave towards the window of the last loss, then convex beyond it; never slower than Reno.

    C = 0.4 segments per cubic second, beta = 0.7. The reduction is of cwnd, not of FlightSize:
    RFC 9438, 4.6 allows it to who does not let an unused window grow.
    """

    name = "cubic"

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        super().__init__(mss, initial_segments)
        self._hystart = HyStart()
        self._rtt = 0  # smoothed over the reviews
        self._maximum = 0  # W_max; 0 while there is none
        self._prior = 0  # cwnd_prior
        self._epoch = -1  # t_epoch; -1 before congestion avoidance
        self._k = 0  # K, in microseconds
        self._estimate = 0  # W_est, fixed point
        self._delivered = 0  # bytes acknowledged in congestion avoidance
        self._due = 0  # `_delivered` of the next review
        self._mark = 0  # `_delivered` of the last one
        self._reviewed = 0  # when that was
        self._ahead = 0  # how far the curve is ahead a round trip later: the growth per window
        self._part = 0  # grown, but not yet a segment; fixed point
        self._held = -1  # since when the window is not the limit
        self._before: tuple[int, int, int, int, int] | None = None

    def acknowledged(self, now: int, size: int, rtt: int, limited: bool, unacked: int, next_: int) -> None:
        """Slow start below the threshold, the curve above it."""
        if not limited:
            if self._held < 0:
                self._held = now
                self._due = 0
            return
        threshold = self.threshold
        if self.window < threshold:
            self._epoch = self._held = -1
            self._due = 0
            if threshold == UNLIMITED:
                hystart = self._hystart
                self.window += hystart.grow(size, rtt, unacked, next_)
                if hystart.over:
                    self.threshold = self.window
            else:
                # The threshold is known: RFC 9406 is for when it is not.
                self.window = min(self.window + size, threshold)
            return
        delivered = self._delivered + size
        self._delivered = delivered
        if delivered >= self._due:
            self._review(now, rtt, delivered)

    def _review(self, now: int, rtt: int, delivered: int) -> None:
        """Take in what was acknowledged since the last review, and plan the growth from here on."""
        if rtt > 0:
            self._rtt += (rtt - self._rtt) >> 3 if self._rtt else rtt
        mss = self.mss
        window = self.window
        if self._epoch < 0:
            self._begin(now)
            acked = 0
        else:
            # Time in which the application, not the window, was the limit does not count (5.8).
            if self._held >= 0:
                self._epoch += now - self._held
            elif self._rtt and now - self._reviewed > 2 * self._rtt:
                self._epoch += now - self._reviewed - self._rtt
            acked = delivered - self._mark
        self._held = -1
        self._mark = delivered
        self._reviewed = now

        segment = mss << _POINT
        part = self._part + (min(acked, window) * self._ahead << _POINT) // window
        if part >= segment:
            window += part // segment * mss
            part %= segment
        # 4.3: alpha = 3 (1 - beta) / (1 + beta) until the window before the loss is reached, then 1.
        rise, run = (1, 1) if self._estimate >= self._prior << _POINT else (9, 17)
        self._estimate += (acked * mss * rise << _POINT) // (window * run)

        elapsed = (now - self._epoch) // 1000
        period = max(window >> 3, min(window >> 1, _REVIEW_SEGMENTS * mss))
        reno = self._estimate >> _POINT
        if self._curve(elapsed) < reno:
            self._ahead = 0
            if reno >= window + mss:
                window += (reno - window) // mss * mss
            missing = (window + mss << _POINT) - self._estimate
            wait = missing * window * run // (segment * rise) + 1
        else:
            ahead = self._curve(elapsed + self._rtt // 1000) - window
            self._ahead = ahead = max(0, min(ahead, window >> 1))
            wait = (segment - part) * window // (ahead << _POINT) + 1 if ahead else period
        self._part = part
        self.window = window
        self._due = delivered + min(wait, period)

    def _begin(self, now: int) -> None:
        """Congestion avoidance begins (4.2): where on the curve the window is."""
        window = self.window
        if window < self._maximum:
            self._k = cube_root((self._maximum - window) * 5 * _SECOND_CUBED // (2 * self.mss))
        else:
            # No loss yet (4.10), or a timeout (4.8): the curve starts here.
            self._maximum = window
            self._k = 0
        self._epoch = now
        self._estimate = window << _POINT
        self._part = self._ahead = 0

    def _curve(self, elapsed: int) -> int:
        """W_cubic(t) in bytes, `elapsed` in microseconds (figure 1)."""
        distance = elapsed - self._k
        return self._maximum + 2 * self.mss * distance * distance * distance // (5 * _SECOND_CUBED)

    def congested(self, now: int, in_flight: int, *, mark: bool = False) -> None:
        """Down to 0.7 of the window (4.6), and remember where that was (4.7: fast convergence)."""
        window = self.window
        self._before = (self._maximum, self._prior, self._epoch, self._k, self._estimate)
        self._maximum = window * 17 // 20 if window < self._maximum else window
        self._prior = window
        self.threshold = max(window * 7 // 10, 2 * self.mss)
        self._epoch = -1
        self._due = 0

    def timed_out(self, now: int, in_flight: int, *, again: bool) -> None:
        """Slow start from one segment; the curve then begins where congestion avoidance does (4.8)."""
        super().timed_out(now, in_flight, again=again)
        self._maximum = 0
        self._epoch = -1
        self._due = 0

    def undo(self, window: int, threshold: int) -> None:
        """The congestion was spurious: the curve too is what it was (4.9)."""
        super().undo(window, threshold)
        if self._before is not None:
            self._maximum, self._prior, self._epoch, self._k, self._estimate = self._before
            self._before = None
            self._part = self._ahead = 0
            self._mark = self._delivered
            self._due = 0

    def unused(self, used: int) -> None:
        """The window means less: a new place on the curve."""
        super().unused(used)
        self._epoch = -1
        self._due = 0

    def set_mss(self, mss: int) -> None:
        """Keep the number of segments, here and on the curve."""
        self._maximum = self._maximum * mss // self.mss
        self._prior = self._prior * mss // self.mss
        self._before = None
        self._epoch = -1
        self._due = 0
        super().set_mss(mss)
