"""AF_UNIX sockets that are connected: streams, and sequenced packets."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Sequence
from socket import SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import HUP, IN, RDHUP, OpenFile
from glassnet.host.sockets.ancillary import Control
from glassnet.host.sockets.file import Message, failure
from glassnet.host.sockets.unix.base import Parcel, UnixSocket, cost_of, own_credentials
from glassnet.host.sockets.unix.names import name_of, show

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["UnixConnected", "UnixPackets", "UnixStream"]

_MOST_WAITING = 4096  # net.core.somaxconn
_MSG_PEEK = int(socket.MSG_PEEK)
# What a stream puts in one piece of memory, and at most in one parcel.
_HEAD = 4096 - 320
_PIECE = _HEAD + 32768
# `cost_of` what fits in one piece, by lines of 64 octets.
_COSTS = tuple(cost_of(lines * 64, _HEAD) for lines in range(_HEAD // 64 + 1))


class UnixConnected(UnixSocket):
    """A socket that listens, or has one peer. To connect does not wait for accept.

    `waiting` are connections that were not accepted yet, `patient` the sockets that
    wait for room among them.
    """

    __slots__ = ("accepted", "backlog", "patient", "target", "waiting")

    def __init__(self, system: System, kind: SocketKind, protocol: int) -> None:
        super().__init__(system, kind, protocol)
        self.backlog = -1
        self.waiting: deque[UnixConnected] = deque()
        self.patient: dict[UnixConnected, None] = {}
        self.target = b""
        self.accepted = True

    @classmethod
    def pair(cls, system: System, kind: SocketKind, protocol: int) -> tuple[UnixSocket, UnixSocket]:
        """Two sockets, connected."""
        a, b = cls(system, kind, protocol), cls(system, kind, protocol)
        a.other, b.other = b, a
        a.peer_credentials = b.peer_credentials = own_credentials()
        return a, b

    def mask(self) -> int:
        """What is ready."""
        if self.backlog >= 0:
            mask = IN if self.waiting else 0
            if self.read_shut:
                mask |= IN | RDHUP | HUP if self.write_shut else IN | RDHUP
            return mask
        mask = super().mask()
        return mask | HUP if self.other is None else mask

    def describe(self) -> str:
        """As of every Unix socket; a listening one says so."""
        what = super().describe()
        return f"listening {what}" if self.backlog >= 0 else what

    def readable(self) -> int:
        """How many octets wait, in all messages."""
        if self.backlog >= 0:
            raise failure(errno.EINVAL)
        return sum(len(parcel.data) - parcel.offset for parcel in self.queue)

    def queues(self) -> list[deque[Parcel]]:
        """What was sent to it, or to connections that it has not accepted yet."""
        return [self.queue, *(end.queue for end in self.waiting)]

    # Connecting

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return self.backlog >= 0

    def listen(self, backlog: int) -> None:
        """Let others connect: one more than `backlog` before the first is accepted."""
        if not self.name or self.other is not None:
            raise failure(errno.EINVAL)
        self.backlog = min(max(backlog, 0), _MOST_WAITING)
        self.peer_credentials = own_credentials()
        self._call_patient()

    def _call_patient(self) -> None:
        patient, self.patient = self.patient, {}
        for each in patient:
            each.changed()

    def accept(self) -> tuple[UnixSocket, Any] | None:
        """The next connection and its client's name."""
        if self.backlog < 0:
            raise failure(errno.EINVAL)
        if not self.waiting:
            if self.read_shut:
                raise failure(errno.EINVAL)
            return None
        accepted = self.waiting.popleft()
        accepted.accepted = True
        self._call_patient()
        return accepted, "" if accepted.other is None else accepted.peer()

    def connect(self, address: Any) -> bool:
        """Join a listening socket's queue; False if that is full and this socket may wait."""
        self.target = name_of(address)
        if self._try_to_connect():
            return True
        if self.nonblocking:
            raise failure(errno.EAGAIN)
        return False

    def finish_connect(self) -> bool:
        """Try again: there may be room now."""
        return self._try_to_connect()

    def _try_to_connect(self) -> bool:
        if not self.target:
            raise failure(errno.EINVAL)
        self.name_itself()
        found = self.system.unix.reach(self.target, self.kind)
        assert isinstance(found, UnixConnected)
        if found.backlog < 0 or found.read_shut:
            raise failure(errno.ECONNREFUSED)
        if len(found.waiting) > found.backlog:
            found.patient[self] = None
            return False
        if self.backlog >= 0:
            raise failure(errno.EINVAL)
        if self.other is not None:
            raise failure(errno.EISCONN)
        end = type(self)(self.system, self.kind, self.protocol)
        end.name = found.name
        end.accepted = False
        end.wants_credentials = found.wants_credentials
        end.other, self.other = self, end
        end.peer_credentials = own_credentials()
        self.peer_credentials = found.peer_credentials
        self.read_shut = self.write_shut = False
        found.waiting.append(end)
        found.changed()
        self.changed()
        return True

    # Sending

    def _peer_for_sending(self) -> UnixConnected:
        other = self.other
        if self.write_shut or (other is not None and (other.closed or other.read_shut)):
            raise failure(errno.EPIPE)
        if other is None:
            raise failure(errno.ENOTCONN)
        assert isinstance(other, UnixConnected)
        return other

    def send(self, data: Any) -> int:
        """Send octets or a packet to the peer."""
        return self._send(data, (), ())

    def send_message(
        self, data: bytes, address: Any, control: Sequence[Control], files: Sequence[OpenFile], flags: int
    ) -> int:
        """Send octets or a packet, with control data."""
        if address is not None:
            return self.send_to(data, address, "sendmsg")
        return self._send(data, control, files)

    def _send(self, data: Any, control: Sequence[Control], files: Sequence[OpenFile]) -> int:
        raise NotImplementedError

    # Ending

    def shutdown(self, read: bool, write: bool) -> None:
        """End one direction or both, for the peer too."""
        other = self.other
        self.shut(read, write)
        if read and self.backlog >= 0:
            self._call_patient()
        if other is not None:
            other.shut(write, read)

    def release(self) -> None:
        """Close: the peer reads what is left, then the end, or an error if something was unread here."""
        unread = bool(self.queue) or not self.accepted
        other = self.other
        if other is not None and not other.closed:
            if unread:
                other.error = errno.ECONNRESET
            other.shut(True, True)
        while self.waiting:
            end = self.waiting.popleft()
            end.closed = True
            end.release()
        super().release()
        self._call_patient()


