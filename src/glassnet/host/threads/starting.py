"""Threads that programs start on a host: strands of their process.

`threading` itself is left as it is; what it is built on is replaced. Its objects
for threads, its events, conditions and queues are then as they always are.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

from glassnet.host.clocks import deadline_after
from glassnet.host.current import current, here, running_or_none, running_strand
from glassnet.host.strand import Strand
from glassnet.host.threads.locks import get_ident
from glassnet.host.trio import adapt_trio

__all__ = ["Threads", "patch_thread"]

_LOOK_COST = 10


class _MainThread(threading.Thread):
    """What `threading.main_thread()` gives in a program on a host."""

    def __init__(self, strand: Strand) -> None:
        super().__init__(name="MainThread", daemon=False)
        self._strand = strand
        self._started.set()  # type: ignore[attr-defined]

    @property
    def ident(self) -> int:
        """As threads have it."""
        return self._strand.ident

    @property
    def native_id(self) -> int:
        """As threads have it: the process number."""
        return self._strand.process.pid

    def is_alive(self) -> bool:
        """As threads have it."""
        return not self._strand.finished

    def join(self, timeout: float | None = None) -> None:
        """As threads have it."""
        _join(self._strand, timeout)


def _join(strand: Strand, timeout: float | None) -> bool:
    if strand.finished:
        return True
    waiter = running_or_none()
    if waiter is None:
        # Off host nothing can wait for a program's thread; the interpreter tries when it exits.
        return False
    if waiter is strand:
        raise RuntimeError("cannot join current thread")
    return strand.join(waiter, None if timeout is None else deadline_after(waiter, max(timeout, 0)))


def _look() -> None:
    """The running program looks whether a thread goes on."""
    strand = running_or_none()
    if strand is not None:
        strand.spin(_LOOK_COST)


class _End:
    """Stands for the lock that the interpreter releases at a thread's end (until Python 3.12)."""

    def __init__(self, strand: Strand) -> None:
        self._strand = strand
        self._released = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait for the end of the thread."""
        if not blocking:
            _look()
            return self._strand.finished
        return _join(self._strand, None if timeout < 0 else timeout)

    def release(self) -> None:
        """Pass for unlocked: a `join` that a handler ended by raising takes the thread for over."""
        self._released = True

    def locked(self) -> bool:
        """Whether the thread goes on."""
        return not (self._strand.finished or self._released)

    def _at_fork_reinit(self) -> None:
        pass


class _Handle:
    """Stands for the interpreter's handle of a thread (since Python 3.13)."""

    def __init__(self, strand: Strand) -> None:
        self._strand = strand
        self.ident = strand.ident

    def is_done(self) -> bool:
        """Whether the thread is over."""
        _look()
        return self._strand.finished

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        _join(self._strand, None if timeout is None or timeout < 0 else timeout)

    def _set_done(self) -> None:
        pass


class Threads:
    """Replacements for what `threading` is built on, and for what lists threads."""

    def __init__(self) -> None:
        self._start_new_thread = _thread.start_new_thread
        self._start_joinable_thread = getattr(_thread, "start_joinable_thread", None)
        self._current_thread = threading.current_thread
        self._main_thread = threading.main_thread
        self._enumerate = threading.enumerate
        self._active_count = threading.active_count
        self._get_native_id = threading.get_native_id

    def get_ident(self) -> int:
        """As `threading.get_ident`."""
        return get_ident()

    def get_native_id(self) -> int:
        """As `threading.get_native_id`."""
        strand = running_or_none()
        return self._get_native_id() if strand is None else strand.ident

    def start_new_thread(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None, /
    ) -> int:
        """As `_thread.start_new_thread`."""
        if here() is None:
            return self._start_new_thread(function, args, dict(kwargs or {}))
        return _start(function, args, kwargs or {}).ident

    def start_joinable_thread(
        self, function: Callable[..., Any], handle: Any = None, daemon: bool = True
    ) -> Any:
        """As `_thread.start_joinable_thread`."""
        if here() is None:
            assert self._start_joinable_thread is not None
            return self._start_joinable_thread(function, handle=handle, daemon=daemon)
        strand = _start(function, (), {})
        made = _Handle(strand)
        if strand.thread is not None:
            strand.thread._handle = made
        return made

    def current_thread(self) -> threading.Thread:
        """As `threading.current_thread`."""
        strand = running_or_none()
        if strand is None or strand is not strand.process.main:
            return self._current_thread()
        return _main_thread_of(strand)

    def main_thread(self) -> threading.Thread:
        """As `threading.main_thread`."""
        strand = running_or_none()
        return self._main_thread() if strand is None else _main_thread_of(strand.process.main)

    def enumerate(self) -> list[threading.Thread]:
        """As `threading.enumerate`: the threads of this program."""
        strand = running_or_none()
        if strand is None:
            return self._enumerate()
        _main_thread_of(strand.process.main)
        return [each.thread for each in strand.process.strands if each.thread is not None]

    def active_count(self) -> int:
        """As `threading.active_count`."""
        return self._active_count() if running_or_none() is None else len(self.enumerate())


def _main_thread_of(strand: Strand) -> threading.Thread:
    if strand.thread is None:
        strand.thread = _MainThread(strand)
    thread: threading.Thread = strand.thread
    return thread


def _start(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Strand:
    starter = running_strand()
    process = starter.process
    if starter.doomed:
        raise RuntimeError("can't start new thread")
    adapt_trio()
    thread = getattr(function, "__self__", None)
    if not isinstance(thread, threading.Thread):
        thread = None
    # A new thread has an empty context, except that it is on the host of who started it.
    context = Context()
    context.run(current.set, here())

    def body() -> None:
        try:
            if not strand.doomed:
                function(*args, **kwargs)
            elif thread is not None:
                # `threading` keeps those that were started until they say that they run.
                threading._limbo.pop(thread, None)  # type: ignore[attr-defined]
        except SystemExit:
            pass
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            print(f"Exception ignored in thread started by {function!r}:", file=sys.stderr)
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            strand.end()

    name = thread.name if thread is not None else getattr(function, "__name__", "thread")
    strand = Strand(process, name, body, context, daemon=thread is None or thread.daemon)
    strand.thread = thread
    strand.blocked = starter.blocked
    process.strands[strand] = None
    return strand


def patch_thread() -> None:
    """Let threads be numbered by program, and (until Python 3.12) a thread's end be known to its `Thread`."""
    module: Any = threading
    stock_number = module._counter

    def number() -> int:
        strand = running_or_none()
        return stock_number() if strand is None else next(strand.process.thread_numbers)

    module._counter = number
    stock = getattr(threading.Thread, "_set_tstate_lock", None)
    if stock is None:
        return

    def set_tstate_lock(thread: Any) -> None:
        strand = running_or_none()
        if strand is None:
            stock(thread)
        else:
            thread._tstate_lock = _End(strand)

    threading.Thread._set_tstate_lock = set_tstate_lock  # type: ignore[attr-defined]
