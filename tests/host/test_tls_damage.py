"""Whatever happens to the octets under TLS, both ends end, with an error of `ssl` or of the socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet

sys.path.insert(0, str(Path(__file__).parent / "parity"))

from tls_kit import AUTHORITY, CLIENTS, SERVER

SAID = b"something to say " * 500

damage = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "drop", "repeat", "reset"]),
        st.booleans(),
        st.integers(0, 12_000),
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=4,
)


class Damager:
    """Forwards one direction, and does harm at given offsets."""

    def __init__(self, source, sink, harm):
        self.source, self.sink = source, sink
        self.harm = sorted(harm, key=lambda each: each[2])
        self.offset = 0

    def run(self):
        with contextlib.suppress(OSError):
            while data := self.source.recv(1000):
                begin, self.offset = self.offset, self.offset + len(data)
                while self.harm and self.harm[0][2] < self.offset:
                    kind, _, at, octets = self.harm.pop(0)
                    at -= begin
                    if kind == "cut":
                        self.sink.sendall(data[:at])
                        return self.hang_up()
                    if kind == "reset":
                        for sock in (self.source, self.sink):
                            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                            sock.close()
                        return None
                    if kind == "flip":
                        data = data[:at] + bytes([data[at] ^ octets[0] or 1]) + data[at + 1 :]
                    elif kind == "insert":
                        data = data[:at] + octets + data[at:]
                    elif kind == "drop":
                        data = data[:at] + data[at + len(octets) :]
                    else:
                        data = data + data[at:]
                    if not data:
                        break
                    self.harm = [
                        each for each in self.harm if each[2] - begin < len(data) or each[2] >= begin
                    ]
                self.sink.sendall(data)
        return self.hang_up()

    def hang_up(self):
        for sock, how in ((self.sink, socket.SHUT_WR), (self.source, socket.SHUT_RD)):
            with contextlib.suppress(OSError):
                sock.shutdown(how)


def ends(action):
    """How an end fares: what it got, or its error, which must be one of `ssl` or of the socket."""
    try:
        return action()
    except OSError as error:
        return error


def talk(tls):
    tls.settimeout(30)
    tls.sendall(SAID)
    got = b""
    while len(got) < len(SAID):
        data = tls.recv(4096)
        if not data:
            break
        got += data
    tls.unwrap()
    return got


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(damage, st.sampled_from(sorted(CLIENTS)))
def test_damage_on_the_way(harm, version):
    with contextlib.closing(glassnet.Network(seed=5)) as net:
        a, relay, b = net.lan("a", "relay", "b", delay="1ms")
        fates = []

        def serve():
            with socket.create_server(("", 443)) as listener:
                sock, _ = listener.accept()

            def action():
                with sock:
                    sock.settimeout(30)
                    with SERVER.wrap_socket(sock, server_side=True) as tls:
                        return talk(tls)

            fates.append(ends(action))

        def forward():
            with socket.create_server(("", 443)) as listener:
                left, _ = listener.accept()
            with left, socket.create_connection(("b", 443)) as right:
                threads = [
                    threading.Thread(
                        target=Damager(one, other, [each for each in harm if each[1] is way]).run
                    )
                    for one, other, way in ((left, right, True), (right, left, False))
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

        def dial():
            def action():
                with (
                    socket.create_connection(("relay", 443), timeout=30) as sock,
                    CLIENTS[version].wrap_socket(sock, server_hostname="server.test") as tls,
                ):
                    return talk(tls)

            fates.append(ends(action))

        processes = [b.start(serve), relay.start(forward), a.start(dial)]
        for process in processes:
            process.result()
        assert len(fates) == 2
        for fate in fates:
            # Octets that are not the ones sent must never come out.
            assert isinstance(fate, OSError) or SAID.startswith(fate)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda kind, version, size, body: bytes([kind, 3, version]) + size.to_bytes(2, "big") + body,
            st.integers(18, 26),
            st.integers(0, 5),
            st.one_of(st.integers(0, 200), st.integers(0, 65535)),
            st.binary(max_size=300),
        ),
    ),
    st.booleans(),
    st.booleans(),
)
def test_garbage(garbage, server_side, hangs_up):
    with contextlib.closing(glassnet.Network(seed=5)) as net:
        (a,) = net.lan("a")

        def program():
            left, right = socket.socketpair()
            with left, right:
                left.settimeout(3)
                right.sendall(garbage)
                if hangs_up:
                    right.shutdown(socket.SHUT_WR)
                context = SERVER if server_side else CLIENTS["1.3"]
                name = None if server_side else "server.test"
                try:
                    context.wrap_socket(left, server_side=server_side, server_hostname=name)
                except (ssl.SSLError, TimeoutError) as error:
                    return error
                raise AssertionError("shook hands with garbage")

        assert isinstance(a.run(program), OSError)


def test_the_damager_can_leave_things_whole():
    """Without harm both ends get everything: what the other test forgives is harm's doing."""
    with contextlib.closing(glassnet.Network(seed=5)) as net:
        a, b = net.lan("a", "b")
        got = []

        def serve():
            with socket.create_server(("", 443)) as listener:
                sock, _ = listener.accept()
            with SERVER.wrap_socket(sock, server_side=True) as tls:
                got.append(talk(tls))

        def dial():
            with (
                socket.create_connection(("b", 443)) as sock,
                AUTHORITY.client().wrap_socket(sock, server_hostname="server.test") as tls,
            ):
                return talk(tls)

        b.start(serve)
        assert a.run(dial) == SAID
        net.run("1s")
        assert got == [SAID]
