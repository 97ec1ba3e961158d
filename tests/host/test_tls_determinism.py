"""Two runs of an HTTPS exchange, alike but for what OpenSSL draws: sizes, order and times of all frames."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import ssl
import sys
from pathlib import Path

import pytest

import glassnet

sys.path.insert(0, str(Path(__file__).parent / "parity"))

from tls_kit import Authority


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"p" * 100_000)

    def log_message(self, *args):
        pass


def blocking_exchange(server, client):
    def serve():
        with http.server.HTTPServer(("", 443), Page) as web:
            web.socket = server.wrap_socket(web.socket, server_side=True)
            web.handle_request()

    def ask():
        connection = http.client.HTTPSConnection("server.test", context=client)
        for _ in range(2):
            connection.request("GET", "/")
            assert len(connection.getresponse().read()) == 100_000
        connection.close()

    return serve, ask


def asyncio_exchange(server, client):
    async def serve():
        async def handler(reader, writer):
            writer.write((await reader.readexactly(50_000)) * 2)
            await writer.drain()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        async with await asyncio.start_server(handler, port=443, ssl=server):
            await asyncio.sleep(100)

    async def ask():
        reader, writer = await asyncio.open_connection("server.test", 443, ssl=client)
        writer.write(b"a" * 50_000)
        assert len(await reader.readexactly(100_000)) == 100_000
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return serve, ask


def frames_of(exchange, server, client):
    """Time, host, direction and size of every frame, and all their octets."""
    seen, octets = [], []
    with contextlib.closing(glassnet.Network(seed=11)) as net:
        a, b = net.lan("client.test", "server.test", delay="7ms", rate="50Mbit/s", loss="1%")
        for host in (a, b):
            for interface in host.interfaces:

                def tap(time, interface, way, frame, host=host):
                    seen.append((time, host.name, way, len(frame)))
                    octets.append(bytes(frame))

                interface.taps.append(tap)
        serve, ask = exchange(server, client)
        b.start(serve)
        a.run(ask)
    return seen, octets


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("exchange", [blocking_exchange, asyncio_exchange])
def test_times_sizes_and_order_stay_equal(exchange, kind, version):
    runs = []
    for _ in range(3):
        # Keys and certificates are new in each run: only their sizes are always the same.
        authority = Authority(kind)
        runs.append(frames_of(exchange, authority.server("server.test"), authority.client(version)))
    assert len(runs[0][0]) > 100
    assert runs[0][0] == runs[1][0] == runs[2][0]
    assert runs[0][1] != runs[1][1]  # OpenSSL drew something else


def test_without_tickets_the_name_of_a_protocol_does_no_harm():
    """In some lengths of what a ticket holds, its size depends on chance; without tickets there is none."""
    authority = Authority()
    for length in (3, 19):
        runs = []
        for _ in range(4):
            server, client = authority.server("server.test"), authority.client()
            server.num_tickets = 0
            for context in (server, client):
                context.set_alpn_protocols(["p" * length])
            runs.append(frames_of(blocking_exchange, server, client)[0])
        assert all(run == runs[0] for run in runs)
