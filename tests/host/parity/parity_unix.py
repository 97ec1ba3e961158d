"""AF_UNIX sockets: names, connecting, the three kinds, credentials, descriptors passed."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import pathlib
import select
import shutil
import socket
import socketserver
import stat
import struct
import tempfile
import threading
from multiprocessing.connection import Client, Listener
from socket import (
    AF_UNIX,
    SCM_CREDENTIALS,
    SCM_RIGHTS,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_PASSCRED,
    SO_PEERCRED,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)

from parity_kit import attempt, failing, program

KINDS = (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)
CONNECTED = (SOCK_STREAM, SOCK_SEQPACKET)


def unix(kind=SOCK_STREAM):
    return socket.socket(AF_UNIX, kind)


@contextlib.contextmanager
def directory():
    """A directory of its own, and what to say in its place."""
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def lone(method, kind=SOCK_STREAM):
    """A method of a socket that is there for this one call."""

    def call(*args):
        with unix(kind) as sock:
            return getattr(sock, method)(*args)

    return call


def server_at(name, kind=SOCK_STREAM, backlog=5):
    server = unix(kind)
    server.bind(name)
    server.listen(backlog)
    return server


def joined(name, kind=SOCK_STREAM):
    with server_at(name, kind) as server:
        client = unix(kind)
        client.connect(name)
        return client, server.accept()[0]


def ready(file):
    poll = select.poll()
    poll.register(file, 0xFFFF & ~0x100)
    found = poll.poll(0)
    return found[0][1] & 0x203F if found else 0


def unpacked(data):
    pid, uid, gid = struct.unpack("iii", data)
    return pid == os.getpid(), uid == os.getuid(), gid == os.getgid(), (pid, uid, gid) == (0, -1, -1)


@program
def a_stream_at_a_path():
    with directory() as where:
        name = where + "/s"
        with server_at(name) as server, unix() as client:
            out = [server.getsockname() == name, client.getsockname(), attempt(client.getpeername)]
            client.connect(name)
            client.sendall(b"before accept")
            connection, address = server.accept()
            with connection:
                out += [address, connection.recv(99), client.getpeername() == name]
                out += [connection.getsockname() == name, connection.getpeername(), connection.family]
                connection.sendall(b"answer")
                data, source = client.recvfrom(99)
                out += [data, source == name, failing(client.connect, name)]
        os.unlink(name)
        return out


@program
def packets_at_a_path():
    with directory() as where:
        client, connection = joined(where + "/s", SOCK_SEQPACKET)
        with client, connection:
            client.send(b"one")
            client.send(b"")
            client.send(b"three")
            out = [connection.recv(99), connection.recv(99), connection.recv(2), connection.type]
            client.sendto(b"anywhere", "/nowhere")
            out.append(connection.recvfrom(99))
            client.close()
            return [*out, connection.recv(9), failing(connection.send, b"x")]


@program
def abstract_names():
    out = []
    for name in (b"\0glassnet", "\0glassnet", b"\0a\0b", b"\0" + b"x" * 107, "\0"):
        with server_at(name) as server, unix() as client:
            client.connect(name)
            connection, address = server.accept()
            out += [server.getsockname(), client.getpeername(), address, failing(lone("bind"), name)]
            connection.close()
        out.append(failing(lone("connect"), name))
    return out


@program
def names_the_system_chooses():
    with unix(SOCK_DGRAM) as a, unix(SOCK_DGRAM) as b:
        out = [attempt(a.bind, ""), attempt(a.bind, ""), attempt(a.bind, b"\0other")]
        b.bind("")
        name = a.getsockname()
        b.sendto(b"hello", name)
        data, source = a.recvfrom(9)
        return [
            *out,
            type(name),
            len(name),
            name[:1],
            name != b.getsockname(),
            data,
            source == b.getsockname(),
        ]


@program
def names_that_are_wrong():
    with directory() as where, unix() as a:
        out = []
        for name in (None, 5, ("a", 1), "/" + "x" * 107, b"\0" + b"x" * 108, bytearray(b"")):
            out += [failing(a.connect, name), failing(lone("sendto", SOCK_DGRAM), b"x", name)]
        out += [failing(lone("bind"), each) for each in (None, 5, pathlib.Path(where), "/" + "x" * 107)]
        os.mkdir(where + "/d")
        with open(where + "/file", "w"):
            pass
        for name in ("/missing/s", "/file/s", "/d", "/file"):
            out += [attempt(lone("bind"), where + name), attempt(lone("connect"), where + name)]
        return out


@program
def binding_twice():
    with directory() as where:
        name = where + "/s"
        with unix() as a, unix(SOCK_DGRAM) as b:
            a.bind(name)
            out = [attempt(b.bind, name), attempt(a.bind, where + "/t"), attempt(a.bind, name)]
            a.close()
            out += [attempt(b.bind, name), os.path.exists(name)]
            os.remove(name)
            return [*out, attempt(b.bind, name), failing(os.mkdir, where), os.path.exists(where + "/t")]


@program
def connecting_to_nobody():
    with directory() as where:
        out = []
        with unix() as bound:
            bound.bind(where + "/s")
            out += [attempt(lone("connect"), where + "/s"), attempt(lone("connect"), where + "/none")]
            out += [attempt(lone("connect", kind), where + "/s") for kind in (SOCK_DGRAM, SOCK_SEQPACKET)]
        out.append(attempt(lone("connect"), where + "/s"))
        out += [attempt(lone("connect"), ""), attempt(lone("connect"), b"\0no such name")]
        out += [attempt(lone("connect", SOCK_DGRAM), where + "/s"), lone("connect_ex")(where + "/s")]
        return out


@program
def connecting_in_the_wrong_state():
    with directory() as where:
        name = where + "/s"
        with server_at(name) as server, unix() as client:
            client.connect(name)
            out = [attempt(client.connect, name), attempt(server.connect, name), attempt(client.listen)]
            out += [attempt(client.bind, where + "/late"), client.getsockname() == where + "/late"]
            out += [
                failing(lone("listen")),
                failing(lone("listen", SOCK_DGRAM)),
                failing(lone("accept", SOCK_DGRAM)),
            ]
            return [*out, failing(lone("accept")), failing(client.accept), failing(server.recv, 1)]


@program
def the_backlog():
    out = []
    with directory() as where:
        for backlog in (0, 1, 3, -5):
            name = f"{where}/{backlog}"
            clients = []
            with server_at(name, backlog=backlog) as server:
                for _ in range(6):
                    client = unix()
                    client.setblocking(False)
                    clients.append(client)
                    out.append(attempt(client.connect, name))
                server.accept()[0].close()
                out += [attempt(clients[-1].connect, name), ready(server)]
                late = unix()
                late.settimeout(0.01)
                out.append(attempt(late.connect, name))
            for client in clients:
                out.append(ready(client))
                client.close()
            late.close()
    return out


@program
def a_blocking_connect_waits_for_room():
    with directory() as where, server_at(where + "/s", backlog=0) as server:
        first, second = unix(), unix()
        first.connect(where + "/s")
        thread = threading.Thread(target=second.connect, args=(where + "/s",))
        thread.start()
        server.accept()[0].close()
        thread.join()
        peer = second.getpeername() == where + "/s"
        server.accept()[0].close()
        first.close()
        second.close()
        return peer


@program
def a_listener_that_closes():
    out = []
    with directory() as where:
        for kind in CONNECTED:
            name = f"{where}/{int(kind)}"
            server = server_at(name, kind)
            client = unix(kind)
            client.connect(name)
            client.send(b"lost")
            server.close()
            out += [
                ready(client),
                attempt(client.recv, 9),
                attempt(client.recv, 9),
                attempt(client.send, b"x"),
            ]
            client.close()
    return out


@program
def readiness_of_unix_sockets():
    out = []
    with directory() as where:
        for kind in KINDS:
            with unix(kind) as lone:
                out.append((kind, ready(lone)))
        for kind in CONNECTED:
            name = f"{where}/{int(kind)}"
            with server_at(name, kind) as server, unix(kind) as client:
                out.append(ready(server))
                client.connect(name)
                out += [ready(server), ready(client)]
                peer = server.accept()[0]
                out.append(ready(server))
                client.send(b"x")
                out.append(ready(peer))
                client.shutdown(SHUT_WR)
                out += [ready(peer), ready(client), peer.recv(9), ready(peer)]
                peer.shutdown(SHUT_WR)
                out += [ready(peer), ready(client)]
                peer.close()
                out.append(ready(client))
                server.shutdown(SHUT_RD)
                out += [ready(server), attempt(server.accept)]
    return out


@program
def closing_with_unread_data():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        a.setblocking(False)
        a.send(b"unread")
        b.send(b"left")
        b.close()
        out += [ready(a), attempt(a.recv, 9), attempt(a.recv, 9), attempt(a.recv, 9), attempt(a.send, b"x")]
        out += [attempt(a.send, b"x"), attempt(a.getpeername)]
        a.close()
    return out


@program
def shutting_down_pairs():
    out = []
    for kind in KINDS:
        for how in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            a, b = socket.socketpair(AF_UNIX, kind)
            with a, b:
                a.setblocking(False)
                b.setblocking(False)
                b.send(b"early")
                out += [attempt(a.shutdown, how), ready(a), ready(b)]
                out += [attempt(a.send, b"x"), attempt(b.send, b"x"), attempt(a.recv, 9), attempt(b.recv, 9)]
                out += [attempt(a.recv, 9), attempt(b.recv, 9)]
    with unix() as lone:
        out += [attempt(lone.shutdown, how) for how in (SHUT_RD, SHUT_WR, SHUT_RDWR, 7)]
    return out


@program
def waiting_on_a_datagram_socket_shut_down():
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b:
        a.shutdown(SHUT_RD)
        return a.recv(5), a.recvfrom(5)


@program
def unconnected_unix_sockets():
    out = []
    for kind in KINDS:
        with unix(kind) as lone:
            lone.setblocking(False)
            out += [attempt(lone.recv, 1), attempt(lone.recvfrom, 1), attempt(lone.recvmsg, 1)]
            out += [
                attempt(lone.send, b"x"),
                attempt(lone.sendto, b"x", b"\0none"),
                attempt(lone.sendto, b"x", ""),
            ]
            out += [attempt(lone.getpeername), lone.getsockname(), attempt(lone.sendmsg, [b"x"])]
            out.append(attempt(lone.sendmsg, [b"x"], [], 0, b"\0none"))
    return out


@program
def datagrams_between_names():
    with directory() as where, unix(SOCK_DGRAM) as a, unix(SOCK_DGRAM) as b, unix(SOCK_DGRAM) as c:
        a.bind(where + "/a")
        b.bind(b"\0b")
        out = [b.sendto(b"from b", where + "/a"), a.recvfrom(99)]
        c.sendto(b"nameless", where + "/a")
        out += [a.recvfrom(99), a.sendto(b"to b", b"\0b"), b.recvfrom(2)[0]]
        c.connect(where + "/a")
        out += [c.getpeername() == where + "/a", c.send(b"connected"), a.recvmsg(4)]
        a.connect(b"\0b")
        out += [
            attempt(c.send, b"x"),
            attempt(c.sendto, b"x", where + "/a"),
            attempt(lone("connect", SOCK_DGRAM), where + "/a"),
        ]
        out += [b.sendto(b"still", where + "/a"), a.recv(9), a.send(b"and back"), b.recv(9)]
        out += [attempt(c.sendto, b"x", where + "/none"), attempt(c.sendto, b"x", "")]
        b.close()
        out += [attempt(a.send, b"x"), attempt(a.send, b"x"), attempt(a.getpeername)]
        with server_at(where + "/stream"):
            out.append(attempt(c.sendto, b"x", where + "/stream"))
        return out


@program
def a_datagram_receiver_that_is_slow():
    with unix(SOCK_DGRAM) as a, unix(SOCK_DGRAM) as b, unix(SOCK_DGRAM) as c:
        a.bind(b"\0slow")
        b.setblocking(False)
        c.connect(b"\0slow")
        c.setblocking(False)
        count = 0
        try:
            while count < 100:
                b.sendto(b"x", b"\0slow")
                count += 1
        except BlockingIOError as error:
            out = [count, str(error)]
        out += [ready(b), ready(c), attempt(c.send, b"y")]
        a.recv(1)
        return [*out, ready(c), attempt(c.send, b"y"), ready(c)]


@program
def a_sender_waits_for_a_slow_receiver():
    with unix(SOCK_DGRAM) as a, unix(SOCK_DGRAM) as b:
        a.bind(b"\0slow")
        thread = threading.Thread(target=lambda: [b.sendto(b"%d" % each, b"\0slow") for each in range(30)])
        thread.start()
        got = [a.recv(9) for _ in range(30)]
        thread.join()
        return got


@program
def how_much_fits():
    out = []
    for kind in KINDS:
        for size in (1, 320, 385, 1000, 4000, 8000, 16065, 65536, 200000):
            a, b = socket.socketpair(AF_UNIX, kind)
            with a, b:
                a.setblocking(False)
                sent = []
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sent.append(a.send(b"x" * size))
                out += [(len(sent), sum(sent)), ready(a)]
                while b.recv(1 << 17, socket.MSG_DONTWAIT) and not ready(a):
                    pass
                b.setblocking(False)
                out.append(len(attempt(b.recv, 1 << 20)))
    return out


@program
def what_is_too_long():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        with a, b:
            a.setblocking(False)
            out += [attempt(a.send, b"x" * size) for size in (212960, 212961)]
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b:
        a.setsockopt(SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return [
            *out,
            attempt(a.send, b"x" * 9000),
            attempt(a.send, b"x" * 8000),
            a.getsockopt(SOL_SOCKET, socket.SO_SNDBUF),
        ]


@program
def a_blocking_sendall():
    a, b = socket.socketpair()
    with a, b:
        thread = threading.Thread(target=a.sendall, args=(bytes(range(256)) * 4000,))
        thread.start()
        got = b.recv(256 * 4000, socket.MSG_WAITALL)
        thread.join()
        return got == bytes(range(256)) * 4000


@program
def empty_datagrams():
    a, b = socket.socketpair(AF_UNIX, SOCK_DGRAM)
    with a, b:
        return a.send(b""), ready(b), b.recvfrom(9), ready(b), a.sendmsg([]), b.recvmsg(0), attempt(b.recv, 0)


@program
def pairs_of_all_kinds():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        with a, b:
            out += [a.type, a.family, a.proto, a.getsockname(), a.getpeername(), a.getblocking()]
            out += [
                a.getsockopt(SOL_SOCKET, option)
                for option in (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_ERROR)
            ]
            out += [
                a.getsockopt(SOL_SOCKET, socket.SO_PROTOCOL),
                a.getsockopt(SOL_SOCKET, socket.SO_ACCEPTCONN),
            ]
    a, b = socket.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK)
    with a, b:
        out += [a.type, a.gettimeout(), attempt(b.recv, 1)]
    out += [failing(socket.socketpair, AF_UNIX, 77), failing(socket.socketpair, AF_UNIX, SOCK_STREAM, 5)]
    out += [failing(socket.socket, AF_UNIX, 77), failing(socket.socket, AF_UNIX, SOCK_STREAM, 5)]
    out.append(failing(socket.socketpair, socket.AF_INET))
    return out


@program
def who_the_peer_is():
    with directory() as where:
        out = []
        a, b = socket.socketpair()
        client, connection = joined(where + "/s")
        with a, b, client, connection, server_at(where + "/t") as server, unix() as lone:
            ends = (a, b, client, connection, server, lone)
            out += [unpacked(each.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)) for each in ends]
            out.append(failing(a.setsockopt, SOL_SOCKET, SO_PEERCRED, b"x" * 12))
        return out


@program
def credentials_come_along():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        with a, b:
            a.send(b"before")
            b.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
            out += [b.getsockopt(SOL_SOCKET, SO_PASSCRED), a.getsockopt(SOL_SOCKET, SO_PASSCRED)]
            a.send(b"after")
            for _ in range(2):
                data, control, flags, source = b.recvmsg(99, 100)
                out += [data, flags, source, [(level, kind) for level, kind, _ in control]]
                out += [unpacked(content) for _, _, content in control]
            own = struct.pack("iii", os.getpid(), os.getuid(), os.getgid())
            a.sendmsg([b"own"], [(SOL_SOCKET, SCM_CREDENTIALS, own)])
            data, control, flags, source = b.recvmsg(99, 100)
            out += [data, [unpacked(content) for _, _, content in control]]
            a.send(b"no room")
            out.append(b.recvmsg(99, 0))
            a.send(b"little room")
            _, control, flags, _ = b.recvmsg(99, 20)
            out += [len(control[0][2]), flags]
            out += [attempt(a.sendmsg, [b"x"], [(SOL_SOCKET, SCM_CREDENTIALS, own[:8])])]
    return out


@program
def passing_credentials_gives_a_name():
    with directory() as where, server_at(where + "/s") as server, unix() as client:
        client.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
        client.connect(where + "/s")
        name = client.getsockname()
        accepted, address = server.accept()
        accepted.close()
        return type(name), len(name), address == name


@program
def passing_sockets():
    out = []
    for kind in KINDS:
        a, b = socket.socketpair(AF_UNIX, kind)
        c, d = socket.socketpair()
        with a, b, d:
            out.append(socket.send_fds(a, [b"take ", b"this"], [c.fileno(), c.fileno()]))
            c.close()
            data, numbers, flags, address = socket.recv_fds(b, 99, 5)
            out += [data, len(numbers), flags, address, numbers[0] != numbers[1]]
            first, second = (socket.socket(fileno=number) for number in numbers)
            first.send(b"through")
            first.close()
            out += [d.recv(99), second.getblocking(), os.get_inheritable(second.fileno())]
            second.close()
            out.append(d.recv(9))
    return out


@program
def what_is_passed_is_closed_if_nobody_takes_it():
    out = []
    for how in ("recv", "close", "no room"):
        a, b = socket.socketpair()
        c, d = socket.socketpair()
        with a, b, c, d:
            socket.send_fds(a, [b"x"], [c.fileno()])
            c.close()
            d.setblocking(False)
            out.append(attempt(d.recv, 1))
            if how == "recv":
                b.recv(1)
            elif how == "close":
                b.close()
            else:
                out.append(b.recvmsg(1, 10))
            out.append(attempt(d.recv, 1))
    return out


@program
def passing_what_cannot_be_passed():
    a, b = socket.socketpair()
    with a, b:
        out = [attempt(socket.send_fds, a, [b"x"], [-1])]
        number = a.fileno()
        out.append(attempt(a.sendmsg, [b"x"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [number] * 254))]))
        out.append(attempt(a.sendmsg, [b"x"], [(SOL_SOCKET, SCM_RIGHTS, b"")]))
        out += [
            b.recvmsg(9, 100),
            attempt(a.sendmsg, [b"x"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [number]), 1)]),
        ]
        a.sendmsg([b"many"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [number] * 253))])
        _, numbers, flags, _ = socket.recv_fds(b, 9, 253)
        for number in numbers:
            os.close(number)
        return [*out, len(numbers), flags]


@program
def passing_in_the_middle_of_a_stream():
    a, b = socket.socketpair()
    with a, b:
        a.send(b"one")
        socket.send_fds(a, [b"two"], [a.fileno()])
        a.send(b"three")
        out = []
        for _ in range(2):
            data, numbers, flags, _ = socket.recv_fds(b, 99, 2)
            out += [data, len(numbers), flags]
            for number in numbers:
                os.close(number)
        socket.send_fds(a, [b"abcdef"], [a.fileno()])
        for size in (2, 2, 9):
            data, numbers, flags, _ = socket.recv_fds(b, size, 2)
            out += [data, len(numbers), flags]
            for number in numbers:
                os.close(number)
        return out


@program
def looking_at_what_is_passed():
    a, b = socket.socketpair()
    with a, b:
        socket.send_fds(a, [b"x"], [a.fileno()])
        out = []
        for flags in (socket.MSG_PEEK, 0):
            data, control, result, _ = b.recvmsg(9, 100, flags)
            numbers = array.array("i", control[0][2])
            out += [data, len(numbers), result]
            for number in numbers:
                os.close(number)
        return out


@program
def passing_a_real_file():
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        a, b = map(stack.enter_context, socket.socketpair())
        file.write(b"content")
        file.flush()
        socket.send_fds(a, [b"x"], [file.fileno()])
        _, (number,), _, _ = socket.recv_fds(b, 9, 1)
        out = os.pread(number, 99, 0)
        os.close(number)
        return out


@program
def the_node_of_a_socket():
    with directory() as where:
        name = where + "/s"
        with server_at(name):
            status = os.stat(name)
            out = [
                stat.S_ISSOCK(status.st_mode),
                status.st_size,
                status.st_nlink,
                status.st_uid == os.getuid(),
            ]
            out += [
                oct(status.st_mode),
                stat.S_ISSOCK(os.lstat(name).st_mode),
                pathlib.Path(name).is_socket(),
            ]
            os.chmod(name, 0o640)
            out += [oct(os.stat(name).st_mode), pathlib.Path(name).exists(), os.path.isfile(name)]
            out += [os.access(name, os.F_OK), os.access(name, os.R_OK | os.W_OK), os.access(name, os.X_OK)]
            os.chown(name, os.getuid(), -1)
            pathlib.Path(name).chmod(0o777)
            out += [
                oct(os.stat(name).st_mode),
                os.stat(name).st_mtime == os.stat(name).st_mtime_ns // 10**9 or True,
            ]
            os.rename(name, where + "/t")
            out += [
                os.path.exists(name),
                attempt(lone("connect"), name),
                attempt(lone("connect"), where + "/t"),
            ]
            pathlib.Path(where + "/t").unlink()
            out += [os.path.lexists(where + "/t"), attempt(lone("connect"), where + "/t")]
            out += [failing(os.unlink, name), failing(os.stat, name), failing(os.chmod, name, 0)]
            return out


@program
def a_node_outlives_its_socket():
    with directory() as where:
        name = where + "/s"
        server_at(name).close()
        out = [os.path.exists(name), attempt(lone("connect"), name), failing(lone("bind"), name)]
        os.remove(name)
        with server_at(name):
            os.replace(name, where + "/other")
            with server_at(name), unix() as client:
                client.connect(where + "/other")
                out.append(client.getpeername() == name)
        return out


@program
def other_spellings_of_a_path():
    with directory() as where:
        os.mkdir(where + "/d")
        os.symlink(where + "/d", where + "/link")
        os.symlink("d/s", where + "/to_socket")
        with server_at(where + "/d/s"):
            out = []
            for spelling in ("/link/s", "/d/../d/s", "//d/./s", "/to_socket"):
                with unix() as client:
                    out += [attempt(client.connect, where + spelling), os.path.exists(where + spelling)]
            out += [
                stat.S_ISLNK(os.lstat(where + "/to_socket").st_mode),
                failing(lone("bind"), where + "/to_socket"),
            ]
            here = os.getcwd()
            os.chdir(where)
            try:
                with unix() as client, unix() as other:
                    client.connect("d/s")
                    out += [client.getpeername() == where + "/d/s", attempt(other.bind, "relative")]
                    out += [
                        other.getsockname(),
                        os.path.exists("relative"),
                        os.path.exists(where + "/relative"),
                    ]
            finally:
                os.chdir(here)
            return out


@program
def bytes_and_text():
    with directory() as where, server_at(os.fsencode(where) + b"/\xff"), unix() as client:
        client.connect(os.fsdecode(os.fsencode(where) + b"/\xff"))
        return client.getpeername() == where + "/\udcff", os.path.exists(os.fsencode(where) + b"/\xff")


@program
def an_asyncio_server_at_a_path():
    async def main(name):
        async def serve(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(serve, name)
        async with server:
            reader, writer = await asyncio.open_unix_connection(name)
            writer.write(b"hello\n")
            out = [await reader.read(), writer.get_extra_info("peername") == name]
            out.append(writer.get_extra_info("sockname"))
            writer.close()
            await writer.wait_closed()
        again = await asyncio.start_unix_server(serve, name)
        again.close()
        await again.wait_closed()
        return out

    with directory() as where:
        return asyncio.run(main(where + "/s")), failing(
            asyncio.run, asyncio.open_unix_connection(where + "/none")
        )


@program
def asyncio_connects_to_nothing_at_a_path():
    async def main(name):
        return await asyncio.open_unix_connection(name)

    with directory() as where:
        with open(where + "/file", "w"):
            pass
        return [failing(asyncio.run, main(where + each)) for each in ("/none", "/file")]


@program
def a_socketserver_at_a_path():
    class Upper(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.readline().upper())

    with directory() as where, socketserver.ThreadingUnixStreamServer(where + "/s", Upper) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answers = []
        for _ in range(3):
            with unix() as client:
                client.connect(where + "/s")
                client.sendall(b"hello\n")
                answers.append(client.makefile("rb").read())
        server.shutdown()
        thread.join()
        return answers


@program
def a_datagram_socketserver_at_a_path():
    class Upper(socketserver.DatagramRequestHandler):
        def handle(self):
            self.wfile.write(self.rfile.read().upper())

    with contextlib.ExitStack() as stack:
        where = stack.enter_context(directory())
        with socketserver.UnixDatagramServer(where + "/s", Upper) as server, unix(SOCK_DGRAM) as client:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            client.bind(where + "/c")
            client.sendto(b"hello", where + "/s")
            answer = client.recvfrom(99)
            thread.join()
            return answer[0], answer[1] == where + "/s"


@program
def multiprocessing_connections_at_a_path():
    with directory() as where:
        answers = []

        def serve():
            with listener.accept() as connection:
                answers.append(connection.recv())
                connection.send({"answer": 42})

        with Listener(where + "/s", "AF_UNIX", authkey=b"key") as listener:
            thread = threading.Thread(target=serve)
            thread.start()
            with Client(where + "/s", authkey=b"key") as client:
                client.send(["a", "list"])
                answers.append(client.recv())
            thread.join()
        return answers, os.path.exists(where + "/s")
