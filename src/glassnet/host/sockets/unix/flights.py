"""Files on their way between programs (SCM_RIGHTS), and those among them that nobody can reach any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from glassnet.host.descriptors.files import OpenFile

if TYPE_CHECKING:
    from glassnet.host.sockets.unix.base import Parcel, UnixSocket

__all__ = ["Flights"]


_FEW = 16


class Flights:
    """The files in flight between sockets of one host.

    A socket may be in its own queue, or two in each other's: when no number leads to
    them, nobody can ever take them out, and they end, as Linux's collector has it.
    """

    __slots__ = ("_dropping", "_numbers", "_rest", "_waiting")

    def __init__(self) -> None:
        self._numbers: dict[OpenFile, int] = {}
        self._waiting: deque[OpenFile] = deque()
        self._dropping = False
        self._rest = 0

    def begin(self, files: Sequence[OpenFile]) -> None:
        """These were sent."""
        for file in files:
            self._numbers[file] = self._numbers.get(file, 0) + 1

    def end(self, files: Sequence[OpenFile]) -> None:
        """These have arrived, or never will."""
        for file in files:
            left = self._numbers[file] - 1
            if left:
                self._numbers[file] = left
            else:
                del self._numbers[file]

    def drop(self, files: Sequence[OpenFile]) -> None:
        """Drop a reference of each; however long the chain of those that end with them, one by one."""
        self._waiting.extend(files)
        if self._dropping:
            return
        self._dropping = True
        try:
            while self._waiting:
                self._waiting.popleft().drop()
        finally:
            self._dropping = False
        self.sweep()

    def sweep(self) -> None:
        """End the sockets that can be reached only from one another's queues."""
        if not self._numbers or self._dropping:
            return
        if self._rest:
            self._rest -= 1
            return
        lost = self._unreachable()
        if not lost:
            # With many in flight not every close is worth a search.
            self._rest = len(self._numbers) // _FEW
            return
        parcels: list[Parcel] = []
        for each in lost:
            for queue in each.queues():
                parcels += queue
                queue.clear()
        self._dropping = True
        for parcel in parcels:
            parcel.end()
        self._dropping = False
        self.drop(())

    def _unreachable(self) -> list[UnixSocket]:
        numbers = self._numbers
        # Only these have queues for others to be in.
        lost = {
            file: cast("UnixSocket", file)
            for file, count in numbers.items()
            if file.references == count and hasattr(file, "queues")
        }
        inside = dict.fromkeys(lost, 0)
        for each in lost.values():
            for file in _held_by(each):
                if file in inside:
                    inside[file] += 1
        reached = [file for file in lost if inside[file] < numbers[file]]
        while reached:
            found = lost.pop(reached.pop(), None)
            if found is not None:
                reached += _held_by(found)
        return list(lost.values())


def _held_by(socket: UnixSocket) -> list[OpenFile]:
    """The files in flight in its queues."""
    return [file for queue in socket.queues() for parcel in queue for file in parcel.files]
