"""Whatever is done to sockets, in whatever order, a host answers as the kernel does."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from socket import AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet

_network = glassnet.Network()
_host = _network.host("host")

_EVENTS = select.POLLIN | select.POLLOUT | select.POLLRDHUP
_RESET = struct.pack("ii", 1, 0)


def same(play, *args):
    assert _host.run(play, *args) == play(*args)


def act(s, action, value, counter):
    """One step that every socket knows."""
    if action == "send":
        return s.send(bytes([counter % 251]) * value)
    if action == "receive":
        return s.recv(value + 1)
    if action == "peek":
        return s.recv(value + 1, socket.MSG_PEEK)
    if action == "shutdown":
        return s.shutdown(value % 3)
    if action == "linger":
        return s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if action == "error":
        return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if action == "close":
        return s.close()
    if s.fileno() < 0:
        return None
    poll = select.poll()
    poll.register(s, _EVENTS)
    return [events for _, events in poll.poll(0)]


def attempt(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return errno.errorcode[error.errno]


_STEPS = ("send", "receive", "peek", "shutdown", "close", "poll", "error")
values = st.integers(0, 200)
pair_steps = st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 1), values), max_size=25)
tcp_steps = st.lists(st.tuples(st.sampled_from((*_STEPS, "linger")), st.integers(0, 1), values), max_size=10)


def play_pair(kind, script):
    pair = socket.socketpair(AF_UNIX, kind)
    for each in pair:
        each.setblocking(False)
    answers = [
        attempt(act, pair[end], action, value, step) for step, (action, end, value) in enumerate(script)
    ]
    for each in pair:
        each.close()
    return answers


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pair_steps)
def test_stream_pairs(script):
    same(play_pair, SOCK_STREAM, script)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pair_steps)
def test_datagram_pairs(script):
    same(play_pair, SOCK_DGRAM, script)


def play_tcp(family, script):
    with socket.create_server(("127.0.0.1" if family == AF_INET else "::1", 0), family=family) as server:
        client = socket.create_connection(server.getsockname()[:2])
        pair = client, server.accept()[0]
    for each in pair:
        each.setblocking(False)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = []
    for step, (action, end, value) in enumerate(script):
        # Nothing is not sent, so that it cannot be waited for.
        answers.append(attempt(act, pair[end], action, value or 1, step))
        time.sleep(0.001)
    for each in pair:
        each.close()
    return answers


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from((AF_INET, AF_INET6)), tcp_steps)
def test_tcp_connections(family, script):
    same(play_tcp, family, script)


_UDP = (*_STEPS, "bind", "connect", "sendto", "recvfrom", "names", "peer")
udp_steps = st.lists(
    st.tuples(st.sampled_from(_UDP), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=20
)
families = st.tuples(*[st.sampled_from((AF_INET, AF_INET6))] * 3)


def play_udp(script, families):
    sockets = [socket.socket(family, SOCK_DGRAM) for family in families]
    ports: list[int | None] = [None] * 3
    for each in sockets:
        each.setblocking(False)

    def address(sender, target):
        if families[sender] == AF_INET:
            return "127.0.0.1", ports[target]
        return ("::ffff:127.0.0.1" if families[target] == AF_INET else "::1"), ports[target]

    def shown(name):
        port = ports.index(name[1]) if name[1] in ports else bool(name[1])
        return name[0], port, *name[2:]

    def step(number, action, end, other, value):
        s = sockets[end]
        if action == "bind":
            s.bind(("", 0))
        elif action in ("connect", "sendto") and ports[other] is None:
            return None
        elif action == "connect":
            s.connect(address(end, other))
        elif action == "sendto":
            return s.sendto(b"%d" % number * value, address(end, other))
        elif action == "recvfrom":
            data, source = s.recvfrom(100)
            return data, source and shown(source)
        elif action == "names":
            return shown(s.getsockname())
        elif action == "peer":
            return shown(s.getpeername())
        else:
            return act(s, action, value, number)
        return None

    answers = []
    for number, (action, end, other, value) in enumerate(script):
        answers.append(attempt(step, number, action, end, other, value))
        if sockets[end].fileno() >= 0:
            ports[end] = sockets[end].getsockname()[1] or None
        time.sleep(0.0002)
    for each in sockets:
        each.close()
    return answers


@settings(max_examples=300, deadline=None, derandomize=True)
@given(udp_steps, families)
def test_udp_sockets(script, families):
    same(play_udp, script, families)
