"""Much of a network at work on bad cables, captured: `python scenario.py SEED CAPTURE`.

Two LANs and a lossy link between their routers. TCP over IPv4 and IPv6 both ways with
losses, duplicates and reordering, blocking and asyncio; datagrams that need fragments; a
closed port, a closed connection, an unknown host; random numbers and sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
import threading
import time

import glassnet

ECHO, STREAM, CLOSED = 7, 8, 99


def echo_datagrams(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", ECHO))
        while True:
            with contextlib.suppress(OSError):
                data, address = sock.recvfrom(65536)
                sock.sendto(data, address)


def echo_streams() -> None:
    def echo(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    with socket.create_server(("", ECHO), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()


async def stream_lines() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await asyncio.sleep(random.Random(line).random() / 10)
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(answer, None, STREAM)
    await server.serve_forever()


def blocking_client(version: int) -> None:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    [(*_, address)] = socket.getaddrinfo("server", ECHO, family, socket.SOCK_STREAM)
    data = random.Random(version).randbytes(400_000)
    with socket.socket(family) as connection:
        connection.connect(address)
        sender = threading.Thread(
            target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        got = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join()
    assert got == data

    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        for size in (1, 1472, 5000):
            sock.sendto(bytes(size), address)
            with contextlib.suppress(TimeoutError):
                assert len(sock.recv(65536)) == size
        sock.connect((address[0], CLOSED))
        with contextlib.suppress(ConnectionRefusedError, TimeoutError):
            sock.send(b"is anyone there?")
            sock.recv(100)
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((address[0], CLOSED))
    time.sleep(0.1)


async def asyncio_client() -> None:
    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection("server", STREAM)
        for line in range(5):
            writer.write(f"client {number} says {line}\n".encode())
            assert await reader.readline() == f"CLIENT {number} SAYS {line}\n".encode()
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*map(talk, range(5)))


def main(seed: int, path: str) -> None:
    net = glassnet.Network(seed=seed)
    near, far = net.router("near"), net.router("far")
    net.lan("client", "other", near, delay="100us", rate="1Gbps")
    net.lan("server", far, delay="100us", rate="1Gbps", jitter="50us")
    net.cable(
        near, far, rate="20Mbps", delay="10ms", queue="64KiB",
        loss="2%", duplication="1%", reordering="2%", jitter="1ms", bit_errors=1e-7,
    )  # fmt: skip
    server, client, other = net.hosts["server"], net.hosts["client"], net.hosts["other"]
    server.start(echo_streams)
    server.start(stream_lines)
    server.start(echo_datagrams, socket.AF_INET)
    server.start(echo_datagrams, socket.AF_INET6)
    with net.capture(path):
        programs = [
            client.start(blocking_client, 4),
            other.start(blocking_client, 6),
            other.start(asyncio_client),
        ]
        for program in programs:
            program.result()
        net.run(for_="5s")
    net.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
