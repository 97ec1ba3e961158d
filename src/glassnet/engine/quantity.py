"""Quantities with units, as people write them: `"20ms"`, `"100Mbps"`, `"64KiB"`, `"1%"`.

Plain numbers are in SI base units: seconds, bits per second, bytes, and
probabilities from 0 to 1.
"""

from __future__ import annotations

import re
from math import inf

__all__ = ["data_rate", "data_size", "drift", "duration", "offset", "probability"]

_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµμ%/]*)\s*")

_DURATION = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_RATE = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}
_RATE |= {name.replace("bps", "bit/s"): factor for name, factor in _RATE.items()}
_DRIFT = {"ppb": 1, "ppm": 10**3, "%": 10**7}
_SIZE = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _parse(value: object, units: dict[str, int], base: int, what: str, example: str) -> int:
    expected = f"expected {what} such as {example!r}, or a number"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r}: {expected}")
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        if match is None:
            raise ValueError(f"{value!r}: {expected}")
        number, unit = match.groups()
        if unit and unit not in units:
            raise ValueError(f"{value!r}: no unit {unit!r}; {expected} with one of {', '.join(units)}")
        factor = units[unit] if unit else base
        amount = int(number) * factor if number.isdigit() else float(number) * factor
    else:
        amount = value * base
    if not 0 <= amount < inf:
        raise ValueError(f"{value!r}: {expected} that is finite and not negative")
    return round(amount)


def duration(value: str | float) -> int:
    """A length of time in nanoseconds, from `"20ms"` or a number of seconds."""
    return _parse(value, _DURATION, 10**9, "a duration", "20ms")


def offset(value: str | float) -> int:
    """A difference in time in nanoseconds: a duration that may have a sign, as `"-20ms"`."""
    sign, size = _signed(value)
    return sign * duration(size)


def drift(value: str | float) -> int:
    """How much too fast a clock runs, in parts per billion: from `"50ppm"`, `"-1%"`, or such a number."""
    sign, size = _signed(value)
    return sign * _parse(size, _DRIFT, 10**9, "a drift", "50ppm")


def _signed(value: str | float) -> tuple[int, str | float]:
    if isinstance(value, str) and value.lstrip()[:1] in ("-", "+"):
        return (-1 if value.lstrip()[0] == "-" else 1), value.lstrip()[1:]
    if isinstance(value, int | float) and value < 0:
        return -1, -value
    return 1, value


def data_rate(value: str | float) -> int:
    """A rate in bits per second, from `"100Mbps"` or a number of bits per second."""
    rate = _parse(value, _RATE, 1, "a data rate", "100Mbps")
    if rate == 0:
        raise ValueError(f"{value!r}: a data rate must be above 0; leave it out for a cable without one")
    return rate


def data_size(value: str | float) -> int:
    """A size in bytes, from `"64KiB"` or a number of bytes."""
    return _parse(value, _SIZE, 1, "a size", "64KiB")


def probability(value: str | float) -> float:
    """A probability from 0 to 1, from `"1%"` or such a number."""
    expected = f"{value!r}: expected a probability from 0 to 1, or a percentage such as '1%'"
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        if match is None or match[2] not in ("", "%"):
            raise ValueError(expected)
        number = float(match[1]) / (100 if match[2] == "%" else 1)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(expected)
    else:
        number = value
    if not 0 <= number <= 1:
        raise ValueError(expected)
    return float(number)
