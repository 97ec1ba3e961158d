"""A cable as a user handles it: with units, and with its two ends by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypedDict, Unpack

from glassnet import physical
from glassnet.bridge import Tap
from glassnet.datalink.interface import Interface
from glassnet.datalink.switch import Port
from glassnet.engine.quantity import data_rate, data_size, duration, probability
from glassnet.physical.cable import Lane
from glassnet.physical.queues import Discipline, discipline

__all__ = ["UNITS", "Cable", "Direction", "Quality", "conditions"]

# 1 MiB is about what Linux queues by default: 1000 full frames.
DEFAULT_QUEUE = 1 << 20

UNITS: dict[str, Callable[[Any], object]] = {
    "rate": data_rate,
    "delay": duration,
    "queue": data_size,
    "discipline": discipline,
    "loss": probability,
    "duplication": probability,
    "reordering": probability,
    "reordering_delay": duration,
    "jitter": duration,
    "bit_errors": probability,
}
_MAY_BE_NONE = ("rate", "queue", "reordering_delay")


class Named(Protocol):
    """A host or a switch."""

    name: str


class Quality(TypedDict, total=False):
    """What a cable is like, with units or as plain numbers of seconds, bits per second and bytes."""

    rate: str | float | None
    """`"1Gbps"`; None is infinitely fast."""

    delay: str | float
    """`"10ms"`, from one end to the other."""

    queue: str | float | None
    """`"64KiB"` that may wait to be sent; None is no limit."""

    discipline: str | Discipline | Mapping[str, Any]
    """What the queue does: `"tail_drop"` if not given, `"red"`, `"codel"`, `"fq_codel"` or `"threshold"`.

    With parameters an object such as `CoDel(target="10ms")`, or `{"name": "codel", "target": "10ms"}`."""

    loss: str | float
    """`"1%"`: the probability that a frame is lost."""

    duplication: str | float
    """The probability that a frame arrives twice."""

    reordering: str | float
    """The probability that a frame is held back, so that later ones overtake it."""

    reordering_delay: str | float | None
    """How long it is held back; None is the time of three full frames, and at least 1 ms."""

    jitter: str | float
    """The greatest extra delay; it changes no order."""

    bit_errors: str | float
    """The probability that a bit is inverted."""


def conditions(cable: str, given: Quality) -> dict[str, Any]:
    """The conditions of a cable in its own units; ValueError names the cable and the fault."""
    parsed: dict[str, Any] = {}
    for name, value in given.items():
        unit = UNITS.get(name)
        if unit is None:
            raise ValueError(f"cable {cable}: no condition {name!r}; there are {', '.join(UNITS)}")
        if value is None and name in _MAY_BE_NONE:
            parsed[name] = None
            continue
        try:
            parsed[name] = unit(value)
        except ValueError as error:
            raise ValueError(f"cable {cable}: {name}: {error}") from None
    return parsed


class Direction:
    """One direction of a cable."""

    def __init__(self, cable: str, lane: Lane) -> None:
        self._cable = cable
        self.lane = lane

    def set(self, **given: Unpack[Quality]) -> None:
        """Change conditions of this direction from now on, as `Cable.set` does for both."""
        self.lane.set(**conditions(self._cable, given))

    def cut(self) -> None:
        """Lose what is on its way in this direction, and what is sent until `mend`."""
        self.lane.cut()

    def mend(self) -> None:
        """Let frames through again in this direction."""
        self.lane.mend()


class Cable:
    """A full-duplex cable between `a` and `b`: interfaces of hosts, ports of switches, or as `b` a `Tap`."""

    def __init__(self, cable: physical.cable.Cable, a: Interface | Port, b: Interface | Port | Tap) -> None:
        self._cable = cable
        self.a = a
        self.b = b
        cable.plug(a, b)

    @property
    def name(self) -> str:
        """The names of both ends, as `client-switch`."""
        return self._cable.name

    @property
    def ends(self) -> tuple[str, str]:
        """The names of the hosts or switches that it joins: `a`'s, and `b`'s."""
        return self._cable.ends

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        """Both directions with their counters: towards `a`, and towards `b`."""
        return self._cable.lanes

    @property
    def up(self) -> bool:
        """Whether it is not cut."""
        return self._cable.up

    def set(self, **given: Unpack[Quality]) -> None:
        """Change conditions of both directions from now on: those of `Quality`."""
        self._cable.set(**conditions(self.name, given))

    def towards(self, end: Named | str) -> Direction:
        """The direction that leads to `end`: the host or switch at one end, or its name."""
        return Direction(self.name, self._cable.towards(end if isinstance(end, str) else end.name))

    def cut(self) -> None:
        """Lose what is on its way, and what is sent until `mend`."""
        self._cable.cut()

    def mend(self) -> None:
        """Let frames through again."""
        self._cable.mend()

    def __repr__(self) -> str:
        return f"<Cable {self.name}{'' if self.up else ' cut'}>"
