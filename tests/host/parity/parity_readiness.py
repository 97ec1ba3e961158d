"""Waiting for readiness."""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time

from parity_kit import attempt, connected, failing, program, soon


@program
def selecting():
    client, peer = connected()
    with client, peer:
        out = [[len(each) for each in select.select([client], [client], [client], 0)]]
        peer.sendall(b"x")
        out.append([len(each) for each in select.select([client, peer], [], [], 1)])
        out.append([len(each) for each in select.select([peer], [], [], 0.01)])
        out.append(attempt(select.select, [client], [], [], -1))
        out.append(failing(select.select, [-1], [], []))
        out.append([len(each) for each in select.select([], [], [], 0.01)])
        return out


@program
def polling():
    client, peer = connected()
    with client, peer:
        poll = select.poll()
        poll.register(client)
        number = client.fileno()
        out = [poll.poll(0) == [(number, select.POLLOUT)]]
        poll.modify(client, select.POLLIN)
        out.append(poll.poll(0))
        peer.sendall(b"x")
        out.append(poll.poll(1000) == [(number, select.POLLIN)])
        client.recv(1)
        peer.close()
        out.append(poll.poll(1000) == [(number, select.POLLIN)])
        client.shutdown(socket.SHUT_WR)
        soon()
        out.append([events for _, events in poll.poll(1000)])
        poll.unregister(client)
        out += [attempt(poll.poll, 0), failing(poll.modify, client, 1)]
        return out


@program
def polling_a_fresh_socket():
    with socket.socket() as s, socket.socket() as server:
        server.listen()
        poll = select.poll()
        poll.register(s)
        poll.register(server)
        return sorted(events for _, events in poll.poll(0))


@program
def polling_a_refused_connection():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket() as s:
        s.setblocking(False)
        s.connect_ex(address)
        soon()
        poll = select.poll()
        poll.register(s)
        return [events for _, events in poll.poll(0)]


@program
def epolling():
    client, peer = connected()
    with client, peer, select.epoll() as poll:
        poll.register(client, select.EPOLLIN)
        out = [poll.poll(0), failing(poll.register, client), failing(poll.modify, peer, 1)]
        peer.sendall(b"xy")
        out += [len(poll.poll(1)), len(poll.poll(0))]
        poll.modify(client, select.EPOLLIN | select.EPOLLET)
        out += [len(poll.poll(0)), len(poll.poll(0))]
        peer.sendall(b"z")
        out += [len(poll.poll(1)), len(poll.poll(0))]
        poll.modify(client, select.EPOLLIN | select.EPOLLONESHOT)
        out += [len(poll.poll(0)), len(poll.poll(0))]
        poll.modify(client, select.EPOLLIN)
        out += [[events for _, events in poll.poll(0)]]
        peer.shutdown(socket.SHUT_WR)
        poll.modify(client, select.EPOLLIN | select.EPOLLRDHUP)
        soon()
        out += [[events for _, events in poll.poll(0)]]
        client.close()
        out += [poll.poll(0)]
    return [*out, poll.closed, failing(poll.poll)]


@program
def epolling_a_number_that_another_file_has_got():
    client, peer = connected()
    with peer, select.epoll() as poll:
        number = client.fileno()
        poll.register(number, select.EPOLLIN)
        client.close()
        out = [failing(poll.unregister, number), failing(poll.modify, number, select.EPOLLIN)]
        made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        while made[-1].fileno() != number:
            made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        mine = made[-1]
        mine.bind(("127.0.0.1", 0))
        out += [failing(poll.modify, number, select.EPOLLIN), failing(poll.unregister, number)]
        out += [failing(poll.register, number, select.EPOLLIN), poll.poll(0)]
        mine.sendto(b"x", mine.getsockname())
        out += [[events for _, events in poll.poll(1)]]
        for each in made:
            each.close()
    return out


@program
def selectors_of_all_kinds():
    out = []
    for kind in (
        selectors.DefaultSelector,
        selectors.SelectSelector,
        selectors.PollSelector,
        selectors.EpollSelector,
    ):
        client, peer = connected()
        with client, peer, kind() as selector:
            key = selector.register(client, selectors.EVENT_READ, "data")
            out += [key.data, key.events, selector.select(0), len(selector.get_map())]
            selector.modify(client, selectors.EVENT_READ | selectors.EVENT_WRITE, "other")
            peer.sendall(b"x")
            soon()
            [(key, events)] = selector.select(1)
            out += [key.data, events, key.fd == client.fileno()]
            out += [failing(selector.register, peer, 0)]
            selector.unregister(client)
            out += [selector.select(0.01), isinstance(selector, kind)]
            try:
                selector.unregister(client)
            except KeyError:
                out.append("KeyError")
    return out


@program
def time_passes_in_waits():
    client, peer = connected()
    with client, peer:
        out = []
        for wait in (
            lambda: select.select([client], [], [], 0.03),
            lambda: select.poll().poll(30),
            lambda: time.sleep(0.03),
            lambda: threading.Event().wait(0.03),
        ):
            before = time.monotonic()
            wait()
            out.append(0.029 < time.monotonic() - before < 0.5)
        return out


@program
def epoll_forgets_what_was_closed():
    with select.epoll() as epoll:
        first, other = socket.socketpair()
        number = first.fileno()
        epoll.register(number, select.EPOLLIN | select.EPOLLONESHOT)
        first.close()
        other.close()
        second, peer = socket.socketpair()
        with second, peer:
            out = [second.fileno() == number, failing(epoll.modify, number, select.EPOLLIN)]
            epoll.register(number, select.EPOLLIN)
            peer.send(b"x")
            return [*out, epoll.poll(1) == [(number, select.EPOLLIN)]]
