"""What TCP_INFO counts (linux/tcp.h), but for times, rates and sizes that depend on the path."""

from __future__ import annotations

import socket
import struct
import time
from socket import IPPROTO_TCP, MSG_OOB, SOL_SOCKET, TCP_INFO

from parity_kit import connected, listening, program, soon

COUNTED = {
    "state": ("B", 0),
    "ca_state": ("B", 1),
    "retransmits": ("B", 2),
    "probes": ("B", 3),
    "backoff": ("B", 4),
    "options": ("B", 5),
    "unacked": ("I", 24),
    "sacked": ("I", 28),
    "lost": ("I", 32),
    "retrans": ("I", 36),
    "fackets": ("I", 40),
    "last_ack_sent": ("I", 48),
    "ssthresh": ("I", 76),
    "reordering": ("I", 88),
    "total_retrans": ("I", 100),
    "max_pacing_rate": ("Q", 112),
    "bytes_acked": ("Q", 120),
    "bytes_received": ("Q", 128),
    "notsent_bytes": ("I", 144),
    "data_segs_in": ("I", 152),
    "data_segs_out": ("I", 156),
    "rwnd_limited": ("Q", 176),
    "sndbuf_limited": ("Q", 184),
    "delivered": ("I", 192),
    "delivered_ce": ("I", 196),
    "bytes_sent": ("Q", 200),
    "bytes_retrans": ("Q", 208),
    "dsack_dups": ("I", 216),
    "reord_seen": ("I", 220),
    "rcv_ooopack": ("I", 224),
    "rehash": ("I", 236),
    "total_rto": ("H", 240),
    "total_rto_recoveries": ("H", 242),
    "total_rto_time": ("I", 244),
}


def field(sock, code, place):
    return struct.unpack_from(code, sock.getsockopt(IPPROTO_TCP, TCP_INFO, 248), place)[0]


def counted(sock):
    return {name: field(sock, *where) for name, where in COUNTED.items()}


def segments(sock):
    return field(sock, "I", 136), field(sock, "I", 140)


@program
def counts_of_a_new_connection():
    client, peer = connected()
    with client, peer:
        return counted(client), counted(peer), segments(client), segments(peer)


@program
def counts_after_data_one_way():
    client, peer = connected()
    with client, peer:
        client.sendall(b"x" * 1000)
        soon()
        out = [counted(client), counted(peer)]
        peer.recv(2000)
        return out, counted(client), counted(peer)


@program
def counts_after_an_exchange():
    client, peer = connected()
    with client, peer:
        for number in range(1, 6):
            client.sendall(b"x" * number)
            soon()
            peer.sendall(peer.recv(100) * 2)
            soon()
            client.recv(100)
        time.sleep(0.1)
        return counted(client), counted(peer)


@program
def counts_after_urgent_data():
    client, peer = connected()
    with client, peer:
        client.send(b"abc", MSG_OOB)
        soon()
        peer.recv(1, MSG_OOB)
        return counted(client), counted(peer)


@program
def counts_while_closing():
    client, peer = connected()
    with client, peer:
        client.sendall(b"x" * 10)
        soon()
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
        out = [counted(client), counted(peer)]
        peer.sendall(b"y" * 20)
        soon()
        return [*out, counted(client), counted(peer)]


@program
def counts_with_a_fin_that_takes_data_along():
    client, peer = connected()
    with client, peer:
        client.setsockopt(IPPROTO_TCP, socket.TCP_CORK, 1)
        client.send(b"x" * 10)
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
        return counted(client), counted(peer)


@program
def a_pace_that_was_asked_for():
    client, peer = connected()
    with client, peer:
        client.setsockopt(SOL_SOCKET, 47, 1_000_000)
        return field(client, "Q", 112)


@program
def times_since_something_happened():
    """In hundreds of milliseconds: since data were sent, data came, an acknowledgement came."""
    client, peer = connected()
    with client, peer:
        out = []

        def look():
            out.extend(
                round(field(each, "I", place), -2) for each in (client, peer) for place in (44, 52, 56)
            )

        time.sleep(0.3)
        look()
        client.send(b"x")
        time.sleep(0.3)
        look()
        peer.send(b"y")
        time.sleep(0.2)
        look()
        return out


@program
def counts_of_sockets_without_connection():
    with socket.socket() as fresh, listening() as server:
        return counted(fresh), counted(server)


@program
def no_window_for_the_sender():
    client, peer = connected()
    with client, peer:
        client.settimeout(0)
        try:
            while True:
                client.send(bytes(65536))
        except BlockingIOError:
            pass
        time.sleep(0.3)
        busy, held, room = (field(client, "Q", place) for place in (168, 176, 184))
        return busy > 150_000, held > 150_000, room, field(client, "I", 144) > 0
