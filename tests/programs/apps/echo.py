"""A blocking echo server and client, as in a textbook."""

from __future__ import annotations

import socket
import time


def serve(family=socket.AF_INET, address="", port=7, connections=1):
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        for _ in range(connections):
            connection, peer = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)
    return peer[0]


def serve_slowly(delay, port=7):
    with socket.create_server(("", port)) as listener:
        connection, _ = listener.accept()
        with connection:
            data = connection.recv(100)
            time.sleep(delay)
            connection.sendall(data)


def call(host, data, family=socket.AF_INET, port=7):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect((host, port))
        received = bytearray()
        sent = 0
        while len(received) < len(data):
            # No more than both ends' buffers hold: this client does nothing at the same time.
            while sent < len(data) and sent - len(received) < 65536:
                piece = data[sent : sent + 16384]
                connection.sendall(piece)
                sent += len(piece)
            received += connection.recv(65536)
        return bytes(received)


def call_with_timeout(host, timeout, port=7):
    started = time.monotonic()
    with socket.create_connection((host, port), timeout=timeout) as connection:
        connection.sendall(b"are you there?")
        try:
            answer = connection.recv(100)
        except TimeoutError:
            answer = None
    return answer, round(time.monotonic() - started, 6)


def connect_with_timeout(host, timeout, port=7):
    started = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=timeout)
    except OSError as error:
        return type(error).__name__, round(time.monotonic() - started, 6)
    return None
