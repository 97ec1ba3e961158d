"""The reference has every key of a lab file, and no other; its examples are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from glassnet.lab.checking import load
from glassnet.lab.reading import read
from glassnet.lab.schema import SCHEMA, TABLES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "lab-file.md").read_text()
HOW_TO = (DOCS / "how-to" / "run-your-own-program.md").read_text()
EXAMPLE = Path(__file__).parents[2] / "examples" / "parcels" / "lab.toml"

HEADINGS = {
    "top": "The whole lab",
    "lan": "`[lan.NAME]`",
    "cable": "`[cable.NAME]`",
    "switch": "`[switch.NAME]`",
    "host": "`[host.NAME]` and `[router.NAME]`",
    "router": "`[host.NAME]` and `[router.NAME]`",
    "capture": "`[[capture]]`",
    "event": "`[[event]]`",
}


@pytest.mark.parametrize("table", HEADINGS)
def test_every_key_is_described(table):
    section = REFERENCE.split(f"\n## {HEADINGS[table]}\n")[1].split("\n## ")[0]
    described = {
        key for row in re.findall(r"(?m)^\| (`[^|]+) \|", section) for key in re.findall(r"`([^`]+)`", row)
    }
    assert described == {*SCHEMA[table], *TABLES.get(table, {})}


def test_no_table_is_left_out():
    # The keys of a program are those of its host, and of a direction those of its cable.
    assert {*HEADINGS, "program", "towards"} == set(SCHEMA)
    assert set(SCHEMA["program"]) < set(SCHEMA["host"])
    assert set(SCHEMA["towards"]) < set(SCHEMA["cable"])


@pytest.mark.parametrize("text", re.findall(r"(?ms)^```toml\n(.*?)^```$", REFERENCE + "\n" + HOW_TO))
def test_examples_are_right(text):
    _, problems = read(text, "example")
    assert problems.found == []


def test_the_how_to_shows_the_example_as_it_is():
    assert f"```toml\n{EXAMPLE.read_text()}```" in HOW_TO
    checked = load(EXAMPLE)
    checked.built.network.close()
    assert checked.warnings == []
