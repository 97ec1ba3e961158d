"""Does a packet cost more because the network is larger?

N clients, each on a cable of its own (100 Mbit/s, 5 ms) to one router, send 100 kB each
to one server behind it (1 Gbit/s, 1 ms), all at the same time: blocking sockets, a
thread of the server for each connection.
"""

from __future__ import annotations

import argparse
import socket
import time
from functools import partial

from measure import Figure, answer, fresh, peak_memory, peer, peer_path, ratio, report, timed

PORT = 9
PIECE = 65536
SERVER = "198.18.0.2"


def drain(connection: socket.socket, total: list[int]) -> None:
    with connection:
        while data := connection.recv(PIECE):
            total[0] += len(data)


def send(size: int) -> None:
    with socket.create_connection((SERVER, PORT)) as connection:
        connection.sendall(bytes(size))
