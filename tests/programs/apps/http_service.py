"""A server with a thread for each connection: redirects, cookies, a stream, a page that fails twice."""

from __future__ import annotations

import http.server
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/redirect":
            self.answer(302, "", Location="/page")
        elif self.path == "/cookie":
            self.answer(200, "here", **{"Set-Cookie": "flavour=cinnamon"})
        elif self.path == "/show-cookie":
            self.answer(200, self.headers["Cookie"])
        elif self.path == "/stream":
            self.stream()
        elif self.path == "/flaky":
            self.server.failures += 1
            self.answer(503 if self.server.failures % 3 else 200, f"try {self.server.failures}")
        elif self.path == "/slow":
            time.sleep(3)
            self.answer(200, "at last")
        else:
            self.answer(200, f"{self.path} for port {self.client_address[1] > 1023}")

    def do_POST(self):
        size = 0
        while (length := int(self.rfile.readline(), 16)) > 0:
            size += len(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        self.answer(200, f"{self.path} {size}")

    def answer(self, status, text, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(5):
            time.sleep(0.1)
            self.wfile.write(b"5\r\npart%d\r\n" % number)
        self.wfile.write(b"0\r\n\r\n")

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the client has gone

    def log_message(self, *args):
        pass


def serve(port=8000):
    with http.server.ThreadingHTTPServer(("", port), Handler) as server:
        server.failures = 0
        server.serve_forever()
