"""Urgent data of TCP: MSG_OOB, SO_OOBINLINE, the mark, POLLPRI, SIGURG (RFC 6093, tcp(7))."""

from __future__ import annotations

import array
import fcntl
import os
import select
import signal
import socket
import struct
import termios
import time
from socket import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SOL_SOCKET

from parity_kit import alone, attempt, connected, failing, listening, program, soon

INLINE = socket.SO_OOBINLINE
SIOCATMARK = 0x8905


def pair(inline=False):
    client, peer = connected()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if inline:
        peer.setsockopt(SOL_SOCKET, INLINE, 1)
    peer.settimeout(0)
    return client, peer


def at_mark(sock):
    return struct.unpack("i", fcntl.ioctl(sock, SIOCATMARK, bytes(4)))[0]


def waiting(sock):
    number = array.array("i", [0])
    fcntl.ioctl(sock, termios.FIONREAD, number)
    return number[0]


def ready(sock):
    """What poll(2) and select(2) say at once."""
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLPRI | select.POLLRDHUP)
    found = poll.poll(0)
    return found[0][1] if found else 0, [len(each) for each in select.select([sock], [], [sock], 0)]


def seen(sock):
    """Everything that can be asked without changing anything."""
    return at_mark(sock), waiting(sock), ready(sock)


def read(sock, size=100, flags=0):
    return attempt(sock.recv, size, flags)


def say(client, *parts):
    """Send: bytes as they are, a string as urgent data."""
    for part in parts:
        if isinstance(part, str):
            client.send(part.encode(), MSG_OOB)
        else:
            client.send(part)
        soon()


@program
def the_last_octet_is_kept_apart():
    client, peer = pair()
    with client, peer:
        out = [seen(peer)]
        out.append(client.send(b"abcd", MSG_OOB))
        soon()
        out += [
            seen(peer),
            read(peer, 10, MSG_OOB),
            seen(peer),
            read(peer),
            seen(peer),
            read(peer),
            seen(peer),
        ]
        return out


@program
def reading_first_and_the_urgent_octet_later():
    client, peer = pair()
    with client, peer:
        say(client, b"abc", "X", b"def")
        out = [seen(peer), read(peer), seen(peer), read(peer, 1, MSG_OOB), seen(peer), read(peer), seen(peer)]
        return [*out, read(peer, 1, MSG_OOB)]


@program
def reading_past_the_mark_forgets_the_urgent_octet():
    client, peer = pair()
    with client, peer:
        say(client, b"abc", "X", b"def")
        return read(peer), read(peer), seen(peer), read(peer, 1, MSG_OOB)


@program
def nothing_but_the_urgent_octet():
    client, peer = pair()
    with client, peer:
        say(client, "X")
        out = [seen(peer), read(peer, 5, MSG_OOB), seen(peer), read(peer), seen(peer), read(peer, 5, MSG_OOB)]
        say(client, b"after")
        return [*out, seen(peer), read(peer), seen(peer)]


@program
def a_read_that_finds_only_the_urgent_octet_takes_it_away():
    client, peer = pair()
    with client, peer:
        say(client, "X")
        return read(peer), seen(peer), read(peer, 1, MSG_OOB)


@program
def partial_reads_around_the_mark():
    out = []
    for sizes in ((1, 1, 1, 1, 1, 1), (2, 2, 2), (3, 1, 2), (3, 3), (4, 4), (100, 100)):
        client, peer = pair()
        with client, peer:
            say(client, b"abc", "X", b"def")
            out += [(read(peer, size), at_mark(peer), waiting(peer)) for size in sizes]
    return out


@program
def partial_reads_around_the_mark_in_line():
    out = []
    for sizes in ((1, 1, 1, 1, 1, 1), (2, 2, 2), (3, 1, 2), (3, 3), (4, 4), (100, 100)):
        client, peer = pair(inline=True)
        with client, peer:
            say(client, b"abc", "X", b"def")
            out += [(read(peer, size), seen(peer)) for size in sizes]
    return out


