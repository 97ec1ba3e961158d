"""The page of compatibility says what the probes do."""

from __future__ import annotations

import re
import tomllib

from probes.page import PAGE, page

PROJECT = PAGE.parents[2] / "pyproject.toml"
HINT = "the page does not tell what the probes do: run `make compatibility`"
VERSION_ROW = re.compile(r"^(\| [\w.-]+ \|) [^|]+ \| [^|]+ \|$", re.MULTILINE)


def without_versions(text):
    """The page, with versions and licences left out: they are those of the machine that wrote it."""
    before, heading, table = text.partition("## Versions")
    return before + heading + VERSION_ROW.sub(r"\1", table)


def test_the_page_tells_what_the_probes_do():
    written = PAGE.read_text(encoding="utf-8")
    assert without_versions(written) == without_versions(page()), HINT


def test_every_package_of_the_page_has_a_version_and_a_licence():
    table = PAGE.read_text(encoding="utf-8").partition("## Versions")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    outside = {requirement.partition(">")[0] for requirement in extras["probes"]}
    for row in rows:
        package, version, licence = row.strip("| ").split(" | ")
        assert re.match(r"\d", version), row
        assert licence != "not stated", row
        choices = licence.split(" OR ")
        assert package in outside or any("GPL" not in choice for choice in choices), (
            f"{package} is not under a permissive licence"
        )
