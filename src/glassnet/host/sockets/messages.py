"""The calls of a socket that carry more than octets: addresses, flags, control data, descriptors."""

from __future__ import annotations

import errno
import socket
from operator import index
from socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET
from typing import Any

from glassnet.host.descriptors.files import ERR, FIRST_NUMBER, HUP, IN, OUT, RDHUP, OpenFile
from glassnet.host.descriptors.real import RealFile, file_of
from glassnet.host.sockets.ancillary import Control, fit, numbers_in
from glassnet.host.sockets.file import Message, failure
from glassnet.host.sockets.functions import give_number
from glassnet.host.sockets.tcp import TcpSocket
from glassnet.host.sockets.waiting import WaitingSocket, octets, room_in

__all__ = ["MessageSocket"]

_MSG_CMSG_CLOEXEC = int(socket.MSG_CMSG_CLOEXEC)
_MSG_DONTWAIT = int(socket.MSG_DONTWAIT)
_MSG_FASTOPEN = int(socket.MSG_FASTOPEN)
_MSG_OOB = int(socket.MSG_OOB)
_MSG_PEEK = int(socket.MSG_PEEK)
_MSG_TRUNC = int(socket.MSG_TRUNC)
_MSG_WAITALL = int(socket.MSG_WAITALL)
_OVER = RDHUP | HUP | ERR
_LARGEST = 1 << 30
_MOST_CONTROL = (1 << 31) - 1


