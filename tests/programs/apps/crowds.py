"""Many clients at once, with threads and with asyncio."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
import time


class Counting(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            with self.server.lock:
                self.server.lines += 1
                number = self.server.lines
            time.sleep(0.05)
            self.wfile.write(b"%d %s" % (number, line))


def serve_threads(port=7000):
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("", port), Counting) as server:
        server.lock = threading.Lock()
        server.lines = 0
        server.serve_forever()


def talk(address, number, lines, answers):
    with socket.create_connection(address, timeout=60) as connection, connection.makefile("rwb") as stream:
        for line in range(lines):
            stream.write(b"client %d line %d\n" % (number, line))
            stream.flush()
            answers.append(stream.readline())


def crowd(address, count, lines):
    answers = []
    threads = [threading.Thread(target=talk, args=(address, n, lines, answers)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


async def serve_asyncio(port=7000):
    async def handle(reader, writer):
        nonlocal now, most
        now += 1
        most = max(most, now)
        line = await reader.readline()
        await asyncio.sleep(30)
        writer.write(b"%d of %d: %s" % (now, most, line))
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        now -= 1

    now = most = 0
    async with await asyncio.start_server(handle, "", port, backlog=2000) as server:
        await server.serve_forever()


async def asyncio_crowd(host, port, count):
    async def visit(number):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"hello %d\n" % number)
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    return await asyncio.gather(*(visit(number) for number in range(count)))
