"""A program on a virtual host: started, waited for, signalled, ended."""

from __future__ import annotations

import inspect
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from typing import TYPE_CHECKING, Any

from glassnet.errors import GlassnetError, ProcessEnded
from glassnet.host.burial import bury, disown
from glassnet.host.current import current, running_or_none
from glassnet.host.deadlock import Deadlock
from glassnet.host.interrupts import orderly
from glassnet.host.signalling import SI_USER, Sent, Signalling
from glassnet.host.strand import Strand
from glassnet.host.threads.workers import finish_idle_workers

if TYPE_CHECKING:
    from types import TracebackType

    from glassnet.host.interpreter import Interpreter
    from glassnet.host.system import System

__all__ = ["Process"]


class Process:
    """A running program: a function with a host, a number, open files and signal handlers.

    `returncode` is None while it runs, then its exit status: 0 when the function
    returned, 1 when it raised, what it gave to `sys.exit`, or minus the number of
    the signal that ended it. What it still holds open when it ends is closed.
    """

    def __init__(
        self,
        system: System,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str,
    ) -> None:
        self.system = system
        self.name = name
        self.label = system.next_label(name)
        self.pid = system.next_pid()
        self.returncode: int | None = None
        self.exception: BaseException | None = None
        self.numbers: dict[int, None] = {}
        self.default_timeout: float | None = None
        self.stopped = False
        self.at_exit: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []
        self.on_exit: list[Callable[[], object]] = []
        self.strands: dict[Strand, None] = {}
        self.thread_numbers = count(1)
        self.executor_numbers = count()
        """What the names of its next thread and executor end with, as in an interpreter of its own."""
        self.interpreter: Interpreter | None = None
        self._call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = (
            function,
            args,
            kwargs,
        )
        self._result: Any = None
        self._traceback: TracebackType | None = None
        self._collectors = 0
        self.interrupted = False
        self._joining = False
        self._loops: list[Any] = []
        self.signals = Signalling(self)
        # As empty as in a new interpreter: nothing of who started it leaks in.
        context = Context()
        context.run(current.set, system)
        self.main = Strand(self, "MainThread", self._run, context, daemon=False)
        self.strands[self.main] = None
        system.processes[self.pid] = self
        if self.held:
            self.main.freeze()

    def __repr__(self) -> str:
        state = "running" if self.returncode is None else f"returncode={self.returncode}"
        return f"<Process {self.name!r} (pid {self.pid}) on host {self.system.name!r}, {state}>"

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.returncode is None

    # Its life

    def _run(self) -> None:
        code = self._attempt(self._execute)
        joined = self._attempt(self._join_threads)
        left = self._attempt(self.call_at_exit)
        self.main.end()
        self._close(code or joined or left)
        for loop in self._loops:
            bury(loop)
        self._loops.clear()

    def _attempt(self, action: Callable[[], None]) -> int:
        """Run `action` in this process; returns the exit status that its end means."""
        try:
            if self.main.doomed:
                return 0
            action()
        except SystemExit as leaving:
            if not self.main.doomed:
                return self._exit_status(leaving.code)
        except KeyboardInterrupt as error:
            if not self.interrupted:
                # Someone at a real keyboard wants the whole run to stop.
                self.main.end()
                self._close(-signal.SIGINT)
                raise
            self._failed(error)
            return -signal.SIGINT
        except BaseException as error:
            self._failed(error)
            return 1
        return 0

    def _execute(self) -> None:
        assert self._call is not None
        function, args, kwargs = self._call
        self._call = None
        value = function(*args, **kwargs)
        if inspect.iscoroutine(value):
            import asyncio

            value = asyncio.run(value)
        self._result = value

    def _join_threads(self) -> None:
        main = self.main
        main.settle("end of its threads")
        finish_idle_workers(self)
        self._joining = True
        while any(not strand.daemon for strand in self.strands if strand is not main):
            main.park()

    def call_at_exit(self) -> None:
        """Call what `atexit` has registered, the last first; not what is registered meanwhile."""
        for entry in reversed(tuple(self.at_exit)):
            if not any(each is entry for each in self.at_exit):
                continue  # one called before has unregistered it
            function, args, kwargs = entry
            try:
                function(*args, **kwargs)
            except BaseException as error:
                if self.main.doomed:
                    raise
                print(f"Exception ignored in atexit callback: {function!r}", file=sys.stderr)
                traceback.print_exception(error)
        self.at_exit.clear()

    def _exit_status(self, code: object) -> int:
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        print(code, file=sys.stderr)
        return 1

    def _failed(self, error: BaseException) -> None:
        if self.returncode is not None:
            return
        self.exception = error
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        self._traceback = error.__traceback__ = frames
        if not self._collectors:
            now = self.system.engine.now / 1e9
            print(
                f"host {self.system.name!r}, process {self.name!r} (pid {self.pid}), at {now:.6f} s:",
                file=sys.stderr,
            )
            traceback.print_exception(error)

    def strand_finished(self, strand: Strand) -> None:
        """One of its strands has run to its end."""
        self.strands.pop(strand, None)
        if self._joining:
            self.main.wake()

    def end(self, code: int) -> None:
        """End it at once, with this exit status. If it is the one that runs, this does not return."""
        self._close(code)
        strand = running_or_none()
        if strand is not None and strand.process is self:
            raise SystemExit

    def _close(self, code: int) -> None:
        if self.returncode is not None:
            return
        self.returncode = code
        self.signals.alarm.stop()
        self.system.processes.pop(self.pid, None)
        files = self.system.world.files
        for number in tuple(self.numbers):
            files.close(number)
        for strand in tuple(self.strands):
            loop = strand.running_loop()
            if loop is not None:
                self._loops.append(loop)
                disown(loop)
            strand.doom()
        callbacks, self.on_exit = self.on_exit, []
        for callback in callbacks:
            callback()

    def abandon(self) -> None:
        """End it at once, and unwind what it left on its stacks without waiting for an event."""
        strands = tuple(self.strands)
        self._close(-signal.SIGKILL)
        if not self.system.engine.running:
            for strand in strands:
                strand.unwind()

    # Signals

    def send_signal(self, number: int) -> None:
        """Send it a signal from outside, as kill(1) does: its handler runs, or the default is done."""
        self.send(Sent(signal.Signals(number), SI_USER, 0))

    def send(self, sent: Sent, strand: Strand | None = None) -> None:
        """Deliver a signal to it, or to one of its strands."""
        self.signals.send(sent, strand)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM): its handler runs, or it ends at once with returncode -15."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL): the host closes its files, returncode is -9.

        Python's `finally` blocks still run, but nothing that they do gets out.
        """
        self.send_signal(signal.SIGKILL)

    # Standing still

    @property
    def held(self) -> bool:
        """Whether it stands still: stopped by a signal, or because its host is paused."""
        return self.stopped or self.system.paused

    def stop(self) -> None:
        """Stand still until SIGCONT comes (SIGSTOP)."""
        self.stopped = True
        self.freeze()

    def freeze(self) -> None:
        """Let none of its strands run; if one of them runs now, this returns after `thaw`."""
        for strand in self.strands:
            strand.freeze()
        running = running_or_none()
        if running is not None and running.process is self:
            running.stand_still()

    def thaw(self) -> None:
        """Nothing holds it any more: go on, after what is already due now."""
        self.system.engine.after(0, self._go_on)

    def _go_on(self, _: None) -> None:
        if not self.held and self.returncode is None:
            for strand in self.strands:
                strand.thaw()
            self.signals.resumed()

    # Waiting for it

    @contextmanager
    def collected(self) -> Iterator[None]:
        """While someone is there to take its exception, it is not printed as well."""
        self._collectors += 1
        try:
            yield
        finally:
            self._collectors -= 1

    def wait(self) -> int:
        """Run the network, or inside a program wait, until it has ended; returns `returncode`.

        Raises Deadlock when nothing is left that could happen, and it waits.
        """
        strand = running_or_none()
        with self.collected():
            if strand is None:
                self.run_network()
            else:
                strand.settle(f"end of process {self.name!r} on host {self.system.name!r}")
                with self._told(strand.wake):
                    while self.returncode is None:
                        strand.park()
        assert self.returncode is not None
        return self.returncode

    @contextmanager
    def _told(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call `callback` if the process ends meanwhile."""
        self.on_exit.append(callback)
        try:
            yield
        finally:
            if callback in self.on_exit:
                self.on_exit.remove(callback)

    def run_network(self) -> None:
        """Run the network until it has ended; its exception is printed, as nobody takes it here."""
        if self.returncode is not None:
            return
        engine = self.system.engine
        if engine.running:
            raise GlassnetError(
                f"cannot wait for process {self.name!r} inside an event of the network: "
                "wait for it in a program, or after net.run() has returned"
            )
        with self._told(engine.pause), orderly(engine):
            paused = engine.run()
            while not paused and self.system.world.collect():
                paused = engine.run()
        if self.returncode is None:
            if paused:
                raise GlassnetError(
                    f"the network was paused before process {self.name!r} on host {self.system.name!r} "
                    "had ended: ask for its result again to go on"
                )
            raise Deadlock(self.system.world)

    def result(self) -> Any:
        """What the function returned, once it has; raises what it raised.

        Outside of programs this runs the network. Raises ProcessEnded if it left
        with another exit status than 0, or was ended by a signal, and Deadlock if
        it waits for something that cannot happen.
        """
        code = self.wait()
        if self.exception is not None:
            raise self.exception.with_traceback(self._traceback)
        if code:
            how = f"was ended by {_signal_name(-code)}" if code < 0 else f"left with exit status {code}"
            raise ProcessEnded(f"process {self.name!r} on host {self.system.name!r} {how}", code)
        return self._result


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
