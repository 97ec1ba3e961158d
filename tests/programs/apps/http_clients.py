"""What programs do with HTTP client libraries: keep connections, retry, stream, follow, give up."""

from __future__ import annotations

import asyncio
import http.client
import time

import aiohttp
import httpx
import requests
import requests.adapters
import urllib3


def with_requests(url):
    adapter = requests.adapters.HTTPAdapter(
        max_retries=urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=[503])
    )
    with requests.Session() as session:
        session.mount("http://", adapter)
        seen = [session.get(url + "/redirect").text]
        seen.append(session.get(url + "/cookie").cookies["flavour"])
        seen.append(session.get(url + "/show-cookie").text)
        with session.get(url + "/stream", stream=True) as response:
            seen.append(b"".join(response.iter_content(1000)).decode())
        seen.append(session.get(url + "/flaky", timeout=5).text)
        try:
            session.get(url + "/slow", timeout=(1, 0.5))
        except requests.ConnectionError as error:
            seen.append(type(error).__name__)
        except requests.ReadTimeout as error:
            seen.append(type(error).__name__)
    return seen


def without_a_listener(url):
    started = time.monotonic()
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError as error:
        return type(error).__name__, round(time.monotonic() - started, 3)
    return None


def with_urllib3(url):
    with urllib3.PoolManager(maxsize=1, retries=False) as manager:
        pool = manager.connection_from_url(url)
        seen = [pool.request("GET", f"/page{n}").data.decode() for n in range(4)]
        connections = pool.num_connections
        seen.append(
            pool.request("GET", "/flaky", retries=urllib3.Retry(5, status_forcelist=[503])).data.decode()
        )
        response = pool.request("GET", "/stream", preload_content=False)
        seen.append(b"".join(response.stream(100)).decode())
        response.release_conn()
        try:
            pool.request("GET", "/slow", timeout=urllib3.Timeout(connect=1, read=0.5))
        except urllib3.exceptions.ReadTimeoutError as error:
            seen.append(type(error).__name__)
    return connections, seen


def with_httpx(url):
    with httpx.Client(follow_redirects=True, base_url=url) as client:
        seen = [client.get("/redirect").text]
        seen.append(client.get("/cookie").cookies["flavour"])
        with client.stream("GET", "/stream") as response:
            seen.append("".join(response.iter_text()))
        try:
            client.get("/slow", timeout=httpx.Timeout(5, read=0.5))
        except httpx.ReadTimeout as error:
            seen.append(type(error).__name__)
    return seen


async def with_async_httpx(url):
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=3)) as client:
        pages = await asyncio.gather(*(client.get(f"/page{n}") for n in range(9)))
        async with client.stream("GET", "/stream") as response:
            text = "".join([piece async for piece in response.aiter_text()])
        try:
            await client.get("/slow", timeout=0.5)
        except httpx.ReadTimeout as error:
            return [page.text for page in pages], text, type(error).__name__


async def with_http2(url, count, **options):
    async with httpx.AsyncClient(http1=False, http2=True, base_url=url, **options) as client:
        pages = await asyncio.gather(*(client.post(f"/page{n}", content=b"2" * 20_000) for n in range(count)))
    return [(page.http_version, page.text) for page in pages]


async def with_aiohttp(url):
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/redirect") as response:
            seen = [await response.text(), len(response.history)]
        async with session.get("/stream") as response:
            seen.append(b"".join([piece async for piece in response.content.iter_any()]).decode())
        try:
            async with session.get("/slow", timeout=aiohttp.ClientTimeout(total=0.5)):
                pass
        except TimeoutError as error:
            seen.append(type(error).__name__)
    return seen


def with_http_client(host, port):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    seen = []
    for number in range(5):
        connection.request("POST", f"/page{number}", body=iter([b"chunk", b"ed"]), encode_chunked=True)
        with connection.getresponse() as response:
            seen.append(response.read().decode())
    connection.request("GET", "/stream")
    with connection.getresponse() as response:
        seen.append(response.read().decode())
    connection.close()
    return seen
