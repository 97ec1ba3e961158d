"""Lab files on the command line: loaded with the options that go before them, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from glassnet.lab.checking import Checked, load
from glassnet.lab.model import Lab
from glassnet.lab.problems import LabError, Problem
from glassnet.lab.schema import SCHEMA

__all__ = ["BAD_LAB", "check", "labels", "opened", "styles"]

BAD_LAB = 2
"""The exit status for a lab file, or an option, that cannot be used."""
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")


def opened(path: Path, options: Mapping[str, str | None] | None = None) -> Checked:
    """The lab file at `path`; `options` are values for its keys from the command line.

    What is wrong is told on stderr, and an error ends the command.
    """
    console = Console(stderr=True, highlight=False)
    instead: dict[str, Any] = {}
    for key, value in (options or {}).items():
        if value is not None:
            try:
                number = int(value) if key == "seed" and value.lstrip("-").isdigit() else value
                instead["for_" if key == "for" else key] = SCHEMA["top"][key](number)
            except ValueError as error:
                console.print(Text(f"--{key}: {error}", "red"), soft_wrap=True)
                raise typer.Exit(BAD_LAB) from None
    try:
        checked = load(path, **instead)
    except LabError as error:
        _tell(console, error.problems)
        raise typer.Exit(BAD_LAB) from None
    _tell(console, checked.warnings)
    return checked


def _tell(console: Console, problems: Iterable[Problem]) -> None:
    for problem in problems:
        console.print(Text(str(problem), "yellow" if problem.warning else "red"), soft_wrap=True)


def check(path: Path) -> None:
    """Tell what is wrong with a lab file, or what is in it."""
    checked = opened(path)
    network, lab = checked.built.network, checked.lab
    network.close()
    counts = (
        (len(network.hosts), "host"),
        (len(network.switches), "switch"),
        (len(network.cables), "cable"),
        (len(lab.programs), "program"),
        (len(lab.events), "event"),
    )
    typer.echo(f"{path}: no errors: {', '.join(_count(*each) for each in counts if each[0])}")


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


def styles(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name."""
    return {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}


def labels(lab: Lab) -> dict[tuple[str, str], str]:
    """What stands before the lines of each program: its host, and its own name where the host has several."""
    labels = {}
    for host in lab.hosts.values():
        for program in host.programs:
            alone = len(host.programs) == 1
            labels[host.name, program.name] = host.name if alone else f"{host.name}/{program.name}"
    return labels
