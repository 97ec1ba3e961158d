"""DCTCP: reduce the window by how much of it was marked, not merely because something was (RFC 8257)."""

from __future__ import annotations

from glassnet.transport.tcp.congestion.reno import Reno

__all__ = ["Dctcp"]

_ONE = 1 << 20
_GAIN = 4  # g = 1/16, as a shift


class Dctcp(Reno):
    """Reno's growth, and its answer to losses; a mark takes away `alpha` / 2 of the window.

    It is for a data centre of one's own, with queues that mark early: beside other flows it is unfair.
    """

    name = "dctcp"
    marks = True

    def __init__(self, mss: int, initial_segments: int = 10) -> None:
        super().__init__(mss, initial_segments)
        self._alpha = _ONE  # RFC 8257, 4.2: cautious, until more is known
        self._bytes = 0
        self._bytes_marked = 0
        self._end = -1

    @property
    def alpha(self) -> float:
        """The share of bytes that are marked, from 0 to 1, smoothed (DCTCP.Alpha)."""
        return self._alpha / _ONE

    def marked(self, size: int, marked: bool, unacked: int, next_: int) -> None:
        """Count; once a round trip, the count moves alpha (RFC 8257, 3.3)."""
        if self._end < 0:
            self._end = next_
        self._bytes += size
        if marked:
            self._bytes_marked += size
        if unacked < self._end:
            return
        self._end = next_
        if self._bytes:
            share = self._bytes_marked * _ONE // self._bytes
            self._alpha += (share - self._alpha) >> _GAIN
            self._bytes = self._bytes_marked = 0

    def congested(self, now: int, in_flight: int, *, mark: bool = False) -> None:
        """A mark: 1 - alpha / 2 of the window (3.4). A loss: what Reno does (3.5)."""
        super().congested(now, in_flight)
        if mark:
            self.threshold = max(self.window - self.window * self._alpha // (2 * _ONE), 2 * self.mss)
