"""The program under test: it makes the system calls of a script on its host, each when it is told to."""

from __future__ import annotations

import errno
import threading
import traceback
from collections import deque
from collections.abc import Callable

from glassnet.engine import Engine
from glassnet.host.current import running_strand
from glassnet.host.strand import Strand
from glassnet.packetdrill.script import Call

__all__ = ["Mismatch", "Pending", "Program", "last_lines"]

_LAST_LINES = 10


class Mismatch(Exception):
    """A call gave something else than the script says, besides its result."""


def last_lines(error: BaseException) -> list[str]:
    """Where an exception was raised, and what it says, indented: the end of its traceback."""
    lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return [f"    {line}" for line in lines[-_LAST_LINES:]]


class Pending:
    """A system call that was begun, and is to return at `deadline` if it waits.

    `ended` is when it returned, `value` and `error` what, `problem` what else was wrong.
    """

    def __init__(self, call: Call, deadline: int | None, act: Callable[[], int]) -> None:
        self.call = call
        self.deadline = deadline
        self.ended: int | None = None
        self.value = 0
        self.error = 0
        self.problem = ""
        self._act = act

    def run(self, engine: Engine) -> None:
        """Make the call; in a program."""
        try:
            self.value = self._act()
        except OSError as error:
            self.value, self.error = -1, error.errno or errno.EIO
        except Mismatch as mismatch:
            self.problem = str(mismatch)
        except Exception as error:
            self.problem = "\n".join(["the call raised an exception:", *last_lines(error)])
        self.ended = engine.now


class Program:
    """Runs on the host under test until its network is closed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._calls: deque[Pending] = deque()
        self._strand: Strand | None = None

    def __call__(self) -> None:
        """Make what calls there are, and wait for more. One that is to wait has a thread of its own."""
        self._strand = strand = running_strand()
        while True:
            while self._calls:
                pending = self._calls.popleft()
                if pending.deadline is None:
                    pending.run(self._engine)
                else:
                    threading.Thread(target=pending.run, args=(self._engine,), daemon=True).start()
            strand.settle("the next system call of the script")
            strand.park()

    def make(self, pending: Pending) -> None:
        """Let it make a call as soon as the network runs."""
        self._calls.append(pending)
        if self._strand is not None:
            self._strand.wake()
