"""Threads of `concurrent.futures` executors that wait for work when their program ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassnet.host.process import Process

__all__ = ["finish_idle_workers"]


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
