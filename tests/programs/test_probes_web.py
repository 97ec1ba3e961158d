"""Web servers and clients."""

from __future__ import annotations

import pages_stdlib
import shop
from probes import probe


@probe("uvicorn", "h11", "requests", did="uvicorn served a GET and an upload of 300 kB on one connection")
def test_uvicorn_serves_requests(server, client):
    server.start(shop.serve)
    shelf, basket = client.run(shop.buy_with_requests, "http://server")
    assert shelf == {"path": "/shelf", "client": "192.0.2.2", "received": 0}
    assert basket["received"] == 300_000


@probe("uvicorn", "httpx", did="20 requests at once by httpx.AsyncClient, and a read timeout after 5 s")
def test_uvicorn_serves_httpx(server, client):
    server.start(shop.serve)
    assert client.run(shop.buy_with_httpx, "http://server") == [f"/item/{n}" for n in range(20)]
    elapsed = client.run(shop.give_up_with_httpx, "http://server")
    assert 5 < elapsed < 6
    return elapsed


@probe("http.server", "urllib.request", did="a page, a 404 and an upload of 200 kB")
def test_http_server_serves_urllib(server, client):
    server.start(pages_stdlib.serve)
    page, status, size = client.run(pages_stdlib.fetch, "http://server:8000")
    assert page == "/index for 192.0.2.2"
    assert status == 404
    assert size == 200_000
