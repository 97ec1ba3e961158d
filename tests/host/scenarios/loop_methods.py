"""One small program for each method of an asyncio event loop: what it must do on a host.

`uses` maps the method's name to a coroutine function that takes the running loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile

import pytest

from glassnet import GlassnetError

__all__ = ["uses"]

uses: dict[str, Callable[[asyncio.AbstractEventLoop], Awaitable[None]]] = {}


def use(function):
    uses[function.__name__] = function
    return function


class Collector(asyncio.Protocol):
    """Gathers what comes, and tells when the connection is over."""

    def __init__(self):
        self.data = b""
        self.over = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        self.data += data

    def connection_lost(self, error):
        self.over.set_result(self.data)


class Datagrams(asyncio.DatagramProtocol):
    """Tells the first datagram."""

    def __init__(self):
        self.first = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, source):
        if not self.first.done():
            self.first.set_result(data)


def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def udp_pair():
    ours = socket.socket(type=socket.SOCK_DGRAM)
    theirs = socket.socket(type=socket.SOCK_DGRAM)
    for each in (ours, theirs):
        each.setblocking(False)
        each.bind(("127.0.0.1", 0))
    return ours, theirs


@use
async def time(loop):
    before = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - before == 3600


@use
async def call_later(loop):
    called = loop.create_future()
    loop.call_later(1000, called.set_result, loop.time())
    before = await called
    assert loop.time() == before + 1000


@use
async def call_at(loop):
    called = loop.create_future()
    loop.call_at(loop.time() + 500, called.set_result, loop.time())
    before = await called
    assert loop.time() == before + 500


@use
async def call_soon_threadsafe(loop):
    called = loop.create_future()
    await asyncio.to_thread(loop.call_soon_threadsafe, called.set_result, "told")
    assert await called == "told"


@use
async def run_in_executor(loop):
    assert await loop.run_in_executor(None, socket.gethostname) == "a"


@use
async def set_default_executor(loop):
    loop.set_default_executor(ThreadPoolExecutor(1))
    assert await asyncio.to_thread(socket.gethostname) == "a"


@use
async def shutdown_default_executor(loop):
    await asyncio.to_thread(len, "x")
    await loop.shutdown_default_executor()


@use
async def getaddrinfo(loop):
    found = await loop.getaddrinfo("b", 80, type=socket.SOCK_STREAM, family=socket.AF_INET)
    assert found[0][4] == ("192.0.2.2", 80)


@use
async def getnameinfo(loop):
    assert await loop.getnameinfo(("192.0.2.2", 80)) == ("b", "http")


@use
async def add_signal_handler(loop):
    told = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, told.set_result, "told")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await told == "told"
    assert loop.remove_signal_handler(signal.SIGTERM)


@use
async def remove_signal_handler(loop):
    loop.add_signal_handler(signal.SIGUSR1, print)
    assert loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


@use
async def add_reader(loop):
    ours, theirs = pair()
    with ours, theirs:
        ready = loop.create_future()
        loop.add_reader(ours, lambda: ready.done() or ready.set_result(None))
        theirs.send(b"x")
        await ready
        assert loop.remove_reader(ours)


@use
async def remove_reader(loop):
    ours, theirs = pair()
    with ours, theirs:
        loop.add_reader(ours, print)
        assert loop.remove_reader(ours)
        assert not loop.remove_reader(ours)


@use
async def add_writer(loop):
    ours, theirs = pair()
    with ours, theirs:
        ready = loop.create_future()
        loop.add_writer(ours, lambda: ready.done() or ready.set_result(None))
        await ready
        assert loop.remove_writer(ours)


@use
async def remove_writer(loop):
    ours, theirs = pair()
    with ours, theirs:
        loop.add_writer(ours, lambda: None)
        assert loop.remove_writer(ours)
        assert not loop.remove_writer(ours)


@use
async def sock_recv(loop):
    ours, theirs = pair()
    with ours, theirs:
        loop.call_later(1, theirs.send, b"x")
        assert await loop.sock_recv(ours, 10) == b"x"


@use
async def sock_recv_into(loop):
    ours, theirs = pair()
    with ours, theirs:
        loop.call_later(1, theirs.send, b"xy")
        buffer = bytearray(4)
        assert await loop.sock_recv_into(ours, buffer) == 2
        assert buffer == b"xy\0\0"


@use
async def sock_sendall(loop):
    ours, theirs = pair()
    with ours, theirs:
        await loop.sock_sendall(ours, b"x" * 1000)
        assert await loop.sock_recv(theirs, 2000) == b"x" * 1000


@use
async def sock_recvfrom(loop):
    ours, theirs = udp_pair()
    with ours, theirs:
        theirs.sendto(b"x", ours.getsockname())
        assert await loop.sock_recvfrom(ours, 10) == (b"x", theirs.getsockname())


@use
async def sock_recvfrom_into(loop):
    ours, theirs = udp_pair()
    with ours, theirs:
        theirs.sendto(b"x", ours.getsockname())
        buffer = bytearray(4)
        assert await loop.sock_recvfrom_into(ours, buffer) == (1, theirs.getsockname())


@use
async def sock_sendto(loop):
    ours, theirs = udp_pair()
    with ours, theirs:
        assert await loop.sock_sendto(ours, b"x", theirs.getsockname()) == 1
        assert await loop.sock_recv(theirs, 10) == b"x"


@use
async def sock_accept(loop):
    with socket.create_server(("", 7000)) as listener:
        listener.setblocking(False)
        client = asyncio.create_task(asyncio.open_connection("a", 7000))
        accepted, _ = await loop.sock_accept(listener)
        accepted.close()
        _, writer = await client
        writer.close()


@use
async def sock_connect(loop):
    with socket.create_server(("", 7000)), socket.socket() as connecting:
        connecting.setblocking(False)
        await loop.sock_connect(connecting, ("127.0.0.1", 7000))
        assert connecting.getpeername() == ("127.0.0.1", 7000)


@use
async def sock_sendfile(loop):
    received = loop.create_future()

    async def take(reader, writer):
        received.set_result(await reader.read())
        writer.close()

    listener = await asyncio.start_server(take, "", 7001)
    with TemporaryFile() as file, socket.socket() as sending:
        file.write(b"z" * 10_000)
        sending.setblocking(False)
        await loop.sock_connect(sending, ("127.0.0.1", 7001))
        assert await loop.sock_sendfile(sending, file) == 10_000
        sending.shutdown(socket.SHUT_WR)
        assert await received == b"z" * 10_000
    listener.close()


@use
async def create_server(loop):
    protocols = []
    server = await loop.create_server(lambda: protocols.append(Collector()) or protocols[-1], "", 7000)
    _, writer = await asyncio.open_connection("a", 7000)
    writer.write(b"hello")
    writer.close()
    await writer.wait_closed()
    assert await protocols[0].over == b"hello"
    server.close()
    await server.wait_closed()


@use
async def create_connection(loop):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "", 7000)
    _, protocol = await loop.create_connection(Collector, "a", 7000)
    assert await protocol.over == b""
    server.close()


@use
async def connect_accepted_socket(loop):
    ours, theirs = pair()
    with theirs:
        _, protocol = await loop.connect_accepted_socket(Collector, ours)
        theirs.send(b"x")
        theirs.close()
        assert await protocol.over == b"x"


@use
async def create_datagram_endpoint(loop):
    server, told = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 7000))
    client, _ = await loop.create_datagram_endpoint(Datagrams, remote_addr=("127.0.0.1", 7000))
    client.sendto(b"x")
    assert await told.first == b"x"
    client.close()
    server.close()


@use
async def create_unix_server(loop):
    protocols = []
    server = await loop.create_unix_server(
        lambda: protocols.append(Collector()) or protocols[-1], "\0loop-methods"
    )
    _, writer = await asyncio.open_unix_connection("\0loop-methods")
    writer.write(b"hello")
    writer.close()
    await writer.wait_closed()
    assert await protocols[0].over == b"hello"
    server.close()


@use
async def create_unix_connection(loop):
    server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), "\0loop-methods")
    _, protocol = await loop.create_unix_connection(Collector, "\0loop-methods")
    assert await protocol.over == b""
    server.close()


@use
async def connect_read_pipe(loop):
    reading, writing = os.pipe()
    transport, protocol = await loop.connect_read_pipe(Collector, os.fdopen(reading, "rb"))
    os.write(writing, b"x")
    os.close(writing)
    assert await protocol.over == b"x"
    transport.close()


@use
async def connect_write_pipe(loop):
    reading, writing = os.pipe()
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(writing, "wb"))
    transport.write(b"x")
    assert os.read(reading, 10) == b"x"
    transport.close()
    os.close(reading)


@use
async def sendfile(loop):
    received = loop.create_future()

    async def take(reader, writer):
        received.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "", 7000)
    _, writer = await asyncio.open_connection("a", 7000)
    with TemporaryFile() as file:
        file.write(b"z" * 10_000)
        assert await loop.sendfile(writer.transport, file) == 10_000
    writer.write_eof()
    assert await received == b"z" * 10_000
    writer.close()
    await writer.wait_closed()
    server.close()


@use
async def start_tls(loop):
    received = loop.create_future()

    async def take(reader, writer):
        received.set_result(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(take, "", 7000)
    _, writer = await asyncio.open_connection("a", 7000)
    context = ssl.create_default_context()
    secured = asyncio.create_task(loop.start_tls(writer.transport, Collector(), context, server_hostname="a"))
    assert await received == b"\x16"  # the handshake has begun
    with pytest.raises(ConnectionError):
        await secured  # nobody answers
    server.close()


async def _refused(begin):
    with pytest.raises(GlassnetError, match="virtual host"):
        await begin


@use
async def subprocess_exec(loop):
    await _refused(loop.subprocess_exec(asyncio.SubprocessProtocol, "true"))


@use
async def subprocess_shell(loop):
    await _refused(loop.subprocess_shell(asyncio.SubprocessProtocol, "true"))
