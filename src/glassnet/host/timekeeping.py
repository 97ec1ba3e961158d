"""The clock of a host: how its own time follows from the network's.

It may be ahead or behind (*skew*), and run fast or slow (*drift*). All of it is integer
arithmetic, so that the answer is exact at any time. Setting the clock moves the time of
day and never the uptime; a new drift counts from now on, so that uptime never jumps.
"""

from __future__ import annotations

from glassnet.engine import Engine

__all__ = ["EPOCH", "UPTIME", "HostClock"]

EPOCH = 1_735_689_600 * 10**9
"""What `time.time_ns()` says on a host without skew when the network begins: 2025-01-01 00:00:00 UTC."""

UPTIME = 60 * 10**9
"""What `time.monotonic_ns()` says then: every host has been up for a minute."""

_BILLION = 10**9


class HostClock:
    """The clock of one host, in nanoseconds. `drift` is in parts per billion."""

    __slots__ = ("_began", "_booted", "_drift", "_engine", "_passed", "_step")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._began = 0  # when the present drift began
        self._passed = 0  # what the oscillator had counted then
        self._drift = 0
        self._step = 0
        self._booted = -UPTIME

    def _elapsed(self) -> int:
        return self._counted(self._engine.now)

    def _counted(self, when: int) -> int:
        passed = when - self._began
        if self._drift:
            passed += passed * self._drift // _BILLION
        return self._passed + passed

    def uptime(self) -> int:
        """Since the host was started."""
        return self._elapsed() - self._booted

    def time(self) -> int:
        """Since 1970 by this clock."""
        return EPOCH + self._elapsed() + self._step

    def set_time(self, when: int) -> None:
        """Let it be `when` since 1970, now."""
        self._step += when - self.time()

    @property
    def skew(self) -> int:
        """How far it is ahead of the network's time, now."""
        return self.time() - EPOCH - self._engine.now

    @skew.setter
    def skew(self, skew: int) -> None:
        self.set_time(EPOCH + self._engine.now + skew)

    @property
    def drift(self) -> int:
        """How much too fast it runs, in parts per billion; below 0 it is slow."""
        return self._drift

    @drift.setter
    def drift(self, drift: int) -> None:
        if drift <= -_BILLION:
            raise ValueError(f"drift={drift} parts per billion: a clock cannot stand still or run backwards")
        self._passed = self._elapsed()
        self._began = self._engine.now
        self._drift = drift

    def boot(self) -> None:
        """The host is switched on: its uptime begins now. The time of day goes on meanwhile."""
        self._booted = self._elapsed()

    def until(self, when: int) -> int:
        """How much will pass by this clock until the network's time `when`."""
        return self._counted(when) - self._elapsed()

    def after(self, duration: int) -> int:
        """The network's time when `duration` will have passed by this clock."""
        drift = self._drift
        if not drift:
            return self._engine.now + duration
        counted = self._elapsed() + duration - self._passed
        return self._began - (-counted * _BILLION // (_BILLION + drift))
