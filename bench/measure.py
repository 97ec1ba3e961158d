"""What the benches share: a fresh process for each figure, the peer beside it, a plain table.

A bench is one script. Started by a person, it starts itself again for every run, so
that memory and caches of one figure never reach the next; ns-3's program for the same
question, when it is in `bench/peers/`, runs in turn with it.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import glassnet

__all__ = ["Figure", "answer", "figure", "fresh", "peer", "peer_path", "ratio", "report", "timed"]

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: hop packets, seconds of real and virtual time, peak memory in MiB, packets lost on cables."""

    frames: int
    real: float
    virtual: float
    memory: float
    build: float = 0.0
    lost: int | None = None

    @property
    def rate(self) -> float:
        """Hop packets per second of real time."""
        return self.frames / self.real


def timed(work: Callable[[], object]) -> float:
    """Seconds of real time that `work()` took, without what building has left to the collector."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def figure(net: glassnet.Network, real: float, build: float = 0.0) -> Figure:
    """What a run on `net`, which took `real` seconds, amounts to."""
    return Figure(
        frames=sum(interface.tx_frames for host in net.hosts.values() for interface in host.interfaces),
        real=real,
        virtual=net.now,
        memory=getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        build=build,
        lost=sum(count for reason, count in net.drops().items() if reason.startswith("cable:")),
    )


def answer(figure: Figure) -> None:
    """Hand a figure to the process that asked for it."""
    print(json.dumps(asdict(figure)))


def fresh(script: str, *arguments: object) -> Figure:
    """Run `script --one` in a new process and take its figure."""
    command = [sys.executable, script, "--one", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    fields: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Figure(**fields)


def peer_path(name: str) -> Path | None:
    """ns-3's program `name`, if it has been built."""
    path = PEERS / name
    return path if path.is_file() else None


def peer(path: Path, *arguments: str) -> Figure:
    """Run ns-3's program in a new process and read the line that it prints."""
    line = subprocess.run([path, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = dict(re.findall(r"(\w+)=([0-9.e+-]+)", line))
    return Figure(
        frames=int(found.get("packets") or found["hop_packets"]),
        real=float(found["wall"]),
        virtual=float(found.get("sim_time") or found["sim_done"]),
        memory=float(found["maxrss"]),
        build=float(found.get("build", 0)),
        lost=int(found["drops"]) if "drops" in found else None,
    )


def middle(figures: Sequence[Figure]) -> Figure:
    """The run whose real time is the median (of an even number, the slower of the middle two)."""
    return sorted(figures, key=lambda figure: figure.real)[len(figures) // 2]


def report(rows: Sequence[tuple[str, Sequence[Figure]]]) -> None:
    """Print one line per row, the median run of each, with the spread of its real times."""
    print(
        f"{'':<26}{'frames':>10}{'real s':>9}{'(least..most)':>16}{'frames/s':>11}"
        f"{'build s':>9}{'peak MiB':>10}{'virtual s':>11}{'lost':>8}"
    )
    for name, figures in rows:
        one = middle(figures)
        times = [figure.real for figure in figures]
        lost = "-" if one.lost is None else f"{one.lost:,}"
        spread = f"{min(times):.2f}..{max(times):.2f}"
        print(
            f"{name:<26}{one.frames:>10,}{one.real:>9.2f}{spread:>16}{one.rate:>11,.0f}"
            f"{one.build:>9.2f}{one.memory:>10.0f}{one.virtual:>11.3f}{lost:>8}"
        )


def ratio(ours: Sequence[Figure], theirs: Sequence[Figure]) -> str:
    """How we compare: by frames per second, and by real time of the job (above 1: glassnet is faster)."""
    by_rate = median(f.rate for f in ours) / median(f.rate for f in theirs)
    by_time = median(f.real for f in theirs) / median(f.real for f in ours)
    return f"glassnet : ns-3 = {by_rate:.2f} in frames/s, {by_time:.2f} in speed of the whole job"
