"""The clockwork: one queue of events, and the time that it keeps.

Time is an `int` of nanoseconds since the network began. A *virtual* clock jumps
to the next event; a *real* one waits for the wall clock; a *scaled* one runs
`speed` times as fast as the wall clock. Events at equal times run in the order
in which they were scheduled, so that a run depends on nothing but its seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal, Protocol

from glassnet.engine.events import Events
from glassnet.engine.randomness import Streams

__all__ = ["Clock", "Engine", "Entry", "Outside"]

Clock = Literal["virtual", "real", "scaled"]
Entry = tuple[int, int, Callable[[Any], object], Any]

_FOREVER = 1 << 63

# Seconds that a paced clock sleeps at a time, so that `pause` from a signal's handler is soon heard.
_NAP = 0.05

# Events that a paced clock runs without a look at the wall and at what is outside.
_BATCH = 64

# Nanoseconds of the wall clock after which a paced clock is late: something has held it up.
_LATE = 10_000_000

# Taken before any program's view of time is patched: the engine paces by the real clock.
_wall_ns = time.monotonic_ns
_wall_sleep = time.sleep


class Outside(Protocol):
    """What can make events happen although none is due: descriptors of the real machine."""

    def wait(self, seconds: float) -> bool:
        """Wait really for it, at most so long; False at once if nothing is awaited."""

    def happen(self) -> None:
        """Schedule what follows from what the last wait has found, if anything."""


class Engine:
    """An event queue with a clock, seeded random streams and observers.

    `outside`, if there is one, is waited for while a paced clock naps, and by every
    clock when no event is left.

    `heap` and `order` are open to the hot path, which pushes
    `(when, next(order), callback, argument)` itself; everything else calls `at` or
    `after`.
    """

    __slots__ = ("_running", "clock", "events", "heap", "now", "order", "outside", "random", "speed")

    def __init__(self, seed: int | str = 0, clock: Clock = "virtual", speed: float = 1.0) -> None:
        if clock not in ("virtual", "real", "scaled"):
            raise ValueError(f"clock={clock!r}: expected 'virtual', 'real' or 'scaled'")
        if not speed > 0:
            raise ValueError(f"speed={speed!r}: expected a number above 0 (2 is twice as fast as the wall)")
        self.now = 0
        self.heap: list[Entry] = []
        self.order = count()
        self.clock: Clock = clock
        self.speed = speed if clock == "scaled" else 1.0
        self.random = Streams(seed)
        self.events = Events()
        self.outside: Outside | None = None
        self._running = False

    def at(self, when: int, callback: Callable[[Any], object], argument: Any = None) -> None:
        """Call `callback(argument)` at time `when` (nanoseconds; the past means now)."""
        heappush(self.heap, (when if when > self.now else self.now, next(self.order), callback, argument))

    def after(self, delay: int, callback: Callable[[Any], object], argument: Any = None) -> None:
        """Call `callback(argument)` after `delay` nanoseconds."""
        self.at(self.now + delay, callback, argument)

    @property
    def running(self) -> bool:
        """Whether `run` is under way."""
        return self._running

    def run(self, until: int | None = None, wanted: Callable[[], bool] | None = None) -> bool:
        """Run events until `pause`, until time `until`, or until none is left.

        `wanted`, if given, is asked before each event whether to go on.

        Returns True if paused or `until` was reached, False if nothing was left to
        do. With `until`, the clock then stands at `until` unless paused earlier.
        """
        if self._running:
            raise RuntimeError("the engine is already running: schedule an event instead of running it again")
        limit = _FOREVER if until is None else until
        self._running = True
        try:
            if self.clock != "virtual":
                self._run_paced(limit, wanted)
            elif wanted is None:
                self._run_virtual(limit)
            else:
                self._run_watched(limit, wanted)
            paused = not self._running
        finally:
            self._running = False
        if paused:
            return True
        if until is not None:
            self.now = max(self.now, until)
            return True
        return False

    def _run_virtual(self, limit: int) -> None:
        heap = self.heap
        while self._running:
            try:
                entry = heappop(heap)
            except IndexError:
                if limit != _FOREVER or not self._outside_within(_NAP):
                    return
                continue
            when, _, callback, argument = entry
            if when > limit:
                heappush(heap, entry)
                return
            self.now = when
            callback(argument)

    def _run_watched(self, limit: int, wanted: Callable[[], bool]) -> None:
        """As `_run_virtual`, while it is wanted."""
        heap = self.heap
        while self._running and wanted():
            if not heap:
                if limit != _FOREVER or not self._outside_within(_NAP):
                    return
                continue
            if heap[0][0] > limit:
                return
            entry = heappop(heap)
            self.now = entry[0]
            entry[2](entry[3])

    def _run_paced(self, limit: int, wanted: Callable[[], bool] | None) -> None:
        """At the pace of the wall clock, and while it is wanted, if someone asks."""
        heap = self.heap
        speed = self.speed
        started_wall, started = _wall_ns(), self.now

        def wall() -> int:
            return started + round((_wall_ns() - started_wall) * speed)

        while self._running and (wanted is None or wanted()):
            when = heap[0][0] if heap else limit
            if when > limit:
                when = limit
            if when == _FOREVER:
                if not self._outside_within(_NAP, wall):
                    return
                continue
            ahead = (when - started) / speed - (_wall_ns() - started_wall)
            if ahead > 0:
                nap = min(ahead / 1e9, _NAP)
                if not self._outside_within(nap, wall, when):
                    _wall_sleep(nap)
                continue
            if not heap or heap[0][0] > limit:
                return
            if ahead < -_LATE and self.outside is not None:
                # What came meanwhile comes before what is due: it may be what a timer waits for.
                self._outside_within(0, wall, heap[0][0] - 1)
                if not self._running:
                    return
            if self._run_due(min(max(wall(), when), limit), wanted) and self.outside is not None:
                # Work without end must not shut out what is outside.
                self._outside_within(0, wall, heap[0][0])

    def _run_due(self, due: int, wanted: Callable[[], bool] | None) -> bool:
        """Run events until time `due`, one at least; True if there are more than one batch."""
        heap = self.heap
        for _ in range(_BATCH):
            entry = heappop(heap)
            self.now = entry[0]
            entry[2](entry[3])
            if not heap or heap[0][0] > due or not self._running or (wanted is not None and not wanted()):
                return False
        return True

    def _outside_within(
        self, seconds: float, when: Callable[[], int] | None = None, most: int = _FOREVER
    ) -> bool:
        """Wait really for what is outside; False at once if nothing is awaited.

        It happens at the time that `when` tells afterwards, at most at `most`; now without it.
        """
        outside = self.outside
        if outside is None or not outside.wait(seconds):
            return False
        if when is not None:
            self.now = max(self.now, min(when(), most))
        outside.happen()
        return True

    def step(self) -> bool:
        """Run exactly one event, whatever the clock; False if there was none."""
        if self._running:
            raise RuntimeError("the engine is already running: pause it before stepping")
        if not self.heap:
            return False
        when, _, callback, argument = heappop(self.heap)
        self.now = when
        self._running = True
        try:
            callback(argument)
        finally:
            self._running = False
        return True

    def pause(self) -> None:
        """Make `run` return after the event that is under way."""
        self._running = False
