"""Clients and servers of the websockets package, with asyncio and with threads."""

from __future__ import annotations

import asyncio
import time

import websockets
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.sync.client
import websockets.sync.server


async def talk(url):
    async with websockets.asyncio.client.connect(url) as socket:
        await socket.send("network")
        said = [await socket.recv()]
        await socket.send(b"x" * 100_000)
        said.append(len(await socket.recv()))
        await socket.send(b"ba")
        said.append(await socket.recv())
    return said


def talk_blocking(url, context=None):
    with websockets.sync.client.connect(url, ssl=context) as socket:
        said = []
        for word in ("one", "two"):
            socket.send(word)
            said.append(socket.recv(timeout=5))
        started = time.monotonic()
        try:
            socket.recv(timeout=3)
        except TimeoutError:
            said.append(round(time.monotonic() - started, 3))
        socket.send(b"y" * 200_000)
        said.append(len(socket.recv(timeout=20)))
    return said, socket.close_code


async def serve(context=None):
    async def room(socket):
        everybody.append(socket)
        try:
            async for message in socket:
                websockets.broadcast(everybody, f"{len(everybody)}: {message}")
        finally:
            everybody.remove(socket)

    everybody = []
    async with websockets.asyncio.server.serve(room, "", 8000, ping_interval=1, ssl=context) as server:
        await server.serve_forever()


async def chat(url, count, context=None):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guest(url, n, count, context)) for n in range(count)]
    return [task.result() for task in tasks]


async def guest(url, number, count, context):
    async with websockets.asyncio.client.connect(url, ssl=context) as socket:
        await asyncio.sleep(5)  # all have come; some pings were sent
        await socket.send(f"guest {number}")
        return sorted([await socket.recv() for _ in range(count)])


def serve_blocking(context=None):
    def echo(socket):
        for message in socket:
            socket.send(message.upper() if isinstance(message, str) else message)

    with websockets.sync.server.serve(echo, "0.0.0.0", 8000, ssl=context) as server:
        server.serve_forever()
