"""TLS: data, waiting and not waiting, and how connections end."""

from __future__ import annotations

import contextlib
import functools
import io
import select
import selectors
import socket
import ssl
import tempfile
import threading

from parity_kit import program, soon
from tls_kit import (
    CLIENT,
    CLIENTS,
    SERVER,
    dialled,
    echo,
    outcome,
    read_all,
    served,
    tls_pair,
)


def of_each_version(function):
    """A program for TLS 1.2 and one for TLS 1.3, on both ends of a connection."""
    for version, context in CLIENTS.items():

        def run(context=context):
            with tls_pair(context) as (client, server):
                return function(client, server)

        program(functools.wraps(function)(run)).__name__ = f"tls_{function.__name__}_{version}"
    return function


def plainly(sock):
    """The TCP socket under a TLS socket becomes one that resets."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


# Data


@of_each_version
def every_way_to_send_and_receive(client, server):
    buffer = bytearray(8)
    out = [client.send(b"one"), server.recv(2), server.pending(), server.recv(10), server.pending()]
    out += [client.write(b"two"), server.read(2), server.read()]
    client.sendall(bytearray(b"three"))
    out += [server.recv_into(buffer), bytes(buffer)]
    client.sendall(memoryview(b"four4444"))
    out += [
        server.recv_into(buffer, 4),
        server.read(10, memoryview(buffer)[:2]),
        bytes(buffer),
        server.recv(9),
    ]
    out += [client.send(b""), client.sendall(b""), server.recv(0)]
    client.sendall(b"five")
    out += [
        server.recv(1),
        outcome(server.recv_into, bytearray(1)),
        server.recv_into(bytearray(5), 0),
        server.read(0),
    ]
    return out


@of_each_version
def records_are_received_one_by_one(client, server):
    client.sendall(b"x" * 40_000)
    soon()
    out = [len(server.recv(10)), server.pending(), len(server.recv(100_000)), server.pending()]
    out += [len(server.recv(100_000)), len(server.recv(100_000)), server.pending()]
    client.sendall(b"abc")
    client.sendall(b"def")
    soon()
    return [*out, server.recv(100), server.recv(100)]


@of_each_version
def files_over_tls(client, server):
    with server.makefile("rb") as source, client.makefile("wb") as sink:
        sink.write(b"line one\nline two\nand " + b"z" * 50_000 + b"\n")
        sink.flush()
        out = [source.readline(), source.readline(), len(source.readline())]
    with client.makefile("rw", encoding="utf-8") as text:
        text.write("grüße\n")
        text.flush()
        out.append(server.recv(100))
    return out


@of_each_version
def files_are_sent(client, server):
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789" * 2000)
        file.flush()
        file.seek(0)
        out = [client.sendfile(file), client.sendfile(file, 10, 15), client.sendfile(io.BytesIO(b"memory"))]
    server.sendall(b"!")
    out.append(client.recv(1))  # and the tickets with it: what is unread would make of the end a reset
    client.close()
    data = read_all(server)
    return [*out, len(data), data[-21:]]


@of_each_version
def much_both_ways_at_once(client, server):
    size = 1_500_000
    got = []

    def pour(tls):
        tls.sendall(b"p" * size)

    def drain(tls):
        count = 0
        while count < size:
            count += len(tls.recv(100_000))
        got.append(count)

    threads = [threading.Thread(target=job, args=(tls,)) for job in (pour, drain) for tls in (client, server)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@of_each_version
def an_echo_of_much(client, server):
    thread = threading.Thread(target=echo, args=(server,))
    thread.start()
    out = []
    for size in (1, 5, 16_383, 16_384, 16_385, 100_000):
        client.sendall(b"e" * size)
        count = 0
        while count < size:
            count += len(client.recv(size))
        out.append(count)
    client.unwrap()
    thread.join()
    return out


@of_each_version
def other_buffers(client, server):
    import array

    numbers = array.array("I", range(5))
    out = [client.send(numbers), server.recv(100)[:5]]
    client.sendall(numbers)
    target = array.array("I", [0] * 5)
    out += [server.recv_into(target), list(target)]
    out += [outcome(client.send, None)]
    return out


# Waiting


@of_each_version
def not_waiting(client, server):
    client.setblocking(False)
    out = [outcome(client.recv, 1), outcome(client.read, 5, bytearray(5)), client.gettimeout()]
    server.sendall(b"now")
    select.select([client], [], [])
    out.append(client.recv(10))
    try:
        client.recv(1)
    except ssl.SSLError as error:
        out += [type(error).__name__, error.args[0] == ssl.SSL_ERROR_WANT_READ, error.errno]
    out.append(outcome(client.unwrap))
    thread = threading.Thread(target=lambda: out.append(outcome(server.unwrap) is server))
    thread.start()
    thread.join()
    select.select([client], [], [])
    out.append(client.unwrap() is client)
    return out


@of_each_version
def sending_into_a_full_connection(client, server):
    client.setblocking(False)
    chunk = b"f" * 200_000
    sent, tries = 0, 0
    while tries < 1000:
        tries += 1
        try:
            sent += client.send(chunk)
        except ssl.SSLWantWriteError as error:
            failure = type(error).__name__, error.errno, error.library, error.reason
            break
    else:
        return "never full"
    again = outcome(client.send, chunk)
    reading = outcome(client.recv, 1)
    short = outcome(client.send, b"short")
    return sent > 0, failure, again, reading, short


@of_each_version
def resuming_a_write(client, server):
    client.setblocking(False)
    chunk = bytes(range(256)) * 2000
    sent = 0
    while True:
        try:
            sent += client.send(chunk)
        except ssl.SSLWantWriteError:
            break
    total = 20
    receiver = []

    def receive_all():
        count = 0
        while count < total * len(chunk):
            data = server.recv(65536)
            if not data:
                break
            receiver.append(data)
            count += len(data)

    thread = threading.Thread(target=receive_all)
    thread.start()
    done = sent // len(chunk)
    while done < total:
        try:
            done += client.send(chunk) == len(chunk)
        except ssl.SSLWantWriteError:
            select.select([], [client], [])
    thread.join()
    return b"".join(receiver) == chunk * total, done


@of_each_version
def timeouts(client, server):
    client.settimeout(0.02)
    out = [outcome(client.recv, 1), outcome(client.recv_into, bytearray(1)), outcome(client.unwrap)]
    return [*out, client.gettimeout()]


@of_each_version
def a_write_that_takes_too_long(client, server):
    client.settimeout(0.02)
    return outcome(client.sendall, b"w" * 30_000_000), outcome(client.send, b"w" * 30_000_000)


@of_each_version
def data_within_the_timeout(client, server):
    server.settimeout(5)

    def later():
        soon()
        client.sendall(b"in time")

    thread = threading.Thread(target=later)
    thread.start()
    out = server.recv(10)
    thread.join()
    return out


@of_each_version
def readiness(client, server):
    def ready():
        return [bool(each) for each in select.select([server], [server], [], 0.05)[:2]]

    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    out = [ready()]
    client.sendall(b"a" * 20_000)
    soon()
    out += [ready(), len(server.recv(100)), ready(), server.pending()]
    out += [len(server.recv(100_000)), ready(), len(server.recv(100_000)), ready(), server.pending()]
    poller = select.poll()
    poller.register(server, select.POLLIN)
    out.append(poller.poll(10))
    client.sendall(b"b")
    out.append([(number == server.fileno(), mask) for number, mask in poller.poll(1000)])
    return out


@program
def a_handshake_without_waiting():
    with served(echo) as (sock, peer):
        sock.setblocking(False)
        tls = CLIENT.wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
        with tls, selectors.DefaultSelector() as selector:
            selector.register(tls, selectors.EVENT_READ)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    selector.select()
            out = [tls.version(), tls.send(b"hello")]
            while True:
                try:
                    out.append(tls.recv(10))
                    break
                except ssl.SSLWantReadError:
                    selector.select()
            tls.do_handshake(block=True)
            out.append(tls.getblocking())
            tls.setblocking(True)
            tls.unwrap()
    return out, peer.result()


@program
def a_server_of_many_without_waiting():
    with socket.create_server(("127.0.0.1", 0)) as plain:
        listener = SERVER.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with listener, selectors.DefaultSelector() as selector:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
            answers = []

            def call(i):
                with (
                    socket.create_connection(listener.getsockname()) as sock,
                    CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
                ):
                    tls.sendall(b"%d" % i)
                    answers.append(tls.recv(10))

            threads = [threading.Thread(target=call, args=(i,)) for i in range(5)]
            for thread in threads:
                thread.start()
            served_all = 0
            while served_all < 5:
                for key, _ in selector.select():
                    if key.fileobj is listener:
                        tls, _ = listener.accept()
                        tls.setblocking(False)
                        selector.register(tls, selectors.EVENT_READ)
                        continue
                    tls = key.fileobj
                    try:
                        tls.send(tls.recv(10) * 2)
                    except ssl.SSLWantReadError:
                        continue
                    selector.unregister(tls)
                    tls.close()
                    served_all += 1
            for thread in threads:
                thread.join()
            return sorted(answers)


# Ending


@of_each_version
def close_notify_then_plain_text(client, server):
    plain = []

    def other():
        sock = server.unwrap()
        plain.append(sock is server)
        plain.append(sock.recv(10))
        sock.sendall(b"plain answer")
        plain.append(outcome(server.unwrap)[0])
        server.close()

    thread = threading.Thread(target=other)
    thread.start()
    sock = client.unwrap()
    out = [sock is client, client.version(), client.cipher(), client.pending(), outcome(client.read)]
    sock.sendall(b"plain")
    out.append(sock.recv(5, socket.MSG_PEEK))
    out.append(read_all(sock))
    thread.join()
    return out, plain


@of_each_version
def plain_text_right_behind_close_notify(client, server):
    """Nothing of what follows TLS is lost, though it arrives together with it."""

    def other():
        server.sendall(b"last words")
        server.settimeout(1)
        with contextlib.suppress(OSError):
            server.unwrap()
        server.sendall(b"plain text at once")
        server.close()

    out = []
    thread = threading.Thread(target=other)
    thread.start()
    out += [client.recv(100), client.recv(100)]
    client.unwrap()
    out.append(read_all(client))
    thread.join()
    return out


@program
def tls_twice_over_one_connection():
    got = []

    def serve(sock):
        for _ in range(2):
            sock = SERVER.wrap_socket(sock, server_side=True)
            got.append(sock.recv(10))
            sock = sock.unwrap()
        with sock:
            got.append(sock.recv(10))

    with dialled(serve) as (sock, peer):
        for word in (b"first", b"second"):
            sock = CLIENT.wrap_socket(sock, server_hostname="server.test")
            sock.sendall(word)
            sock = sock.unwrap()
        with sock:
            sock.sendall(b"third")
            return peer.result(), got


@program
def starting_tls_in_the_middle():
    def serve(sock):
        out = [sock.recv(100)]
        sock.sendall(b"220 go ahead\r\n")
        with SERVER.wrap_socket(sock, server_side=True) as tls:
            return [*out, read_all(tls)]

    with dialled(serve) as (sock, peer):
        sock.sendall(b"STARTTLS\r\n")
        out = [sock.recv(100)]
        with CLIENT.wrap_socket(sock, server_hostname="server.test") as tls:
            tls.sendall(b"secret")
            out += [sock.fileno(), outcome(sock.send, b"x")]
        return out, peer.result()


@of_each_version
def an_end_without_close_notify(client, server):
    server.sendall(b"last")
    server.close()
    out = [client.recv(10), client.recv(10), client.recv(10), outcome(client.unwrap)]
    return [*out[:3], "unwrapped" if out[3] is client else out[3]]


@program
def an_end_without_close_notify_told():
    out = []
    for context in CLIENTS.values():
        with tls_pair(context, suppress_ragged_eofs=False) as (client, server):
            server.close()
            out += [outcome(client.recv, 1), outcome(client.recv_into, bytearray(1)), outcome(client.recv, 1)]
    return out


@of_each_version
def half_a_close(client, server):
    client.shutdown(socket.SHUT_WR)
    out = [client.version(), server.recv(10), server.version()]
    return [*out, outcome(server.send, b"encrypted"), outcome(client.unwrap)[0]]


@of_each_version
def shutting_down_reading(client, server):
    server.sendall(b"before")
    soon()
    client.shutdown(socket.SHUT_RD)
    return client.pending(), client.version()


@of_each_version
def one_end_says_goodbye(client, server):
    server.settimeout(0.05)
    out = [outcome(server.unwrap)]
    out += [client.recv(10), client.recv(10), outcome(client.send, b"still"), outcome(server.recv, 10)]
    return out


@of_each_version
def goodbye_while_data_comes(client, server):
    client.sendall(b"data on its way")
    soon()
    client.settimeout(1)
    server.settimeout(1)
    return [outcome(server.unwrap), outcome(client.recv, 10)]


@of_each_version
def after_close(client, server):
    client.close()
    soon()
    out = [outcome(call) for call in (client.recv, client.read, client.unwrap)[:2]]
    out += [outcome(client.send, b"x"), outcome(client.getpeername), client.fileno(), client.pending()]
    out += [client.version(), client.cipher(), client.selected_alpn_protocol(), server.recv(1)]
    client.close()
    return out


@of_each_version
def a_reset(client, server):
    plainly(server)
    server.close()
    soon()
    return [outcome(client.recv, 10), outcome(client.recv, 10), outcome(client.recv, 10)]


@of_each_version
def a_reset_while_writing(client, server):
    plainly(server)
    server.close()
    soon()
    return [outcome(client.send, b"x"), outcome(client.send, b"x")]


@of_each_version
def a_reset_while_saying_goodbye(client, server):
    plainly(server)
    server.close()
    soon()
    return outcome(client.unwrap)


@of_each_version
def taken_apart(client, server):
    number = client.detach()
    with socket.socket(fileno=number) as plain:
        return [client.fileno(), plain.type, outcome(plain.getpeername) == outcome(server.getsockname)]


def broken(stream):
    """What a client receives of a server whose encrypted answer is changed by `stream` on its way."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = SERVER.wrap_bio(incoming, outgoing, server_side=True)

    def serve(sock):
        while True:
            try:
                server.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        server.write(b"one " * 100)
        server.write(b"two " * 100)
        sock.sendall(stream(outgoing.read()))

    def call():
        out = []
        with CLIENT.wrap_socket(sock, server_hostname="server.test", suppress_ragged_eofs=False) as tls:
            for _ in range(4):
                out.append(outcome(tls.recv, 4000))
                if isinstance(out[-1], bytes):
                    out[-1] = len(out[-1])
        return out

    with dialled(serve) as (sock, peer):
        return call(), peer.result()


@program
def records_damaged_on_their_way():
    return [
        broken(lambda data: data),
        broken(lambda data: data[:-1]),
        broken(lambda data: data[:3]),
        broken(lambda data: data[:100]),
        broken(lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:]),
        broken(lambda data: b"\x15" + data[1:]),
        broken(lambda data: data[:1] + b"\x09" + data[2:]),
        broken(lambda data: data[:3] + b"\xff" + data[4:]),
        broken(lambda data: data[:3] + b"\x00\x00" + data[5:]),
        broken(lambda data: data + data),
        broken(lambda data: data[422:] + data[:422]),
        broken(lambda data: data + b"HTTP/1.1 200 OK\r\n\r\n"),
        broken(lambda data: b"\x00" * 40),
    ]
