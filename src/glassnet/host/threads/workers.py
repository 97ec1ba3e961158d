"""Threads of `concurrent.futures` executors: on whose host they work, and when they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from glassnet.host.current import current, here, running_or_none

if TYPE_CHECKING:
    from glassnet.host.process import Process
    from glassnet.host.system import System

__all__ = ["finish_idle_workers", "number_executors", "work_follows_tasks"]

_numbered = False


def number_executors() -> None:
    """Let the executors of a program be numbered, and their threads named, as if it were alone."""
    global _numbered
    if _numbered:
        return
    _numbered = True
    from concurrent.futures.thread import ThreadPoolExecutor

    kind: Any = ThreadPoolExecutor
    stock = kind._counter

    def number() -> int:
        strand = running_or_none()
        return stock() if strand is None else next(strand.process.executor_numbers)

    kind._counter = staticmethod(number)


def finish_idle_workers(process: Process) -> None:
    """Shut down executors that the program left open, as the interpreter does when it exits.

    Their threads finish the work that they have, and end.
    """
    module = sys.modules.get("concurrent.futures.thread")
    if module is None:
        return
    for strand in process.strands:
        thread = strand.thread
        if thread is not None and getattr(thread, "_target", None) is module._worker:
            executor = thread._args[0]()
            if executor is not None:
                executor.shutdown(wait=False)


def work_follows_tasks() -> None:
    """Let what a task on another host gives to an executor (a name to look up) be done on that host."""
    from asyncio.base_events import BaseEventLoop

    stock: Any = BaseEventLoop.run_in_executor
    if isinstance(stock, _RunInExecutor):
        return
    BaseEventLoop.run_in_executor = _RunInExecutor(stock)  # type: ignore[assignment]


class _RunInExecutor:
    """Replacement for `BaseEventLoop.run_in_executor`."""

    def __init__(self, stock: Callable[..., Any]) -> None:
        self._stock = stock

    def __get__(self, loop: Any, kind: type) -> Any:
        return self if loop is None else partial(self, loop)

    def __call__(self, loop: Any, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        system, strand = here(), running_or_none()
        if system is not None and strand is not None and strand.process.system is not system:
            func = partial(_on, system, func)
        return self._stock(loop, executor, func, *args)


def _on(system: System, function: Callable[..., Any], *args: Any) -> Any:
    context = copy_context()
    context.run(current.set, system)
    return context.run(function, *args)
