"""Waiting for many files at once: the set behind every selector, `select`, `poll` and `epoll`.

A wait costs what is ready, not what is registered: a file's change puts it among
the candidates, and a wait looks at the candidates only.
"""

from __future__ import annotations

from glassnet.host.clocks import deadline_after
from glassnet.host.current import running_or_none, running_strand
from glassnet.host.descriptors.files import ALWAYS, FIRST_NUMBER, NVAL, FileTable, OpenFile
from glassnet.host.descriptors.real import Machine, RealNumber
from glassnet.host.strand import Strand

__all__ = ["EDGE", "ONE_SHOT", "Member", "ReadySet"]

EDGE = 1 << 31
"""EPOLLET: report a change once."""

ONE_SHOT = 1 << 30
"""EPOLLONESHOT: report once, then not until modified."""

_KERNELS = 0xFFFF  # bits that poll(2) knows
_POLL_COST = 10
_FIND_COST = 1
_SHOWN = 4


class Member:
    """One file number in a set, and the bits wanted of it. It is its file's watcher."""

    __slots__ = ("events", "file", "number", "set")

    def __init__(self, ready_set: ReadySet, number: int, file: OpenFile, events: int) -> None:
        self.set = ready_set
        self.number = number
        self.file = file
        self.events = events

    def ready(self, file: OpenFile) -> None:
        """The file has something that is wanted: look at it in the next wait, or now."""
        ready_set = self.set
        ready_set.candidates[self.number] = self
        for strand in ready_set.waiting:
            strand.wake()


class ReadySet:
    """File numbers with the bits wanted of each, as epoll(7) keeps them."""

    __slots__ = ("candidates", "files", "members", "real", "verb", "waiting")

    def __init__(self, files: FileTable, verb: str) -> None:
        self.files = files
        self.verb = verb
        self.members: dict[int, Member] = {}
        self.real: dict[int, Member] = {}
        self.candidates: dict[int, Member] = {}
        self.waiting: dict[Strand, None] = {}

    def add(self, number: int, events: int) -> None:
        """Want `events` of this file number; OSError(EBADF) if there is none such."""
        file = self.file_at(number)
        member = self.members[number] = Member(self, number, file, events)
        if number < FIRST_NUMBER:
            self.real[number] = member
        self._watch(member)

    def file_at(self, number: int) -> OpenFile:
        """The open file with this number, real ones below the virtual; OSError(EBADF) if there is none."""
        if number >= FIRST_NUMBER:
            return self.files.get(number)
        member = self.real.get(number)
        return RealNumber(number) if member is None else member.file

    def modify(self, number: int, events: int) -> None:
        """Want other bits of a file number; KeyError if it is not in the set."""
        member = self.members[number]
        member.events = events
        self._watch(member)

    def remove(self, number: int) -> None:
        """Want nothing more of a file number; KeyError if it is not in the set."""
        member = self.members.pop(number)
        member.file.watchers.pop(member, None)
        self.candidates.pop(number, None)
        self.real.pop(number, None)

    def clear(self) -> None:
        """Leave all files alone."""
        for number in tuple(self.members):
            self.remove(number)

    def _watch(self, member: Member) -> None:
        interest = member.events | ALWAYS
        member.file.watchers[member] = interest
        if member.file.mask() & interest:
            member.ready(member.file)
        else:
            self.candidates.pop(member.number, None)

    def collect(self, most: int | None = None) -> list[tuple[int, int]]:
        """The numbers that are ready now, each with its bits."""
        found: list[tuple[int, int]] = []
        if self.real:
            self._look_outside()
        candidates = self.candidates
        if not candidates:
            return found
        for number, member in tuple(candidates.items()):
            file = member.file
            events = member.events
            bits = file.mask() & (events | ALWAYS)
            if not bits or file.closed or not events:
                # A file that was closed leaves by itself, as from epoll.
                del candidates[number]
                continue
            found.append((number, bits))
            if events & (EDGE | ONE_SHOT):
                del candidates[number]
                if events & ONE_SHOT:
                    member.events = 0
            elif most is not None:
                # The next wait begins with those that there was no room for.
                candidates[number] = candidates.pop(number)
            if len(found) == most:
                break
        return found

    def _look_outside(self) -> None:
        """Real descriptors do not tell when they change."""
        for number, member in tuple(self.real.items()):
            mask = member.file.mask()
            if mask & NVAL:
                # It was closed, and so left by itself, as from epoll.
                del self.real[number]
            elif mask & (member.events | ALWAYS):
                self.candidates[number] = member

    def real_numbers(self) -> dict[int, int]:
        """The real descriptors waited for, each with the bits wanted of it."""
        return {number: member.events & _KERNELS for number, member in self.real.items() if member.events}

    def wake(self) -> None:
        """A real descriptor is ready."""
        for strand in self.waiting:
            strand.wake()

    def wait(self, timeout: float | None, most: int | None = None) -> list[tuple[int, int]]:
        """Wait for one or more to be ready, at most `timeout` seconds (None: for ever; 0: not at all)."""
        found = self.collect(most)
        strand = running_or_none()
        if found or (timeout is not None and timeout <= 0):
            if strand is not None and strand.spin(_FIND_COST if found else _POLL_COST):
                return found or self.collect(most)  # time has passed
            return found
        if strand is None:
            strand = running_strand()
        deadline = None if timeout is None else deadline_after(strand, timeout)
        strand.settle((self.verb, self))
        self.waiting[strand] = None
        machine = self._await_outside(strand) if self.real else None
        try:
            while strand.park(deadline):
                found = self.collect(most)
                if found:
                    return found
        finally:
            del self.waiting[strand]
            if machine is not None and not self.waiting:
                machine.awaiting.pop(self, None)
        return self.collect(most)

    def _await_outside(self, strand: Strand) -> Machine:
        machine = strand.engine.outside
        if machine is None:
            machine = strand.engine.outside = Machine()
        assert isinstance(machine, Machine)
        machine.awaiting[self] = None
        return machine

    def describe(self) -> str:
        """What is in the set, for the deadlock report."""
        shown = [member.file.describe() for member in self.members.values()]
        if not shown:
            return "nothing"
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        return ", ".join(shown[:_SHOWN]) + more
