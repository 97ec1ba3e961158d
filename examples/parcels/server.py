"""Keeps parcels in memory: POST /parcels takes one, GET /parcels lists them."""

import argparse
import json
import logging
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import labels

log = logging.getLogger("parcels")
parcels = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, parcels)

    def do_POST(self):
        parcel = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parcels.append(parcel | {"label": labels.label(len(parcels) + 1)})
        log.info("%s from %s", parcels[-1]["label"], parcel["from"])
        self.answer(201, parcels[-1])

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *arguments):
        log.debug(form, *arguments)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ThreadingHTTPServer(("", options.port), Handler) as server:
        log.info("open on port %d", options.port)
        server.serve_forever()


if __name__ == "__main__":
    main()
