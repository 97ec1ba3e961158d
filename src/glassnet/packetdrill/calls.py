"""System calls of scripts as calls of Python's socket objects."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
from collections.abc import Callable
from struct import Struct
from typing import Any

from glassnet.packetdrill.constants import Value, errno_named, resolve
from glassnet.packetdrill.conversation import octets
from glassnet.packetdrill.flags import Flags
from glassnet.packetdrill.program import Mismatch
from glassnet.packetdrill.script import Call, Record, ScriptError
from glassnet.packetdrill.tcp_info import unpack_tcp_info
from glassnet.packetdrill.values import (
    PAIR,
    event_data,
    field,
    number_of,
    packed,
    same,
    same_address,
    sizes,
    without_control,
    written_address,
)

__all__ = ["Calls", "Stream"]

_INT = Struct("i")
_NOT_IN_ORDER = socket.MSG_TRUNC | socket.MSG_OOB | socket.MSG_ERRQUEUE
_SIOCINQ = 0x541B
_EPOLL_ADD, _EPOLL_DELETE, _EPOLL_MODIFY = 1, 2, 3
_MOST = 1 << 30
_TAKEN = "the script has a file {} already: close it first, or expect another number"


class Stream:
    """A socket of the script, what was written to it, and how far it was read."""

    def __init__(self, made: socket.socket, remote_port: int | None = None) -> None:
        self.socket = made
        self.remote_port = remote_port
        self.local_port = 0
        self.written = bytearray()
        self.read = 0


class Calls:
    """Makes system calls; the file numbers are the script's own.

    `listened` is called with the port when a socket listens, `aimed` when a datagram socket has a port
    of its own or a peer's.
    """

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._streams: dict[int, Stream] = {}
        self._polls: dict[int, Any] = {}
        self._data: dict[tuple[int, int], Value] = {}
        self.listened: Callable[[int], object] = _nobody
        self.bound: Callable[[int], object] = _nobody
        self.check_data = True

    def prepare(self, call: Call) -> Callable[[], int]:
        """What makes `call` when it is called, in a program. ScriptError for what this cannot do."""
        action = getattr(self, f"_do_{call.name}", None)
        if action is None:
            raise ScriptError(call.place, f"the system call {call.name}() is not implemented")
        arguments = [resolve(each, call.place) for each in call.arguments]
        least, most = _ARGUMENTS[call.name]
        if not least <= len(arguments) <= most:
            raise ScriptError(
                call.place,
                f"{call.name}() takes {least if least == most else f'{least} to {most}'} arguments, "
                f"not {len(arguments)}",
            )
        if call.result.error and errno_named(call.result.error) is None:
            raise ScriptError(call.place, f"there is no error {call.result.error!r}")
        new = call.result.value

        def act() -> int:
            if call.name in _MAKE_FILES:
                return int(action(new, *arguments))
            return int(action(*arguments))

        return act

    def written_by(self, local: int, remote: int) -> bytearray | None:
        """What was written to the socket with these ports; None if there is none."""
        for stream in self._streams.values():
            if stream.remote_port == remote:
                port = stream.local_port
                if not port and stream.socket.fileno() >= 0:
                    port = stream.socket.getsockname()[1]
                if port == local:
                    return stream.written
        return None

    # Files

    def _stream(self, number: Value) -> Stream:
        if not isinstance(number, int):
            raise Mismatch(f"a file number is expected, not {number!r}")
        stream = self._streams.get(number)
        if stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return stream

    def _socket(self, number: Value) -> socket.socket:
        return self._stream(number).socket

    def _add(self, number: int | None, stream: Stream) -> int:
        if number is None or number < 0:
            number = 3
            while number in self._streams:
                number += 1
        if number in self._streams or number in self._polls:
            stream.socket.close()
            raise Mismatch(_TAKEN.format(number))
        self._streams[number] = stream
        return number

    def _do_socket(self, new: int | None, family: Value, kind: Value, protocol: Value) -> int:
        chosen = self._flags.family if family is ... else number_of(family)
        return self._add(
            new, Stream(socket.socket(chosen, number_of(kind), 0 if protocol is ... else number_of(protocol)))
        )

    def _do_accept(self, new: int | None, number: Value, address: Value, _: Value) -> int:
        accepted, peer = self._socket(number).accept()
        stream = Stream(accepted, peer[1])
        stream.local_port = accepted.getsockname()[1]
        made = self._add(new, stream)
        same_address(address, peer)
        return made

    def _do_accept4(self, new: int | None, number: Value, address: Value, size: Value, flags: Value) -> int:
        made = self._do_accept(new, number, address, size)
        if number_of(flags) & socket.SOCK_NONBLOCK:
            fcntl.fcntl(self._socket(made), fcntl.F_SETFL, os.O_RDWR | os.O_NONBLOCK)
        return made

    def _do_close(self, number: Value) -> int:
        if isinstance(number, int) and number in self._polls:
            self._polls.pop(number).close()
            return 0
        stream = self._stream(number)
        assert isinstance(number, int)
        del self._streams[number]
        stream.local_port = stream.local_port or stream.socket.getsockname()[1]
        stream.socket.close()
        return 0

    # Naming

    def _do_bind(self, number: Value, address: Value, _: Value) -> int:
        made = self._socket(number)
        made.bind(self._address(made, address, "", self._flags.bind_port))
        self.bound(made.getsockname()[1])
        return 0

    def _do_listen(self, number: Value, backlog: Value) -> int:
        made = self._socket(number)
        made.listen(number_of(backlog))
        self.listened(made.getsockname()[1])
        return 0

    def _do_connect(self, number: Value, address: Value, _: Value) -> int:
        stream = self._stream(number)
        where = self._remote_address(stream.socket, address)
        stream.remote_port = where[1]
        stream.socket.connect(where)
        self.bound(stream.socket.getsockname()[1])
        return 0

    def _remote_address(self, made: socket.socket, address: Value) -> Any:
        return self._address(made, address, self._flags.remote_host, self._flags.connect_port)

    def _address(self, made: socket.socket, address: Value, host: str, port: int) -> Any:
        if isinstance(address, Record):
            said, number = written_address(address)
            host = host if said is ... else said
            port = port if number is ... else number
        elif address is not ...:
            raise Mismatch("an address is '...' or {sa_family = AF_INET, sin_port = ..., sin_addr = ...}")
        if made.family == socket.AF_INET6:
            return (host or "::", port, 0, 0)
        return (host, port)

    def _do_getsockname(self, number: Value, address: Value, _: Value) -> int:
        same_address(address, self._socket(number).getsockname())
        return 0

    def _do_getpeername(self, number: Value, address: Value, _: Value) -> int:
        same_address(address, self._socket(number).getpeername())
        return 0

    # Data

    def _came(self, stream: Stream, data: bytes, flags: int = 0) -> int:
        if stream.socket.type == socket.SOCK_STREAM and self.check_data and not flags & _NOT_IN_ORDER:
            wanted = octets(stream.read, len(data))
            if data != wanted:
                at = next(at for at in range(len(data)) if data[at] != wanted[at])
                raise Mismatch(f"octet {stream.read + at + 1} that was read is not the one that came")
        if not flags & (socket.MSG_PEEK | socket.MSG_OOB | socket.MSG_ERRQUEUE):
            stream.read += len(data)
        return len(data)

    def _outgoing(self, stream: Stream, what: Value, count: Value) -> bytes:
        size = number_of(count)
        if not 0 <= size <= _MOST:
            raise Mismatch(f"{size} octets cannot be written at once")
        if isinstance(what, bytes):
            return what[:size]
        return octets(len(stream.written) if stream.socket.type == socket.SOCK_STREAM else 0, size)

    def _gathered(self, stream: Stream, parts: Value) -> bytes:
        """What the buffers of `[{..., 1000}, {"abc", 3}]` hold, one behind the other."""
        data = self._outgoing(stream, ..., sum(sizes(parts)))
        at = 0
        for part in parts if isinstance(parts, list) else []:
            assert isinstance(part, Record)
            text, size = part.fields[0][1], number_of(part.fields[-1][1])  # type: ignore[arg-type]
            if isinstance(text, bytes):
                data = data[:at] + text[:size] + data[at + len(text[:size]) :]
            at += size
        return data

    def _send(self, stream: Stream, data: bytes, send: Callable[[bytes], int]) -> int:
        # It goes out while the call waits for room, so it is noted before.
        before = len(stream.written)
        stream.written += data
        sent = 0
        try:
            sent = send(data)
        finally:
            del stream.written[before + sent :]
        return sent

    def _do_read(self, number: Value, what: Value, count: Value) -> int:
        stream = self._stream(number)
        data = stream.socket.recv(number_of(count))
        same(what if isinstance(what, bytes) else ..., data, "the data")
        return self._came(stream, data)

    def _do_recv(self, number: Value, what: Value, count: Value, flags: Value) -> int:
        stream = self._stream(number)
        data = stream.socket.recv(number_of(count), number_of(flags))
        same(what if isinstance(what, bytes) else ..., data, "the data")
        return self._came(stream, data, number_of(flags))

    def _do_recvfrom(self, number: Value, what: Value, count: Value, flags: Value, *address: Value) -> int:
        stream = self._stream(number)
        data, source = stream.socket.recvfrom(number_of(count), number_of(flags))
        same(what if isinstance(what, bytes) else ..., data, "the data")
        if address:
            same_address(address[0], source)
        return self._came(stream, data, number_of(flags))

    def _do_recvmsg(self, number: Value, message: Value, flags: Value) -> int:
        stream = self._stream(number)
        room = sum(sizes(field(message, "msg_iov")))
        assert isinstance(message, Record)
        without_control(message)
        data, _control, got, source = stream.socket.recvmsg(room, 0, number_of(flags))
        wanted = message.get("msg_flags")
        if isinstance(wanted, int) and wanted != got:
            raise Mismatch(f"msg_flags: expected {wanted:#x}, seen {got:#x}")
        same_address(message.get("msg_name"), source)
        return self._came(stream, data, number_of(flags))

    def _do_readv(self, number: Value, parts: Value, _: Value) -> int:
        stream = self._stream(number)
        return self._came(stream, stream.socket.recv(sum(sizes(parts))))

    def _do_write(self, number: Value, what: Value, count: Value) -> int:
        stream = self._stream(number)
        return self._send(stream, self._outgoing(stream, what, count), stream.socket.send)

    def _do_send(self, number: Value, what: Value, count: Value, flags: Value) -> int:
        stream = self._stream(number)
        data = self._outgoing(stream, what, count)
        return self._send(stream, data, lambda rest: stream.socket.send(rest, number_of(flags)))

    def _do_sendto(self, number: Value, what: Value, count: Value, flags: Value, *address: Value) -> int:
        stream = self._stream(number)
        data = self._outgoing(stream, what, count)
        if not address or address[0] == 0:
            return self._send(stream, data, lambda rest: stream.socket.send(rest, number_of(flags)))
        where = self._remote_address(stream.socket, address[0])
        if stream.socket.type == socket.SOCK_STREAM:
            stream.remote_port = where[1]
        return self._send(stream, data, lambda rest: stream.socket.sendto(rest, number_of(flags), where))

    def _do_writev(self, number: Value, parts: Value, _: Value) -> int:
        stream = self._stream(number)
        return self._send(stream, self._gathered(stream, parts), stream.socket.send)

    def _do_sendmsg(self, number: Value, message: Value, flags: Value) -> int:
        stream = self._stream(number)
        data = self._gathered(stream, field(message, "msg_iov"))
        assert isinstance(message, Record)
        without_control(message)
        to: tuple[Any, ...] = ()
        if isinstance(message.get("msg_name"), Record):
            to = (self._remote_address(stream.socket, message.get("msg_name")),)  # type: ignore[arg-type]
        return self._send(stream, data, lambda rest: stream.socket.sendmsg([rest], [], number_of(flags), *to))

    # Ending

    def _do_shutdown(self, number: Value, how: Value) -> int:
        self._socket(number).shutdown(number_of(how))
        return 0

    # Options

    def _do_setsockopt(self, number: Value, level: Value, name: Value, value: Value, size: Value) -> int:
        given = packed(value, 4 if size is ... else number_of(size))
        self._socket(number).setsockopt(number_of(level), number_of(name), given)
        return 0

    def _do_getsockopt(self, number: Value, level: Value, name: Value, value: Value, size: Value) -> int:
        room = 4
        if isinstance(value, Record):
            room = 1024
        elif isinstance(value, bytes):
            room = 64
        if isinstance(size, list) and len(size) == 1 and isinstance(size[0], int):
            room = max(min(size[0], 1024), 1)
        found = self._socket(number).getsockopt(number_of(level), number_of(name), room)
        if isinstance(value, bytes):
            same(value, found.rstrip(b"\0"), "the option")
        elif isinstance(value, Record):
            self._compare_record(number_of(level), number_of(name), value, found)
        elif isinstance(value, list) and value and value[0] is not ...:
            same(value[0], int.from_bytes(found, "little", signed=len(found) == 4), "the option")
        return 0

    def _compare_record(self, level: int, name: int, wanted: Record, found: bytes) -> None:
        if (level, name) == (socket.IPPROTO_TCP, socket.TCP_INFO):
            have = unpack_tcp_info(found)
        elif (level, name) == (socket.SOL_SOCKET, socket.SO_LINGER):
            have = dict(zip(("onoff", "linger"), PAIR.unpack(found), strict=True))
        else:
            raise Mismatch("only SO_LINGER and TCP_INFO have fields here")
        for position, (each, value) in enumerate(wanted.fields):
            called = each or [*have][min(position, len(have) - 1)]
            if called not in have:
                raise Mismatch(f"there is no field {called!r}")
            same(value, have[called], called)

    def _do_fcntl(self, number: Value, command: Value, argument: Value = 0) -> int:
        return int(fcntl.fcntl(self._socket(number), number_of(command), number_of(argument)))

    def _do_ioctl(self, number: Value, request: Value, value: Value) -> int:
        made = self._socket(number)
        argument = value[0] if isinstance(value, list) and value else 0
        given = argument if isinstance(argument, int) else 0
        found = fcntl.ioctl(made, number_of(request), _INT.pack(given))
        if number_of(request) == _SIOCINQ or isinstance(argument, int):
            same(argument, _INT.unpack(found)[0], "the value")
        return 0

    # Waiting

    def _do_poll(self, files: Value, _: Value, timeout: Value) -> int:
        if not isinstance(files, list):
            raise Mismatch("poll takes a list such as [{fd=3, events=POLLIN, revents=POLLIN}]")
        poller = select.poll()
        wanted: dict[int, tuple[Value, int]] = {}
        for each in files:
            number = number_of(field(each, "fd", 0))
            made = self._socket(number)
            poller.register(made, number_of(field(each, "events", 1)))
            wanted[made.fileno()] = field(each, "revents", 2), number
        milliseconds = number_of(timeout)
        found = dict(poller.poll(None if milliseconds < 0 else milliseconds))
        for live, (revents, number) in wanted.items():
            same(revents, found.get(live, 0), f"revents of {number}")
        return len(found)

    def _do_epoll_create(self, new: int | None, *_: Value) -> int:
        number = 3 if new is None or new < 0 else new
        if number in self._streams or number in self._polls:
            raise Mismatch(_TAKEN.format(number))
        self._polls[number] = select.epoll()
        return number

    _do_epoll_create1 = _do_epoll_create

    def _epoll(self, number: Value) -> Any:
        if not isinstance(number, int) or number not in self._polls:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._polls[number]

    def _do_epoll_ctl(self, poller: Value, action: Value, number: Value, event: Value) -> int:
        epoll, made = self._epoll(poller), self._socket(number)
        bits = number_of(field(event, "events")) if isinstance(event, Record) else 0
        if action != _EPOLL_DELETE:
            self._data[number_of(poller), made.fileno()] = event_data(event, number)
        if action == _EPOLL_ADD:
            epoll.register(made, bits)
        elif action == _EPOLL_MODIFY:
            epoll.modify(made, bits)
        else:
            epoll.unregister(made)
        return 0

    def _do_epoll_wait(self, poller: Value, events: Value, most: Value, timeout: Value) -> int:
        milliseconds = number_of(timeout)
        found = self._epoll(poller).poll(None if milliseconds < 0 else milliseconds / 1000, number_of(most))
        numbers = {stream.socket.fileno(): number for number, stream in self._streams.items()}
        if events is not ... and not isinstance(events, list | Record):
            raise Mismatch("the events are '...' or [{events=EPOLLIN, fd=4}]")
        every = events if isinstance(events, list) else [events]
        for wanted, (live, bits) in zip(every, found, strict=False):
            if isinstance(wanted, Record):
                same(field(wanted, "events", 0), bits, f"events of {numbers[live]}")
                data = self._data[number_of(poller), live]
                same(event_data(wanted, ...), data, "the data of the event")
        return len(found)


_MAKE_FILES = ("socket", "accept", "accept4", "epoll_create", "epoll_create1")
_ARGUMENTS = {
    "socket": (3, 3),
    "accept": (3, 3),
    "accept4": (4, 4),
    "close": (1, 1),
    "bind": (3, 3),
    "listen": (2, 2),
    "connect": (3, 3),
    "getsockname": (3, 3),
    "getpeername": (3, 3),
    "read": (3, 3),
    "recv": (4, 4),
    "recvfrom": (4, 6),
    "recvmsg": (3, 3),
    "readv": (3, 3),
    "write": (3, 3),
    "send": (4, 4),
    "sendto": (4, 6),
    "sendmsg": (3, 3),
    "writev": (3, 3),
    "shutdown": (2, 2),
    "setsockopt": (5, 5),
    "getsockopt": (5, 5),
    "fcntl": (2, 3),
    "ioctl": (3, 3),
    "poll": (3, 3),
    "epoll_create": (1, 1),
    "epoll_create1": (1, 1),
    "epoll_ctl": (4, 4),
    "epoll_wait": (4, 4),
}


def _nobody(port: int) -> None:
    pass
