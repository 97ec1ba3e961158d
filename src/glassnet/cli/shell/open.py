"""`glassnet shell`: a lab begun, and a prompt on one of its hosts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from glassnet.cli.labs import BAD_LAB, labels, opened
from glassnet.cli.shell.prompt import Prompt
from glassnet.lab.output import Said
from glassnet.lab.problems import suggestion
from glassnet.lab.session import Session

__all__ = ["shell"]


def shell(path: Path, host: str, commands: Sequence[str], *, seed: str | None, clock: str | None) -> int:
    """Run commands on a host of a lab: those given, or what is typed; returns the last one's status."""
    checked = opened(path, {"seed": seed, "clock": clock})
    hosts = checked.built.network.hosts
    if host not in hosts:
        checked.built.network.close()
        typer.echo(f"glassnet shell {path}: there is no host {host!r}{suggestion(host, hosts)}", err=True)
        return BAD_LAB
    console = Console(highlight=False)
    prompts: list[Prompt] = []

    def tell(said: Said) -> None:
        prompts[0].tell(said)

    session = Session(checked, tell, lasting=True)
    prompt = Prompt(session, host, console, labels(checked.lab))
    prompts.append(prompt)
    with session.open():
        prompt.settle()
        if commands:
            for command in commands:
                if prompt.onecmd(command):
                    break
        elif sys.stdin.isatty():
            while True:
                try:
                    prompt.cmdloop()
                    break
                except KeyboardInterrupt:
                    print()
        else:
            for line in iter(sys.stdin.readline, ""):
                if prompt.onecmd(line.strip()):
                    break
        status = prompt.status
        session.stop()
    return status
