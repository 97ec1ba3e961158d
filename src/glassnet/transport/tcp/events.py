"""What TCP tells observers."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.transport.tcp.state import State

__all__ = [
    "RecoveryEntered",
    "RecoveryLeft",
    "Retransmission",
    "RoundTripMeasured",
    "StateChange",
    "WindowChange",
]


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
    """A segment was sent again.

    `cause` is "RACK", "duplicate ACKs", "partial ACK", "timeout", "tail loss probe",
    "window probe", "path MTU" or "SYN".
    """

    time: int
    host: str
    connection: str
    sequence: int
    length: int
    cause: str


@dataclass(frozen=True, slots=True)
class WindowChange:
    """The congestion window or the slow-start threshold changed. Sizes are bytes; `cause` says why."""

    time: int
    host: str
    connection: str
    congestion_window: int
    threshold: int
    cause: str


@dataclass(frozen=True, slots=True)
class RecoveryEntered:
    """Losses, or marks of congestion, are being dealt with.

    `kind` is "Recovery", "Loss" or "CWR"; `cause` "RACK", "duplicate ACKs", "timeout",
    "ECN" or "tail loss probe". All sent before `point` (a sequence number) belongs to it.
    """

    time: int
    host: str
    connection: str
    kind: str
    cause: str
    point: int


@dataclass(frozen=True, slots=True)
class RecoveryLeft:
    """It is over. `why` is "complete", or what showed the mistake: "timestamp", "D-SACK", "F-RTO"."""

    time: int
    host: str
    connection: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class RoundTripMeasured:
    """A round trip was measured. Times are nanoseconds; `timeout` is the RTO that follows from it."""

    time: int
    host: str
    connection: str
    measured: int
    smoothed: int
    variation: int
    timeout: int
