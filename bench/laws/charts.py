"""The plots: small SVG files that read well on light and on dark ground."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from laws.experiments import RENO, Clean, Curve, Delay, Lossy, Marking, Sharing, Start
from laws.flows import MSS

__all__ = ["Charts"]

INK, FAINT = "#010203", "#040506"  # stand-ins: the file's own style sheet says what they are
BLUE, ORANGE, GREEN, GREY = "#3b82f6", "#f0803c", "#2da66a", "#8b949e"
STYLE = """<style>:root{--ink:#1f2328;--faint:#d0d7de}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--faint:#3d444d}}</style>"""
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "glassnet",
    "font.family": "sans-serif",
    "font.sans-serif": ["system-ui", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 11,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "path.simplify_threshold": 0.5,
}


class Charts:
    """Writes the plots of experiments into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def _chart(self, name: str, title: str, x: str, y: str) -> Iterator[Axes]:
        with mpl.rc_context(SETTINGS):
            figure, axes = plt.subplots(figsize=(7.2, 3.8))
            axes.set_title(title)
            axes.set_xlabel(x)
            axes.set_ylabel(y)
            yield axes
            figure.tight_layout()
            path = self.folder / f"{name}.svg"
            metadata: dict[str, Any] = {"Date": None, "Creator": None, "Title": title}
            figure.savefig(path, transparent=True, metadata=metadata)
            plt.close(figure)
            path.write_text(_small(path.read_text(encoding="utf-8")), encoding="utf-8")

    def goodput(self, run: Clean) -> None:
        """Goodput over time of a clean transfer, and what the link can carry."""
        title = "A transfer over a clean path: 100 Mbit/s, 50 ms"
        with self._chart("goodput", title, "time (s)", "goodput (Mbit/s)") as axes:
            best = run.goodput / run.share / 1e6
            _line(axes, best, f"all that the link carries: {best:.1f}", GREY)
            _line(axes, best * 0.95, "95 % of it", ORANGE)
            axes.plot([t for t, _ in run.rates], [rate / 1e6 for _, rate in run.rates], color=BLUE, lw=1.8)
            axes.set_ylim(0, 120)
            axes.legend(ncols=2, loc="lower right")
            axes.set_xlim(0, run.rates[-1][0])

    def mathis(self, runs: Sequence[Lossy]) -> None:
        """Reno's rate by loss rate, against the formula."""
        title = "Reno under random loss: 50 ms, 1448-octet segments"
        with self._chart("mathis", title, "loss rate p", "goodput (Mbit/s)") as axes:
            least, most = min(run.p for run in runs) / 1.6, max(run.p for run in runs) * 1.6
            ps = [least * (most / least) ** (step / 40) for step in range(41)]
            law = [MSS * 8 / 0.05 * RENO / sqrt(p) / 1e6 for p in ps]
            axes.fill_between(
                ps, [y * 0.75 for y in law], [y * 1.25 for y in law], color=GREY, alpha=0.18, lw=0
            )
            axes.plot(ps, law, color=GREY, lw=1.5, label="MSS/RTT · √(3/2) / √p, ± 25 %")
            axes.plot(
                [run.p for run in runs],
                [run.goodput / 1e6 for run in runs],
                "o",
                color=BLUE,
                label="measured",
            )
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda p, _: f"{p * 100:g} %"))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
            axes.legend()

    def sawtooth(self, run: Lossy, seconds: float = 60) -> None:
        """Reno's window under random loss."""
        title = f"Reno's window at a loss rate of {run.p * 100:g} %"
        with self._chart("reno-window", title, "time (s)", "congestion window (segments)") as axes:
            first = [sample for sample in run.samples if 10 <= sample.time < 10 + seconds]
            axes.plot([s.time - 10 for s in first], [s.window for s in first], color=BLUE, lw=1.2)
            mean = RENO / sqrt(run.p)
            _line(axes, mean, f"Mathis's mean: {mean:.1f}", ORANGE)
            axes.set_ylim(0)
            axes.set_xlim(0, seconds)
            axes.legend(loc="upper right")

    def curve(self, run: Curve) -> None:
        """CUBIC's window after one loss, against RFC 9438."""
        title = "CUBIC's window after a single loss: 100 ms"
        x = "time since congestion avoidance began (s)"
        with self._chart("cubic-curve", title, x, "congestion window (segments)") as axes:
            end = run.samples[-1][0]
            ts = [end * step / 100 for step in range(101)]
            axes.plot(ts, [run.law(t) for t in ts], color=GREY, lw=4, alpha=0.55, label="C (t - K)³ + W_max")
            some = run.samples[::12]
            axes.plot([t for t, _ in some], [w for _, w in some], ".", color=BLUE, ms=5, label="TCP_INFO")
            axes.axvline(run.k, color=ORANGE, lw=1)
            axes.text(run.k, run.law(0), f" K = {run.k:.1f} s", color=ORANGE, va="bottom")
            axes.set_xlim(0, end)
            axes.legend(loc="center right")

    def sharing(self, run: Sharing) -> None:
        """Two flows' rates over time."""
        title = "Two CUBIC flows through 20 Mbit/s, 40 ms; the second begins a second later"
        with self._chart("sharing", title, "time (s)", "goodput (Mbit/s)") as axes:
            for column, (name, color) in enumerate((("first", BLUE), ("second", GREEN)), 1):
                rates = [point[column] / 1e6 for point in run.series]
                axes.plot([point[0] for point in run.series], rates, color=color, lw=1.6, label=name)
            _line(axes, sum(run.rates) / 2e6, "an equal share", ORANGE)
            axes.set_ylim(0, 20)
            axes.set_xlim(0, run.series[-1][0])
            axes.legend(ncols=3, loc="upper right")

    def delay(self, runs: dict[str, Delay]) -> None:
        """Pings beside a transfer, by discipline."""
        title = "A ping beside a transfer, through an uplink of 10 Mbit/s with 256 KiB of queue"
        with self._chart("bufferbloat", title, "time (s)", "round trip (ms)") as axes:
            for (name, run), color in zip(runs.items(), (ORANGE, GREY, BLUE), strict=False):
                begin = run.pings[0][0]
                answered = [(t - begin, trip) for t, trip in run.pings if trip < 2000]
                axes.plot(
                    [t for t, _ in answered], [trip for _, trip in answered], color=color, lw=1.5, label=name
                )
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
            axes.set_xlim(0, max(run.pings[-1][0] - run.pings[0][0] for run in runs.values()))
            axes.legend(ncols=3, loc="upper right", bbox_to_anchor=(1, 0.72))

    def start(self, runs: dict[str, Start]) -> None:
        """The window in the first slow start, with HyStart++ and without."""
        title = "The first slow start: 20 Mbit/s, 50 ms, 1 MiB of queue"
        with self._chart("slow-start", title, "time (s)", "congestion window (segments)") as axes:
            for (name, run), color in zip(runs.items(), (BLUE, ORANGE), strict=True):
                axes.plot(
                    [s.time for s in run.samples],
                    [s.window for s in run.samples],
                    color=color,
                    lw=1.6,
                    label=name,
                )
            _line(axes, next(iter(runs.values())).path, "what the path itself holds", GREY)
            axes.set_xlim(0, 3)
            axes.set_ylim(0)
            axes.legend()

    def marking(self, run: Marking, threshold: int) -> None:
        """DCTCP's queue."""
        title = "Two DCTCP flows through 100 Mbit/s with marks above 30 kB"
        with self._chart("dctcp-queue", title, "time (ms)", "queue (kB)") as axes:
            late = run.backlog[-100:]
            axes.plot(
                [(t - late[0][0]) * 1000 for t, _ in late], [q / 1000 for _, q in late], color=BLUE, lw=1.2
            )
            _line(axes, threshold / 1000, "K", ORANGE)
            axes.legend(loc="lower right")
            axes.set_ylim(0)
            axes.set_xlim(0)


def _line(axes: Axes, y: float, label: str, color: str) -> None:
    """A level, for the legend to name."""
    axes.axhline(y, color=color, lw=1.3, ls="--", label=label)


def _small(svg: str) -> str:
    """One decimal is enough; colours that change with the reader's are the style sheet's."""
    shorter: Callable[[re.Match[str]], str] = lambda number: f"{float(number[0]):.1f}".removesuffix(".0")  # noqa: E731
    svg = re.sub(r"-?\d+\.\d{2,}", shorter, svg)
    svg = svg.replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<defs>", STYLE + "<defs>", 1)
