"""What the kernel keeps of a program's signals: handlers, masks, what is pending, and its alarm clock.

As in CPython, a signal's handler runs in the main strand, between two of its steps. Only
a signal that is delivered to the main strand interrupts what that waits for.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from glassnet.engine import Timer
from glassnet.host.current import running_or_none
from glassnet.host.sockets.file import SocketFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glassnet.host.process import Process
    from glassnet.host.strand import Strand

__all__ = ["SI_KERNEL", "SI_TKILL", "SI_USER", "Sent", "Signalling"]

SI_USER = 0
SI_TKILL = -6
SI_KERNEL = 0x80

_FIRST_HANDLERS: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}
_HARMLESS = frozenset((signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT))
_STOPPING = frozenset((signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))


class Sent(NamedTuple):
    """A signal, and how it came: siginfo_t of sigaction(2)."""

    number: int
    code: int
    pid: int


class Signalling:
    """The signals of one process. `tripped` are those whose handlers are due, by number."""

    __slots__ = (
        "_deferred",
        "_process",
        "alarm",
        "handlers",
        "idle_timers",
        "interval",
        "pending",
        "tripped",
        "waiters",
        "wakeup_number",
    )

    def __init__(self, process: Process) -> None:
        self._process = process
        self.handlers: dict[int, Any] = {}
        self.pending: dict[int, Sent] = {}
        self.tripped: dict[int, None] = {}
        self.waiters: dict[Strand, tuple[frozenset[int], list[Sent]]] = {}
        self.wakeup_number = -1
        self.alarm = Timer(process.system.engine, self._rings)
        self.interval = 0
        self.idle_timers: dict[int, tuple[float, float]] = {}
        """Those of CPU time, which stand still: a program on a host uses none."""
        self._deferred: list[tuple[Sent, Strand | None]] = []

    def handler(self, number: int) -> Any:
        """What it has for this signal: a function, SIG_DFL or SIG_IGN; as Python sets it up at first."""
        return self.handlers.get(number, _FIRST_HANDLERS.get(number, signal.SIG_DFL))

    def send(self, sent: Sent, strand: Strand | None = None) -> None:
        """Deliver a signal to the process, or to one of its strands, as kill(2) and tgkill(2) do."""
        process = self._process
        number = int(sent.number)
        if process.returncode is not None:
            return
        if number == signal.SIGKILL:
            process.end(-number)
            return
        if process.stopped and number == signal.SIGCONT:
            process.stopped = False
            process.thaw()
        if process.held:
            self._deferred.append((sent, strand))
            return
        if number == signal.SIGSTOP:
            process.stop()
            return
        targets = (process.main, *process.strands) if strand is None else (strand,)
        for each in targets:
            waiter = self.waiters.get(each)
            if waiter is not None and number in waiter[0] and not waiter[1]:
                waiter[1].append(sent)
                each.wake()
                return
        open_to_it = next((each for each in targets if number not in each.blocked), None)
        if open_to_it is None:
            (self.pending if strand is None else strand.signals).setdefault(number, sent)
            return
        self._deliver(number, open_to_it)

    def _deliver(self, number: int, strand: Strand) -> None:
        process = self._process
        handler = self.handler(number)
        if callable(handler):
            self.trip(number)
            strand.interrupts += 1
            strand.wake()
            if running_or_none() is process.main:
                self.handle()
        elif handler == signal.SIG_DFL and number in _STOPPING:
            process.stop()
        elif handler == signal.SIG_DFL and number not in _HARMLESS:
            process.end(-number)

    def resumed(self) -> None:
        """The process goes on: deliver what came while it was held."""
        deferred, self._deferred = self._deferred, []
        for sent, strand in deferred:
            self.send(sent, strand)

    def trip(self, number: int) -> None:
        """Its handler is due."""
        self.tripped[number] = None
        file = self._process.system.world.files.files.get(self.wakeup_number)
        if isinstance(file, SocketFile):
            try:
                file.send(bytes((number,)))
            except OSError:
                pass  # as CPython: the handler is what counts

    def handle(self) -> None:
        """Run the handlers that are due, the lowest number first; called in the main strand."""
        tripped = self.tripped
        while tripped:
            number = min(tripped)
            del tripped[number]
            handler = self.handler(number)
            if callable(handler):
                if number == signal.SIGINT:
                    self._process.interrupted = True
                handler(number, sys._getframe(2))

    # Masks

    def set_mask(self, strand: Strand, blocked: frozenset[int]) -> None:
        """Block these signals for `strand`; deliver what came while others were."""
        strand.blocked = blocked - {signal.SIGKILL, signal.SIGSTOP}
        for pending, target in ((strand.signals, strand), (self.pending, None)):
            numbers = sorted(set(pending) - strand.blocked)
            if numbers:
                try:
                    self.send(pending.pop(numbers[0]), target)
                finally:
                    # A handler that raises keeps none of the others from its turn.
                    self.set_mask(strand, strand.blocked)
                return

    def take(self, strand: Strand, numbers: Iterable[int]) -> Sent | None:
        """One of these signals that is pending for `strand`, the lowest number first; None without one."""
        for number in sorted(numbers):
            sent = strand.signals.pop(number, None) or self.pending.pop(number, None)
            if sent is not None:
                return sent
        return None

    def wait(self, strand: Strand, numbers: frozenset[int], deadline: int | None) -> Sent | None:
        """Wait for one of these signals, at most until `deadline` (then None)."""
        sent = self.take(strand, numbers)
        if sent is not None:
            return sent
        got: list[Sent] = []
        self.waiters[strand] = (numbers, got)
        strand.settle("a signal")
        try:
            while not got and strand.park(deadline):
                pass
        finally:
            del self.waiters[strand]
        return got[0] if got else None

    # The alarm

    def set_alarm(self, value: int, interval: int) -> None:
        """Send SIGALRM in `value` nanoseconds, and then every `interval`; 0 turns it off."""
        self.interval = interval if value else 0
        if value:
            self.alarm.start(self._process.system.clock.after(value))
        else:
            self.alarm.stop()

    def _rings(self) -> None:
        if self.interval:
            self.alarm.start(self._process.system.clock.after(self.interval))
        self.send(Sent(signal.SIGALRM, SI_KERNEL, 0))
