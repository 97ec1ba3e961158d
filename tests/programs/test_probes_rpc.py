"""Remote calls."""

from __future__ import annotations

import rpc
from probes import probe


@probe(
    "xmlrpc.server",
    "xmlrpc.client",
    did="a threading server: introspection, 20,000 numbers, a multicall, a fault",
)
def test_xmlrpc(server, client):
    server.start(rpc.serve_xmlrpc)
    methods, total, several, fault = client.run(rpc.call_xmlrpc, "http://server:8000/RPC2")
    assert methods == ["divmod", "total"]
    assert total == sum(range(20_000))
    assert several == [[9, 2], 6]
    assert "ZeroDivisionError" in fault


@probe(
    "grpclib", "h2", did="20 calls at once, a stream in both directions, an error status, a deadline of 2 s"
)
def test_grpclib(server, client):
    server.start(rpc.serve_grpc)
    ones, streamed, failures = client.run(rpc.call_grpc, "server")
    assert ones == list(range(1, 21))
    assert streamed == [0, 1, 2, 0, 1, 2, 3]
    assert failures == [("OUT_OF_RANGE", "below zero"), "TimeoutError"]
