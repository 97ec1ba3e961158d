"""Descriptors and sockets where two things meet: sends cut short, sets of files, passed descriptors."""

from __future__ import annotations

import array
import fcntl
import gc
import os
import select
import socket
import struct
import termios
import threading
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_IP,
    IPPROTO_IPV6,
    SCM_RIGHTS,
    SHUT_RD,
    SHUT_WR,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)

from parity_kit import attempt, connected, failing, listening, program, soon

_LARGE = 3_000_000
_SHORT = struct.pack("qq", 0, 40_000)


def _waiting():
    """Two bytes that the number of octets can be had of, each way."""
    return array.array("i", [0])


def _unread(file):
    count = _waiting()
    fcntl.ioctl(file, termios.FIONREAD, count)
    return count[0]


def _drain(receive):
    total = 0
    while data := receive(65536):
        total += len(data)
    return total


def _pass(sock, *files, data=b"x"):
    numbers = array.array("i", [file.fileno() for file in files])
    return sock.sendmsg([data], [(SOL_SOCKET, SCM_RIGHTS, numbers)])


def _pass_on(sock, size=10, room=100, flags=0):
    data, control, result, _ = sock.recvmsg(size, room, flags)
    found = array.array("i")
    for _, _, numbers in control:
        found.frombytes(numbers)
    return data, list(found), result


def _collect():
    """The kernel looks for sockets that nobody can reach when one is closed."""
    for end in socket.socketpair():
        end.close()


# --- sends that are cut short


def _large_send(make, send):
    a, b = make()
    with a, b:
        outcome = []

        def run():
            outcome.append(attempt(send, a, bytes(_LARGE)))
            a.shutdown(SHUT_WR)

        thread = threading.Thread(target=run)
        thread.start()
        total = _drain(b.recv)
        thread.join()
        return outcome, total


@program
def a_blocking_send_on_tcp_takes_everything():
    return _large_send(connected, lambda sock, data: sock.send(data))


@program
def a_blocking_send_on_a_stream_pair_takes_everything():
    return _large_send(socket.socketpair, lambda sock, data: sock.send(data))


@program
def a_blocking_sendmsg_on_tcp_takes_everything():
    return _large_send(connected, lambda sock, data: sock.sendmsg([data[:1_000_000], data[1_000_000:]]))


@program
def a_blocking_sendmsg_on_a_stream_pair_takes_everything():
    return _large_send(socket.socketpair, lambda sock, data: sock.sendmsg([data]))


@program
def a_blocking_os_write_on_tcp_takes_everything():
    return _large_send(connected, lambda sock, data: os.write(sock.fileno(), data))


def _cut_by_close(make, send):
    a, b = make()
    with a:
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(attempt(send, a, bytes(_LARGE))))
        thread.start()
        soon()
        b.close()
        thread.join()
        kind = outcome[0]
        return [(isinstance(kind, int) and 0 < kind < _LARGE) or kind, attempt(a.send, b"x")]


@program
def a_send_on_a_stream_pair_that_the_peer_closes_under():
    return _cut_by_close(socket.socketpair, lambda sock, data: sock.send(data))


@program
def a_sendall_on_a_stream_pair_that_the_peer_closes_under():
    return _cut_by_close(socket.socketpair, lambda sock, data: sock.sendall(data))


@program
def a_sendmsg_on_a_stream_pair_that_the_peer_closes_under():
    return _cut_by_close(socket.socketpair, lambda sock, data: sock.sendmsg([data]))


@program
def an_os_write_on_a_stream_pair_that_the_peer_closes_under():
    return _cut_by_close(socket.socketpair, lambda sock, data: os.write(sock.fileno(), data))


@program
def a_pipe_whose_reader_goes_in_the_middle_of_a_write():
    r, w = os.pipe()
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(attempt(os.write, w, bytes(200_000))))
    thread.start()
    soon()
    got = len(os.read(r, 8192))
    soon()
    os.close(r)
    thread.join()
    again = failing(os.write, w, b"x")
    os.close(w)
    return got, outcome, again