@program
def in_line_there_is_nothing_to_read_apart():
    client, peer = pair(inline=True)
    with client, peer:
        say(client, b"ab", "X")
        out = [seen(peer), read(peer, 1, MSG_OOB), read(peer), seen(peer), read(peer), seen(peer)]
        return [*out, read(peer)]


@program
def switching_in_line_on_and_off():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X", b"cd")
        peer.setsockopt(SOL_SOCKET, INLINE, 1)
        out = [peer.getsockopt(SOL_SOCKET, INLINE), seen(peer), read(peer, 1, MSG_OOB)]
        peer.setsockopt(SOL_SOCKET, INLINE, 0)
        out += [seen(peer), read(peer, 1, MSG_OOB), seen(peer)]
        peer.setsockopt(SOL_SOCKET, INLINE, 1)
        return [*out, read(peer), seen(peer), read(peer), seen(peer)]


@program
def two_urgent_octets_in_a_row():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X", "Y", b"cd")
        return (
            seen(peer),
            read(peer, 1, MSG_OOB),
            read(peer, 1, MSG_OOB),
            read(peer),
            seen(peer),
            read(peer),
            seen(peer),
        )


@program
def two_urgent_octets_with_the_first_read():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X")
        out = [read(peer, 1, MSG_OOB), read(peer), seen(peer)]
        say(client, "Y")
        out += [seen(peer), read(peer, 1, MSG_OOB), seen(peer), read(peer), seen(peer)]
        say(client, b"cd", "Z")
        return [*out, read(peer), seen(peer), read(peer, 1, MSG_OOB), read(peer), seen(peer)]


@program
def two_urgent_octets_with_the_first_at_the_mark_unread():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X")
        out = [read(peer), seen(peer)]
        say(client, "Y")
        return [*out, seen(peer), read(peer, 1, MSG_OOB), read(peer), seen(peer)]


@program
def two_urgent_octets_in_line():
    client, peer = pair(inline=True)
    with client, peer:
        say(client, b"ab", "X", b"cd", "Y", b"ef")
        return [(read(peer), seen(peer)) for _ in range(4)]


@program
def many_urgent_octets():
    client, peer = pair()
    out = []
    with client, peer:
        for number in range(10):
            say(client, b"-" * number, chr(65 + number))
            out.append((read(peer, 1, MSG_OOB), seen(peer)))
            if number % 3 == 0:
                out.append((read(peer, 4), seen(peer)))
        while (data := read(peer))[:1] not in ((), b"", ("B",)) and isinstance(data, bytes):
            out.append((data, seen(peer)))
        return out


@program
def the_urgent_octet_twice():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X")
        return [read(peer, 1, MSG_OOB), read(peer, 1, MSG_OOB), read(peer, 1, MSG_OOB | MSG_PEEK)]


@program
def peeking_at_the_urgent_octet():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X", b"cd")
        out = [read(peer, 3, MSG_OOB | MSG_PEEK), seen(peer), read(peer, 3, MSG_OOB | MSG_PEEK)]
        return [*out, read(peer, 3, MSG_OOB), read(peer, 3, MSG_OOB | MSG_PEEK)]


@program
def peeking_at_the_mark():
    out = []
    for inline in (False, True):
        client, peer = pair(inline)
        with client, peer:
            say(client, b"ab", "X", b"cd")
            out += [read(peer, 10, MSG_PEEK), read(peer, 1, MSG_PEEK), seen(peer), read(peer)]
            out += [read(peer, 10, MSG_PEEK), read(peer, 1, MSG_PEEK), seen(peer), read(peer, 1), seen(peer)]
            out += [read(peer, 10, MSG_PEEK), read(peer)]
    return out


@program
def peeking_where_only_the_urgent_octet_is():
    client, peer = pair()
    with client, peer:
        say(client, "X")
        return (
            read(peer, 10, MSG_PEEK),
            seen(peer),
            read(peer, 1, MSG_OOB),
            read(peer, 10, MSG_PEEK),
            seen(peer),
        )


