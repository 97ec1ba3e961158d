"""What trio does below the functions that are replaced, put right for programs on hosts.

- It compares the type of a socket with `socket.socket`, and calls the methods that class
  had when trio was imported. A virtual socket is of a subclass, with methods of its own.
- It names threads by pthread_setname_np(3), which takes the address that a real thread
  has for its identifier and crashes with any other number.
- It runs tasks in an order that depends on addresses in memory, unless it is told to
  be deterministic, as it has to be under Hypothesis.
- It keeps idle threads for the next call in one cache for all of the interpreter. On
  hosts each program needs one of its own.
- When the remains of its loop are thrown away, it warns and runs its tasks' `finally`
  blocks where none of its functions work. A killed program shall do nothing any more.

All else in trio, its loop on `epoll` first, runs as it is.
"""

from __future__ import annotations

import ctypes
import random
import socket
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from glassnet.host.current import here, running_or_none

if TYPE_CHECKING:
    from glassnet.host.strand import Strand

__all__ = ["adapt_trio"]

_keep = ctypes.pythonapi.Py_IncRef

_adapted = False


def adapt_trio() -> None:
    """Put it right once, if trio is there; called before programs, threads and sockets begin."""
    global _adapted
    if _adapted or "trio" not in sys.modules:
        return
    sockets: Any = sys.modules.get("trio._socket")
    threads: Any = sys.modules.get("trio._core._thread_cache")
    if not hasattr(sockets, "_SocketType") or not hasattr(threads, "THREAD_CACHE"):
        return  # it is being imported just now
    _adapted = True
    scheduler: Any = sys.modules["trio._core._run"]
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r = _Order(scheduler._r)
    scheduler.unrolled_run = _Loop(scheduler.unrolled_run)
    _take_virtual_sockets(sockets)
    threads.THREAD_CACHE = _ThreadCaches(threads.THREAD_CACHE)
    if threads.set_os_thread_name is not None:
        threads.set_os_thread_name = _Naming(threads.set_os_thread_name)


def _take_virtual_sockets(module: Any) -> None:
    from glassnet.host.sockets.virtual import VirtualSocket

    kind = module._SocketType
    stock = kind._nonblocking_helper

    def look(of: Any) -> type:
        """Stands for the built-in `type` in the module."""
        found = type(of)
        return socket.socket if found is VirtualSocket else found

    def nonblocking_helper(self: Any, wait_fn: Any, fn: Any, *args: Any, **kwargs: Any) -> Any:
        if type(self._sock) is VirtualSocket:
            fn = getattr(VirtualSocket, fn.__name__)
        return stock(self, wait_fn, fn, *args, **kwargs)

    module.type = look
    kind._nonblocking_helper = nonblocking_helper


class _Order:
    """The generator for the order of tasks: trio's own may have been seeded, as Hypothesis does."""

    def __init__(self, stock: random.Random) -> None:
        self._stock = stock
        self._unseeded = random.Random()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stock if here() is None else self._unseeded, name)


class _Loop:
    """Makes the generators that are trio's loops; that of a killed program is kept for ever as it is."""

    def __init__(self, stock: Callable[..., Generator[Any, Any, None]]) -> None:
        self._stock = stock

    def __call__(self, *args: Any) -> Generator[Any, Any, None]:
        loop, strand = self._stock(*args), running_or_none()
        return loop if strand is None else _until_killed(loop, strand)


def _until_killed(loop: Generator[Any, Any, None], strand: Strand) -> Generator[Any, Any, None]:
    step: Callable[[Any], Any] = loop.send
    given: Any = None
    while True:
        try:
            told = step(given)
        except StopIteration:
            return
        try:
            given, step = (yield told), loop.send
        except GeneratorExit:
            if strand.doomed:
                # One reference more than there are: not even the interpreter's end runs it.
                _keep(ctypes.py_object(loop))
            else:
                loop.close()
            raise
        except BaseException as error:
            given, step = error, loop.throw


class _Naming:
    """Sets the name of real threads only."""

    def __init__(self, stock: Any) -> None:
        self._stock = stock

    def __call__(self, *args: Any) -> None:
        if here() is None:
            self._stock(*args)


class _ThreadCaches:
    """A cache of idle threads for each program, and the stock one off host."""

    def __init__(self, stock: Any) -> None:
        self._stock = stock
        self._own: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    @property
    def _idle_workers(self) -> Any:
        return self._mine()._idle_workers

    def start_thread_soon(self, *args: Any, **kwargs: Any) -> None:
        """As trio's `ThreadCache`."""
        self._mine().start_thread_soon(*args, **kwargs)

    def _mine(self) -> Any:
        strand = running_or_none()
        if strand is None:
            return self._stock
        cache = self._own.get(strand.process)
        if cache is None:
            cache = self._own[strand.process] = type(self._stock)()
        return cache
