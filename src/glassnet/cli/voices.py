"""Who prints what: lines that programs on virtual hosts print, with their host and virtual time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from glassnet.host.current import current

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["Line", "voices"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a program on `host` printed at `time` (nanoseconds of the network), or an error."""

    time: int
    host: str
    text: str
    error: bool = False


class _Stream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`: what is printed on no host goes to the original."""

    def __init__(self, original: TextIO, hear: Callable[[System, str], None]) -> None:
        self._original = original
        self._hear = hear
        self._unfinished: dict[System, str] = {}

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the original."""
        return self._original.encoding

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """No host has a terminal."""
        return current.get() is None and self._original.isatty()

    def fileno(self) -> int:
        """That of the original; on a host there is none."""
        if current.get() is not None:
            raise io.UnsupportedOperation("fileno")
        return self._original.fileno()

    def flush(self) -> None:
        """Hand on what was printed on no host."""
        if current.get() is None:
            self._original.flush()

    def write(self, text: str) -> int:
        """Tell whole lines, and keep the rest until it is one."""
        system = current.get()
        if system is None:
            return self._original.write(text)
        *lines, rest = (self._unfinished.get(system, "") + text).split("\n")
        self._unfinished[system] = rest
        for line in lines:
            self._hear(system, line)
        return len(text)

    def finish(self) -> None:
        """Tell lines that nobody ended."""
        for system, rest in self._unfinished.items():
            if rest:
                self._hear(system, rest)
        self._unfinished.clear()


@contextmanager
def voices(tell: Callable[[Line], object]) -> Iterator[Callable[[], None]]:
    """While it lasts, `tell` each line that a program prints, instead of letting it out.

    `tell` is called from the engine, on no host, at the time of the line. Gives a
    function that tells at once what the engine has not come to yet.
    """
    waiting: list[Line] = []

    def drain(_: object = None) -> None:
        while waiting:
            tell(waiting.pop(0))

    def hear(system: System, text: str) -> None:
        engine = system.engine
        if not waiting:
            engine.at(engine.now, drain)
        waiting.append(Line(engine.now, system.name, text))

    originals = sys.stdout, sys.stderr
    streams = _Stream(sys.stdout, hear), _Stream(sys.stderr, hear)
    sys.stdout, sys.stderr = streams
    try:
        yield drain
    finally:
        sys.stdout, sys.stderr = originals
        for stream in streams:
            stream.finish()
        drain()
