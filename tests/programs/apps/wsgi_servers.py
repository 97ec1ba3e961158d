"""A WSGI application, in several frameworks, and servers to serve it."""

from __future__ import annotations

import threading
import time
import wsgiref.simple_server

import bottle
import cheroot.wsgi
import flask
import requests
import waitress
import werkzeug.serving

flask_application = flask.Flask(__name__)
bottle_application = bottle.Bottle()


def application(environ, start_response):
    size = len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    body = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {size} {environ['REMOTE_ADDR']}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@flask_application.route("/slow")
def flask_slow():
    time.sleep(2)
    return answer("GET", "/slow", 0, flask.request.remote_addr)


@flask_application.route("/<path:name>", methods=["GET", "POST"])
def flask_page(name):
    size = len(flask.request.get_data())
    return answer(flask.request.method, "/" + name, size, flask.request.remote_addr)


@bottle_application.route("/slow")
def bottle_slow():
    time.sleep(2)
    return answer("GET", "/slow", 0, bottle.request.remote_addr)


@bottle_application.route("/<name>", method=["GET", "POST"])
def bottle_page(name):
    size = len(bottle.request.body.read())
    return answer(bottle.request.method, "/" + name, size, bottle.request.remote_addr)


def answer(method, path, size, peer):
    return f"{method} {path} {size} {peer}"


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


class QuietWerkzeugHandler(werkzeug.serving.WSGIRequestHandler):
    def log(self, *args):
        pass


def serve_wsgiref():
    with wsgiref.simple_server.make_server("", 8000, application, handler_class=QuietHandler) as server:
        server.serve_forever()


def serve_waitress():
    waitress.serve(application, listen="0.0.0.0:8000", threads=4, _quiet=True)


def serve_cheroot():
    server = cheroot.wsgi.Server(("0.0.0.0", 8000), application, numthreads=4)
    try:
        server.start()
    finally:
        server.stop()


def serve_flask():
    werkzeug.serving.run_simple(
        "0.0.0.0", 8000, flask_application, threaded=True, request_handler=QuietWerkzeugHandler
    )


def serve_bottle():
    bottle.run(bottle_application, host="0.0.0.0", port=8000, quiet=True, handler_class=QuietHandler)


def visit(url):
    """A page, an upload, and two slow pages at once; returns the texts and how long the slow ones took."""
    with requests.Session() as session:
        page = session.get(url + "/page", timeout=20).text
        upload = session.post(url + "/upload", data=b"u" * 100_000, timeout=20).text
    started = time.monotonic()
    slow = []
    threads = [
        threading.Thread(target=lambda: slow.append(requests.get(url + "/slow", timeout=20).text))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return page, upload, slow, round(time.monotonic() - started, 6)
