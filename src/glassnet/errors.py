"""What goes wrong in using glassnet itself; what goes wrong on its networks is Python's own errors."""

from __future__ import annotations

__all__ = ["GlassnetError", "ProcessEnded"]


class GlassnetError(Exception):
    """The API was used in a way that cannot work. The message names the thing and the remedy."""


class ProcessEnded(GlassnetError):
    """A program has no result: it left with an exit status or was ended by a signal.

    `returncode` is as in `subprocess`: the exit status, or minus the signal's number.
    """

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode
