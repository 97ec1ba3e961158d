"""From the text of a script to its events."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from glassnet.packetdrill.expressions import read_arguments, read_integer
from glassnet.packetdrill.reading_packets import read_packet
from glassnet.packetdrill.scanner import Scanner
from glassnet.packetdrill.script import (
    AT_ANY_TIME,
    Call,
    Code,
    Event,
    Packet,
    Place,
    Script,
    ScriptError,
    Shell,
    Span,
    Wanted,
)

__all__ = ["parse_script", "read_script"]

_FLAG = re.compile(r"--([A-Za-z_][A-Za-z0-9_-]*)(?:=([^\s`]*))?")
_SECONDS = re.compile(r"[0-9]{0,9}\.[0-9]{1,12}(?![0-9])|[0-9]{1,9}(?![0-9])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=\s*\()")
_ERRNO = re.compile(r"E[A-Z0-9]+")
_NOW = Span()


def read_script(path: str | Path) -> Script:
    """The script in a file. ScriptError for what cannot be read; OSError as from opening it."""
    file = str(path)
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ScriptError(Place(file, 1), f"this is no text in UTF-8: {error}") from None
    return parse_script(text, file)


def parse_script(text: str, file: str = "script") -> Script:
    """The script that `text` is. Nothing but ScriptError is raised, whatever it is."""
    scanner = Scanner(text, file)
    script = Script(file)
    while scanner.sees("--"):
        place = scanner.place()
        flag = scanner.match(_FLAG)
        if flag is None:
            scanner.expected("a flag such as --tolerance_usecs=10000")
        name, _, value = flag[2:].partition("=")
        script.flags.append((place, name, value))
    while not scanner.at_end:
        script.events.append(_event(scanner))
    return script


def _event(scanner: Scanner) -> Event:
    start = scanner.position
    place = scanner.place()
    timed = not (scanner.sees("`") or scanner.sees("%{"))
    when = _when(scanner) if timed else _NOW
    event = Event(place, when, "")
    until = None
    if timed and scanner.take("..."):
        relative = scanner.take("+")
        if when.any or when.first != when.last or (relative and not when.relative):
            scanner.fail("the time before '...' is one time, as in 0.1...0.3 or +0.1...0.3")
        end = scanner.position
        until = _seconds(scanner)
        if until < when.first:
            scanner.fail("a call cannot return before it begins", end)
    read: Event
    if until is None and scanner.take("<"):
        read = read_packet(scanner, event, True)
    elif until is None and scanner.take(">"):
        read = read_packet(scanner, event, False)
    elif until is None and scanner.sees("%{"):
        scanner.position += 2
        read = Code(place, when, "", scanner.until("}%", "code that begins with %{"))
    elif until is None and scanner.sees("`"):
        scanner.position += 1
        read = Shell(place, when, "", scanner.until("`", "a command that begins with `"))
    else:
        read = _call(scanner, event, until)
    if (when.any or when.first != when.last) and not (isinstance(read, Packet) and not read.inbound):
        scanner.fail("only a packet that is expected has a range of time, or any", start)
    text = " ".join(scanner.text[start : scanner.position].split("\n")[0].split("//")[0].split())
    return replace(read, text=text)


def _when(scanner: Scanner) -> Span:
    if scanner.take("*"):
        return AT_ANY_TIME
    relative = scanner.take("+")
    first = last = _seconds(scanner)
    if scanner.take("~"):
        if scanner.take("+") and not relative:
            scanner.fail("both ends of a range are relative, or none")
        end = scanner.position
        last = _seconds(scanner)
        if last < first:
            scanner.fail("this range of time ends before it begins", end)
    return Span(first, last, relative)


def _seconds(scanner: Scanner) -> int:
    number = scanner.match(_SECONDS)
    if number is None:
        scanner.expected("a time in seconds such as 0.1, +.1 or *")
    return int(Decimal(number) * 10**9)


def _call(scanner: Scanner, event: Event, until: int | None) -> Call:
    name = scanner.match(_NAME)
    if name is None:
        scanner.expected("'<', '>', '%{', '`' or a system call" if until is None else "a system call")
    scanner.need("(")
    arguments = read_arguments(scanner)
    scanner.need("=")
    value: int | None = None
    if not scanner.take("..."):
        value = read_integer(scanner, "the result of the call")
    error = scanner.match(_ERRNO) or ""
    if error and value != -1:
        scanner.fail(f"{error} goes with the result -1")
    if scanner.take("("):
        scanner.until(")", "a note that begins with (")
    return Call(
        event.place,
        event.when,
        "",
        name=name,
        arguments=tuple(arguments),
        result=Wanted(value, error),
        until=until,
    )