@program
def sends_with_so_sndtimeo_say_how_much_they_sent():
    found = []
    for send in (
        lambda sock, data: sock.send(data),
        lambda sock, data: sock.sendmsg([data]),
        lambda sock, data: os.write(sock.fileno(), data),
        lambda sock, data: sock.sendall(data),
    ):
        a, b = socket.socketpair()
        with a, b:
            a.setsockopt(SOL_SOCKET, SO_SNDTIMEO, _SHORT)
            found.append(attempt(send, a, bytes(_LARGE)))
            found.append(attempt(send, a, bytes(_LARGE)))
    return found


@program
def sends_with_a_timeout_give_what_went_at_once():
    found = []
    for send in (lambda sock, data: sock.send(data), lambda sock, data: sock.sendmsg([data])):
        a, b = socket.socketpair()
        with a, b:
            a.settimeout(0.05)
            found.append(attempt(send, a, bytes(_LARGE)))
            found.append(attempt(send, a, bytes(_LARGE)))
    return found


@program
def a_blocking_send_with_msg_dontwait_takes_what_there_is_room_for():
    a, b = socket.socketpair()
    with a, b:
        return [attempt(a.send, bytes(_LARGE), socket.MSG_DONTWAIT) for _ in range(2)]


# --- reads and writes of nothing


