"""`socketpair`: two sockets of one host joined back to back, in memory."""

from __future__ import annotations

import errno
from collections import deque
from socket import AF_UNIX, SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, RDHUP
from glassnet.host.sockets.file import SocketFile, failure
from glassnet.host.sockets.options import Options

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["PairEnd"]

_LIMIT = 212992
# What a message costs the buffer beyond its bytes.
_OVERHEAD = 64


class PairEnd(SocketFile):
    """One of two joined sockets: a stream, or datagrams. What one sends the other has at once.

    The rules are those of Linux's AF_UNIX sockets, among them two that surprise:
    closing a stream with unread data is an error at the other end, and one end of
    a datagram pair does not notice that the other has closed until it sends.
    """

    __slots__ = ("_error", "_other", "_queue", "_queued", "_read_shut", "_write_shut", "stream")

    def __init__(self, system: System, kind: SocketKind, protocol: int) -> None:
        super().__init__(system, AF_UNIX, kind, protocol, Options("pair"))
        self.stream = kind is SocketKind.SOCK_STREAM
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._other: PairEnd | None = None
        self._error = 0
        self._read_shut = False
        self._write_shut = False

    @classmethod
    def pair(cls, system: System, kind: SocketKind, protocol: int) -> tuple[PairEnd, PairEnd]:
        """Two ends, joined."""
        a, b = cls(system, kind, protocol), cls(system, kind, protocol)
        a._other, b._other = b, a
        return a, b

    def mask(self) -> int:
        """What is ready."""
        other = self._other
        mask = OUT if other is None or other._queued < _LIMIT else 0
        if self._queue:
            mask |= IN
        if self._read_shut:
            mask |= IN | RDHUP
            if self._write_shut:
                mask |= HUP
        return mask | ERR if self._error else mask

    def describe(self) -> str:
        """There is no name to give."""
        return "a socket pair"

    def local(self) -> Any:
        """It has no name."""
        return ""

    def peer(self) -> Any:
        """Nor has the other end."""
        if self._other is None:
            raise failure(errno.ENOTCONN)
        return ""

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The next bytes or message."""
        queue = self._queue
        if self._error and not (queue and self.stream):
            raise failure(self.take_error())
        if not queue:
            return b"" if self._read_shut and self.stream else None
        if not self.stream:
            message = queue[0] if peek else queue.popleft()
            if not peek:
                self._took(len(message) + _OVERHEAD)
            return message[:size]
        if peek:
            return b"".join(queue)[:size]
        data = queue.popleft()
        if len(data) > size:
            queue.appendleft(data[size:])
            data = data[:size]
        elif queue:
            left = size - len(data)
            pieces = [data]
            while queue and left:
                piece = queue.popleft()
                if len(piece) > left:
                    queue.appendleft(piece[left:])
                    piece = piece[:left]
                pieces.append(piece)
                left -= len(piece)
            data = b"".join(pieces)
        self._took(len(data))
        return data

    @property
    def ended(self) -> bool:
        """Whether reading datagrams was shut down."""
        return self._read_shut and not self.stream

    def _took(self, count: int) -> None:
        self._queued -= count
        if self._other is not None:
            self._other.changed()

    def send(self, data: Any) -> int:
        """Put bytes or a message into the other end's queue."""
        other = self._other
        if self._write_shut:
            raise failure(errno.EPIPE)
        if other is None:
            raise failure(errno.ENOTCONN)
        if other.closed:
            self._other = None
            self._queue.clear()
            self._queued = 0
            raise failure(errno.ECONNREFUSED)
        if other._read_shut:
            raise failure(errno.EPIPE)
        view = memoryview(data).cast("B")
        if self.stream:
            view = view[: max(_LIMIT - other._queued, 0)]
            if not view:
                return 0
            other._queued += len(view)
        else:
            if len(view) > _LIMIT:
                raise failure(errno.EMSGSIZE)
            if other._queued >= _LIMIT:
                return 0
            other._queued += len(view) + _OVERHEAD
        other._queue.append(bytes(view))
        other.changed()
        return len(view)

    def shutdown(self, read: bool, write: bool) -> None:
        """End one direction or both; of a stream for the other end too."""
        self._shut(read, write)
        other = self._other
        if other is not None and self.stream:
            other._shut(write, read)

    def _shut(self, read: bool, write: bool) -> None:
        self._read_shut |= read
        self._write_shut |= write
        self.changed()

    def release(self) -> None:
        """Close: the other end of a stream reads what is left, then finds the end."""
        other, self._other = self._other, None
        if other is not None and self.stream:
            other._other = None
            if self._queue:
                other._error = errno.ECONNRESET
            other._shut(True, True)
        self._queue.clear()

    def take_error(self) -> int:
        """The pending error; taking clears it."""
        error, self._error = self._error, 0
        return error
