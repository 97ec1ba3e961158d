"""From the text of a lab file to a `Lab`: every key known, every value of the right kind."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from glassnet.lab.model import (
    CablePlan,
    CapturePlan,
    EventPlan,
    HostPlan,
    Lab,
    LanPlan,
    ProgramPlan,
    SwitchPlan,
)
from glassnet.lab.positions import Path, positions
from glassnet.lab.problems import LabError, Problem, Problems, suggestion
from glassnet.lab.schema import CABLE_ACTIONS, HOST_ACTIONS, PROGRAM_ACTIONS, SCHEMA, TABLES
from glassnet.topology.cable import UNITS

__all__ = ["read"]

_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE_TEXT = re.compile(r"\s*([A-Za-z_]+)\s*=\s*([^\s\"'\[{#][^\"'\[{#]*?)\s*(?:#.*)?$")
_ACTIONS = {**CABLE_ACTIONS, **HOST_ACTIONS, **PROGRAM_ACTIONS}


def read(text: str, file: str) -> tuple[Lab, Problems]:
    """Read a lab file; `file` is its name in reports. Raises LabError if it is not TOML at all."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LabError([_not_toml(error, text, file)]) from None
    problems = Problems(file, positions(text))
    return _Reader(problems).lab(document), problems


def _not_toml(error: tomllib.TOMLDecodeError, text: str, file: str) -> Problem:
    message = str(error)
    match = _WHERE.search(message)
    if match is None:
        return Problem(file, 0, 0, "", f"not TOML: {message}")
    lines = text.split("\n")
    line, column = (int(match[1]), int(match[2])) if match[1] else (len(lines), len(lines[-1]) + 1)
    what = message[: match.start()]
    return Problem(file, line, column, "", f"not TOML: {what}{_remedy(what, lines[line - 1])}")


