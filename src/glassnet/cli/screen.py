"""What is on the screen while programs run: the lines that they print, and how far the network is."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from heapq import heappush
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from glassnet.cli.voices import Line, voices
from glassnet.topology.network import Network

__all__ = ["Screen", "drawable"]

_REDRAW = 0.08  # seconds of real time from one drawing of the progress to the next
_TELL = 10.0  # the same where there is no terminal

_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")

_ASCII = str.maketrans("│─┐┘├┴═║", "|-++++=H")


def _printable(text: str) -> str:
    """A line without what would move the cursor or change colours; tabs become spaces."""
    return _CONTROLS.sub("", text.rpartition("\r")[2]).expandtabs()


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
        self._began = time.perf_counter()
        self._order = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts, show what programs print as they print it, and the progress."""
        with voices(self.tell) as drain, self.progress():
            yield
            drain()

    @contextmanager
    def progress(self) -> Iterator[None]:
        """While it lasts, show how far the network is; where there is no terminal, tell stderr at times."""
        if not self._console.is_terminal:
            with _often(self._net, _TELL, self._mention):
                yield
            return
        with Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as self._live:
            try:
                with _often(self._net, _REDRAW, self._look):
                    yield
            finally:
                self._live = None

    def tell(self, line: Line) -> None:
        """Print a line of a program. On a terminal a long one goes on below itself; else it stays whole."""
        head = Text.assemble(
            (f"{line.time / 1e9:10.6f}  ", "dim"),
            (f"{line.host:{self._names}}", self._styles.get(line.host, "bold")),
            (f" {self._bar} ", "dim"),
        )
        text = Text(_printable(line.text), "red" if line.error else "")
        console = self._console
        if self._live is not None:
            self._live.update(self._progress())  # drawn anew below the line
        if not console.is_terminal:
            console.print(head + text, soft_wrap=True)
            return
        below = Text(f"{self._bar:>{head.cell_len - 1}} ", "dim")
        for number, part in enumerate(text.wrap(console, max(console.width - head.cell_len, 16)) or [text]):
            console.print((below if number else head) + part)

    def _look(self, order: int) -> None:
        if self._live is not None:
            self._live.update(self._progress(order), refresh=True)

    def _mention(self, order: int) -> None:
        print(f"glassnet: {self._progress(order)}", file=sys.stderr, flush=True)

    def _progress(self, order: int | None = None) -> Text:
        net = self._net
        if order is not None:
            self._order = order
        frames = sum(lane.frames for cable in net.cables for lane in cable.lanes)
        real = max(time.perf_counter() - self._began, 1e-9)
        return Text(
            f"{net.now:.6f} s on the network, {real:.1f} s here: "
            f"{frames:,} frames, {self._order / real:,.0f} events/s",
            style="dim",
            no_wrap=True,
            overflow="crop",
        )


@contextmanager
def _often(net: Network, seconds: float, look: Callable[[int], object]) -> Iterator[None]:
    """While it lasts, call `look(events so far)` every so many real seconds, as an event at the present time.

    An alarm puts that event into the queue: events of the network's own time would keep a
    network going in which nothing else happens, and that is a deadlock to be told.
    """
    engine = net.engine

    def alarm(number: int, frame: FrameType | None) -> None:
        # It may come anywhere, in a program too: it does nothing but this.
        order = next(engine.order)
        heappush(engine.heap, (engine.now, order, look, order))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
