"""Time as programs on a host see it: the host's clock, and sleeping.

`time.time` counts from `EPOCH` with the host's skew, `time.monotonic` and
`time.perf_counter` from `UPTIME`, all at the rate of the host's drift. Hosts are in the
time zone UTC, wherever the machine is. `time.process_time` and `time.thread_time` are
real everywhere: they measure the machine's work, which takes no virtual time.
"""

from __future__ import annotations

import errno
import math
import os
import time
from calendar import timegm
from operator import index
from time import struct_time
from typing import Any

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.strand import Strand
from glassnet.host.timekeeping import EPOCH, UPTIME

__all__ = ["EPOCH", "UPTIME", "Clocks", "spin"]

_CLOCK_COST = 10
_SHORTEST_FIELDS = 9
_ZONE = ("UTC", 0)


def _known(names: str) -> frozenset[int]:
    return frozenset(getattr(time, name) for name in names.split() if hasattr(time, name))


_CALENDAR = _known("CLOCK_REALTIME CLOCK_TAI")
_UPTIME = _known("CLOCK_MONOTONIC CLOCK_MONOTONIC_RAW CLOCK_BOOTTIME")


def deadline_after(strand: Strand, timeout: float) -> int:
    """The network's time `timeout` seconds from now by the clock of the strand's host; never now."""
    # Rounded, not cut: a caller who subtracts floats to get here means the exact nanosecond.
    return strand.process.system.clock.after(max(round(timeout * 1e9), 1))


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
        self._clock_settime = time.clock_settime
        self._clock_settime_ns = time.clock_settime_ns
        self._sleep = time.sleep
        self._localtime = time.localtime
        self._gmtime = time.gmtime
        self._ctime = time.ctime
        self._asctime = time.asctime
        self._mktime = time.mktime
        self._strftime = time.strftime
        self._pthread_getcpuclockid = time.pthread_getcpuclockid

    def time(self) -> float:
        """Seconds since 1970 by the host's clock."""
        system = here()
        if system is None:
            return self._time()
        spin()
        return system.clock.time() / 1e9

    def time_ns(self) -> int:
        """Nanoseconds since 1970 by the host's clock."""
        system = here()
        if system is None:
            return self._time_ns()
        spin()
        return system.clock.time()

    def monotonic(self) -> float:
        """Seconds since the host was started."""
        system = here()
        if system is None:
            return self._monotonic()
        spin()
        return system.clock.uptime() / 1e9

    def monotonic_ns(self) -> int:
        """Nanoseconds since the host was started."""
        system = here()
        if system is None:
            return self._monotonic_ns()
        spin()
        return system.clock.uptime()

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

    def clock_settime_ns(self, clock: int, when: int, /) -> None:
        """As `time.clock_settime_ns`: sets the clock of the host, which changes its skew."""
        system = here()
        if system is None:
            self._clock_settime_ns(clock, when)
            return
        if clock != time.CLOCK_REALTIME or when < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        system.clock.set_time(when)

    def clock_settime(self, clock: int, when: float, /) -> None:
        """As `time.clock_settime`: sets the clock of the host, which changes its skew."""
        if here() is None:
            self._clock_settime(clock, when)
        else:
            self.clock_settime_ns(clock, round(when * 1e9))

    def pthread_getcpuclockid(self, thread_id: int, /) -> int:
        """As `time.pthread_getcpuclockid`; on a host, the clock of the thread that runs it all."""
        return self._pthread_getcpuclockid(thread_id) if here() is None else time.CLOCK_THREAD_CPUTIME_ID

    def sleep(self, seconds: float, /) -> None:
        """Wait, while the network goes on."""
        if here() is None:
            self._sleep(seconds)
            return
        if not isinstance(seconds, int | float):
            seconds = index(seconds)
        if not seconds >= 0:
            self._sleep(seconds)  # raises what it raises
        running_strand().sleep(round(seconds * 1e9))

    # The calendar: on a host local time is UTC.

    def localtime(self, seconds: float | None = None, /) -> struct_time:
        """As `time.localtime`."""
        if here() is None:
            return self._localtime(seconds)
        return struct_time((*self.gmtime(seconds), *_ZONE))

    def gmtime(self, seconds: float | None = None, /) -> struct_time:
        """As `time.gmtime`."""
        return self._gmtime(self.time() if seconds is None else seconds)

    def ctime(self, seconds: float | None = None, /) -> str:
        """As `time.ctime`."""
        return self._ctime(seconds) if here() is None else self._asctime(self.gmtime(seconds))

    def asctime(self, *when: Any) -> str:
        """As `time.asctime`."""
        return self._asctime(*(when or (self.localtime(),)))

    def mktime(self, when: Any, /) -> float:
        """As `time.mktime`."""
        if here() is None:
            return self._mktime(when)
        if not isinstance(when, tuple) or len(when) < _SHORTEST_FIELDS:
            return self._mktime(when)  # raises what it raises
        # `timegm` wants a month of the calendar, mktime(3) takes any.
        years, month = divmod(when[1] - 1, 12)
        return float(timegm((when[0] + years, month + 1, *when[2:6])))

    def strftime(self, form: str, *when: Any) -> str:
        """As `time.strftime`."""
        if here() is None:
            return self._strftime(form, *when)
        moment = when[0] if when else self.localtime()
        if isinstance(moment, tuple) and len(moment) == _SHORTEST_FIELDS:
            if not isinstance(moment, struct_time) or moment.tm_zone is None:
                moment = struct_time((*moment, *_ZONE))
            if "%s" in form:
                seconds = str(math.floor(self.mktime(moment)))
                form = "%%".join(part.replace("%s", seconds) for part in form.split("%%"))
        return self._strftime(form, moment, *when[1:])


def spin() -> None:
    """The running program looks at the clock."""
    strand = running_or_none()
    if strand is not None:
        strand.spin(_CLOCK_COST)
