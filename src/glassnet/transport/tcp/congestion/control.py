"""What a congestion controller is: how much may be on its way, and at what pace.

A controller is a pure object. It is told what was delivered, lost and marked, and
answers with `window` (bytes) and `pacing_rate`. It sends nothing, sets no timer and
knows no clock but the times that it is given, so that one can be exchanged for
another and tested by hand.

Loss recovery is not its business: the sender finds losses (RFC 6675, 8985), and brings
the window down to `threshold` in proportion to what is delivered (RFC 6937).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["UNLIMITED", "CongestionControl", "RateSample"]

UNLIMITED = 1 << 62
"""A threshold that no window reaches."""


class RateSample(NamedTuple):
    """How fast the path delivered, as one acknowledgement shows (draft-cheng-iccrg-delivery-rate-estimation).

    `now`, `interval` and `rtt` are nanoseconds (-1: not measured), all else bytes: `delivered` in
    `interval`; `prior_delivered` of the connection when the newest segment acknowledged was sent;
    `total_delivered` now; `acked` newly delivered by this acknowledgement; `lost` newly found lost;
    `in_flight` now, `prior_in_flight` before it. `app_limited`: the sender had nothing to send then.
    `rtt` is the shortest of what was acknowledged. `in_recovery` is whether losses are being repaired.
    """

    now: int
    interval: int
    delivered: int
    prior_delivered: int
    total_delivered: int
    acked: int
    lost: int
    in_flight: int
    prior_in_flight: int
    rtt: int
    app_limited: bool
    in_recovery: bool


class CongestionControl:
    """Base of all controllers, and what the sender asks of them. Sizes are bytes, times nanoseconds.

    `window` is cwnd, `threshold` ssthresh. `pacing_rate` is bytes per second, 0 for unpaced.
    `samples`: the controller wants a `RateSample` for every acknowledgement, and sets `window`
    itself, in recovery too. `marks`: it wants every segment to be ECN-capable and to hear of
    each acknowledgement's mark (RFC 8257).
    """

    name = ""
    samples = False
    marks = False

    window: int
    threshold: int
    pacing_rate: int
    mss: int
    initial: int

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        self.mss = mss
        # RFC 6928: min(10 * MSS, max(2 * MSS, 14600)), for other numbers of segments likewise.
        self.initial = min(initial_segments * mss, max(2 * mss, initial_segments * 1460))
        self.window = self.initial
        self.threshold = UNLIMITED
        self.pacing_rate = 0

    def set_mss(self, mss: int) -> None:
        """The path's segment size is now `mss`: keep the number of segments."""
        self.window = max(self.window * mss // self.mss, mss)
        self.initial = max(self.initial * mss // self.mss, mss)
        if self.threshold < UNLIMITED:
            self.threshold = max(self.threshold * mss // self.mss, 2 * mss)
        self.mss = mss

    def acknowledged(self, now: int, size: int, rtt: int, limited: bool, unacked: int, next_: int) -> None:
        """`size` new bytes were delivered, outside recovery.

        `rtt` is what was measured, or -1. `limited` is whether the window was the limit: one that
        is not used says nothing about the path (RFC 7661). `unacked` and `next_` are SND.UNA, this
        acknowledgement taken in, and SND.NXT: they tell when a round trip has gone by.
        """

    def congested(self, now: int, in_flight: int, *, mark: bool = False) -> None:
        """A loss was found, or an ECN `mark` came (once a window): set `threshold`.

        `in_flight` is FlightSize (RFC 5681). The sender leads `window` there. Of an acknowledgement
        that brings both, `marked` comes first.
        """
        raise NotImplementedError

    def recovered(self) -> None:
        """All that was on its way at the time of `congested` is accounted for: recovery ends."""
        if self.threshold < UNLIMITED:
            self.window = self.threshold

    def timed_out(self, now: int, in_flight: int, *, again: bool) -> None:
        """The retransmission timer expired; `again` for the same data as before (RFC 5681, 3.1)."""
        if not again:
            self.congested(now, in_flight)
        self.window = self.mss

    def undo(self, window: int, threshold: int) -> None:
        """What looked like a loss was none: these were the values before (RFC 4015)."""
        self.window = max(self.window, window)
        self.threshold = max(self.threshold, threshold)

    def restarted(self, now: int, idle: int, rto: int) -> None:
        """Nothing was sent for `idle`, longer than the retransmission timeout.

        Halve for each timeout, down to the initial window (RFC 2861); remember three quarters.
        """
        floor = min(self.initial, self.window)
        self.threshold = max(self.threshold, self.window * 3 // 4)
        while idle > rto and self.window > floor:
            idle -= rto
            self.window >>= 1
        self.window = max(self.window, floor)

    def unused(self, used: int) -> None:
        """For a round trip not more than `used` was on its way: the window means less (RFC 2861)."""
        needed = max(used, self.initial)
        if needed < self.window:
            self.threshold = max(self.threshold, self.window * 3 // 4)
            self.window = (self.window + needed) >> 1

    def sampled(self, sample: RateSample) -> None:
        """One more acknowledgement was measured; only if `samples`."""

    def marked(self, size: int, marked: bool, unacked: int, next_: int) -> None:
        """`size` bytes were acknowledged, with or without ECN-Echo; only if `marks`."""
