"""What TCP tells observers."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.transport.tcp.state import State

__all__ = [
    "Paced",
    "ReceiveWindow",
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
    "window probe", "path MTU" or "SYN"; of a SYN also "repeated SYN" (answered as the first was),
    "simultaneous open" and "ECN refused", when it goes out again in another form.
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


@dataclass(frozen=True, slots=True)
class Paced:
    """A segment that the windows would let go is held back, for an even pace.

    It goes at `until`, nanoseconds as `time`, unless it is acknowledged before; `rate` is the pace
    in bytes a second.
    """

    time: int
    host: str
    connection: str
    until: int
    rate: int


@dataclass(frozen=True, slots=True)
class ReceiveWindow:
    """A receiver's window closed, or opened again: flow control (RFC 9293, 3.8.6).

    `whose` is "peer" for the window that holds this host back, "own" for the one that it offers.
    `window` is its size in bytes now: 0 when it has closed.
    """

    time: int
    host: str
    connection: str
    whose: str
    window: int
