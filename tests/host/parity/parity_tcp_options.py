"""TCP_SAVE_SYN, the keys and cookies of Fast Open, and the window scale that follows from SO_RCVBUF."""

from __future__ import annotations

import socket
from socket import IPPROTO_TCP as TCP
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET

from parity_kit import connected, failing, listening, program

SAVE_SYN, SAVED_SYN, KEY, NO_COOKIE = 27, 28, 33, 34
NUMBERS = (-1, 0, 1, 2, 3, 100, b"", b"\1", b"\1\0\0\0", b"\2\0\0\0\0")
BUFFERS = (4096, 32768, 65535, 65536, 100000, 131072, 200000)
KEYS = bytes(range(32))


def accepted(server):
    client = socket.socket(server.family)
    client.connect(server.getsockname())
    return client, server.accept()[0]


def scales(sock):
    """Those of the peer and our own."""
    octet = sock.getsockopt(TCP, socket.TCP_INFO, 8)[6]
    return octet & 15, octet >> 4


@program
def asking_to_save_the_syn():
    out = []
    for value in NUMBERS:
        with socket.socket() as s, listening() as server:
            out.append((failing(s.setsockopt, TCP, SAVE_SYN, value), s.getsockopt(TCP, SAVE_SYN)))
            out.append(
                (failing(server.setsockopt, TCP, SAVE_SYN, value), server.getsockopt(TCP, SAVE_SYN, 8))
            )
    for each in connected():
        with each:
            out.append((failing(each.setsockopt, TCP, SAVE_SYN, 1), each.getsockopt(TCP, SAVE_SYN)))
            out.append(each.getsockopt(TCP, SAVED_SYN, 100))
    return out


@program
def a_saved_syn():
    out = []
    for mode in (0, 1, 2):
        with listening() as server:
            server.setsockopt(TCP, SAVE_SYN, mode)
            client, peer = accepted(server)
            with client, peer:
                out.append(peer.getsockopt(TCP, SAVE_SYN))
                out.append((server.getsockopt(TCP, SAVED_SYN), client.getsockopt(TCP, SAVED_SYN, 100)))
                out.append(failing(peer.getsockopt, TCP, SAVED_SYN))
                out.append(failing(peer.getsockopt, TCP, SAVED_SYN, 59))
                syn = peer.getsockopt(TCP, SAVED_SYN, 100)
                out.append(len(syn))
                if syn:
                    syn, link = syn[-60:], syn[:-60]
                    out += [link, syn[:4], syn[6:10], syn[12:20], syn[33], syn[40:42], syn[44:47]]
                    out.append(syn[20:22] == client.getsockname()[1].to_bytes(2, "big"))
                    out.append(syn[22:24] == server.getsockname()[1].to_bytes(2, "big"))
                out.append((peer.getsockopt(TCP, SAVED_SYN), peer.getsockopt(TCP, SAVED_SYN, 100)))
    return out


@program
def a_saved_syn_of_ipv6():
    with listening(socket.AF_INET6) as server:
        server.setsockopt(TCP, SAVE_SYN, 1)
        client, peer = accepted(server)
        with client, peer:
            syn = peer.getsockopt(TCP, SAVED_SYN, 80)
            return len(syn), syn[0] >> 4, syn[4:40], syn[52:54]


@program
def a_saved_syn_is_as_old_as_the_connection():
    out = []
    with listening() as server, socket.socket() as early, socket.socket() as late:
        early.connect(server.getsockname())
        server.setsockopt(TCP, SAVE_SYN, 1)
        late.connect(server.getsockname())
        for _ in range(2):
            peer, _ = server.accept()
            with peer:
                out.append(len(peer.getsockopt(TCP, SAVED_SYN, 100)))
    return out


@program
def a_saved_syn_cannot_be_set():
    with socket.socket() as s:
        return [failing(s.setsockopt, TCP, SAVED_SYN, value) for value in (0, 1, b"", b"\0\0\0\0")] + [
            s.getsockopt(TCP, SAVED_SYN),
            s.getsockopt(TCP, SAVED_SYN, 10),
        ]


