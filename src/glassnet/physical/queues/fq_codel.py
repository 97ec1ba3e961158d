"""FQ-CoDel, flow queueing with controlled delay (RFC 8290): each flow waits in a queue of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from zlib import crc32

from glassnet.engine import Streams
from glassnet.physical.queues.codel import CoDelQueue, times
from glassnet.physical.queues.discipline import Discipline, Line, Queue, Waiting, checked, flag
from glassnet.wire.flows import flow_key

__all__ = ["FqCoDel", "FqCoDelQueue"]

_BATCH = 64
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FqCoDel(Discipline):
    """A queue for each flow, each under CoDel, served in turn, those that send little first (RFC 8290).

    Flows are told apart by a hash of addresses, protocol and ports, modulo `flows`. In its turn a flow
    sends `quantum` octets of frames. When the `queue` of the cable is full, the flow loses of
    which most waits. `target`, `interval` and `ecn` are those of `CoDel`, for each flow.
    """

    target: str | float = "5ms"
    interval: str | float = "100ms"
    flows: int = 1024
    quantum: int = 1514
    ecn: bool = True

    def __post_init__(self) -> None:
        times("FqCoDel", self.target, self.interval)
        checked("FqCoDel", "ecn", self.ecn, flag)
        for name, value in (("flows", self.flows), ("quantum", self.quantum)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"FqCoDel: {name}: {value!r}: expected an integer above 0")

    def open(self, line: Line, streams: Streams) -> Queue:
        """The queues of all flows."""
        # Odd, for multiplicative hashing.
        perturbation = streams[f"{line.name}:flows"].getrandbits(64) | 1
        target, interval = times("FqCoDel", self.target, self.interval)
        return FqCoDelQueue(line, target, interval, self.flows, self.quantum, self.ecn, perturbation)


class _Flow(CoDelQueue):
    """The queue of a flow, and of those whose hash is the same."""

    __slots__ = ("active", "credits")

    def __init__(self, line: Line, target: int, interval: int, ecn: bool) -> None:
        super().__init__(line, target, interval, ecn)
        self.active = False
        self.credits = 0

    def shed(self) -> None:
        """Drop the first half of the frames, at least one and at most 64."""
        for _ in range(min(max(len(self._waiting) // 2, 1), _BATCH)):
            frame, octets, _ = self._waiting.popleft()
            self.octets -= octets
            self._line.drops("cable: queue full", frame)


class FqCoDelQueue(Queue):
    """The queues of flows, in the lists of those that are new and of those that were served (section 3)."""

    __slots__ = (
        "_ecn",
        "_flows",
        "_interval",
        "_limit",
        "_line",
        "_new",
        "_old",
        "_perturbation",
        "_quantum",
        "_target",
    )

    def __init__(
        self,
        line: Line,
        target: int,
        interval: int,
        flows: int,
        quantum: int,
        ecn: bool,
        perturbation: int,
    ) -> None:
        super().__init__()
        self._line = line
        self._target = target
        self._interval = interval
        self._limit = flows
        self._quantum = quantum
        self._ecn = ecn
        self._perturbation = perturbation
        self._flows: dict[int, _Flow] = {}
        self._new: deque[_Flow] = deque()
        self._old: deque[_Flow] = deque()

    def classify(self, frame: bytes) -> int:
        """The number of the queue in which the frame waits."""
        # CRC-32 alone is linear: which keys collide would not depend on the perturbation.
        return ((crc32(flow_key(frame)) * self._perturbation & _WORD) >> 32) % self._limit

    def put(self, waiting: Waiting, now: int, room: int) -> None:
        """Add it to its flow (section 4.1), and make room if there is none."""
        number = self.classify(waiting.frame)
        flow = self._flows.get(number)
        if flow is None:
            flow = self._flows[number] = _Flow(self._line, self._target, self._interval, self._ecn)
        flow.put(waiting, now, waiting.octets)
        self.octets += waiting.octets
        if not flow.active:
            flow.active = True
            flow.credits = self._quantum
            self._new.append(flow)
        most = max(self.octets - waiting.octets + room, 0)
        while self.octets > most:
            fattest = max(chain(self._new, self._old), key=lambda flow: flow.octets)
            self.octets -= fattest.octets
            fattest.shed()
            self.octets += fattest.octets

    def take(self, now: int) -> Waiting | None:
        """The next frame of the flow whose turn it is (section 4.2)."""
        new, old = self._new, self._old
        while new or old:
            turns = new or old
            flow = turns[0]
            if flow.credits <= 0:
                flow.credits += self._quantum
                old.append(turns.popleft())
                continue
            before = flow.octets
            first = flow.take(now)
            self.octets -= before - flow.octets
            if first is not None:
                flow.credits -= len(first.frame)
                return first
            turns.popleft()
            if turns is new:
                old.append(flow)  # else a flow could be new again at once, and starve the old
            else:
                flow.active = False
        return None

    def empty(self) -> list[Waiting]:
        """Take all frames out, in the order in which they came."""
        left = [waiting for flow in chain(self._new, self._old) for waiting in flow.empty()]
        for flow in chain(self._new, self._old):
            flow.active = False
        self._new.clear()
        self._old.clear()
        self.octets = 0
        return sorted(left, key=lambda waiting: waiting.since)
