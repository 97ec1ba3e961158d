"""Congestion control: how much may be on its way.

A controller is a pure object: it is told what was acknowledged and lost, and
answers with `window` (bytes). It sends nothing, sets no timer, knows no clock but
the times that it is given, so that one can be exchanged for another and tested by
hand.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["CongestionControl", "Reno"]

_UNLIMITED = 1 << 62


class CongestionControl(Protocol):
    """What the send side asks of a congestion controller. Sizes are bytes."""

    name: str
    window: int
    threshold: int

    def set_mss(self, mss: int) -> None:
        """The path's segment size is now `mss`."""

    def acknowledged(self, size: int, in_flight: int) -> None:
        """`size` new bytes were acknowledged outside recovery; `in_flight` were on their way before."""

    def loss_detected(self, in_flight: int) -> None:
        """A loss was found by duplicate acknowledgements: fast retransmit begins."""

    def duplicate(self) -> None:
        """One more duplicate acknowledgement in recovery: a segment has left the network."""

    def partly_recovered(self, size: int) -> None:
        """A partial acknowledgement of `size` bytes in recovery."""

    def recovered(self, in_flight: int) -> None:
        """Everything sent before the loss was found is acknowledged: recovery ends."""

    def timed_out(self, in_flight: int, *, again: bool) -> None:
        """The retransmission timer expired; `again` for the same data as before."""

    def restarted(self) -> None:
        """Nothing was sent for longer than the retransmission timeout (RFC 5681, 4.1)."""


class Reno:
    """Slow start, congestion avoidance and NewReno's window in recovery (RFC 5681, 6582).

    Bytes are counted as they are acknowledged (RFC 3465 with L = 2 segments in slow start).
    """

    __slots__ = ("_acked", "_initial", "_mss", "name", "threshold", "window")

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        self.name = "reno"
        self._mss = mss
        # RFC 6928: min(10 * MSS, max(2 * MSS, 14600)), for other numbers of segments likewise.
        self._initial = min(initial_segments * mss, max(2 * mss, initial_segments * 1460))
        self.window = self._initial
        self.threshold = _UNLIMITED
        self._acked = 0

    def set_mss(self, mss: int) -> None:
        """Keep the number of segments when their size changes."""
        self.window = max(self.window * mss // self._mss, mss)
        self._initial = max(self._initial * mss // self._mss, mss)
        self._mss = mss

    def acknowledged(self, size: int, in_flight: int) -> None:
        """Open the window: by what was acknowledged below the threshold, by a segment per window above."""
        window = self.window
        if in_flight + self._mss < window:
            return  # RFC 2861/7661: a window that is not used says nothing about the path
        mss = self._mss
        if window < self.threshold:
            self.window = window + (size if size < 2 * mss else 2 * mss)
            return
        acked = self._acked + size
        if acked >= window:
            acked -= window
            self.window = window + mss
        self._acked = acked

    def loss_detected(self, in_flight: int) -> None:
        """Halve what is in flight, and add the three segments that have left (RFC 5681, 3.2)."""
        self.threshold = max(in_flight // 2, 2 * self._mss)
        self.window = self.threshold + 3 * self._mss
        self._acked = 0

    def duplicate(self) -> None:
        """Inflate by one segment (RFC 5681, 3.2, step 4)."""
        self.window += self._mss

    def partly_recovered(self, size: int) -> None:
        """Deflate by what was acknowledged, less one segment (RFC 6582, 3.2, step 3)."""
        window = self.window - size
        if size >= self._mss:
            window += self._mss
        self.window = max(window, self._mss)

    def recovered(self, in_flight: int) -> None:
        """Deflate to the threshold, without a burst (RFC 6582, 3.2, step 3, option 1)."""
        self.window = min(self.threshold, max(in_flight, self._mss) + self._mss)

    def timed_out(self, in_flight: int, *, again: bool) -> None:
        """Start over with one segment (RFC 5681, 3.1, equation 4)."""
        if not again:
            self.threshold = max(in_flight // 2, 2 * self._mss)
        self.window = self._mss
        self._acked = 0

    def restarted(self) -> None:
        """Do not burst a stale window into the path (RFC 5681, 4.1)."""
        self.window = min(self.window, self._initial)
