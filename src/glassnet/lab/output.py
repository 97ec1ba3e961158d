"""What programs print, line by line: who, when, and on which of their two streams."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from glassnet.host.current import running_or_none

if TYPE_CHECKING:
    from glassnet.engine import Engine
    from glassnet.host.process import Process

__all__ = ["Output", "Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """A line that `program` on `host` printed at `time` (nanoseconds of the network)."""

    time: int
    host: str
    program: str
    text: str
    error: bool


class Output:
    """Gives programs their streams, and gives `tell` the lines, from the engine, on no host.

    A stream that one program handed to a module that all share, as `logging` does with
    handlers, speaks for the program that writes to it.
    """

    def __init__(self, engine: Engine, tell: Callable[[Said], object]) -> None:
        self._engine = engine
        self._tell = tell
        self._waiting: list[Said] = []
        self._unfinished: dict[tuple[Process, bool], bytes] = {}

    def stream(self, process: Process, error: bool) -> TextIO:
        """`sys.stdout` for a process, or `sys.stderr`."""
        raw = _Raw(self, process, error)
        return io.TextIOWrapper(
            raw,  # nothing is held back, so there is nothing to buffer
            encoding="utf-8",
            errors="backslashreplace" if error else "strict",
            newline="\n",
            write_through=True,
        )

    def write(self, process: Process, error: bool, data: bytes) -> None:
        """Tell whole lines, and keep the rest until it is one."""
        key = process, error
        *lines, rest = (self._unfinished.get(key, b"") + data).split(b"\n")
        self._unfinished[key] = rest
        for line in lines:
            self._say(process, error, line)

    def finish(self, process: Process) -> None:
        """The program has ended: tell the line that it did not end."""
        for error in (False, True):
            rest = self._unfinished.pop((process, error), b"")
            if rest:
                self._say(process, error, rest)

    def _say(self, process: Process, error: bool, line: bytes) -> None:
        engine = self._engine
        if not self._waiting:
            engine.at(engine.now, self.drain)
        text = line.decode(errors="replace").removesuffix("\r")
        self._waiting.append(Said(engine.now, process.system.name, process.name, text, error))

    def drain(self, _: object = None) -> None:
        """Tell at once what the engine has not come to yet."""
        while self._waiting:
            self._tell(self._waiting.pop(0))


class _Raw(io.RawIOBase):
    def __init__(self, output: Output, process: Process, error: bool) -> None:
        self._output = output
        self._process = process
        self._error = error
        self.name = "<stderr>" if error else "<stdout>"
        self.mode = "wb"

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        strand = running_or_none()
        process = self._process if strand is None else strand.process
        copied = bytes(data)
        self._output.write(process, self._error, copied)
        return len(copied)

    def close(self) -> None:
        """It stays open: what a program's interpreter says at its end must come out."""
