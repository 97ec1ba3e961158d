"""The remains of a program that was killed.

A killed program does nothing more. CPython still has to unwind its stacks, and to
close its coroutines, and in doing so runs the `finally` blocks in them. Its files
are closed by then and it can wait for nothing; here it is kept from talking too.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["bury", "disown", "silence"]


class _Nowhere:
    """A text stream into nothing."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)

    def flush(self) -> None:
        """There is nothing to do."""

    def isatty(self) -> bool:
        """No."""
        return False


_nowhere: Any = _Nowhere()


@contextmanager
def silence() -> Iterator[None]:
    """Let nothing be printed or logged meanwhile."""
    streams = sys.stdout, sys.stderr
    manager = logging.root.manager
    level = manager.disable
    sys.stdout = sys.stderr = _nowhere
    manager.disable = logging.CRITICAL
    try:
        yield
    finally:
        manager.disable = level
        sys.stdout, sys.stderr = streams


def disown(loop: Any) -> None:
    """Nobody wants to hear from this asyncio loop, or of what it leaves unfinished, any more."""
    loop.set_exception_handler(lambda loop, context: None)
    # Nor does it warn that nobody closed it. Its own code asks `_closed`, and unwinds as ever.
    loop.is_closed = lambda: True
    for transport in tuple(getattr(loop, "_transports", {}).values()):
        # Its file is closed. In this state it neither writes nor warns that nobody closed it.
        transport._closing = True
        transport._conn_lost = 1
        transport._sock = None
        above_tls = getattr(getattr(transport, "_protocol", None), "_app_transport", None)
        if above_tls is not None:
            above_tls._closed = True


def bury(loop: Any) -> None:
    """Let go of what an asyncio loop was still doing, after its program has been unwound."""
    import asyncio

    for task in asyncio.all_tasks(loop):
        coroutine: Any = task.get_coro()
        try:
            coroutine.close()
        except BaseException:
            # It refuses to end, or fails in ending. There is nobody to tell, and nothing to be done.
            continue
