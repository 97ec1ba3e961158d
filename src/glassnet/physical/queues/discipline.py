"""What a queueing discipline is: settings that make a queue, and the queue itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from glassnet.engine import Drops, Streams

if TYPE_CHECKING:
    from glassnet.physical.conditions import Conditions

__all__ = ["Discipline", "Line", "Queue", "Waiting", "checked", "flag"]

T = TypeVar("T")


class Waiting(NamedTuple):
    """A frame that waits: its octets of line time, and since when (nanoseconds)."""

    frame: bytes
    octets: int
    since: int


class Line(Protocol):
    """What a queue knows of the transmitter that it belongs to."""

    name: str
    drops: Drops

    @property
    def conditions(self) -> Conditions:
        """What it is like at present."""

    def mark(self, frame: bytes) -> bytes | None:
        """The frame with "congestion experienced" in its IP header; None if it cannot bear it."""


class Queue(ABC):
    """Frames that wait for a transmitter, which takes the next when it has sent the last.

    `octets` of line time wait in it. What it refuses or loses it tells the line's `drops`.
    """

    __slots__ = ("octets",)

    def __init__(self) -> None:
        self.octets = 0

    @abstractmethod
    def put(self, waiting: Waiting, now: int, room: int) -> None:
        """Take a frame in, when `room` octets of line time more may wait; or drop it or others."""

    @abstractmethod
    def take(self, now: int) -> Waiting | None:
        """The next frame to send, which is not in the queue any more; None if none waits."""

    @abstractmethod
    def empty(self) -> list[Waiting]:
        """Take all frames out, in the order in which they came."""


class Discipline(ABC):
    """Which frames wait, in which order they are sent, and which are dropped or marked."""

    __slots__ = ()

    @abstractmethod
    def open(self, line: Line, streams: Streams) -> Queue | None:
        """A new queue of this discipline; None if the lane's own first-in-first-out queue will do."""


def checked(discipline: str, name: str, value: object, reads: Callable[..., T]) -> T:
    """A parameter as `reads` reads it; ValueError names the discipline and the parameter."""
    try:
        return reads(value)
    except ValueError as error:
        raise ValueError(f"{discipline}: {name}: {error}") from None


def flag(value: object) -> bool:
    """A parameter that is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r}: expected true or false")
    return value
