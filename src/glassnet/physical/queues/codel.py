"""CoDel, controlled delay (RFC 8289): drops by how long frames have waited.

The names are those of the pseudocode in section 5 of the RFC, of which this is the meaning in
whole nanoseconds. With marks instead of drops, nothing else changes (RFC 8290 section 5.2.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from glassnet.engine import Streams
from glassnet.engine.quantity import duration
from glassnet.physical.queues.discipline import Discipline, Line, Queue, Waiting, checked, flag
from glassnet.physical.queues.fifo import Fifo

__all__ = ["CoDel", "CoDelQueue", "control_law", "times"]

# A new drop state takes up the count of the last one if that ended fewer intervals ago (section 5.5).
_RECENT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CoDel(Discipline):
    """First in, first out, with drops that keep the time that frames wait near `target` (RFC 8289).

    When no frame has waited less than `target` for an `interval`, which should be about the
    longest usual round-trip time, frames are dropped as they leave, more and more often. With `ecn`, those
    that are ECN-capable are marked instead.
    """

    target: str | float = "5ms"
    interval: str | float = "100ms"
    ecn: bool = True

    def __post_init__(self) -> None:
        times("CoDel", self.target, self.interval)
        checked("CoDel", "ecn", self.ecn, flag)

    def open(self, line: Line, streams: Streams) -> Queue:
        """A queue that looks at the time."""
        return CoDelQueue(line, *times("CoDel", self.target, self.interval), self.ecn)


def times(discipline: str, target: str | float, interval: str | float) -> tuple[int, int]:
    """Both times in nanoseconds; ValueError names the discipline and the parameter."""
    nanoseconds = checked(discipline, "interval", interval, duration)
    if nanoseconds == 0:
        raise ValueError(f"{discipline}: interval: {interval!r}: expected a duration above 0")
    return checked(discipline, "target", target, duration), nanoseconds


def control_law(when: int, interval: int, count: int) -> int:
    """The time of the drop after `count` of them, the last at `when`: `interval / sqrt(count)` later.

    The quotient is rounded down to a nanosecond, exactly: section 5.6 of the RFC.
    """
    return when + isqrt(interval * interval // count)


class CoDelQueue(Fifo):
    """A queue and the state of its control loop (section 5.2)."""

    __slots__ = (
        "_ecn",
        "_first_above_time",
        "_interval",
        "_max_packet",
        "_target",
        "count",
        "drop_next",
        "dropping",
        "last_count",
    )

    def __init__(self, line: Line, target: int, interval: int, ecn: bool) -> None:
        super().__init__(line)
        self._target = target
        self._interval = interval
        self._ecn = ecn
        self._first_above_time = 0
        self._max_packet = 0
        self.dropping = False
        self.drop_next = 0
        self.count = 0
        self.last_count = 0

    def put(self, waiting: Waiting, now: int, room: int) -> None:
        """Take it in if there is room."""
        if waiting.octets > self._max_packet:
            self._max_packet = waiting.octets
        super().put(waiting, now, room)

    def take(self, now: int) -> Waiting | None:
        """The next frame that is not dropped (section 5.5)."""
        first, overdue = self._next(now)
        if self.dropping:
            if not overdue:
                self.dropping = False
            while self.dropping and now >= self.drop_next:
                assert first is not None  # an empty queue is not overdue
                self.count += 1
                marked = self._mark_or_drop(first)
                if marked is not None:
                    self.drop_next = control_law(self.drop_next, self._interval, self.count)
                    return marked
                first, overdue = self._next(now)
                if overdue:
                    self.drop_next = control_law(self.drop_next, self._interval, self.count)
                else:
                    self.dropping = False
        elif overdue:
            assert first is not None
            first = self._mark_or_drop(first)
            if first is None:
                first, _ = self._next(now)
            self._enter(now)
        return first

    def _mark_or_drop(self, first: Waiting) -> Waiting | None:
        """The frame with a mark; None if it was dropped instead."""
        marked = self._line.mark(first.frame) if self._ecn else None
        if marked is not None:
            return first._replace(frame=marked)
        self._line.drops("cable: codel", first.frame)
        return None

    def _enter(self, now: int) -> None:
        """Begin to drop, at the rate that was right a short time ago (section 5.5)."""
        self.dropping = True
        delta = self.count - self.last_count
        recent = now - self.drop_next < _RECENT * self._interval
        self.count = delta if delta > 1 and recent else 1
        self.drop_next = control_law(now, self._interval, self.count)
        self.last_count = self.count

    def _next(self, now: int) -> tuple[Waiting | None, bool]:
        """The first frame, and whether frames have waited too long for an interval (section 5.6)."""
        first = super().take(now)
        if first is None:
            self._first_above_time = 0
            return None, False
        if now - first.since < self._target or self.octets <= self._max_packet:
            self._first_above_time = 0
        elif self._first_above_time == 0:
            self._first_above_time = now + self._interval
        elif now >= self._first_above_time:
            return first, True
        return first, False
