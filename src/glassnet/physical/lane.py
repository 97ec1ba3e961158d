"""One direction of a cable: a transmitter with its queue, and the wire behind it.

The transmitter is arithmetic, not events. `_free` is when it will have sent all that
it was given; what waits is the difference to now; so a frame costs one entry in the
engine's queue, for its arrival, and none for being sent.

Line time is counted in *ticks*, so many to the nanosecond that an octet takes a whole
number of them: 1 at 1 Gbit/s and at all rates below that divide it, 5 at 10 Gbit/s.
No rounding adds up.

A queue that manages itself (`queues/`) is the exception: what waits does so in it, and an
event at the end of each transmission takes the next frame out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappush
from math import gcd
from types import MethodType
from typing import Literal, Protocol, Unpack

from glassnet.engine import Drops, Engine
from glassnet.physical.conditions import Changes, Conditions
from glassnet.physical.framing import FCS, GAP, OVERHEAD
from glassnet.physical.impairments import Impairments
from glassnet.physical.queues import Queue, Waiting
from glassnet.wire.ecn import marked
from glassnet.wire.ethernet import MINIMUM

__all__ = ["FrameImpaired", "Lane", "LaneChanged", "Receiver"]

_SHORTEST = MINIMUM + OVERHEAD
_NO_LIMIT = 1 << 200
_UNUSED = -1

_What = Literal["duplicated", "held back", "damaged", "marked"]


class Receiver(Protocol):
    """What a cable can be plugged into: an interface, a switch port, a bridge to the real world."""

    @property
    def name(self) -> str:
        """What messages call it."""

    lane: Lane | None
    """Where it sends; set by the cable, None without one."""

    @property
    def offload(self) -> int:
        """Octets of the longest IP packet that it takes, where an MTU does not count (`wire.large`); or 0."""

    def receive(self, frame: bytes) -> None:
        """Take a frame that arrives as it was sent."""

    def receive_damaged(self, bits: bytes) -> None:
        """Take a frame and its frame check sequence, which bit errors touched."""


@dataclass(frozen=True, slots=True)
class FrameImpaired:
    """A cable did something to a frame other than losing it, for which see `Drop`.

    `frame` is as it was sent. `"marked"` is with "congestion experienced", by the queue.
    """

    time: int
    lane: str
    what: _What
    frame: bytes


@dataclass(frozen=True, slots=True)
class LaneChanged:
    """One direction of a cable was cut or mended."""

    time: int
    lane: str
    up: bool


class Lane:
    """One direction of a cable, called `cable:NAME:END` after the end where frames arrive.

    `frames` and `bytes` count what was put on the wire, lost there or not; `drops`
    what was refused or lost, by reason; `marked` the frames that its queue has marked.
    """

    __slots__ = (
        "_conditions",
        "_deliver",
        "_deliver_damaged",
        "_engine",
        "_free",
        "_heap",
        "_impairments",
        "_last",
        "_managed",
        "_offset",
        "_order",
        "_per_octet",
        "_queue",
        "_ticks",
        "_unusual",
        "_up",
        "_wake",
        "_wakes",
        "bytes",
        "cable",
        "damaged",
        "drops",
        "duplicated",
        "frames",
        "held_back",
        "marked",
        "name",
        "receiver",
    )

    def __init__(self, engine: Engine, cable: str, end: str, conditions: Conditions) -> None:
        self._engine = engine
        self._heap = engine.heap
        self._order = engine.order
        self.cable = cable
        self.name = f"cable:{cable}:{end}"
        self.drops = Drops(engine, self.name)
        self.receiver: Receiver | None = None
        self.frames = 0
        self.bytes = 0
        self.duplicated = 0
        self.held_back = 0
        self.damaged = 0
        self.marked = 0
        self._up = True
        self._free = _UNUSED
        self._last = 0
        self._ticks = 1
        self._deliver: Callable[[bytes], object] = self._send_nowhere
        self._deliver_damaged: Callable[[bytes], object] = self._send_nowhere
        self._unusual: Callable[[bytes], None] | None = None
        self._managed: Queue | None = None
        self._wakes = False
        self._wake = self._wake_up
        self._take_on(conditions)
        self._change_queue()

    # --- the way of a frame

    def send(self, frame: bytes) -> None:
        """Queue the frame, which arrives when it has been sent and has travelled; or drop it."""
        if self._unusual is not None:
            self._unusual(frame)
            return
        # From here on a tick is a nanosecond, and nothing happens to frames.
        size = len(frame)
        now = self._engine.now
        free = self._free
        if free > now:
            end = free + (size + OVERHEAD if size > MINIMUM else _SHORTEST) * self._per_octet
            if end - now > self._queue:
                self.drops("cable: queue full", frame)
                return
        else:
            end = now + (size + OVERHEAD if size > MINIMUM else _SHORTEST) * self._per_octet
        self._free = end
        self.frames += 1
        self.bytes += size
        heappush(self._heap, (end + self._offset, next(self._order), self._deliver, frame))

    def _send_unusually(self, frame: bytes) -> None:
        """As `send`, at any rate, under any conditions, and while these change."""
        size = len(frame)
        now = self._engine.now * self._ticks
        free = self._free
        if free > now:
            end = free + (size + OVERHEAD if size > MINIMUM else _SHORTEST) * self._per_octet
            if end - now > self._queue:
                self.drops("cable: queue full", frame)
                return
        else:
            end = now + (size + OVERHEAD if size > MINIMUM else _SHORTEST) * self._per_octet
        self._depart(frame, end)

    def _send_managed(self, frame: bytes) -> None:
        """As `send`, through a queue that manages itself."""
        queue = self._managed
        assert queue is not None
        size = len(frame)
        octets = size + OVERHEAD if size > MINIMUM else _SHORTEST
        now = self._engine.now
        room = octets  # an idle transmitter takes any frame
        if self._wakes:
            rest = max(self._free - now * self._ticks, 0)
            if rest or queue.octets:
                room = (self._queue - rest) // self._per_octet - queue.octets
        queue.put(Waiting(frame, octets, now), now, room)
        if not self._wakes:
            self._send_next(now * self._ticks)

    def _wake_up(self, _: bytes) -> None:
        """The end of a transmission: the next one begins at once."""
        self._wakes = False
        self._send_next(self._free)

    def _send_next(self, start: int) -> None:
        """Take the next frame out of the queue and send it from `start` (ticks) on; nothing if none waits."""
        queue = self._managed
        assert queue is not None
        first = queue.take(self._engine.now)
        if first is not None:
            # It may have come in the nanosecond in which the transmitter became free.
            self._transmit(first.frame, max(start, first.since * self._ticks))
            self._come_back()

    def _come_back(self) -> None:
        """Wake up when the transmitter is free."""
        self._wakes = True
        when = max(-(-self._free // self._ticks), self._engine.now)
        heappush(self._heap, (when, next(self._order), self._wake, b""))

    def _transmit(self, frame: bytes, start: int) -> None:
        size = len(frame)
        self._depart(frame, start + (size + OVERHEAD if size > MINIMUM else _SHORTEST) * self._per_octet)

    def _depart(self, frame: bytes, end: int) -> None:
        """Put a frame on the line, which it leaves at `end` (ticks), and send it on its way."""
        self._free = end
        self.frames += 1
        self.bytes += len(frame)
        arrival = (end + self._offset) // self._ticks
        impairments = self._impairments
        if impairments is None:
            if arrival < self._last:
                arrival = self._last
            else:
                self._last = arrival
                if self._ticks == 1 and self._managed is None:
                    self._unusual = None  # nothing is left that a frame could overtake
            heappush(self._heap, (arrival, next(self._order), self._deliver, frame))
        elif impairments.loses():
            self.drops("cable: loss", frame)
        else:
            self._carry(frame, arrival, impairments)
            if impairments.duplicates():
                self.duplicated += 1
                self._tell("duplicated", frame)
                self._carry(frame, arrival, impairments)

    def _carry(self, frame: bytes, arrival: int, impairments: Impairments) -> None:
        arrival += impairments.extra_delay()
        if arrival < self._last:
            arrival = self._last
        hold = impairments.holds_back()
        if hold:
            self.held_back += 1
            self._tell("held back", frame)
            arrival += hold
        else:
            self._last = arrival
        bits = impairments.damaged(frame)
        if bits is None:
            heappush(self._heap, (arrival, next(self._order), self._deliver, frame))
        else:
            self.damaged += 1
            self._tell("damaged", frame)
            heappush(self._heap, (arrival, next(self._order), self._deliver_damaged, bits))

    def _send_into_cut(self, frame: bytes) -> None:
        self.drops("cable: cut", frame)

    def _send_nowhere(self, frame: bytes) -> None:
        self.drops("cable: not plugged in", frame)

    def mark(self, frame: bytes) -> bytes | None:
        """The frame with "congestion experienced" in its IP header; None if it cannot bear it (RFC 3168)."""
        changed = marked(frame)
        if changed is not None and changed is not frame:
            self.marked += 1
            self._tell("marked", frame)
        return changed

    def _tell(self, what: _What, frame: bytes) -> None:
        events = self._engine.events
        if FrameImpaired in events.wanted:
            events.tell(FrameImpaired(self._engine.now, self.name, what, frame))

    # --- its conditions

    @property
    def conditions(self) -> Conditions:
        """What this direction is like at present."""
        return self._conditions

    def set(self, **changes: Unpack[Changes]) -> None:
        """Change conditions from now on; frames on their way keep their times, and are not overtaken."""
        conditions = self._conditions.changed(self.cable, changes)
        if self._free != _UNUSED:
            self._last = max(self._last, (self._free + self._offset) // self._ticks)
        before = self._conditions
        self._take_on(conditions)
        if conditions.discipline != before.discipline or (conditions.rate is None) != (before.rate is None):
            self._change_queue()

    def _take_on(self, conditions: Conditions) -> None:
        ticks, free = self._ticks, self._free
        rate = conditions.rate
        if rate is None:
            self._ticks, self._per_octet = 1, 0
        else:
            nanoseconds = 8 * 10**9
            divisor = gcd(nanoseconds, rate)
            self._ticks, self._per_octet = rate // divisor, nanoseconds // divisor
        # Without a rate nothing waits to be sent; `_last` keeps the order of what was.
        if free == _UNUSED or rate is None:
            self._free = _UNUSED
        elif ticks != self._ticks:
            self._free = -(-free // ticks) * self._ticks
        # From the end of a frame's gap, in ticks, to its arrival: its last bit, rounded up to a nanosecond.
        self._offset = conditions.delay * self._ticks - GAP * self._per_octet + self._ticks - 1
        queue = conditions.queue
        self._queue = _NO_LIMIT if queue is None or rate is None else queue * self._per_octet
        self._impairments = (
            Impairments(conditions, self._engine.random, self.name) if conditions.impaired else None
        )
        self._conditions = conditions
        self._choose()

    def _change_queue(self) -> None:
        """Begin a queue of the present discipline, into which goes what waits in the old one."""
        waiting = [] if self._managed is None else self._managed.empty()
        if self._wakes:
            self._wakes = False
            self._heap[:] = [entry for entry in self._heap if entry[2] is not self._wake]
            heapify(self._heap)
        queue = self._managed = self._new_queue()
        self._choose()
        now = self._engine.now
        if queue is None:
            for frame, _, _ in waiting:
                self._transmit(frame, max(self._free, now * self._ticks))
            return
        for each in waiting:
            queue.put(each, now, each.octets)
        if waiting or self._free > now * self._ticks:
            self._come_back()

    def _new_queue(self) -> Queue | None:
        """A queue that manages itself, if that is wanted and anything can wait."""
        conditions = self._conditions
        return None if conditions.rate is None else conditions.discipline.open(self, self._engine.random)

    def _choose(self) -> None:
        """Find out which way frames go: `send` itself is for the perfect lane."""
        if self.receiver is None:
            self._unusual = self._send_nowhere
        elif not self._up:
            self._unusual = self._send_into_cut
        elif self._managed is not None:
            self._unusual = self._send_managed
        elif self._impairments is not None or self._ticks != 1 or self._last > self._engine.now:
            self._unusual = self._send_unusually
        else:
            self._unusual = None

    @property
    def backlog(self) -> int:
        """Octets of line time still to be sent (a frame takes 24 more than its own)."""
        waiting = self._free - self._engine.now * self._ticks
        octets = -(-waiting // self._per_octet) if waiting > 0 else 0
        return octets if self._managed is None else octets + self._managed.octets

    @property
    def offload(self) -> int:
        """Octets of the longest IP packet that the other end takes and cuts by itself; 0: only frames.

        Only where nothing lies between: what a cable does to a frame it does to each.
        """
        receiver = self.receiver
        if receiver is None or not self._up or self._impairments is not None:
            return 0
        return 0 if self._conditions.rate else receiver.offload

    # --- its ends

    def attach(self, receiver: Receiver | None) -> None:
        """Lead to `receiver`, or nowhere; what is on its way is lost."""
        if self.receiver is not None:
            self._lose()
        self.receiver = receiver
        if receiver is not None:
            self._deliver = _own(receiver.receive)
            self._deliver_damaged = _own(receiver.receive_damaged)
        self._choose()

    @property
    def up(self) -> bool:
        """Whether frames can get through: not cut."""
        return self._up

    def cut(self) -> None:
        """Lose what is on its way, and whatever is sent until `mend`."""
        self._lose()
        self._turn(False)

    def mend(self) -> None:
        """Let frames through again."""
        self._turn(True)

    def _turn(self, up: bool) -> None:
        if self._up is up:
            return
        self._up = up
        self._choose()
        events = self._engine.events
        if LaneChanged in events.wanted:
            events.tell(LaneChanged(self._engine.now, self.name, up))

    def _lose(self) -> None:
        """Take back what waits and the arrivals of this lane.

        It looks at all that is scheduled, so that `send` need not.
        """
        heap = self._heap
        deliver, deliver_damaged, wake = self._deliver, self._deliver_damaged, self._wake
        ours = [
            entry for entry in heap if entry[2] is deliver or entry[2] is deliver_damaged or entry[2] is wake
        ]
        if ours:
            taken = {entry[1] for entry in ours}
            heap[:] = [entry for entry in heap if entry[1] not in taken]
            heapify(heap)
            for _, _, callback, bits in sorted(ours, key=lambda entry: entry[:2]):
                if callback is not wake:
                    self.drops("cable: cut", bits if callback is deliver else bits[:-FCS])
        if self._managed is not None:
            for frame, _, _ in self._managed.empty():
                self.drops("cable: cut", frame)
            self._managed = self._new_queue()
            self._wakes = False
        self._free = _UNUSED
        self._last = 0


def _own(callback: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same callback as an object of its own, by which `_lose` knows a lane's arrivals."""
    if isinstance(callback, MethodType):
        return MethodType(callback.__func__, callback.__self__)
    return lambda frame: callback(frame)
