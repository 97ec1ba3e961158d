"""recvmsg, sendmsg and the flags of receiving: MSG_PEEK, MSG_WAITALL, MSG_TRUNC, MSG_ERRQUEUE, ..."""

from __future__ import annotations

import array
import os
import socket
import threading
from socket import (
    AF_INET,
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SCM_RIGHTS,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)

from parity_kit import attempt, connected, failing, program, soon

KINDS = (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)


def datagrams():
    """A UDP socket connected to itself."""
    sock = socket.socket(AF_INET, SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.connect(sock.getsockname())
    return sock


@program
def gathering_and_scattering():
    client, server = connected()
    a, b = socket.socketpair()
    out = []
    with client, server, a, b:
        for left, right in ((client, server), (a, b)):
            out.append(left.sendmsg([b"ab", bytearray(b"cd"), memoryview(b"ef"), array.array("h", [1])]))
            soon()
            first, second = bytearray(3), bytearray(99)
            out += [right.recvmsg_into([first, memoryview(second)]), first, second[:7]]
            out += [left.sendmsg([]), left.sendmsg([b""]), left.sendmsg(part for part in (b"g", b"h"))]
            soon()
            out += [right.recvmsg(1), right.recvmsg(9)]
            right.setblocking(False)
            out += [attempt(right.recvmsg, 9), attempt(right.recvmsg_into, [first])]
    return out


@program
def datagrams_as_messages():
    with datagrams() as sock:
        name = sock.getsockname()
        out = [sock.sendmsg([b"one", b"two"]), sock.sendmsg([b"x"], [], 0, name)]
        data, control, flags, source = sock.recvmsg(4)
        out += [data, control, flags, source == name]
        count, control, flags, source = sock.recvmsg_into([bytearray(1), bytearray(1)], 100)
        return [*out, count, control, flags, source == name]


@program
def the_size_of_a_datagram():
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    c, d = socket.socketpair(AF_UNIX, SOCK_SEQPACKET)
    out = []
    with a, b, c, d, datagrams() as sock:
        for left, right in ((a, b), (c, d), (sock, sock)):
            left.send(b"0123456789")
            out += [len(right.recv(4, MSG_PEEK | MSG_TRUNC)), right.recv(4, MSG_PEEK | MSG_TRUNC)[:4]]
            buffer = bytearray(4)
            out += [right.recv_into(buffer, 0, MSG_PEEK | MSG_TRUNC), buffer]
            out += [right.recvfrom_into(buffer, 3, MSG_PEEK | MSG_TRUNC)[0], buffer]
            out += [
                len(right.recvfrom(4, MSG_PEEK | MSG_TRUNC)[0]),
                right.recvmsg(4, 0, MSG_PEEK | MSG_TRUNC)[:3],
            ]
            out += [right.recvmsg(4, 0, MSG_PEEK)[:3], right.recvmsg_into([buffer], 0, MSG_TRUNC)[:3]]
    return out


@program
def throwing_away_a_stream():
    client, server = connected()
    a, b = socket.socketpair()
    with client, server, a, b:
        client.send(b"hello there")
        soon()
        buffer = bytearray(3)
        out = [
            len(server.recv(3, MSG_TRUNC)),
            server.recv_into(buffer, 3, MSG_TRUNC),
            buffer,
            server.recv(99),
        ]
        a.send(b"hello there")
        return [*out, b.recv(3, MSG_TRUNC), b.recv_into(buffer, 3, MSG_TRUNC), buffer, b.recv(99)]


@program
def waiting_for_all():
    client, server = connected()
    a, b = socket.socketpair()
    out = []
    with client, server, a, b:
        for left, right in ((client, server), (a, b)):

            def send(left=left):
                for each in range(4):
                    left.send(b"%d" % each * 3)
                    soon()
                left.shutdown(socket.SHUT_WR)

            thread = threading.Thread(target=send)
            thread.start()
            out += [right.recv(5, MSG_WAITALL), right.recvmsg(4, 0, MSG_WAITALL)]
            out += [right.recv_into(bytearray(2), 2, MSG_WAITALL), right.recvfrom(99, MSG_WAITALL)[0]]
            out.append(right.recv(9, MSG_WAITALL))
            thread.join()
    return out


@program
def waiting_for_all_with_little_patience():
    client, server = connected()
    with client, server:
        client.send(b"abc")
        soon()
        server.settimeout(0.02)
        out = [server.recv(9, MSG_WAITALL)]
        client.send(b"def")
        soon()
        server.setblocking(False)
        return [*out, server.recv(9, MSG_WAITALL), attempt(server.recv, 9, MSG_WAITALL)]


@program
def not_waiting():
    client, server = connected()
    out = []
    with client, server, datagrams() as sock:
        for each in (server, sock, *socket.socketpair()):
            each.settimeout(None)
            out += [attempt(each.recv, 1, MSG_DONTWAIT), attempt(each.recvfrom, 1, MSG_DONTWAIT)]
            out += [
                attempt(each.recvmsg, 1, 0, MSG_DONTWAIT),
                attempt(each.recv_into, bytearray(1), 1, MSG_DONTWAIT),
            ]
            each.settimeout(0.01)
            out += [attempt(each.recv, 1, MSG_DONTWAIT), attempt(each.recvmsg, 1)]
            each.close()
    return out


@program
def the_queue_of_errors_when_empty():
    client, server = connected()
    out = []
    with client, server, datagrams() as sock:
        for each in (server, sock):
            out += [attempt(each.recv, 1, MSG_ERRQUEUE), attempt(each.recvmsg, 1, 100, MSG_ERRQUEUE)]
            each.send(b"x")
            soon()
            out.append(attempt(each.recvmsg, 1, 100, MSG_ERRQUEUE | MSG_PEEK))
    return out


@program
def no_urgent_data():
    client, server = connected()
    with client, server:
        return failing(server.recv, 1, MSG_OOB), failing(server.recvmsg, 1, 0, MSG_OOB)


@program
def peeking_at_messages():
    a, b = socket.socketpair()
    with a, b:
        a.send(b"abc")
        a.send(b"def")
        out = [b.recvmsg(2, 0, MSG_PEEK), b.recv(99, MSG_PEEK), b.recv(4), b.recv(9, MSG_PEEK)]
        return [*out, b.recvmsg_into([bytearray(9)], 0, MSG_PEEK), b.recvfrom(9, MSG_PEEK), b.recv(9)]


@program
def wrong_arguments_of_messages():
    a, b = socket.socketpair()
    with a, b:
        a.setblocking(False)
        calls = [
            (a.recvmsg, -1),
            (a.recvmsg, 1, -1),
            (a.recvmsg, 1, 1 << 31),
            (a.recvmsg_into, 5),
            (a.recvmsg_into, [b"x"]),
            (a.recvmsg_into, ["x"]),
            (a.recvmsg_into, [bytearray(1)], -1),
            (a.sendmsg, 5),
            (a.sendmsg, [5]),
            (a.sendmsg, "abc"),
            (a.sendmsg, [b"x"], 5),
            (a.sendmsg, [b"x"], [5]),
            (a.sendmsg, [b"x"], [(1, 2)]),
            (a.sendmsg, [b"x"], [(1, 2, "x")]),
            (a.recv, -1),
            (a.recvfrom, -1),
            (a.recv_into, b"x"),
            (a.recv_into, bytearray(1), 2),
            (a.recv_into, bytearray(1), -1),
            (a.recvfrom_into, bytearray(1), 2),
            (a.recvfrom_into, bytearray(1), -1),
        ]
        return [attempt(*each) for each in calls]


@program
def control_data_nobody_knows():
    client, server = connected()
    a, b = socket.socketpair()
    out = []
    with client, server, a, b, datagrams() as sock:
        for each in (a, client, sock):
            out += [attempt(each.sendmsg, [b"x"], [(SOL_SOCKET, 99, b"")])]
            out += [attempt(each.sendmsg, [b"x"], [(99, 99, b"abc")])]
        for each in (client, sock):
            out.append(attempt(each.sendmsg, [b"x"], [(SOL_SOCKET, SCM_RIGHTS, b"abcd")]))
    return out


@program
def how_much_control_data_fits():
    a, b = socket.socketpair()
    out = []
    with a, b:
        for count in (1, 2, 3, 5):
            for size in (0, 1, 15, 16, 17, 19, 20, 21, 23, 24, 25, 27, 28, 29, 31, 32, 36, 40, 100):
                numbers = array.array("i", [a.fileno()] * count)
                a.sendmsg([b"x"], [(SOL_SOCKET, SCM_RIGHTS, numbers)])
                _, control, flags, _ = b.recvmsg(9, size)
                out.append((count, size, [len(data) for _, _, data in control], flags))
                for _, _, data in control:
                    for number in array.array("i", data):
                        os.close(number)
    return out


@program
def several_messages_of_descriptors():
    a, b = socket.socketpair()
    with a, b:
        one = array.array("i", [a.fileno()])
        out = [attempt(a.sendmsg, [b"x"], [(SOL_SOCKET, SCM_RIGHTS, one), (SOL_SOCKET, SCM_RIGHTS, one * 2)])]
        _, control, flags, _ = b.recvmsg(9, 200)
        for _, _, data in control:
            for number in array.array("i", data):
                os.close(number)
        return [*out, [(level, kind, len(data)) for level, kind, data in control], flags]


@program
def messages_on_closed_sockets():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        with b:
            a.close()
            calls = [
                (a.recvmsg, 1),
                (a.recvmsg_into, [bytearray(1)]),
                (a.sendmsg, [b"x"]),
                (a.recv, 0),
                (a.recv, 1),
            ]
            calls += [
                (a.recvfrom, 1),
                (a.settimeout, 1),
                (a.setblocking, True),
                (a.sendmsg, [b"x"], [], MSG_NOSIGNAL),
            ]
            out += [attempt(*each) for each in calls]
            out.append(a.getblocking())
    return out


@program
def receiving_nothing():
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b, datagrams() as sock:
        out = []
        for left, right in ((a, b), (sock, sock)):
            left.send(b"thrown away")
            out += [
                right.recv(0),
                right.recvmsg(0)[:3],
                attempt(right.recv, 1, MSG_DONTWAIT),
                right.recv_into(bytearray(0)),
            ]
        return out


@program
def blocking_belongs_to_the_open_file():
    a, b = socket.socketpair()
    with a, b:
        copy = a.dup()
        out = [os.get_blocking(a.fileno()), a.getblocking()]
        copy.setblocking(False)
        out += [os.get_blocking(a.fileno()), a.getblocking(), attempt(a.recv, 1)]
        os.set_blocking(copy.fileno(), True)
        b.send(b"x")
        out += [copy.gettimeout(), copy.recv(1), os.get_blocking(a.fileno())]
        a.settimeout(5)
        out += [os.get_blocking(copy.fileno()), attempt(os.read, copy.fileno(), 1)]
        again = socket.socket(fileno=copy.detach())
        out += [again.gettimeout(), attempt(again.recv, 1)]
        a.settimeout(None)
        again.settimeout(0.01)
        out.append(attempt(again.recv, 1))
        again.close()
        return out


@program
def timeouts_of_accepted_sockets():
    out = []
    for patience in (None, 0.0, 3.0):
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            soon()
            server.settimeout(patience)
            accepted = server.accept()[0]
            out += [
                accepted.gettimeout(),
                os.get_blocking(accepted.fileno()),
                os.get_blocking(server.fileno()),
            ]
            client.close()
            accepted.close()
    return out
