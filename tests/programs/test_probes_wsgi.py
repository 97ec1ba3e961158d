"""WSGI servers and frameworks."""

from __future__ import annotations

import gc
import signal

import pytest
import wsgi_servers
from probes import probe


def visit(client):
    page, upload, slow, took = client.run(wsgi_servers.visit, "http://server:8000")
    assert page == "GET /page 0 192.0.2.2"
    assert upload == "POST /upload 100000 192.0.2.2"
    assert slow == ["GET /slow 0 192.0.2.2"] * 2
    return took


@probe(
    "wsgiref",
    "requests",
    did="wsgiref, a server of one thread, answered two slow requests one after the other",
)
def test_wsgiref(server, client):
    server.start(wsgi_servers.serve_wsgiref)
    took = visit(client)
    assert took > 4
    return took


@pytest.mark.filterwarnings("ignore:unclosed file <waitress:ResourceWarning")
@probe("waitress", "requests", did="waitress answered two slow requests at once in its threads")
def test_waitress(server, client):
    process = server.start(wsgi_servers.serve_waitress)
    took = visit(client)
    assert 2 < took < 4
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    gc.collect()  # while the warning that waitress forgot one of its files is passed over
    return took


@probe("cheroot", "requests", did="cheroot answered two slow requests at once in its threads")
def test_cheroot(server, client):
    server.start(wsgi_servers.serve_cheroot)
    took = visit(client)
    assert 2 < took < 4
    return took


@probe(
    "flask",
    "werkzeug",
    "requests",
    did="Flask on Werkzeug's threaded server answered two slow requests at once",
)
def test_flask(server, client):
    server.start(wsgi_servers.serve_flask)
    took = visit(client)
    assert 2 < took < 4
    return took


@probe(
    "bottle",
    "wsgiref",
    "requests",
    did="a Bottle application on wsgiref took a page, an upload, slow requests",
)
def test_bottle(server, client):
    server.start(wsgi_servers.serve_bottle)
    took = visit(client)
    assert took > 4
    return took
