"""What chance does to the frames of one direction of a cable.

Each kind of impairment draws from a stream of its own, so that switching one on
moves nothing that another does.
"""

from __future__ import annotations

from math import inf, log, log1p
from random import Random

from glassnet.engine import Streams
from glassnet.physical.conditions import Conditions
from glassnet.physical.framing import FCS, OVERHEAD, with_fcs
from glassnet.wire.ethernet import MINIMUM

__all__ = ["Impairments"]

_FULL_FRAME = 1514 + OVERHEAD
_LEAST_HOLD = 1_000_000
_NEVER = 1 << 62


class Impairments:
    """The draws for one lane under its present conditions.

    `streams[f"{name}:{kind}"]` decides on each `kind`: loss, duplication,
    reordering, jitter, bits.
    """

    __slots__ = (
        "_bits",
        "_clean",
        "_duplication",
        "_duplications",
        "_hold",
        "_jitter",
        "_jitters",
        "_log_clean",
        "_loss",
        "_losses",
        "_reordering",
        "_reorderings",
    )

    def __init__(self, conditions: Conditions, streams: Streams, name: str) -> None:
        def stream(kind: str, needed: float) -> Random | None:
            return streams[f"{name}:{kind}"] if needed else None

        self._loss = conditions.loss
        self._losses = stream("loss", conditions.loss)
        self._duplication = conditions.duplication
        self._duplications = stream("duplication", conditions.duplication)
        self._reordering = conditions.reordering
        self._reorderings = stream("reordering", conditions.reordering)
        self._jitter = conditions.jitter
        self._jitters = stream("jitter", conditions.jitter)
        self._bits = stream("bits", conditions.bit_errors)
        hold = conditions.reordering_delay
        if hold is None:
            rate = conditions.rate
            hold = _LEAST_HOLD if rate is None else max(_LEAST_HOLD, 3 * _FULL_FRAME * 8 * 10**9 // rate)
        self._hold = hold
        self._log_clean = log1p(-conditions.bit_errors) if conditions.bit_errors < 1 else -inf
        self._clean = self._clean_run()

    def loses(self) -> bool:
        """Whether the next frame is lost."""
        return self._losses is not None and self._losses.random() < self._loss

    def duplicates(self) -> bool:
        """Whether the next frame arrives twice."""
        return self._duplications is not None and self._duplications.random() < self._duplication

    def holds_back(self) -> int:
        """For how many nanoseconds the next frame is held back: mostly 0."""
        if self._reorderings is None or self._reorderings.random() >= self._reordering:
            return 0
        return self._hold

    def extra_delay(self) -> int:
        """The extra nanoseconds that the next frame takes."""
        return 0 if self._jitters is None else int(self._jitters.random() * (self._jitter + 1))

    def damaged(self, frame: bytes) -> bytes | None:
        """The bits of the frame and its frame check sequence as they arrive; None if as they were sent.

        Bits are inverted independently. The run of clean bits up to the next error
        is drawn at once (it is geometrically distributed), so the cost is by the
        error, not by the bit.
        """
        if self._bits is None:
            return None
        length = (max(len(frame), MINIMUM) + FCS) * 8
        position = self._clean
        if position >= length:
            self._clean = position - length
            return None
        bits = bytearray(with_fcs(frame))
        while position < length:
            bits[position >> 3] ^= 1 << (position & 7)
            position += 1 + self._clean_run()
        self._clean = position - length
        return bytes(bits)

    def _clean_run(self) -> int:
        """How many bits arrive as sent before the next that does not."""
        if self._bits is None:
            return _NEVER
        return int(min(log(1.0 - self._bits.random()) / self._log_clean, _NEVER))
