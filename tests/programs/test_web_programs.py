"""Web servers and clients, unmodified, on two virtual hosts."""

from __future__ import annotations

import pages_aiohttp
import pages_stdlib
import shop


def test_uvicorn_serves_requests(net, hosts):
    server, client = hosts
    server.start(shop.serve)
    shelf, basket = client.run(shop.buy_with_requests, "http://server")
    assert shelf == {"path": "/shelf", "client": "192.0.2.2", "received": 0}
    assert basket == {"path": "/basket", "client": "192.0.2.2", "received": 300_000}


def test_uvicorn_serves_requests_over_ipv6(net, hosts):
    server, client = hosts
    server.start(shop.serve, host="::")
    shelf, _ = client.run(shop.buy_with_requests, "http://[2001:db8::1]")
    assert shelf["client"] == "2001:db8::2"


def test_a_read_timeout_of_requests_passes_in_virtual_time(net, hosts):
    server, client = hosts
    server.start(shop.serve)
    kind, elapsed = client.run(shop.give_up_with_requests, "http://server")
    assert kind == "ReadTimeout"
    assert 5 < elapsed < 5.5


def test_uvicorn_serves_httpx_asyncio(net, hosts):
    server, client = hosts
    server.start(shop.serve)
    assert client.run(shop.buy_with_httpx, "http://server") == [f"/item/{n}" for n in range(20)]
    assert 5 < client.run(shop.give_up_with_httpx, "http://server") < 5.5


def test_uvicorn_serves_httpx_blocking(net, hosts):
    server, client = hosts
    server.start(shop.serve)
    assert client.run(shop.buy_with_sync_httpx, "http://server") == ["/item/0", "/item/1", "/item/2"]


def test_uvicorn_shuts_down_gracefully_on_sigterm(net, hosts):
    server, client = hosts
    process = server.start(shop.serve)
    client.run(shop.buy_with_sync_httpx, "http://server")
    before = net.now
    process.terminate()
    # uvicorn finishes its work, then raises the signal again with the default handler.
    assert process.wait() == -15
    assert net.now - before < 1


def test_uvicorn_and_its_clients_on_one_host(net):
    (alone,) = net.lan("alone")
    alone.start(shop.serve, port=8000)
    assert alone.run(shop.buy_with_httpx, "http://localhost:8000", 3) == ["/item/0", "/item/1", "/item/2"]


def test_aiohttp_serves_aiohttp(net, hosts):
    server, client = hosts
    process = server.start(pages_aiohttp.serve)
    names, size, word = client.run(pages_aiohttp.visit, "http://server:8080")
    assert names == ["ada", "grace"]
    assert size == 500_000
    assert word == "krowten"
    process.terminate()
    assert process.wait() == 0  # run_app leaves quietly on SIGTERM


def test_http_server_serves_urllib(net, hosts):
    server, client = hosts
    server.start(pages_stdlib.serve)
    page, status, size = client.run(pages_stdlib.fetch, "http://server:8000")
    assert page == "/index for 192.0.2.2"
    assert status == 404
    assert size == 200_000


def test_http_server_without_threads_keeps_a_connection(net, hosts):
    server, client = hosts
    server.start(pages_stdlib.serve, threads=False)
    pages = client.run(pages_stdlib.fetch_on_one_connection, "server", 8000, 5)
    assert pages == ["/0", "/1", "/2", "/3", "/4"]