class UnixStream(UnixConnected):
    """SOCK_STREAM: octets in order. What is received at once may have been sent in several calls."""

    __slots__ = ()

    def send(self, data: Any) -> int:
        """Send octets to the peer."""
        size, other = len(data), self.other
        if (
            0 < size <= _HEAD
            and other is not None
            and not self.write_shut
            and self.used < self.room > 2 * _PIECE
            and not (self.wants_credentials or other.wants_credentials)
        ):
            # One small piece, by far the most frequent.
            cost = _COSTS[(size + 63) >> 6]
            self.used += cost
            other.queue.append(Parcel(self, data if type(data) is bytes else bytes(data), cost, None, ()))
            if other.watchers:
                other.arrived()
            return size
        return self._send(data, (), ())

    def _send(self, data: Any, control: Sequence[Control], files: Sequence[OpenFile]) -> int:
        stated = self.stated_credentials(control, files) if control else None
        other = self._peer_for_sending()
        view = memoryview(data).cast("B")
        credentials = stated or self.credentials_for(other)
        sent, size, room = 0, len(view), self.room
        while sent < size and self.used < room:
            piece = min(size - sent, (room >> 1) - 64, _PIECE)
            self.post(
                other,
                Parcel(self, bytes(view[sent : sent + piece]), cost_of(piece, _HEAD), credentials, files),
            )
            files = ()
            sent += piece
        return sent

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """A stream takes no address."""
        name_of(address)
        raise failure(errno.EOPNOTSUPP if self.other is None else errno.EISCONN)

    def _ready_to_receive(self) -> bool:
        """Whether there is something in the queue. OSError: the pending error, EINVAL if unconnected."""
        if self.queue:
            return True
        if self.error:
            raise failure(self.take_error())
        if self.other is None:
            raise failure(errno.EINVAL)
        return False

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Up to `size` octets; what was passed along is lost."""
        queue = self.queue
        if len(queue) == 1 and not peek:
            parcel = queue[0]
            if not parcel.offset and not parcel.files and len(parcel.data) <= size:
                # All that there is, by far the most frequent.
                queue.clear()
                parcel.sender.gain_room(parcel.cost)
                return parcel.data
        found = self.receive_from(size, peek)
        return None if found is None else found[0]

    def receive_from(self, size: int, peek: bool) -> tuple[bytes, Any, bool] | None:
        """As `receive`, with the peer's name."""
        message = self.receive_message(size, _MSG_PEEK if peek else 0)
        if message is None:
            return None
        for file in message.files:
            file.drop()
        return message.data, message.source, False

    def receive_message(self, size: int, flags: int) -> Message | None:
        """Up to `size` octets, all sent with the same credentials, and at most one call's descriptors."""
        if not self._ready_to_receive():
            return Message(b"", None) if self.read_shut else None
        queue, peek = self.queue, flags & _MSG_PEEK
        first = queue[0]
        pieces: list[bytes] = []
        left, looked_at = size, 0
        files: Sequence[OpenFile] = ()
        control = self.control_of(first)
        source = first.source
        while left and looked_at < len(queue):
            parcel = queue[looked_at]
            if control and parcel.credentials != first.credentials:
                break
            start = parcel.offset
            piece = parcel.data[start : start + left] if start or len(parcel.data) > left else parcel.data
            pieces.append(piece)
            left -= len(piece)
            if peek:
                files = parcel.files
                for file in files:
                    file.references += 1
                looked_at += 1
            else:
                files = parcel.hand_over()
                parcel.offset = start + len(piece)
                if parcel.offset == len(parcel.data):
                    queue.popleft()
                    parcel.end()
            if files:
                break
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Message(data, show(source) if source else None, 0, control, files)


class UnixPackets(UnixConnected):
    """SOCK_SEQPACKET: messages over a connection."""

    __slots__ = ()

    def _send(self, data: Any, control: Sequence[Control], files: Sequence[OpenFile]) -> int:
        stated = self.stated_credentials(control, files) if control else None
        if self.other is None:
            raise failure(errno.ENOTCONN)
        view = memoryview(data).cast("B")
        if len(view) > self.room - 32:
            raise failure(errno.EMSGSIZE)
        other = self._peer_for_sending()
        if self.full():
            return 0
        credentials = stated or self.credentials_for(other)
        self.post(other, Parcel(self, bytes(view), cost_of(len(view)), credentials, files))
        return len(view)

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """The address does not count."""
        name_of(address)
        return self.send(data)

    def receive_message(self, size: int, flags: int) -> Message | None:
        """The next packet, or an empty one when there will be none."""
        if self.other is None:
            raise failure(errno.ENOTCONN)
        message = super().receive_message(size, flags)
        if message is None and self.read_shut:
            return Message(b"", None)
        return message
