"""Time as programs on a host see it: the host's clock, and sleeping.

`time.time` counts from `EPOCH` with the host's skew, `time.monotonic` and
`time.perf_counter` from `UPTIME`. `time.process_time` is real everywhere.
"""

from __future__ import annotations

import time
from time import struct_time
from typing import Any

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.strand import Strand

__all__ = ["EPOCH", "UPTIME", "Clocks"]

EPOCH = 1_735_689_600 * 10**9
"""What `time.time_ns()` says on a host without skew when the network begins: 2025-01-01 00:00:00 UTC."""

UPTIME = 60 * 10**9
"""What `time.monotonic_ns()` says then: every host has been up for a minute."""

_CLOCK_COST = 10


def _known(names: str) -> frozenset[int]:
    return frozenset(getattr(time, name) for name in names.split() if hasattr(time, name))


_CALENDAR = _known("CLOCK_REALTIME CLOCK_TAI")
_UPTIME = _known("CLOCK_MONOTONIC CLOCK_MONOTONIC_RAW CLOCK_BOOTTIME")


def deadline_after(strand: Strand, timeout: float) -> int:
    """The time `timeout` seconds from now, in nanoseconds; at least one nanosecond from now."""
    # Rounded, not cut: a caller who subtracts floats to get here means the exact nanosecond.
    return strand.engine.now + max(round(timeout * 1e9), 1)


class Clocks:
    """Replacements for functions of `time`.

    They are methods of an object because bound methods, like built-in functions and
    unlike plain ones, do not bind again as attributes of a class.
    """

    def __init__(self) -> None:
        self._time = time.time
        self._time_ns = time.time_ns
        self._monotonic = time.monotonic
        self._monotonic_ns = time.monotonic_ns
        self._perf_counter = time.perf_counter
        self._perf_counter_ns = time.perf_counter_ns
        self._clock_gettime = time.clock_gettime
        self._clock_gettime_ns = time.clock_gettime_ns
        self._sleep = time.sleep
        self._localtime = time.localtime
        self._gmtime = time.gmtime
        self._ctime = time.ctime
        self._asctime = time.asctime
        self._strftime = time.strftime

    def time(self) -> float:
        """Seconds since 1970 by the host's clock."""
        system = here()
        if system is None:
            return self._time()
        _spin()
        return (EPOCH + system.engine.now + system.skew) / 1e9

    def time_ns(self) -> int:
        """Nanoseconds since 1970 by the host's clock."""
        system = here()
        if system is None:
            return self._time_ns()
        _spin()
        return EPOCH + system.engine.now + system.skew

    def monotonic(self) -> float:
        """Seconds since the host was started."""
        system = here()
        if system is None:
            return self._monotonic()
        _spin()
        return (UPTIME + system.engine.now) / 1e9

    def monotonic_ns(self) -> int:
        """Nanoseconds since the host was started."""
        system = here()
        if system is None:
            return self._monotonic_ns()
        _spin()
        return UPTIME + system.engine.now

    def perf_counter(self) -> float:
        """The same as `monotonic` on a host."""
        return self._perf_counter() if here() is None else self.monotonic()

    def perf_counter_ns(self) -> int:
        """The same as `monotonic_ns` on a host."""
        return self._perf_counter_ns() if here() is None else self.monotonic_ns()

    def clock_gettime_ns(self, clock: int, /) -> int:
        """As `time.clock_gettime_ns`: clocks of the calendar and of uptime are the host's."""
        if here() is not None:
            if clock in _CALENDAR:
                return self.time_ns()
            if clock in _UPTIME:
                return self.monotonic_ns()
        return self._clock_gettime_ns(clock)

    def clock_gettime(self, clock: int, /) -> float:
        """As `time.clock_gettime`: clocks of the calendar and of uptime are the host's."""
        return self._clock_gettime(clock) if here() is None else self.clock_gettime_ns(clock) / 1e9

    def sleep(self, seconds: float, /) -> None:
        """Wait, while the network goes on."""
        if here() is None:
            self._sleep(seconds)
            return
        if not seconds >= 0:
            self._sleep(seconds)  # raises what it raises
        running_strand().sleep(round(seconds * 1e9))

    def localtime(self, seconds: float | None = None, /) -> struct_time:
        """As `time.localtime`."""
        return self._localtime(self.time() if seconds is None else seconds)

    def gmtime(self, seconds: float | None = None, /) -> struct_time:
        """As `time.gmtime`."""
        return self._gmtime(self.time() if seconds is None else seconds)

    def ctime(self, seconds: float | None = None, /) -> str:
        """As `time.ctime`."""
        return self._ctime(self.time() if seconds is None else seconds)

    def asctime(self, *when: Any) -> str:
        """As `time.asctime`."""
        return self._asctime(*(when or (self.localtime(),)))

    def strftime(self, form: str, *when: Any) -> str:
        """As `time.strftime`."""
        return self._strftime(form, *(when or (self.localtime(),)))


def _spin() -> None:
    strand = running_or_none()
    if strand is not None:
        strand.spin(_CLOCK_COST)
