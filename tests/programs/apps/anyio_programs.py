"""Programs for anyio, which run on asyncio and on Trio, and one for Trio alone."""

from __future__ import annotations

import signal
import time

import anyio
import anyio.abc
import trio


async def echo(stream):
    async with stream:
        async for data in stream:
            await stream.send(data.upper())


async def serve_tcp():
    listener = await anyio.create_tcp_listener(local_port=7000, local_host="0.0.0.0")
    await listener.serve(echo)


async def serve_udp():
    async with await anyio.create_udp_socket(local_host="::", local_port=7000) as socket:
        async for data, (host, port) in socket:
            await socket.sendto(data[::-1], host, port)


async def serve_both():
    async with anyio.create_task_group() as group:
        group.start_soon(serve_tcp)
        group.start_soon(serve_udp)


def serve(backend):
    anyio.run(serve_both, backend=backend)


async def ask_all(host):
    answers = {}

    async def by_tcp(word):
        async with await anyio.connect_tcp(host, 7000) as stream:
            await stream.send(word)
            received = b""
            while len(received) < len(word):
                received += await stream.receive()
            answers[len(word)] = received == word.upper()

    async with anyio.create_task_group() as group:
        for count in range(8):
            group.start_soon(by_tcp, b"word " * (1 + count * 5000))
        slept = await anyio.to_thread.run_sync(sleep_for, 1)
    async with await anyio.create_connected_udp_socket(host, 7000) as socket:
        answer = None
        for _ in range(5):
            await socket.send(b"network")
            with anyio.move_on_after(1):
                answer = await socket.receive()
                break
    with anyio.move_on_after(2) as scope:
        await anyio.sleep(60)
    return sorted(answers.items()), slept, answer, scope.cancelled_caught


def sleep_for(seconds):
    time.sleep(seconds)
    return seconds


def ask(backend, host):
    started = time.monotonic()
    answer = anyio.run(ask_all, host, backend=backend)
    return *answer, round(time.monotonic() - started, 6)


async def trio_echo(stream):
    async for data in stream:
        await stream.send_all(data)


async def trio_server():
    """Echo, until SIGTERM comes."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_tcp, trio_echo, 7001)
            async for _ in signals:
                nursery.cancel_scope.cancel()
    return "left in good order"


async def trio_visitor(host):
    received = []
    async with trio.open_nursery() as nursery:
        for size in (1, 10_000, 200_000):
            nursery.start_soon(trio_ask, host, size, received)
    with trio.move_on_after(1) as scope:
        await trio.sleep_forever()
    return sorted(received), scope.cancelled_caught, trio.current_time() > 0


async def trio_ask(host, size, received):
    stream = await trio.open_tcp_stream(host, 7001)
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"t" * size)
        count = 0
        while count < size:
            count += len(await stream.receive_some())
    received.append(count)


def run_trio(function, *args):
    return trio.run(function, *args)
