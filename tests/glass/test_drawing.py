"""The drawing of a ladder, compared with drawings that somebody has looked at.

After a wanted change, `UPDATE_SNAPSHOTS=1 pytest tests/glass/test_drawing.py` writes
them anew; look at them before keeping them.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from glassnet.glass.drawing import LadderDrawing
from glassnet.glass.ladder import Ladder, ladder

SNAPSHOTS = Path(__file__).parent / "snapshots"


class _AsciiFile(io.StringIO):
    encoding = "ascii"


def draw(made: Ladder, width: int, *, limit: int | None = None, ascii_only: bool = False) -> str:
    file = _AsciiFile() if ascii_only else io.StringIO()
    Console(file=file, width=width, legacy_windows=False).print(LadderDrawing(made, limit=limit))
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_page_over_a_lossy_link(page: Any, width: int) -> None:
    drawn = draw(ladder(page.conversation()), width)
    assert "\x1b" not in drawn
    assert {cell_len(line.rstrip()) <= width for line in drawn.splitlines()} == {True}
    snapshot = SNAPSHOTS / f"ladder-{width}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(drawn, encoding="utf-8")
    assert drawn == snapshot.read_text(encoding="utf-8")


def test_without_unicode(page: Any) -> None:
    drawn = draw(ladder(page.conversation()), 60, ascii_only=True)
    assert drawn.isascii()
    assert "lost x- " in drawn
    assert "- retransmission -->|" in drawn


@pytest.mark.parametrize("width", range(20, 70, 3))
def test_every_line_fits_and_keeps_its_words(page: Any, width: int) -> None:
    drawn = draw(ladder(page.conversation()), width).splitlines()
    assert all(cell_len(line) <= width for line in drawn)
    if width >= 35:
        assert sum("lost" in line for line in drawn) == 2
        assert sum("retransmission" in line or "resent" in line for line in drawn) == 2


def test_wide_names_keep_the_rails_straight(page: Any) -> None:
    page.hosts = ("客户机", "服务器一二三四五六七八九十")
    page.seen = [
        s._replace(host={"client": page.hosts[0], "server": page.hosts[1]}[s.host]) for s in page.seen
    ]
    first, second, *rest = draw(ladder(page.conversation()), 60).splitlines()
    assert {cell_len(line) for line in (first, second, *rest)} == {60}


def test_a_limit(page: Any) -> None:
    made = ladder(page.conversation())
    assert len(draw(made, 80, limit=12).splitlines()) == 2 + 12
    assert "more segments" in draw(made, 80, limit=12)


def test_nothing_to_draw() -> None:
    end = type("E", (), {"host": "a", "endpoint": "192.0.2.1:1"})
    assert draw(Ladder((end(), end()), ()), 80).count("\n") == 2


def test_colours_follow_the_hosts(page: Any) -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system="standard")
    console.print(LadderDrawing(ladder(page.conversation()), styles=("green", "blue")))
    drawn = file.getvalue()
    assert "\x1b[32m" in drawn
    assert "\x1b[34m" in drawn
    assert "\x1b[1;31m" in drawn  # what is lost
    assert "\x1b[1;33m" in drawn  # what is sent again