@program
def no_octet_to_read():
    client, peer = pair()
    with client, peer:
        out = [failing(peer.recv, 1, MSG_OOB), failing(client.recv, 1, MSG_OOB), read(peer, 0, MSG_OOB)]
        client.send(b"plain")
        soon()
        return [*out, failing(peer.recv, 1, MSG_OOB), seen(peer)]


@program
def sockets_without_a_connection():
    with socket.socket() as fresh, listening() as server:
        return [
            [failing(each.recv, 1, MSG_OOB), failing(each.send, b"x", MSG_OOB), attempt(at_mark, each)]
            for each in (fresh, server)
        ]


@program
def messages_with_the_urgent_octet():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X")
        out = [peer.recvmsg(10, 100, MSG_OOB | MSG_PEEK), attempt(peer.recvmsg, 0, 0, MSG_OOB | MSG_PEEK)]
        out.append(peer.recvfrom(10, MSG_OOB | MSG_PEEK)[0])
        buffer = bytearray(b"....")
        out += [peer.recv_into(buffer, 0, MSG_OOB | MSG_PEEK), bytes(buffer)]
        out += [peer.recvmsg_into([buffer], 0, MSG_OOB)[:3], bytes(buffer), peer.recvmsg(10)]
        return out


@program
def throwing_the_urgent_octet_away():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X", b"cd")
        buffer = bytearray(b"....")
        out = [peer.recv_into(buffer, 1, MSG_OOB | MSG_TRUNC), bytes(buffer), read(peer, 1, MSG_OOB)]
        out += [peer.recv_into(buffer, 4, MSG_TRUNC), bytes(buffer), seen(peer)]
        return [*out, peer.recv_into(buffer, 4, MSG_TRUNC), bytes(buffer), seen(peer)]


@program
def waiting_for_all_ends_at_the_mark():
    out = []
    for inline in (False, True):
        client, peer = pair(inline)
        with client, peer:
            peer.settimeout(None)
            say(client, b"ab", "X", b"cd")
            out += [read(peer, 4, MSG_WAITALL | MSG_PEEK), read(peer, 4, MSG_WAITALL), at_mark(peer)]
            out += [read(peer, 2, MSG_WAITALL), at_mark(peer)]
    return out


@program
def waiting_for_all_with_the_mark_to_come():
    client, peer = pair()
    with client, peer:
        peer.settimeout(None)
        say(client, b"ab", "X")
        out = [read(peer, 2, MSG_WAITALL), at_mark(peer)]
        client.send(b"cd")
        return [*out, read(peer, 2, MSG_WAITALL), at_mark(peer)]


@program
def the_end_of_the_stream_after_the_urgent_octet():
    out = []
    for inline in (False, True):
        client, peer = pair(inline)
        with client, peer:
            say(client, b"ab", "X")
            client.shutdown(socket.SHUT_WR)
            soon()
            out += [
                seen(peer),
                read(peer),
                seen(peer),
                read(peer, 1, MSG_OOB),
                read(peer),
                seen(peer),
                read(peer),
            ]
            out.append(read(peer, 1, MSG_OOB))
    return out


