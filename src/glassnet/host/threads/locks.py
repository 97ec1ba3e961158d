"""Locks that work between strands as they do between threads.

Off host they are the real locks. On a host who must wait parks, and whoever
releases hands the lock to the first in the queue: no strand starves, and the order
is always the same. One lock may meet both worlds, as when a module makes it while
being imported and programs on hosts use it.
"""

from __future__ import annotations

import _thread
import queue
from _queue import SimpleQueue as _RealQueue
from collections import deque
from types import GenericAlias, TracebackType
from typing import Any

from glassnet.errors import GlassnetError
from glassnet.host.clocks import deadline_after
from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.strand import Strand

__all__ = ["Lock", "RLock", "SimpleQueue", "get_ident"]


def get_ident() -> int:
    """As `threading.get_ident`: each strand is a thread of its own."""
    strand = running_or_none()
    return _thread.get_ident() if strand is None else strand.ident


def _check(blocking: bool, timeout: float) -> None:
    """Raise what the interpreter's lock raises for such arguments."""
    _thread.allocate_lock().acquire(blocking, timeout)


class Lock:
    """What `threading.Lock()` gives."""

    __slots__ = ("__weakref__", "_granted", "_holder", "_real", "_waiters")

    def __init__(self) -> None:
        self._real = _thread.allocate_lock()
        self._holder: Strand | None = None
        self._granted: list[Strand] = []
        self._waiters: deque[Strand] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As locks have it."""
        if timeout != -1:
            _check(blocking, timeout)
        if self._real.acquire(False):
            self._holder = running_or_none()
            return True
        if not blocking:
            strand = running_or_none()
            if strand is not None:
                strand.spin(10)
            return False
        if here() is None:
            return self._acquire_off_host(timeout)
        return self._wait(running_strand(), timeout)

    def _acquire_off_host(self, timeout: float) -> bool:
        holder = self._holder
        if holder is not None and holder.runs_in(_thread.get_ident()):
            raise GlassnetError(
                f"this lock is held by process {holder.process.name!r} on host "
                f"{holder.process.system.name!r}, which cannot go on while code outside of the network waits"
            )
        return self._real.acquire(True, timeout)

    def _wait(self, strand: Strand, timeout: float) -> bool:
        deadline = None if timeout == -1 else deadline_after(strand, timeout)
        strand.settle(("wait", self))
        self._waiters.append(strand)
        try:
            while strand not in self._granted:
                if not strand.park(deadline):
                    break
        except BaseException:
            if strand in self._granted:
                self._granted.remove(strand)
                self.release()
            else:
                self._waiters.remove(strand)
            raise
        if strand in self._granted:
            self._granted.remove(strand)
            self._holder = strand
            return True
        self._waiters.remove(strand)
        return False

    def release(self) -> None:
        """As locks have it."""
        self._holder = None
        if self._waiters and self._real.locked():
            # Who was given it before may not have run yet: it counts as its holder all the same.
            first = self._waiters.popleft()
            self._granted.append(first)
            first.wake()
        else:
            self._real.release()

    def locked(self) -> bool:
        """As locks have it."""
        return self._real.locked()

    __enter__ = acquire

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._real = _thread.allocate_lock()
        self._holder = None
        self._granted.clear()
        self._waiters.clear()

    def __repr__(self) -> str:
        state = "locked" if self._real.locked() else "unlocked"
        return f"<{state} threading.Lock object at {id(self):#x}>"

    def describe(self) -> str:
        """Who holds it, for the deadlock report."""
        holder = self._holder
        if holder is None:
            return "a lock"
        return f"a lock held by {holder.name} of process {holder.process.name!r}"


class RLock:
    """What `threading.RLock()` gives."""

    __slots__ = ("__weakref__", "_block", "_count", "_owner")

    def __init__(self) -> None:
        self._block = Lock()
        self._owner: int | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As reentrant locks have it."""
        if timeout != -1:
            _check(blocking, timeout)
        me = get_ident()
        if self._owner == me:
            self._count += 1
            return True
        if not self._block.acquire(blocking, timeout):
            return False
        self._owner = me
        self._count = 1
        return True

    def release(self) -> None:
        """As reentrant locks have it."""
        if self._owner != get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._block.release()

    __enter__ = acquire

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.release()

    def locked(self) -> bool:
        """As reentrant locks have it since Python 3.14."""
        return self._block.locked()

    # What `threading.Condition` asks of a lock.

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._owner == get_ident() else 0

    def _release_save(self) -> tuple[int, int | None]:
        if not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        state = self._count, self._owner
        self._count, self._owner = 0, None
        self._block.release()
        return state

    def _acquire_restore(self, state: tuple[int, int | None]) -> None:
        self._block.acquire()
        self._count, self._owner = state

    def _at_fork_reinit(self) -> None:
        self._block._at_fork_reinit()
        self._owner, self._count = None, 0

    def __repr__(self) -> str:
        state = "locked" if self._block.locked() else "unlocked"
        return (
            f"<{state} threading.RLock object owner={self._owner or 0} count={self._count} at {id(self):#x}>"
        )


class SimpleQueue:
    """What `queue.SimpleQueue()` gives."""

    __slots__ = ("__weakref__", "_getters", "_real")

    def __init__(self) -> None:
        self._real: _RealQueue[Any] = _RealQueue()
        self._getters: deque[Strand] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As simple queues have it: never waits."""
        self._real.put(item)
        if self._getters:
            self._getters[0].wake()

    def put_nowait(self, item: Any) -> None:
        """As simple queues have it."""
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As simple queues have it."""
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if here() is None:
            return self._real.get(block, timeout)
        if not block:
            return self.get_nowait()
        strand = running_strand()
        deadline = None if timeout is None else deadline_after(strand, timeout)
        getters = self._getters
        strand.settle("get from a queue")
        getters.append(strand)
        try:
            # Those who came first are served first.
            while self._real.empty() or getters[0] is not strand:
                if not strand.park(deadline):
                    raise queue.Empty
            return self._real.get(False)
        finally:
            getters.remove(strand)
            if getters and not self._real.empty():
                getters[0].wake()

    def get_nowait(self) -> Any:
        """As simple queues have it."""
        try:
            return self._real.get(False)
        except queue.Empty:
            strand = running_or_none()
            if strand is not None:
                strand.spin(10)
            raise

    def empty(self) -> bool:
        """As simple queues have it."""
        return self._real.empty()

    def qsize(self) -> int:
        """As simple queues have it."""
        return self._real.qsize()

    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)


# What they show of themselves: Trio, for one, makes sure that locks are the interpreter's own.
Lock.__module__, Lock.__qualname__ = "_thread", "lock"
RLock.__module__, RLock.__qualname__ = "_thread", "RLock"
SimpleQueue.__module__ = "_queue"
