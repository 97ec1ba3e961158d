"""Applications of Starlette, FastAPI and Tornado, and visitors to them."""

from __future__ import annotations

import asyncio
import time

import fastapi
import httpx
import pydantic
import starlette.applications
import starlette.background
import starlette.responses
import starlette.routing
import tornado.httpclient
import tornado.web
import tornado.websocket
import uvicorn


async def visit(url):
    async with httpx.AsyncClient(base_url=url) as client:
        pages = await asyncio.gather(*(client.get(f"/page{n}") for n in range(20)))
        upload = await client.post("/upload", content=b"u" * 300_000)
    return [page.text for page in pages], upload.text


async def number(request):
    return starlette.responses.JSONResponse({"number": int(request.path_params["number"])})


async def stream(request):
    async def pieces():
        for piece in range(5):
            await asyncio.sleep(0.1)
            yield f"{piece} "

    return starlette.responses.StreamingResponse(pieces())


async def send_mail(letters):
    await asyncio.sleep(0.5)
    letters.append("mail")


async def order(request):
    letters = request.app.state.letters
    return starlette.responses.JSONResponse(
        letters, background=starlette.background.BackgroundTask(send_mail, letters)
    )


def serve_starlette():
    Route = starlette.routing.Route
    app = starlette.applications.Starlette(
        routes=[Route("/number/{number}", number), Route("/stream", stream), Route("/order", order)]
    )
    app.state.letters = []
    uvicorn.run(app, host="0.0.0.0", port=80, log_level="warning")


async def visit_starlette(url):
    async with httpx.AsyncClient(base_url=url) as client:
        pages = await asyncio.gather(*(client.get(f"/number/{n}") for n in range(20)))
        text = (await client.get("/stream")).text
        await client.get("/order")
        await asyncio.sleep(1)
        letters = (await client.get("/order")).json()
    return [page.json() for page in pages], text, letters


class Item(pydantic.BaseModel):
    name: str
    price: float


def serve_fastapi():
    app = fastapi.FastAPI()

    @app.post("/items")
    async def items(item: Item) -> Item:
        return item

    @app.get("/sleep")
    def sleep(seconds: int) -> dict[str, int]:
        time.sleep(seconds)
        return {"slept": seconds}

    uvicorn.run(app, host="0.0.0.0", port=80, log_level="warning")


async def visit_fastapi(url):
    async with httpx.AsyncClient(base_url=url) as client:
        item = (await client.post("/items", json={"name": "lamp", "price": "2.5"})).json()
        refused = (await client.post("/items", json={"name": "lamp"})).status_code
        started = time.monotonic()
        slow = await asyncio.gather(*(client.get("/sleep", params={"seconds": 1}) for _ in range(5)))
    return item, refused, [page.json() for page in slow], round(time.monotonic() - started, 6)


class Page(tornado.web.RequestHandler):
    async def get(self, name):
        await asyncio.sleep(0.2)
        self.write(f"page {name}")

    def post(self, name):
        self.write(str(len(self.request.body)))


class Mirror(tornado.websocket.WebSocketHandler):
    async def on_message(self, message):
        await self.write_message(message[::-1])


async def serve_tornado(context=None):
    app = tornado.web.Application([("/mirror", Mirror), ("/(.*)", Page)], log_function=lambda handler: None)
    app.listen(8000, ssl_options=context)
    await asyncio.Event().wait()


async def visit_tornado(address):
    client = tornado.httpclient.AsyncHTTPClient(force_instance=True)
    pages = await asyncio.gather(*(client.fetch(f"http://{address}/{n}") for n in range(10)))
    upload = await client.fetch(f"http://{address}/upload", method="POST", body=b"t" * 300_000)
    socket = await tornado.websocket.websocket_connect(f"ws://{address}/mirror")
    await socket.write_message("network")
    word = await socket.read_message()
    socket.close()
    await asyncio.sleep(1)
    client.close()
    return [page.body.decode() for page in pages], upload.body.decode(), word