def _remedy(what: str, line: str) -> str:
    """What to do about the faults that are made most, from tomllib's words and the line."""
    if what.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate")):
        return f": what {line.strip()!r} gives is in the file already; keep one of them"
    bare = _BARE_TEXT.match(line)
    if bare is not None and bare[2] not in ("true", "false"):
        return f'; texts and quantities stand in quotes: {bare[1]} = "{bare[2]}"'
    return ""


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def lab(self, document: dict[str, Any]) -> Lab:
        values = self._table((), document, "top")
        if "for" in values:
            values["for_"] = values.pop("for")
        lab = Lab(**values)
        for name, table in self._named(document, "switch"):
            path = ("switch", name)
            lab.switches[name] = SwitchPlan(path, name, **self._table(path, table, "switch"))
        for kind in ("router", "host"):
            for name, table in self._named(document, kind):
                host = self._host(kind, name, table)
                if name in lab.hosts:
                    self._problems.error((kind, name), f"there is a router {name!r} already")
                else:
                    lab.hosts[name] = host
        for name, table in self._named(document, "lan"):
            path = ("lan", name)
            values = self._with_quality(path, table, "lan")
            lab.lans[name] = LanPlan(path, name, **values)
            if "hosts" not in table:
                self._problems.error(path, 'who is on it is missing: hosts = ["web", "laptop"]')
        for name, table in self._named(document, "cable"):
            path = ("cable", name)
            values = self._with_quality(path, table, "cable")
            lab.cables[name] = CablePlan(path, name, towards=self._towards(path, table), **values)
            if "between" not in table:
                self._problems.error(path, 'its ends are missing: between = ["router", "web"]')
        lab.captures = self._captures(document.get("capture", []))
        lab.events = self._events(document.get("event", []))
        return lab

    # Tables

    def _table(self, path: Path, table: Any, kind: str) -> dict[str, Any]:
        """The keys of a table with plain values, read; what cannot be is reported and left out."""
        if not isinstance(table, dict):
            self._problems.error(path, f"{table!r}: expected a table with keys such as {_some(kind)}")
            return {}
        known, tables = SCHEMA[kind], TABLES.get(kind, {})
        values = {}
        for key, value in table.items():
            if key in tables:
                continue
            reads = known.get(key)
            if reads is None:
                hint = suggestion(key, [*known, *tables])
                self._problems.error((*path, key), f"there is no such key here{hint}")
                continue
            try:
                values[key] = reads(value)
            except ValueError as error:
                self._problems.error((*path, key), str(error))
        return values

    def _named(self, document: dict[str, Any], kind: str) -> list[tuple[str, Any]]:
        tables = document.get(kind, {})
        if not isinstance(tables, dict):
            self._problems.error((kind,), f"give each {kind} a name: [{kind}.NAME]")
            return []
        found = []
        for name, table in tables.items():
            if isinstance(table, dict):
                found.append((name, table))
            else:
                self._problems.error(
                    (kind, name),
                    f"{table!r}: expected a table: [{kind}.NAME] with keys such as {_some(kind)}",
                )
        return found

    def _with_quality(self, path: Path, table: Any, kind: str) -> dict[str, Any]:
        values = self._table(path, table, kind)
        quality = {name: values.pop(name) for name in UNITS if name in values}
        return {**values, "quality": quality}

    def _towards(self, path: Path, table: dict[str, Any]) -> dict[str, dict[str, Any]]:
        ends = table.get("towards", {})
        path = (*path, "towards")
        if not isinstance(ends, dict):
            self._problems.error(
                path, "expected what is different in one direction: [cable.NAME.towards.END]"
            )
            return {}
        return {end: self._table((*path, end), quality, "towards") for end, quality in ends.items()}

    def _tables(self, path: Path, value: Any, kind: str) -> list[tuple[Path, dict[str, Any]]]:
        """The elements of an array of tables; one table alone is an array of one."""
        if isinstance(value, dict):
            return [(path, value)]
        if not isinstance(value, list):
            self._problems.error(path, f"{value!r}: expected tables with keys such as {_some(kind)}")
            return []
        found = []
        for number, table in enumerate(value):
            if isinstance(table, dict):
                found.append(((*path, number), table))
            else:
                self._problems.error(
                    (*path, number), f"{table!r}: expected a table with keys such as {_some(kind)}"
                )
        return found

    # What is in them

    def _host(self, kind: str, name: str, table: dict[str, Any]) -> HostPlan:
        path = (kind, name)
        values = self._table(path, table, kind)
        own = {key: values.pop(key) for key in SCHEMA["program"] if key in values}
        host = HostPlan(path, name, kind == "router", **values)
        if own and "run" not in table:
            key = next(iter(own))
            self._problems.error((*path, key), 'this is about a program, and there is none: add run = "..."')
        self._program(host, path, own)
        for place, program in self._tables((*path, "program"), table.get("program", []), "program"):
            if "run" not in program:
                self._problems.error(place, 'what it runs is missing: run = "python script.py"')
            self._program(host, place, self._table(place, program, "program"))
        return host

    def _program(self, host: HostPlan, path: Path, values: dict[str, Any]) -> None:
        command = values.pop("run", None)
        if command is None:
            return
        given = values.pop("name", None)
        name = given or command.name
        taken = [program.name for program in host.programs]
        if given in taken:
            self._problems.error((*path, "name"), f"host {host.name} has a program {given!r} already")
        number = 2
        while name in taken:
            name = f"{command.name}-{number}"
            number += 1
        host.programs.append(ProgramPlan(path, host.name, name, command, **values))

    def _captures(self, value: Any) -> list[CapturePlan]:
        if isinstance(value, str):
            value = {"file": value}
            return [CapturePlan(("capture",), **value)]
        captures = []
        for path, table in self._tables(("capture",), value, "capture"):
            values = self._table(path, table, "capture")
            if "file" in values:
                captures.append(CapturePlan(path, **values))
            elif "file" not in table:
                self._problems.error(path, 'the file is missing: file = "lab.pcapng"')
        return captures

    def _events(self, value: Any) -> list[EventPlan]:
        events = []
        for path, table in self._tables(("event",), value, "event"):
            values = self._with_quality(path, table, "event")
            actions = [key for key in table if key in _ACTIONS]
            if "at" not in table:
                self._problems.error(path, 'when it happens is missing: at = "5s"')
            if len(actions) != 1:
                what = f"does {' and '.join(actions)}" if actions else "does nothing"
                self._problems.error(path, f"it {what}: give exactly one of {', '.join(_ACTIONS)}")
                continue
            [action] = actions
            if action != "set":
                for key in ("towards", "mtu", *UNITS):
                    if key in table and (key != "towards" or action not in CABLE_ACTIONS):
                        self._problems.error((*path, key), f"this goes with set, and not with {action}")
            elif not any(key in table for key in ("mtu", *UNITS)):
                self._problems.error(path, f"nothing to set: give one of {', '.join(UNITS)} or mtu")
            targets = values.pop(action, None)
            if "at" in values and targets is not None:
                events.append(EventPlan(path, action=action, targets=targets, **values))
        return events


def _some(kind: str) -> str:
    return ", ".join([*SCHEMA[kind]][:3])
