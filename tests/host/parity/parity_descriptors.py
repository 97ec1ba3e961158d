"""Calls of `os` and `fcntl` on descriptors: pipes, sockets, event counters."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import io
import os
import select
import selectors
import socket
import stat
import struct
import tempfile
import termios
import threading

from parity_kit import attempt, failing, program, soon
from parity_kit import connected as connected_with_delay


def connected():
    """A TCP connection that sends at once what it is given."""
    ends = connected_with_delay()
    for end in ends:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ends


@contextlib.contextmanager
def a_pipe(flags=os.O_CLOEXEC):
    """Both ends of a pipe, closed in the end if they are still open."""
    ends = os.pipe2(flags)
    try:
        yield ends
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)


def ready(number):
    poll = select.poll()
    poll.register(number, 0x203F)
    found = poll.poll(0)
    return found[0][1] if found else 0


@program
def pipes():
    with a_pipe() as (reader, writer):
        out = [os.write(writer, b"hello"), os.read(reader, 2), os.read(reader, 99), os.write(writer, b"")]
        out += [failing(os.read, writer, 1), failing(os.write, reader, b"x"), os.read(reader, 0)]
        os.write(writer, b"left")
        os.close(writer)
        return [*out, os.read(reader, 9), os.read(reader, 9), failing(os.write, writer, b"x")]


@program
def a_pipe_nobody_reads():
    with a_pipe() as (reader, writer):
        os.close(reader)
        return attempt(os.write, writer, b"x"), ready(writer), attempt(os.write, writer, b"")


@program
def readiness_of_pipes():
    with a_pipe() as (reader, writer):
        out = [ready(reader), ready(writer)]
        os.write(writer, b"x")
        out += [ready(reader), ready(writer)]
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        out += [ready(reader), ready(writer)]
        os.read(reader, 4096)
        out += [ready(writer)]
        os.read(reader, 4096)
        out += [ready(writer)]
        os.close(writer)
        return [*out, ready(reader), len(os.read(reader, 1 << 20)), ready(reader)]


@program
def how_much_a_pipe_holds():
    out = []
    for size in (1, 1000, 4095, 4096, 4097, 10000, 65536, 100000):
        with a_pipe(os.O_NONBLOCK) as (reader, writer):
            sent = []
            try:
                while True:
                    sent.append(os.write(writer, b"x" * size))
            except BlockingIOError as error:
                out.append((size, len(sent), sum(sent), str(error)))
            got = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    got += len(os.read(reader, 3000))
            out.append(got)
    return out


@program
def a_writer_waits_for_a_reader():
    with a_pipe() as (reader, writer):
        written = []
        data = bytes(range(256)) * 2000
        thread = threading.Thread(target=lambda: written.append(os.write(writer, data)))
        thread.start()
        got = b""
        while len(got) < len(data):
            got += os.read(reader, 5000)
        thread.join()
        return written, got == data


@program
def a_reader_waits_for_a_writer():
    with a_pipe() as (reader, writer):
        got = []
        thread = threading.Thread(target=lambda: got.extend(iter(lambda: os.read(reader, 9), b"")))
        thread.start()
        for each in (b"one", b"two"):
            os.write(writer, each)
            soon()
        os.close(writer)
        thread.join()
        return got


@program
def pipes_that_do_not_wait():
    with a_pipe(os.O_NONBLOCK) as (reader, writer):
        out = [attempt(os.read, reader, 1), os.get_blocking(reader), os.get_blocking(writer)]
        os.set_blocking(reader, True)
        out += [os.get_blocking(reader), os.get_inheritable(reader), failing(os.pipe2, 1 << 30)]
        with a_pipe() as (other, _):
            out += [os.get_blocking(other), os.get_inheritable(other)]
            os.set_inheritable(other, True)
            out.append(os.get_inheritable(other))
        return out


@program
def duplicates_of_descriptors():
    with a_pipe() as (reader, writer):
        copy = os.dup(writer)
        out = [copy != writer, os.get_inheritable(copy)]
        os.close(writer)
        os.write(copy, b"by the copy")
        out += [os.read(reader, 99), ready(reader)]
        os.set_blocking(copy, False)
        again = os.dup(copy)
        out.append(os.get_blocking(again))
        os.close(copy)
        os.close(again)
        return [*out, os.read(reader, 9), failing(os.dup, copy), failing(os.close, copy)]


@program
def replacing_a_descriptor():
    with a_pipe() as (reader, writer), a_pipe() as (other, target):
        out = [os.dup2(writer, target) == target, os.get_inheritable(target), os.write(target, b"x")]
        out += [os.read(reader, 9), os.read(other, 9), os.dup2(writer, writer) == writer]
        os.dup2(writer, target, inheritable=False)
        return [
            *out,
            os.get_inheritable(target),
            *(failing(os.dup2, *pair)[0] for pair in ((-1, target), (writer, -1))),
        ]


@program
def closing_a_range():
    with a_pipe() as (reader, writer), a_pipe() as (other, target):
        low, high = min(reader, writer), max(reader, writer)
        os.closerange(low, high + 1)
        out = [failing(os.fstat, reader), failing(os.fstat, writer)]
        return [*out, os.write(target, b"x"), os.read(other, 1)]


@program
def what_fstat_says():
    client, server = connected()
    with a_pipe() as (reader, writer), client, server:
        out = []
        for number in (reader, writer, client.fileno(), server.fileno()):
            status = os.fstat(number)
            out += [oct(status.st_mode), status.st_nlink, status.st_size, status.st_uid == os.getuid()]
            out += [os.isatty(number), os.stat(number).st_mode == status.st_mode]
        copy = os.dup(reader)
        out.append(os.path.sameopenfile(copy, reader))
        os.close(copy)
        out += [
            os.path.sameopenfile(client.fileno(), server.fileno()),
            stat.S_ISFIFO(os.fstat(reader).st_mode),
        ]
        return [*out, os.path.sameopenfile(reader, writer)]


@program
def reading_and_writing_sockets():
    client, server = connected()
    a, b = socket.socketpair()
    out = []
    with client, server, a, b:
        for left, right in ((client, server), (a, b)):
            out += [os.write(left.fileno(), b"hello"), os.read(right.fileno(), 3), os.read(right.fileno(), 9)]
            first, second = bytearray(2), bytearray(9)
            out.append(os.writev(left.fileno(), [b"ab", b"cd", b"e"]))
            soon()
            out += [os.readv(right.fileno(), [first, second]), first, second[:3]]
            os.set_blocking(right.fileno(), False)
            out += [attempt(os.read, right.fileno(), 1), attempt(os.readv, right.fileno(), [first])]
            os.close(left.detach())
            soon()
            out += [os.read(right.fileno(), 9), failing(os.pread, right.fileno(), 1, 0)]
            out.append(failing(os.lseek, right.fileno(), 0, 0))
    with socket.socket() as lone:
        return [*out, attempt(os.read, lone.fileno(), 1), attempt(os.write, lone.fileno(), b"x")]


@program
def flags_of_descriptors():
    out = []
    client, server = connected()
    with a_pipe() as (reader, writer), client, server:
        for number in (reader, writer, client.fileno()):
            known = os.O_ACCMODE | os.O_NONBLOCK | os.O_APPEND
            out += [fcntl.fcntl(number, fcntl.F_GETFL) & known, fcntl.fcntl(number, fcntl.F_GETFD)]
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_NONBLOCK)
            out += [fcntl.fcntl(number, fcntl.F_GETFL) & known, os.get_blocking(number)]
            fcntl.fcntl(number, fcntl.F_SETFD, 0)
            out += [fcntl.fcntl(number, fcntl.F_GETFD), os.get_inheritable(number)]
            for command in (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC):
                copy = fcntl.fcntl(number, command, 0)
                out += [fcntl.fcntl(copy, fcntl.F_GETFD), os.get_blocking(copy), copy != number]
                os.close(copy)
        out += [client.gettimeout(), attempt(client.recv, 1), failing(fcntl.fcntl, client, 9999)]
        out += [fcntl.fcntl(client, fcntl.F_GETFL) & os.O_NONBLOCK, fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ)]
        out.append(failing(fcntl.fcntl, client, fcntl.F_GETPIPE_SZ))
    return [*out, failing(fcntl.fcntl, reader, fcntl.F_GETFL)]


@program
def how_much_can_be_read():
    client, server = connected()
    a, b = socket.socketpair()
    c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    out = []
    with a_pipe() as (reader, writer), client, server, a, b, c, d:
        pairs = [(reader, writer)] + [
            (right.fileno(), left.fileno()) for left, right in ((client, server), (a, b), (c, d))
        ]
        for right, left in pairs:
            out.append(struct.unpack("i", fcntl.ioctl(right, termios.FIONREAD, b"\0" * 4)))
            os.write(left, b"hello")
            os.write(left, b"again!")
            soon()
            buffer = bytearray(4)
            out += [fcntl.ioctl(right, termios.FIONREAD, buffer), struct.unpack("i", buffer)]
            os.read(right, 2)
            out.append(struct.unpack("i", fcntl.ioctl(right, termios.FIONREAD, b"\0" * 4)))
        fcntl.ioctl(reader, termios.FIONBIO, struct.pack("i", 1))
        out.append(os.get_blocking(reader))
        fcntl.ioctl(reader, termios.FIONBIO, struct.pack("i", 0))
        return [*out, os.get_blocking(reader), failing(fcntl.ioctl, client, termios.TIOCGWINSZ, b"\0" * 8)]


@program
def sending_files():
    client, server = connected()
    a, b = socket.socketpair()
    out = []
    with tempfile.TemporaryFile() as file, a_pipe() as (reader, writer), client, server, a, b:
        file.write(bytes(range(200)))
        file.flush()
        file.seek(5)
        for left, right in ((client.fileno(), server.fileno()), (a.fileno(), b.fileno()), (writer, reader)):
            out += [os.sendfile(left, file.fileno(), 10, 20), os.sendfile(left, file.fileno(), 190, 99)]
            out += [os.sendfile(left, file.fileno(), 200, 9), os.lseek(file.fileno(), 0, os.SEEK_CUR)]
            out += [os.sendfile(left, file.fileno(), None, 7), os.lseek(file.fileno(), 0, os.SEEK_CUR)]
            soon()
            out.append(os.read(right, 99))
        out += [failing(os.sendfile, client.fileno(), a.fileno(), 0, 1), client.sendfile(file, 3, 4)]
        soon()
        return [*out, server.recv(9), file.tell()]


@program
def selecting_pipes():
    with a_pipe() as (reader, writer), selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ, "reader")
        selector.register(writer, selectors.EVENT_WRITE, "writer")
        out = [sorted((key.data, events) for key, events in selector.select(0))]
        selector.unregister(writer)
        out.append(selector.select(0))
        threading.Timer(0.02, os.write, (writer, b"x")).start()
        out.append([(key.data, events) for key, events in selector.select()])
        os.close(writer)
        os.read(reader, 1)
        out.append([(key.data, events) for key, events in selector.select()])
        return [*out, select.select([reader], [], [reader], 1) == ([reader], [], [])]


@program
def asyncio_pipes():
    async def main():
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
        )
        out_transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(writing, "wb", 0)
        )
        writer = asyncio.StreamWriter(out_transport, protocol, None, loop)
        writer.write(b"hello\n" + b"x" * 60000 + b"\n")
        out = [await reader.readline(), len(await reader.readuntil(b"x\n"))]
        await writer.drain()
        out_transport.close()
        out.append(await reader.read())
        transport.close()
        return out

    return asyncio.run(main())


@program
def asyncio_notices_that_nobody_reads():
    async def main():
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        lost = loop.create_future()

        class Writing(asyncio.BaseProtocol):
            def connection_lost(self, error):
                lost.set_result(type(error).__name__)

        await loop.connect_write_pipe(Writing, os.fdopen(writing, "wb", 0))
        os.close(reading)
        return await asyncio.wait_for(lost, 5)

    return asyncio.run(main())


@program
def watching_a_pipe_with_asyncio():
    async def main():
        loop = asyncio.get_running_loop()
        with a_pipe() as (reader, writer):
            got = loop.create_future()
            loop.add_reader(reader, lambda: got.done() or got.set_result(os.read(reader, 9)))
            loop.call_later(0.01, os.write, writer, b"hello")
            result = await got
            return result, loop.remove_reader(reader), loop.remove_reader(reader)

    return asyncio.run(main())


@program
def files_over_pipes():
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader, os.fdopen(writing, "w", buffering=1) as writer:
        writer.write("first\nsecond")
        out = [
            reader.readline(),
            reader.fileno() == reading,
            reader.isatty(),
            reader.readable(),
            writer.writable(),
        ]
        out += [
            reader.mode,
            writer.mode,
            reader.name == reading,
            reader.seekable(),
            failing(reader.write, "x"),
        ]
        writer.write(" line\nthird")
        writer.close()
        return [*out, reader.read(), reader.read(), failing(os.fstat, writing), writer.closed]


@program
def raw_and_buffered_files_over_pipes():
    out = []
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as reader, open(writing, "wb") as writer:
        out += [
            type(reader).__name__ == "BufferedReader",
            isinstance(reader, io.RawIOBase),
            isinstance(writer, io.BufferedWriter),
        ]
        writer.write(b"kept back")
        out += [
            select.select([reader], [], [], 0)[0],
            writer.flush(),
            reader.read(4),
            reader.readinto(bytearray(3)),
        ]
        os.set_blocking(reading, False)
        out += [reader.read(99), reader.read(99), failing(reader.seek, 0), failing(reader.tell)]
        writer.close()
        out += [reader.read(), reader.readall(), reader.closed]
    out += [failing(reader.read), failing(reader.fileno), reader.closed]
    reading, writing = os.pipe()
    with open(reading, "rb", closefd=False) as reader:
        pass
    out += [stat.S_ISFIFO(os.fstat(reading).st_mode), failing(open, reading, "rwb")]
    os.close(reading)
    os.close(writing)
    out += [
        failing(open, reading),
        failing(os.fdopen, reading),
        failing(os.fdopen, "x"),
        failing(open, writing, "q"),
    ]
    return out


@program
def files_over_sockets():
    client, server = connected()
    with os.fdopen(client.detach(), "rb+", 0) as file, server:
        out = [file.write(b"hello\n"), file.readable(), file.writable(), isinstance(file, io.RawIOBase)]
        server.sendall(b"answer\n")
        return [*out, server.makefile("rb").readline(), file.readline()]


@program
def event_counters():
    number = os.eventfd(3, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    out = [ready(number), os.eventfd_read(number), ready(number), attempt(os.eventfd_read, number)]
    os.eventfd_write(number, 5)
    os.write(number, struct.pack("q", 2))
    out += [ready(number), os.read(number, 8), failing(os.read, number, 4), failing(os.write, number, b"x")]
    os.eventfd_write(number, (1 << 64) - 2)
    out += [
        ready(number),
        attempt(os.eventfd_write, number, 1),
        failing(os.eventfd_write, number, (1 << 64) - 1),
    ]
    out += [os.get_blocking(number), os.get_inheritable(number), os.isatty(number)]
    os.close(number)
    number = os.eventfd(2, os.EFD_SEMAPHORE)
    out += [
        os.eventfd_read(number),
        os.eventfd_read(number),
        os.get_inheritable(number),
        os.get_blocking(number),
    ]
    threading.Timer(0.01, os.eventfd_write, (number, 1)).start()
    out.append(os.eventfd_read(number))
    os.close(number)
    return [*out, failing(os.eventfd_read, number), failing(os.eventfd, 1, 1 << 30)]


@program
def descriptors_passed_of_all_kinds():
    a, b = socket.socketpair()
    with a, b, a_pipe() as (reader, writer):
        number = os.eventfd(7)
        socket.send_fds(a, [b"x"], [writer, number])
        os.close(number)
        _, (passed, counter), _, _ = socket.recv_fds(b, 9, 2)
        out = [os.write(passed, b"hello"), os.read(reader, 9), os.eventfd_read(counter)]
        os.close(passed)
        os.close(counter)
        return out


@program
def numbers_that_are_not_open():
    with a_pipe() as (reader, _writer):
        pass
    calls = [os.read, os.write, os.fstat, os.dup, os.close, os.get_blocking, os.get_inheritable, os.isatty]
    arguments = {os.read: (1,), os.write: (b"x",)}
    out = [failing(call, reader, *arguments.get(call, ())) for call in calls]
    out += [failing(call, 1 << 19, *arguments.get(call, ())) for call in calls]
    out += [failing(os.set_blocking, reader, True), failing(os.set_inheritable, reader, True)]
    out += [failing(socket.socket, fileno=reader), failing(os.readv, reader, [bytearray(1)])]
    with a_pipe() as (reader, _):
        out.append(failing(socket.socket, fileno=reader))
    return out


@program
def standard_names_of_errors():
    with a_pipe(os.O_NONBLOCK) as (reader, _):
        try:
            os.read(reader, 1)
        except OSError as error:
            return error.errno == errno.EAGAIN, error.filename, str(error)
