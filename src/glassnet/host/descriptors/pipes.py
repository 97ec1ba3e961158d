"""Pipes of a host, as pipe(7) has them."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from typing import Any

from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, OpenFile

__all__ = ["CAPACITY", "PipeEnd", "ReadEnd", "WriteEnd", "pipe"]

_PAGE = 4096
_PAGES = 16
CAPACITY = _PAGE * _PAGES
"""How many octets a pipe holds, unless pages are left partly filled."""


class _Pages:
    """What is in a pipe: at most 16 pages of 4096 octets, of which only the last takes more."""

    __slots__ = ("pages", "reader", "writer")

    def __init__(self) -> None:
        self.pages: deque[bytes] = deque()
        self.reader: ReadEnd | None = None
        self.writer: WriteEnd | None = None


class PipeEnd(OpenFile):
    """One end of a pipe."""

    __slots__ = ("_pipe",)

    mode = stat.S_IFIFO | 0o600

    def __init__(self, pages: _Pages) -> None:
        super().__init__()
        self._pipe = pages

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Refuse: nothing comes out at this end."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def send(self, data: Any) -> int:
        """Refuse: nothing goes in at this end."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def readable(self) -> int:
        """How many octets are in the pipe."""
        return sum(map(len, self._pipe.pages))

    def describe(self) -> str:
        """It has no name."""
        return "a pipe"


class ReadEnd(PipeEnd):
    """Where octets come out."""

    __slots__ = ()

    access = os.O_RDONLY

    def mask(self) -> int:
        """Readable with something in it; hung up without a writer."""
        pipe = self._pipe
        return (IN if pipe.pages else 0) | (HUP if pipe.writer is None else 0)

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Up to `size` octets, none at the end, or None when one has to wait."""
        pages = self._pipe.pages
        if not pages or not size:
            return b"" if self._pipe.writer is None or not size else None
        if peek:
            return b"".join(pages)[:size]
        full = len(pages) == _PAGES
        taken = []
        while pages and size:
            page = pages.popleft()
            if len(page) > size:
                pages.appendleft(page[size:])
                page = page[:size]
            taken.append(page)
            size -= len(page)
        if full and self._pipe.writer is not None:
            self._pipe.writer.changed()
        return b"".join(taken)

    def release(self) -> None:
        """Nobody reads any more."""
        self._pipe.reader = None
        self._pipe.pages.clear()
        if self._pipe.writer is not None:
            self._pipe.writer.changed()


class WriteEnd(PipeEnd):
    """Where octets go in."""

    __slots__ = ()

    access = os.O_WRONLY

    def mask(self) -> int:
        """Writable while a page is free; in error without a reader."""
        pipe = self._pipe
        return (OUT if len(pipe.pages) < _PAGES else 0) | (ERR if pipe.reader is None else 0)

    def send(self, data: Any) -> int:
        """Put octets in, up to 4096 of them all or none; returns how many, 0 when one has to wait."""
        if not data:
            return 0
        reader = self._pipe.reader
        if reader is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        pages = self._pipe.pages
        given = len(data)
        part = given % _PAGE
        if part and pages and len(pages[-1]) + part <= _PAGE:
            pages[-1] += bytes(data[:part])
            data = data[part:]
        while data and len(pages) < _PAGES:
            pages.append(bytes(data[:_PAGE]))
            data = data[_PAGE:]
        taken = given - len(data)
        if taken:
            reader.changed()
        return taken

    def release(self) -> None:
        """Nobody writes any more: what is in the pipe can still be read."""
        self._pipe.writer = None
        if self._pipe.reader is not None:
            self._pipe.reader.changed()


def pipe() -> tuple[ReadEnd, WriteEnd]:
    """A new pipe: where to read, and where to write."""
    pages = _Pages()
    pages.reader, pages.writer = ReadEnd(pages), WriteEnd(pages)
    return pages.reader, pages.writer
