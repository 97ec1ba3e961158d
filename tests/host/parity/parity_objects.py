"""The socket object itself: closed, detached, duplicated, wrapped, subclassed."""

from __future__ import annotations

import socket
from socket import AF_INET, SOCK_STREAM

from parity_kit import attempt, connected, failing, listening, program


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
