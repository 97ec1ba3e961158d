"""Everything that a cable can do to a frame, all at once, and every byte arrives all the same."""

from __future__ import annotations

import hashlib
import random
import socket
import threading

import pytest

import glassnet

SIZE = 50_000_000
PIECE = 1 << 18
PORT = 7


def give(connection: socket.socket, seed: int, digest: list[str]) -> None:
    """Send SIZE bytes that only `seed` could have made, and tell their SHA-256."""
    source, sha = random.Random(seed), hashlib.sha256()
    for start in range(0, SIZE, PIECE):
        data = source.randbytes(min(PIECE, SIZE - start))
        sha.update(data)
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    digest.append(sha.hexdigest())


def exchange(connection: socket.socket, seed: int) -> tuple[str, str, int]:
    """Send and receive at the same time; SHA-256 of what was sent, of what came, and how much came."""
    sent: list[str] = []
    giver = threading.Thread(target=give, args=(connection, seed, sent))
    giver.start()
    sha, size = hashlib.sha256(), 0
    while data := connection.recv(PIECE):
        sha.update(data)
        size += len(data)
    giver.join()
    connection.close()
    return sent[0], sha.hexdigest(), size


def serve(family: socket.AddressFamily) -> tuple[str, str, int]:
    with socket.create_server(("", PORT), family=family) as listener:
        connection, _ = listener.accept()
    return exchange(connection, seed=1)


def call(family: socket.AddressFamily) -> tuple[str, str, int]:
    [(*_, address)] = socket.getaddrinfo("server", PORT, family, socket.SOCK_STREAM)
    connection = socket.socket(family)
    connection.connect(address)
    return exchange(connection, seed=2)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_50_megabytes_each_way_through_a_cable_that_does_its_worst(family):
    net = glassnet.Network(seed=5)
    server, client = net.host("server"), net.host("client")
    cable = net.cable(
        server,
        client,
        rate="1Gbps",
        delay="1ms",
        loss="2%",
        duplication="1%",
        reordering="5%",
        bit_errors=1e-6,
    )
    answer = server.start(serve, family)
    client_sent, client_got, client_size = client.run(call, family)
    server_sent, server_got, server_size = answer.result()

    assert client_size == server_size == SIZE
    assert client_got == server_sent
    assert server_got == client_sent
    for lane in cable.lanes:
        assert min(lane.drops.counts["cable: loss"], lane.duplicated, lane.held_back, lane.damaged) > 300