@program
def reading_no_octets_from_sockets_waits_for_nothing():
    found = []
    a, b = socket.socketpair()
    with a, b:
        found.append(attempt(os.read, a.fileno(), 0))
    a, b = connected()
    with a, b:
        found.append(attempt(os.read, a.fileno(), 0))
    with socket.socket(AF_INET, SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found.append(attempt(os.read, sock.fileno(), 0))
        sock.sendto(b"kept", sock.getsockname())
        soon()
        found.append(attempt(os.read, sock.fileno(), 0))
        found.append(attempt(os.read, sock.fileno(), 10))
    with socket.socket() as sock:
        found.append(attempt(os.read, sock.fileno(), 0))
        found.append(attempt(os.read, sock.fileno(), 1))
    return found


@program
def writing_no_octets():
    found = []
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b:
        found += [attempt(os.write, a.fileno(), b""), attempt(b.recv, 10, socket.MSG_DONTWAIT)]
    a, b = connected()
    with a, b:
        found.append(attempt(os.write, a.fileno(), b""))
        a.shutdown(SHUT_WR)
        found.append(attempt(os.write, a.fileno(), b""))
        found.append(attempt(a.send, b""))
    a, b = socket.socketpair()
    with a:
        found.append(attempt(a.send, b""))
        b.close()
        found.append(attempt(a.send, b""))
    r, w = os.pipe()
    os.close(r)
    found.append(attempt(os.write, w, b""))
    os.close(w)
    return found


@program
def half_of_an_event_counters_room():
    number = os.eventfd(0, os.EFD_NONBLOCK)
    most = (1 << 64) - 2
    os.eventfd_write(number, most)
    found = [failing(os.eventfd_write, number, 1), select.select([], [number], [], 0)[1] == []]
    found += [os.eventfd_read(number), failing(os.eventfd_read, number)]
    os.close(number)
    return found


# --- how much there is to read


@program
def fionread_of_every_kind():
    found = []
    with socket.socket() as sock:
        found.append(attempt(_unread, sock))
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        found.append(attempt(_unread, sock))
    for kind in (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM):
        a, b = socket.socketpair(AF_UNIX, kind)
        with a, b:
            a.send(b"abc")
            a.send(b"defg")
            found.append(attempt(_unread, b))
            b.shutdown(SHUT_RD)
            found.append(attempt(_unread, b))
            a.close()
            found.append(attempt(_unread, b))
    with socket.socket(AF_UNIX) as sock:
        found.append(attempt(_unread, sock))
        sock.bind("\0glassnet combinations")
        sock.listen()
        found.append(attempt(_unread, sock))
    with socket.socket(AF_UNIX, SOCK_SEQPACKET) as sock:
        found.append(attempt(_unread, sock))
    return found


@program
def fionread_takes_no_pending_error():
    found = []
    with socket.socket(AF_INET, SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    with socket.socket(AF_INET, SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(b"x")
        soon()
        found.append(attempt(_unread, sock))
        found.append(failing(sock.recv, 10, socket.MSG_DONTWAIT))
        found.append(attempt(_unread, sock))
    a, b = socket.socketpair()
    with a:
        b.send(b"ab")
        a.send(b"unread")
        b.close()
        found.append(attempt(_unread, a))
        found += [attempt(a.recv, 10), attempt(_unread, a), failing(a.recv, 10), attempt(a.recv, 10)]
    a, b = connected()
    with a:
        b.setsockopt(SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        b.close()
        soon()
        found += [attempt(_unread, a), failing(a.recv, 10), attempt(_unread, a)]
    return found


# --- sets of files


@program
def epoll_with_room_for_one_takes_turns():
    pairs = [socket.socketpair() for _ in range(3)]
    with select.epoll() as epoll:
        names = {}
        for name, (a, b) in zip("xyz", pairs, strict=True):
            epoll.register(a, select.EPOLLIN)
            names[a.fileno()] = name
            b.send(b"!")
        order = "".join(names[epoll.poll(0, 1)[0][0]] for _ in range(7))
        order += "".join(names[number] for number, _ in epoll.poll(0, 2))
        order += "".join(names[number] for number, _ in epoll.poll(0, 2))
        order += "".join(names[number] for number, _ in epoll.poll(0))
    for a, b in pairs:
        a.close()
        b.close()
    return order


@program
def poll_answers_in_order_of_registration():
    pairs = [socket.socketpair() for _ in range(3)]
    poll = select.poll()
    for a, _ in pairs:
        poll.register(a, select.POLLIN)
    names = {a.fileno(): number for number, (a, _) in enumerate(pairs)}
    gone = os.dup(pairs[0][0].fileno())
    poll.register(gone)
    names[gone] = "gone"
    os.close(gone)
    found = []

    def feed():
        soon()
        pairs[2][1].send(b"!")
        pairs[0][1].send(b"!")

    for _ in range(2):
        found.append([(names[number], bits) for number, bits in poll.poll(0)])
        feed()
    found.append([(names[number], bits) for number, bits in poll.poll(0)])
    for a, b in pairs:
        a.close()
        b.close()
    return found


@program
def edge_triggered_reading_is_not_told_of_room_to_write():
    a, b = socket.socketpair()
    with a, b, select.epoll() as epoll:
        b.send(b"unread")
        epoll.register(a, select.EPOLLIN | select.EPOLLET)
        found = [[bits for _, bits in epoll.poll(0)]]
        a.send(b"to b")
        b.recv(10)
        found.append([bits for _, bits in epoll.poll(0)])
        b.send(b"more")
        found.append([bits for _, bits in epoll.poll(0)])
        found.append([bits for _, bits in epoll.poll(0)])
        epoll.modify(a, select.EPOLLIN | select.EPOLLET)
        found.append([bits for _, bits in epoll.poll(0)])
        a.recv(3)
        found.append([bits for _, bits in epoll.poll(0)])
        b.shutdown(SHUT_WR)
        found.append([bits for _, bits in epoll.poll(0)])
        return found


@program
def edges_and_single_shots_of_pipes():
    found = []
    r, w = os.pipe()
    with select.epoll() as epoll:
        epoll.register(w, select.EPOLLOUT | select.EPOLLET)
        epoll.register(r, select.EPOLLIN | select.EPOLLONESHOT)
        names = {r: "r", w: "w"}

        def look():
            found.append([(names[number], bits) for number, bits in epoll.poll(0)])

        look()
        look()
        os.write(w, bytes(65536))
        look()
        look()
        os.read(r, 4096)
        look()
        os.read(r, 65536)
        look()
        epoll.modify(r, select.EPOLLIN | select.EPOLLONESHOT)
        look()
        os.write(w, b"x")
        look()
        os.write(w, b"x")
        look()
        os.close(r)
        look()
        look()
    os.close(w)
    return found


@program
def a_thousand_descriptors_in_select_are_too_many_for_it_but_not_for_poll():
    poll = select.poll()
    pairs = [socket.socketpair() for _ in range(300)]
    for a, _ in pairs:
        poll.register(a, select.POLLIN)
    pairs[250][1].send(b"x")
    found = [len(poll.poll(0))]
    ready = select.select([a for a, _ in pairs], [b for _, b in pairs], [], 0)
    found += [len(part) for part in ready]
    for a, b in pairs:
        a.close()
        b.close()
    return found


@program
def waiting_with_poll_select_and_epoll_on_closed_numbers():
    r, w = os.pipe()
    poll, epoll = select.poll(), select.epoll()
    poll.register(r)
    epoll.register(r)
    os.close(r)
    found = [[bits for _, bits in poll.poll(50)], epoll.poll(0.01), failing(select.select, [r], [], [], 0)]
    found += [failing(epoll.unregister, r), failing(epoll.modify, r, 1), failing(epoll.register, r)]
    epoll.close()
    os.close(w)
    return found


@program
def readiness_after_errors():
    found = []
    poll = select.poll()
    a, b = connected()
    with a:
        b.setsockopt(SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        poll.register(a, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
        b.close()
        soon()
        for look in (
            lambda: a.getsockopt(SOL_SOCKET, socket.SO_ERROR),
            lambda: failing(a.send, b"x"),
            lambda: failing(a.recv, 1),
            lambda: failing(a.shutdown, SHUT_WR),
            lambda: failing(a.getpeername),
        ):
            found.append([bits for _, bits in poll.poll(0)])
            found.append(look())
        found.append([bits for _, bits in poll.poll(0)])
    return found


# --- passed descriptors


@program
def a_peek_gives_descriptors_each_time():
    a, b = socket.socketpair()
    r, w = os.pipe()
    with a, b:
        with os.fdopen(w, "wb", 0) as writer:
            _pass(a, writer, data=b"abc")
        found = []
        for flags, size in ((socket.MSG_PEEK, 1), (socket.MSG_PEEK, 10), (0, 1), (0, 10)):
            data, numbers, result = _pass_on(b, size, flags=flags)
            found.append((data, len(numbers), result))
            for number in numbers:
                os.write(number, b"!")
                os.close(number)
        found.append(os.read(r, 10))
        found.append(os.read(r, 10))
    os.close(r)
    return found


@program
def a_peek_without_room_for_descriptors():
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b:
        _pass(a, a, b, data=b"abc")
        found = []
        for room, flags in ((0, socket.MSG_PEEK), (socket.CMSG_LEN(4), socket.MSG_PEEK), (0, 0)):
            data, numbers, result = _pass_on(b, 2, room, flags)
            found.append((data, len(numbers), result))
            for number in numbers:
                os.close(number)
        return found


@program
def descriptors_received_with_msg_cmsg_cloexec():
    a, b = socket.socketpair()
    with a, b:
        found = []
        for flags in (0, socket.MSG_CMSG_CLOEXEC):
            _pass(a, a)
            data, numbers, result = _pass_on(b, flags=flags)
            found.append((data, result, [os.get_inheritable(number) for number in numbers]))
            for number in numbers:
                os.close(number)
        return found


@program
def descriptors_in_flight_when_the_receiver_closes():
    found = []
    for kind in (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET):
        a, b = socket.socketpair(AF_UNIX, kind)
        r, w = os.pipe()
        with os.fdopen(w, "wb", 0) as writer:
            _pass(a, writer)
        b.close()
        found.append(os.read(r, 10))
        os.close(r)
        a.close()
    return found


@program
def descriptors_in_flight_to_a_connection_that_nobody_accepted():
    with socket.socket(AF_UNIX) as server, socket.socket(AF_UNIX) as client:
        server.bind("\0glassnet combinations 2")
        server.listen()
        client.connect(server.getsockname())
        r, w = os.pipe()
        with os.fdopen(w, "wb", 0) as writer:
            _pass(client, writer)
        server.close()
        found = [os.read(r, 10), failing(client.recv, 10), attempt(client.recv, 10)]
        os.close(r)
        return found


@program
def a_socket_in_its_own_queue_ends_when_nobody_can_reach_it():
    a, b = socket.socketpair()
    with a:
        a.settimeout(5)
        _pass(a, b)
        b.close()
        _collect()
        return failing(a.recv, 10), attempt(a.recv, 10)


@program
def two_sockets_in_each_others_queues_end_when_nobody_can_reach_them():
    a, b = socket.socketpair()
    c, d = socket.socketpair()
    r, w = os.pipe()
    with a, c:
        with os.fdopen(w, "wb", 0) as writer:
            _pass(a, d, writer)
        _pass(c, b)
        b.close()
        d.close()
        _collect()
        a.settimeout(5)
        found = [os.read(r, 10), failing(a.recv, 10), failing(c.recv, 10)]
    os.close(r)
    return found


@program
def a_cycle_of_passed_sockets_that_one_number_can_still_reach():
    a, b = socket.socketpair()
    c, d = socket.socketpair()
    with a, c:
        _pass(a, d, data=b"d")
        _pass(c, b, data=b"b")
        b.close()
        data, (number,), _ = _pass_on(d)
        d.close()
        with socket.socket(fileno=number) as again:
            found = [data, again.recv(10), attempt(again.send, b"to a"), a.recv(10)]
        gc.collect()
        return found, attempt(c.recv, 10)


@program
def an_end_in_flight_keeps_its_peer_from_ending():
    a, b = socket.socketpair()
    c, d = socket.socketpair()
    with a, c, d:
        _pass(c, b)
        b.close()
        a.setblocking(False)
        found = [failing(a.recv, 1), attempt(a.send, b"later")]
        _, (number,), _ = _pass_on(d)
        found.append(os.read(number, 10))
        os.close(number)
        return found, attempt(a.recv, 1)


# --- copies of numbers


@program
def nonblocking_is_shared_by_copies():
    a, b = socket.socketpair()
    with a, b:
        number = os.dup(a.fileno())
        os.set_blocking(number, False)
        found = [os.get_blocking(a.fileno()), a.gettimeout(), failing(a.recv, 1)]
        with a.dup() as copy:
            found += [copy.gettimeout(), os.get_blocking(copy.fileno())]
            copy.setblocking(False)
            found += [os.get_blocking(a.fileno()), failing(a.recv, 1)]
        os.close(number)
        return found


@program
def a_copy_goes_on_when_the_original_is_closed_under_a_waiting_thread():
    a, b = socket.socketpair()
    with b:
        number = os.dup(a.fileno())
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(failing(a.sendall, bytes(_LARGE))))
        thread.start()
        soon()
        a.close()
        got = 0
        while got < _LARGE:
            got += len(b.recv(200_000))
        thread.join()
        os.close(number)
        return got, outcome, b.recv(1)


@program
def a_number_that_is_closed_behind_a_sockets_back():
    found = []
    for make in (socket.socketpair, connected):
        a, b = make()
        with b:
            os.close(a.fileno())
            found += [failing(a.recv, 1), failing(a.recvfrom, 1), failing(a.getsockname)]
            a.detach()
    return found


# --- what a listener hands down


@program
def accepted_connections_inherit_timeouts():
    found = []
    server = listening()
    with server, socket.socket() as client:
        server.setsockopt(SOL_SOCKET, SO_RCVTIMEO, _SHORT)
        server.setsockopt(SOL_SOCKET, SO_SNDTIMEO, struct.pack("qq", 3, 0))
        client.connect(server.getsockname())
        with server.accept()[0] as peer:
            found += [peer.getsockopt(SOL_SOCKET, name, 16) for name in (SO_RCVTIMEO, SO_SNDTIMEO)]
            found.append(failing(peer.recv, 1))
    with socket.socket(AF_UNIX) as server, socket.socket(AF_UNIX) as client:
        server.bind("\0glassnet combinations 3")
        server.setsockopt(SOL_SOCKET, SO_RCVTIMEO, _SHORT)
        server.listen()
        client.connect(server.getsockname())
        with server.accept()[0] as peer:
            found.append(peer.getsockopt(SOL_SOCKET, SO_RCVTIMEO, 16))
    return found


@program
def a_listener_that_was_shut_down_listens_again():
    server = listening()
    address = server.getsockname()
    with server:
        server.shutdown(SHUT_RD)
        found = [failing(server.accept), server.getsockname()[0]]
        with socket.socket() as client:
            found.append(failing(client.connect, address))
        found.append(attempt(server.listen))
        found.append(server.getsockname()[1] != 0)
        with socket.socket() as client:
            found.append(attempt(client.connect, server.getsockname()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with socket.socket() as server, socket.socket() as other:
        server.bind(("127.0.0.1", port))
        server.listen()
        server.shutdown(SHUT_RD)
        found += [server.getsockname()[1] == port, failing(other.bind, ("127.0.0.1", port))]
        found += [attempt(server.listen), server.getsockname()[1] == port]
    return found


@program
def closing_and_shutting_down_under_a_waiting_accept():
    server = listening()
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(failing(server.accept)))
    thread.start()
    soon()
    server.shutdown(SHUT_RD)
    thread.join()
    server.close()
    return outcome, failing(server.accept)


@program
def deferred_accept_and_timeouts():
    server = listening()
    with server, socket.socket() as client:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        server.settimeout(0.1)
        client.connect(server.getsockname())
        found = [failing(server.accept)]
        client.send(b"now")
        with server.accept()[0] as peer:
            found += [peer.recv(10), peer.gettimeout()]
        return found


@program
def cork_with_nodelay_and_close():
    found = []
    for end in ("close", "shutdown", "uncork", "nodelay"):
        a, b = connected()
        with a, b:
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            a.send(b"corked")
            soon()
            b.settimeout(0.05)
            found.append(failing(b.recv, 10))
            match end:
                case "close":
                    a.close()
                case "shutdown":
                    a.shutdown(SHUT_WR)
                case "uncork":
                    a.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                case "nodelay":
                    a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.append(attempt(b.recv, 10))
    return found


# --- IPv4 by way of an IPv6 socket


def _hops(sender, to, receiver):
    sender.sendto(b"x", to)
    _, control, _, _ = receiver.recvmsg(10, 200)
    return [(level, kind, struct.unpack("i", data.ljust(4, b"\0"))[0]) for level, kind, data in control]


@program
def an_ipv6_socket_has_options_of_both_levels_each_for_its_own_packets():
    found = []
    with (
        socket.socket(AF_INET6, SOCK_DGRAM) as sock,
        socket.socket(AF_INET, SOCK_DGRAM) as four,
        socket.socket(AF_INET6, SOCK_DGRAM) as six,
    ):
        four.bind(("127.0.0.1", 0))
        six.bind(("::1", 0))
        four.setsockopt(IPPROTO_IP, socket.IP_RECVTTL if hasattr(socket, "IP_RECVTTL") else 12, 1)
        four.setsockopt(IPPROTO_IP, socket.IP_RECVTOS, 1)
        six.setsockopt(IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        six.setsockopt(IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        to4, to6 = ("::ffff:127.0.0.1", four.getsockname()[1]), ("::1", six.getsockname()[1])
        for level, name, value in (
            (IPPROTO_IP, socket.IP_TTL, 7),
            (IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 9),
            (IPPROTO_IP, socket.IP_TOS, 0x20),
            (IPPROTO_IPV6, socket.IPV6_TCLASS, 0x40),
            (IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, -1),
        ):
            sock.setsockopt(level, name, value)
            found += [_hops(sock, to4, four), _hops(sock, to6, six)]
    return found


@program
def getsockopt_and_setsockopt_arguments():
    with socket.socket() as sock:
        return [
            attempt(sock.getsockopt, SOL_SOCKET, socket.SO_TYPE, 0),
            attempt(sock.getsockopt, SOL_SOCKET, socket.SO_TYPE, -1),
            attempt(sock.getsockopt, SOL_SOCKET, socket.SO_TYPE, 1025),
            failing(sock.setsockopt, SOL_SOCKET, socket.SO_KEEPALIVE, 1 << 40),
            failing(sock.setsockopt, SOL_SOCKET, socket.SO_KEEPALIVE, None),
            failing(sock.setsockopt, SOL_SOCKET, socket.SO_KEEPALIVE, 1.5),
            failing(sock.setsockopt, SOL_SOCKET, socket.SO_KEEPALIVE, b"\0\0\0\0", 4),
        ]
