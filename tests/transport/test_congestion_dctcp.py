"""DCTCP's estimate of how much is marked, and what it makes of it (RFC 8257)."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp.congestion import Dctcp

MSS = 1000
S = 10**9


class Windows:
    def __init__(self) -> None:
        self.dctcp = Dctcp(MSS)
        self.unacked = 0

    def play(self, marked: int, segments: int = 10) -> None:
        """One window of segments, the first `marked` of them marked."""
        end = self.unacked + segments * MSS
        for index in range(segments):
            self.unacked += MSS
            self.dctcp.marked(
                MSS, index < marked, self.unacked, end if index < segments - 1 else end + 10 * MSS
            )


def test_alpha_begins_at_one_and_falls_by_a_sixteenth_each_unmarked_window() -> None:
    windows = Windows()
    assert windows.dctcp.alpha == 1
    for count in range(1, 100):
        windows.play(0)
        assert windows.dctcp.alpha == pytest.approx((15 / 16) ** count, abs=2e-5)


@pytest.mark.parametrize("marked", [0, 1, 3, 5, 10])
def test_alpha_converges_to_the_share_that_is_marked(marked: int) -> None:
    windows = Windows()
    for _ in range(200):
        windows.play(marked)
    assert windows.dctcp.alpha == pytest.approx(marked / 10, abs=2e-5)


def test_alpha_moves_once_a_window() -> None:
    dctcp = Dctcp(MSS)
    for index in range(1, 10):
        dctcp.marked(MSS, False, index * MSS, 10 * MSS)
        assert dctcp.alpha == 1
    dctcp.marked(MSS, False, 10 * MSS, 20 * MSS)
    assert dctcp.alpha == pytest.approx(15 / 16)
    dctcp.marked(MSS, False, 19 * MSS, 30 * MSS)
    assert dctcp.alpha == pytest.approx(15 / 16)


@pytest.mark.parametrize(("marked", "left"), [(1, 0.95), (5, 0.75), (10, 0.5)])
def test_a_mark_takes_half_of_alpha(marked: int, left: float) -> None:
    windows = Windows()
    for _ in range(200):
        windows.play(marked)
    dctcp = windows.dctcp
    dctcp.window = 100 * MSS
    dctcp.congested(S, 100 * MSS, mark=True)
    assert dctcp.threshold == pytest.approx(left * 100 * MSS, rel=0.001)
    dctcp.recovered()
    assert dctcp.window == dctcp.threshold


def test_a_loss_halves_whatever_alpha_is() -> None:
    windows = Windows()
    for _ in range(200):
        windows.play(0)
    windows.dctcp.window = 100 * MSS
    windows.dctcp.congested(S, 100 * MSS)
    assert windows.dctcp.threshold == 50 * MSS


def test_bytes_count_not_acknowledgements() -> None:
    dctcp = Dctcp(MSS)
    before = dctcp.alpha
    dctcp.marked(3 * MSS, True, 3 * MSS, 4 * MSS)
    dctcp.marked(MSS, False, 4 * MSS, 8 * MSS)
    assert dctcp.alpha == pytest.approx(before * 15 / 16 + 0.75 / 16, abs=1e-5)


def test_it_grows_as_reno() -> None:
    dctcp = Dctcp(MSS)
    dctcp.window = dctcp.threshold = 10 * MSS
    for index in range(5):
        dctcp.acknowledged(S, 2 * MSS, -1, True, index, index)
    assert dctcp.window == 11 * MSS
