"""Socket pairs."""

from __future__ import annotations

import select
import socket
from socket import SOCK_DGRAM

from parity_kit import attempt, failing, program


@program
def pairs():
    a, b = socket.socketpair()
    with a, b:
        a.sendall(b"abc")
        out = [b.recv(2), b.recv(9), a.family, a.type, a.getsockname(), a.getpeername(), a.proto]
        a.setblocking(False)
        out.append(attempt(a.recv, 1))
        b.shutdown(socket.SHUT_WR)
        out += [a.recv(1), failing(b.send, b"x")]
        a.close()
        out += [b.recv(5), failing(b.send, b"x")]
        return out


@program
def pairs_of_datagrams():
    a, b = socket.socketpair(socket.AF_UNIX, SOCK_DGRAM)
    with a, b:
        a.send(b"one")
        a.send(b"two")
        out = [b.recv(2), b.recv(9)]
        a.close()
        return [*out, failing(b.send, b"x")]


@program
def a_full_pair():
    a, b = socket.socketpair()
    with a, b:
        a.setblocking(False)
        try:
            while True:
                a.send(b"x" * 65536)
        except BlockingIOError as error:
            number = error.errno
        before = select.select([], [a], [], 0)[1]
        while len(b.recv(1 << 20)) == 1 << 20:
            pass
        while select.select([b], [], [], 0)[0]:
            b.recv(1 << 20)
        return number, before, select.select([], [a], [], 1)[1] == [a]
