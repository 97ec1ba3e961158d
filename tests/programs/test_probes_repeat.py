"""What every probe does is the same in two fresh interpreters that hash strings differently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_all_probes_repeat_whatever_strings_hash_to(tmp_path):
    runs = []
    for seed in ("1", "2"):
        digests = tmp_path / f"digests-{seed}"
        digests.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += ["--basetemp", str(tmp_path / f"files-{seed}")]
        files = [str(file) for file in sorted(HERE.glob("test_probes_*.py")) if file != Path(__file__)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PROBE_DIGESTS": str(digests)}
        for name in [name for name in environment if name.startswith("PYTEST_")]:
            del environment[name]  # those of the run that this test is in
        process = subprocess.Popen(
            command + files, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        runs.append((process, digests))
    told = [process.communicate()[0] for process, _ in runs]
    assert [process.returncode for process, _ in runs] == [0, 0], told
    one, other = (digests.read_text().splitlines() for _, digests in runs)
    assert len(one) > 50
    assert one == other, "these differ: " + ", ".join(
        sorted({line.split()[0] for line in set(one) ^ set(other)})
    )
