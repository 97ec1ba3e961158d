"""Python's cycle collector, whose moments must not decide what happens on the network.

A socket that is part of a reference cycle is closed when the collector finds it, and
when that is depends on everything else in the interpreter. What is closed in the midst of a
collection is therefore only noted, and closed at moments that the run itself determines:
see `World.collect`. Nor does time pass for what finalizers do there: see `Strand.spin`.
"""

from __future__ import annotations

import gc
from _thread import get_ident
from typing import Any

__all__ = ["collecting"]

_thread = 0


def _begin(phase: str, _: dict[str, Any]) -> None:
    global _thread
    if phase == "start":
        _thread = get_ident()
        if _callbacks[-1] is not _end:
            _callbacks.remove(_end)
            _callbacks.append(_end)
    elif _callbacks[0] is not _begin:
        _callbacks.remove(_begin)
        _callbacks.insert(0, _begin)


def _end(phase: str, _: dict[str, Any]) -> None:
    global _thread
    if phase == "stop":
        _thread = 0


def collecting() -> bool:
    """Whether the running code was called by the cycle collector."""
    return _thread != 0 and _thread == get_ident()


# Others may measure collections: Hypothesis looks at the clock when one begins and when it ends.
# They belong to it, so what is noted here is noted before the first of them and after the last.
_callbacks = gc.callbacks
_callbacks.insert(0, _begin)
_callbacks.append(_end)
