"""HyStart++ as RFC 9406 tells it, round by round."""

from __future__ import annotations

import pytest

from glassnet.transport.tcp.congestion.hystart import HyStart

MSS = 1000
MS = 10**6


class Rounds:
    def __init__(self) -> None:
        self.hystart = HyStart()
        self.unacked = 0
        self.window = 10 * MSS
        self.next = self.window

    def play(self, *rtts: int) -> int:
        """One round with these round-trip times, in milliseconds; how much the window grew."""
        grown = 0
        size = (self.next - self.unacked) // len(rtts)
        end = self.next
        for index, rtt in enumerate(rtts):
            self.unacked = end if index == len(rtts) - 1 else self.unacked + size
            grown += self.hystart.grow(size, rtt * MS if rtt >= 0 else -1, self.unacked, self.next)
            self.next = self.unacked + self.window + grown
        self.window += grown
        return grown


def test_a_steady_path_doubles_for_ever() -> None:
    rounds = Rounds()
    for _ in range(10):
        before = rounds.window
        assert rounds.play(*[50] * 10) == before
    assert not rounds.hystart.conservative


def test_eight_samples_of_a_longer_round_trip_make_it_conservative() -> None:
    rounds = Rounds()
    rounds.play(*[50] * 10)
    rounds.play(*[57] * 7, *[-1] * 3)
    assert not rounds.hystart.conservative  # only seven samples
    rounds = Rounds()
    rounds.play(*[50] * 10)
    rounds.play(*[57] * 8)
    assert rounds.hystart.conservative  # 50 / 8 = 6.25 ms more is enough


def test_the_threshold_is_an_eighth_between_4_and_16_ms() -> None:
    for base, calm, alarm in ((8, 11, 12), (50, 56, 57), (80, 89, 90), (400, 415, 416)):
        rounds = Rounds()
        rounds.play(*[base] * 10)
        rounds.play(*[calm] * 10)
        assert not rounds.hystart.conservative
        rounds = Rounds()
        rounds.play(*[base] * 10)
        rounds.play(*[alarm] * 10)
        assert rounds.hystart.conservative


def test_one_short_sample_is_enough_to_go_on() -> None:
    rounds = Rounds()
    rounds.play(*[50] * 10)
    rounds.play(51, *[90] * 9)
    assert not rounds.hystart.conservative


def test_conservative_growth_is_a_quarter_and_ends_after_five_rounds() -> None:
    rounds = Rounds()
    rounds.play(*[50] * 10)
    rounds.play(*[70] * 10)  # round 1 of CSS began in its midst
    for _ in range(3):
        before = rounds.window
        assert rounds.play(*[70] * 10) == pytest.approx(before / 4, rel=0.001)
        assert not rounds.hystart.over
    rounds.play(*[70] * 10)
    assert rounds.hystart.over


def test_jitter_is_forgiven() -> None:
    rounds = Rounds()
    rounds.play(*[50] * 10)
    rounds.play(*[70] * 10)
    rounds.play(*[70] * 10)
    assert rounds.hystart.conservative
    rounds.play(*[52] * 10)  # below the baseline of 70
    assert not rounds.hystart.conservative
    before = rounds.window
    assert rounds.play(*[52] * 10) == pytest.approx(before, rel=0.001)
    for _ in range(10):
        rounds.play(*[52] * 10)
    assert not rounds.hystart.over


def test_without_measurements_it_is_plain_slow_start() -> None:
    rounds = Rounds()
    for _ in range(10):
        before = rounds.window
        assert rounds.play(*[-1] * 10) == before
    assert not rounds.hystart.conservative
