"""HTTP clients."""

from __future__ import annotations

import asgi_servers
import http_clients
import http_service
from probes import probe

STREAM = "part0part1part2part3part4"
URL = "http://server:8000"


@probe(
    "requests",
    "http.server",
    did="a session followed a redirect, kept a cookie, read a stream, retried a 503 until it was gone, "
    "gave up a slow page; another was refused where nobody listens",
)
def test_requests(server, client):
    server.start(http_service.serve)
    seen = client.run(http_clients.with_requests, URL)
    assert seen[:5] == ["/page for port True", "cinnamon", "flavour=cinnamon", STREAM, "try 3"]
    assert seen[5] in ("ConnectionError", "ReadTimeout")
    refused = client.run(http_clients.without_a_listener, "http://server:81")
    assert refused[0] == "ConnectionError"
    return seen, refused


@probe(
    "urllib3",
    "http.server",
    did="a pool used one connection for four pages, retried a 503, read a stream, and gave up a slow page",
)
def test_urllib3(server, client):
    server.start(http_service.serve)
    connections, seen = client.run(http_clients.with_urllib3, URL)
    assert connections == 1
    assert seen[:4] == [f"/page{n} for port True" for n in range(4)]
    assert seen[4:] == ["try 3", STREAM, "ReadTimeoutError"]


@probe(
    "httpx",
    "httpcore",
    "http.server",
    did="a blocking client followed a redirect, read a stream and gave up a slow page",
)
def test_httpx(server, client):
    server.start(http_service.serve)
    seen = client.run(http_clients.with_httpx, URL)
    assert seen == ["/page for port True", "cinnamon", STREAM, "ReadTimeout"]


@probe(
    "httpx",
    "anyio",
    "http.server",
    did="an asynchronous client fetched nine pages over three connections, read a stream, left a slow page",
)
def test_async_httpx(server, client):
    server.start(http_service.serve)
    pages, text, failure = client.run(http_clients.with_async_httpx, URL)
    assert pages == [f"/page{n} for port True" for n in range(9)]
    assert (text, failure) == (STREAM, "ReadTimeout")


@probe("httpx", "h2", "hypercorn", did="twelve uploads of 20 kB at once over one connection of HTTP/2")
def test_http2(server, client):
    server.start(asgi_servers.serve_hypercorn)
    pages = client.run(http_clients.with_http2, "http://server", 12)
    assert pages == [("HTTP/2", f"/page{n} 20000") for n in range(12)]


@probe("aiohttp", "http.server", did="the client followed a redirect, read a stream and gave up a slow page")
def test_aiohttp_client(server, client):
    server.start(http_service.serve)
    seen = client.run(http_clients.with_aiohttp, URL)
    assert seen == ["/page for port True", 1, STREAM, "TimeoutError"]


@probe(
    "http.client",
    "http.server",
    did="five uploads in chunks and a stream on one connection to ThreadingHTTPServer",
)
def test_http_client(server, client):
    server.start(http_service.serve)
    seen = client.run(http_clients.with_http_client, "server", 8000)
    assert seen == [*(f"/page{n} 7" for n in range(5)), STREAM]
