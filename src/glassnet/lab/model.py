"""A lab file, read: plain values and nothing done yet. `path` is where in the file each part is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from glassnet.lab.commands import Command
from glassnet.lab.positions import Path

__all__ = ["CablePlan", "CapturePlan", "EventPlan", "HostPlan", "Lab", "LanPlan", "ProgramPlan", "SwitchPlan"]


@dataclass(slots=True)
class LanPlan:
    """`[lan.NAME]`: a switch called NAME, and a cable to it from each host."""

    path: Path
    name: str
    hosts: list[str] = field(default_factory=list)
    prefix: tuple[str, ...] | None = None
    mtu: int = 1500
    quality: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class CablePlan:
    """`[cable.NAME]`: a cable between two hosts, routers or switches."""

    path: Path
    name: str
    between: list[str] = field(default_factory=list)
    prefix: tuple[str, ...] | None = None
    mtu: int = 1500
    quality: dict[str, Any] = field(default_factory=dict)
    towards: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class SwitchPlan:
    """`[switch.NAME]`."""

    path: Path
    name: str
    prefix: tuple[str, ...] | None = None


@dataclass(slots=True)
class ProgramPlan:
    """What a host runs, and when it starts (nanoseconds)."""

    path: Path
    host: str
    name: str
    command: Command
    at: int = 0
    env: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class HostPlan:
    """`[host.NAME]` or `[router.NAME]`, or a host that only a LAN names."""

    path: Path
    name: str
    router: bool = False
    programs: list[ProgramPlan] = field(default_factory=list)
    address: list[str] = field(default_factory=list)
    route: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    dns: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    skew: str | float = 0
    drift: str | float = 0
    tcp: str | dict[str, Any] | None = None


@dataclass(slots=True)
class EventPlan:
    """`[[event]]`: `action` is done to `targets` at time `at` (nanoseconds)."""

    path: Path
    at: int
    action: str
    targets: list[str]
    towards: str | None = None
    mtu: int | None = None
    quality: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class CapturePlan:
    """`[[capture]]`: a file, and the hosts whose frames go into it; without any, those of all hosts."""

    path: Path
    file: str
    hosts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Lab:
    """A whole lab file. `for_` is in nanoseconds."""

    seed: int | str = 0
    clock: tuple[str, float] = ("virtual", 1.0)
    for_: int | None = None
    until: list[str] | None = None
    tcp: str | dict[str, Any] | None = None
    names: dict[str, list[str]] = field(default_factory=dict)
    lans: dict[str, LanPlan] = field(default_factory=dict)
    cables: dict[str, CablePlan] = field(default_factory=dict)
    switches: dict[str, SwitchPlan] = field(default_factory=dict)
    hosts: dict[str, HostPlan] = field(default_factory=dict)
    captures: list[CapturePlan] = field(default_factory=list)
    events: list[EventPlan] = field(default_factory=list)

    @property
    def programs(self) -> list[ProgramPlan]:
        """The programs of all hosts."""
        return [program for host in self.hosts.values() for program in host.programs]

    def programs_called(self, name: str) -> list[ProgramPlan]:
        """The programs that `name` stands for: those of a host, or one as `"host/program"`."""
        return [each for each in self.programs if name in (each.host, f"{each.host}/{each.name}")]
