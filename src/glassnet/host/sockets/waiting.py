"""The part of a virtual socket that waits: timeouts, O_NONBLOCK, and what a call that found nothing does."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

from glassnet.host.clocks import deadline_after
from glassnet.host.current import running_or_none, running_strand
from glassnet.host.descriptors.files import IN, OUT
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
        view = memoryview(buffer)
        if view.format != "B" or view.ndim != 1 or not view.contiguous:
            view = view.cast("B")
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
        file = self._file
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        patience = self._patience
        if patience:
            return deadline_after(running_strand(), patience)
        if file.nonblocking or flags & _NEVER_WAIT:
            strand = running_or_none()
            if strand is not None:
                strand.spin(10)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        limit = file.receive_timeout if interest == IN else file.send_timeout
        return running_strand().process.system.clock.after(limit) if limit else None

    def _wait(self, file: SocketFile, interest: int, deadline: int | None, verb: str) -> None:
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if not running_strand().wait(file, interest, deadline, verb):
            if self._patience:
                raise TimeoutError("timed out")
            # SO_RCVTIMEO or SO_SNDTIMEO has run out.
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")

    def _send_rest(
        self, file: SocketFile, send: Callable[[Any], int], data: Any, sent: int, flags: int, verb: str
    ) -> int:
        """Wait for room for what `send` has not taken of `data`; returns how many octets went in all.

        A call that may block ends when all have; one that may not, or waits for its timeout
        in front of the call, when some have. A failure shows if none went.
        """
        at_once = file.nonblocking or self._patience is not None or flags & _NEVER_WAIT
        if sent and at_once:
            return sent
        size = len(data)
        view = memoryview(data)
        try:
            deadline = self._deadline(OUT, flags)
            while sent < size:
                self._wait(file, OUT, deadline, verb)
                sent += send(view[sent:])
                if sent and at_once:
                    break
        except OSError:
            if not sent:
                raise
        return sent
