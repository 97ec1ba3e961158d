"""TLS."""

from __future__ import annotations

import asgi_servers
import frameworks
import ftp_clients
import ftps_server
import http_clients
import https_clients
import mqtt_programs
import pages_aiohttp
import pages_stdlib
import redis_stores
import rpc
import websocket_clients
from probes import probe


def serve_uvicorn(server, tls):
    server.start(
        asgi_servers.serve_uvicorn,
        port=443,
        ssl_keyfile=str(tls.key),
        ssl_certfile=str(tls.certificate),
        log_level="critical",
    )


@probe(
    "uvicorn",
    "requests",
    did="uvicorn with a certificate: a page and 300 kB uploaded; a client without the authority left",
    repeats="sizes",
)
def test_uvicorn_serves_requests_over_tls(server, client, tls):
    serve_uvicorn(server, tls)
    seen = client.run(https_clients.with_requests, "https://server", str(tls.authority))
    assert seen == ["/page 0", "/upload 300000", True]


@probe("uvicorn", "urllib3", did="the same with a pool of urllib3", repeats="sizes")
def test_uvicorn_serves_urllib3_over_tls(server, client, tls):
    serve_uvicorn(server, tls)
    seen = client.run(https_clients.with_urllib3, "https://server", str(tls.authority))
    assert seen == ["/page0 0", "/page1 0", "/page2 0", "/upload 300000"]


@probe("uvicorn", "httpx", did="the same with httpx, and a client without it", repeats="sizes")
def test_uvicorn_serves_httpx_over_tls(server, client, tls):
    serve_uvicorn(server, tls)
    seen = client.run(https_clients.with_httpx, "https://server", tls.client())
    assert seen == ["/page 0", "/upload 300000", True]


@probe(
    "hypercorn",
    "httpx",
    "h2",
    did="ALPN chose HTTP/2; twelve uploads of 20 kB at once over one connection",
    repeats="sizes",
)
def test_http2_over_tls(server, client, tls):
    server.start(
        asgi_servers.serve_hypercorn,
        bind=["0.0.0.0:443"],
        certfile=str(tls.certificate),
        keyfile=str(tls.key),
    )
    pages = client.run(http_clients.with_http2, "https://server", 12, verify=tls.client())
    assert pages == [("HTTP/2", f"/page{n} 20000") for n in range(12)]


@probe(
    "http.server",
    "http.client",
    "urllib.request",
    "ssl",
    did="a listening socket wrapped in TLS, threads: three pages on one connection, an upload of 200 kB",
    repeats="sizes",
)
def test_the_standard_library_over_tls(server, client, tls):
    server.start(https_clients.serve_stdlib, tls.server(), pages_stdlib.Handler)
    pages, version = client.run(https_clients.with_http_client, "server", tls.client())
    assert pages == [f"/{n} for 192.0.2.2" for n in range(3)]
    assert version == "TLSv1.3"
    assert client.run(https_clients.with_urllib, "https://server", tls.client()) == 200_000


@probe(
    "aiohttp",
    did="JSON, an upload of 500 kB and a wss:// WebSocket; a certificate that was not trusted",
    repeats="sizes",
)
def test_aiohttp_over_tls(server, client, tls):
    server.start(https_clients.serve_aiohttp, pages_aiohttp.application(), tls.server())
    seen = client.run(https_clients.with_aiohttp, "https://server", tls.client())
    assert seen == ("ada", 500_000, "krowten", "ClientConnectorCertificateError")


@probe("tornado", did="a page, an upload of 300 kB and a wss:// WebSocket", repeats="sizes")
def test_tornado_over_tls(server, client, tls):
    server.start(frameworks.serve_tornado, tls.server())
    seen = client.run(https_clients.with_tornado, "server:8000", tls.client())
    assert seen == ("page one", "300000", "krowten")


@probe("websockets", did="wss:// with ten clients of asyncio in one chat room", repeats="sizes")
def test_websockets_with_asyncio_over_tls(server, client, tls):
    server.start(websocket_clients.serve, tls.server())
    heard = client.run(websocket_clients.chat, "wss://server:8000", 10, tls.client())
    assert heard == [[f"10: guest {n}" for n in range(10)]] * 10


@probe("websockets", did="wss:// with threads: echo, a timeout of 3 s, a message of 200 kB", repeats="sizes")
def test_websockets_with_threads_over_tls(server, client, tls):
    server.start(websocket_clients.serve_blocking, tls.server())
    said, code = client.run(websocket_clients.talk_blocking, "wss://server:8000", tls.client())
    assert said == ["ONE", "TWO", 3.0, 200_000]
    assert code == 1000


@probe("grpclib", "h2", did="calls, streams, an error status and a deadline over TLS", repeats="sizes")
def test_grpclib_over_tls(server, client, tls):
    server.start(rpc.serve_grpc, ssl=tls.server("h2"))
    ones, streamed, failures = client.run(rpc.call_grpc, "server", ssl=tls.client("h2"))
    assert ones == list(range(1, 21))
    assert streamed == [0, 1, 2, 0, 1, 2, 3]
    assert failures == [("OUT_OF_RANGE", "below zero"), "TimeoutError"]


@probe(
    "ftplib",
    "socketserver",
    "ssl",
    did="FTP_TLS: AUTH TLS, PROT P, 280 kB up and down, a list, a rename, at a server of blocking threads",
    repeats="sizes",
)
def test_ftplib_after_auth_tls(server, client, tls):
    server.start(ftps_server.serve, tls.server())
    seen = client.run(ftp_clients.carry_with_ftplib, "server", context=tls.client())
    assert seen[2:] == [
        "250",
        "226",
        [("book.txt", str(len(ftp_clients.BOOK)))],
        "226",
        True,
        True,
        ["novel.txt"],
        "550",
    ]


@probe("redis", "fakeredis", did="values, transactions and 300 kB over TLS", repeats="sizes")
def test_redis_over_tls(server, client, tls):
    server.start(redis_stores.serve, context=tls.server())
    seen = client.run(redis_stores.use, "server", ssl=True, ssl_ca_certs=str(tls.authority))
    assert seen[:4] == [True, True, "ada", None]
    assert seen[10:12] == [sum(range(500)), 300_000]


@probe("paho-mqtt", "amqtt", did="12 messages at each quality of service over TLS", repeats="sizes")
def test_mqtt_over_tls(net, server, client, tls):
    files = {"ssl": True, "certfile": str(tls.certificate), "keyfile": str(tls.key)}
    server.start(mqtt_programs.serve, 8883, **files)
    net.run(for_="1s")
    recorder = client.start(mqtt_programs.record, "server", "room/#", 13, context=tls.client())
    net.run(for_="5s")
    client.run(mqtt_programs.measure, "server", 12, context=tls.client())
    expected = [(f"room/{n % 3}/temperature", len(str(n))) for n in range(12)]
    assert recorder.result() == [*expected, ("room/big", 100_000)]
