"""asyncio on a host: exact times, tasks on other hosts, many connections."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

import glassnet


def test_timers_are_exact(a):
    async def program():
        loop = asyncio.get_running_loop()
        begin = loop.time()
        times = []
        for delay in (0.0001, 0.0123, 1.000001, 86400):
            await asyncio.sleep(delay)
            times.append(round(loop.time() - begin, 9))
        return times

    assert a.run(program) == [0.0001, 0.0124, 1.012401, 86401.012401]


def test_a_task_on_another_host(hosts, a, b):
    async def server():
        async def handler(reader, writer):
            writer.write(writer.get_extra_info("peername")[0].encode())
            writer.close()

        async with await asyncio.start_server(handler, "0.0.0.0", 80) as listening:
            await listening.serve_forever()

    async def client():
        reader, writer = await asyncio.open_connection("192.0.2.1", 80)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return socket.gethostname(), answer

    async def both():
        serving = a.task(server())
        result = await b.task(client())
        here = socket.gethostname()
        serving.cancel()
        return result, here

    assert a.run(both) == (("b", b"192.0.2.2"), "a")


def test_what_a_task_gives_to_an_executor_is_done_on_its_host(hosts, a, b):
    b.system.hosts.add("printer", "192.0.2.77")

    async def look():
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo("printer", 80, type=socket.SOCK_STREAM)
        return infos[0][4], await asyncio.to_thread(socket.gethostname)

    async def program():
        here = await asyncio.to_thread(socket.gethostname)
        return here, await b.task(look()), await loop_name()

    async def loop_name():
        return await asyncio.get_running_loop().run_in_executor(None, socket.gethostname)

    assert a.run(program) == ("a", (("192.0.2.77", 80), "b"), "a")


def test_a_task_needs_a_loop_on_a_host(a):
    async def nothing():
        pass

    async def outside():
        return a.task(nothing())

    with pytest.raises(glassnet.GlassnetError, match="'a' takes tasks only from an asyncio loop that runs"):
        asyncio.run(outside())


def test_calling_a_function_on_another_host_does_not_hold_up_the_loop(hosts, a, b):
    def slow(word):
        time.sleep(5)
        return word, socket.gethostname()

    async def program():
        ticks = []

        async def tick():
            while True:
                await asyncio.sleep(1)
                ticks.append(1)

        ticking = asyncio.create_task(tick())
        result = await b.call(slow, "done")
        ticking.cancel()
        return result, len(ticks)

    result, ticks = a.run(program)
    assert result == ("done", "b")
    assert ticks in (4, 5)


def test_a_call_that_fails_and_one_that_is_cancelled(hosts, a, b):
    def failing():
        raise LookupError("nowhere")

    async def program():
        with pytest.raises(LookupError, match="nowhere"):
            await b.call(failing)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await b.call(time.sleep, 100)
        return len(b.system.processes), time.monotonic()

    assert a.run(program) == (0, 63)


def test_two_loops_on_one_host_do_not_mix(a):
    async def program(word):
        loop = asyncio.get_running_loop()
        for _ in range(10):
            await asyncio.sleep(0.01)
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task().get_name() == word
        return word

    async def named(word):
        asyncio.current_task().set_name(word)
        return await program(word)

    processes = [a.start(named, word) for word in ("one", "two", "three")]
    assert [process.result() for process in processes] == ["one", "two", "three"]
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_the_network_runs_inside_a_running_loop_off_host(a):
    """Whoever drives the network from asyncio code of their own keeps their running loop."""

    async def inner():
        await asyncio.sleep(1)
        return "inner"

    async def outer():
        loop = asyncio.get_running_loop()
        result = a.run(inner)
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        return result

    assert asyncio.run(outer()) == "inner"


def test_a_loop_that_only_yields_gets_forward_in_time(a, net):
    async def program():
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            await asyncio.sleep(0)

    a.run(program)
    assert 1 <= net.now < 1.1


def test_a_thousand_connections(hosts, a, b):
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def server():
        async with await asyncio.start_server(echo, "0.0.0.0", 7, backlog=2000) as listening:
            await listening.serve_forever()

    async def one(number):
        reader, writer = await asyncio.open_connection("192.0.2.1", 7)
        writer.write(b"%d\n" % number)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return int(answer)

    async def client():
        return await asyncio.gather(*(one(number) for number in range(1000)))

    a.start(server)
    assert b.run(client) == list(range(1000))
