"""A place in a text, and what comes next there."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NoReturn

from glassnet.packetdrill.script import Place, ScriptError

__all__ = ["Scanner"]

_BLANK = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SHOWN = re.compile(r"[A-Za-z0-9_]+|\.\.\.|[^\s]")
_INTEGER = re.compile(r"0[xX][0-9A-Fa-f]{1,16}(?![0-9A-Za-z_])|[0-9]{1,20}(?![0-9A-Za-z_])")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Scanner:
    """Reads one text from its beginning; blanks and comments between the parts count for nothing."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.position = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.skip()

    def place(self, position: int | None = None) -> Place:
        """The line and column of a position, by default of what comes next."""
        at = self.position if position is None else position
        line = bisect_right(self._lines, at)
        return Place(self.file, line, at - self._lines[line - 1] + 1)

    def fail(self, problem: str, position: int | None = None) -> NoReturn:
        """Raise a `ScriptError` about what comes next."""
        raise ScriptError(self.place(position), problem)

    def expected(self, what: str) -> NoReturn:
        """Raise a `ScriptError`: something else than `what` comes next."""
        self.fail(f"expected {what}, found {self.found()}")

    def found(self) -> str:
        """What comes next, for a message."""
        match = _SHOWN.match(self.text, self.position)
        return repr(match[0]) if match else "the end of the script"

    def skip(self) -> None:
        """Go to the next part. ScriptError for a comment without an end."""
        match = _BLANK.match(self.text, self.position)
        assert match is not None
        self.position = match.end()
        if self.text.startswith("/*", self.position):
            self.fail("a comment that begins with /* has no */")

    @property
    def at_end(self) -> bool:
        """Whether nothing comes any more."""
        return self.position >= len(self.text)

    def sees(self, literal: str) -> bool:
        """Whether `literal` comes next."""
        return self.text.startswith(literal, self.position)

    def take(self, literal: str) -> bool:
        """Go past `literal`; False if something else comes."""
        if not self.sees(literal):
            return False
        self.position += len(literal)
        self.skip()
        return True

    def need(self, literal: str) -> None:
        """Go past `literal`, which must come."""
        if not self.take(literal):
            self.expected(repr(literal))

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Go past what matches, and return it; None if nothing does."""
        match = pattern.match(self.text, self.position)
        if match is None or not match[0]:
            return None
        self.position = match.end()
        self.skip()
        return match[0]

    def look(self, pattern: re.Pattern[str]) -> str | None:
        """What matches next, without going there."""
        match = pattern.match(self.text, self.position)
        return match[0] if match else None

    def word(self) -> str | None:
        """The next word, if one comes."""
        return self.match(_WORD)

    def take_word(self, word: str) -> bool:
        """Go past this word; False if another one comes."""
        if self.look(_WORD) != word:
            return False
        self.word()
        return True

    def integer(self, what: str, most: int, least: int = 0) -> int:
        """A decimal or hexadecimal number between `least` and `most`."""
        before = self.position
        digits = self.match(_INTEGER)
        if digits is None:
            self.expected(what)
        number = int(digits, 0) if digits[:2].lower() == "0x" else int(digits)
        if not least <= number <= most:
            self.fail(f"{what}: {number} is not in {least}..{most}", before)
        return number

    def until(self, end: str, what: str) -> str:
        """Everything as it is up to `end`, and go past that."""
        start = self.position
        found = self.text.find(end, start)
        if found < 0:
            self.fail(f"{what} has no {end}")
        self.position = found + len(end)
        self.skip()
        return self.text[start:found]
