from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine.quantity import data_rate, data_size, duration, probability


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (duration, "20ms", 20_000_000),
        (duration, "0", 0),
        (duration, "7", 7 * 10**9),
        (duration, "1.5us", 1500),
        (duration, " 1.5 µs ", 1500),
        (duration, "3 μs", 3000),
        (duration, "12ns", 12),
        (duration, "2min", 120 * 10**9),
        (duration, "1h", 3600 * 10**9),
        (duration, "1d", 86400 * 10**9),
        (duration, "1e-3s", 1_000_000),
        (duration, 0.25, 250_000_000),
        (duration, 3, 3 * 10**9),
        (duration, 0, 0),
        (data_rate, "100Mbps", 10**8),
        (data_rate, "2.5Gbit/s", 2_500_000_000),
        (data_rate, "56kbps", 56_000),
        (data_rate, "9600", 9600),
        (data_rate, 1e9, 10**9),
        (data_size, "64KiB", 65536),
        (data_size, "1.5kB", 1500),
        (data_size, "2 MiB", 2 << 20),
        (data_size, 1514, 1514),
        (probability, "1%", 0.01),
        (probability, "0.5 %", 0.005),
        (probability, "0.25", 0.25),
        (probability, 1, 1.0),
        (probability, 0, 0.0),
    ],
)
def test_values(parse: Callable[[str | float], float], text: str | float, value: float) -> None:
    assert parse(text) == value
    assert type(parse(text)) is (float if parse is probability else int)


@pytest.mark.parametrize("parse", [duration, data_rate, data_size, probability])
@pytest.mark.parametrize(
    "bad",
    [
        "",
        "fast",
        "-1",
        "1 parsec",
        "1e999",
        "1.2.3",
        "٣",
        -1,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        b"1",
    ],
)
def test_nonsense_is_a_value_error_that_says_what_was_expected(
    parse: Callable[[object], float], bad: object
) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse(bad)


def test_messages_name_the_value_the_unit_and_an_example() -> None:
    with pytest.raises(ValueError, match=r"'5 parsec': no unit 'parsec'; expected a duration such as '20ms'"):
        duration("5 parsec")
    with pytest.raises(ValueError, match="'10ms': no unit 'ms'; expected a data rate such as '100Mbps'"):
        data_rate("10ms")
    with pytest.raises(ValueError, match="must be above 0"):
        data_rate("0Mbps")


@pytest.mark.parametrize("bad", ["101%", 1.5, "2", 10**400])
def test_probabilities_go_to_one(bad: str | float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        probability(bad)


def test_numbers_too_great_for_a_float() -> None:
    with pytest.raises(ValueError, match="finite"):
        duration(1e308)
    assert data_size(10**400) == 10**400


@given(st.integers(0, 10**30))
def test_whole_numbers_are_exact(number: int) -> None:
    assert duration(f"{number}ns") == number
    assert duration(f"{number}ms") == number * 10**6
    assert data_size(f"{number}KiB") == number * 1024


@given(st.text())
def test_any_text_parses_or_is_a_value_error(text: str) -> None:
    for parse in (duration, data_rate, data_size, probability):
        try:
            assert parse(text) >= 0
        except ValueError:
            pass
