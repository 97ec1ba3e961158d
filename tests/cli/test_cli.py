from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glassnet import __version__
from glassnet.cli import app
from glassnet.glass.pcapng import Reader

runner = CliRunner()


def test_version() -> None:
    done = runner.invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"glassnet {__version__}\n")


def test_help_names_the_commands_and_their_options() -> None:
    assert "demo" in runner.invoke(app, ["--help"]).output
    told = runner.invoke(app, ["demo", "--help"], env={"COLUMNS": "80"}).output
    assert "--seed" in told
    assert "--capture" in told


def test_without_the_programs_of_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "glassnet.cli.command.find_spec", lambda name: None if name == "httpx" else find_spec(name)
    )
    done = runner.invoke(app, ["demo"])
    assert done.exit_code == 1
    assert "httpx, not installed" in done.stderr
    assert "-m pip install 'glassnet[demo]'" in done.stderr


def test_a_capture_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "x.pcapng"
    done = runner.invoke(app, ["demo", "--capture", str(path)])
    assert done.exit_code == 1
    assert "cannot write" in done.stderr
    assert str(path) in done.stderr


@pytest.fixture(scope="module")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, Path]]:
    """Run the demo as a user does; gives what it printed, and its capture."""

    def run(*options: str, name: str = "demo.pcapng", **environment: str) -> tuple[str, Path]:
        directory = tmp_path_factory.mktemp("demo")
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import glassnet.cli; glassnet.cli.main()",
                "demo",
                *options,
                "--capture",
                name,
            ],
            cwd=directory,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout, directory / name

    return run


def test_the_demo_tells_its_story(run_demo: Callable[..., tuple[str, Path]]) -> None:
    shown, path = run_demo(COLUMNS="80")
    assert "\x1b" not in shown
    for host, words in (
        ("shop  ", "Uvicorn running on"),
        ("shop  ", '"GET /photos/kettle HTTP/1.1" 200 OK'),
        ("laptop", "http://shop: 200 OK"),
        ("laptop", "ordered a teapot: 201 Created"),
        ("phone ", "4 photos in"),
        ("phone ", "ordered 6 cups: 201 Created"),
    ):
        assert any(f"{host} │ " in line and words in line for line in shown.splitlines()), words
    drawing = shown[shown.index("the first connection: laptop to shop") :]
    for words in ("SYN  seq 0", "SYN,ACK  seq 0  ack 1", "more segments"):
        assert words in drawing
    totals = drawing[drawing.index("in all") :]
    for words in ("frames", "bytes", "s on the network", path.name):
        assert words in totals
    assert re.search(r" lost  [1-9]\d* frames", totals)
    assert re.search(r"retransmitted  [1-9]\d* segments", totals)
    assert all(len(line) <= 80 for line in drawing.splitlines())
    with path.open("rb") as file:
        reader = Reader(file)
        assert len(list(reader)) > 500
    assert {interface.name for interface in reader.interfaces} == {"laptop.eth0", "phone.eth0"}


def test_the_same_seed_gives_the_same_capture(run_demo: Callable[..., tuple[str, Path]]) -> None:
    digests = [
        hashlib.sha256(run_demo("--seed", seed, PYTHONHASHSEED=hash_seed)[1].read_bytes()).hexdigest()
        for seed, hash_seed in (("5", "1"), ("5", "2"), ("6", "1"))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_demo_in_a_narrow_terminal_that_knows_no_unicode(
    run_demo: Callable[..., tuple[str, Path]],
) -> None:
    shown, _ = run_demo(COLUMNS="50", PYTHONIOENCODING="ascii")
    drawing = shown[shown.index("the first connection") : shown.index("in all")]
    assert all(len(line) <= 50 for line in drawing.splitlines())
    assert shown.isascii()
    assert "?" not in shown
    assert "SYN,ACK" in drawing
