"""A cable: two lanes, one each way, between two receivers."""

from __future__ import annotations

from typing import Unpack

from glassnet.engine import Engine
from glassnet.physical.conditions import Changes, Conditions
from glassnet.physical.lane import FrameImpaired, Lane, LaneChanged, Receiver

__all__ = ["Cable", "FrameImpaired", "Lane", "LaneChanged", "Receiver"]


class Cable:
    """A full-duplex cable between two ends, which `ends` names.

    The conditions are those of `Conditions`: `rate` in bits per second (None: infinitely
    fast), `delay` in nanoseconds, `queue` in octets (None: no limit), its `discipline`, and the
    impairments.
    A value that makes no sense is a ValueError that names the cable.
    """

    __slots__ = ("_lanes", "ends", "name")

    def __init__(
        self, engine: Engine, name: str, *, ends: tuple[str, str] = ("a", "b"), **conditions: Unpack[Changes]
    ) -> None:
        if ends[0] == ends[1]:
            raise ValueError(f"cable {name}: both ends are called {ends[0]!r}: give them different names")
        self.name = name
        self.ends = ends
        same = Conditions().changed(name, conditions)
        self._lanes = {end: Lane(engine, name, end, same) for end in ends}

    def towards(self, end: str | Receiver) -> Lane:
        """The lane on which frames arrive at `end`: its name, or what is plugged in there."""
        if isinstance(end, str):
            if end in self._lanes:
                return self._lanes[end]
        else:
            for lane in self._lanes.values():
                if lane.receiver is end:
                    return lane
        name = repr(end) if isinstance(end, str) else end.name
        raise ValueError(f"cable {self.name}: no end {name}: it has {self.ends[0]!r} and {self.ends[1]!r}")

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        """Both directions: towards the first end, and towards the second."""
        first, second = self._lanes.values()
        return first, second

    def plug(self, a: Receiver, b: Receiver) -> None:
        """Plug the first end into `a` and the second into `b`; ValueError if one is taken."""
        if a is b:
            raise ValueError(f"cable {self.name}: both ends are plugged into {a.name}")
        for end in (a, b):
            if end.lane is not None:
                raise ValueError(f"cable {self.name}: {end.name} has a cable already: {end.lane.cable}")
        towards_a, towards_b = self.lanes
        for lane in self.lanes:
            if lane.receiver is not None:
                raise ValueError(
                    f"cable {self.name}: already plugged into {lane.receiver.name}: unplug it first"
                )
        towards_a.attach(a)
        towards_b.attach(b)
        a.lane = towards_b
        b.lane = towards_a

    def unplug(self) -> None:
        """Pull both ends out; what is on its way is lost."""
        for lane in self.lanes:
            if lane.receiver is not None:
                lane.receiver.lane = None
                lane.attach(None)

    def set(self, **changes: Unpack[Changes]) -> None:
        """Change conditions in both directions from now on; `towards(end).set(...)` changes one."""
        for lane in self.lanes:
            lane.conditions.changed(self.name, changes)  # refuse bad ones before either lane takes them
        for lane in self.lanes:
            lane.set(**changes)

    @property
    def up(self) -> bool:
        """Whether frames get through in both directions."""
        return all(lane.up for lane in self.lanes)

    def cut(self) -> None:
        """Cut it: what is on its way is lost, and whatever is sent until `mend`."""
        for lane in self.lanes:
            lane.cut()

    def mend(self) -> None:
        """Mend it: frames get through again."""
        for lane in self.lanes:
            lane.mend()

    def __repr__(self) -> str:
        return f"<Cable {self.name}: {self.ends[0]} to {self.ends[1]}{'' if self.up else ', cut'}>"
