"""`glassnet run`: a lab file at work, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from glassnet.cli.labs import labels, opened, styles
from glassnet.cli.screen import Screen
from glassnet.cli.voices import Line
from glassnet.host.deadlock import Deadlock
from glassnet.lab.output import Said
from glassnet.lab.session import Ended, Session

__all__ = ["run"]

_FAILED = 1
_INTERRUPTED = 130


def run(
    path: Path,
    *,
    seed: str | None,
    length: str | None,
    clock: str | None,
    captures: Sequence[Path],
    quiet: bool,
) -> int:
    """Run a lab file and show what happens; returns the exit status of the command."""
    checked = opened(path, {"seed": seed, "for": length, "clock": clock})
    console = Console(highlight=False)
    names = labels(checked.lab)
    hosts = styles(checked.built.network.hosts)
    screen = Screen(
        console, checked.built.network, {label: hosts[host] for (host, _), label in names.items()}
    )

    def tell(said: Said) -> None:
        if not quiet:
            screen.tell(Line(said.time, names[said.host, said.program], said.text, said.error))

    session = Session(checked, tell)
    started = time.perf_counter()
    status = 0
    trouble = ""
    try:
        with session.open(*captures):
            try:
                with screen.progress():
                    session.run()
            except KeyboardInterrupt:
                status, trouble = _INTERRUPTED, f"interrupted at {session.network.now:.6f} s"
                session.stop()
            except Deadlock as deadlock:
                status = _FAILED
                trouble = f"{deadlock}\nname the programs with whose end the run is to end: until = [...]"
                session.stop()
            now = session.network.now
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"glassnet run {path}: cannot write a capture: {error}", err=True)
        return _FAILED
    took = time.perf_counter() - started
    if trouble:
        Console(stderr=True, highlight=False).print(Text(trouble, "red"), soft_wrap=True)
    if not quiet:
        console.print(Rule("in all", style="dim") if console.is_terminal else "")
        for line in _summary(session, names, now, took):
            console.print(line, soft_wrap=True)
    else:
        for ended in session.ended:
            if ended.failed:
                typer.echo(f"{_label(names, ended)}: {ended.how}", err=True)
    if not status and any(ended.failed for ended in session.ended):
        status = _FAILED
    return status


def _label(names: dict[tuple[str, str], str], ended: Ended) -> str:
    return names[ended.program.host, ended.program.name]


def _summary(session: Session, names: dict[tuple[str, str], str], now: float, took: float) -> Iterator[Text]:
    rows: list[tuple[str, Text]] = []
    for ended in session.ended:
        look = "red" if ended.failed else ""
        rows.append((_label(names, ended), Text(f"{ended.program.name}: {ended.how}", look)))
    network = session.network
    lanes = [lane for cable in network.cables for lane in cable.lanes]
    frames, octets = sum(lane.frames for lane in lanes), sum(lane.bytes for lane in lanes)
    rows.append(("frames", Text(f"{frames:,} on all cables, {octets:,} bytes")))
    for reason, count in sorted(network.drops().items()):
        rows.append(("dropped", Text(f"{count:,} {reason}")))
    rows.append(("time", Text(f"{now:.6f} s on the network, {took:.3f} s here")))
    rows += [
        ("capture", Text(f"{capture.path}, {capture.path.stat().st_size:,} bytes"))
        for capture in session.captures
    ]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        yield Text.assemble((f"{name:>{width}}  ", "dim"), text)
