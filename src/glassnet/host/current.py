"""Which virtual host the running code is on."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["current"]

current: ContextVar[System | None] = ContextVar("glassnet_host", default=None)
"""The operating system that the running code sees; None for the real one.

Every patched function asks it first. It is set in the context of each process, and
so follows the code into tasks and callbacks.
"""
