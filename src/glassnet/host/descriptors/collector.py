"""Python's cycle collector, whose moments must not decide what happens on the network.

A socket that is part of a reference cycle is closed when the collector finds it, and
when that is depends on everything else in the interpreter. What is closed in the midst of a
collection is therefore only noted, and closed at moments that the run itself determines:
see `World.collect`.
"""

from __future__ import annotations

import gc
from _thread import get_ident
from typing import Any

__all__ = ["collecting"]

_thread = 0


def _note(phase: str, _: dict[str, Any]) -> None:
    global _thread
    _thread = get_ident() if phase == "start" else 0


def collecting() -> bool:
    """Whether the running code was called by the cycle collector."""
    return _thread != 0 and _thread == get_ident()


gc.callbacks.append(_note)
