"""Open files: what a file number stands for, whether it is ready, and who waits for that.

The bits are those of poll(2) and epoll(7). A file tells its watchers when it may
have become ready; they look at `mask` again when they run, so a change that has
passed by then does no harm.
"""

from __future__ import annotations

import errno
import os
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol

from glassnet.host.descriptors.collector import collecting

if TYPE_CHECKING:
    from glassnet.host.process import Process

__all__ = [
    "ALWAYS",
    "ERR",
    "FIRST_NUMBER",
    "HUP",
    "IN",
    "NVAL",
    "OUT",
    "PRI",
    "RDHUP",
    "FileTable",
    "OpenFile",
]

IN = 0x001
PRI = 0x002
OUT = 0x004
ERR = 0x008
HUP = 0x010
NVAL = 0x020
RDHUP = 0x2000

ALWAYS = ERR | HUP | NVAL
"""What is reported whether asked for or not."""

FIRST_NUMBER = 1 << 20
"""Virtual file numbers begin here, far above any real one."""


class Watcher(Protocol):
    """Someone who wants to know when a file becomes ready."""

    def ready(self, file: OpenFile) -> None:
        """`file` has something that was asked for. Must not change the file's watchers."""


class OpenFile:
    """Something with a file number. It lives until its last number is closed.

    `watchers` maps each watcher to the bits that it waits for. `nonblocking` is the
    O_NONBLOCK that all its numbers share. `mode` is what fstat(2) shows of it, `access`
    how it was opened. `owner` is the process to which signals about it go, 0 for none, or a
    group of processes as a negative number (F_SETOWN).
    """

    __slots__ = ("closed", "inode", "nonblocking", "owner", "references", "watchers")

    mode = 0o600
    access = os.O_RDWR

    def __init__(self) -> None:
        self.references = 0
        self.closed = False
        self.nonblocking = False
        self.inode = 0
        self.owner = 0
        self.watchers: dict[Watcher, int] = {}

    def mask(self) -> int:
        """What is ready now, as bits of poll(2)."""
        raise NotImplementedError

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Up to `size` octets, none at the end, or None when one has to wait."""
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    @property
    def ended(self) -> bool:
        """Whether who would wait here finds nothing: there will be none (SHUT_RD)."""
        return False

    def send(self, data: Any) -> int:
        """Hand in octets; returns how many were taken, 0 when one has to wait."""
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def readable(self) -> int:
        """How many octets there are to read at once (FIONREAD)."""
        return len(self.receive(1 << 30, peek=True) or b"")

    def changed(self) -> None:
        """Readiness may have changed: tell those who wait for what is there now."""
        if self.watchers:
            mask = self.mask()
            for watcher, interest in self.watchers.items():
                if mask & interest:
                    watcher.ready(self)

    def release(self) -> None:
        """The last number is closed: end what the file stands for."""
        raise NotImplementedError

    def describe(self) -> str:
        """What this is, in a few words, for the deadlock report."""
        raise NotImplementedError

    def drop(self) -> None:
        """One number less; the last one releases the file and wakes all who wait for it."""
        self.references -= 1
        if self.references:
            return
        self.closed = True
        self.release()
        for watcher in self.watchers:
            watcher.ready(self)


class FileTable:
    """The file numbers of one network: lowest free first, so that runs are alike.

    All hosts share the table: a task on one host may run in an event loop of
    another, whose selector must know its sockets. `inheritable` holds the numbers without
    close-on-exec: there is no exec, but programs read it back. `lost` holds what the
    cycle collector closed, until `World.collect` does it; `made` counts numbers given out.
    """

    __slots__ = ("_free", "_next", "_owners", "files", "inheritable", "lost", "made")

    def __init__(self) -> None:
        self.files: dict[int, OpenFile] = {}
        self.inheritable: dict[int, None] = {}
        self.lost: list[tuple[int, OpenFile]] = []
        self.made = 0
        self._owners: dict[int, Process] = {}
        self._free: list[int] = []
        self._next = FIRST_NUMBER

    def add(self, file: OpenFile, owner: Process | None) -> int:
        """A new number for `file`, to be closed at the latest when `owner` ends."""
        if self._free:
            number = heappop(self._free)
        else:
            number = self._next
            self._next += 1
        file.references += 1
        self.made += 1
        if not file.inode:
            file.inode = self.made
        self.files[number] = file
        if owner is not None:
            self._owners[number] = owner
            owner.numbers[number] = None
        return number

    def get(self, number: int) -> OpenFile:
        """The file with this number; OSError(EBADF) if there is none."""
        file = self.files.get(number)
        if file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return file

    def replace(self, number: int, file: OpenFile) -> None:
        """Let an open number stand for another file, as dup2(2) does; OSError(EBADF)."""
        before = self.get(number)
        file.references += 1
        self.files[number] = file
        before.drop()

    def set_inheritable(self, number: int, inheritable: bool) -> None:
        """Keep whether a number would survive exec; OSError(EBADF) if there is none such."""
        self.get(number)
        if inheritable:
            self.inheritable[number] = None
        else:
            self.inheritable.pop(number, None)

    def close_if_open(self, what: tuple[int, OpenFile]) -> None:
        """Free a number unless it was closed, or given to another file, meanwhile."""
        number, file = what
        if self.files.get(number) is file:
            self.close(number)

    def close(self, number: int) -> None:
        """Free a number; OSError(EBADF) if it is free already. The cycle collector only asks for it."""
        if collecting():
            lost = self.files.get(number)
            if lost is not None:  # otherwise it went with its program
                self.lost.append((number, lost))
            return
        file = self.files.pop(number, None)
        if file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        owner = self._owners.pop(number, None)
        if owner is not None:
            owner.numbers.pop(number, None)
        self.inheritable.pop(number, None)
        heappush(self._free, number)
        file.drop()
