"""What all AF_UNIX sockets have in common: a name, a queue of messages, and room for what they send."""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Sequence
from socket import AF_UNIX, SOL_SOCKET, SocketKind
from struct import Struct
from typing import TYPE_CHECKING, Any

from glassnet.host.current import running_or_none
from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, RDHUP, OpenFile
from glassnet.host.sockets.ancillary import MOST_FILES, Control
from glassnet.host.sockets.file import Message, SocketFile, failure
from glassnet.host.sockets.options import Key, Options
from glassnet.host.sockets.unix.names import Node, name_of, show

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["NOBODY", "Credentials", "Parcel", "UnixSocket", "own_credentials"]

Credentials = tuple[int, int, int]
"""Process, user and group number, as struct ucred has them."""

NOBODY: Credentials = (0, -1, -1)
"""What SO_PEERCRED gives where there is no peer."""

_UNKNOWN: Credentials = (0, 65534, 65534)
_ucred = Struct("iii")
_PEER_CREDENTIALS = (SOL_SOCKET, socket.SO_PEERCRED)
_PASS_CREDENTIALS = (SOL_SOCKET, socket.SO_PASSCRED)
_SEND_BUFFER = (SOL_SOCKET, socket.SO_SNDBUF)
_MSG_PEEK = int(socket.MSG_PEEK)
_MSG_TRUNC = int(socket.MSG_TRUNC)
_SHUT = IN | RDHUP

# What Linux counts against the sender's buffer for a message, beyond its octets: two structures,
# and memory by powers of two up to what one piece may be, by pages above.
_PAGE = 4096
_STRUCTURES = 256
_TRAILER = 320
_LINE = 64
_LARGEST_PIECE = 16384 - _TRAILER
_MOST_PAGES = 17 * _PAGE


def own_credentials() -> Credentials:
    """Those of the program that runs."""
    strand = running_or_none()
    return (0 if strand is None else strand.process.pid, os.getuid(), os.getgid())


