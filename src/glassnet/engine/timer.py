"""A timer that can be moved often and cheaply.

Protocol timers are restarted far more often than they fire. A `Timer` therefore
leaves its entry in the engine's queue when it is stopped or put off, and looks at
its deadline only when that entry comes up.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

from glassnet.engine.clock import Engine

__all__ = ["Timer"]


class Timer:
    """Calls `callback()` once, at `deadline` (nanoseconds); None while stopped.

    `armed` is when the entry in the engine's queue comes up, or None. A hot path may set
    `deadline` itself, to a time that is not before `armed`.
    """

    __slots__ = ("_engine", "armed", "callback", "deadline")

    def __init__(self, engine: Engine, callback: Callable[[], object]) -> None:
        self._engine = engine
        self.callback = callback
        self.armed: int | None = None
        self.deadline: int | None = None

    def start(self, when: int) -> None:
        """Fire at time `when` (the past means now), instead of whenever it was set to."""
        self.deadline = when
        armed = self.armed
        if armed is None or when < armed:
            engine = self._engine
            if when < engine.now:
                when = engine.now  # the engine's time never goes back
            self.armed = when
            heappush(engine.heap, (when, next(engine.order), self._due, when))

    def stop(self) -> None:
        """Do not fire."""
        self.deadline = None

    def _due(self, when: int) -> None:
        if when != self.armed:
            return  # an earlier start superseded this entry
        self.armed = None
        deadline = self.deadline
        if deadline is None:
            return
        if deadline > when:
            self.start(deadline)
            return
        self.deadline = None
        self.callback()
