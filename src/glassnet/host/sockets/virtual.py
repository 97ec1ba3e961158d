"""`socket.socket` on a host.

`socket.socket` itself is left in place and only its making is changed, so that
every name that programs have for it, and `isinstance`, go on working. On a host it
makes a `VirtualSocket`: a socket without a descriptor of the machine, whose methods
act on an open file of the host.

A call that finds what it needs does not wait; one that must wait parks its strand,
in blocking mode for ever, with a timeout until then.
"""

from __future__ import annotations

import _socket
import errno
import socket
import warnings
from socket import (
    AF_INET,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    AddressFamily,
    SocketKind,
)
from typing import Any

from glassnet.host.current import here, running_strand
from glassnet.host.descriptors.collector import collecting
from glassnet.host.descriptors.files import IN, OUT
from glassnet.host.graft import graft
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.file import SocketFile, failure
from glassnet.host.sockets.functions import default_timeout, give_number, open_file
from glassnet.host.sockets.messages import MessageSocket
from glassnet.host.sockets.tcp import TcpSocket
from glassnet.host.sockets.waiting import octets, room_in
from glassnet.host.system import System
from glassnet.host.trio import adapt_trio

__all__ = ["VirtualSocket", "patch_socket"]

# As plain numbers: arithmetic with members of an enumeration costs more than the rest of a call.
MSG_OOB = int(socket.MSG_OOB)
_RARE = MSG_OOB | int(socket.MSG_FASTOPEN)
_LARGEST_OPTION = 1024
_LARGEST_INT = 0x7FFFFFFF


def _here() -> System:
    system = here()
    if system is None:
        raise OSError(errno.EBADF, "a virtual socket works only on a host")
    return system


class _Closed(SocketFile):
    """What a socket has instead of a file once it is closed: every call finds a bad descriptor."""

    def __init__(self) -> None:
        self.closed = True

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """Refuse."""
        raise OSError(errno.EBADF, "Bad file descriptor")

    def send(self, data: Any) -> int:
        """Refuse."""
        raise OSError(errno.EBADF, "Bad file descriptor")


_CLOSED = _Closed()