@program
def a_saved_syn_outlives_its_client():
    with listening() as server:
        server.setsockopt(TCP, SAVE_SYN, 1)
        client, peer = accepted(server)
        client.close()
        with peer:
            return peer.recv(1), len(peer.getsockopt(TCP, SAVED_SYN, 100))


@program
def keys_of_fast_open():
    out = []
    for size in (0, 1, 4, 8, 15, 16, 17, 31, 32, 33, 64):
        with socket.socket() as s:
            out.append(failing(s.setsockopt, TCP, KEY, KEYS.ljust(64, b"\0")[:size]))
            out += [s.getsockopt(TCP, KEY), *(s.getsockopt(TCP, KEY, room) for room in (4, 16, 20, 32, 64))]
    with socket.socket() as s:
        out.append(failing(s.setsockopt, TCP, KEY, 5))
        s.setsockopt(TCP, KEY, KEYS)
        s.setsockopt(TCP, KEY, KEYS[16:])
        out.append(s.getsockopt(TCP, KEY, 64))
        out.append(failing(s.setsockopt, TCP, KEY, KEYS[:5]))
        out.append(s.getsockopt(TCP, KEY, 64))
    return out


@program
def keys_of_fast_open_are_the_listeners():
    with listening() as server:
        server.setsockopt(TCP, KEY, KEYS)
        client, peer = accepted(server)
        with client, peer:
            out = [each.getsockopt(TCP, KEY, 64) for each in (server, client, peer)]
            out += [failing(each.setsockopt, TCP, KEY, KEYS[:16]) for each in (client, peer)]
            return out + [each.getsockopt(TCP, KEY, 64) for each in (server, client, peer)]


@program
def doing_without_cookies():
    out = []
    for value in NUMBERS:
        with socket.socket() as s, listening() as server:
            out.append((failing(s.setsockopt, TCP, NO_COOKIE, value), s.getsockopt(TCP, NO_COOKIE)))
            out.append((failing(server.setsockopt, TCP, NO_COOKIE, value), server.getsockopt(TCP, NO_COOKIE)))
    with listening() as server:
        server.setsockopt(TCP, NO_COOKIE, 1)
        client, peer = accepted(server)
        with client, peer:
            for each in (client, peer):
                out.append(each.getsockopt(TCP, NO_COOKIE))
                out.append(failing(each.setsockopt, TCP, NO_COOKIE, 1))
    return out


@program
def without_a_cookie_a_connection_stands_at_once():
    with listening() as server, socket.socket() as client:
        client.setsockopt(TCP, NO_COOKIE, 1)
        client.setsockopt(TCP, socket.TCP_FASTOPEN, 1)
        client.setsockopt(TCP, 30, 1)
        client.connect(server.getsockname())
        state = client.getsockopt(TCP, socket.TCP_INFO, 1)[0]
        sent = client.send(b"hello")
        peer, _ = server.accept()
        with peer:
            return state, sent, peer.recv(10)


@program
def a_listeners_buffer_decides_the_window_scale():
    out = []
    for size in BUFFERS:
        with socket.socket() as server:
            server.setsockopt(SOL_SOCKET, SO_RCVBUF, size)
            server.bind(("127.0.0.1", 0))
            server.listen()
            client, peer = accepted(server)
            with client, peer:
                out.append((scales(client)[0], scales(peer)[1]))
    return out


@program
def a_clients_buffer_decides_the_window_scale():
    out = []
    for size in BUFFERS:
        with listening() as server, socket.socket() as client:
            client.setsockopt(SOL_SOCKET, SO_RCVBUF, size)
            client.setsockopt(SOL_SOCKET, SO_SNDBUF, size)
            client.connect(server.getsockname())
            peer, _ = server.accept()
            with peer:
                out.append((scales(client)[1], scales(peer)[0]))
                peer.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)  # too late for another scale
                out.append(scales(peer)[1] == scales(client)[0] > 0)
    return out
