"""First in, first out: the queue without a mind of its own, and one that marks above a threshold."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from glassnet.engine import Streams
from glassnet.engine.quantity import data_size
from glassnet.physical.queues.discipline import Discipline, Line, Queue, Waiting, checked

__all__ = ["Fifo", "TailDrop", "Threshold"]


class Fifo(Queue):
    """Sends frames in the order in which they come, and drops those for which there is no room."""

    __slots__ = ("_line", "_waiting")

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._waiting: deque[Waiting] = deque()

    def put(self, waiting: Waiting, now: int, room: int) -> None:
        """Take it in if there is room."""
        if waiting.octets > room:
            self._line.drops("cable: queue full", waiting.frame)
            return
        self._waiting.append(waiting)
        self.octets += waiting.octets

    def take(self, now: int) -> Waiting | None:
        """The frame that came first."""
        if not self._waiting:
            return None
        first = self._waiting.popleft()
        self.octets -= first.octets
        return first

    def empty(self) -> list[Waiting]:
        """Take all frames out, in the order in which they came."""
        left = list(self._waiting)
        self._waiting.clear()
        self.octets = 0
        return left


@dataclass(frozen=True, slots=True)
class TailDrop(Discipline):
    """First in, first out; a frame for which there is no room is dropped. The queue of every plain cable."""

    def open(self, line: Line, streams: Streams) -> None:
        """None: a lane does this by arithmetic, without a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Discipline):
    """Tail drop that marks a frame when more than `mark` waits as it comes (RFC 8257 section 3.1, for DCTCP).

    `mark` is a size such as `"30kB"`, counted as the `queue` of a cable is, without the frame
    that is being sent. A frame that is not ECN-capable is left alone.
    """

    mark: str | float = "30kB"

    def __post_init__(self) -> None:
        checked("Threshold", "mark", self.mark, data_size)

    def open(self, line: Line, streams: Streams) -> Queue:
        """A queue that marks."""
        return _Marking(line, data_size(self.mark))


class _Marking(Fifo):
    __slots__ = ("_mark",)

    def __init__(self, line: Line, mark: int) -> None:
        super().__init__(line)
        self._mark = mark

    def put(self, waiting: Waiting, now: int, room: int) -> None:
        if self.octets > self._mark and waiting.octets <= room:
            marked = self._line.mark(waiting.frame)
            if marked is not None:
                waiting = waiting._replace(frame=marked)
        super().put(waiting, now, room)
