"""One direction of a cable: a transmitter with its queue, and the wire behind it.

The transmitter is arithmetic, not events. `_free` is when it will have sent all that
it was given; what waits is the difference to now; so a frame costs one entry in the
engine's queue, for its arrival, and none for being sent.

Line time is counted in *ticks*, so many to the nanosecond that an octet takes a whole
number of them: 1 at 1 Gbit/s and at all rates below that divide it, 5 at 10 Gbit/s.
No rounding adds up.
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
from glassnet.wire.ethernet import MINIMUM

__all__ = ["FrameImpaired", "Lane", "LaneChanged", "Receiver"]

_SHORTEST = MINIMUM + OVERHEAD
_NO_LIMIT = 1 << 200
_UNUSED = -1


class Receiver(Protocol):
    """What a cable can be plugged into: an interface, a switch port, a bridge to the real world."""

    @property
    def name(self) -> str:
        """What messages call it."""

    lane: Lane | None
    """Where it sends; set by the cable, None without one."""

    def receive(self, frame: bytes) -> None:
        """Take a frame that arrives as it was sent."""

    def receive_damaged(self, bits: bytes) -> None:
        """Take a frame and its frame check sequence, which bit errors touched."""


@dataclass(frozen=True, slots=True)
class FrameImpaired:
    """A cable did something to a frame other than losing it, for which see `Drop`."""

    time: int
    lane: str
    what: Literal["duplicated", "held back", "damaged"]
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
    what was refused or lost, by reason.
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
        "_offset",
        "_order",
        "_per_octet",
        "_queue",
        "_ticks",
        "_unusual",
        "_up",
        "bytes",
        "cable",
        "damaged",
        "drops",
        "duplicated",
        "frames",
        "held_back",
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
        self._up = True
        self._free = _UNUSED
        self._last = 0
        self._ticks = 1
        self._deliver: Callable[[bytes], object] = self._send_nowhere
        self._deliver_damaged: Callable[[bytes], object] = self._send_nowhere
        self._unusual: Callable[[bytes], None] | None = None
        self._take_on(conditions)

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
        self._free = end
        self.frames += 1
        self.bytes += size
        arrival = (end + self._offset) // self._ticks
        impairments = self._impairments
        if impairments is None:
            if arrival < self._last:
                arrival = self._last
            else:
                self._last = arrival
                if self._ticks == 1:
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

    def _tell(self, what: Literal["duplicated", "held back", "damaged"], frame: bytes) -> None:
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
        self._take_on(conditions)

    def _take_on(self, conditions: Conditions) -> None:
        free = -(-self._free // self._ticks)
        rate = conditions.rate
        if rate is None:
            self._ticks, self._per_octet = 1, 0
        else:
            nanoseconds = 8 * 10**9
            divisor = gcd(nanoseconds, rate)
            self._ticks, self._per_octet = rate // divisor, nanoseconds // divisor
        # Without a rate nothing waits to be sent; `_last` keeps the order of what was.
        self._free = _UNUSED if self._free == _UNUSED or rate is None else free * self._ticks
        # From the end of a frame's gap, in ticks, to its arrival: its last bit, rounded up to a nanosecond.
        self._offset = conditions.delay * self._ticks - GAP * self._per_octet + self._ticks - 1
        queue = conditions.queue
        self._queue = _NO_LIMIT if queue is None or rate is None else queue * self._per_octet
        self._impairments = (
            Impairments(conditions, self._engine.random, self.name) if conditions.impaired else None
        )
        self._conditions = conditions
        self._choose()

    def _choose(self) -> None:
        """Find out which way frames go: `send` itself is for the perfect lane."""
        if self.receiver is None:
            self._unusual = self._send_nowhere
        elif not self._up:
            self._unusual = self._send_into_cut
        elif self._impairments is not None or self._ticks != 1 or self._last > self._engine.now:
            self._unusual = self._send_unusually
        else:
            self._unusual = None

    @property
    def backlog(self) -> int:
        """Octets of line time still to be sent (a frame takes 24 more than its own)."""
        waiting = self._free - self._engine.now * self._ticks
        return -(-waiting // self._per_octet) if waiting > 0 else 0

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
        """Take back the arrivals of this lane. It looks at all that is scheduled, so that `send` need not."""
        heap = self._heap
        lost = [entry for entry in heap if entry[2] is self._deliver or entry[2] is self._deliver_damaged]
        if lost:
            heap[:] = [
                entry
                for entry in heap
                if entry[2] is not self._deliver and entry[2] is not self._deliver_damaged
            ]
            heapify(heap)
            for entry in sorted(lost, key=lambda entry: entry[:2]):
                bits: bytes = entry[3]
                self.drops("cable: cut", bits if entry[2] is self._deliver else bits[:-FCS])
        self._free = _UNUSED
        self._last = 0


def _own(callback: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same callback as an object of its own, by which `_lose` knows a lane's arrivals."""
    if isinstance(callback, MethodType):
        return MethodType(callback.__func__, callback.__self__)
    return lambda frame: callback(frame)
