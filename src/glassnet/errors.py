"""What goes wrong in using glassnet itself; what goes wrong on its networks is Python's own errors."""

from __future__ import annotations

import errno

__all__ = ["GlassnetError", "ProcessEnded", "Refused"]


class GlassnetError(Exception):
    """The API was used in a way that cannot work. The message names the thing and the remedy."""


class ProcessEnded(GlassnetError):
    """A program has no result: it left with an exit status or was ended by a signal.

    `returncode` is as in `subprocess`: the exit status, or minus the signal's number.
    """

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode


class Refused(GlassnetError, PermissionError):
    """A program on a host asked for what only the real machine could do.

    It is a `PermissionError` (EPERM) too: programs that look for a tool of the machine,
    as `ctypes.util.find_library` does for a compiler, go on without.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errno = errno.EPERM
        self.strerror = message

    def __str__(self) -> str:
        return str(self.strerror)
