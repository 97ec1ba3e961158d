"""TCP keeps the laws that are known of it: goodput, Mathis's formula, fairness, CUBIC's curve, delay.

With GLASSNET_LAWS=1 in the environment the runs are as long, and the seeds as many, as in the documents
(about two minutes); otherwise the same laws are held against shorter runs. `python bench/laws` prints the
figures.
"""

from __future__ import annotations

import os
from statistics import mean

import pytest

from glassnet.physical.queues import Red, Threshold
from laws.experiments import beside_a_transfer, clean, curve, lossy, marking, sharing, start
from laws.flows import carried

FULL = os.environ.get("GLASSNET_LAWS") == "1"


def test_a_clean_path_is_filled():
    """100 Mbit/s, 50 ms there and back: 95 % of what 1448 octets in 1538 can be, slow start included."""
    run = clean(seconds=60 if FULL else 20)
    assert run.share >= 0.95
    assert run.goodput <= carried(run.link)
    assert 0 < run.finished < 100e6 * 8 / run.link / 0.85


@pytest.mark.parametrize(("p", "seconds"), [(0.001, 200), (0.01, 200)])
def test_reno_follows_mathis(p, seconds):
    """Within 25 % of MSS/RTT * sqrt(3/2) / sqrt(p)."""
    for seed in (1, 2, 3) if FULL else (1,):
        run = lossy(p, 600 if FULL else seconds, seed=seed)
        assert run.ratio == pytest.approx(1, abs=0.25)
        assert run.rtt == pytest.approx(0.05, rel=0.02), "something waited: the loss is not all that limits"


@pytest.mark.parametrize(("p", "seed"), [(0.01, 1), (0.03, 6), (0.05, 2)])
def test_what_is_lost_at_random_is_sent_again_once(p, seed):
    """Such a path delays, reorders and doubles nothing: any other retransmission would be a mistake."""
    run = lossy(p, 600 if FULL else 100, seed=seed)
    assert run.undone == 0
    assert 0 <= run.lost - run.resent <= 3, "all but what was lost a moment ago"
    assert run.timeouts <= run.lost / 100


def test_two_cubic_flows_share():
    """In the mean neither has more than 10 % above an equal share, from the start of the second on."""
    runs = [sharing(seed=seed) for seed in ((1, 2, 3, 4, 5) if FULL else (1, 2))]
    assert mean(run.apart for run in runs) <= 0.1
    assert all(run.index > 0.98 for run in runs)
    assert all(run.utilisation > 0.98 for run in runs)


def test_cubic_follows_its_curve():
    """W(t) = C (t - K)^3 + W_max, through the plateau and beyond it."""
    run = curve() if FULL else curve(segments=150)
    assert run.reductions == 1
    assert run.samples[-1][0] > 1.25 * run.k
    assert run.error <= 0.02
    plateau = [window for t, window in run.samples if abs(t - run.k) < 0.5]
    assert all(abs(window - run.maximum) <= 2 for window in plateau)


def test_fq_codel_cures_what_tail_drop_has():
    seconds = 20 if FULL else 8
    bloated = beside_a_transfer("tail_drop", seconds=seconds)
    cured = beside_a_transfer("fq_codel", seconds=seconds)
    assert bloated.median > 100
    assert cured.worst < 15
    assert cured.share > 0.98, "the ping's gain is not the transfer's loss"
    assert bloated.idle == pytest.approx(cured.idle)


def test_bbr_keeps_the_path_that_cubic_gives_up():
    """At 1 % loss; what is lost itself is not counted."""
    seconds = 60 if FULL else 15
    most, rate = carried(20e6), "20Mbps"
    assert lossy(0.01, seconds, "bbr", rate=rate).goodput > 0.8 * most
    assert lossy(0.01, seconds, "cubic", rate=rate).goodput < 0.3 * most


@pytest.mark.parametrize("mark", [15_000, 30_000, 60_000])
def test_dctcp_keeps_the_queue_at_the_mark(mark):
    run = marking(Threshold(mark=mark), "dctcp", seconds=10 if FULL else 3)
    assert run.queue == pytest.approx(mark, rel=0.2)
    assert run.share > 0.98
    assert run.dropped == 0


def test_ecn_needs_no_drop():
    run = marking(Red(min="60kB", max="300kB"), "cubic", rtt=0.02, seconds=10 if FULL else 5)
    assert run.dropped == 0
    assert run.marked > 100
    assert run.share > 0.95


def test_hystart_overshoots_less():
    gentle, rough = start("cubic"), start("reno")
    assert gentle.peak < 0.6 * rough.peak
    assert gentle.dropped < rough.dropped / 2
