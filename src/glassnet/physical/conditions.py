"""What one direction of a cable is like: its rate, delay and queue, and what it does to frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict

from glassnet.physical.queues import Discipline, TailDrop

__all__ = ["Changes", "Conditions"]

_PROBABILITIES = ("loss", "duplication", "reordering", "bit_errors")
_TAIL_DROP = TailDrop()


class Changes(TypedDict, total=False):
    """Conditions to set, by name; those left out stay as they are."""

    rate: int | None
    delay: int
    queue: int | None
    discipline: Discipline
    loss: float
    duplication: float
    reordering: float
    reordering_delay: int | None
    jitter: int
    bit_errors: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one direction of a cable. Without any, it is a perfect one."""

    rate: int | None = None
    """Bits per second; None is infinitely fast."""

    delay: int = 0
    """Nanoseconds from the last bit sent to the last bit received."""

    queue: int | None = None
    """Octets of line time (24 more than its own for each frame) that may wait to be sent, including the frame
    being sent and the one that comes; None is no limit. An idle transmitter takes any frame."""

    discipline: Discipline = _TAIL_DROP
    """Which of the frames that wait are sent next, dropped or marked. Where `rate` is None none wait."""

    loss: float = 0.0
    """Probability that a frame is lost on the way."""

    duplication: float = 0.0
    """Probability that a frame arrives twice."""

    reordering: float = 0.0
    """Probability that a frame is held back, so that later ones overtake it."""

    reordering_delay: int | None = None
    """Nanoseconds for which it is held back; None is the time of three full frames, and at least 1 ms."""

    jitter: int = 0
    """Nanoseconds of the greatest extra delay: from 0 to this, each as likely. It changes no order."""

    bit_errors: float = 0.0
    """Probability that a bit of a frame or its frame check sequence arrives inverted."""

    @property
    def impaired(self) -> bool:
        """Whether chance decides anything about a frame."""
        return bool(self.loss or self.duplication or self.reordering or self.jitter or self.bit_errors)

    def changed(self, cable: str, changes: Mapping[str, object]) -> Conditions:
        """These conditions with `changes`; ValueError, naming the cable, if one makes no sense."""
        for name, value in changes.items():
            expected = _fault(name, value)
            if expected is not None:
                raise ValueError(f"cable {cable}: {name}={value!r}: expected {expected}")
        return replace(self, **changes)  # type: ignore[arg-type]  # checked by _fault


def _fault(name: str, value: object) -> str | None:
    """What `name` should be, if `value` is not that."""
    if name in _PROBABILITIES:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            return "a probability from 0 to 1"
        return None
    if name not in Conditions.__dataclass_fields__:
        return f"one of {', '.join(Conditions.__dataclass_fields__)}"
    if name == "discipline":
        return None if isinstance(value, Discipline) else "a queueing discipline, such as FqCoDel()"
    if value is None and name in ("rate", "queue", "reordering_delay"):
        return None
    if name == "rate":
        fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return None if fits else "bits per second, an integer above 0, or None for no limit"
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return f"{'octets' if name == 'queue' else 'nanoseconds'}, an integer not below 0"
    return None
