"""A small ASGI application, and clients for it. Ordinary programs: they know nothing of where they run."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import requests
import uvicorn


async def shop(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(30)
    answer = {"path": scope["path"], "client": scope["client"][0], "received": len(body)}
    payload = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(payload))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def serve(host="0.0.0.0", port=80):
    uvicorn.run(shop, host=host, port=port, log_level="warning")


def buy_with_requests(url):
    with requests.Session() as session:
        first = session.get(url + "/shelf").json()
        second = session.post(url + "/basket", data=b"x" * 300_000).json()
    return first, second


def give_up_with_requests(url):
    started = time.monotonic()
    try:
        requests.get(url + "/slow", timeout=5)
    except requests.Timeout as error:
        return type(error).__name__, round(time.monotonic() - started, 3)
    return None


async def buy_with_httpx(url, count=20):
    async with httpx.AsyncClient() as client:
        answers = await asyncio.gather(*(client.get(f"{url}/item/{n}") for n in range(count)))
    return [answer.json()["path"] for answer in answers]


async def give_up_with_httpx(url):
    started = time.monotonic()
    async with httpx.AsyncClient() as client:
        try:
            await client.get(url + "/slow", timeout=5)
        except httpx.ReadTimeout:
            return round(time.monotonic() - started, 3)
    return None


def buy_with_sync_httpx(url):
    with httpx.Client() as client:
        return [client.get(f"{url}/item/{n}").json()["path"] for n in range(3)]
