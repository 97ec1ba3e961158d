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


_LAB = Annotated[Path, typer.Argument(metavar="LAB.TOML", help="The file that describes the network.")]
_SEED = Annotated[str | None, typer.Option(help="What all chance comes from, instead of the file's.")]
_CLOCK = Annotated[
    str | None, typer.Option(help="virtual, real, or how much faster than real time: 10x.", metavar="CLOCK")
]


@app.command()
def run(
    lab: _LAB,
    seed: _SEED = None,
    length: Annotated[
        str | None, typer.Option("--for", help="How long to run at most: 30s.", metavar="TIME")
    ] = None,
    clock: _CLOCK = None,
    capture: Annotated[
        list[Path] | None,
        typer.Option(dir_okay=False, help="Write all frames to this file as well.", metavar="FILE"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what went wrong.")] = False,
) -> None:
    """Run the programs that a lab file names, on the network that it describes.

    What they print is shown with virtual time and host. The exit status is 0 if all went well,
    1 if a program failed, 2 if the file has errors, 130 after Ctrl-C.
    """
    from glassnet.cli.run import run as run_lab

    captures = capture or []
    raise typer.Exit(run_lab(lab, seed=seed, length=length, clock=clock, captures=captures, quiet=quiet))


@app.command()
def check(lab: _LAB) -> None:
    """Say everything that is wrong with a lab file, and what to do about it, without running it."""
    from glassnet.cli.labs import check as check_lab

    check_lab(lab)


@app.command()
def shell(
    lab: _LAB,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host to be on.")],
    command: Annotated[
        list[str] | None, typer.Option("-c", help="Run this command and leave; may be given several times.")
    ] = None,
    seed: _SEED = None,
    clock: _CLOCK = None,
) -> None:
    """Open a prompt on a host of a lab: ping, traceroute, ip, ss, dig, get, watch, python and more.

    Time passes on the network while a command runs, and stands still at the prompt.
    """
    from glassnet.cli.shell.open import shell as open_shell

    raise typer.Exit(open_shell(lab, host, command or [], seed=seed, clock=clock))


@app.command(context_settings={"ignore_unknown_options": True})
def packetdrill(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="The scripts to run; flags that scripts begin with go before theirs.",
        ),
    ],
    profile: Annotated[
        str, typer.Option(help="How TCP is set: linux, or rfc for no more than the RFCs ask for.")
    ] = "linux",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show each packet as it passes.")] = False,
) -> None:
    """Run packetdrill scripts against this stack, without root, in virtual time.

    Each one prints PASS, or the first difference. The exit status is 1 if any failed.
    """
    from glassnet.cli.packetdrill import packetdrill as run_scripts

    raise typer.Exit(run_scripts(words, profile, verbose))