class MessageSocket(WaitingSocket):
    """A socket over an open file of a host: its calls with messages."""

    # Receiving

    def _receive_message(self, size: int, flags: int, verb: str) -> tuple[Message, int]:
        """A message cut to `size`, and how many octets the call says it has received.

        These are more than `size` only with MSG_TRUNC, which asks for a datagram's own
        size. Of a TCP stream it throws away what it receives.
        """
        file = self._opened()
        if flags & _MSG_OOB:
            return self._receive_urgent(size, flags, verb)
        stream = file.kind is SOCK_STREAM
        if stream and not size:
            return Message(b"", None), 0
        whole = _LARGEST if flags & _MSG_TRUNC and not stream else size
        message = file.receive_message(whole, flags)
        if message is None:
            deadline = self._deadline(IN, flags)
            while message is None:
                if file.ended:
                    return Message(b"", None), 0
                self._wait(file, IN, deadline, verb)
                message = file.receive_message(whole, flags)
        count = len(message.data)
        if stream:
            if flags & _MSG_WAITALL and 0 < count < size and not message.files and not message.control:
                message = self._wait_for_all(message, size, flags, verb)
                count = len(message.data)
            if flags & _MSG_TRUNC and file.family != AF_UNIX:
                message = message._replace(data=b"")
        elif count > size:
            message = message._replace(data=message.data[:size], flags=message.flags | _MSG_TRUNC)
        return message, count

    def _receive_urgent(self, size: int, flags: int, verb: str) -> tuple[Message, int]:
        """The urgent octet, which is never waited for; but a timeout is, for the socket to be readable."""
        file = self._opened()
        if self._patience:
            deadline = self._deadline(IN)
            while not file.mask() & (IN | HUP | ERR):
                self._wait(file, IN, deadline, verb)
        data = file.receive_urgent(bool(flags & _MSG_PEEK))
        result = _MSG_OOB if data else 0
        if data and not size:
            return Message(b"", None, result | _MSG_TRUNC), 0
        return Message(b"" if flags & _MSG_TRUNC else data, None, result), len(data)

    def _wait_for_all(self, message: Message, size: int, flags: int, verb: str) -> Message:
        """`message` with the rest of a stream's next `size` octets, or what comes before waiting ends."""
        file = self._file
        peek = bool(flags & _MSG_PEEK)
        data = message.data
        while len(data) < size:
            if file.to_mark() == (len(data) if peek else 0):
                break
            more = file.receive(size if peek else size - len(data), peek)
            if peek and more is not None and len(more) == len(data):
                more = b"" if file.mask() & _OVER else None
            if more is None:
                try:
                    self._wait(file, IN, self._deadline(IN, flags), verb)
                except (TimeoutError, BlockingIOError):
                    break
                continue
            if not more:
                break
            data = more if peek else data + more
        return message._replace(data=data)

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As sockets have it."""
        if bufsize < 0:
            raise ValueError("negative buffersize in recvfrom")
        if flags:
            message, count = self._receive_message(bufsize, flags, "recvfrom")
            return message.data.ljust(count, b"\0"), message.source
        return self._receive_from(bufsize, "recvfrom")

    def _receive_from(self, size: int, verb: str) -> tuple[bytes, Any]:
        file = self._opened()
        found = file.receive_from(size, False)
        if found is None:
            deadline = self._deadline(IN)
            while found is None:
                if file.ended:
                    return b"", None
                self._wait(file, IN, deadline, verb)
                found = file.receive_from(size, False)
        return found[0], found[1]

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As sockets have it."""
        view = room_in(buffer, "recvfrom_into")
        if nbytes < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        if nbytes > len(view):
            raise ValueError("nbytes is greater than the length of the buffer")
        size = nbytes or len(view)
        if flags:
            message, count = self._receive_message(size, flags, "recvfrom_into")
            data, source = message.data, message.source
        else:
            data, source = self._receive_from(size, "recvfrom_into")
            count = len(data)
        view[: len(data)] = data
        return count, source

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Control], int, Any]:
        """As sockets have it."""
        bufsize, ancbufsize = index(bufsize), index(ancbufsize)
        if bufsize < 0:
            raise ValueError("negative buffer size in recvmsg()")
        message, count, control, result = self._receive_with_control(bufsize, ancbufsize, flags, "recvmsg")
        return message.data.ljust(min(count, bufsize), b"\0"), control, result, message.source

    def recvmsg_into(
        self, buffers: Any, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Control], int, Any]:
        """As sockets have it."""
        views = _writable(buffers)
        size = sum(map(len, views))
        message, count, control, result = self._receive_with_control(size, ancbufsize, flags, "recvmsg_into")
        offset = 0
        for view in views:
            piece = message.data[offset : offset + len(view)]
            view[: len(piece)] = piece
            offset += len(piece)
        return count, control, result, message.source

    def _receive_with_control(
        self, size: int, space: int, flags: int, verb: str
    ) -> tuple[Message, int, list[Control], int]:
        if not 0 <= space <= _MOST_CONTROL:
            raise ValueError("invalid ancillary data buffer length")
        message, count = self._receive_message(size, flags, verb)
        result = message.flags | flags & _MSG_CMSG_CLOEXEC
        if not message.control and not message.files:
            return message, count, [], result
        number = self._number_of if flags & _MSG_CMSG_CLOEXEC else self._inheritable_number_of
        try:
            control, cut = fit(message.control, message.files, space, number)
        finally:
            for file in message.files:
                file.drop()
        return message, count, control, result | cut

    def _number_of(self, file: OpenFile) -> int:
        return file.copy() if isinstance(file, RealFile) else give_number(self._file.system, file)

    def _inheritable_number_of(self, file: OpenFile) -> int:
        # Python leaves close-on-exec off here, unlike everywhere else.
        number = self._number_of(file)
        if number >= FIRST_NUMBER:
            self._file.system.world.files.set_inheritable(number, True)
        return number

    # Sending

    def sendto(self, data: Any, *args: Any) -> int:
        """As sockets have it: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if len(args) not in (1, 2):
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(args) + 1} given)")
        flags = index(args[0]) if len(args) == 2 else 0
        if type(data) is not bytes:
            data = octets(data)
        file = self._opened()
        if flags & _MSG_FASTOPEN and isinstance(file, TcpSocket):
            return self._open_with(file, data, args[-1], flags, "sendto")
        if flags & _MSG_OOB:
            return self._send_urgent(data, flags, "sendto")
        sent = file.send_to(data, args[-1], "sendto")
        if sent < len(data):
            return self._send_rest(
                file, lambda rest: file.send_to(rest, args[-1], "sendto"), data, sent, flags, "sendto"
            )
        return sent

    def _send_urgent(self, data: Any, flags: int, verb: str) -> int:
        """Send with the last octet urgent (MSG_OOB)."""
        file = self._opened()
        sent = file.send_urgent(data)
        if sent < len(data):
            return self._send_rest(file, file.send_urgent, data, sent, flags, verb)
        return sent

    def _open_with(self, file: TcpSocket, data: Any, address: Any, flags: int, verb: str) -> int:
        """Connect and send in one call (RFC 7413, 4.2.1; MSG_FASTOPEN in send(2)).

        A call that must not wait gives how much went with the SYN, and EINPROGRESS if nothing did.
        """
        sent = file.connect_with(data, address)
        if file.nonblocking or flags & _MSG_DONTWAIT:
            if sent:
                return sent
            raise failure(errno.EINPROGRESS)
        deadline = self._deadline(OUT, flags)
        while not file.finish_connect():
            self._wait(file, OUT, deadline, verb)
        if sent < len(data):
            sent += file.send(memoryview(data)[sent:])
        return sent if sent >= len(data) else self._send_rest(file, file.send, data, sent, flags, verb)

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        """As sockets have it."""
        data = b"".join(map(octets, _every(buffers, "sendmsg() argument 1 must be an iterable")))
        control = [_control(each) for each in _every(ancdata, "sendmsg() argument 2 must be an iterable")]
        file = self._opened()
        if flags & _MSG_OOB:
            return self._send_urgent(data, flags, "sendmsg")
        if flags & _MSG_FASTOPEN and isinstance(file, TcpSocket):
            return self._open_with(file, data, address, flags, "sendmsg")
        files: list[OpenFile] = []
        try:
            if control and file.family == AF_UNIX:
                for level, kind, numbers in control:
                    if level == SOL_SOCKET and kind == SCM_RIGHTS:
                        for number in numbers_in(numbers):
                            passed = file_of(file.system.world.files, number)
                            passed.references += 1
                            files.append(passed)
            sent = file.send_message(data, address, control, files, flags)
            if sent < len(data):
                gone = sent > 0

                def send(rest: Any) -> int:
                    nonlocal gone
                    taken = file.send_message(rest, address, control, () if gone else files, flags)
                    gone = gone or taken > 0
                    return taken

                sent = self._send_rest(file, send, data, sent, flags, "sendmsg")
            return sent
        finally:
            for passed in files:
                passed.drop()


def _every(given: Any, complaint: str) -> tuple[Any, ...]:
    try:
        return tuple(given)
    except TypeError:
        raise TypeError(complaint) from None


def _writable(buffers: Any) -> list[memoryview]:
    views = []
    for buffer in _every(buffers, "recvmsg_into() argument 1 must be an iterable"):
        try:
            view = memoryview(buffer).cast("B")
        except TypeError:
            view = memoryview(b"")
        if view.readonly:
            raise TypeError(
                "recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers"
            )
        views.append(view)
    return views


def _control(given: Any) -> Control:
    name = "[sendmsg() ancillary data items]() argument must be"
    try:
        count = len(given)
    except TypeError:
        raise TypeError(f"{name} 3-item sequence, not {type(given).__name__}") from None
    if count != 3:
        raise TypeError(f"{name} sequence of length 3, not {count}")
    level, kind, data = given
    return index(level), index(kind), bytes(octets(data))
