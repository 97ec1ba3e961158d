"""Servers on Unix-domain sockets, and clients of the same machine; what needs processes of its own."""

from __future__ import annotations

import asyncio
import multiprocessing

import aiohttp
import httpx
from aiohttp import web


def visit_with_httpx(path):
    transport = httpx.HTTPTransport(uds=path)
    with httpx.Client(transport=transport, base_url="http://local") as client:
        return [client.get("/page").text, client.post("/upload", content=b"u" * 300_000).text]


async def visit_with_async_httpx(path):
    transport = httpx.AsyncHTTPTransport(uds=path)
    async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
        pages = await asyncio.gather(*(client.get(f"/page{n}") for n in range(10)))
    return [page.text for page in pages]


def nobody_listens(path):
    try:
        visit_with_httpx(path)
    except httpx.ConnectError as error:
        return str(error)


async def serve_aiohttp(application, path):
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    await asyncio.Event().wait()


async def visit_with_aiohttp(path):
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        async with session.get("http://local/hello/ada") as response:
            name = (await response.json())["name"]
        async with session.post("http://local/upload", data=b"z" * 500_000) as response:
            return name, int(await response.text())


def serve_gunicorn(application, address):
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self):
            self.cfg.set("bind", address)
            self.cfg.set("worker_class", "gthread")

        def load(self):
            return application

    Server().run()


def start_a_process():
    process = multiprocessing.get_context("spawn").Process(target=print, args=("hello",))
    process.start()


def make_a_pool():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(abs, [-1, -2])
