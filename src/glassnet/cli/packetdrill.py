"""`glassnet packetdrill`: scripts in packetdrill's language, run against this stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from glassnet.packetdrill import ScriptError, play, read_script
from glassnet.packetdrill.script import Place
from glassnet.transport.tcp.sysctl import PROFILES

__all__ = ["packetdrill"]

_FAILED = 1
_USAGE = 2


def packetdrill(words: Sequence[str], profile: str, verbose: bool) -> int:
    """Run scripts and tell how each went; returns the exit status of the command.

    `words` are files, and flags of scripts such as `--mtu=1280` that go before those in every file.
    """
    if profile not in PROFILES:
        typer.echo(f"--profile {profile}: expected one of {', '.join(PROFILES)}", err=True)
        return _USAGE
    files = [Path(word) for word in words if not word.startswith("-")]
    flags = []
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("-"):
            flags.append((Place("command", 1), name, value))
            if not word.startswith("--") or not equals:
                typer.echo(f"{word}: expected --NAME=VALUE, as in --tolerance_usecs=10000", err=True)
                return _USAGE
    if not files:
        typer.echo("there is no script to run", err=True)
        return _USAGE
    failed = 0
    for file in files:
        try:
            script = read_script(file)
            script.flags += flags  # of several the last holds
            outcome = play(script, profile, typer.echo if verbose else None)
        except (ScriptError, OSError) as error:
            typer.echo(f"FAIL {file}\n{error}")
            failed += 1
            continue
        for note in outcome.notes:
            typer.echo(note)
        if outcome.passed:
            typer.echo(f"PASS {file}")
        else:
            failed += 1
            typer.echo(f"FAIL {file}\n{outcome.problem}")
    if len(files) > 1:
        typer.echo(f"{len(files) - failed} of {len(files)} passed")
    return _FAILED if failed else 0
