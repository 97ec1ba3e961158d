"""The functions of `signal` on a host: handlers, raising, masks, waiting, alarms."""

from __future__ import annotations

import _thread
import errno
import os
import signal
from collections.abc import Callable, Iterable
from math import ceil, isnan
from operator import index
from typing import Any

from glassnet.host.clocks import deadline_after
from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.process import Process
from glassnet.host.signalling import SI_TKILL, SI_USER, Sent
from glassnet.host.strand import Strand

__all__ = ["Signals"]

_HIGHEST = signal.NSIG - 1
_SIGINT = signal.SIGINT
_S = 10**9
_US = 1000
_INT = 1 << 31
_TIME_T = 1 << 63
_ITIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def _process() -> Process | None:
    """The program that runs here, or None off host."""
    return None if here() is None else running_strand().process


def _failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Signals:
    """Replacements for functions of `signal`, and those of `os` that send signals."""

    def __init__(self) -> None:
        self._stock: dict[str, Callable[..., Any]] = {
            name: getattr(module, name)
            for module, names in (
                (signal, self.NAMES),
                (os, self.OS_NAMES),
                (_thread, "interrupt_main"),
            )
            for name in names.split()
        }

    NAMES = (
        "signal getsignal set_wakeup_fd siginterrupt raise_signal pthread_kill pthread_sigmask sigpending "
        "sigwait sigwaitinfo sigtimedwait pause alarm setitimer getitimer"
    )
    OS_NAMES = "kill killpg"

    def signal(self, signalnum: int, handler: Any, /) -> Any:
        """As `signal.signal`."""
        process = _process()
        if process is None:
            return self._stock["signal"](signalnum, handler)
        if running_or_none() is not process.main:
            raise ValueError("signal only works in main thread of the main interpreter")
        number = _known(signalnum)
        if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
            raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
        if number in (signal.SIGKILL, signal.SIGSTOP):
            raise _failure(errno.EINVAL)
        before = process.signals.handler(number)
        process.signals.handlers[number] = handler
        return before

    def getsignal(self, signalnum: int, /) -> Any:
        """As `signal.getsignal`."""
        process = _process()
        if process is None:
            return self._stock["getsignal"](signalnum)
        return process.signals.handler(_known(signalnum))

    def set_wakeup_fd(self, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
        """As `signal.set_wakeup_fd`."""
        process = _process()
        if process is None:
            before: int = self._stock["set_wakeup_fd"](fd, warn_on_full_buffer=warn_on_full_buffer)
            return before
        if running_or_none() is not process.main:
            raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
        if fd != -1:
            process.system.world.files.get(fd)
        before, process.signals.wakeup_number = process.signals.wakeup_number, fd
        return before

    def siginterrupt(self, signalnum: int, flag: bool, /) -> None:
        """As `signal.siginterrupt`; calls are always resumed."""
        if here() is None:
            self._stock["siginterrupt"](signalnum, flag)
        else:
            _known(signalnum)

    # Sending

    def raise_signal(self, signalnum: int, /) -> None:
        """As `signal.raise_signal`."""
        process = _process()
        if process is None:
            self._stock["raise_signal"](signalnum)
        else:
            process.send(Sent(_possible(signalnum), SI_TKILL, process.pid), running_strand())

    def interrupt_main(self, signum: int = _SIGINT, /) -> None:
        """As `_thread.interrupt_main`."""
        process = _process()
        if process is None:
            self._stock["interrupt_main"](signum)
            return
        number = _known(signum)
        number = int(number)
        if callable(process.signals.handler(number)):
            process.signals.trip(number)
            process.main.wake()

    def kill(self, pid: int, signalnum: int, /) -> None:
        """As `os.kill`, among the programs of the host."""
        process = _process()
        if process is None:
            self._stock["kill"](pid, signalnum)
        elif pid == -1:
            others = [each for each in process.system.processes.values() if each is not process]
            _send_to(process, others, signalnum)
        else:
            target = process.system.processes.get(abs(pid) or process.pid)
            _send_to(process, [] if target is None else [target], signalnum)

    def killpg(self, pgid: int, signalnum: int, /) -> None:
        """As `os.killpg`: each program of the host is a group by itself."""
        process = _process()
        if process is None:
            self._stock["killpg"](pgid, signalnum)
        elif pgid < 0:
            raise _failure(errno.EINVAL)
        else:
            self.kill(pgid, signalnum)

    def pthread_kill(self, thread_id: int, signalnum: int, /) -> None:
        """As `signal.pthread_kill`."""
        process = _process()
        if process is None:
            self._stock["pthread_kill"](thread_id, signalnum)
            return
        for strand in process.strands:
            if strand.ident == thread_id:
                if signalnum:
                    process.send(Sent(_possible(signalnum), SI_TKILL, process.pid), strand)
                return
        raise _failure(errno.ESRCH)

    # Masks, and waiting for signals

    def pthread_sigmask(self, how: int, mask: Iterable[int], /) -> Any:
        """As `signal.pthread_sigmask`."""
        process = _process()
        if process is None:
            return self._stock["pthread_sigmask"](how, mask)
        numbers = _set(mask)
        strand = running_strand()
        before = strand.blocked
        if how == signal.SIG_BLOCK:
            after = before | numbers
        elif how == signal.SIG_UNBLOCK:
            after = before - numbers
        elif how == signal.SIG_SETMASK:
            after = numbers
        else:
            raise _failure(errno.EINVAL)
        process.signals.set_mask(strand, after)
        return _named(before)

    def sigpending(self) -> Any:
        """As `signal.sigpending`."""
        process = _process()
        if process is None:
            return self._stock["sigpending"]()
        return _named([*process.signals.pending, *running_strand().signals])

    def sigwait(self, sigset: Iterable[int], /) -> Any:
        """As `signal.sigwait`."""
        process = _process()
        if process is None:
            return self._stock["sigwait"](sigset)
        sent = self._wait(process, sigset, None)
        assert sent is not None
        return _name(sent.number)

    def sigwaitinfo(self, sigset: Iterable[int], /) -> Any:
        """As `signal.sigwaitinfo`."""
        process = _process()
        if process is None:
            return self._stock["sigwaitinfo"](sigset)
        return _info(self._wait(process, sigset, None))

    def sigtimedwait(self, sigset: Iterable[int], timeout: float, /) -> Any:
        """As `signal.sigtimedwait`."""
        process = _process()
        if process is None:
            return self._stock["sigtimedwait"](sigset, timeout)
        if timeout < 0:
            raise ValueError("timeout must be non-negative")
        return _info(self._wait(process, sigset, timeout))

    def _wait(self, process: Process, sigset: Iterable[int], timeout: float | None) -> Sent | None:
        strand = running_strand()
        numbers = _set(sigset)
        if timeout == 0:
            strand.spin(10)
            return process.signals.take(strand, numbers)
        deadline = None if timeout is None else deadline_after(strand, timeout)
        while True:
            sent = process.signals.wait(strand, numbers, deadline)
            if sent is not None or (deadline is not None and strand.engine.now >= deadline):
                return sent

    def pause(self) -> None:
        """As `signal.pause`: wait until a handler has run."""
        process = _process()
        if process is None:
            self._stock["pause"]()
            return
        strand: Strand = running_strand()
        before = strand.interrupts
        strand.settle("a signal")
        while strand.interrupts == before:
            strand.park()

    # Alarms

    def alarm(self, seconds: int, /) -> int:
        """As `signal.alarm`."""
        process = _process()
        if process is None:
            left: int = self._stock["alarm"](seconds)
            return left
        seconds = index(seconds)
        if not -_INT <= seconds < _INT:
            raise OverflowError("Python int too large to convert to C int")
        remaining = _remaining(process)
        # alarm(2) takes it without its sign.
        process.signals.set_alarm(seconds % (2 * _INT) * _S, 0)
        # alarm(2) never says 0 of an alarm that is set.
        return max((remaining + _S // 2) // _S, 1) if remaining else 0

    def setitimer(self, which: int, seconds: float, interval: float = 0.0, /) -> Any:
        """As `signal.setitimer`. Timers of CPU time never expire: programs on a host use none."""
        process = _process()
        if process is None:
            return self._stock["setitimer"](which, seconds, interval)
        value, again = _nanoseconds(seconds), _nanoseconds(interval)
        before = self.getitimer(which)
        if value < 0 or again < 0:
            raise signal.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
        if which == signal.ITIMER_REAL:
            process.signals.set_alarm(value, again)
        else:
            process.signals.idle_timers[which] = (value / 1e9, again / 1e9)
        return before

    def getitimer(self, which: int, /) -> Any:
        """As `signal.getitimer`."""
        process = _process()
        if process is None:
            return self._stock["getitimer"](which)
        if which not in _ITIMERS:
            raise signal.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
        if which != signal.ITIMER_REAL:
            return process.signals.idle_timers.get(which, (0.0, 0.0))
        return _remaining(process) / 1e9, process.signals.interval / 1e9


def _remaining(process: Process) -> int:
    deadline = process.signals.alarm.deadline
    return 0 if deadline is None else process.system.clock.until(deadline)


def _nanoseconds(seconds: float) -> int:
    """A time of a timer, in whole microseconds (timeval), rounded up."""
    if not isinstance(seconds, float):
        seconds = index(seconds)
    elif isnan(seconds):
        raise ValueError("Invalid value NaN (not a number)")
    if not -_TIME_T <= seconds < _TIME_T:
        raise OverflowError("timestamp out of range for platform time_t")
    return ceil(seconds * 1_000_000) * _US


def _send_to(sender: Process, targets: list[Process], number: int) -> None:
    if not 0 <= number <= _HIGHEST:
        raise _failure(errno.EINVAL)
    if not targets:
        raise _failure(errno.ESRCH)
    if number:
        for target in targets:
            target.send(Sent(number, SI_USER, sender.pid))


def _known(number: int) -> int:
    if not 1 <= number <= _HIGHEST:
        raise ValueError("signal number out of range")
    return number


def _possible(number: int) -> int:
    if not 1 <= number <= _HIGHEST:
        raise _failure(errno.EINVAL)
    return number


def _set(numbers: Iterable[int]) -> frozenset[int]:
    found = frozenset(int(number) for number in numbers)
    for number in found:
        if not 1 <= number <= _HIGHEST:
            raise ValueError(f"signal number {number} out of range [1; {_HIGHEST}]")
    return found


def _name(number: int) -> int:
    try:
        return signal.Signals(number)
    except ValueError:
        return number


def _named(numbers: Iterable[int]) -> set[int]:
    return {_name(number) for number in numbers}


def _info(sent: Sent | None) -> Any:
    if sent is None:
        return None
    return signal.struct_siginfo((sent.number, sent.code, 0, sent.pid, os.getuid() if sent.pid else 0, 0, 0))
