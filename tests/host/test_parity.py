"""The same small programs on the machine's kernel and on a virtual host give the same answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from socket_programs import PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_host_answers_as_the_kernel_does(program, a):
    assert a.run(program) == program()
