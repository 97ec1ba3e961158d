"""Small socket programs that give the same answer on the machine's loopback and on a virtual host.

Each is a function without arguments whose answer is a value to compare. What differs
by chance (ports) is left out of the answers.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import struct
import threading
import time
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


def attempt(call, *args, **kwargs):
    """What a call gives, or how it fails."""
    try:
        return call(*args, **kwargs)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        number = getattr(error, "errno", None)
        return type(error).__name__, errno.errorcode.get(number, number), str(error)


def failing(call, *args, **kwargs):
    """How a call fails, without the words."""
    outcome = attempt(call, *args, **kwargs)
    return outcome[:2] if isinstance(outcome, tuple) and len(outcome) == 3 else ("no failure", outcome)


def listening(family=AF_INET, backlog=5):
    server = socket.socket(family, SOCK_STREAM)
    server.bind(("127.0.0.1" if family == AF_INET else "::1", 0))
    server.listen(backlog)
    return server


def connected(family=AF_INET):
    server = listening(family)
    client = socket.socket(family, SOCK_STREAM)
    client.connect(server.getsockname())
    peer, _ = server.accept()
    server.close()
    return client, peer


def soon():
    """Long enough for the other end to have heard."""
    time.sleep(0.02)


# --- making and naming


@program
def attributes():
    out = []
    for family in (AF_INET, AF_INET6):
        for kind in (SOCK_STREAM, SOCK_DGRAM):
            with socket.socket(family, kind) as s:
                out.append((s.family, s.type, s.proto, s.timeout, s.getblocking(), s.fileno() >= 0))
    return out


@program
def attributes_as_given():
    with socket.socket(AF_INET, SOCK_STREAM, socket.IPPROTO_TCP) as s:
        return s.proto, s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


@program
def nonblocking_at_birth():
    with socket.socket(AF_INET, SOCK_STREAM | socket.SOCK_NONBLOCK) as s:
        return s.type, s.gettimeout(), s.getblocking()


@program
def unknown_protocols():
    return [
        failing(socket.socket, AF_INET, SOCK_STREAM, socket.IPPROTO_UDP),
        failing(socket.socket, AF_INET, SOCK_DGRAM, socket.IPPROTO_TCP),
        failing(socket.socket, 77, SOCK_STREAM),
    ]


@program
def unbound_names():
    out = []
    for family in (AF_INET, AF_INET6):
        with socket.socket(family) as s:
            out += [s.getsockname(), failing(s.getpeername)]
    return out


@program
def bad_addresses():
    with socket.socket() as s, socket.socket(AF_INET6) as s6:
        return [
            attempt(s.bind, "127.0.0.1"),
            attempt(s.bind, ("127.0.0.1",)),
            attempt(s.bind, ("127.0.0.1", 1, 2)),
            attempt(s.bind, ("127.0.0.1", -1)),
            attempt(s.bind, ("127.0.0.1", 65536)),
            attempt(s.bind, ("127.0.0.1", "80")),
            attempt(s.bind, (1, 80)),
            attempt(s.connect, None),
            attempt(s6.bind, ("::1",)),
            attempt(s6.bind, ("::1", 1, 2, 3, 4)),
            attempt(s6.bind, ("::1", 0, 1 << 20)),
            attempt(s6.bind, ("::1", 70000)),
            failing(s.bind, ("203.0.113.77", 0)),
            failing(s6.bind, ("2001:db8:77::1", 0)),
            failing(s.bind, ("224.0.0.77", 0)),
        ]


@program
def binding_twice():
    with socket.socket() as s, socket.socket() as other:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        return s.getsockname()[0], failing(s.bind, ("127.0.0.1", 0)), failing(other.bind, ("127.0.0.1", port))


@program
def reuse_address():
    out = []
    for first, second in ((0, 0), (1, 0), (0, 1), (1, 1)):
        with socket.socket() as s, socket.socket() as other:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, first)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, second)
            s.bind(("127.0.0.1", 0))
            outcome = attempt(other.bind, s.getsockname())
            out.append(outcome and outcome[1])
            s.listen()
            with socket.socket() as third:
                third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                out.append(failing(third.bind, s.getsockname()))
    return out


@program
def reuse_port():
    with socket.socket() as s, socket.socket() as other:
        for each in (s, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", 0))
        s.listen()
        other.bind(s.getsockname())
        return attempt(other.listen)


@program
def any_address_against_one():
    with socket.socket() as s, socket.socket() as other:
        s.bind(("", 0))
        return failing(other.bind, ("127.0.0.1", s.getsockname()[1]))


@program
def both_families_on_one_port():
    out = []
    for v6only in (0, 1):
        with socket.socket(AF_INET6) as six, socket.socket() as four:
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
            six.bind(("::", 0))
            out.append(failing(four.bind, ("0.0.0.0", six.getsockname()[1])))
    return out


# --- connecting


@program
def refused():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket() as s:
        first = attempt(s.connect, address)
        second = attempt(s.connect, address)
        return first, second, s.connect_ex(address)


@program
def connecting_twice():
    client, peer = connected()
    with client, peer:
        return failing(client.connect, peer.getsockname()), client.connect_ex(("127.0.0.1", 9))


@program
def connecting_a_listener():
    with listening() as server:
        return failing(server.connect, ("127.0.0.1", 9)), failing(server.recv, 1), failing(server.send, b"x")


@program
def nonblocking_connect():
    with listening() as server, socket.socket() as s:
        s.setblocking(False)
        first = s.connect_ex(server.getsockname())
        select.select([], [s], [], 5)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        again = s.connect_ex(server.getsockname())
        return first == errno.EINPROGRESS, error, again, s.connect_ex(server.getsockname())


@program
def nonblocking_connect_refused():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket() as s:
        s.setblocking(False)
        first = s.connect_ex(address)
        _, writable, _ = select.select([], [s], [], 5)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        after = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return first in (errno.EINPROGRESS, errno.ECONNREFUSED), writable == [s], error or first, after


@program
def names_of_a_connection():
    client, peer = connected()
    with client, peer:
        return (
            client.getsockname() == peer.getpeername(),
            client.getpeername() == peer.getsockname(),
            client.getsockname()[0],
        )


@program
def names_of_an_ipv6_connection():
    client, peer = connected(AF_INET6)
    with client, peer:
        name = client.getsockname()
        return name[0], name[2:], name == peer.getpeername()


@program
def ipv4_on_a_dual_stack_listener():
    with socket.socket(AF_INET6) as server, socket.socket() as client:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen()
        client.connect(("127.0.0.1", server.getsockname()[1]))
        peer, address = server.accept()
        with peer:
            return address[0], peer.getsockname()[0], peer.getpeername()[0], peer.family


@program
def mapped_address_from_an_ipv6_socket():
    with listening() as server, socket.socket(AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        return client.getsockname()[0], client.getpeername()[0]


@program
def v6only_refuses_mapped():
    with socket.socket(AF_INET6) as client:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return failing(client.connect, ("::ffff:127.0.0.1", 9))


@program
def link_local_needs_a_scope():
    with socket.socket(AF_INET6) as client:
        return failing(client.connect, ("fe80::77", 9))


@program
def connect_to_the_unspecified_address():
    with listening() as server, socket.socket() as client:
        client.connect(("", server.getsockname()[1]))
        return client.getpeername()[0]


@program
def accepting():
    with listening() as server:
        server.setblocking(False)
        nothing = attempt(server.accept)
        server.settimeout(0.01)
        late = attempt(server.accept)
        return nothing, late


@program
def accepting_without_listening():
    with socket.socket() as s:
        return failing(s.accept)


@program
def accepted_sockets_are_blocking():
    out = []
    for timeout in (None, 5.0):
        with listening() as server, socket.socket() as client:
            server.settimeout(timeout)
            client.connect(server.getsockname())
            peer, _ = server.accept()
            with peer:
                out.append((peer.gettimeout(), peer.type, peer.proto))
    return out


@program
def listening_without_binding():
    with socket.socket() as server:
        server.listen()
        return server.getsockname()[0], server.getsockname()[1] > 0


@program
def listening_on_a_connection():
    client, peer = connected()
    with client, peer:
        return failing(client.listen)


@program
def listening_accepts():
    with socket.socket() as s:
        before = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        s.listen()
        return before, s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


# --- data


@program
def unconnected_data():
    with socket.socket() as s:
        return [failing(s.recv, 1), failing(s.send, b"x"), failing(s.sendall, b"x"), failing(s.shutdown, 2)]


@program
def peeking_and_the_end():
    client, peer = connected()
    with client, peer:
        client.sendall(b"hello")
        client.close()
        return [
            peer.recv(3, socket.MSG_PEEK),
            peer.recv(3),
            peer.recv(100),
            peer.recv(100),
            peer.recv(100),
        ]


@program
def waiting_for_all():
    client, peer = connected()
    with client, peer:

        def later():
            for _ in range(4):
                soon()
                client.sendall(b"ab")
            client.close()

        thread = threading.Thread(target=later)
        thread.start()
        out = [peer.recv(6, socket.MSG_WAITALL), peer.recv(6, socket.MSG_WAITALL)]
        thread.join()
        return out


@program
def not_waiting():
    client, peer = connected()
    with client, peer:
        out = [attempt(client.recv, 1, socket.MSG_DONTWAIT)]
        client.setblocking(False)
        out += [attempt(client.recv, 1), attempt(client.recv_into, bytearray(3)), attempt(client.recvfrom, 1)]
        client.settimeout(0.01)
        out += [attempt(client.recv, 1), attempt(client.recvfrom, 1), attempt(client.recvmsg, 1)]
        return out


@program
def a_full_send_buffer():
    client, peer = connected()
    with client, peer:
        client.setblocking(False)
        sent = 0
        try:
            while True:
                sent += client.send(b"x" * 65536)
        except BlockingIOError as error:
            number = error.errno
        _, writable, _ = select.select([], [client], [], 0)
        client.settimeout(0.05)
        return sent > 0, number, writable, attempt(client.sendall, b"x" * 10_000_000)


@program
def into_buffers():
    client, peer = connected()
    with client, peer:
        client.sendall(b"abcdefghij")
        soon()
        buffer = bytearray(b"........")
        view = memoryview(buffer)
        out = [peer.recv_into(view[2:4]), bytes(buffer), peer.recv_into(buffer, 3), bytes(buffer)]
        out.append(peer.recvfrom_into(buffer, 2)[0])
        out.append(attempt(peer.recv_into, buffer, 9))
        out.append(attempt(peer.recv_into, buffer, -1))
        return out


@program
def odd_sizes():
    client, peer = connected()
    with client, peer:
        client.sendall(b"abc")
        soon()
        return [attempt(peer.recv, -1), peer.recv(0), attempt(peer.recvfrom, -1), peer.recv(3), client.send(b"")]


@program
def what_can_be_sent():
    client, peer = connected()
    with client, peer:
        sizes = [
            client.send(bytearray(b"ab")),
            client.send(memoryview(b"abcdef")[::2].tobytes()),
            client.send(struct.pack("d", 1)),
            client.send(memoryview(struct.pack("2d", 1, 2)).cast("d")),
        ]
        return sizes, attempt(client.send, "text"), attempt(client.send, 5), attempt(client.sendall, None)


@program
def messages_with_parts():
    client, peer = connected()
    with client, peer:
        sent = client.sendmsg([b"one", bytearray(b"two"), b""])
        soon()
        first, second = bytearray(4), bytearray(10)
        got = peer.recvmsg_into([first, second])
        return sent, got, bytes(first), bytes(second[:2]), client.sendmsg([])


@program
def shutting_down_writing():
    client, peer = connected()
    with client, peer:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        out = [peer.recv(100), peer.recv(100), failing(client.send, b"x")]
        peer.sendall(b"answer")
        out.append(client.recv(100))
        return out


@program
def shutting_down_reading():
    client, peer = connected()
    with client, peer:
        peer.sendall(b"before")
        soon()
        client.shutdown(socket.SHUT_RD)
        return client.recv(100), client.recv(100)


@program
def shutting_down_wrongly():
    client, peer = connected()
    with client, peer:
        out = [failing(client.shutdown, 7)]
        client.shutdown(socket.SHUT_RDWR)
        soon()
        out.append(failing(peer.send, b"x") if False else peer.recv(1))
        return out


@program
def closing_with_unread_data_resets():
    client, peer = connected()
    with client, peer:
        client.sendall(b"nobody reads this")
        soon()
        peer.close()
        soon()
        first = attempt(client.recv, 10)
        return first, attempt(client.recv, 10), failing(client.send, b"x")


@program
def linger_of_zero_resets():
    client, peer = connected()
    with client, peer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        soon()
        return attempt(peer.recv, 10), attempt(peer.recv, 10)


@program
def writing_to_a_closed_peer():
    client, peer = connected()
    with client, peer:
        peer.close()
        soon()
        first = client.send(b"x")
        soon()
        return first, attempt(client.send, b"x"), attempt(client.recv, 1)


@program
def shutting_down_a_listener():
    with listening() as server:
        server.shutdown(socket.SHUT_RDWR)
        return failing(server.accept)


# --- the object


@program
def after_closing():
    s = socket.socket()
    s.close()
    return [
        s.fileno(),
        s.family,
        s.type,
        attempt(s.recv, 1),
        attempt(s.send, b"x"),
        attempt(s.getsockname),
        attempt(s.bind, ("", 0)),
        attempt(s.listen),
        attempt(s.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        attempt(s.close),
    ]


@program
def detaching():
    client, peer = connected()
    with peer:
        number = client.detach()
        out = [client.fileno(), attempt(client.send, b"x")]
        with socket.socket(fileno=number) as again:
            out += [again.family, again.type, again.proto, again.send(b"hi"), again.fileno() == number]
        out.append(peer.recv(10))
        out.append(peer.recv(10))
        return out


@program
def duplicating():
    client, peer = connected()
    with client, peer, client.dup() as twin:
        client.close()
        twin.sendall(b"still here")
        return peer.recv(100), twin.fileno() >= 0, twin.family


@program
def from_number():
    client, peer = connected()
    with client, peer, socket.fromfd(client.fileno(), AF_INET, SOCK_STREAM) as twin:
        twin.sendall(b"hi")
        return peer.recv(10), twin.fileno() != client.fileno()


@program
def as_a_file():
    client, peer = connected()
    with client, peer:
        with peer.makefile("rw", encoding="ascii", newline="\n") as file, client.makefile("rb") as other:
            file.write("line one\nline two\n")
            file.flush()
            out = [other.readline(), other.read(4)]
            client.sendall(b"answer\n")
            out.append(file.readline())
            peer.close()
            file.write("after close\n")
            file.flush()
            out.append(other.readline())
            out.append(other.readline())
        return out


@program
def a_file_that_times_out():
    client, peer = connected()
    with client, peer:
        client.settimeout(0.01)
        with client.makefile("rb") as file:
            return attempt(file.read, 1), attempt(file.read, 1)


@program
def timeouts_as_values():
    with socket.socket() as s:
        out = []
        for value in (None, 0, 0.0, 2, 2.5, True):
            s.settimeout(value)
            out.append((s.gettimeout(), s.getblocking(), s.timeout))
        out += [attempt(s.settimeout, -1), failing(s.settimeout, "soon")]
        s.setblocking(True)
        out.append(s.gettimeout())
        s.setblocking(False)
        out.append(s.gettimeout())
        return out


@program
def subclasses():
    class Counting(socket.socket):
        count = 0

        def send(self, data, flags=0):
            self.count += 1
            return super().send(data, flags)

    with listening() as server, Counting(AF_INET, SOCK_STREAM) as client:
        client.connect(server.getsockname())
        client.send(b"one")
        client.send(b"two")
        with client.dup() as twin:
            kind = type(twin).__name__
        return client.count, isinstance(client, socket.socket), isinstance(client, Counting), kind


@program
def representation():
    with socket.socket() as s:
        text = repr(s)
        return text.startswith("<socket.socket fd="), "family=2, type=1, proto=0" in text, "laddr" in text


@program
def sending_a_file():
    import tempfile

    client, peer = connected()
    with client, peer, tempfile.TemporaryFile() as file:
        file.write(b"contents of a file")
        file.flush()
        file.seek(9)
        sent = client.sendfile(file)
        return sent, peer.recv(100), file.tell()


# --- options


@program
def options_at_first():
    out = []
    for kind in (SOCK_STREAM, SOCK_DGRAM):
        with socket.socket(AF_INET, kind) as s:
            for name in ("SO_REUSEADDR", "SO_KEEPALIVE", "SO_BROADCAST", "SO_ERROR", "SO_TYPE", "SO_DOMAIN"):
                out.append(s.getsockopt(socket.SOL_SOCKET, getattr(socket, name)))
            for name in ("IP_TTL", "IP_TOS", "IP_MULTICAST_TTL", "IP_MULTICAST_LOOP"):
                out.append(s.getsockopt(socket.IPPROTO_IP, getattr(socket, name)))
    return out


@program
def options_kept():
    with socket.socket() as s:
        out = []
        for level, name, value in (
            (socket.SOL_SOCKET, socket.SO_REUSEADDR, 5),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 7),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4000),
            (socket.IPPROTO_IP, socket.IP_TTL, 17),
            (socket.IPPROTO_IP, socket.IP_TOS, 0x10),
        ):
            s.setsockopt(level, name, value)
            out.append(s.getsockopt(level, name))
        return out


@program
def options_refused():
    with socket.socket() as s, socket.socket(AF_INET, SOCK_DGRAM) as u:
        return [
            attempt(s.setsockopt, socket.SOL_SOCKET, 9999, 1),
            attempt(s.getsockopt, socket.SOL_SOCKET, 9999),
            failing(s.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 0),
            failing(s.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 256),
            failing(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 0),
            failing(s.setsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 40000),
            failing(u.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            attempt(s.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, "on"),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_LINGER, b"\0"),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_TYPE, 1),
            failing(s.setsockopt, socket.SOL_SOCKET, socket.SO_ERROR, 1),
        ]


@program
def options_as_bytes():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, struct.pack("i", 1))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 9))
        return (
            s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 4),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8),
            failing(s.getsockopt, socket.SOL_SOCKET, socket.SO_LINGER, 0) if False else None,
        )


@program
def buffer_sizes_are_doubled():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        out = []
        for value in (1, 5000, 100_000):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, value)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, value)
            out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        return out


@program
def v6only():
    with socket.socket(AF_INET6) as s:
        out = [s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)]
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        out.append(s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
        s.bind(("::1", 0))
        out.append(failing(s.setsockopt, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
        out.append(s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS))
        return out


@program
def options_are_inherited():
    with listening() as server, socket.socket() as client:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            return (
                peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            )


@program
def creating_servers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reuse = server.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        with socket.create_connection(server.getsockname(), timeout=3) as client:
            out = [reuse, client.gettimeout(), client.proto]
    with socket.create_server(("", 0), family=AF_INET6, dualstack_ipv6=True) as server:
        out += [server.getsockname()[0], socket.has_dualstack_ipv6()]
    out.append(failing(socket.create_connection, ("127.0.0.1", 1)))
    return out


# --- datagrams


@program
def datagrams():
    with socket.socket(AF_INET, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("127.0.0.1", 0))
        t.bind(("127.0.0.1", 0))
        out = [
            t.sendto(b"hello", s.getsockname()),
            t.sendto(b"", s.getsockname()),
            t.sendto(b"flags", 0, s.getsockname()),
        ]
        data, source = s.recvfrom(100, socket.MSG_PEEK)
        out += [data, source == t.getsockname(), s.recvfrom(2)[0], s.recv(10), s.recv(10)]
        out += [attempt(s.recv, 10, socket.MSG_DONTWAIT)]
        return out


@program
def datagrams_cut_short():
    with socket.socket(AF_INET, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("127.0.0.1", 0))
        t.sendto(b"0123456789", s.getsockname())
        data, ancillary, flags, _ = s.recvmsg(4)
        t.sendto(b"abcdef", s.getsockname())
        buffer = bytearray(3)
        return data, ancillary, flags == socket.MSG_TRUNC, s.recvfrom_into(buffer)[0], bytes(buffer)


@program
def datagram_failures():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        return [
            failing(s.send, b"x"),
            failing(s.sendall, b"x"),
            failing(s.sendto, b"x" * 65508, ("127.0.0.1", 9)),
            attempt(s.sendto, b"x"),
            attempt(s.sendto, b"x", 0, ("127.0.0.1", 9), 1),
            attempt(s.sendto, "x", ("127.0.0.1", 9)),
            failing(s.sendto, b"x", ("255.255.255.255", 9)),
            failing(s.listen),
            failing(s.accept),
            failing(s.getpeername),
            failing(s.shutdown, socket.SHUT_RDWR),
        ]


@program
def largest_datagram():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.sendto(b"z" * 65507, s.getsockname())
        return len(s.recv(70000))


@program
def connected_datagrams():
    with (
        socket.socket(AF_INET, SOCK_DGRAM) as s,
        socket.socket(AF_INET, SOCK_DGRAM) as t,
        socket.socket(AF_INET, SOCK_DGRAM) as u,
    ):
        for each in (s, t, u):
            each.bind(("127.0.0.1", 0))
        s.connect(t.getsockname())
        u.sendto(b"not from the peer", s.getsockname())
        t.sendto(b"from the peer", s.getsockname())
        out = [s.recv(100), s.getpeername() == t.getsockname(), s.send(b"back"), t.recv(100)]
        out.append(s.sendto(b"elsewhere", u.getsockname()))
        out.append(u.recv(100))
        return out


@program
def datagrams_to_a_closed_port():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        address = s.getsockname()
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect(address)
        first = s.send(b"x")
        soon()
        out = [first, attempt(s.recv, 10)]
        s.send(b"x")
        soon()
        out.append(failing(s.send, b"x"))
        s.send(b"x")
        soon()
        out.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return out


@program
def ipv6_datagrams():
    with socket.socket(AF_INET6, SOCK_DGRAM) as s, socket.socket(AF_INET6, SOCK_DGRAM) as t:
        s.bind(("::1", 0))
        t.bind(("::1", 0))
        t.sendto(b"six", s.getsockname())
        data, source = s.recvfrom(10)
        return data, source == t.getsockname(), source[0], source[2:]


@program
def ipv4_datagram_on_an_ipv6_socket():
    with socket.socket(AF_INET6, SOCK_DGRAM) as s, socket.socket(AF_INET, SOCK_DGRAM) as t:
        s.bind(("::", 0))
        t.bind(("127.0.0.1", 0))
        t.sendto(b"four", ("127.0.0.1", s.getsockname()[1]))
        data, source = s.recvfrom(10)
        s.sendto(b"back", source)
        return data, source[0], t.recvfrom(10)[0]


@program
def datagram_timeouts():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.settimeout(0.01)
        out = [attempt(s.recvfrom, 10)]
        s.bind(("127.0.0.1", 0))
        out += [attempt(s.recv, 10), attempt(s.recv_into, bytearray(3))]
        return out


# --- pairs


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


# --- readiness


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
def selectors_of_all_kinds():
    out = []
    for kind in (selectors.DefaultSelector, selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
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
