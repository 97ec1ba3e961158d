"""TCP Fast Open's options and calls, and the choice of a congestion controller.

The machine's kernel lets clients use Fast Open and serves nobody, which is Linux's default.
"""

from __future__ import annotations

import socket
from socket import IPPROTO_TCP as TCP
from socket import MSG_FASTOPEN

from parity_kit import attempt, connected, failing, listening, program, soon

FASTOPEN, FASTOPEN_CONNECT = socket.TCP_FASTOPEN, 30
VALUES = (-1, 0, 1, 2, 5, 4096, 100000, b"", b"\1", b"\1\0\0\0")


@program
def options_of_fast_open():
    out = []
    for option in (FASTOPEN, FASTOPEN_CONNECT):
        for value in VALUES:
            with socket.socket() as s:
                out.append((failing(s.setsockopt, TCP, option, value), s.getsockopt(TCP, option)))
            with listening() as s:
                out.append((failing(s.setsockopt, TCP, option, value), s.getsockopt(TCP, option)))
        for each in connected():
            with each:
                out.append((failing(each.setsockopt, TCP, option, 1), each.getsockopt(TCP, option)))
    return out


@program
def options_of_fast_open_stay_with_the_listener():
    with listening() as server, socket.socket() as client:
        server.setsockopt(TCP, FASTOPEN, 7)
        client.setsockopt(TCP, FASTOPEN_CONNECT, 1)
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            return [peer.getsockopt(TCP, FASTOPEN), client.getsockopt(TCP, FASTOPEN_CONNECT)]


@program
def connecting_and_sending_in_one():
    out = []
    with listening() as server:
        for _ in range(2):
            with socket.socket() as client:
                out.append(client.sendto(b"hello", MSG_FASTOPEN, server.getsockname()))
                out.append(client.getpeername() == server.getsockname())
                peer, _ = server.accept()
                with peer:
                    out.append(peer.recv(10))
                    out.append(failing(client.sendto, b"more", MSG_FASTOPEN, server.getsockname()))
                    out.append(failing(client.send, b"more", MSG_FASTOPEN))
                    out.append(failing(peer.sendmsg, [b"x"], [], MSG_FASTOPEN, server.getsockname()))
                    peer.sendall(b"answer")
                    out.append(client.recv(10))
    return out


@program
def connecting_with_much_data():
    data = bytes(range(256)) * 200
    with listening() as server, socket.socket() as client:
        count = client.sendto(data, MSG_FASTOPEN, server.getsockname())
        peer, _ = server.accept()
        with peer:
            return count, peer.recv(len(data), socket.MSG_WAITALL) == data


@program
def connecting_without_waiting():
    with listening() as server, socket.socket() as client:
        client.setblocking(False)
        out = [attempt(client.sendto, b"hello", MSG_FASTOPEN, server.getsockname())]
        soon()
        out.append(client.send(b"world"))
        peer, _ = server.accept()
        with peer:
            soon()
            out.append(peer.recv(10))
        return out


@program
def connecting_with_nothing_to_send():
    with listening() as server, socket.socket() as client:
        out = [client.sendto(b"", MSG_FASTOPEN, server.getsockname())]
        peer, _ = server.accept()
        peer.close()
        return [*out, client.recv(1)]


@program
def connecting_with_data_to_nowhere():
    with socket.socket() as client, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        return [
            attempt(client.sendto, b"x", MSG_FASTOPEN, other.getsockname()),
            client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
            attempt(client.sendto, b"x", MSG_FASTOPEN, other.getsockname()),
            attempt(client.sendto, b"x", MSG_FASTOPEN, ("224.0.0.1", 9)),
            attempt(client.send, b"x", MSG_FASTOPEN),
            attempt(client.sendmsg, [b"x"], [], MSG_FASTOPEN),
        ]


@program
def connecting_later():
    with listening() as server, socket.socket() as client:
        client.setsockopt(TCP, FASTOPEN_CONNECT, 1)
        client.connect(server.getsockname())
        client.sendall(b"late")
        peer, _ = server.accept()
        with peer:
            return peer.recv(10), failing(client.connect, server.getsockname())


@program
def connecting_later_without_waiting():
    with listening() as server, socket.socket() as client:
        client.setsockopt(TCP, FASTOPEN_CONNECT, 1)
        client.setblocking(False)
        return attempt(client.connect, server.getsockname())


@program
def choosing_a_controller():
    names = (b"cubic", b"reno", b"bbr", b"reno\0x", b"", b"nosuch", b"CUBIC", b"cubic" + bytes(20))
    with socket.socket() as s:
        return [
            (failing(s.setsockopt, TCP, socket.TCP_CONGESTION, name), s.getsockopt(TCP, 13, 16))
            for name in names
        ]


@program
def a_controller_is_inherited():
    out = []
    with listening() as server, socket.socket() as client:
        server.setsockopt(TCP, socket.TCP_CONGESTION, b"cubic")
        client.setsockopt(TCP, socket.TCP_CONGESTION, b"bbr")
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            out += [peer.getsockopt(TCP, 13, 16), client.getsockopt(TCP, 13, 16)]
            peer.setsockopt(TCP, socket.TCP_CONGESTION, b"reno")
            out.append(peer.getsockopt(TCP, 13, 16))
            peer.sendall(b"x" * 100000)
            peer.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
            out.append(server.getsockopt(TCP, 13, 16))
    return out


@program
def a_limit_of_the_pace():
    out = []
    with listening() as server, socket.socket() as client:
        for value in (1000, -1, b"abcdef", b"ab", (1 << 40).to_bytes(8, "little"), 10**9):
            out.append(failing(client.setsockopt, socket.SOL_SOCKET, 47, value))
            out += [client.getsockopt(socket.SOL_SOCKET, 47, size) for size in (8, 16)]
        server.setsockopt(socket.SOL_SOCKET, 47, 5 * 10**8)
        out += [server.getsockopt(socket.SOL_SOCKET, 47), server.getsockopt(socket.SOL_SOCKET, 47, 4)]
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            out.append(peer.getsockopt(socket.SOL_SOCKET, 47))
            client.sendall(b"x" * 10000)
            out.append(len(peer.recv(10000, socket.MSG_WAITALL)))
    return out