@program
def a_reset_after_the_urgent_octet():
    client, peer = pair()
    with peer:
        say(client, b"ab", "X")
        client.setsockopt(SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        soon()
        return read(peer, 1, MSG_OOB), read(peer), read(peer, 1, MSG_OOB), read(peer)


@program
def reading_is_shut():
    client, peer = pair()
    with client, peer:
        say(client, b"ab", "X")
        peer.shutdown(socket.SHUT_RD)
        return seen(peer), read(peer, 1, MSG_OOB), read(peer), read(peer), read(peer, 1, MSG_OOB)


@program
def closing_with_only_the_urgent_octet_unread():
    client, peer = pair()
    with client:
        say(client, b"ab", "X")
        out = [read(peer), read(peer, 1, MSG_OOB)]
        peer.close()
        soon()
        return [*out, attempt(client.recv, 1)]


@program
def waiting_with_a_timeout():
    client, peer = pair()
    with client, peer:
        peer.settimeout(0.05)
        say(client, "X")
        out = [attempt(peer.recv, 1, MSG_OOB)]
        client.send(b"a")
        soon()
        out += [attempt(peer.recv, 1, MSG_OOB), peer.recv(10), attempt(peer.recv, 1, MSG_OOB)]
        return out


@program
def never_waiting_for_the_octet():
    client, peer = pair()
    with client, peer:
        peer.settimeout(None)
        out = [failing(peer.recv, 1, MSG_OOB), failing(peer.recv, 1, MSG_OOB | MSG_DONTWAIT)]
        say(client, "X")
        return [*out, read(peer, 1, MSG_OOB | MSG_DONTWAIT)]


@program
def waking_those_who_wait_for_it():
    client, peer = pair()
    out = []
    with client, peer, select.epoll() as epoll:
        epoll.register(peer, select.EPOLLPRI)
        out.append(epoll.poll(0))
        client.send(b"ab")
        soon()
        out.append(epoll.poll(0))
        client.send(b"X", MSG_OOB)
        out.append([mask for _, mask in epoll.poll(5)])
        out.append([len(each) for each in select.select([], [], [peer], 5)])
        poll = select.poll()
        poll.register(peer, select.POLLPRI)
        out.append([mask for _, mask in poll.poll(5000)])
        out += [peer.recv(1, MSG_OOB), epoll.poll(0), poll.poll(0), select.select([], [], [peer], 0)]
        return out


@program
def edges_of_epoll():
    client, peer = pair()
    out = []
    with client, peer, select.epoll() as epoll:
        epoll.register(peer, select.EPOLLPRI | select.EPOLLIN | select.EPOLLET)
        for part in (b"ab", "X", "Y", b"cd"):
            say(client, part)
            out.append([mask for _, mask in epoll.poll(0)])
            out.append(epoll.poll(0))
        return out


@program
def sending_urgent_data_by_every_call():
    client, peer = pair()
    out = []
    with client, peer:
        for call in (
            lambda: client.send(b"a1", MSG_OOB),
            lambda: client.sendall(b"b2", MSG_OOB),
            lambda: client.sendto(b"c3", MSG_OOB, peer.getsockname()),
            lambda: client.sendmsg([b"d", b"4"], [], MSG_OOB),
            lambda: client.send(b"", MSG_OOB),
            lambda: client.sendmsg([], [], MSG_OOB),
        ):
            out.append(call())
            soon()
            out += [read(peer, 5, MSG_OOB), read(peer), seen(peer)]
        return out


@program
def sending_is_shut():
    client, peer = pair()
    with client, peer:
        client.shutdown(socket.SHUT_WR)
        return failing(client.send, b"x", MSG_OOB), failing(client.sendall, b"x", MSG_OOB)


@program
def a_long_message_ends_in_the_urgent_octet():
    client, peer = pair()
    with client, peer:
        client.send(bytes(5000) + b"!", MSG_OOB)
        soon()
        data = b""
        while len(data) < 5000:
            data += peer.recv(2000)
        return data == bytes(5000), read(peer, 1, MSG_OOB), seen(peer), read(peer)


@program
def more_than_the_buffer_takes():
    client, peer = pair()
    with client, peer:
        client.settimeout(0)
        sent = 0
        try:
            while True:
                sent += client.send(bytes(1000))
        except BlockingIOError:
            pass
        out = [failing(client.send, b"!", MSG_OOB)]
        taken = 0
        while taken < sent:
            try:
                taken += len(peer.recv(1 << 20))
            except BlockingIOError:
                soon()
        soon()
        return [*out, taken == sent, client.send(b"!", MSG_OOB), soon(), read(peer, 1, MSG_OOB)]


@program
def datagrams_have_none():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        return failing(sock.send, b"x", MSG_OOB), failing(at_mark, sock)


@program
def the_mark_by_ioctl():
    client, peer = pair()
    with client, peer:
        say(client, "X")
        number = array.array("i", [7])
        out = [fcntl.ioctl(peer, SIOCATMARK, number), number[0], failing(fcntl.ioctl, peer, SIOCATMARK, 0)]
        out += [fcntl.ioctl(peer.fileno(), SIOCATMARK, b"\xff" * 8), at_mark(client)]
        readable, writable = os.pipe()
        try:
            return [*out, failing(fcntl.ioctl, readable, SIOCATMARK, bytes(4))]
        finally:
            os.close(readable)
            os.close(writable)


@program
def reading_by_number():
    client, peer = pair()
    with client, peer:
        peer.setblocking(True)
        say(client, b"abc", "X", b"def")
        out = [os.read(peer.fileno(), 100), at_mark(peer), os.read(peer.fileno(), 100), at_mark(peer)]
        with peer.makefile("rb", buffering=0) as stream:
            say(client, b"gh", "Y", b"ij")
            return [*out, stream.read(100), at_mark(peer), stream.read(100)]


@program
def both_directions():
    client, peer = pair()
    with client, peer:
        client.settimeout(0)
        say(client, b"ab", "X")
        say(peer, b"12", "Y")
        return [(read(each, 1, MSG_OOB), seen(each), read(each), seen(each)) for each in (client, peer)]


@program
def accepted_sockets_inherit_the_choice():
    with listening() as server:
        server.setsockopt(SOL_SOCKET, INLINE, 1)
        with socket.create_connection(server.getsockname()) as client:
            peer, _ = server.accept()
            with peer:
                say(client, b"ab", "X")
                return (
                    peer.getsockopt(SOL_SOCKET, INLINE),
                    failing(peer.recv, 1, MSG_OOB),
                    peer.recv(9),
                    peer.recv(9),
                )


@program
def urgent_data_over_ipv6():
    client, peer = connected(socket.AF_INET6)
    with client, peer:
        say(client, b"ab", "X")
        peer.settimeout(0)
        return seen(peer), read(peer, 1, MSG_OOB), read(peer), seen(peer)


def urged(owner, wait):
    """The signals that come with urgent data to a socket with this owner."""
    heard = []
    before = signal.signal(signal.SIGURG, lambda number, frame: heard.append(number))
    client, peer = pair()
    try:
        with client, peer:
            owned = [fcntl.fcntl(peer, fcntl.F_GETOWN)]
            if owner is not None:
                owned.append(fcntl.fcntl(peer, fcntl.F_SETOWN, owner()))
                if owner() > 0:  # libc takes a group for an error
                    owned.append(fcntl.fcntl(peer, fcntl.F_GETOWN) == owner())
            client.send(b"plain")
            time.sleep(wait)
            owned.append(list(heard))
            client.send(b"X", MSG_OOB)
            time.sleep(wait)
            owned.append(list(heard))
            client.send(b"Y", MSG_OOB)
            time.sleep(wait)
            return owned, list(heard), peer.recv(1, MSG_OOB)
    finally:
        signal.signal(signal.SIGURG, before)


@alone
@program
def the_owner_gets_a_signal():
    return urged(os.getpid, 0.05)


@alone
@program
def the_owners_group_gets_a_signal():
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    return urged(lambda: -os.getpgrp(), 0.05)


@alone
@program
def nobody_gets_a_signal_without_an_owner():
    return urged(None, 0.05)


@alone
@program
def owners_that_do_not_exist():
    client, peer = pair()
    with client, peer:
        out = [failing(fcntl.fcntl, peer, fcntl.F_SETOWN, each) for each in (2**22 + 5, -(2**22 + 5))]
        out += [fcntl.fcntl(peer, fcntl.F_SETOWN, os.getpid()), fcntl.fcntl(peer, fcntl.F_SETOWN, 0)]
        return [*out, fcntl.fcntl(peer, fcntl.F_GETOWN)]
