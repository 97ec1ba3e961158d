"""What every kind of socket offers to the Python class above it. Nothing here waits."""

from __future__ import annotations

import errno
import os
import socket
from socket import SOL_SOCKET, AddressFamily, SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import OpenFile
from glassnet.host.sockets.options import Key, Options

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["SocketFile", "failure"]


def failure(code: int) -> OSError:
    """The OSError for an errno, with the system's words."""
    return OSError(code, os.strerror(code))


class SocketFile(OpenFile):
    """An open socket. Methods that would have to wait say so: None, 0 or False."""

    __slots__ = ("family", "kind", "options", "protocol", "system")

    def __init__(
        self, system: System, family: AddressFamily, kind: SocketKind, protocol: int, options: Options
    ) -> None:
        super().__init__()
        self.system = system
        self.family = family
        self.kind = kind
        self.protocol = protocol
        self.options = options

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

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """Send to an address."""
        return self.send(data)

    @property
    def ended(self) -> bool:
        """Whether who would wait for a datagram here finds an empty one: there will be none (SHUT_RD)."""
        return False

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
        return self.options.get(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
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
