"""Drawing a ladder in a terminal, of any width, with or without colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from glassnet.glass.ladder import Fold, Ladder, Mark, Row, fold

__all__ = ["LadderDrawing"]

_NARROWEST: Final = 32
_WIDEST: Final = 120
_WITH_ARRIVALS: Final = 100  # columns from which there is room for a second margin
_STEM: Final = 2

_Piece = tuple[str, str]  # text and style


@dataclass(frozen=True, slots=True)
class _Pen:
    """The characters to draw with: those of a rail, and of a side's arrow as it leaves and as it arrives."""

    rail: str
    leaving: tuple[str, str]
    arriving: tuple[str, str]
    line: str
    broken: str
    dotted: str
    cross: str
    dot: str
    ellipsis: str


_LINES: Final = _Pen("│", ("├", "┤"), ("▶", "◀"), "─", "╌", "┈", "✗", "·", "…")
_ASCII: Final = _Pen("|", ("|", "|"), (">", "<"), "-", "- ", ". ", "x", "-", "...")

_SHORT: Final[Mapping[Mark, str]] = {
    Mark.RETRANSMISSION: "resent",
    Mark.DUPLICATE_ACK: "dup ACK",
    Mark.WINDOW_PROBE: "probe",
    Mark.FOREIGN: "forged",
}
_STYLES: Final[Mapping[Mark, str]] = {
    Mark.LOST: "bold red",
    Mark.FOREIGN: "bold red",
    Mark.RETRANSMISSION: "bold yellow",
    Mark.IN_FLIGHT: "dim",
    Mark.KEEP_ALIVE: "dim",
}
_UNFINISHED: Final = (Mark.LOST, Mark.IN_FLIGHT)


