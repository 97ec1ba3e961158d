"""What trio does below the functions that are replaced works on hosts, and off host as ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import trio

import glassnet


async def receiver(kind):
    sock = trio.socket.socket(type=kind)
    await sock.bind(("0.0.0.0", 7))
    return sock


async def datagrams():
    with await receiver(trio.socket.SOCK_DGRAM) as sock:
        data, address = await sock.recvfrom(100)
        await sock.sendto(data.upper(), address)
        buffer = bytearray(10)
        count, address = await sock.recvfrom_into(buffer)
        await sock.sendmsg([bytes(buffer[:count]), b"!"], [], 0, address)


async def ask(host):
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.sendto(b"one", (host, 7))
        first, _ = await sock.recvfrom(100)
        await sock.sendto(b"two", (host, 7))
        second, _, flags, _ = await sock.recvmsg(100)
        return first, second, flags


def test_sockets_are_used_by_their_own_methods(a, b):
    server = a.start(trio.run, datagrams)
    assert b.run(trio.run, ask, "a") == (b"ONE", b"two!", 0)
    server.result()


def test_socket_pairs(a):
    async def program():
        left, right = trio.socket.socketpair()
        with left, right:
            with trio.move_on_after(1) as scope:
                await right.recv(1)
            assert scope.cancelled_caught
            await left.send(b"abc")
            buffer = bytearray(2)
            await right.recv_into(buffer)
            return bytes(buffer), await right.recv(5), repr(left).startswith("<trio.socket.socket fd=")

    assert a.run(trio.run, program) == (b"ab", b"c", True)


def test_another_kind_of_socket_is_refused_as_ever(a):
    class Own(trio.socket._stdlib_socket.socket):
        pass

    def program():
        with Own() as sock:
            trio.socket.from_stdlib_socket(sock)

    for run in (a.run, lambda function: function()):
        with pytest.raises(TypeError, match=r"expected object of type 'socket\.socket', not 'Own'"):
            run(program)


async def in_a_thread():
    begun = trio.current_time()
    await trio.to_thread.run_sync(time.sleep, 1)
    return threading.active_count(), trio.current_time() - begun


def test_idle_threads_stay_with_their_program(a, b):
    """On another host, in another network and off host each starts threads of its own."""
    other = b.start(trio.run, in_a_thread)
    assert a.run(trio.run, in_a_thread) == (2, 1)
    assert a.run(trio.run, in_a_thread) == (2, 1)
    assert other.result() == (2, 1)
    with glassnet.Network() as net:
        assert net.host("c").run(trio.run, in_a_thread) == (2, 1)
    assert trio.run(_real_thread) != threading.get_ident()


async def _real_thread():
    return await trio.to_thread.run_sync(threading.get_ident)


def test_a_killed_program_says_nothing(a, capsys):
    heard = []

    async def sleeper():
        try:
            await trio.sleep(100)
        finally:
            heard.append("woke up")

    async def program():
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(sleeper)

    process = a.start(trio.run, program)
    a.network.run(for_=1)
    process.kill()
    assert process.returncode == -9
    assert (heard, capsys.readouterr()) == ([], ("", ""))


ORDER = """
import trio
import glassnet

async def member(number, seen):
    try:
        await trio.sleep(1)
        seen.append(number)
        await trio.sleep_forever()
    finally:
        seen.append(-number)

async def program():
    seen = []
    with trio.move_on_after(2):
        async with trio.open_nursery() as nursery:
            for number in range(1, 30):
                nursery.start_soon(member, number, seen)
    return seen

with glassnet.Network(seed=1) as net:
    host = net.host("a")
    print(host.run(trio.run, program), host.run(trio.run, program))
"""


def test_the_order_of_tasks_comes_from_the_seed():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", "padding = [object()] * 999\n" * number + ORDER],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in range(3)
    }
    assert len(outputs) == 1
    first, second = outputs.pop().rsplit(" [", 1)
    assert first.count(",") == second.count(",") == 57


def test_the_order_of_tasks_is_the_hosts_even_where_trio_was_seeded(a, b):
    def first():
        return trio._core._run._r.random()

    a.run(trio.run, trio.lowlevel.checkpoint)
    state = trio._core._run._r.getstate()
    trio._core._run._r.seed(1)
    try:
        assert a.run(first) != b.run(first)
        assert first() == 0.13436424411240122
    finally:
        trio._core._run._r.setstate(state)
