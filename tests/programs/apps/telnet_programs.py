"""A talker on telnetlib3, its own client, and the standard library's (up to Python 3.12)."""

from __future__ import annotations

import importlib
import warnings

import telnetlib3


async def shell(reader, writer):
    writer.write("who are you? ")
    name = (await reader.readline()).strip()
    writer.write(f"hello, {name}\r\n")
    while line := await reader.readline():
        if line.strip() == "quit":
            break
        writer.write(line.strip().upper() + "\r\n")
    writer.write("bye\r\n")
    await writer.drain()
    writer.close()


async def serve(port=23):
    server = await telnetlib3.create_server("0.0.0.0", port, shell=shell, timeout=3600, connect_maxwait=1.0)
    await server.wait_closed()


async def talk(host, lines):
    reader, writer = await telnetlib3.open_connection(host, 23, connect_minwait=0.5, connect_maxwait=2.0)
    await reader.readuntil(b"? ")
    heard = []
    writer.write("ada\r\n")
    heard.append((await reader.readline()).strip())
    for line in lines:
        writer.write(line + "\r\n")
        while True:
            answer = (await reader.readline()).strip()
            if answer == line.upper():
                heard.append(answer)
                break
    writer.close()
    return heard


def talk_with_telnetlib(host, lines):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        telnetlib = importlib.import_module("telnetlib")
    with telnetlib.Telnet(host, 23, timeout=60) as terminal:
        heard = [terminal.read_until(b"? ", timeout=30).endswith(b"? ")]
        terminal.write(b"ada\r\n")
        heard.append(terminal.read_until(b"hello, ada\r\n", timeout=30).endswith(b"hello, ada\r\n"))
        for line in lines:
            terminal.write(line.encode() + b"\r\n")
            wanted = line.upper().encode() + b"\r\n"
            heard.append(terminal.read_until(wanted, timeout=30).endswith(wanted))
        terminal.write(b"quit\r\n")
        heard.append(terminal.read_all().endswith(b"bye\r\n"))
    return heard
