"""A shop: an ASGI application for any server, such as `uvicorn shop:app`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["app"]

Message = MutableMapping[str, Any]

GOODS = {
    "teapot": 57_418,
    "cup": 33_337,
    "kettle": 96_200,
    "tray": 47_300,
}
PAGE = b"<!doctype html><title>A shop</title><h1>Tea, and what goes with it</h1>\n"

orders: list[dict[str, Any]] = []


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer one request: the page, the catalogue, a photo, or an order."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    status, kind, content = respond(scope["method"], scope["path"], body)
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def respond(method: str, path: str, body: bytes) -> tuple[int, bytes, bytes]:
    """Status, content type and content of the answer to a request."""
    if (method, path) == ("GET", "/"):
        return 200, b"text/html", PAGE
    if (method, path) == ("GET", "/goods"):
        return 200, b"application/json", json.dumps(list(GOODS)).encode()
    if method == "GET" and path.removeprefix("/photos/") in GOODS:
        name = path.removeprefix("/photos/")
        return 200, b"application/octet-stream", (name.encode() + b" ") * (GOODS[name] // (len(name) + 1))
    if (method, path) == ("POST", "/orders"):
        order = {"number": len(orders) + 1, **json.loads(body)}
        orders.append(order)
        print(f"order {order['number']}: {order['count']} x {order['what']}")
        return 201, b"application/json", json.dumps(order).encode()
    return 404, b"text/plain", b"There is no such page.\n"
