"""What is on the screen while programs run: the lines that they print, and how far the network is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from glassnet.cli.voices import Line, voices
from glassnet.topology.network import Network

__all__ = ["Screen", "drawable"]

_LOOK = 10_000_000  # nanoseconds of the network from one look at the progress to the next
_REDRAW = 0.08  # seconds of real time from one drawing of it to the next

_ASCII = str.maketrans("│─┐┘├┴═║", "|-++++=H")


def drawable(text: str, console: Console) -> str:
    """Text with lines in it, as this console can show them."""
    return text.translate(_ASCII) if console.options.ascii_only else text


class Screen:
    """Shows a network at work on a console; `styles` are the colours of hosts, by name."""

    def __init__(self, console: Console, net: Network, styles: Mapping[str, str]) -> None:
        self._console = console
        self._net = net
        self._styles = styles
        self._names = max(map(len, styles), default=0)
        self._bar = drawable("│", console)
        self._live: Live | None = None
        self._drawn = 0.0
        self._looking = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts, show what programs print as they print it, and on a terminal the progress."""
        engine = self._net.engine
        self._looking = self._console.is_terminal
        with voices(self.tell) as drain:
            if not self._looking:
                yield
                drain()
                return
            with Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as self._live:
                engine.at(engine.now, self._look)
                try:
                    yield
                finally:
                    drain()
                    self._looking = False
                    self._live = None

    def tell(self, line: Line) -> None:
        """Print a line of a program. On a terminal a long one goes on below itself; else it stays whole."""
        head = Text.assemble(
            (f"{line.time / 1e9:10.6f}  ", "dim"),
            (f"{line.host:{self._names}}", self._styles.get(line.host, "bold")),
            (f" {self._bar} ", "dim"),
        )
        text = Text(line.text.expandtabs())
        console = self._console
        if self._live is not None:
            self._live.update(self._progress())  # drawn anew below the line
        if not console.is_terminal:
            console.print(head + text, soft_wrap=True)
            return
        below = Text(f"{self._bar:>{head.cell_len - 1}} ", "dim")
        for number, part in enumerate(text.wrap(console, max(console.width - head.cell_len, 16)) or [text]):
            console.print((below if number else head) + part)

    def _look(self, _: object = None) -> None:
        if self._live is None:
            return
        now = time.perf_counter()
        if now - self._drawn >= _REDRAW:
            self._drawn = now
            self._live.update(self._progress(), refresh=True)
        # Looking must not keep a network going in which nothing else happens: that is a deadlock to be told.
        if self._looking and self._net.engine.heap:
            self._net.engine.after(_LOOK, self._look)

    def _progress(self) -> Text:
        net = self._net
        frames = sum(lane.frames for cable in net.cables for lane in cable.lanes)
        return Text(f"{net.now:10.6f}  {frames:,} frames so far", style="dim", no_wrap=True, overflow="crop")
