"""One seed, one network: the same capture file, byte for byte, whatever else differs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HASH_SEEDS = ("0", "1", "12345", "4294967295", "random")


def scenario(seed: int, folder: Path) -> list[str]:
    return [sys.executable, str(HERE / "scenario.py"), str(seed), str(folder / "capture.pcapng")]


def demo(seed: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "glassnet", "demo", "--seed", str(seed)]


def capture_digest(command: list[str], folder: Path, hash_seed: str) -> str:
    """Run in a process of its own and take the SHA-256 of the one capture that it left."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [capture] = folder.rglob("*.pcapng")
    return hashlib.sha256(capture.read_bytes()).hexdigest()


@pytest.mark.parametrize("program", [scenario, demo])
def test_the_seed_alone_decides_the_capture(program, tmp_path):
    digests = []
    for number, hash_seed in enumerate(HASH_SEEDS):
        folder = tmp_path / f"run {number}"
        folder.mkdir()
        digests.append(capture_digest(program(42, folder), folder, hash_seed))
    assert len(set(digests)) == 1, dict(zip(HASH_SEEDS, digests, strict=True))

    folder = tmp_path / "another seed"
    folder.mkdir()
    assert capture_digest(program(43, folder), folder, "0") not in digests
