"""Unix-domain sockets."""

from __future__ import annotations

import gc

import asgi_servers
import local_sockets
import pages_aiohttp
import pytest
import twisted_programs
import wsgi_servers
from probes import probe

import glassnet

PATH = "/run/server.sock"


@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
@probe(
    "uvicorn",
    "httpx",
    did="uvicorn --uds, and blocking and asynchronous clients of its host; another host has no such path",
    loss=None,
)
def test_uvicorn_on_a_path(net, server, client):
    server.start(asgi_servers.serve_uvicorn, uds=PATH)
    net.run(for_="1s")
    assert server.run(local_sockets.visit_with_httpx, PATH) == ["/page 0", "/upload 300000"]
    assert server.run(local_sockets.visit_with_async_httpx, PATH) == [f"/page{n} 0" for n in range(10)]
    assert client.run(local_sockets.nobody_listens, PATH) == "[Errno 2] No such file or directory"
    gc.collect()  # while the warning that httpcore forgot its socket is passed over
    return net.now


@probe("aiohttp", did="UnixSite and UnixConnector: JSON, an upload of 500 kB", loss=None)
def test_aiohttp_on_a_path(net, server):
    server.start(local_sockets.serve_aiohttp, pages_aiohttp.application(), PATH)
    net.run(for_="1s")
    assert server.run(local_sockets.visit_with_aiohttp, PATH) == ("ada", 500_000)
    return net.now


@probe("Twisted", did="listenUNIX and UNIXClientEndpoint: 50 lines", loss=None)
def test_twisted_on_a_path(net, server):
    lines = [b"line %d" % number for number in range(50)]
    server.start(twisted_programs.serve_on_a_path, PATH)
    net.run(for_="1s")
    heard = server.run(twisted_programs.run, "select", twisted_programs.call_on_a_path, PATH, lines)
    assert heard == [line.upper() for line in lines]
    return net.now


def test_gunicorn_is_refused(net):
    host = net.host("alone")
    with pytest.raises(glassnet.GlassnetError, match=r"gunicorn.*forks.*use uvicorn"):
        host.run(local_sockets.serve_gunicorn, wsgi_servers.application, "0.0.0.0:8000")


@pytest.mark.parametrize("program", [local_sockets.start_a_process, local_sockets.make_a_pool])
def test_processes_are_refused(net, program):
    host = net.host("alone")
    with pytest.raises(glassnet.GlassnetError, match=r"would act on the real machine.*host\.start\(\)"):
        host.run(program)
