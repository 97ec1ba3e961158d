"""Outside every host the real operating system is as it ever was."""

from __future__ import annotations

import asyncio
import os
import queue
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import glassnet


def test_sockets_are_real():
    with socket.socket() as s:
        assert type(s) is socket.socket
        assert s.fileno() < 1 << 20
        assert os.fstat(s.fileno())
    a, b = socket.socketpair()
    with a, b:
        a.send(b"x")
        assert select.select([b], [], [], 1)[0] == [b]
        assert b.recv(1) == b"x"


def test_selectors_are_real():
    with selectors.DefaultSelector() as selector:
        assert type(selector) is selectors.DefaultSelector
        assert os.fstat(selector.fileno())
    with select.epoll() as poll:
        assert os.fstat(poll.fileno())


def test_threads_are_real():
    idents = queue.SimpleQueue()
    threads = [threading.Thread(target=lambda: idents.put(threading.get_native_id())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert threading.get_native_id() not in {idents.get() for _ in range(3)}
    assert threading.current_thread() is threading.main_thread()


def test_signals_are_real():
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *args: seen.append(1))
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [1]


def test_asyncio_is_real():
    async def program():
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            data = await reader.read()
            writer.close()
            await writer.wait_closed()
        return data, await asyncio.to_thread(os.getpid)

    assert asyncio.run(program()) == (b"", os.getpid())


def test_real_and_virtual_sockets_alternate(a):
    def program():
        with socket.socket() as s:
            s.bind(("192.0.2.1", 0))
            return s.getsockname()[0]

    for _ in range(3):
        assert a.run(program) == "192.0.2.1"
        with socket.socket() as s, pytest.raises(OSError, match="assign requested address"):
            s.bind(("192.0.2.1", 0))


def test_a_real_thread_works_while_a_program_runs(a):
    """A program that is computing does not make other threads of the machine virtual."""
    begin, seen = threading.Event(), []

    def real():
        begin.wait()
        with socket.socket() as s:
            seen.append((type(s), threading.get_ident() == worker.ident, time.time() > 1.7e9))

    def program():
        with socket.socket():
            begin.set()
            worker.join()
            return time.monotonic()

    worker = threading.Thread(target=real)
    worker.start()
    # Joining a real thread from a program blocks for real: nothing virtual can happen meanwhile.
    assert a.run(program) == 60
    assert seen == [(socket.socket, True, True)]


def test_a_wait_outside_of_programs_says_what_to_do(a):
    kept = []

    def program():
        a, b = socket.socketpair()
        kept.extend([a.dup(), b])
        return a.recv(1)

    process = a.start(program)
    a.system.engine.run(10)
    with pytest.raises(glassnet.GlassnetError, match=r"host\.start\(\) or host\.run\(\)"):
        kept[0].recv(1)
    process.kill()


def test_virtual_sockets_are_made_on_hosts_only(a):
    def program():
        with socket.socket() as s:
            return type(s)

    kind = a.run(program)
    assert issubclass(kind, socket.socket)
    with pytest.raises(OSError, match="works only on a host"):
        kind()


def test_importing_brings_nothing_heavy_with_it():
    heavy = {
        *("asyncio", "concurrent.futures", "email", "http", "multiprocessing", "rich", "ssl", "subprocess"),
        *("aiohttp", "cryptography", "dns", "secrets", "tomllib", "trio", "typer", "urllib.request"),
    }
    code = "import sys; before = set(sys.modules); import glassnet; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = set(done.stdout.split())
    assert "glassnet.topology.network" in brought
    assert not heavy & brought