class VirtualSocket(MessageSocket):
    """A socket of a virtual host."""

    _family: AddressFamily
    _kind: SocketKind
    _protocol: int
    _number: int
    _closed: bool
    _io_refs: int

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        self._closed = False
        self._io_refs = 0
        self._number = -1
        system = _here()
        adapt_trio()
        if fileno is not None:
            if fileno < 0:
                raise ValueError("negative file descriptor")
            file = system.world.files.get(fileno)
            if not isinstance(file, SocketFile):
                raise failure(errno.ENOTSOCK)
            self._number = fileno
            proto = file.protocol if proto == -1 else proto
        else:
            family = AF_INET if family == -1 else family
            kind = SOCK_STREAM if type == -1 else type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
            file = open_file(system, family, kind, 0 if proto == -1 else proto)
            self._number = give_number(system, file)
            proto = max(proto, 0)
        self._file = file
        self._family, self._kind, self._protocol = file.family, file.kind, proto
        self._patience = 0.0 if type != -1 and type & SOCK_NONBLOCK else default_timeout()
        if self._patience is not None:
            file.nonblocking = True

    def __del__(self) -> None:
        if getattr(self, "_number", -1) < 0 or self._file.closed:
            return
        warning = f"unclosed {self!r}"
        world, number = self._file.system.world, self.detach()
        if collecting():
            world.files.close(number)
        else:
            # The last name for it may go in the middle of anything, even of this connection's work.
            world.engine.at(world.engine.now, world.files.close_if_open, (number, world.files.files[number]))
        warnings.warn(warning, ResourceWarning, source=self, stacklevel=2)

    # What it is

    @property
    def family(self) -> AddressFamily:
        """AF_INET, AF_INET6 or AF_UNIX."""
        return self._family

    @property
    def type(self) -> SocketKind:
        """SOCK_STREAM or SOCK_DGRAM."""
        return self._kind

    @property
    def proto(self) -> int:
        """The protocol as it was asked for."""
        return self._protocol

    def fileno(self) -> int:
        """Its file number, or -1 once it is closed."""
        return self._number

    # Naming and connecting

    def bind(self, address: Any, /) -> None:
        """As sockets have it."""
        self._opened().bind(address)

    def listen(self, backlog: int = 128, /) -> None:
        """As sockets have it."""
        self._opened().listen(backlog)

    def _accept(self) -> tuple[int, Any]:
        file = self._opened()
        found = file.accept()
        if found is None:
            deadline = self._deadline(IN)
            while found is None:
                self._wait(file, IN, deadline, "accept")
                found = file.accept()
        accepted, address = found
        return give_number(file.system, accepted), address

    def connect(self, address: Any, /) -> None:
        """As sockets have it."""
        file = self._opened()
        if file.connect(address):
            return
        if file.nonblocking and not self._patience:
            raise BlockingIOError(errno.EINPROGRESS, "Operation now in progress")
        deadline = self._deadline(OUT)
        while not file.finish_connect():
            try:
                self._wait(file, OUT, deadline, "connect")
            except BlockingIOError:
                raise BlockingIOError(errno.EINPROGRESS, "Operation now in progress") from None

    def connect_ex(self, address: Any, /) -> int:
        """As sockets have it."""
        try:
            VirtualSocket.connect(self, address)  # as in C: a subclass's own has its own `connect_ex`
        except TimeoutError as error:
            return error.errno or errno.EAGAIN
        except socket.gaierror:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno
        return 0

    def getsockname(self) -> Any:
        """As sockets have it."""
        return self._opened().local()

    def getpeername(self) -> Any:
        """As sockets have it."""
        return self._opened().peer()

    # Receiving

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As sockets have it."""
        if flags or bufsize <= 0:
            return self._receive_flagged(bufsize, flags, "recv")
        file = self._file
        data = file.receive(bufsize)
        if data is None:
            if self._patience is None and not file.nonblocking and not file.receive_timeout:
                wait = running_strand().wait
                while data is None:
                    if file.ended:
                        return b""
                    if file.closed:
                        raise OSError(errno.EBADF, "Bad file descriptor")
                    wait(file, IN, None, "recv")
                    if file.closed:
                        raise OSError(errno.EBADF, "Bad file descriptor")
                    data = file.receive(bufsize)
                return data
            deadline = self._deadline(IN)
            while data is None:
                if file.ended:
                    return b""
                self._wait(file, IN, deadline, "recv")
                data = file.receive(bufsize)
        return data

    def _receive_flagged(self, size: int, flags: int, verb: str) -> bytes:
        if size < 0:
            raise ValueError(f"negative buffersize in {verb}")
        if not size:
            return b""
        message, count = self._receive_message(size, flags, verb)
        return message.data.ljust(count, b"\0")

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As sockets have it."""
        view = buffer if type(buffer) is bytearray else room_in(buffer, "recv_into")
        if nbytes < 0:
            raise ValueError("negative buffersize in recv_into")
        if nbytes > len(view):
            raise ValueError("buffer too small for requested bytes")
        size = nbytes or len(view)
        if flags and size:
            message, count = self._receive_message(size, flags, "recv_into")
            view[: len(message.data)] = message.data
            return count
        data = self.recv(size)
        count = len(data)
        view[:count] = data
        return count

    # Sending

    def send(self, data: Any, flags: int = 0, /) -> int:
        """As sockets have it."""
        if type(data) is not bytes:
            data = octets(data)
        if flags & _RARE:
            return self.sendmsg([data], (), flags)
        file = self._file
        sent = file.send(data)
        return sent if sent >= len(data) else self._send_rest(file, file.send, data, sent, flags, "send")

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As sockets have it."""
        if type(data) is not bytes:
            data = octets(data)
        file = self._file
        send = file.send_urgent if flags & MSG_OOB else file.send
        sent = send(data)
        size = len(data)
        if sent >= size:
            return
        view = memoryview(data)
        deadline = self._deadline(OUT, flags)
        while sent < size:
            self._wait(file, OUT, deadline, "send")
            # The file takes what it has room for, and copies only that.
            sent += send(view[sent:])

    def _sendfile_use_sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        try:
            file.fileno()
        except (AttributeError, OSError) as error:
            give_up: type[Exception] = socket._GiveupOnSendfile  # type: ignore[attr-defined]
            raise give_up(error) from None
        # As sendfile(2), and unlike the way with `send`, this begins at `offset` even where that is 0.
        file.seek(offset)
        sent: int = self._sendfile_use_send(file, offset, count)  # type: ignore[attr-defined]
        return sent

    # Options

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        """As sockets have it."""
        file = self._opened()
        if not 0 <= buflen <= _LARGEST_OPTION:
            raise OSError("getsockopt buflen out of range")
        if optname == names.TCP_SAVED_SYN and level == socket.IPPROTO_TCP and isinstance(file, TcpSocket):
            value: int | bytes = file.saved_syn(buflen or 4)
        else:
            value = file.get_option((level, optname))
        if not buflen:
            return value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)
        if buflen < 4 and level == socket.IPPROTO_IP and isinstance(value, int) and 0 <= value <= 255:
            buflen = 1  # ip(7): into less room than an int goes one octet
        return (value if isinstance(value, bytes) else value.to_bytes(4, "little", signed=True))[:buflen]

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """As sockets have it."""
        if (value is None) is (optlen is None):
            raise TypeError("setsockopt() takes a length with None, and only then")
        if value is None:
            value = bytes(optlen or 0)
        elif isinstance(value, int):
            if not -_LARGEST_INT - 1 <= value <= _LARGEST_INT:
                raise TypeError(f"a bytes-like object is required, not {type(value).__name__!r}")
        else:
            value = bytes(octets(value))
        self._opened().set_option((level, optname), value)

    # Ending

    def shutdown(self, how: int, /) -> None:
        """As sockets have it."""
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise failure(errno.EINVAL)
        self._opened().shutdown(how != socket.SHUT_WR, how != socket.SHUT_RD)

    def _real_close(self, _ss: Any = None) -> None:
        file = self._file
        number = self.detach()
        if number >= 0 and not file.closed:
            file.system.world.files.close(number)

    def detach(self) -> int:
        """As sockets have it."""
        self._closed = True
        number, self._number = self._number, -1
        self._file = _CLOSED
        return number

    def dup(self) -> VirtualSocket:
        """As sockets have it."""
        file = self._opened()
        number = give_number(file.system, file)
        copy = self.__class__(self.family, self.type, self.proto, fileno=number)
        copy.settimeout(self.gettimeout())
        return copy

    def get_inheritable(self) -> bool:
        """As sockets have it: there are no child processes to inherit."""
        self._opened()
        return self._number in self._file.system.world.files.inheritable

    def set_inheritable(self, inheritable: bool) -> None:
        """As sockets have it: there are no child processes to inherit."""
        self._opened()
        self._file.system.world.files.set_inheritable(self._number, inheritable)


# What `repr` shows: programs and their logs know it by this name.
VirtualSocket.__module__, VirtualSocket.__qualname__ = "socket", "socket"


def patch_socket() -> None:
    """Let `socket.socket`, and every subclass, make virtual sockets on a host."""
    make = _socket.socket.__new__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        if here() is None:
            return make(cls)
        return make(graft(cls, VirtualSocket))

    socket.socket.__new__ = staticmethod(new)  # type: ignore[method-assign]
