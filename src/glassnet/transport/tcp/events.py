"""What TCP tells observers."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.transport.tcp.state import State

__all__ = ["Retransmission", "StateChange", "WindowChange"]


@dataclass(frozen=True, slots=True)
class StateChange:
    """A connection went from one state to another."""

    time: int
    host: str
    connection: str
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Retransmission:
    """A segment was sent again. `cause` is "timeout", "fast retransmit", "partial ACK" or "window probe"."""

    time: int
    host: str
    connection: str
    sequence: int
    length: int
    cause: str


@dataclass(frozen=True, slots=True)
class WindowChange:
    """The congestion controller reacted to a loss, or recovered from it. Sizes are bytes."""

    time: int
    host: str
    connection: str
    congestion_window: int
    threshold: int
    cause: str
