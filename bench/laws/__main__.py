"""Run every experiment in full, print what was measured, and draw the plots: `python bench/laws`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1]))

from glassnet.physical.queues import Red, Threshold
from laws.experiments import beside_a_transfer, clean, curve, lossy, marking, sharing, start

PICTURES = Path(__file__).parents[2] / "docs" / "explanation" / "tcp-laws"
MARK = 30_000
holding: list[bool] = []


def line(law: str, measured: str, holds: bool) -> None:
    """Print one law, what was measured, and whether it holds."""
    holding.append(holds)
    print(f"{'yes' if holds else 'NO':<5}{law:<66}{measured}", flush=True)


def main() -> None:
    """Exit with 1 if a law is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plots", action="store_true", help="draw the plots too (needs matplotlib)")
    parser.add_argument(
        "--into", type=Path, default=PICTURES, metavar="FOLDER", help="where to (default: docs)"
    )
    options = parser.parse_args()
    charts = None
    if options.plots:
        from laws.charts import Charts

        options.into.mkdir(parents=True, exist_ok=True)
        charts = Charts(options.into)

    run = clean()
    line(
        "goodput over 100 Mbit/s, 50 ms, 60 s: 95 % of what it carries",
        f"{run.share:.1%}: {run.goodput / 1e6:.2f} of {run.goodput / run.share / 1e6:.2f} Mbit/s; "
        f"{run.goodput / run.link:.1%} of the line rate; 100 MB in {run.finished:.1f} s; {run.lost} lost",
        run.share >= 0.95,
    )
    if charts:
        charts.goodput(run)

    points = []
    for p in (0.0003, 0.001, 0.003, 0.01, 0.03):
        runs = [lossy(p, 600, seed=seed) for seed in (1, 2, 3)] if p in (0.001, 0.01) else [lossy(p, 300)]
        points += runs[:1]
        ratios = [each.ratio for each in runs]
        line(
            f"Reno at p = {p * 100:g} %: Mathis's formula within 25 %",
            f"{', '.join(f'{each.goodput / 1e6:.2f}' for each in runs)} Mbit/s of {runs[0].law / 1e6:.2f}: "
            f"C = {', '.join(f'{each.constant:.2f}' for each in runs)}; "
            f"signals / p = {runs[0].signals / p:.2f}",
            all(abs(ratio - 1) <= 0.25 for ratio in ratios) and not any(each.undone for each in runs),
        )
    if charts:
        charts.mathis(points)
        charts.sawtooth(next(point for point in points if point.p == 0.001))

    shares = {seed: sharing(seed=seed) for seed in (1, 2, 3, 4, 5)}
    line(
        "two CUBIC flows share 20 Mbit/s, 60 s, within 10 % (five seeds)",
        f"{mean(shared.apart for shared in shares.values()):.1%} from equal in the mean: "
        f"{', '.join(f'{shared.apart:.1%}' for shared in shares.values())}; "
        f"Jain {min(shared.index for shared in shares.values()):.3f} or better; "
        f"link used {shares[1].utilisation:.1%}; without jitter {sharing(jitter='0s').apart:.1%}",
        mean(shared.apart for shared in shares.values()) <= 0.1,
    )
    if charts:
        charts.sharing(shares[1])

    bent = curve()
    line(
        "CUBIC's window after a loss: W(t) = C (t - K)^3 + W_max, 2 %",
        f"largest error {bent.error:.2%} over {bent.samples[-1][0]:.1f} s; "
        f"W_max {bent.maximum}, K {bent.k:.2f} s",
        bent.error <= 0.02,
    )
    if charts:
        charts.curve(bent)

    delays = {name: beside_a_transfer(name) for name in ("tail_drop", "codel", "fq_codel")}
    for name, law, holds in (
        ("tail_drop", "ping beside a transfer, tail drop: above 100 ms", delays["tail_drop"].median > 100),
        ("codel", "ping beside a transfer, CoDel: median below 30 ms", delays["codel"].median < 30),
        ("fq_codel", "ping beside a transfer, FQ-CoDel: always below 15 ms", delays["fq_codel"].worst < 15),
    ):
        delay = delays[name]
        line(
            law,
            f"median {delay.median:.1f} ms, worst {delay.worst:.1f} ms, alone {delay.idle:.1f} ms; "
            f"the transfer has {delay.share:.1%} of the link",
            holds,
        )
    if charts:
        charts.delay({name.replace("_", " "): delay for name, delay in delays.items()})

    for congestion in ("cubic", "bbr"):
        run_ = lossy(0.01, 60, congestion, rate="20Mbps")
        share = run_.goodput / (20e6 * 1448 / 1538)
        line(
            f"1 % loss, 20 Mbit/s, 50 ms: {congestion} gets {'most' if congestion == 'bbr' else 'little'}",
            f"{share:.1%}: {run_.goodput / 1e6:.2f} Mbit/s",
            (share > 0.8) == (congestion == "bbr"),
        )

    marked = marking(Threshold(mark=MARK), "dctcp")
    line(
        "DCTCP, marks above K = 30 kB: the queue is near K, the link full",
        f"mean queue {marked.queue / 1000:.1f} kB; link used {marked.share:.1%}; "
        f"{marked.dropped} dropped, {marked.marked} marked",
        marked.dropped == 0 and marked.share > 0.98 and abs(marked.queue - MARK) < MARK / 2,
    )
    if charts:
        charts.marking(marked, MARK)

    red = marking(Red(min="60kB", max="300kB"), "cubic", rtt=0.02)
    line(
        "CUBIC with ECN through RED: marked, never dropped",
        f"{red.dropped} dropped, {red.marked} marked; link used {red.share:.1%}; "
        f"mean queue {red.queue / 1000:.1f} kB",
        red.dropped == 0 and red.marked > 0 and red.share > 0.95,
    )

    starts = {"CUBIC with HyStart++": start("cubic"), "Reno": start("reno")}
    gentle, rough = starts.values()
    line(
        "HyStart++: the first slow start overshoots less",
        f"window to {gentle.peak} segments, {gentle.dropped} dropped; without: {rough.peak}, {rough.dropped}",
        gentle.peak < rough.peak and gentle.dropped < rough.dropped / 2,
    )
    if charts:
        charts.start(starts)
    sys.exit(0 if all(holding) else 1)


if __name__ == "__main__":
    main()
