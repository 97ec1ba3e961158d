"""WebSockets."""

from __future__ import annotations

import websocket_clients
from probes import probe


@probe("websockets", did="ten clients of asyncio in one chat room, with pings every second")
def test_websockets_with_asyncio(server, client):
    server.start(websocket_clients.serve)
    heard = client.run(websocket_clients.chat, "ws://server:8000", 10)
    assert heard == [[f"10: guest {n}" for n in range(10)]] * 10


@probe(
    "websockets",
    did="the threaded server and client: echo, a timeout of 3 s, a message of 200 kB, a clean close",
)
def test_websockets_with_threads(server, client):
    server.start(websocket_clients.serve_blocking)
    said, code = client.run(websocket_clients.talk_blocking, "ws://server:8000")
    assert said == ["ONE", "TWO", 3.0, 200_000]
    assert code == 1000
