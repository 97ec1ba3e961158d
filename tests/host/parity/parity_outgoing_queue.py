"""SIOCOUTQ (tcp(7)): how many octets were handed in and are not acknowledged."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from socket import SOL_SOCKET

from parity_kit import connected, failing, listening, program, soon

SIOCOUTQ = 0x5411
FIONREAD = 0x541B


def asked(sock, what=SIOCOUTQ):
    return struct.unpack("i", fcntl.ioctl(sock, what, bytes(4)))[0]


@program
def nothing_is_on_its_way():
    client, peer = connected()
    with client, peer, socket.socket() as fresh:
        client.sendall(b"x" * 1000)
        soon()
        return asked(fresh), asked(client), asked(peer)


@program
def a_listener_has_no_queue():
    with listening() as listener:
        return failing(fcntl.ioctl, listener, SIOCOUTQ, bytes(4))


@program
def what_the_peer_has_no_room_for_is_outstanding():
    client, peer = connected()
    with client, peer:
        peer.setsockopt(SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        sent = 0
        try:
            while True:
                sent += client.send(b"x" * 10000)
        except BlockingIOError:
            soon()
        return asked(client) > 0, asked(client) + asked(peer, FIONREAD) == sent


@program
def a_fin_that_was_acknowledged_does_not_count():
    client, peer = connected()
    with client, peer:
        client.shutdown(socket.SHUT_WR)
        soon()
        first = asked(client)
        peer.close()
        soon()
        return first, asked(client)


@program
def a_reset_leaves_nothing():
    client, peer = connected()
    with client, peer:
        peer.setsockopt(SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        soon()
        return asked(client)


@program
def pipes_have_none():
    readable, writable = os.pipe()
    try:
        return failing(fcntl.ioctl, readable, SIOCOUTQ, bytes(4))
    finally:
        os.close(readable)
        os.close(writable)
