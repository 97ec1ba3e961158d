"""Every script in `scripts/` passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.packetdrill import play, read_script

SCRIPTS = Path(__file__).parent / "scripts"

# What the stack does not do yet. A script that begins to pass must leave this list.
PENDING = (Path(__file__).parent / "pending.txt").read_text().split()


def named(path: Path) -> str:
    return str(path.relative_to(SCRIPTS))


def test_all_that_is_pending_exists() -> None:
    assert set(PENDING) <= {named(path) for path in SCRIPTS.rglob("*.pkt")}


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.pkt")), ids=named)
def test_script(path: Path, request: pytest.FixtureRequest) -> None:
    if named(path) in PENDING:
        request.applymarker(pytest.mark.xfail(strict=True, reason="not implemented yet"))
    outcome = play(read_script(path))
    assert outcome.passed, outcome.problem
