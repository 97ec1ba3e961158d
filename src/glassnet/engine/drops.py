"""What was dropped, where, and why: counted always, told when someone observes."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.engine.clock import Engine

__all__ = ["Drop", "Drops"]


@dataclass(frozen=True, slots=True)
class Drop:
    """A frame or packet that a host, switch or cable did not pass on, and why."""

    time: int
    where: str
    reason: str
    data: bytes


class Drops:
    """Counts what one place dropped, by reason: `"ipv4: header checksum"`.

    A reason starts with the layer or protocol that refused. Call it with the
    reason and the bytes refused.
    """

    __slots__ = ("_engine", "counts", "where")

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self.where = where
        self.counts: dict[str, int] = {}

    def __call__(self, reason: str, data: bytes = b"") -> None:
        """Count one drop for `reason`, and tell the observers of `Drop`."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        events = self._engine.events
        if Drop in events.wanted:
            events.tell(Drop(self._engine.now, self.where, reason, data))
