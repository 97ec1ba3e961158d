"""Remote calls: XML-RPC of the standard library, and gRPC by grpclib with a codec of its own."""

from __future__ import annotations

import asyncio
import json
import socketserver
import xmlrpc.client
import xmlrpc.server

import grpclib.client
import grpclib.const
import grpclib.encoding.base
import grpclib.exceptions
import grpclib.server


class ThreadingServer(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    daemon_threads = True


def serve_xmlrpc():
    with ThreadingServer(("", 8000), logRequests=False, allow_none=True) as server:
        server.register_introspection_functions()
        server.register_multicall_functions()
        server.register_function(divmod)
        server.register_function(sum, "total")
        server.serve_forever()


def call_xmlrpc(url):
    with xmlrpc.client.ServerProxy(url, allow_none=True) as proxy:
        methods = [name for name in proxy.system.listMethods() if not name.startswith("system.")]
        total = proxy.total(list(range(20_000)))
        several = xmlrpc.client.MultiCall(proxy)
        several.divmod(47, 5)
        several.total([1, 2, 3])
        try:
            proxy.divmod(1, 0)
        except xmlrpc.client.Fault as fault:
            text = fault.faultString
        return methods, total, list(several()), text


class JsonCodec(grpclib.encoding.base.CodecBase):
    __content_subtype__ = "json"

    def encode(self, message, message_type):
        return json.dumps(message).encode()

    def decode(self, data, message_type):
        return json.loads(data)


class Counter:
    async def one(self, stream):
        number = await stream.recv_message()
        if number < 0:
            raise grpclib.exceptions.GRPCError(grpclib.const.Status.OUT_OF_RANGE, "below zero")
        if number > 100:
            await asyncio.sleep(60)
        await stream.send_message(number + 1)

    async def many(self, stream):
        async for number in stream:
            for below in range(number):
                await stream.send_message(below)

    def __mapping__(self):
        Handler, Kind = grpclib.const.Handler, grpclib.const.Cardinality
        return {
            "/counter.Counter/One": Handler(self.one, Kind.UNARY_UNARY, None, None),
            "/counter.Counter/Many": Handler(self.many, Kind.STREAM_STREAM, None, None),
        }


async def serve_grpc(host="0.0.0.0", port=50051, ssl=None):
    server = grpclib.server.Server([Counter()], codec=JsonCodec())
    await server.start(host, port, ssl=ssl)
    await server.wait_closed()


async def call_grpc(host, port=50051, ssl=None):
    async with grpclib.client.Channel(host, port, codec=JsonCodec(), ssl=ssl) as channel:
        one = grpclib.client.UnaryUnaryMethod(channel, "/counter.Counter/One", None, None)
        many = grpclib.client.StreamStreamMethod(channel, "/counter.Counter/Many", None, None)
        ones = await asyncio.gather(*(one(number) for number in range(20)))
        streamed = await many([3, 4])
        failures = []
        try:
            await one(-1)
        except grpclib.exceptions.GRPCError as error:
            failures.append((error.status.name, error.message))
        try:
            await one(101, timeout=2)
        except TimeoutError as error:
            failures.append(type(error).__name__)
    await asyncio.sleep(5)  # a channel does not wait until TLS has said goodbye
    return ones, streamed, failures
