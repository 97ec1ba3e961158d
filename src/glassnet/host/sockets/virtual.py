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
import sys
import warnings
from operator import index
from socket import (
    AF_INET,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    AddressFamily,
    SocketKind,
)
from typing import Any

from glassnet.host.clocks import deadline_after
from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.descriptors.files import IN, OUT
from glassnet.host.graft import graft
from glassnet.host.sockets.file import SocketFile, failure
from glassnet.host.sockets.functions import default_timeout, give_number, open_file, seconds_of
from glassnet.host.system import System

__all__ = ["VirtualSocket", "patch_socket"]

# As plain numbers: arithmetic with members of an enumeration costs more than the rest of a call.
MSG_ERRQUEUE = int(socket.MSG_ERRQUEUE)
MSG_OOB = int(socket.MSG_OOB)
MSG_DONTWAIT = int(socket.MSG_DONTWAIT)
MSG_PEEK = int(socket.MSG_PEEK)
MSG_TRUNC = int(socket.MSG_TRUNC)
MSG_WAITALL = int(socket.MSG_WAITALL)


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


class VirtualSocket(socket.socket):
    """A socket of a virtual host."""

    _file: SocketFile
    _family: AddressFamily
    _kind: SocketKind
    _protocol: int
    _number: int
    _patience: float | None
    _closed: bool
    _io_refs: int

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        self._closed = False
        self._io_refs = 0
        self._number = -1
        system = _here()
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
        self._patience = default_timeout()
        if type != -1 and type & SOCK_NONBLOCK:
            self._patience = 0.0

    def __del__(self) -> None:
        if getattr(self, "_number", -1) < 0 or self._file.closed:
            return
        warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
        # The garbage collector may come in the middle of anything, even of this connection's work.
        world, number = self._file.system.world, self.detach()
        world.engine.at(world.engine.now, world.files.close_if_open, (number, world.files.files[number]))

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

    @property
    def timeout(self) -> float | None:
        """As `gettimeout`."""
        return self._patience

    def gettimeout(self) -> float | None:
        """As sockets have it."""
        return self._patience

    def settimeout(self, value: float | None) -> None:
        """As sockets have it."""
        self._patience = seconds_of(value)

    def setblocking(self, flag: bool) -> None:
        """As sockets have it."""
        self._patience = None if flag else 0.0

    def getblocking(self) -> bool:
        """As sockets have it."""
        return self._patience != 0

    # Waiting

    def _opened(self) -> SocketFile:
        file = self._file
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return file

    def _deadline(self, flags: int = 0) -> int | None:
        """When to give up, for a call that has found nothing; BlockingIOError if it must not wait at all."""
        patience = self._patience
        if patience is None and not flags & MSG_DONTWAIT:
            return None
        if not patience or flags & MSG_DONTWAIT:
            strand = running_or_none()
            if strand is not None:
                strand.spin(10)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return deadline_after(running_strand(), patience)

    def _wait(self, interest: int, deadline: int | None, verb: str) -> None:
        file = self._file
        if not running_strand().wait(file, interest, deadline, verb):
            raise TimeoutError("timed out")
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")

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
            deadline = self._deadline()
            while found is None:
                self._wait(IN, deadline, "accept")
                found = file.accept()
        accepted, address = found
        return give_number(file.system, accepted), address

    def connect(self, address: Any, /) -> None:
        """As sockets have it."""
        file = self._opened()
        if file.connect(address):
            return
        if self._patience == 0:
            raise BlockingIOError(errno.EINPROGRESS, "Operation now in progress")
        deadline = self._deadline()
        while not file.finish_connect():
            self._wait(OUT, deadline, "connect")

    def connect_ex(self, address: Any, /) -> int:
        """As sockets have it."""
        try:
            self.connect(address)
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
            return self._receive(bufsize, flags, "recv")
        file = self._file
        data = file.receive(bufsize)
        if data is None:
            deadline = None if self._patience is None else self._deadline()
            while data is None:
                if file.ended:
                    return b""
                self._wait(IN, deadline, "recv")
                data = file.receive(bufsize)
        return data

    def _receive(self, size: int, flags: int, verb: str) -> bytes:
        if size < 0:
            raise ValueError(f"negative buffersize in {verb}")
        file = self._opened()
        if flags & (MSG_OOB | MSG_ERRQUEUE):
            # There is never urgent data, nor a queue of errors.
            raise failure(errno.EINVAL if flags & MSG_OOB else errno.EAGAIN)
        peek = bool(flags & MSG_PEEK)
        if not size and file.kind is SOCK_STREAM:
            return b""
        data = file.receive(size, peek)
        if data is None:
            deadline = self._deadline(flags)
            while data is None:
                if file.ended:
                    return b""
                self._wait(IN, deadline, verb)
                data = file.receive(size, peek)
        if flags & MSG_WAITALL and not peek and data and file.kind is SOCK_STREAM and len(data) < size:
            return self._receive_rest(data, size, flags, verb)
        return data

    def _receive_rest(self, data: bytes, size: int, flags: int, verb: str) -> bytes:
        file = self._file
        parts, have = [data], len(data)
        while have < size:
            more = file.receive(size - have)
            if more is None:
                try:
                    self._wait(IN, self._deadline(flags), verb)
                except (TimeoutError, BlockingIOError):
                    break
                continue
            if not more:
                break
            parts.append(more)
            have += len(more)
        return b"".join(parts)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As sockets have it."""
        view = memoryview(buffer).cast("B")
        if nbytes < 0:
            raise ValueError("negative buffersize in recv_into")
        if nbytes > len(view):
            raise ValueError("buffer too small for requested bytes")
        size = nbytes or len(view)
        data = self.recv(size, flags) if size else b""
        count = len(data)
        view[:count] = data
        return count

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As sockets have it."""
        data, source, _ = self._receive_from(bufsize, flags, "recvfrom")
        return data, source

    def _receive_from(self, size: int, flags: int, verb: str) -> tuple[bytes, Any, bool]:
        if size < 0:
            raise ValueError(f"negative buffersize in {verb}")
        file = self._opened()
        if flags & (MSG_OOB | MSG_ERRQUEUE):
            # There is never urgent data, nor a queue of errors.
            raise failure(errno.EINVAL if flags & MSG_OOB else errno.EAGAIN)
        peek = bool(flags & MSG_PEEK)
        found = file.receive_from(size, peek)
        if found is None:
            deadline = self._deadline(flags)
            while found is None:
                if file.ended:
                    return b"", None, False
                self._wait(IN, deadline, verb)
                found = file.receive_from(size, peek)
        return found

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As sockets have it."""
        view = memoryview(buffer).cast("B")
        if nbytes < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        if nbytes > len(view):
            raise ValueError("nbytes is greater than the length of the buffer")
        data, source, _ = self._receive_from(nbytes or len(view), flags, "recvfrom_into")
        view[: len(data)] = data
        return len(data), source

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        """As sockets have it; there is never ancillary data."""
        data, source, cut = self._receive_from(bufsize, flags, "recvmsg")
        return data, [], MSG_TRUNC if cut else 0, source

    def recvmsg_into(
        self, buffers: Any, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
        """As sockets have it; there is never ancillary data."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, source, cut = self._receive_from(sum(map(len, views)), flags, "recvmsg_into")
        offset = 0
        for view in views:
            piece = data[offset : offset + len(view)]
            view[: len(piece)] = piece
            offset += len(piece)
        return len(data), [], MSG_TRUNC if cut else 0, source

    # Sending

    def send(self, data: Any, flags: int = 0, /) -> int:
        """As sockets have it."""
        if type(data) is not bytes:
            data = _octets(data)
        if flags & MSG_OOB:
            raise failure(errno.EOPNOTSUPP)
        file = self._file
        sent = file.send(data)
        if not sent and data:
            deadline = self._deadline(flags)
            while not sent:
                self._wait(OUT, deadline, "send")
                sent = file.send(data)
        return sent

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As sockets have it."""
        if type(data) is not bytes:
            data = _octets(data)
        if flags & MSG_OOB:
            raise failure(errno.EOPNOTSUPP)
        file = self._file
        sent = file.send(data)
        size = len(data)
        if sent >= size:
            return
        view = memoryview(data)
        deadline = self._deadline(flags)
        while sent < size:
            self._wait(OUT, deadline, "send")
            # The file takes what it has room for, and copies only that.
            sent += file.send(view[sent:])

    def sendto(self, data: Any, *args: Any) -> int:
        """As sockets have it: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if len(args) not in (1, 2):
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(args) + 1} given)")
        flags = index(args[0]) if len(args) == 2 else 0
        if type(data) is not bytes:
            data = _octets(data)
        file = self._opened()
        sent = file.send_to(data, args[-1], "sendto")
        if sent or not data:
            return sent
        deadline = self._deadline(flags)
        while not sent:
            self._wait(OUT, deadline, "sendto")
            sent = file.send_to(data, args[-1], "sendto")
        return sent

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        """As sockets have it, without ancillary data."""
        if tuple(ancdata):
            raise failure(errno.EOPNOTSUPP)
        data = b"".join(buffers)
        return self.send(data, flags) if address is None else self.sendto(data, flags, address)

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

    def getsockopt(self, level: int, optname: int, buflen: int | None = None, /) -> Any:
        """As sockets have it."""
        value = self._opened().get_option((level, optname))
        if buflen is None:
            return value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)
        if not 0 < buflen <= 1024:
            raise OSError("getsockopt buflen out of range")
        return (value if isinstance(value, bytes) else value.to_bytes(4, "little", signed=True))[:buflen]

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """As sockets have it."""
        if value is None:
            value = bytes(optlen or 0)
        elif not isinstance(value, int):
            value = bytes(_octets(value))
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
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """As sockets have it: there are no child processes to inherit."""


# What `repr` shows: programs and their logs know it by this name.
VirtualSocket.__module__, VirtualSocket.__qualname__ = "socket", "socket"


def _octets(data: Any) -> memoryview:
    """The octets of any object with a buffer."""
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None


def patch_socket() -> None:
    """Let `socket.socket`, and every subclass, make virtual sockets on a host."""
    make = _socket.socket.__new__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        if here() is None:
            return make(cls)
        ssl = sys.modules.get("ssl")
        if ssl is not None and issubclass(cls, ssl.SSLSocket):
            raise OSError(
                errno.EOPNOTSUPP,
                "TLS over blocking sockets is not implemented on virtual hosts: use asyncio's TLS",
            )
        return make(graft(cls, VirtualSocket))

    socket.socket.__new__ = staticmethod(new)  # type: ignore[method-assign]
