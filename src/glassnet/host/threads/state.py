"""What Python keeps per operating system thread, kept per strand instead.

All strands of a network run in one thread. `threading.local` data (asyncio's
current event loop is kept in one) and asyncio's running loop must not be shared
among them, so a strand's own are put in place while it runs.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["ThreadState", "running_loop", "thread_dictionary"]

_get_dictionary = ctypes.pythonapi.PyThreadState_GetDict
_get_dictionary.restype = ctypes.c_void_p  # borrowed, so not py_object
_get_dictionary.argtypes = []

_get_running_loop: Callable[[], Any] | None = None
_set_running_loop: Callable[[Any], None] | None = None


def _find_asyncio() -> None:
    global _get_running_loop, _set_running_loop
    events = sys.modules["asyncio.events"]
    _get_running_loop = events._get_running_loop
    _set_running_loop = events._set_running_loop


def running_loop() -> Any:
    """The asyncio loop that runs in this thread now, or None."""
    return None if _get_running_loop is None else _get_running_loop()


def thread_dictionary() -> dict[Any, Any]:
    """What the interpreter keeps for the calling thread, `threading.local` data among it."""
    dictionary: dict[Any, Any] = ctypes.cast(_get_dictionary(), ctypes.py_object).value
    return dictionary


class ThreadState:
    """One strand's thread state while it does not run; its hub's while it does."""

    __slots__ = ("_held", "loop")

    def __init__(self) -> None:
        self._held: dict[Any, Any] = {}
        self.loop: Any = None

    def exchange(self, dictionary: dict[Any, Any]) -> None:
        """Swap this state with that of the running thread, whose dictionary is given."""
        if dictionary or self._held:
            held = dictionary.copy()
            dictionary.clear()
            dictionary.update(self._held)
            self._held = held
        if _get_running_loop is None:
            # `runners` is imported after `events` is complete, and before any loop can run.
            if "asyncio.runners" not in sys.modules:
                return
            _find_asyncio()
            assert _get_running_loop is not None
        loop = _get_running_loop()
        if loop is not self.loop:
            assert _set_running_loop is not None
            _set_running_loop(self.loop)
            self.loop = loop

    def drop(self) -> None:
        """The strand is over, and the thread's own state is in place: forget the strand's."""
        if _get_running_loop is not None and _set_running_loop is not None:
            # asyncio remembers where it last kept the loop: not in what is thrown away now.
            _set_running_loop(_get_running_loop())
        self._held.clear()
