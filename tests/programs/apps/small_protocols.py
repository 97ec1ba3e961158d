"""Time (NTP), a machine's registers (Modbus) and constrained devices (CoAP)."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import aiocoap
import aiocoap.resource
import ntplib
from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartAsyncTcpServer


def serve_ntp(error, port=123):
    """A server (RFC 5905, client and server mode) whose clock is `error` seconds ahead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", port))
        while True:
            request, client = server.recvfrom(512)
            now = time.time() + error + ntplib.NTP.NTP_DELTA
            stamp = struct.pack("!II", int(now), int((now % 1) * 2**32))
            head = struct.pack("!BBbbII4s", 4 << 3 | 4, 1, 6, -20, 0, 0, b"TEST")
            server.sendto(head + stamp + request[40:48] + stamp + stamp, client)


def ask_time(host, tries=20):
    """What NTP says: by how much the own clock is wrong, and how long the way takes."""
    client = ntplib.NTPClient()
    for _ in range(tries):
        try:
            answer = client.request(host, version=4, timeout=2)
        except ntplib.NTPException:
            continue
        return round(answer.offset, 6), round(answer.delay, 6), answer.stratum
    return None


async def serve_modbus(port=502):
    block = ModbusSequentialDataBlock(1, [17] * 200)
    device = ModbusDeviceContext(hr=block, ir=block)
    await StartAsyncTcpServer(ModbusServerContext(devices=device, single=True), address=("", port))


async def use_modbus(host):
    client = AsyncModbusTcpClient(host, port=502, timeout=10)
    assert await client.connect()
    before = (await client.read_holding_registers(10, count=4)).registers
    await client.write_registers(10, [1, 2, 3])
    after = (await client.read_holding_registers(10, count=4)).registers
    wrong = (await client.read_holding_registers(5000, count=1)).isError()
    client.close()
    return before, after, wrong


def use_modbus_blocking(host):
    with ModbusTcpClient(host, port=502, timeout=10) as client:
        client.write_register(20, 4711)
        return client.read_holding_registers(19, count=3).registers


class Note(aiocoap.resource.Resource):
    def __init__(self):
        super().__init__()
        self.content = b"empty"

    async def render_get(self, request):
        return aiocoap.Message(payload=self.content)

    async def render_put(self, request):
        self.content = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


async def serve_coap(bind):
    site = aiocoap.resource.Site()
    site.add_resource(["note"], Note())
    context = await aiocoap.Context.create_server_context(site, bind=(bind, 5683), transports=["udp6"])
    try:
        await asyncio.Event().wait()
    finally:
        await context.shutdown()


async def use_coap(host, payload):
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    note = f"coap://{host}/note"
    first = await context.request(aiocoap.Message(code=aiocoap.GET, uri=note)).response
    put = await context.request(aiocoap.Message(code=aiocoap.PUT, uri=note, payload=payload)).response
    second = await context.request(aiocoap.Message(code=aiocoap.GET, uri=note)).response
    missing = await context.request(aiocoap.Message(code=aiocoap.GET, uri=note + "s")).response
    await context.shutdown()
    return first.payload, str(put.code), second.payload == payload, str(missing.code)
