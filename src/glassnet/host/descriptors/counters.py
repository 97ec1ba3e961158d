"""Event counters of a host, as eventfd(2) has them."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from glassnet.host.descriptors.files import IN, OUT, OpenFile

__all__ = ["Counter"]

_SIZE = 8
_MOST = (1 << 64) - 2


class Counter(OpenFile):
    """A counter: what is written adds to it, reading takes it all, or one at a time if it is a semaphore."""

    __slots__ = ("_count", "_semaphore")

    def __init__(self, count: int, semaphore: bool) -> None:
        super().__init__()
        self._count = count
        self._semaphore = semaphore

    def mask(self) -> int:
        """Readable above zero; writable below the largest count."""
        return (IN if self._count else 0) | (OUT if self._count < _MOST else 0)

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The count as eight octets; OSError(EINVAL) if fewer are asked for."""
        if size < _SIZE:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if not self._count:
            return None
        taken = 1 if self._semaphore else self._count
        self._count -= taken
        self.changed()
        return taken.to_bytes(_SIZE, sys.byteorder)

    def send(self, data: Any) -> int:
        """Add eight octets' worth; OSError(EINVAL) if they are not eight, or say the one number too large."""
        added = int.from_bytes(data[:_SIZE], sys.byteorder)
        if len(data) != _SIZE or added > _MOST:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if self._count + added > _MOST:
            return 0
        self._count += added
        self.changed()
        return _SIZE

    def readable(self) -> int:
        """Refuse: FIONREAD is not for counters."""
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def release(self) -> None:
        """Nothing is left to do."""

    def describe(self) -> str:
        """It has no name."""
        return "an event counter"
