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

from greenlet import greenlet

__all__ = ["ThreadState"]

_thread_dictionary = ctypes.pythonapi.PyThreadState_GetDict
_thread_dictionary.restype = ctypes.c_void_p  # borrowed, so not py_object
_thread_dictionary.argtypes = []

_KEPT = "_glassnet_thread_dictionary"

_get_running_loop: Callable[[], Any] | None = None
_set_running_loop: Callable[[Any], None] | None = None


def _find_asyncio() -> None:
    global _get_running_loop, _set_running_loop
    events = sys.modules["asyncio.events"]
    _get_running_loop = events._get_running_loop
    _set_running_loop = events._set_running_loop


def _dictionary(hub: greenlet) -> dict[Any, Any]:
    """The thread state dictionary of `hub`'s thread: greenlets never change threads."""
    kept: dict[Any, Any] | None = hub.__dict__.get(_KEPT)
    if kept is None:
        kept = ctypes.cast(_thread_dictionary(), ctypes.py_object).value
        hub.__dict__[_KEPT] = kept
    return kept


class ThreadState:
    """One strand's thread state while it does not run; its hub's while it does."""

    __slots__ = ("_held", "loop")

    def __init__(self) -> None:
        self._held: dict[Any, Any] = {}
        self.loop: Any = None

    def exchange(self, hub: greenlet) -> None:
        """Swap this state with that of the running thread."""
        dictionary = _dictionary(hub)
        held = dictionary.copy()
        dictionary.clear()
        dictionary.update(self._held)
        self._held = held
        if _set_running_loop is None or _get_running_loop is None:
            # `runners` is imported after `events` is complete, and before any loop can run.
            if "asyncio.runners" not in sys.modules:
                return
            _find_asyncio()
        self._exchange_loop()

    def _exchange_loop(self) -> None:
        assert _get_running_loop is not None
        assert _set_running_loop is not None
        # asyncio caches where it keeps the loop: it must be told even when nothing changes.
        loop = _get_running_loop()
        _set_running_loop(self.loop)
        self.loop = loop
