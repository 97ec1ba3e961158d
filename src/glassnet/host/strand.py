"""A line of execution: the greenlet behind a process or a thread, and how it waits.

A strand runs until it must wait. Then it parks: control goes back to the *hub*, the
greenlet in which the engine runs, and the network goes on until something wakes the
strand. A wake is an ordinary engine event at the present time, so that the engine's
order is the only order there is.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from contextvars import Context
from heapq import heappush
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet

from glassnet.engine import Timer
from glassnet.errors import GlassnetError
from glassnet.host.burial import silence
from glassnet.host.current import running
from glassnet.host.descriptors.collector import collecting
from glassnet.host.descriptors.files import ALWAYS, OpenFile
from glassnet.host.threads.state import ThreadState, running_loop, thread_dictionary

if TYPE_CHECKING:
    from glassnet.host.process import Process
    from glassnet.host.signalling import Sent

__all__ = ["Describable", "Strand"]

_SPIN_LIMIT = 10_000
_YIELD_COST = 10
_SMALLEST_STEP = 1_000
_LARGEST_STEP = 100_000_000
_PATIENCE_WITH_THE_DOOMED = 1_000

_never_resumed: list[greenlet] = []


def _say_nothing(*args: object) -> None:
    pass


class Describable(Protocol):
    """Something to wait for that says what it is."""

    def describe(self) -> str:
        """What it is, in a few words."""


class Strand:
    """One line of execution of a process. `doing` says what it waits for."""

    __slots__ = (
        "_dictionary",
        "_greenlet",
        "_hub",
        "_machine_thread",
        "_refused",
        "_spinning_since",
        "_spins",
        "_spun_at",
        "_state",
        "_target",
        "_timer",
        "_waiting_for_end",
        "blocked",
        "daemon",
        "doing",
        "doomed",
        "engine",
        "finished",
        "frozen",
        "ident",
        "interrupts",
        "local_data",
        "name",
        "parked",
        "process",
        "signals",
        "thread",
        "woken",
    )

    def __init__(
        self, process: Process, name: str, body: Callable[[], object], context: Context, daemon: bool
    ) -> None:
        self.process = process
        self.engine = process.system.engine
        self.name = name
        self.daemon = daemon
        self.ident = next(process.system.world.threads)
        self.thread: Any = None
        self.local_data: WeakKeyDictionary[Any, dict[str, Any]] | None = None
        self.doing: str | tuple[str, Describable] = "starting"
        self.parked = True
        self.woken = True
        self.doomed = False
        self.finished = False
        self.frozen = False
        self.blocked: frozenset[int] = frozenset()
        self.signals: dict[int, Sent] = {}
        """Signals pending for it alone, by number."""
        self.interrupts = 0
        """How many signals with handlers were delivered to it."""
        self._waiting_for_end: list[Strand] = []
        self._refused = 0
        self._spins = 0
        self._spun_at = -1
        self._spinning_since: int | None = None
        self._timer: Timer | None = None
        self._state = ThreadState()
        self._greenlet = self._target = greenlet(body)
        self._greenlet.gr_context = context
        self._hub: greenlet | None = None
        self._machine_thread = 0
        self._dictionary: dict[Any, Any] = {}
        heappush(self.engine.heap, (self.engine.now, next(self.engine.order), self._resume, None))

    def running_loop(self) -> Any:
        """The asyncio loop that runs in it, or None."""
        return self._state.loop if self.parked or self.frozen else running_loop()

    def runs_in(self, thread: int) -> bool:
        """Whether it runs in this thread of the machine."""
        return self._machine_thread == thread

    # From the engine's side

    def _resume(self, _: None = None) -> None:
        if not self.parked:
            return  # ended meanwhile
        self.parked = False
        hub = getcurrent()
        if self._hub is not hub:
            self._enter_hub(hub)
        thread = self._machine_thread
        before = running.get(thread)
        state = self._state
        state.exchange(self._dictionary)
        # Real signals are for the program only while it is in `running`: see `interrupts`.
        running[thread] = self
        interpreter = self.process.interpreter
        if interpreter is not None:
            interpreter.enter()
        try:
            if self.doomed:
                with silence():
                    self._target.switch()
            else:
                self._target.switch()
        finally:
            if interpreter is not None:
                interpreter.leave()
            running[thread] = before
            state.exchange(self._dictionary)
            if self.finished:
                state.drop()

    def _enter_hub(self, hub: greenlet) -> None:
        thread = get_ident()
        if self._machine_thread not in (0, thread):
            self.parked = True
            raise GlassnetError(
                f"process {self.process.name!r} on host {self.process.system.name!r} was begun in another "
                "thread: programs cannot change threads, so run a network always in the same one"
            )
        self._hub = hub
        self._machine_thread = thread
        self._dictionary = thread_dictionary()
        self._greenlet.parent = hub

    def _expired(self) -> None:
        if self.parked and not self.woken:
            self._resume()

    def wake(self) -> None:
        """Run again, after what is already due now. Waking twice is waking once."""
        if self.parked and not self.woken:
            self.woken = True
            engine = self.engine
            heappush(engine.heap, (engine.now, next(engine.order), self._resume, None))

    def ready(self, file: OpenFile) -> None:
        """`file` has what this strand waits for."""
        self.wake()

    def doom(self) -> None:
        """Let nothing succeed any more: wherever it waits or will wait, SystemExit is raised."""
        self.doomed = True
        if self.frozen:
            self.frozen, self.parked, self.woken = False, True, False
        if self.thread is not None:
            # SystemExit ends a thread quietly, unless someone has put a hook of their own in place.
            self.thread._invoke_excepthook = _say_nothing
        self.wake()

    def freeze(self) -> None:
        """Do not run, whatever comes, until `thaw`."""
        if not self.frozen and not self.finished:
            self.frozen = True
            self.parked = False  # so that neither wakes nor deadlines resume it

    def thaw(self) -> None:
        """Run again: to look whether what was waited for has come, or the deadline."""
        if self.frozen:
            self.frozen, self.parked, self.woken = False, True, False
            self.wake()

    def end(self) -> None:
        """It has run to its end: tell its process and whoever joins it."""
        self.finished = True
        for strand in self._waiting_for_end:
            strand.wake()
        self.process.strand_finished(self)

    def join(self, waiter: Strand, deadline: int | None) -> bool:
        """Let `waiter` wait for the end of this strand; False if `deadline` came first."""
        self._waiting_for_end.append(waiter)
        waiter.settle(f"end of thread {self.name!r}")
        try:
            while not self.finished:
                if not waiter.park(deadline):
                    break
        finally:
            self._waiting_for_end.remove(waiter)
        return self.finished

    def unwind(self) -> None:
        """Run a doomed strand to its end, outside of the engine's order."""
        if not self.finished and self._machine_thread in (0, get_ident()):
            self._resume()

    # From the program's side

    def park(self, deadline: int | None = None) -> bool:
        """Wait until woken (True), or until time `deadline` (False).

        Wakes can be spurious: a signal's handler may have run. Look, and park again.
        """
        if self.doomed:
            self._refuse()
        hub = self._hub
        assert hub is not None
        timer = self._timer
        if deadline is not None:
            if timer is None:
                timer = self._timer = Timer(self.engine, self._expired)
            timer.start(max(deadline, self.engine.now))
        # Some libraries run parts of a program in greenlets of their own.
        self._target = getcurrent()
        self.parked = True
        self.woken = False
        hub.switch()
        if deadline is not None and timer is not None:
            timer.stop()
        if self.doomed:
            self._refuse()
        woken = self.woken
        process = self.process
        if process.signals.tripped and process.main is self:
            process.signals.handle()
        return woken

    def stand_still(self) -> None:
        """It was frozen while it ran: do nothing until it is thawed."""
        assert self._hub is not None
        while self.frozen:
            self._target = getcurrent()
            self._hub.switch()
        if self.doomed:
            self._refuse()

    def _refuse(self) -> None:
        self._refused += 1
        if self._refused > _PATIENCE_WITH_THE_DOOMED:
            # It catches SystemExit and tries again, for ever. A dead program does nothing: nor shall this.
            _never_resumed.append(getcurrent())
            self.end()
            while self._hub is not None:
                self._hub.switch()
        raise SystemExit

    def wait(self, file: OpenFile, interest: int, deadline: int | None, verb: str) -> bool:
        """Wait for `file` to become ready for `interest` (True), at most until `deadline` (False).

        The caller has looked, found nothing, and looks again afterwards: a wait may
        end for nothing.
        """
        self.doing = (verb, file)
        self._spinning_since = None
        watchers = file.watchers
        watchers[self] = interest | ALWAYS
        try:
            return self.park(deadline)
        finally:
            watchers.pop(self, None)

    def settle(self, doing: str | tuple[str, Describable]) -> None:
        """Begin a wait of its own making: say for what; it does not spin now."""
        self.doing = doing
        self._spinning_since = None

    def sleep(self, duration: int) -> None:
        """Wait for `duration` nanoseconds by the clock of the host."""
        deadline = self.process.system.clock.after(duration)
        if not duration:
            self.spin(_YIELD_COST)
            self.park(deadline)
            return
        self.settle(f"sleep until {deadline / 1e9:.9g} s")
        self.park(deadline)
        while self.engine.now < deadline:
            self.park(deadline)

    def spin(self, cost: int) -> bool:
        """The program looks at the clock, or polls, without waiting; True if that made time pass.

        Real time passes while a real program does that. Here a program that does
        nothing else gets forward in time, by steps that grow with how long it has.
        Finalizers that the cycle collector calls, whenever it runs, take no time by it.
        """
        if collecting():
            return False
        at = self.engine.now
        if self._spun_at != at:
            self._spun_at = at
            self._spins = 0
        self._spins += cost
        if self._spins <= _SPIN_LIMIT:
            return False
        self._spins = 0
        if self._spinning_since is None:
            self._spinning_since = at
        step = (at - self._spinning_since) // 8
        self.doing = "polling"
        deadline = at + min(max(step, _SMALLEST_STEP), _LARGEST_STEP)
        while self.engine.now < deadline:
            self.park(deadline)
        return True

    def describe(self) -> str:
        """What it waits for, in one phrase."""
        doing = self.doing
        if self.frozen:
            return "SIGCONT" if self.process.stopped else "its host, which is paused"
        if isinstance(doing, str):
            return doing
        verb, what = doing
        return f"{verb} on {what.describe()}"
