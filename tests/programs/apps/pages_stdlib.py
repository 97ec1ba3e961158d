"""The standard library's HTTP server and client."""

from __future__ import annotations

import http.client
import http.server
import urllib.error
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        body = f"{self.path} for {self.client_address[0]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.send_header("X-Size", str(len(body)))
        self.end_headers()

    def log_message(self, *args):
        pass


def serve(port=8000, threads=True):
    kind = http.server.ThreadingHTTPServer if threads else http.server.HTTPServer
    with kind(("", port), Handler) as server:
        server.serve_forever()


def fetch(url):
    with urllib.request.urlopen(url + "/index", timeout=10) as response:
        page = response.read().decode()
    try:
        urllib.request.urlopen(url + "/missing", timeout=10)
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    request = urllib.request.Request(url + "/form", data=b"q" * 200_000)
    with urllib.request.urlopen(request, timeout=10) as response:
        size = int(response.headers["X-Size"])
    return page, status, size


def fetch_on_one_connection(host, port, count):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    pages = []
    for number in range(count):
        connection.request("GET", f"/{number}")
        pages.append(connection.getresponse().read().decode().split(" ")[0])
    connection.close()
    return pages
