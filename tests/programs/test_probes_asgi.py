"""ASGI servers and frameworks."""

from __future__ import annotations

import asgi_servers
import frameworks
import pages_aiohttp
import shutdown
import websocket_clients
from probes import probe


@probe("uvicorn", "h11", "httpx", did="uvicorn with h11 served twenty pages at once and an upload of 300 kB")
def test_uvicorn_with_h11(server, client):
    return serve_and_visit(server, client, http="h11")


@probe(
    "uvicorn", "httptools", "httpx", did="uvicorn with httptools served twenty pages at once and an upload"
)
def test_uvicorn_with_httptools(server, client):
    return serve_and_visit(server, client, http="httptools")


def serve_and_visit(server, client, **options):
    server.start(asgi_servers.serve_uvicorn, **options)
    pages, upload = client.run(frameworks.visit, "http://server")
    assert pages == [f"/page{n} 0" for n in range(20)]
    assert upload == "/upload 300000"


@probe(
    "uvicorn",
    "httpx",
    did="SIGTERM with a request under way: uvicorn took no new connection, answered the old one, and left",
)
def test_uvicorn_shuts_down_gracefully(net, server, client):
    process = server.start(asgi_servers.serve_uvicorn)
    slow = client.start(shutdown.slow_page, "http://server")
    net.run(for_=1)
    process.terminate()
    net.run(for_=0.5)
    assert client.run(shutdown.refused, "http://server") == "ConnectError"
    assert slow.result() == "/slow 0"
    assert process.wait() == -15
    return net.now


@probe("uvicorn", "websockets", did="uvicorn echoed text and 100 kB of binary messages on WebSockets")
def test_uvicorn_with_websockets(server, client):
    server.start(asgi_servers.serve_uvicorn, ws="websockets-sansio")
    assert client.run(websocket_clients.talk, "ws://server") == ["NETWORK", 100_000, b"ab"]


@probe("uvicorn", "wsproto", "websockets", did="the same with wsproto in uvicorn")
def test_uvicorn_with_wsproto(server, client):
    server.start(asgi_servers.serve_uvicorn, ws="wsproto")
    assert client.run(websocket_clients.talk, "ws://server") == ["NETWORK", 100_000, b"ab"]


@probe(
    "hypercorn", "h11", "httpx", did="hypercorn's asyncio worker served twenty pages at once and an upload"
)
def test_hypercorn(server, client):
    server.start(asgi_servers.serve_hypercorn)
    pages, upload = client.run(frameworks.visit, "http://server")
    assert pages == [f"/page{n} 0" for n in range(20)]
    assert upload == "/upload 300000"


@probe(
    "starlette", "uvicorn", "httpx", did="routes, a stream and a background task, with 20 requests at once"
)
def test_starlette(server, client):
    server.start(frameworks.serve_starlette)
    pages, stream, done = client.run(frameworks.visit_starlette, "http://server")
    assert pages == [{"number": n} for n in range(20)]
    assert stream == "0 1 2 3 4 "
    assert done == ["mail"]


@probe(
    "fastapi",
    "pydantic",
    "uvicorn",
    "httpx",
    did="typed parameters, a 422, and blocking endpoints in threads",
)
def test_fastapi(server, client):
    server.start(frameworks.serve_fastapi)
    item, refused, slow, took = client.run(frameworks.visit_fastapi, "http://server")
    assert item == {"name": "lamp", "price": 2.5}
    assert refused == 422
    assert slow == [{"slept": 1}] * 5
    assert took < 4
    return took


@probe("aiohttp", did="a server and a client: JSON, an upload of 500 kB, a WebSocket")
def test_aiohttp(server, client):
    process = server.start(pages_aiohttp.serve)
    names, size, word = client.run(pages_aiohttp.visit, "http://server:8080")
    assert (names, size, word) == (["ada", "grace"], 500_000, "krowten")
    process.terminate()
    assert process.wait() == 0


@probe("tornado", did="a server and its own clients: pages at once, an upload of 300 kB, a WebSocket")
def test_tornado(server, client):
    server.start(frameworks.serve_tornado)
    pages, size, word = client.run(frameworks.visit_tornado, "server:8000")
    assert pages == [f"page {n}" for n in range(10)]
    assert size == "300000"
    assert word == "krowten"
