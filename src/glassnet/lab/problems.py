"""What is wrong with a lab file: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from glassnet.errors import GlassnetError
from glassnet.lab.positions import Path, dotted

__all__ = ["LabError", "Problem", "Problems", "suggestion"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `line` and `column` count from 1 and are 0 where the fault is of the file as a whole."""

    file: str
    line: int
    column: int
    key: str
    what: str
    warning: bool = False

    def __str__(self) -> str:
        place = self.file if not self.line else f"{self.file}:{self.line}:{self.column}"
        kind = "warning" if self.warning else "error"
        return f"{place}: {kind}: {self.key}: {self.what}" if self.key else f"{place}: {kind}: {self.what}"


class LabError(GlassnetError):
    """A lab file cannot be used. `problems` has every fault that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """Collects the faults of one file."""

    def __init__(self, file: str, positions: dict[Path, tuple[int, int]]) -> None:
        self._file = file
        self._positions = positions
        self._found: dict[Problem, None] = {}

    def error(self, path: Path, what: str) -> None:
        """Note a fault at the key `path`."""
        self._add(path, what, warning=False)

    def warn(self, path: Path, what: str) -> None:
        """Note what is probably not meant, but can be run."""
        self._add(path, what, warning=True)

    def _add(self, path: Path, what: str, warning: bool) -> None:
        if path and isinstance(path[-1], int) and path not in self._positions:
            path = path[:-1]  # one text where there could be a list of them
        at = path
        while at and at not in self._positions:
            at = at[:-1]
        line, column = self._positions.get(at, (0, 0))
        self._found[Problem(self._file, line, column, dotted(path), what, warning)] = None

    @property
    def found(self) -> list[Problem]:
        """All of them, in the order of the file."""
        return sorted(self._found, key=lambda problem: (problem.line, problem.column))

    @property
    def errors(self) -> bool:
        """Whether there is anything worse than a warning."""
        return any(not problem.warning for problem in self._found)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"`, or else what there is."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(names)}" if names else "; there is none"
