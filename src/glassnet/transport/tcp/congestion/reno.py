"""Reno: slow start and congestion avoidance (RFC 5681), counting bytes (RFC 3465)."""

from __future__ import annotations

from glassnet.transport.tcp.congestion.control import CongestionControl

__all__ = ["Reno"]


class Reno(CongestionControl):
    """A segment more in each round trip, half on a loss."""

    name = "reno"

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        super().__init__(mss, initial_segments)
        self._acked = 0
        self._most = 2  # L of RFC 3465, in segments

    def acknowledged(self, now: int, size: int, rtt: int, limited: bool, unacked: int, next_: int) -> None:
        """Open the window: by what was acknowledged below the threshold, by a segment per window above."""
        if not limited:
            return
        mss = self.mss
        window = self.window
        if window < self.threshold:
            most = self._most * mss
            self.window = window + (size if size < most else most)
            return
        self._most = 2
        acked = self._acked + size
        if acked >= window:
            acked -= window
            self.window = window + mss
        self._acked = acked

    def congested(self, now: int, in_flight: int, *, mark: bool = False) -> None:
        """Half of what is in flight (RFC 5681, equation 4)."""
        self.threshold = max(in_flight // 2, 2 * self.mss)
        self._acked = 0

    def timed_out(self, now: int, in_flight: int, *, again: bool) -> None:
        """Slow start with L = 1: one acknowledgement may tell of what was sent long ago (RFC 3465, 2.3)."""
        super().timed_out(now, in_flight, again=again)
        self._most = 1
