"""An ASGI application with pages, an upload, a slow page and a WebSocket, and servers to serve it."""

from __future__ import annotations

import asyncio

import hypercorn.asyncio
import hypercorn.config
import uvicorn


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await echo(receive, send)
    else:
        await page(scope, receive, send)


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def page(scope, receive, send):
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(3)
    headers = [(b"content-type", b"text/plain"), (b"x-http", scope["http_version"].encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/stream":
        for number in range(5):
            await asyncio.sleep(0.1)
            await send({"type": "http.response.body", "body": b"part %d;" % number, "more_body": True})
    await send({"type": "http.response.body", "body": f"{scope['path']} {size}".encode()})


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"].upper()})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"][::-1]})


def serve_uvicorn(**options):
    options = {"host": "0.0.0.0", "port": 80, "log_level": "warning", **options}
    uvicorn.run(application, **options)


def serve_hypercorn(**options):
    config = hypercorn.config.Config()
    config.bind = ["0.0.0.0:80"]
    config.accesslog = None
    config.errorlog = None
    for name, value in options.items():
        setattr(config, name, value)
    asyncio.run(hypercorn.asyncio.serve(application, config))
