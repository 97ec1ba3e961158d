"""The arguments of system calls, as text: numbers, names, strings, lists, structures."""

from __future__ import annotations

import re

from glassnet.packetdrill.scanner import Scanner
from glassnet.packetdrill.script import Expression, Record, Symbols, Term

__all__ = ["read_arguments", "read_expression", "read_integer"]

_MOST = (1 << 64) - 1
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_NUMBER = re.compile(r"-?[0-9]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_DEPTH = 20


def read_arguments(scanner: Scanner, close: str = ")", depth: int = 0) -> list[Expression]:
    """Values with commas between them, and past the `close` behind them."""
    values: list[Expression] = []
    if scanner.take(close):
        return values
    while True:
        values.append(read_expression(scanner, depth))
        if scanner.take(close):
            return values
        if not scanner.take(","):
            scanner.expected(f"',' or {close!r}")


def read_expression(scanner: Scanner, depth: int = 0) -> Expression:
    """One value."""
    if depth > _DEPTH:
        scanner.fail(f"values within values, more than {_DEPTH} deep")
    if scanner.take("..."):
        return ...
    if scanner.take("["):
        return read_arguments(scanner, "]", depth + 1)
    if scanner.take("{"):
        return _record(scanner, depth + 1)
    if scanner.take("("):
        inner = read_expression(scanner, depth + 1)
        scanner.need(")")
        return inner
    if scanner.sees('"'):
        text = scanner.match(_STRING)
        if text is None:
            scanner.fail("a string has no end")
        return _ESCAPE.sub(_unescape, text[1:-1]).encode("utf-8", "surrogateescape")
    if scanner.look(_NUMBER):
        return read_integer(scanner, "a number")
    name = scanner.word()
    if name is None:
        scanner.expected("a value")
    if scanner.take("("):
        return Term(name, tuple(read_arguments(scanner, ")", depth + 1)))
    names = [name]
    while scanner.take("|"):
        more = scanner.word()
        if more is None:
            scanner.expected("a name after '|'")
        names.append(more)
    return Symbols(tuple(names))


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 3:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)


def read_integer(scanner: Scanner, what: str) -> int:
    """A number that may have a minus sign."""
    negative = scanner.take("-")
    number = scanner.integer(what, _MOST)
    return -number if negative else number


_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\s*(?:\([^()\n]{0,40}\)\s*)?(?==)")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _record(scanner: Scanner, depth: int) -> Record:
    """The fields of a structure; `msg_iov(2)=` is as `msg_iov=`: how many there are is seen from the list."""
    fields: list[tuple[str, Expression]] = []
    if scanner.take("}"):
        return Record(())
    while True:
        name = ""
        head = scanner.match(_FIELD)
        if head is not None:
            match = _FIELD_NAME.match(head)
            assert match is not None
            name = match[0]
            scanner.need("=")
        fields.append((name, read_expression(scanner, depth)))
        if scanner.take("}"):
            return Record(tuple(fields))
        if not scanner.take(","):
            scanner.expected("',' or '}'")
