"""HTTPS with a certificate that one authority has issued: verified by some, refused by others."""

from __future__ import annotations

import http.client
import http.server
import ssl
import urllib.request

import aiohttp
import httpx
import requests
import tornado.httpclient
import tornado.websocket
import urllib3
from aiohttp import web


def with_requests(url, authority):
    with requests.Session() as session:
        texts = [session.get(url + "/page", verify=authority).text]
        texts.append(session.post(url + "/upload", data=b"u" * 300_000, verify=authority).text)
    try:
        requests.get(url)
    except requests.exceptions.SSLError as error:
        texts.append("CERTIFICATE_VERIFY_FAILED" in str(error))
    return texts


def with_urllib3(url, authority):
    with urllib3.PoolManager(ca_certs=authority) as pool:
        texts = [pool.request("GET", f"{url}/page{n}").data.decode() for n in range(3)]
        texts.append(pool.request("POST", url + "/upload", body=b"u" * 300_000).data.decode())
    return texts


def with_httpx(url, context):
    with httpx.Client(verify=context) as client:
        texts = [client.get(url + "/page").text, client.post(url + "/upload", content=b"u" * 300_000).text]
    try:
        httpx.get(url, verify=ssl.create_default_context())
    except httpx.ConnectError as error:
        texts.append("CERTIFICATE_VERIFY_FAILED" in str(error))
    return texts


def serve_stdlib(context, handler, port=443):
    with http.server.ThreadingHTTPServer(("", port), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


def with_http_client(host, context):
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    pages = []
    for number in range(3):
        connection.request("GET", f"/{number}")
        pages.append(connection.getresponse().read().decode())
    version = connection.sock.version()
    connection.close()
    return pages, version


def with_urllib(url, context):
    request = urllib.request.Request(url + "/form", data=b"q" * 200_000)
    with urllib.request.urlopen(request, timeout=20, context=context) as response:
        return int(response.headers["X-Size"])


def serve_aiohttp(application, context, port=443):
    web.run_app(application, port=port, ssl_context=context, print=None)


async def with_aiohttp(url, context):
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"{url}/hello/ada") as response:
            name = (await response.json())["name"]
        async with session.post(f"{url}/upload", data=b"z" * 500_000) as response:
            size = int(await response.text())
        async with session.ws_connect(f"{url.replace('https', 'wss')}/chat") as socket:
            await socket.send_str("network")
            word = (await socket.receive()).data
    try:
        async with aiohttp.ClientSession() as session, session.get(url):
            pass
    except aiohttp.ClientConnectorCertificateError as error:
        return name, size, word, type(error).__name__


async def with_tornado(address, context):
    client = tornado.httpclient.AsyncHTTPClient(force_instance=True)
    page = await client.fetch(f"https://{address}/one", ssl_options=context)
    upload = await client.fetch(
        f"https://{address}/upload", method="POST", body=b"t" * 300_000, ssl_options=context
    )
    request = tornado.httpclient.HTTPRequest(f"wss://{address}/mirror", ssl_options=context)
    socket = await tornado.websocket.websocket_connect(request)
    await socket.write_message("network")
    word = await socket.read_message()
    socket.close()
    client.close()
    return page.body.decode(), upload.body.decode(), word
