"""`docs/reference/rfc-coverage.md` names what exists, and leaves out no requirement of RFC 9293."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reference" / "rfc-coverage.md"
SCRIPTS = TESTS / "packetdrill" / "scripts"

STATUSES = ("done", "done, not tested", "partly", "not done", "n/a")
RFCS = ("9293", "6298", "5681", "6675", "8985", "9438", "7323", "5961")
HEAD = re.compile(r"\| (?:number|section) \| requirement \| status \| shown by \|")
NAMED = re.compile(r"`([^`]+\.(?:pkt|py)(?:::\w+)?)`")
# RFC 9293, appendix B.
NUMBERS = {
    *(f"MUST-{number}" for number in range(1, 70)),
    *(f"SHLD-{number}" for number in range(1, 32)),
    *(f"MAY-{number}" for number in range(1, 19)),
    "REC-1",
}


def read(text: str) -> Iterator[tuple[str, list[str]]]:
    """The section and the cells of each row. ValueError for a table that is none of ours."""
    section, within = "", False
    for line in text.splitlines():
        if line.startswith("## "):
            section, within = line[3:], False
        elif not line.startswith("|"):
            within = False
        elif not within:
            if not HEAD.fullmatch(line):
                raise ValueError(f"{section}: a table with the head {line}")
            within = True
        elif not line.startswith("|---"):
            yield section, [cell.strip() for cell in line.strip("|").split("|")]


def faults(cells: list[str]) -> Iterator[str]:
    """What is wrong with one row."""
    if len(cells) != 4:
        yield f"{len(cells)} cells"
        return
    _, requirement, status, shown = cells
    if not requirement:
        yield "no requirement"
    if status not in STATUSES:
        yield f"the status is {status!r}"
    named = NAMED.findall(shown)
    if status in ("done", "partly") and not named:
        yield "nothing shows it"
    for each in named:
        if not exists(each):
            yield f"{each} does not exist"


def exists(name: str) -> bool:
    """Whether there is this script, or this function in this file of tests."""
    path, _, function = name.partition("::")
    if path.endswith(".pkt"):
        return (SCRIPTS / path).is_file()
    return bool(function) and function in functions(TESTS / path)


@cache
def functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text("utf-8")).body
    return frozenset(each.name for each in body if isinstance(each, ast.FunctionDef))


ROWS = list(read(PAGE.read_text("utf-8")))


@pytest.mark.parametrize(
    ("section", "cells"), ROWS, ids=[f"{section[:8]} {cells[0]}" for section, cells in ROWS]
)
def test_a_row_is_true(section: str, cells: list[str]) -> None:
    assert not list(faults(cells))


def test_no_requirement_of_rfc_9293_is_missing() -> None:
    found = [
        number
        for section, cells in ROWS
        if section.startswith("RFC 9293: ")
        for number in cells[0].split(", ")
    ]
    assert sorted(found) == sorted(NUMBERS)


@pytest.mark.parametrize("rfc", RFCS)
def test_each_rfc_has_its_table(rfc: str) -> None:
    assert any(section.startswith(f"RFC {rfc}") for section, _ in ROWS)


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "a thing", "done", ""],
        ["1", "a thing", "done", "`rfc9293/no_such_script.pkt`"],
        ["1", "a thing", "done", "`test_rfc_coverage.py::test_no_such_test`"],
        ["1", "a thing", "not done", "`test_no_such_file.py::test_x`"],
        ["1", "a thing", "done", "`test_rfc_coverage.py`"],
        ["1", "a thing", "", "`test_rfc_coverage.py::test_a_row_is_true`"],
        ["1", "a thing", "done"],
    ],
)
def test_a_wrong_row_is_noticed(cells: list[str]) -> None:
    assert list(faults(cells))
