"""An aiohttp application and an aiohttp client."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web


async def hello(request):
    return web.json_response({"name": request.match_info["name"], "peer": request.remote})


async def upload(request):
    size = 0
    async for chunk in request.content.iter_chunked(65536):
        size += len(chunk)
    return web.Response(text=str(size))


async def chat(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data[::-1])
    return socket


def application():
    app = web.Application()
    app.add_routes([web.get("/hello/{name}", hello), web.post("/upload", upload), web.get("/chat", chat)])
    return app


def serve(port=8080):
    web.run_app(application(), port=port, print=None)


async def visit(url):
    async with aiohttp.ClientSession() as session:
        names = []
        for name in ("ada", "grace"):
            async with session.get(f"{url}/hello/{name}") as response:
                names.append((await response.json())["name"])
        async with session.post(f"{url}/upload", data=b"z" * 500_000) as response:
            size = int(await response.text())
        async with session.ws_connect(f"{url}/chat") as socket:
            await socket.send_str("network")
            word = (await asyncio.wait_for(socket.receive(), 5)).data
    return names, size, word
