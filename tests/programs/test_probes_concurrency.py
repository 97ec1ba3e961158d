"""Threads, asyncio, anyio, Trio."""

from __future__ import annotations

import anyio_programs
import crowds
from probes import probe


@probe("socketserver", did="50 blocking clients in threads, 5 lines each, at one threading server")
def test_a_threading_server_with_50_clients(server, client):
    server.start(crowds.serve_threads)
    answers = client.run(crowds.crowd, ("server", 7000), 50, 5)
    assert sorted(int(answer.split()[0]) for answer in answers) == list(range(1, 251))
    return answers


@probe("asyncio", did="1,000 clients at once at one asyncio.start_server, for 30 s", loss=None)
def test_asyncio_with_1000_clients(server, client):
    server.start(crowds.serve_asyncio)
    answers = client.run(crowds.asyncio_crowd, "server", 7000, 1000)
    assert sorted(int(answer.split()[-1]) for answer in answers) == list(range(1000))
    assert {answer.split(b":")[0].split()[-1] for answer in answers} == {b"1000"}
    return answers


def anyio_talk(server, client, backend):
    server.start(anyio_programs.serve, backend)
    *answers, took = client.run(anyio_programs.ask, backend, "server")
    sizes = [5 * (1 + count * 5000) for count in range(8)]
    assert answers == [[(size, True) for size in sizes], 1, b"krowten", True]
    assert took > 3
    return took


@probe("anyio", "asyncio", did="TCP, UDP, task groups, a thread and cancelling on asyncio")
def test_anyio_on_asyncio(server, client):
    return anyio_talk(server, client, "asyncio")


@probe("anyio", "trio", did="the same program on Trio")
def test_anyio_on_trio(server, client):
    return anyio_talk(server, client, "trio")


@probe("trio", did="serve_tcp and three streams of up to 200 kB; SIGTERM ended the server in good order")
def test_trio(server, client):
    process = server.start(anyio_programs.run_trio, anyio_programs.trio_server)
    visit = client.run(anyio_programs.run_trio, anyio_programs.trio_visitor, "server")
    assert visit == ([1, 10_000, 200_000], True, True)
    process.terminate()
    assert process.result() == "left in good order"
