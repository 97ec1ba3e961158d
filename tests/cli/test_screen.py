from __future__ import annotations

import io

import pytest
from rich.console import Console

from glassnet.cli.screen import Screen
from glassnet.cli.voices import Line
from glassnet.topology.network import Network

LONG = "a line of many words that does not fit at all beside the name of its host in a narrow terminal"


def show(*lines: Line, width: int, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, highlight=False)
    screen = Screen(console, Network(), {"laptop": "cyan", "web": "magenta"})
    for line in lines:
        screen.tell(line)
    return file.getvalue()


def test_lines_with_time_and_host() -> None:
    lines = (Line(1_500_000, "web", "[bold]started[/bold]"), Line(12 * 10**9, "laptop", ""))
    assert show(*lines, width=80, terminal=True) == (
        "  0.001500  web    │ [bold]started[/bold]\n 12.000000  laptop │ \n"
    )


def test_a_long_line_goes_on_below_itself() -> None:
    shown = show(Line(0, "web", LONG), width=60, terminal=True)
    assert shown == (
        "  0.000000  web    │ a line of many words that does not fit \n"
        "                   │ at all beside the name of its host in a\n"
        "                   │ narrow terminal\n"
    )


def test_a_long_line_stays_whole_when_piped() -> None:
    assert show(Line(0, "web", LONG), width=60, terminal=False) == f"  0.000000  web    │ {LONG}\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_watching_shows_what_is_printed_and_the_progress_leaves_nothing(terminal: bool) -> None:
    net = Network()
    file = io.StringIO()
    console = Console(file=file, width=60, force_terminal=terminal, color_system=None, highlight=False)
    host = net.host("web")
    with Screen(console, net, {"web": "magenta"}).watching():
        host.run(print, "hello")
    assert "  0.000000  web │ hello\n" in file.getvalue()
    if not terminal:
        assert file.getvalue() == "  0.000000  web │ hello\n"


def test_the_progress_does_not_keep_a_network_going() -> None:
    net = Network()
    console = Console(file=io.StringIO(), force_terminal=True)
    with Screen(console, net, {}).watching():
        net.engine.after(25_000_000, lambda _: None)
        assert net.engine.run() is False
    assert net.engine.now == 25_000_000
