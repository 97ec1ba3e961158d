"""A lab at work: its programs started and its events done at their times, until the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.errors import GlassnetError
from glassnet.glass.capture import Capture
from glassnet.host.deadlock import Deadlock
from glassnet.host.interrupts import orderly
from glassnet.lab.checking import Checked
from glassnet.lab.launching import launch
from glassnet.lab.model import EventPlan, ProgramPlan
from glassnet.lab.output import Output, Said
from glassnet.lab.problems import suggestion
from glassnet.lab.schema import CABLE_ACTIONS, HOST_ACTIONS
from glassnet.topology.cable import Cable
from glassnet.topology.power import HostStateChanged

if TYPE_CHECKING:
    from glassnet.host.process import Process

__all__ = ["Ended", "Session"]

GRACE = 10 * 10**9
"""How long programs that are stopped at the end may take, in nanoseconds."""
_OFF = ("stopping", "off", "crashed")
_AFTERWARDS = 10**9  # so that connections can close


@dataclass(slots=True)
class Ended:
    """How a program fared. `returncode` is None if it never started; `asked` if it was told to end."""

    program: ProgramPlan
    returncode: int | None
    asked: bool
    late: bool = False

    @property
    def failed(self) -> bool:
        """Whether it ended as nobody wanted."""
        return self.late or bool(self.returncode and not self.asked)

    @property
    def how(self) -> str:
        """What became of it, in words."""
        code = self.returncode
        if code is None:
            return "not started"
        how = (
            f"ended by {signal.Signals(-code).name}"
            if code < 0
            else "ended"
            if code == 0
            else f"exit status {code}"
        )
        if self.late:
            return f"still running when the time was up; {how}"
        return f"stopped: {how}" if self.asked else how


class Session:
    """One run of a lab file; `tell` is given each line that programs print.

    A `lasting` one goes on when its programs have ended.
    Programs run with the folder of the lab file as their working directory.
    """

    def __init__(self, checked: Checked, tell: Callable[[Said], object], *, lasting: bool = False) -> None:
        self.folder = checked.folder
        self._checked = checked
        self.lab = checked.lab
        self.network = checked.built.network
        self.output = Output(self.network.engine, tell)
        self.processes: dict[int, Process] = {}
        self.captures: list[Capture] = []
        self._asked: set[int] = set()
        self._late: set[int] = set()
        self._down: dict[str, None] = {}
        self._programs = self.lab.programs
        self._awaited: set[int] = set() if lasting else self._who_is_awaited()
        self._ending = False

    def _who_is_awaited(self) -> set[int]:
        """The programs with whose end the run ends; none if it has its length."""
        until = self.lab.until
        if until is None:
            return set(range(len(self._programs))) if self.lab.for_ is None else set()
        return {
            number
            for number, program in enumerate(self._programs)
            if any(program in self.lab.programs_called(name) for name in until)
        }

    @contextmanager
    def open(self, *more_captures: Path) -> Iterator[None]:
        """While it lasts, captures are written, and programs and events are due at their times.

        OSError if a capture cannot be written.
        """
        network, folder = self.network, self.folder
        before = os.getcwd()
        with ExitStack() as stack:
            stack.callback(self.output.drain)
            stack.callback(network.close)
            for path in more_captures:
                self._capture(stack, path.absolute(), [])
            for plan in self.lab.captures:
                self._capture(stack, folder / plan.file, plan.hosts)
            os.chdir(folder)
            stack.callback(os.chdir, before)
            network.events.on(HostStateChanged, self._host_changed)
            for event in self.lab.events:
                network.engine.at(event.at, self._happen, event)
            for number, program in enumerate(self._programs):
                network.engine.at(program.at, self._start, number)
            yield

    def _capture(self, stack: ExitStack, path: Path, hosts: list[str]) -> None:
        self.captures.append(stack.enter_context(self.network.capture(path, *hosts)))

    def cables(self, name: str) -> list[Cable]:
        """The cables that a name stands for; GlassnetError if there are none."""
        cables = self._checked.built.cables
        if name not in cables:
            raise GlassnetError(f"there is no cable or LAN {name!r}{suggestion(name, cables)}")
        return cables[name]

    # Programs

    def _start(self, number: int) -> None:
        program = self._programs[number]
        host = self.network.hosts[program.host]
        if self._ending or host.state in _OFF:
            return  # a host that is off starts its programs when it boots
        system = host.system
        self._asked.discard(number)
        process = launch(system, program.command, program.name, self.folder, program.env, self.output)
        self.processes[number] = process
        process.on_exit.append(lambda: self._ended(number))

    def _ended(self, number: int) -> None:
        if self._ending:
            if not self._any_alive():
                self.network.pause()
        elif number in self._awaited and not (number in self._asked and self._boots_later(number)):
            self._awaited.discard(number)
            if not self._awaited:
                self.network.pause()

    def _boots_later(self, number: int) -> bool:
        host, now = self._programs[number].host, self.network.engine.now
        return any(
            event.action in ("boot", "restart") and host in event.targets and event.at >= now
            for event in self.lab.events
        )

    def _host_changed(self, change: HostStateChanged) -> None:
        if change.state in _OFF:
            self._down[change.host] = None
        elif change.state == "on" and change.host in self._down:
            del self._down[change.host]
            for number, program in enumerate(self._programs):
                if program.host == change.host and program.at <= change.time:
                    self.network.engine.at(change.time, self._start, number)

    def _ask(self, number: int) -> Process | None:
        """Note that a program is told to end; gives it if it runs."""
        process = self.processes.get(number)
        if process is None or not process.alive:
            return None
        self._asked.add(number)
        return process

    # Events

    def _happen(self, event: EventPlan) -> None:
        for target in event.targets:
            if event.action in CABLE_ACTIONS:
                self._cable(event, target)
            elif event.action in HOST_ACTIONS:
                if event.action in ("crash", "stop", "restart"):
                    for number, program in enumerate(self._programs):
                        if program.host == target:
                            self._ask(number)
                getattr(self.network.hosts[target], event.action)()
            else:
                for number, program in enumerate(self._programs):
                    if program in self.lab.programs_called(target):
                        process = self._ask(number)
                        if process is not None:
                            getattr(process, event.action)()

    def _cable(self, event: EventPlan, target: str) -> None:
        for cable in self.cables(target):
            way = cable if event.towards is None else cable.towards(event.towards)
            if event.action == "set":
                way.set(**event.quality)
                for end, name in zip((cable.a, cable.b), cable.ends, strict=True):
                    if event.mtu is None or event.towards not in (None, name):
                        continue
                    if isinstance(end, Interface):
                        end.mtu = event.mtu
            else:
                getattr(way, event.action)()

    # The run

    def run(self) -> None:
        """Run to the end that the lab file gives; then stop what still runs. Raises Deadlock."""
        engine = self.network.engine
        with orderly(engine):
            if not engine.run(self.lab.for_) and self._awaited:
                raise Deadlock(self.network.world)
        self._late = set(self._awaited)
        self.stop()

    def stop(self) -> None:
        """Ask the programs that still run to end (SIGTERM); kill those that do not."""
        self._ending = True
        engine = self.network.engine
        with orderly(engine):
            for number in self.processes:
                process = self._ask(number)
                if process is not None:
                    process.terminate()
            if self._any_alive():
                engine.run(engine.now + GRACE)
            for number in self.processes:
                process = self._ask(number)
                if process is not None:
                    process.kill()
            engine.run(engine.now + _AFTERWARDS)
        self.output.drain()

    def _any_alive(self) -> bool:
        return any(process.alive for process in self.processes.values())

    @property
    def ended(self) -> list[Ended]:
        """What became of each program, in the order of the file."""
        return [
            Ended(
                program,
                self.processes[number].returncode if number in self.processes else None,
                number in self._asked,
                number in self._late,
            )
            for number, program in enumerate(self._programs)
        ]
