"""The life of a host: crashing, stopping, booting, pausing.

A host that is off sends nothing and takes nothing in. What its stack and its programs
knew is gone; what was set up for it (addresses, routes, names, the programs given to
`Host.start`) is there again when it boots. A paused host stands still as a paused virtual
machine does: its clock goes on, and what was due meanwhile happens late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappush
from typing import TYPE_CHECKING, Any

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops, Timer
from glassnet.errors import GlassnetError
from glassnet.host.current import running_or_none

if TYPE_CHECKING:
    from glassnet.engine.clock import Entry
    from glassnet.host.process import Process
    from glassnet.topology.host import Host

__all__ = ["HostStateChanged", "Power"]

_LAST_WORDS = 10**9
"""Between the end of the last program and the end of the network: what is on its way is still answered."""

# From what hangs in the engine's queue to the `drops` of the host that it belongs to.
_WAYS = ("drops", "_drops", "tcp", "_tcp", "_connection", "connection", "_cache", "_internet", "internet")


@dataclass(frozen=True, slots=True)
class HostStateChanged:
    """A host went on, off, or into something between: `state` is what `Host.state` says now."""

    time: int
    host: str
    state: str


class Power:
    """Whether a host is on, and what follows from that.

    `state` is `"on"`, `"paused"`, `"stopping"`, `"off"` or `"crashed"`.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.state = "on"
        self.programs: list[Callable[[], Process]] = []
        """How to start again what was given to `Host.start`."""
        self._up: list[Interface] = []
        self._late: list[Entry] = []
        self._boots_again = False
        self._stops = 0

    def _enter(self, state: str) -> None:
        self.state = state
        host = self._host
        host.system.off = {
            "off": "is off",
            "crashed": "has crashed",
            "stopping": "is being stopped",
        }.get(state, "")
        engine = host.network.engine
        if HostStateChanged in engine.events.wanted:
            engine.events.tell(HostStateChanged(engine.now, host.name, state))

    def _require(self, what: str, *states: str) -> None:
        if self.state not in states:
            first = {
                "paused": "resume() it first",
                "on": "it is on already",
                "stopping": "wait until its state is 'off'",
                "off": "boot() it first",
                "crashed": "boot() it first",
            }[self.state]
            raise GlassnetError(f"host {self._host.name}: cannot {what} while it is {self.state}: {first}")

    # Off

    def crash(self) -> None:
        """Be off at once, as without electricity."""
        self._require("crash", "on", "stopping", "paused")
        self._off("crashed")
        strand = running_or_none()
        if strand is not None and strand.process.system is self._host.system:
            raise SystemExit

    def stop(self, grace: int) -> None:
        """Ask all programs to end, end those that have not after `grace` nanoseconds, and be off then."""
        self._require("stop", "on")
        self._end_programs(grace)

    def restart(self, grace: int) -> None:
        """Stop, and boot when that is done."""
        self._require("restart", "on")
        self._boots_again = True
        self._end_programs(grace)

    def _end_programs(self, grace: int) -> None:
        self._enter("stopping")
        self._stops += 1
        engine = self._host.network.engine
        engine.after(grace, self._out_of_patience, self._stops)
        self._await_programs()
        for process in self._processes():
            process.terminate()

    def _processes(self) -> list[Process]:
        """The programs of the host; the one that runs is the last, as it may not come back from its turn."""
        strand = running_or_none()
        running = None if strand is None else strand.process
        return sorted(self._host.system.processes.values(), key=lambda process: process is running)

    def _await_programs(self) -> None:
        processes = self._host.system.processes
        for process in processes.values():
            process.on_exit.append(self._await_programs)
            return
        self._host.network.engine.after(_LAST_WORDS, self._stopped, self._stops)

    def _out_of_patience(self, stop: int) -> None:
        if self.state == "stopping" and stop == self._stops:
            for process in tuple(self._host.system.processes.values()):
                process.kill()

    def _stopped(self, stop: int) -> None:
        if self.state == "stopping" and stop == self._stops:
            again = self._boots_again
            self._off("off")
            if again:
                self.boot()

    def _off(self, state: str) -> None:
        host = self._host
        self._boots_again = False
        self._late.clear()
        for interface in host.internet.interfaces.values():
            interface.release()
            if interface.up:
                self._up.append(interface)
                interface.up = False
        host.system.paused = False
        host.tcp.power_off()
        self._enter(state)
        host.system.close()
        self._take_out()
        internet = host.internet
        for attachment in internet.attachments.values():
            attachment.neighbours(4).clear()
            attachment.neighbours(16).clear()
        internet.fragments_v4.clear()
        internet.fragments_v6.clear()
        internet.echo_listeners.clear()
        internet.invalidate()

    # On

    def boot(self) -> list[Process]:
        """Be on again, and start the programs that were given to `Host.start`."""
        self._require("boot", "off", "crashed")
        host = self._host
        for interface in self._up:
            interface.up = True
        self._up.clear()
        host.internet.invalidate()
        host.system.clock.boot()
        self._enter("on")
        programs, self.programs = self.programs, []
        return [start() for start in programs]

    # Standing still

    def pause(self) -> None:
        """Stand still; a program of this host that calls it goes on when the host does."""
        self._require("pause", "on")
        host = self._host
        host.system.paused = True
        for interface in host.internet.interfaces.values():
            interface.hold()
        self._late += self._take_out()
        self._enter("paused")
        for process in self._processes():
            process.freeze()

    def resume(self) -> None:
        """Go on."""
        if self.state != "paused":
            raise GlassnetError(
                f"host {self._host.name}: cannot resume while it is {self.state}: pause() it first"
            )
        host = self._host
        engine = host.network.engine
        host.system.paused = False
        self._enter("on")
        for when, _, callback, argument in sorted(self._late, key=lambda entry: entry[:2]):
            # A timer knows its entry by the time that it was set to, which is the argument.
            heappush(engine.heap, (max(when, engine.now), next(engine.order), callback, argument))
        self._late.clear()
        for interface in host.internet.interfaces.values():
            interface.release()
        for process in tuple(host.system.processes.values()):
            process.thaw()

    def _take_out(self) -> list[Entry]:
        """Take what the stack of this host has in the engine's queue out of it."""
        engine = self._host.network.engine
        heap = engine.heap
        ours = [entry for entry in heap if self._owns(entry[2])]
        if ours:
            taken = {entry[1] for entry in ours}
            heap[:] = [entry for entry in heap if entry[1] not in taken]
            heapify(heap)
        return ours

    def _owns(self, callback: Any) -> bool:
        thing = getattr(callback, "__self__", None)
        if isinstance(thing, Timer):
            thing = getattr(thing.callback, "__self__", None)
        if isinstance(thing, Interface) and thing is not self._host.internet.loopback:
            return False  # a frame on its way here: it comes whether anyone is there or not
        while thing is not None:
            if isinstance(thing, Drops):
                return thing is self._host.drops
            thing = next((getattr(thing, way) for way in _WAYS if hasattr(thing, way)), None)
        return False
