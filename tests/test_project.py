"""The project's own rules: style, types, floors, and documents that say what is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; its output, or a failed test that shows it."""
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language in a document, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)


def test_ruff_finds_nothing():
    run(BIN / "ruff", "check", "--no-cache", ".")


def test_code_is_formatted():
    run(BIN / "ruff", "format", "--no-cache", "--check", ".")


def test_types_are_strict():
    run(sys.executable, "-m", "mypy")


def test_rooms_import_only_from_rooms_below():
    run(BIN / "lint-imports", "--no-cache")


def test_example_of_the_readme_runs_as_printed(tmp_path):
    """It runs without knowing of the tests, and prints what the README says that it prints."""
    [example] = blocks("README.md", "python")
    [printed] = blocks("README.md", "text")
    script = tmp_path / "example.py"
    script.write_text(example)
    assert run(sys.executable, script, cwd=tmp_path) == printed
    assert (tmp_path / "hello.pcapng").stat().st_size > 1000


def test_example_of_the_readme_is_short():
    [example] = blocks("README.md", "python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15


def test_both_readmes_have_the_same_code():
    english, chinese = ([blocks(name, kind) for kind in ("python", "text", "sh", "toml")] for name in READMES)
    assert english == chinese


def test_both_readmes_have_the_same_structure():
    """As many headings of each level in the same order, as many list items and table rows under each."""

    def structure(name: str) -> list[tuple[str, int, int]]:
        text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)
        parts = re.split(r"^(#+) .*$", text, flags=re.MULTILINE)[1:]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [
            (level, len(re.findall(r"(?m)^- ", body)), len(re.findall(r"(?m)^\|", body)))
            for level, body in pairs
        ]

    english, chinese = map(structure, READMES)
    assert english == chinese


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(name):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_both_readmes_have_the_same_figures():
    def figures(name: str) -> list[list[str]]:
        rows = [line for line in (ROOT / name).read_text().splitlines() if line.startswith("|")]
        return [re.findall(r"[\d.,]+\d|\d", row) for row in rows]

    english, chinese = map(figures, READMES)
    assert english == chinese
