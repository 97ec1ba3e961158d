"""RED, random early detection (Floyd and Jacobson 1993; RFC 2309), with "gentle" (Floyd 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from glassnet.engine import Streams
from glassnet.engine.quantity import data_size, probability
from glassnet.physical.framing import OVERHEAD
from glassnet.physical.queues.discipline import Discipline, Line, Queue, Waiting, checked, flag
from glassnet.physical.queues.fifo import Fifo

__all__ = ["Red", "RedQueue"]

_TYPICAL = 1514 + OVERHEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Red(Discipline):
    """First in, first out, with drops at random by how much has waited on average (Floyd and Jacobson 1993).

    Below `min` on average no frame is dropped. From there to `max` the probability rises from 0 to
    `probability`, from there to twice `max` to 1. Sizes, such as `"30kB"`, count as the `queue` of a cable
    does, without the frame that is being sent. Each frame moves the average by `weight` of the difference.
    With `ecn`, frames that are ECN-capable are marked instead, up to twice `max` (RFC 3168 section 7).
    """

    min: str | float = "30kB"
    max: str | float = "90kB"
    probability: str | float = "10%"
    weight: float = 0.002
    ecn: bool = True

    def __post_init__(self) -> None:
        least = checked("Red", "min", self.min, data_size)
        if checked("Red", "max", self.max, data_size) <= least:
            raise ValueError(
                f"Red: max: {self.max!r}: expected a size above min, {self.min!r}; "
                "to mark above one size there is Threshold"
            )
        checked("Red", "ecn", self.ecn, flag)
        checked("Red", "probability", self.probability, probability)
        if checked("Red", "weight", self.weight, probability) == 0:
            raise ValueError(f"Red: weight: {self.weight!r}: expected a number above 0, up to 1")

    def open(self, line: Line, streams: Streams) -> Queue:
        """A queue that takes an average."""
        return RedQueue(
            line,
            data_size(self.min),
            data_size(self.max),
            probability(self.probability),
            probability(self.weight),
            self.ecn,
            streams[f"{line.name}:red"],
        )


class RedQueue(Fifo):
    """A queue, and what it knows of its past. `average` is in octets of line time."""

    __slots__ = (
        "_count",
        "_ecn",
        "_idle_since",
        "_max",
        "_min",
        "_most",
        "_random",
        "_weight",
        "average",
    )

    def __init__(
        self, line: Line, least: int, greatest: int, most: float, weight: float, ecn: bool, random: Random
    ) -> None:
        super().__init__(line)
        self._min = least
        self._max = greatest
        self._most = most
        self._weight = weight
        self._ecn = ecn
        self._random = random
        self._count = -1
        self._idle_since: int | None = None
        self.average = 0.0

    def put(self, waiting: Waiting, now: int, room: int) -> None:
        """Take it in, mark it or drop it, as the average says."""
        self._reckon(now)
        chance = self.chance()
        if chance is None:
            self._count = -1
        elif waiting.octets <= room and self._hit(chance):
            # Twice the maximum is congestion that marks have not cured: RFC 3168 section 7.
            marked = self._line.mark(waiting.frame) if self._ecn and chance < 1 else None
            if marked is None:
                self._line.drops("cable: red", waiting.frame)
                return
            waiting = waiting._replace(frame=marked)
        super().put(waiting, now, room)

    def take(self, now: int) -> Waiting | None:
        """The frame that came first."""
        first = super().take(now)
        if first is None:
            self._idle_since = now
        return first

    def chance(self) -> float | None:
        """The probability that the average alone gives, "p_b" in the paper; None below `min`."""
        average, greatest = self.average, self._max
        if average < self._min:
            return None
        if average < greatest:
            return self._most * (average - self._min) / (greatest - self._min)
        if average < 2 * greatest:
            return self._most + (1 - self._most) * (average - greatest) / greatest
        return 1.0

    def _reckon(self, now: int) -> None:
        """Move the average; through idle time as if typical frames had met an empty queue."""
        if self._idle_since is None:
            self.average += self._weight * (self.octets - self.average)
            return
        idle = now - self._idle_since
        self._idle_since = None
        rate = self._line.conditions.rate
        assert rate is not None  # else nothing waits
        self.average *= _power(1 - self._weight, idle * rate // (_TYPICAL * 8 * 10**9))

    def _hit(self, chance: float) -> bool:
        """Whether this frame is chosen: so that the gaps between those that are, are about equal ("p_a")."""
        self._count += 1
        spread = 1 - self._count * chance
        if chance < 1 and spread > 0 and self._random.random() >= chance / spread:
            return False
        self._count = 0
        return True


def _power(base: float, exponent: int) -> float:
    """`base ** exponent` by multiplications alone, whose results are the same on every machine."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
