"""Which virtual host the running code is on, and which strand runs."""

from __future__ import annotations

from _thread import get_ident
from contextvars import ContextVar
from typing import TYPE_CHECKING

from glassnet.errors import GlassnetError

if TYPE_CHECKING:
    from glassnet.host.strand import Strand
    from glassnet.host.system import System

__all__ = ["current", "here", "running", "running_or_none", "running_strand"]

current: ContextVar[System | None] = ContextVar("glassnet_host", default=None)
"""The operating system that the running code sees; None for the real one.

Every patched function asks it first. It is set in the context of each process, and
so follows the code into tasks and callbacks.
"""


running: dict[int, Strand | None] = {}
"""The strand that runs, in each thread of the machine that runs a network. Only strands write it."""


def running_or_none() -> Strand | None:
    """The strand that runs now, or None outside every program."""
    return running.get(get_ident())


def running_strand() -> Strand:
    """The strand that runs now; GlassnetError outside every program."""
    strand = running.get(get_ident())
    if strand is None:
        raise GlassnetError(
            "this call would wait, but no program of the network is running here: "
            "call it in a function given to host.start() or host.run()"
        )
    return strand


def here() -> System | None:
    """The operating system that the running code sees; None for the real one.

    A program that runs a function in an empty context of its own is still on its host.
    """
    system = current.get()
    if system is None and running:
        strand = running.get(get_ident())
        if strand is not None:
            return strand.process.system
    return system