def cost_of(size: int, linear: int = _LARGEST_PIECE) -> int:
    """What a message of `size` octets takes of the sender's buffer, `linear` of them in one piece."""
    paged = min(max(size - linear, 0), _MOST_PAGES)
    paged = -(-paged // _PAGE) * _PAGE
    head = -(-max(size - paged, 0) // _LINE) * _LINE + _TRAILER
    return _STRUCTURES + max(512, 1 << (head - 1).bit_length()) + paged


class Parcel:
    """What one call has sent, on its way: octets, who sent them, and what goes with them.

    Each of `files` is held by a reference of the parcel's own.
    """

    __slots__ = ("cost", "credentials", "data", "files", "offset", "sender", "source")

    def __init__(
        self,
        sender: UnixSocket,
        data: bytes,
        cost: int,
        credentials: Credentials | None,
        files: Sequence[OpenFile],
    ) -> None:
        self.sender = sender
        self.data = data
        self.offset = 0
        self.cost = cost
        self.source = sender.name
        self.credentials = credentials
        self.files = files
        if files:
            for file in files:
                file.references += 1
            sender.system.unix.flights.begin(files)

    def hand_over(self) -> Sequence[OpenFile]:
        """The files, with the references to them, which are the caller's now."""
        files, self.files = self.files, ()
        if files:
            self.sender.system.unix.flights.end(files)
        return files

    def end(self) -> None:
        """It has been received, or never will be."""
        if self.files:
            self.sender.system.unix.flights.drop(self.hand_over())
        self.sender.gain_room(self.cost)


class UnixSocket(SocketFile):
    """An AF_UNIX socket of one host.

    `other` is who it is connected to. `used` counts what it has sent that is not yet
    received: as on Linux that is what limits it, and it shows as writable again when
    three quarters of its send buffer are free.
    """

    __slots__ = (
        "error",
        "name",
        "node",
        "other",
        "peer_credentials",
        "queue",
        "read_shut",
        "room",
        "used",
        "wants_credentials",
        "write_shut",
    )

    def __init__(self, system: System, kind: SocketKind, protocol: int) -> None:
        super().__init__(system, AF_UNIX, kind, protocol, Options("pair"))
        self.name = b""
        self.node: Node | None = None
        self.queue: deque[Parcel] = deque()
        self.other: UnixSocket | None = None
        self.peer_credentials = NOBODY
        self.wants_credentials = False
        self.room = self.options[_SEND_BUFFER]
        self.used = 0
        self.error = 0
        self.read_shut = False
        self.write_shut = False

    # Readiness

    def mask(self) -> int:
        """What is ready."""
        mask = IN if self.queue else 0
        if self.read_shut:
            mask |= _SHUT | HUP if self.write_shut else _SHUT
        if self.writable():
            mask |= OUT
        return mask | ERR if self.error else mask

    def writable(self) -> bool:
        """Whether three quarters of the send buffer are free."""
        return self.used * 4 <= self.room

    def gain_room(self, cost: int) -> None:
        """Something sent from here has been received: tell who waits for room, if there is enough."""
        self.used -= cost
        if self.watchers:
            writable = None
            for watcher, interest in self.watchers.items():
                if interest & OUT:
                    writable = self.writable() if writable is None else writable
                    if writable:
                        watcher.ready(self)

    def arrived(self) -> None:
        """A message has come: tell who waits for one."""
        for watcher, interest in self.watchers.items():
            if interest & IN:
                watcher.ready(self)

    def describe(self) -> str:
        """Its name, or its peer's, or that it has none."""
        kind = self.kind.name.removeprefix("SOCK_").lower()
        if self.name:
            return f"Unix {kind} socket {_printable(self.name)}"
        if self.other is not None and self.other.name:
            return f"Unix {kind} socket -> {_printable(self.other.name)}"
        return "a socket pair" if self.other is not None else f"an unconnected Unix {kind} socket"

    # Naming

    def bind(self, address: Any) -> None:
        """Take a path or an abstract name; any abstract one for an empty name."""
        name = name_of(address)
        if self.name and not name:
            return
        self.name = self.system.unix.bind(self, name)

    def name_itself(self) -> None:
        """Who passes credentials has a name by which to be answered."""
        if self.wants_credentials and not self.name:
            self.name = self.system.unix.bind(self, b"")

    def local(self) -> Any:
        """Its name, "" if it has none."""
        return show(self.name)

    def peer(self) -> Any:
        """The name of who it is connected to."""
        if self.other is None:
            raise failure(errno.ENOTCONN)
        return show(self.other.name)

    # Receiving

    def receive_message(self, size: int, flags: int) -> Message | None:
        """The next message, with the credentials and descriptors sent along."""
        if self.error:
            raise failure(self.take_error())
        if not self.queue:
            return None
        parcel = self.queue[0]
        files = _copies(parcel.files)
        control = self.control_of(parcel)
        if not flags & _MSG_PEEK:
            self.queue.popleft()
            self.took(parcel)
        cut = _MSG_TRUNC if len(parcel.data) > size else 0
        source = show(parcel.source) if parcel.source else None
        return Message(parcel.data[:size], source, cut, control, files)

    def receive_from(self, size: int, peek: bool) -> tuple[bytes, Any, bool] | None:
        """The next message without what was sent along."""
        message = self.receive_message(size, _MSG_PEEK if peek else 0)
        if message is None:
            return None
        for file in message.files:
            file.drop()
        return message.data, message.source, bool(message.flags)

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The next message's first `size` octets."""
        found = self.receive_from(size, peek)
        return None if found is None else found[0]

    def readable(self) -> int:
        """The size of the next message."""
        return len(self.queue[0].data) if self.queue else 0

    def control_of(self, parcel: Parcel) -> Sequence[Control]:
        """The sender's credentials, for who asked for them with SO_PASSCRED."""
        if not self.wants_credentials:
            return ()
        return ((SOL_SOCKET, socket.SCM_CREDENTIALS, _ucred.pack(*(parcel.credentials or _UNKNOWN))),)

    def took(self, parcel: Parcel) -> None:
        """A parcel has left the queue."""
        parcel.end()

    def empty(self) -> None:
        """Throw away what was not received."""
        while self.queue:
            self.queue.popleft().end()

    # Sending

    def full(self) -> bool:
        """Whether nothing may be sent now, for want of room."""
        return self.used >= self.room

    def stated_credentials(self, control: Sequence[Control], files: Sequence[OpenFile]) -> Credentials | None:
        """The credentials in a message's control data, if any.

        OSError: EINVAL (not a control message for here, or too many descriptors), EPERM
        (credentials of others).
        """
        given = None
        if len(files) > MOST_FILES:
            raise failure(errno.EINVAL)
        for level, kind, data in control:
            if level != SOL_SOCKET:
                continue
            if kind == socket.SCM_CREDENTIALS:
                given = _checked(data)
            elif kind != socket.SCM_RIGHTS:
                raise failure(errno.EINVAL)
        return given

    def credentials_for(self, other: UnixSocket) -> Credentials | None:
        """What goes with a message that states none: the program's own if one of both wants any."""
        if self.wants_credentials or other.wants_credentials:
            return own_credentials()
        return None

    def post(self, other: UnixSocket, parcel: Parcel) -> None:
        """Put a parcel into another socket's queue."""
        self.used += parcel.cost
        other.queue.append(parcel)
        if other.watchers:
            other.arrived()

    # Ending

    def shut(self, read: bool, write: bool) -> None:
        """One direction or both are over."""
        self.read_shut |= read
        self.write_shut |= write
        self.changed()

    def release(self) -> None:
        """Close: the name is free, what was not received is gone."""
        self.system.unix.release(self)
        self.empty()

    def drop(self) -> None:
        """One number less. It may have been the last by which some that are in flight could be reached."""
        super().drop()
        self.system.unix.flights.sweep()

    def queues(self) -> list[deque[Parcel]]:
        """What was sent to it, or to connections that it has not accepted yet."""
        return [self.queue]

    # Options

    def take_error(self) -> int:
        """The pending error; taking clears it."""
        error, self.error = self.error, 0
        return error

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        if key == _PEER_CREDENTIALS:
            return _ucred.pack(*self.peer_credentials)
        if key == _PASS_CREDENTIALS:
            return int(self.wants_credentials)
        return super().get_option(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key == _PASS_CREDENTIALS:
            self.wants_credentials = any(value) if isinstance(value, bytes) else bool(value)
        else:
            super().set_option(key, value)

    def apply(self, key: Key) -> None:
        """The send buffer counts."""
        if key == _SEND_BUFFER:
            self.room = self.options[_SEND_BUFFER]


def _printable(name: bytes) -> str:
    return "@" + name[1:].decode("latin-1") if name[:1] == b"\0" else os.fsdecode(name)


def _copies(files: Sequence[OpenFile]) -> Sequence[OpenFile]:
    for file in files:
        file.references += 1
    return files


def _checked(data: bytes) -> Credentials:
    if len(data) != _ucred.size:
        raise failure(errno.EINVAL)
    given = _ucred.unpack(data)
    own = own_credentials()
    if own[1] and given != own:  # the superuser may say what it likes
        raise failure(errno.EPERM)
    return given
