import os
import subprocess
import sys

from glassnet.engine import Streams


def test_one_name_is_one_stream() -> None:
    streams = Streams(7)
    assert streams["host:web:isn"] is streams["host:web:isn"]
    assert streams.seed == 7


def test_streams_do_not_move_each_other() -> None:
    alone, together = Streams(7), Streams(7)
    expected = [alone["cable:a:loss"].random() for _ in range(50)]
    found = []
    for _ in range(50):
        together["cable:b:loss"].random()
        found.append(together["cable:a:loss"].random())
    assert found == expected


def test_seeds_and_names_give_different_streams() -> None:
    draws = {Streams(seed)[name].random() for seed in (0, 1, "1", "0\0a") for name in ("a", "b", "0\0a")}
    assert len(draws) == 12


def test_the_same_under_any_hash_seed() -> None:
    program = (
        "from glassnet.engine import Streams; print(Streams(3)['a'].random(), Streams('x')['b'].random())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
