"""The part of a virtual socket that waits: timeouts, O_NONBLOCK, and what a call that found nothing does."""

from __future__ import annotations

import errno
import socket
from typing import Any

from glassnet.host.clocks import deadline_after
from glassnet.host.current import running_or_none, running_strand
from glassnet.host.descriptors.files import IN
from glassnet.host.sockets.file import SocketFile
from glassnet.host.sockets.functions import seconds_of

__all__ = ["MSG_ERRQUEUE", "WaitingSocket", "octets", "room_in"]

# As plain numbers: arithmetic with members of an enumeration costs more than the rest of a call.
MSG_ERRQUEUE = int(socket.MSG_ERRQUEUE)
_NEVER_WAIT = int(socket.MSG_DONTWAIT) | MSG_ERRQUEUE


def octets(data: Any) -> memoryview:
    """The octets of any object with a buffer; TypeError for others."""
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None


def room_in(buffer: Any, caller: str) -> memoryview:
    """The octets of an object to be written to; TypeError for others."""
    try:
        view = memoryview(buffer).cast("B")
    except TypeError:
        view = memoryview(b"")
    if view.readonly:
        raise TypeError(
            f"{caller}() argument 1 must be read-write bytes-like object, not {type(buffer).__name__}"
        )
    return view


class WaitingSocket(socket.socket):
    """A socket over an open file of a host.

    As in CPython a timeout is the Python object's own and is waited for in front of
    the call, while O_NONBLOCK belongs to the open file and all its descriptors.
    """

    _file: SocketFile
    _patience: float | None

    @property
    def timeout(self) -> float | None:
        """As `gettimeout`."""
        return self._patience

    def gettimeout(self) -> float | None:
        """As sockets have it."""
        return self._patience

    def settimeout(self, value: float | None) -> None:
        """As sockets have it."""
        patience = seconds_of(value)
        self._opened().nonblocking = patience is not None
        self._patience = patience

    def setblocking(self, flag: bool) -> None:
        """As sockets have it."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        """As sockets have it."""
        return self._patience != 0

    def _opened(self) -> SocketFile:
        file = self._file
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return file

    def _deadline(self, interest: int, flags: int = 0) -> int | None:
        """When to give up, for a call that has found nothing; BlockingIOError if it must not wait at all."""
        patience = self._patience
        if patience:
            return deadline_after(running_strand(), patience)
        file = self._file
        if file.nonblocking or flags & _NEVER_WAIT:
            strand = running_or_none()
            if strand is not None:
                strand.spin(10)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        limit = file.receive_timeout if interest == IN else file.send_timeout
        return running_strand().process.system.clock.after(limit) if limit else None

    def _wait(self, interest: int, deadline: int | None, verb: str) -> None:
        file = self._file
        if not running_strand().wait(file, interest, deadline, verb):
            if self._patience:
                raise TimeoutError("timed out")
            # SO_RCVTIMEO or SO_SNDTIMEO has run out.
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
