from dataclasses import fields

import pytest

from glassnet.physical import Changes, Conditions


def test_without_conditions_a_cable_is_perfect() -> None:
    conditions = Conditions()
    assert not conditions.impaired
    assert (conditions.rate, conditions.delay, conditions.queue) == (None, 0, None)


def test_every_condition_can_be_changed() -> None:
    assert list(Changes.__annotations__) == [field.name for field in fields(Conditions)]


def test_changes_leave_the_rest() -> None:
    before = Conditions(rate=10**9, loss=0.5)
    after = before.changed("c", {"delay": 5, "rate": None})
    assert after == Conditions(rate=None, delay=5, loss=0.5)
    assert before == Conditions(rate=10**9, loss=0.5)


@pytest.mark.parametrize(
    ("name", "bad", "expected"),
    [
        ("rate", 0, "bits per second, an integer above 0, or None"),
        ("rate", -5, "bits per second"),
        ("rate", 1e9, "bits per second"),
        ("rate", "1Gbps", "bits per second"),
        ("rate", True, "bits per second"),
        ("delay", -1, "nanoseconds, an integer not below 0"),
        ("delay", 0.02, "nanoseconds"),
        ("delay", None, "nanoseconds"),
        ("jitter", "1ms", "nanoseconds"),
        ("jitter", None, "nanoseconds"),
        ("reordering_delay", -1, "nanoseconds"),
        ("queue", -1, "octets, an integer not below 0"),
        ("queue", 1.5, "octets"),
        ("discipline", "codel", "a queueing discipline, such as FqCoDel"),
        ("discipline", None, "a queueing discipline"),
        ("loss", 1.01, "a probability from 0 to 1"),
        ("loss", -0.1, "a probability"),
        ("loss", "1%", "a probability"),
        ("loss", float("nan"), "a probability"),
        ("loss", None, "a probability"),
        ("loss", True, "a probability"),
        ("duplication", 2, "a probability"),
        ("reordering", 2, "a probability"),
        ("bit_errors", 2, "a probability"),
        ("speed", 1, "one of rate, delay, queue, discipline, loss"),
    ],
)
def test_nonsense_names_the_cable_the_condition_and_what_was_expected(
    name: str, bad: object, expected: str
) -> None:
    with pytest.raises(ValueError, match="expected " + expected) as caught:
        Conditions().changed("pc-lan", {name: bad})
    assert str(caught.value).startswith(f"cable pc-lan: {name}={bad!r}: ")
