"""RACK: a segment is lost when one sent sufficiently later has arrived (RFC 8985, 6)."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.transport.tcp.scoreboard import Segment

__all__ = ["Rack"]

_PERSISTS = 16  # RFC 8985, 6.2, step 4: recoveries for which a wider reordering window is kept


class Rack:
    """The newest segment known to have arrived, and how much later it must have been sent than a lost one.

    Times are nanoseconds. `sent` and `end` are of that newest segment, `rtt` is its
    round-trip time. `steps` is RACK.reo_wnd_mult: the reordering window in quarters of
    the least round-trip time. `latecomers` are the segments that arrived after one that was sent
    later, and `degree` is by how many bytes they came too late at most.
    """

    __slots__ = ("_dsack_round", "_persists", "degree", "end", "latecomers", "rtt", "sent", "steps")

    def __init__(self) -> None:
        self.sent = -1
        self.end = 0
        self.rtt = 0
        self.latecomers = 0
        self.degree = 0
        self.steps = 1
        self._dsack_round: int | None = None
        self._persists = 0

    def delivered(self, sent: int, end: int, now: int) -> None:
        """A segment sent at that time is known to have arrived (6.2, step 2)."""
        if sent > self.sent or (sent == self.sent and end > self.end):
            self.sent = sent
            self.end = end
            self.rtt = now - sent

    @property
    def reordered(self) -> bool:
        """RACK.reordering_seen: whether anything ever came out of order."""
        return self.latecomers > 0

    def late(self, distance: int) -> None:
        """A segment, sent once, came after one that starts `distance` bytes beyond it (6.2, step 3)."""
        self.latecomers += 1
        if distance > self.degree:
            self.degree = distance

    def duplicated(self, unacked: int, next_: int) -> None:
        """A D-SACK came: something was sent again in vain. Wait longer, once a round trip (6.2, step 4)."""
        if self._dsack_round is None or unacked >= self._dsack_round:
            self._dsack_round = next_
            self.steps += 1
            self._persists = _PERSISTS

    def recovered(self) -> None:
        """A recovery has ended: the wider window is not kept for ever."""
        self._persists -= 1
        if self._persists <= 0:
            self.steps = 1

    def window(self, least: int, smoothed: int, eager: bool) -> int:
        """RACK.reo_wnd: how much later; 0 if nothing was ever reordered and the signs are clear (`eager`)."""
        if not self.reordered and eager:
            return 0
        return min(self.steps * (least >> 2), smoothed)

    def losses(self, by_time: Iterable[Segment], window: int, now: int) -> tuple[list[Segment], int]:
        """The segments that are lost, and how long to wait before looking again (6.2, step 5).

        `by_time` gives those on their way, the one sent first first. A wait of 0 is none.
        """
        lost: list[Segment] = []
        wait = 0
        latest, end, patience = self.sent, self.end, self.rtt + window
        for segment in by_time:
            if segment.sent > latest or (segment.sent == latest and segment.end >= end):
                break
            left = segment.sent + patience - now
            if left <= 0:
                lost.append(segment)
            elif left > wait:
                wait = left
        return lost, wait
