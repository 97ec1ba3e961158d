"""What every kind of socket offers to the Python class above it. Nothing here waits."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Sequence
from socket import SOL_SOCKET, AddressFamily, SocketKind
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from glassnet.host.descriptors.files import OpenFile
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.ancillary import Control
from glassnet.host.sockets.options import Key, Options

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["Message", "SocketFile", "failure"]

# As plain numbers: arithmetic with members of an enumeration costs more than the rest of a call.
_MSG_ERRQUEUE = int(socket.MSG_ERRQUEUE)
_MSG_PEEK = int(socket.MSG_PEEK)
_MSG_TRUNC = int(socket.MSG_TRUNC)
_RECEIVE_TIMEOUT = (SOL_SOCKET, names.SO_RCVTIMEO)
_SEND_TIMEOUT = (SOL_SOCKET, names.SO_SNDTIMEO)
_TIMEVAL = Struct("qq")
_S = 10**9


def failure(code: int) -> OSError:
    """The OSError for an errno, with the system's words."""
    return OSError(code, os.strerror(code))


def _duration(value: int | bytes) -> int:
    """Nanoseconds of a `struct timeval` for SO_RCVTIMEO: 0, for ever, if negative. OSError: EINVAL, EDOM."""
    if isinstance(value, int) or len(value) < _TIMEVAL.size:
        raise failure(errno.EINVAL)
    seconds, microseconds = _TIMEVAL.unpack_from(value)
    if not 0 <= microseconds < 1_000_000:
        raise failure(errno.EDOM)
    return seconds * _S + microseconds * 1000 if seconds >= 0 else 0


# Only sockets between programs of one machine heed these; the others take them for nothing.
_PASSED_OVER = (socket.SCM_RIGHTS, socket.SCM_CREDENTIALS)


class Message(NamedTuple):
    """What `receive_message` gives.

    `source` is as `recvfrom` has it; `flags` are the MSG_TRUNC, MSG_ERRQUEUE, ... of
    the result; `control` is uncut. Of each of `files` the receiver gets a reference.
    """

    data: bytes
    source: Any
    flags: int = 0
    control: Sequence[Control] = ()
    files: Sequence[OpenFile] = ()


class SocketFile(OpenFile):
    """An open socket. Methods that would have to wait say so: None, 0 or False.

    `receive_timeout` and `send_timeout` are SO_RCVTIMEO and SO_SNDTIMEO in nanoseconds,
    0 for none: what a blocking call waits at most.
    """

    mode = stat.S_IFSOCK | 0o777

    __slots__ = ("family", "kind", "options", "protocol", "receive_timeout", "send_timeout", "system")

    def __init__(
        self, system: System, family: AddressFamily, kind: SocketKind, protocol: int, options: Options
    ) -> None:
        super().__init__()
        self.system = system
        self.family = family
        self.kind = kind
        self.protocol = protocol
        self.options = options
        self.receive_timeout = 0
        self.send_timeout = 0

    # Connecting

    def bind(self, address: Any) -> None:
        """Take a local address."""
        raise failure(errno.EINVAL)

    def listen(self, backlog: int) -> None:
        """Wait for others to connect."""
        raise failure(errno.EOPNOTSUPP)

    def accept(self) -> tuple[SocketFile, Any] | None:
        """The next connection and its peer's address, or None when there is none now."""
        raise failure(errno.EOPNOTSUPP)

    def connect(self, address: Any) -> bool:
        """Begin to connect; True if that is over, False if the file becomes writable when it is."""
        raise failure(errno.EOPNOTSUPP)

    def finish_connect(self) -> bool:
        """Whether a connect that was to be waited for is over; raises its error."""
        return True

    def local(self) -> Any:
        """What `getsockname` gives."""
        raise NotImplementedError

    def peer(self) -> Any:
        """What `getpeername` gives."""
        raise failure(errno.ENOTCONN)

    def shutdown(self, read: bool, write: bool) -> None:
        """End one direction or both."""
        raise failure(errno.ENOTCONN)

    # Data

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Up to `size` bytes, or None when there are none now."""
        raise NotImplementedError

    def receive_from(self, size: int, peek: bool) -> tuple[bytes, Any, bool] | None:
        """Bytes, where they came from, and whether there was more than `size`; None if there are none."""
        data = self.receive(size, peek)
        return None if data is None else (data, None, False)

    def send(self, data: Any) -> int:
        """Hand in bytes; returns how many were taken, 0 when there is no room now."""
        raise NotImplementedError

    def receive_urgent(self, peek: bool) -> bytes:
        """The urgent octet (MSG_OOB); never waits. OSError(EINVAL) if there is none."""
        raise failure(errno.EINVAL)

    def send_urgent(self, data: Any) -> int:
        """`send`, with the last octet urgent."""
        raise failure(errno.EOPNOTSUPP)

    def to_mark(self) -> int | None:
        """How many octets come before the urgent one; None if none was announced."""
        return None

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """Send to an address."""
        return self.send(data)

    # Messages with control data

    def receive_message(self, size: int, flags: int) -> Message | None:
        """The next message, with what came beside it; of `flags` MSG_PEEK and MSG_ERRQUEUE count here.

        None if there is none now; from the queue of errors, one does not wait for the first.
        """
        if flags & _MSG_ERRQUEUE:
            return None
        found = self.receive_from(size, bool(flags & _MSG_PEEK))
        if found is None:
            return None
        data, source, cut = found
        return Message(data, source, _MSG_TRUNC if cut else 0)

    def send_message(
        self, data: bytes, address: Any, control: Sequence[Control], files: Sequence[OpenFile], flags: int
    ) -> int:
        """Send one message; `files` are those that an SCM_RIGHTS message in `control` names.

        Returns how many octets were taken, 0 when there is no room now. OSError(EINVAL)
        for control data of the socket level that nobody knows.
        """
        for level, kind, _ in control:
            if level == SOL_SOCKET and kind not in _PASSED_OVER:
                raise failure(errno.EINVAL)
        return self.send(data) if address is None else self.send_to(data, address, "sendmsg")

    def readable(self) -> int:
        """How many octets there are to read at once (FIONREAD); pending errors stay. OSError(EINVAL)."""
        raise NotImplementedError

    # Options

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives, as a number or as the bytes of a structure."""
        if key[0] == SOL_SOCKET:
            if key[1] == socket.SO_TYPE:
                return int(self.kind)
            if key[1] == socket.SO_DOMAIN:
                return int(self.family)
            if key[1] == socket.SO_PROTOCOL:
                return self.protocol
            if key[1] == socket.SO_ERROR:
                return self.take_error()
            if key[1] == socket.SO_ACCEPTCONN:
                return int(self.listening)
            if key[1] == names.SO_RCVTIMEO or key[1] == names.SO_SNDTIMEO:
                limit = self.receive_timeout if key[1] == names.SO_RCVTIMEO else self.send_timeout
                return _TIMEVAL.pack(limit // _S, limit % _S // 1000)
        return self.options.get(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key == _RECEIVE_TIMEOUT:
            self.receive_timeout = _duration(value)
        elif key == _SEND_TIMEOUT:
            self.send_timeout = _duration(value)
        else:
            self.options.set(key, value)
            self.apply(key)

    def apply(self, key: Key) -> None:
        """An option has changed: let it have its effect."""

    def take_error(self) -> int:
        """The pending error; taking clears it."""
        return 0

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return False
