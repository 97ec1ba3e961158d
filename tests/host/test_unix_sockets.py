"""What parity cannot see of Unix sockets and descriptors: hosts apart, ends of programs, real files."""

from __future__ import annotations

import os
import select
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet
from glassnet.host.deadlock import Deadlock
from glassnet.host.descriptors.counters import Counter
from glassnet.host.sockets.ancillary import fit


def serve(path, answer):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        connection, _ = server.accept()
        with connection:
            connection.sendall(answer)


def ask(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return client.recv(99)


@pytest.mark.parametrize("name", ["path", "\0abstract"])
def test_each_host_has_names_of_its_own(a, b, name, tmp_path):
    name = str(tmp_path / name) if name == "path" else name
    a.start(serve, name, b"a's")
    b.start(serve, name, b"b's")
    assert (a.run(ask, name), b.run(ask, name)) == (b"a's", b"b's")
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_free_when_its_program_has_ended(net, a):
    def hold():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("\0name")
            sock.listen()
            sock.accept()

    def bind():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("\0name")
            return sock.getsockname()

    holder = a.start(hold)
    net.run("1s")
    with pytest.raises(OSError, match="Address already in use"):
        a.run(bind)
    holder.kill()
    assert a.run(bind) == b"\0name"


def test_a_deadlock_names_the_socket(a):
    with pytest.raises(Deadlock, match="accept on listening Unix stream socket @nobody comes"):
        a.run(serve, "\0nobody comes", b"")


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1), st.lists(st.integers(1, 300), min_size=1))
def test_a_stream_keeps_its_octets(sent, sizes):
    def program():
        left, right = socket.socketpair()
        with left, right:
            for data in sent:
                left.sendall(data)
            left.shutdown(socket.SHUT_WR)
            got, at = [], 0
            while data := right.recv(sizes[at % len(sizes)]):
                got.append(data)
                at += 1
            return b"".join(got)

    with glassnet.Network(seed=1) as net:
        assert net.host("a").run(program) == b"".join(sent)


_control = st.tuples(st.integers(0, 300), st.integers(0, 300), st.binary(max_size=40))


@given(st.lists(_control, max_size=4), st.integers(0, 3), st.integers(0, 200))
def test_control_data_never_exceeds_its_room(control, count, space):
    files = [Counter(0, False) for _ in range(count)]
    found, cut = fit(control, files, space, lambda file: 1 << 20)
    used = sum(socket.CMSG_SPACE(len(data)) for _, _, data in found[:-1])
    assert used + sum(socket.CMSG_LEN(len(data)) for _, _, data in found[-1:]) <= space
    whole = sum(socket.CMSG_SPACE(len(data)) for _, _, data in control) + socket.CMSG_SPACE(4 * count)
    assert not cut or space < whole


def test_real_and_virtual_descriptors_in_one_wait(a):
    reader, writer = os.pipe()
    try:
        os.write(writer, b"x")

        def program():
            left, right = socket.socketpair()
            with left, right:
                right.send(b"y")
                return select.select([reader, left], [], [], 5)[0] == [reader, left]

        assert a.run(program)
    finally:
        os.close(reader)
        os.close(writer)
