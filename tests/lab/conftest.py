"""Lab files and programs in a folder of their own."""

from __future__ import annotations

from textwrap import dedent

import pytest

from glassnet.lab.checking import load
from glassnet.lab.session import Session


@pytest.fixture
def write(tmp_path):
    """Write files, given by name, into one folder; returns the path of the lab file."""

    def write_files(**files):
        for name, text in files.items():
            path = tmp_path / (name if "." in name else name.replace("_py", ".py").replace("_toml", ".toml"))
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text))
        return tmp_path / "lab.toml"

    return write_files


@pytest.fixture
def run(write):
    """Write files and run the lab; gives the session and what was said, as (seconds, host, text)."""

    def run_lab(*captures, **files):
        said = []
        session = Session(
            load(write(**files)), lambda line: said.append((line.time / 1e9, line.host, line.text))
        )
        with session.open(*captures):
            session.run()
        return session, said

    return run_lab
