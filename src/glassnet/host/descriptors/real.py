"""Descriptors of the real machine where a program on a host uses them beside virtual ones."""

from __future__ import annotations

import errno
import os
import time
from os import close, dup, set_inheritable
from select import poll
from typing import Protocol

from glassnet.host.descriptors.files import FIRST_NUMBER, NVAL, FileTable, OpenFile

__all__ = ["Awaiting", "Machine", "RealFile", "RealNumber", "file_of"]

# Bound before any is replaced, as the other names above: this waits really.
_sleep = time.sleep


class RealFile(OpenFile):
    """A copy of a real descriptor, while it is on its way from one program to another."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = dup(number)

    def copy(self) -> int:
        """A real descriptor for its receiver to close."""
        number = dup(self._number)
        set_inheritable(number, True)
        return number

    def mask(self) -> int:
        """Nothing: nobody waits for it on its way."""
        return 0

    def release(self) -> None:
        """Close the copy."""
        close(self._number)

    def describe(self) -> str:
        """As the kernel's."""
        return f"the real descriptor {self._number}"


def file_of(files: FileTable, number: int) -> OpenFile:
    """The open file behind a virtual number, or a copy of a real descriptor; OSError(EBADF)."""
    return files.get(number) if number >= FIRST_NUMBER else RealFile(number)


class RealNumber(OpenFile):
    """A descriptor of the real machine among those that a program waits for."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        if self.mask() & NVAL:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def mask(self) -> int:
        """What is ready now, really."""
        looking = poll()
        looking.register(self.number, _ALL)
        found = looking.poll(0)
        return found[0][1] if found else 0

    def describe(self) -> str:
        """As the kernel's."""
        return f"the real descriptor {self.number}"


_ALL = 0x2007  # what can be asked for: IN, PRI, OUT, RDHUP


class Awaiting(Protocol):
    """Someone who waits for real descriptors."""

    def real_numbers(self) -> dict[int, int]:
        """The descriptors, each with the bits wanted of it."""

    def wake(self) -> None:
        """One of them is ready: look again."""


class Machine:
    """The real descriptors that programs of one network wait for: what is outside of it."""

    __slots__ = ("_found", "_looking", "_registered", "awaiting")

    def __init__(self) -> None:
        self.awaiting: dict[Awaiting, None] = {}
        self._found: list[Awaiting] = []
        self._looking = poll()
        self._registered: dict[int, int] = {}

    def wait(self, seconds: float) -> bool:
        """Wait really until one of them is ready, at most so long; False at once if there are none."""
        wanted: dict[int, int] = {}
        for each in self.awaiting:
            for number, bits in each.real_numbers().items():
                wanted[number] = wanted.get(number, 0) | bits
        if not wanted:
            return False
        if wanted != self._registered:
            self._looking = poll()
            for number, bits in wanted.items():
                self._looking.register(number, bits)
            self._registered = wanted
        # poll(2) counts in milliseconds; what is shorter is slept through.
        whole = int(seconds * 1000)
        found = self._looking.poll(whole)
        if not found and seconds and not whole:
            _sleep(seconds)
            found = self._looking.poll(0)
        if found:
            ready = dict(found)
            self._found = [
                each
                for each in self.awaiting
                if any(ready.get(number, 0) & (bits | ~_ALL) for number, bits in each.real_numbers().items())
            ]
        return True

    def happen(self) -> None:
        """Wake those who wait for what was ready."""
        found, self._found = self._found, []
        for each in found:
            if each in self.awaiting:
                each.wake()
