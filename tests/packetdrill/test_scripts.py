"""Every script in `scripts/` passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.packetdrill import play, read_script

SCRIPTS = Path(__file__).parent / "scripts"


def named(path: Path) -> str:
    return str(path.relative_to(SCRIPTS))


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.pkt")), ids=named)
def test_script(path: Path) -> None:
    outcome = play(read_script(path))
    assert outcome.passed, outcome.problem
