"""Run all probes, and write the page of what they showed."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent.parent
sys.path[:0] = [str(PROGRAMS), str(PROGRAMS / "apps")]


def main() -> int:
    import pytest

    status = pytest.main(["-q", *map(str, sorted(PROGRAMS.glob("test_probes_*.py")))])
    if status != 0:
        print("The page is as it was: it tells only what all probes have shown.")
        return int(status)

    from probes.page import PAGE, page

    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE.name}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
