"""Nothing is left to happen, and programs still wait: who, where, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from glassnet.errors import GlassnetError

if TYPE_CHECKING:
    from glassnet.host.system import World

__all__ = ["Deadlock", "Wait"]


@dataclass(frozen=True, slots=True)
class Wait:
    """One line of the report."""

    host: str
    process: str
    pid: int
    strand: str
    waits_for: str


class Deadlock(GlassnetError):
    """A result was asked for that cannot come: every program waits, and no event is left.

    `waits` has one entry for each strand of each process on each host. `sockets` has the table
    of TCP sockets of each host that has a connection.
    """

    def __init__(self, world: World) -> None:
        from glassnet.host.netstat import netstat

        self.waits = tuple(
            Wait(system.name, process.name, process.pid, strand.name, strand.describe())
            for system in world.systems
            for process in system.processes.values()
            for strand in process.strands
        )
        self.sockets = {
            system.name: table for system in world.systems if (table := netstat(system)).connected
        }
        now = world.engine.now / 1e9
        report = [f"at {now:.9g} s nothing is left to happen, but programs wait:", self._table()]
        for name, table in self.sockets.items():
            report += [f"TCP sockets of {name}:", indent(str(table), "  ")]
        super().__init__("\n".join(report))

    def _table(self) -> str:
        rows = [("host", "process", "pid", "waits for")]
        for wait in self.waits:
            thread = "" if wait.strand == "MainThread" else f" [{wait.strand}]"
            rows.append((wait.host, wait.process + thread, str(wait.pid), wait.waits_for))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = []
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  " + "  ".join([*cells, row[3]]))
        return "\n".join(lines)
