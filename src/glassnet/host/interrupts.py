"""Ctrl-C while a network runs: it ends the run between two events, never within one.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a program
that is as it should be. In the engine, or half-way through a switch from one program
to another, it would leave the network in pieces.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from glassnet.host.current import running_or_none

if TYPE_CHECKING:
    from glassnet.engine import Engine

__all__ = ["Interrupts", "orderly"]


class Interrupts:
    """Whether someone has asked the present run to end."""

    __slots__ = ("_engine", "asked")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of the real SIGINT."""
        if running_or_none() is not None:
            signal.default_int_handler(number, frame)
        self.asked = True
        self._engine.pause()


@contextmanager
def orderly(engine: Engine) -> Iterator[Interrupts]:
    """While the engine runs in here, SIGINT pauses it; at the end KeyboardInterrupt is raised for it.

    Where the program that uses glassnet handles SIGINT itself, and outside the main
    thread, this changes nothing.
    """
    interrupts = Interrupts(engine)
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts.handle)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupts.asked:
        raise KeyboardInterrupt
