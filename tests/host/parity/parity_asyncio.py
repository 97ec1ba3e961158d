"""asyncio with its stock event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import ssl
import threading
import time

from parity_kit import program
from tls_kit import AUTHORITY


def coroutine(function):
    @program
    @functools.wraps(function)
    def run():
        return asyncio.run(function())

    return function


async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data.upper())
        await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def serving(handler=echo, **kwargs):
    server = await asyncio.start_server(handler, "127.0.0.1", 0, **kwargs)
    return server, server.sockets[0].getsockname()[1]


@program
def the_loop_is_the_stock_one():
    loop = asyncio.new_event_loop()
    out = type(loop).__name__, type(loop._selector).__name__, loop.is_running()
    loop.close()
    return out


@coroutine
async def streams():
    server, port = await serving()
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.writelines([b"one", b" two"])
        out = [await reader.readexactly(7)]
        writer.write_eof()
        out.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        out.append(writer.get_extra_info("peername") == ("127.0.0.1", port))
    return out


@coroutine
async def a_slow_reader_holds_up_the_writer():
    release = asyncio.Event()
    received = []

    async def handler(reader, writer):
        await release.wait()
        received.append(len(await reader.read(-1)))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server, port = await serving(handler)
    async with server:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 20_000_000)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.05)
            received.append("was not held up")
        release.set()
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        while not received:
            await asyncio.sleep(0.01)
    return received


@coroutine
async def a_refused_connection():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    out = []
    for host in ("127.0.0.1", "localhost"):
        try:
            await asyncio.open_connection(host, port)
        except OSError as error:
            out.append(isinstance(error, ConnectionRefusedError) or "Multiple" in str(error))
    return out


@coroutine
async def protocols():
    events = []
    done = asyncio.Event()

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data[::-1])

        def eof_received(self):
            events.append("eof")

        def connection_lost(self, error):
            events.append(("server lost", error))

    class Client(asyncio.Protocol):
        def connection_made(self, transport):
            events.append("made")
            transport.write(b"abc")
            transport.pause_reading()
            asyncio.get_running_loop().call_later(0.02, transport.resume_reading)
            self.transport = transport

        def data_received(self, data):
            events.append(data)
            self.transport.close()

        def connection_lost(self, error):
            events.append(("client lost", error))
            done.set()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0)
    async with server:
        await loop.create_connection(Client, *server.sockets[0].getsockname())
        await asyncio.wait_for(done.wait(), 5)
        await asyncio.sleep(0.02)
    return sorted(events, key=str)


@coroutine
async def a_reset_connection():
    async def handler(reader, writer):
        await reader.read(1)
        writer.transport.abort()

    server, port = await serving(handler)
    out = []
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"xyz")
        try:
            out.append(await reader.read(10))
        except ConnectionResetError as error:
            out.append(type(error).__name__)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return len(out)


@coroutine
async def datagrams():
    loop = asyncio.get_running_loop()
    received = asyncio.Queue()

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            self.transport.sendto(data * 2, address)

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            received.put_nowait(data)

        def error_received(self, error):
            received.put_nowait(type(error).__name__)

    server, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    address = server.get_extra_info("sockname")
    client, _ = await loop.create_datagram_endpoint(Client, remote_addr=address)
    client.sendto(b"ab")
    out = [await asyncio.wait_for(received.get(), 5)]
    server.close()
    await asyncio.sleep(0.01)
    client.sendto(b"cd")
    out.append(await asyncio.wait_for(received.get(), 5))
    client.close()
    return out


@coroutine
async def sock_methods():
    loop = asyncio.get_running_loop()
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        client.setblocking(False)
        accepting = asyncio.create_task(loop.sock_accept(server))
        await loop.sock_connect(client, server.getsockname())
        peer, address = await accepting
        with peer:
            out = [address == client.getsockname()]
            sending = asyncio.create_task(loop.sock_sendall(client, b"q" * 3_000_000))
            got = 0
            while got < 3_000_000:
                got += len(await loop.sock_recv(peer, 1 << 20))
            await sending
            buffer = bytearray(5)
            await loop.sock_sendall(peer, b"hello")
            out += [got, await loop.sock_recv_into(client, buffer), bytes(buffer)]
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        for each in (one, two):
            each.setblocking(False)
            each.bind(("127.0.0.1", 0))
        await loop.sock_sendto(one, b"datagram", two.getsockname())
        data, source = await loop.sock_recvfrom(two, 100)
        out += [data, source == one.getsockname()]
    return out


@coroutine
async def readers_and_writers():
    loop = asyncio.get_running_loop()
    a, b = socket.socketpair()
    with a, b:
        for each in (a, b):
            each.setblocking(False)
        got = loop.create_future()
        loop.add_reader(b, lambda: got.done() or got.set_result(b.recv(10)))
        loop.add_writer(a, lambda: (loop.remove_writer(a), a.send(b"over")))
        out = await asyncio.wait_for(got, 5)
        return out, loop.remove_reader(b), loop.remove_reader(b), loop.remove_writer(a)


@coroutine
async def a_file_is_sent():
    import tempfile

    received = []
    done = asyncio.Event()

    async def handler(reader, writer):
        received.append(await reader.read())
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        done.set()

    server, port = await serving(handler)
    async with server:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with tempfile.TemporaryFile() as file:
            file.write(b"0123456789" * 1000)
            file.flush()
            sent = await asyncio.get_running_loop().sendfile(writer.transport, file, 5, 5000)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await done.wait()
    return sent, len(received[0]), received[0][:6]


@coroutine
async def tls():
    context, trusting = AUTHORITY.server(), AUTHORITY.client()
    server, port = await serving(ssl=context)
    out = []
    async with server:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting, server_hostname="server.test"
        )
        writer.write(b"secret " * 10_000)
        out.append((await reader.readexactly(70_000))[-7:])
        out.append(writer.get_extra_info("ssl_object").version())
        writer.close()
        await writer.wait_closed()
        try:
            await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="other.test")
        except ssl.SSLCertVerificationError as error:
            out.append(error.verify_code)
        await asyncio.sleep(0.05)  # let the server hear of it too
    return out


@coroutine
async def start_tls():
    context, trusting = AUTHORITY.server(), AUTHORITY.client()

    async def handler(reader, writer):
        if await reader.readline() == b"STARTTLS\n":
            writer.write(b"go\n")
            await writer.drain()
            await writer.start_tls(context)
            writer.write(b"now " + await reader.readline())
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server, port = await serving(handler)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"STARTTLS\n")
        out = [await reader.readline()]
        await writer.start_tls(trusting, server_hostname="server.test")
        writer.write(b"encrypted\n")
        out.append(await reader.readline())
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await asyncio.sleep(0.05)
    return out


@coroutine
async def names_and_executors():
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    name = await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    slept = await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.02) for _ in range(3)))
    in_thread = await loop.run_in_executor(
        None, lambda: threading.current_thread() is threading.main_thread()
    )
    return infos, name, slept, in_thread


@coroutine
async def another_thread_calls():
    loop = asyncio.get_running_loop()
    called = loop.create_future()
    seen = []

    def body():
        time.sleep(0.02)
        loop.call_soon_threadsafe(called.set_result, "called")
        seen.append(asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01, "slept"), loop).result(5))

    thread = threading.Thread(target=body)
    thread.start()
    out = await asyncio.wait_for(called, 5)
    while thread.is_alive():
        await asyncio.sleep(0.01)
    return out, seen


@program
def loops_in_threads():
    out = []

    def body():
        out.append(asyncio.run(asyncio.sleep(0.01, "in a thread")))
        try:
            asyncio.get_event_loop_policy().get_event_loop()
        except RuntimeError as error:
            out.append(str(error).split(" in ")[0])

    async def main():
        thread = threading.Thread(target=body)
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return asyncio.get_running_loop() is asyncio.get_event_loop()

    return asyncio.run(main()), out


@coroutine
async def signals():
    loop = asyncio.get_running_loop()
    came = asyncio.Queue()
    loop.add_signal_handler(signal.SIGUSR1, came.put_nowait, "usr1")
    os.kill(os.getpid(), signal.SIGUSR1)
    out = [await asyncio.wait_for(came.get(), 5)]
    loop.call_later(0.01, signal.raise_signal, signal.SIGUSR1)
    out += [await asyncio.wait_for(came.get(), 5), loop.remove_signal_handler(signal.SIGUSR1)]
    return [*out, loop.remove_signal_handler(signal.SIGUSR1), signal.getsignal(signal.SIGUSR1)]


@program
def an_interrupt():
    cleaned = []

    async def main():
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("up")

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        cleaned.append("interrupted")
    return cleaned


@coroutine
async def timing():
    loop = asyncio.get_running_loop()
    order = []
    loop.call_later(0.03, order.append, "late")
    loop.call_later(0.01, order.append, "early")
    loop.call_soon(order.append, "soon")
    handle = loop.call_later(0.02, order.append, "never")
    handle.cancel()
    before = loop.time()
    await asyncio.sleep(0.05)
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        order.append("timed out")
    return order, 0.06 <= loop.time() - before < 0.5