class LadderDrawing:
    """A ladder for `rich` to print: two hosts, an arrow for each segment, seconds in the margin.

    `styles` are the colours of the left and the right host. No more than `limit` lines are
    drawn (None: all). Whatever a colour says is said by a word as well.
    """

    def __init__(
        self, ladder: Ladder, *, styles: tuple[str, str] = ("cyan", "magenta"), limit: int | None = None
    ) -> None:
        self.ladder = ladder
        self.styles = styles
        self.limit = limit

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as wide as there is room, within reason."""
        width = max(min(options.max_width, _WIDEST), _NARROWEST)
        pen = _ASCII if options.ascii_only else _LINES
        for line in self._lines(width, pen):
            line.no_wrap = True
            line.overflow = "crop"
            yield line

    def _lines(self, width: int, pen: _Pen) -> Iterator[Text]:
        lines = fold(self.ladder.rows, self.limit)
        latest = max((row.arrival or row.time for row in self.ladder.rows), default=0)
        decimals = 6 if width >= 56 else 3
        times = max(len(_seconds(latest, decimals)), len("seconds"))
        arrivals = times + 1 if width >= _WITH_ARRIVALS else 0
        inner = width - times - 3 - arrivals
        yield from self._heads(times, inner, arrivals, pen)
        for line in lines:
            text = Text(_seconds(line.time, decimals).rjust(times) + " ", style="dim")
            rung = Text.assemble(text, *self._rung(line, inner, pen))
            if arrivals and isinstance(line, Row) and line.arrival is not None:
                rung.append(_seconds(line.arrival, decimals).rjust(arrivals), style="dim")
            yield rung

    def _heads(self, times: int, inner: int, arrivals: int, pen: _Pen) -> Iterator[Text]:
        left, right = self.ladder.ends
        half = (inner + 2) // 2
        rest = inner + 2 - half
        for mine, theirs, sent, arrived, weight in (
            (left.host, right.host, "", "", "bold "),
            (left.endpoint, right.endpoint, "sent" if arrivals else "seconds", "arrived", ""),
        ):
            theirs = _fitted(theirs, rest, pen)
            yield Text.assemble(
                (sent.rjust(times) + " ", "dim"),
                (set_cell_size(_fitted(mine, half - 1, pen), half), weight + self.styles[0]),
                " " * (rest - cell_len(theirs)),
                (theirs, weight + self.styles[1]),
                (arrived.rjust(arrivals) if arrivals and arrived else "", "dim"),
            )

    def _rung(self, line: Row | Fold, inner: int, pen: _Pen) -> list[_Piece]:
        """One line of the drawing, from rail to rail."""
        side = line.side
        style = self.styles[side]
        end: list[_Piece] = [(pen.arriving[side], style)]
        stroke = pen.dotted if isinstance(line, Fold) else pen.line
        unfinished = next(
            (mark for mark in _UNFINISHED if isinstance(line, Row) and mark in line.marks), None
        )
        if unfinished is not None:
            stroke = pen.broken
            words = (pen.cross, unfinished.value) if unfinished is Mark.LOST else (unfinished.value,)
            verdict = " ".join(words if side == 0 else reversed(words))
            end = [(verdict, _STYLES[unfinished]), (" ", "")]
        ending = sum(cell_len(text) for text, _ in end)
        label = _label(line, inner - _STEM - 3 - ending, style, pen)
        room = inner - _STEM - 2 - ending - sum(cell_len(text) for text, _ in label)
        if unfinished is not None:
            # It breaks off on the way, at about three quarters of it.
            gap = max(0, min(inner // 4, room - 1))
            end[-1] = (" " * (gap + 1), "")
            room -= gap
        stem, fill = (((stroke * length)[:length], style) for length in (_STEM, room))
        pieces = [stem, (" ", ""), *label, (" ", ""), fill, *end]
        if side == 0:
            return [(pen.leaving[0], style), *pieces, (pen.rail, self.styles[1])]
        pieces = [*reversed(end), fill, (" ", ""), *label, (" ", ""), stem]
        return [(pen.rail, self.styles[0]), *pieces, (pen.leaving[1], style)]


def _label(line: Row | Fold, room: int, style: str, pen: _Pen) -> list[_Piece]:
    """What is written on an arrow: as much as there is room for."""
    if isinstance(line, Fold):
        forms = [line.label, line.brief, line.briefest]
        text = next((form for form in forms if cell_len(form) <= room), forms[-1])
        return [(_fitted(text.replace("…", pen.ellipsis), room, pen), "dim")]
    marks = [mark for mark in line.marks if mark not in _UNFINISHED]
    dot = f" {pen.dot} "
    full = [(dot + mark, _STYLES.get(mark, "yellow")) for mark in marks]
    short = [(dot + _SHORT.get(mark, mark), _STYLES.get(mark, "yellow")) for mark in marks]
    longest, spaced, brief, briefer, briefest = _forms(line)
    for text, words in (
        (longest, full),
        (spaced, full),
        (brief, full),
        (brief, short),
        (briefer, short),
        (briefest, short),
    ):
        if cell_len(text) + sum(cell_len(word) for word, _ in words) <= room:
            return [(text, style), *words]
    return [(_fitted(briefest + "".join(word for word, _ in short), room, pen), style)]


def _forms(row: Row) -> tuple[str, str, str, str, str]:
    """What a segment says, from the full form to the shortest."""
    flags = ",".join(row.flags)
    longest = row.label
    takes = row.length or not set(row.flags) <= {"ACK", "PSH"}
    number = f"seq {row.sequence}" if takes else f"ack {row.acknowledgment}"
    size = f" {row.length} bytes" if row.length else ""
    tiny = f" {row.length} B" if row.length else ""
    brief = f"{flags} {number}"
    return longest, longest.replace("  ", " "), brief + size, brief + tiny, flags + tiny


def _seconds(time: int, decimals: int) -> str:
    whole, part = divmod(time, 10**9)
    return f"{whole}.{part // 10 ** (9 - decimals):0{decimals}}"


def _fitted(text: str, room: int, pen: _Pen) -> str:
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(room - len(pen.ellipsis), 0)) + pen.ellipsis[: max(room, 0)]
