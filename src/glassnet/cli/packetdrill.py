"""`glassnet packetdrill`: scripts in packetdrill's language, run against this stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from glassnet.packetdrill import ScriptError, play, read_script
from glassnet.transport.tcp.sysctl import PROFILES

__all__ = ["packetdrill"]

_FAILED = 1
_USAGE = 2


def packetdrill(files: Sequence[Path], profile: str, verbose: bool) -> int:
    """Run scripts and tell how each went; returns the exit status of the command."""
    if profile not in PROFILES:
        typer.echo(f"--profile {profile}: expected one of {', '.join(PROFILES)}", err=True)
        return _USAGE
    failed = 0
    for file in files:
        try:
            outcome = play(read_script(file), profile, typer.echo if verbose else None)
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
