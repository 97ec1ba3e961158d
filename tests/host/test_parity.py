"""The same small programs on the machine's kernel and on a virtual host give the same answers."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

_PARITY = Path(__file__).parent / "parity"
sys.path.insert(0, str(_PARITY))

from parity_kit import PROGRAMS, on_the_kernel  # noqa: E402

for _module in sorted(_PARITY.glob("parity_*.py")):
    importlib.import_module(_module.stem)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_host_answers_as_the_kernel_does(program, a):
    if getattr(program, "privileged", False) and os.geteuid():
        pytest.skip("the machine's kernel lets only root open raw sockets")
    assert a.run(program) == on_the_kernel(program)
