"""Echo over asyncio: streams and datagrams, IPv4 and IPv6."""

from __future__ import annotations

import asyncio


async def serve_streams(host=None, port=7):
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, host, port)
    async with server:
        await server.serve_forever()


async def call_streams(host, messages, port=7):
    reader, writer = await asyncio.open_connection(host, port)
    peer = writer.get_extra_info("peername")[0]
    answers = []
    for message in messages:
        writer.write(message)
        await writer.drain()
        answers.append(await reader.readexactly(len(message)))
    writer.close()
    await writer.wait_closed()
    return peer, answers


async def call_many(host, count, port=7):
    async def one(number):
        message = b"%d" % number * 100
        _, answers = await call_streams(host, [message], port)
        return answers == [message]

    return await asyncio.gather(*(one(number) for number in range(count)))


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data.upper(), address)


async def serve_datagrams(host, port=7):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(EchoDatagrams, local_addr=(host, port))
    try:
        await asyncio.Event().wait()
    finally:
        transport.close()


class Collect(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, address):
        self.received.put_nowait((data, address[0]))

    def error_received(self, error):
        self.received.put_nowait((type(error).__name__, None))


async def call_datagrams(host, messages, port=7):
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Collect, remote_addr=(host, port))
    answers = []
    for message in messages:
        transport.sendto(message)
        answers.append(await asyncio.wait_for(protocol.received.get(), timeout=2))
    transport.close()
    return answers
