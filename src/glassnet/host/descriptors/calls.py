"""System calls on file numbers: `os.read`, `os.close`, `os.pipe`, `fcntl.fcntl` and their like, on a host.

Numbers of the real machine are passed on to the real call: files are the real machine's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import termios
from operator import index
from types import ModuleType
from typing import Any, NoReturn

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.descriptors.counters import Counter
from glassnet.host.descriptors.files import FIRST_NUMBER, IN, OUT, FileTable, OpenFile
from glassnet.host.descriptors.pipes import CAPACITY, PipeEnd, pipe
from glassnet.host.sockets.file import SocketFile
from glassnet.host.sockets.functions import give_number
from glassnet.host.sockets.tcp import TcpSocket

__all__ = ["Calls", "calls"]

_MOST_AT_ONCE = 0x7FFFF000  # read(2), NOTES
_INT = struct.Struct("i")
_SIOCATMARK = 0x8905
_SIOCOUTQ = 0x5411


def calls() -> list[tuple[ModuleType, str, Any]]:
    """What replaces functions of `os` and `fcntl`, by module."""
    serving = Calls()
    names = {
        os: "pipe pipe2 eventfd eventfd_read eventfd_write "
        "read write readv writev lseek pread pwrite sendfile close closerange dup dup2 fstat isatty "
        "set_blocking get_blocking set_inheritable get_inheritable",
        fcntl: "fcntl ioctl",
    }
    return [(module, name, getattr(serving, name)) for module in names for name in names[module].split()]


def _failure(code: int) -> OSError:
    return OSError(code, os.strerror(code))


class Calls:
    """Replacements for functions of `os` and `fcntl` that take file numbers."""

    def __init__(self) -> None:
        self._pipe = os.pipe
        self._pipe2 = os.pipe2
        self._read = os.read
        self._write = os.write
        self._readv = os.readv
        self._writev = os.writev
        self._eventfd = os.eventfd
        self._eventfd_read = os.eventfd_read
        self._eventfd_write = os.eventfd_write
        self._lseek = os.lseek
        self._pwrite = os.pwrite
        self._close = os.close
        self._closerange = os.closerange
        self._dup2 = os.dup2
        self._isatty = os.isatty
        self._dup = os.dup
        self._fstat = os.fstat
        self._sendfile = os.sendfile
        self._pread = os.pread
        self._set_blocking = os.set_blocking
        self._get_blocking = os.get_blocking
        self._set_inheritable = os.set_inheritable
        self._get_inheritable = os.get_inheritable
        self._fcntl = fcntl.fcntl
        self._ioctl = fcntl.ioctl

    # Pipes

    def pipe(self) -> tuple[int, int]:
        """As `os.pipe`; on a host, a pipe of that host."""
        return self._pipe() if here() is None else self.pipe2(os.O_CLOEXEC)

    def pipe2(self, flags: int, /) -> tuple[int, int]:
        """As `os.pipe2`; on a host, a pipe of that host."""
        system = here()
        if system is None:
            return self._pipe2(flags)
        if flags & ~(os.O_NONBLOCK | os.O_CLOEXEC | os.O_DIRECT):
            raise _failure(errno.EINVAL)
        ends = pipe()
        numbers = []
        for end in ends:
            end.nonblocking = bool(flags & os.O_NONBLOCK)
            number = give_number(system, end)
            numbers.append(number)
            if not flags & os.O_CLOEXEC:
                system.world.files.inheritable[number] = None
        ends[1].inode = ends[0].inode
        return numbers[0], numbers[1]

    # Event counters

    def eventfd(self, initval: int, flags: int = os.EFD_CLOEXEC) -> int:
        """As `os.eventfd`; on a host, a counter of that host."""
        system = here()
        if system is None:
            return self._eventfd(initval, flags)
        if flags & ~(os.EFD_NONBLOCK | os.EFD_CLOEXEC | os.EFD_SEMAPHORE):
            raise _failure(errno.EINVAL)
        counter = Counter(initval, bool(flags & os.EFD_SEMAPHORE))
        counter.nonblocking = bool(flags & os.EFD_NONBLOCK)
        number = give_number(system, counter)
        if not flags & os.EFD_CLOEXEC:
            system.world.files.inheritable[number] = None
        return number

    def eventfd_read(self, fd: int) -> int:
        """As `os.eventfd_read`."""
        return (
            self._eventfd_read(fd) if _table(fd) is None else int.from_bytes(self.read(fd, 8), sys.byteorder)
        )

    def eventfd_write(self, fd: int, value: int) -> None:
        """As `os.eventfd_write`."""
        if _table(fd) is None:
            self._eventfd_write(fd, value)
        else:
            self.write(fd, value.to_bytes(8, sys.byteorder))

    # Data

    def read(self, fd: int, length: int, /) -> bytes:
        """As `os.read`."""
        files = _table(fd)
        if files is None:
            return self._read(fd, length)
        file = files.get(fd)
        if length < 0:
            raise _failure(errno.EINVAL)
        if not length and isinstance(file, SocketFile):
            return b""
        while True:
            data = file.receive(min(length, _MOST_AT_ONCE))
            if data is not None:
                return data
            if file.ended and not file.nonblocking:
                return b""
            _wait(file, IN, "read")

    def write(self, fd: int, data: Any, /) -> int:
        """As `os.write`."""
        files = _table(fd)
        if files is None:
            return self._write(fd, data)
        file = files.get(fd)
        view = memoryview(data).cast("B")
        sent = file.send(view)
        try:
            while sent < len(view) and not (sent and file.nonblocking):
                _wait(file, OUT, "write")
                sent += file.send(view[sent:])
        except OSError:
            if not sent:
                raise
        return sent

    def readv(self, fd: int, buffers: Any, /) -> int:
        """As `os.readv`."""
        if _table(fd) is None:
            return self._readv(fd, buffers)
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data = self.read(fd, sum(map(len, views)))
        at = 0
        for view in views:
            piece = data[at : at + len(view)]
            view[: len(piece)] = piece
            at += len(piece)
        return len(data)

    def writev(self, fd: int, buffers: Any, /) -> int:
        """As `os.writev`."""
        return self._writev(fd, buffers) if _table(fd) is None else self.write(fd, b"".join(buffers))

    def sendfile(
        self, out_fd: int, in_fd: int, offset: int | None, count: int, *more: Any, **named: Any
    ) -> int:
        """As `os.sendfile` from a real file to a virtual socket or pipe."""
        files = _table(out_fd)
        if files is None:
            return self._sendfile(out_fd, in_fd, offset, count, *more, **named)
        file = files.get(out_fd)
        if _virtual(in_fd):
            files.get(in_fd)
            raise _failure(errno.ESPIPE)
        most = min(count, 1 << 16)
        if offset is None:
            place = os.lseek(in_fd, 0, os.SEEK_CUR)
            sent = self._send_piece(file, self._pread(in_fd, most, place))
            os.lseek(in_fd, place + sent, os.SEEK_SET)
            return sent
        return self._send_piece(file, self._pread(in_fd, most, offset))

    def _send_piece(self, file: OpenFile, data: bytes) -> int:
        while data:
            taken = file.send(memoryview(data))
            if taken:
                return taken
            _wait(file, OUT, "sendfile")
        return 0

    # The numbers themselves

    def close(self, fd: int) -> None:
        """As `os.close`."""
        if not _virtual(fd):
            self._close(fd)
            return
        system, strand = here(), running_or_none()
        if system is None or (strand is not None and strand.doomed):
            # What is left of a program that was killed, its files closed: the number may be another's.
            return
        system.world.files.close(fd)

    def dup(self, fd: int, /) -> int:
        """As `os.dup`."""
        system = here()
        if system is None or not _virtual(fd):
            return self._dup(fd)
        return give_number(system, system.world.files.get(fd))

    def fstat(self, fd: int) -> os.stat_result:
        """As `os.fstat`: of a virtual file only the kind means something."""
        files = _table(fd)
        if files is None:
            return self._fstat(fd)
        file = files.get(fd)
        return os.stat_result((file.mode, file.inode, 0, 1, os.getuid(), os.getgid(), 0, 0, 0, 0))

    def isatty(self, fd: int, /) -> bool:
        """As `os.isatty`."""
        return self._isatty(fd) if _table(fd) is None else False

    def lseek(self, fd: int, position: int, whence: int, /) -> int:
        """As `os.lseek`: no virtual file has positions."""
        return self._lseek(fd, position, whence) if _table(fd) is None else _no_positions(fd)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        """As `os.pread`."""
        return self._pread(fd, length, offset) if _table(fd) is None else _no_positions(fd)

    def pwrite(self, fd: int, data: Any, offset: int, /) -> int:
        """As `os.pwrite`."""
        return self._pwrite(fd, data, offset) if _table(fd) is None else _no_positions(fd)

    def dup2(self, fd: int, fd2: int, inheritable: bool = True) -> int:
        """As `os.dup2`, between numbers that are both virtual and open."""
        files = _table(fd)
        if files is None and _table(fd2) is None:
            return self._dup2(fd, fd2, inheritable)
        if files is None:
            raise _failure(errno.EBADF)
        file = files.get(fd)
        if fd != fd2:
            files.replace(fd2, file)
            files.set_inheritable(fd2, inheritable)
        return fd2

    def closerange(self, fd_low: int, fd_high: int, /) -> None:
        """As `os.closerange`: of virtual numbers, those of the running program."""
        if here() is None:
            self._closerange(fd_low, fd_high)
            return
        self._closerange(min(fd_low, FIRST_NUMBER), min(fd_high, FIRST_NUMBER))
        process = running_strand().process
        for number in sorted(process.numbers):
            if fd_low <= number < fd_high:
                self.close(number)

    def set_blocking(self, fd: int, blocking: bool, /) -> None:
        """As `os.set_blocking`."""
        files = _table(fd)
        if files is None:
            self._set_blocking(fd, blocking)
        else:
            files.get(fd).nonblocking = not blocking

    def get_blocking(self, fd: int, /) -> bool:
        """As `os.get_blocking`."""
        files = _table(fd)
        return self._get_blocking(fd) if files is None else not files.get(fd).nonblocking

    def set_inheritable(self, fd: int, inheritable: int, /) -> None:
        """As `os.set_inheritable`; there are no child processes to inherit."""
        files = _table(fd)
        if files is None:
            self._set_inheritable(fd, inheritable)  # type: ignore[arg-type]
        else:
            files.set_inheritable(fd, bool(inheritable))

    def get_inheritable(self, fd: int, /) -> bool:
        """As `os.get_inheritable`."""
        files = _table(fd)
        if files is None:
            return self._get_inheritable(fd)
        files.get(fd)
        return fd in files.inheritable

    def fcntl(self, fd: Any, cmd: int, arg: Any = 0, /) -> Any:
        """As `fcntl.fcntl`: F_GETFD, F_SETFD, F_GETFL, F_SETFL (O_NONBLOCK), F_GETOWN, F_SETOWN, F_DUPFD."""
        number = _number(fd)
        files = _table(number)
        if files is None:
            return self._fcntl(fd, cmd, arg)
        file = files.get(number)
        if cmd == fcntl.F_GETFD:
            return 0 if number in files.inheritable else fcntl.FD_CLOEXEC
        if cmd == fcntl.F_SETFD:
            files.set_inheritable(number, not arg & fcntl.FD_CLOEXEC)
            return 0
        if cmd == fcntl.F_GETFL:
            return file.access | (os.O_NONBLOCK if file.nonblocking else 0)
        if cmd == fcntl.F_SETFL:
            file.nonblocking = bool(arg & os.O_NONBLOCK)
            return 0
        if cmd in (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC):
            copy = self.dup(number)
            files.set_inheritable(copy, cmd == fcntl.F_DUPFD)
            return copy
        if cmd == fcntl.F_GETOWN:
            return file.owner
        if cmd == fcntl.F_SETOWN:
            if arg and abs(arg) not in running_strand().process.system.processes:
                raise _failure(errno.ESRCH)
            file.owner = arg
            return 0
        if cmd == fcntl.F_GETPIPE_SZ:
            if isinstance(file, PipeEnd):
                return CAPACITY
            raise _failure(errno.EBADF)
        raise _failure(errno.EINVAL)

    def ioctl(self, fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> Any:
        """As `fcntl.ioctl`: FIONREAD, FIONBIO, SIOCATMARK and SIOCOUTQ of virtual files."""
        number = _number(fd)
        files = _table(number)
        if files is None:
            return self._ioctl(fd, request, arg, mutate_flag)
        file = files.get(number)
        if request == termios.FIONBIO:
            file.nonblocking = bool(arg if isinstance(arg, int) else _INT.unpack_from(arg)[0])
            return 0 if isinstance(arg, int) else bytes(arg)
        if request == _SIOCATMARK and isinstance(file, TcpSocket):
            ask = file.at_mark
        elif request == _SIOCOUTQ and isinstance(file, TcpSocket):
            ask = file.outstanding
        elif request == termios.FIONREAD:
            ask = file.readable
        else:
            raise _failure(errno.ENOTTY)
        if isinstance(arg, int):
            raise _failure(errno.EFAULT)
        answer = _INT.pack(ask())
        if isinstance(arg, str):
            arg = arg.encode()
        if isinstance(arg, bytes) or not mutate_flag:
            given = bytes(arg)
            return (answer + given[_INT.size :])[: len(given)]
        memoryview(arg).cast("B")[: _INT.size] = answer
        return 0


def _virtual(fd: Any) -> bool:
    return isinstance(fd, int) and fd >= FIRST_NUMBER


def _table(fd: Any) -> FileTable | None:
    """The files among which a virtual number is; None for a number of the real machine."""
    system = here() if _virtual(fd) else None
    return None if system is None else system.world.files


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else index(fd.fileno())


def _no_positions(fd: int) -> NoReturn:
    files = _table(fd)
    assert files is not None
    files.get(fd)
    raise _failure(errno.ESPIPE)


def _wait(file: OpenFile, interest: int, verb: str) -> None:
    if file.nonblocking:
        strand = running_or_none()
        if strand is not None:
            strand.spin(10)
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    strand = running_strand()
    limit = 0
    if isinstance(file, SocketFile):
        limit = file.receive_timeout if interest == IN else file.send_timeout
    if not strand.wait(file, interest, strand.engine.now + limit if limit else None, verb):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if file.closed:
        raise _failure(errno.EBADF)
