"""The scoreboard: what is known of each segment on its way, once not all is in order (RFC 6675, 2).

It exists only while something is missing, sacked or sent again; an orderly connection
has none, and pays nothing for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from heapq import heappop, heappush

__all__ = ["Scoreboard", "Segment"]


class Segment:
    """A stretch of sequence space that was sent and is not acknowledged.

    `sent` is when, last; `sacked` that the peer has it out of order; `lost` that it is
    believed gone and not yet sent again. `delivered`, `delivered_at`, `first_sent_at` and
    `app_limited` belong to `DeliveryRate`, which sets them while it is at work.
    """

    __slots__ = (
        "app_limited",
        "delivered",
        "delivered_at",
        "end",
        "first_sent_at",
        "flags",
        "lost",
        "payload",
        "retransmitted",
        "sacked",
        "sent",
        "sequence",
    )

    delivered: int
    delivered_at: int
    first_sent_at: int
    app_limited: bool

    def __init__(self, sequence: int, end: int, flags: int, payload: bytes, sent: int) -> None:
        self.sequence = sequence
        self.end = end
        self.flags = flags
        self.payload = payload
        self.sent = sent
        self.retransmitted = False
        self.sacked = False
        self.lost = False


class Scoreboard:
    """Finds segments by where they start and by when they were sent, whatever the window.

    `by_time` has those that are neither sacked nor lost, longest on their way first: the
    order in which RACK looks at them. `until` is the SND.NXT that must be acknowledged
    before the scoreboard may go.
    """

    __slots__ = ("_ends", "_lost", "_outstanding", "_starts", "by_start", "by_time", "highest", "until")

    def __init__(self, outstanding: deque[Segment], until: int) -> None:
        self._outstanding = outstanding
        self.by_start = {segment.sequence: segment for segment in outstanding}
        self.by_time: dict[Segment, None] = dict.fromkeys(
            sorted(outstanding, key=lambda segment: segment.sent)
        )
        self._starts: list[int] = []  # the stretches that are sacked, disjoint and ascending
        self._ends: list[int] = []
        self._lost: list[int] = []  # a heap: where the lost segments start
        self.highest = 0  # the highest sequence number sacked or acknowledged (RACK.fack)
        self.until = until

    def sent(self, segment: Segment) -> None:
        """A segment was sent for the first time."""
        self.by_start[segment.sequence] = segment
        self.by_time[segment] = None

    def resent(self, segment: Segment) -> None:
        """A segment was sent again, and so is the youngest."""
        self.by_time.pop(segment, None)
        self.by_time[segment] = None

    def acknowledged(self, segment: Segment) -> None:
        """A segment has left SND.UNA behind."""
        self.by_start.pop(segment.sequence, None)
        self.by_time.pop(segment, None)

    def moved(self, segment: Segment, before: int) -> None:
        """The start of a segment has moved up from `before`: a part of it was acknowledged."""
        self.by_start.pop(before, None)
        self.by_start[segment.sequence] = segment
        if segment.lost:
            heappush(self._lost, segment.sequence)

    def lose(self, segment: Segment) -> None:
        """A segment is believed lost."""
        self.by_time.pop(segment, None)
        heappush(self._lost, segment.sequence)

    def found(self, segment: Segment) -> None:
        """A segment that was believed lost is not."""
        self.by_time[segment] = None

    def next_lost(self) -> Segment | None:
        """The lost segment with the lowest sequence number, to be sent again first."""
        heap = self._lost
        while heap:
            segment = self.by_start.get(heap[0])
            if segment is not None and segment.lost:
                return segment
            heappop(heap)
        return None

    def advance(self, unacked: int) -> None:
        """SND.UNA is `unacked` now: what was sacked below is history."""
        done = bisect_right(self._ends, unacked)
        if done:
            del self._starts[:done], self._ends[:done]
        if self._starts and self._starts[0] < unacked:
            self._starts[0] = unacked

    def sack(self, start: int, end: int) -> list[Segment]:
        """The segments wholly within the block from `start` to `end` that were not known to be sacked.

        Each is taken off `by_time`; to mark it is up to the caller.
        """
        starts, ends = self._starts, self._ends
        fresh: list[Segment] = []
        position = start
        while position < end:
            at = bisect_right(ends, position)
            if at < len(starts) and starts[at] <= position:
                position = ends[at]
                continue
            limit = min(starts[at], end) if at < len(starts) else end
            segment = self._at(position)
            begin = covered = segment.sequence if segment is not None else limit
            while segment is not None and segment.end <= limit:
                fresh.append(segment)
                covered = segment.end
                segment = self.by_start.get(covered)
            if covered > begin:
                self._cover(begin, covered)
            position = limit
        for segment in fresh:
            self.by_time.pop(segment, None)
        return fresh

    def _at(self, position: int) -> Segment | None:
        """The first segment that starts at `position` or after it."""
        segment = self.by_start.get(position)
        if segment is None:
            for each in self._outstanding:
                if each.sequence >= position:
                    return each
        return segment

    def _cover(self, start: int, end: int) -> None:
        starts, ends = self._starts, self._ends
        first = bisect_left(ends, start)  # the first that touches or follows
        last = bisect_right(starts, end)  # the first that lies beyond
        if first < last:
            start = min(start, starts[first])
            end = max(end, ends[last - 1])
        starts[first:last] = [start]
        ends[first:last] = [end]

    def forget_sacks(self) -> None:
        """The peer has taken back what it said it had (RFC 2018, 8)."""
        self._starts.clear()
        self._ends.clear()

    def split(self, segment: Segment, rest: Segment) -> None:
        """`rest` was cut off the end of `segment`."""
        self.by_start[rest.sequence] = rest
        if rest.lost:
            heappush(self._lost, rest.sequence)
        elif not rest.sacked:
            self.by_time[rest] = None
