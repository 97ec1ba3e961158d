"""Logging over the network: the handlers of `logging.handlers` that send, and servers for them."""

from __future__ import annotations

import http.server
import json
import logging
import logging.config
import logging.handlers
import pickle
import socket
import socketserver
import struct
import threading
import time
import urllib.parse


def serve_syslog(count, port=514):
    """Collect `count` datagrams of syslog."""
    lines = []

    class Handler(socketserver.DatagramRequestHandler):
        def handle(self):
            lines.append(self.rfile.read())

    with socketserver.ThreadingUDPServer(("", port), Handler) as server:
        while len(lines) < count:
            server.handle_request()
            time.sleep(0.01)
    return lines


def serve_records(count, port=logging.handlers.DEFAULT_TCP_LOGGING_PORT):
    """Collect `count` pickled records, as the logging cookbook does."""
    records = []
    done = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while len(head := self.rfile.read(4)) == 4:
                (size,) = struct.unpack(">L", head)
                record = logging.makeLogRecord(pickle.loads(self.rfile.read(size)))
                records.append((record.levelname, record.getMessage()))
                if len(records) == count:
                    done.set()

    with socketserver.ThreadingTCPServer(("", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done.wait()
        server.shutdown()
    return records[:count]


def serve_forms(count, port=80):
    """Collect `count` forms that were posted."""
    forms = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            forms.append(urllib.parse.parse_qs(body)["msg"][0])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("", port), Handler) as server:
        while len(forms) < count:
            server.handle_request()
    return forms


def log_through(handler, messages):
    """Log `messages` with a handler made here, in the program that uses it."""
    kind, args = handler
    handler = kind(*args)
    logger = logging.Logger("program")
    logger.addHandler(handler)
    for message in messages:
        logger.warning(message)
    handler.close()


def log_until_the_server_is_back(host, count):
    """A record each second, whether or not anyone listens; SocketHandler connects again by itself."""
    handler = logging.handlers.SocketHandler(host, logging.handlers.DEFAULT_TCP_LOGGING_PORT)
    logger = logging.Logger("program")
    logger.addHandler(handler)
    for number in range(count):
        logger.error("record %d", number)
        time.sleep(1)
    handler.close()


def listen_for_configuration(port=9030):
    """Let others set the level of a logger, until it is CRITICAL; returns the levels seen."""
    thread = logging.config.listen(port)
    thread.start()
    logger = logging.getLogger("configured.from.outside")
    logger.setLevel(logging.NOTSET)
    levels = [logger.level]
    while levels[-1] != logging.CRITICAL:
        time.sleep(0.1)
        if logger.level != levels[-1]:
            levels.append(logger.level)
    logging.config.stopListening()
    thread.join()
    return levels


def configure(host, level, port=9030):
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {"configured.from.outside": {"level": level}},
    }
    data = json.dumps(settings).encode()
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(struct.pack(">L", len(data)) + data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1)
