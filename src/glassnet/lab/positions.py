"""Where in a TOML file each key is: tomllib reads values, and does not say where they were."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

__all__ = ["Path", "dotted", "positions"]

Path = tuple[str | int, ...]
"""A key's way from the top: names of tables and keys, and positions in arrays."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_FILLING = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def dotted(path: Path) -> str:
    """A key as it is written: `host.web."odd name"`, positions as `event[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        quoted = part if _BARE.fullmatch(part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
        text += f".{quoted}" if text else quoted
    return text


def positions(text: str) -> dict[Path, tuple[int, int]]:
    """The line and column (from 1) of every key, table and array element of a valid TOML document.

    A table that is opened several times, or in passing, is where it was first named.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Path, tuple[int, int]] = {}
        self._lengths: dict[Path, int] = {}

    def scan(self) -> dict[Path, tuple[int, int]]:
        table: Path = ()
        while True:
            self._skip(_FILLING)
            if self._at >= len(self._text):
                return self._found
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML at {self._place(self._at)}")
        self._at = match.end()
        return match[0]

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def _note(self, path: Path, at: int) -> None:
        self._found.setdefault(path, self._place(at))

    def _key(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, each with where it begins."""
        parts = []
        while True:
            self._skip(_SPACE)
            at = self._at
            if self._text[at] in "\"'":
                literal = self._skip(_STRING)
                part = tomllib.loads(f"x={literal}")["x"]
            else:
                part = self._skip(_BARE)
            parts.append((part, at))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _header(self) -> Path:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        path: Path = ()
        parts = self._key()
        for index, (part, at) in enumerate(parts):
            path = (*path, part)
            self._note(path, at)
            if array and index == len(parts) - 1:
                number = self._lengths.get(path, 0)
                self._lengths[path] = number + 1
                path = (*path, number)
                self._note(path, at)
            elif path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        self._at += 2 if array else 1
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for part, at in self._key():
            path = (*path, part)
            self._note(path, at)
        self._at += 1  # =
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while True:
            self._skip(_FILLING)
            if self._text[self._at] == "]":
                break
            if self._text[self._at] == ",":
                self._at += 1
                continue
            element = (*path, number)
            self._note(element, self._at)
            self._value(element)
            number += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while True:
            self._skip(_FILLING)
            if self._text[self._at] == "}":
                break
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1
