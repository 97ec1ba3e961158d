"""The `glassnet` command."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from glassnet import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    name="glassnet",
    help="A whole network in one Python process: real bytes at every layer, unmodified programs on top.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command with the arguments that the process was given."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a host may have a name that the terminal cannot show
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glassnet {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    seed: Annotated[
        int, typer.Option(help="What all chance comes from: the same seed gives the same network.")
    ] = 1,
    capture: Annotated[
        Path, typer.Option(dir_okay=False, writable=True, help="Where to write what was captured.")
    ] = Path("glassnet-demo.pcapng"),
) -> None:
    """Let a web server and two clients talk over a link that loses 1 % of all frames.

    An unmodified uvicorn application, an unmodified program with requests and one with httpx:
    see what they print, a drawing of the first connection, and a capture to open in Wireshark.
    """
    missing = [name for name in ("httpx", "requests", "uvicorn") if find_spec(name) is None]
    if missing:
        typer.echo(
            f"glassnet demo runs programs that need {' and '.join(missing)}, not installed here.\n"
            f"Install what is missing:  {Path(sys.executable).name} -m pip install 'glassnet[demo]'",
            err=True,
        )
        raise typer.Exit(1)
    from glassnet.cli.demo import show

    try:
        show(seed, capture)
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"glassnet demo cannot write its capture: {error}", err=True)
        raise typer.Exit(1) from None
