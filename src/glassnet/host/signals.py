"""Signals of programs on a host: handlers, raising, and the wakeup descriptor.

As in CPython, handlers run in the main strand of the program, between two of its
steps; a wait that a signal interrupts goes on afterwards (PEP 475).
"""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.process import Process

__all__ = ["Signals"]


def _process() -> Process | None:
    """The program that runs here, or None off host."""
    return None if here() is None else running_strand().process


class Signals:
    """Replacements for functions of `signal`, and those of `os` about processes."""

    def __init__(self) -> None:
        self._signal = signal.signal
        self._getsignal = signal.getsignal
        self._set_wakeup_fd = signal.set_wakeup_fd
        self._siginterrupt = signal.siginterrupt
        self._raise_signal = signal.raise_signal
        self._kill = os.kill
        self._getpid = os.getpid
        self._getppid = os.getppid

    def signal(self, signalnum: int, handler: Any, /) -> Any:
        """As `signal.signal`."""
        process = _process()
        if process is None:
            return self._signal(signalnum, handler)
        if running_or_none() is not process.main:
            raise ValueError("signal only works in main thread of the main interpreter")
        number = _known(signalnum)
        if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
            raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
        if number in (signal.SIGKILL, signal.SIGSTOP):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        before = process.handler(number)
        process.handlers[number] = handler
        return before

    def getsignal(self, signalnum: int, /) -> Any:
        """As `signal.getsignal`."""
        process = _process()
        return self._getsignal(signalnum) if process is None else process.handler(_known(signalnum))

    def set_wakeup_fd(self, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
        """As `signal.set_wakeup_fd`."""
        process = _process()
        if process is None:
            return self._set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
        if running_or_none() is not process.main:
            raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
        if fd != -1:
            process.system.world.files.get(fd)
        before, process.wakeup_number = process.wakeup_number, fd
        return before

    def siginterrupt(self, signalnum: int, flag: bool, /) -> None:
        """As `signal.siginterrupt`; calls are always resumed."""
        if here() is None:
            self._siginterrupt(signalnum, flag)
        else:
            _known(signalnum)

    def raise_signal(self, signalnum: int, /) -> None:
        """As `signal.raise_signal`."""
        process = _process()
        if process is None:
            self._raise_signal(signalnum)
        else:
            process.send_signal(_known(signalnum))

    def kill(self, pid: int, signalnum: int, /) -> None:
        """As `os.kill`, among the programs of the host."""
        process = _process()
        if process is None:
            self._kill(pid, signalnum)
            return
        target = process.system.processes.get(pid or process.pid)
        if target is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        if signalnum:
            target.send_signal(_known(signalnum))

    def getpid(self) -> int:
        """As `os.getpid`."""
        process = _process_or_none()
        return self._getpid() if process is None else process.pid

    def getppid(self) -> int:
        """As `os.getppid`: every program is a child of the host's first process."""
        return self._getppid() if _process_or_none() is None else 1


def _process_or_none() -> Process | None:
    strand = running_or_none()
    return None if strand is None or here() is None else strand.process


def _known(number: int) -> signal.Signals:
    try:
        return signal.Signals(number)
    except ValueError:
        raise ValueError("signal number out of range") from None
