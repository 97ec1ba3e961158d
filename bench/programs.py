"""How many requests a second do ordinary programs manage, beside the kernel's loopback?

Two pairs of programs: aiohttp's server and client (ten tasks that share one session), and
a threading `socketserver` that echoes lines to ten blocking clients in threads. They run
on two virtual hosts joined by a cable, in virtual time and all in one process; and over the
kernel's loopback, server and client each in a process of its own, as people run them. A few
requests go before the clock starts; figures are requests per second of real time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
from statistics import median

CLIENTS = 10
REQUESTS = {"aiohttp": 4_000, "socketserver": 30_000}
PORT = 8080
LINE = b"x" * 99 + b"\n"


async def _hello(request):
    from aiohttp import web

    return web.json_response({"path": request.path, "peer": request.remote})


def serve_aiohttp(host, port):
    from aiohttp import web

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", _hello)])
    web.run_app(app, host=host, port=port, print=None, access_log=None)


async def load_aiohttp(host, port, count):
    import aiohttp

    async def visits(number):
        for turn in range(number):
            async with session.get(f"http://{host}:{port}/{turn}") as response:
                assert (await response.json())["path"] == f"/{turn}"

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(visits(count // CLIENTS) for _ in range(CLIENTS)))


class Echo(socketserver.StreamRequestHandler):
    """Echo lines."""

    disable_nagle_algorithm = True

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class EchoServer(socketserver.ThreadingTCPServer):
    """One thread for each client."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = CLIENTS


def serve_socketserver(host, port):
    with EchoServer((host, port), Echo) as server:
        server.serve_forever()


def load_socketserver(host, port, count):
    def visits(connection, number):
        with connection, connection.makefile("rb") as replies:
            for _ in range(number):
                connection.sendall(LINE)
                assert replies.readline() == LINE

    connections = [socket.create_connection((host, port)) for _ in range(CLIENTS)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threads = [threading.Thread(target=visits, args=(each, count // CLIENTS)) for each in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


SERVE = {"aiohttp": serve_aiohttp, "socketserver": serve_socketserver}
LOAD = {"aiohttp": load_aiohttp, "socketserver": load_socketserver}


def on_hosts(pair):
    """Seconds that the load takes between two virtual hosts."""
    import glassnet

    net = glassnet.Network(seed=1)
    server, client = net.host("server"), net.host("client")
    net.cable(server, client)
    server.start(SERVE[pair], "0.0.0.0", PORT)
    net.run(for_="1s")
    client.run(LOAD[pair], "server", PORT, CLIENTS)
    started = time.perf_counter()
    client.run(LOAD[pair], "server", PORT, REQUESTS[pair])
    seconds = time.perf_counter() - started
    net.close()
    return seconds


def over_loopback(pair):
    """Seconds that the load takes over the kernel's loopback, the server in another process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, __file__, "--serve", pair, "--port", str(port)])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        run(LOAD[pair]("127.0.0.1", port, CLIENTS))
        started = time.perf_counter()
        run(LOAD[pair]("127.0.0.1", port, REQUESTS[pair]))
        return time.perf_counter() - started
    finally:
        server.kill()
        server.wait()


def run(program):
    if asyncio.iscoroutine(program):
        asyncio.run(program)


def fresh(where, pair):
    """Requests per second of real time, measured in a new process."""
    command = [sys.executable, __file__, "--one", where, pair]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return REQUESTS[pair] / json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=SERVE, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=PORT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        SERVE[options.serve]("127.0.0.1", options.port)
    elif options.one:
        where, pair = options.one
        print(json.dumps({"hosts": on_hosts, "loopback": over_loopback}[where](pair)))
    else:
        print(f"{'requests/s of real time':<26}{'hosts':>10}{'loopback':>10}{'ratio':>8}")
        for pair in SERVE:
            rates = {"hosts": [], "loopback": []}
            for _ in range(options.runs):
                for where, found in rates.items():
                    found.append(fresh(where, pair))
            ours, theirs = median(rates["hosts"]), median(rates["loopback"])
            print(f"{pair:<26}{ours:>10,.0f}{theirs:>10,.0f}{ours / theirs:>8.2f}")


if __name__ == "__main__":
    main()
