"""TLS: how connections begin, and what is told of them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings

from parity_kit import program
from tls_kit import (
    AUTHORITY,
    CLIENT,
    SERVER,
    echo,
    of_each_version,
    outcome,
    read_all,
    served,
    tls_pair,
)

# What is told


@of_each_version
def what_a_connection_tells(context):
    with tls_pair(context) as (client, server):
        binding = client.get_channel_binding("tls-unique")
        return [
            isinstance(client, ssl.SSLSocket),
            isinstance(client, socket.socket),
            client.version(),
            client.cipher(),
            server.cipher() == client.cipher(),
            client.shared_ciphers(),
            len(server.shared_ciphers()) > 1,
            client.compression(),
            client.selected_alpn_protocol(),
            client.server_side,
            server.server_side,
            client.server_hostname,
            server.server_hostname,
            client.session_reused,
            client.context is context,
            client.pending(),
            client.getpeercert()["subjectAltName"],
            len(client.getpeercert(True)),
            len(client.getpeercert(binary_form=True)) > 100,
            server.getpeercert(),
            server.getpeercert(True),
            binding == server.get_channel_binding("tls-unique"),
            len(binding),
            outcome(client.get_channel_binding, "other"),
            client.gettimeout(),
            client.family,
            client.type,
            client.proto,
            repr(client).split(" fd=")[0],
            type(client).__name__,
        ]


@program
def what_an_unconnected_socket_tells():
    with CLIENT.wrap_socket(socket.socket(), server_hostname="server.test") as tls:
        return [
            tls.version(),
            tls.cipher(),
            tls.shared_ciphers(),
            tls.compression(),
            tls.selected_alpn_protocol(),
            tls.session,
            tls.session_reused,
            tls.pending(),
            tls.get_channel_binding(),
            outcome(tls.get_channel_binding, "other"),
            outcome(tls.getpeercert),
            outcome(tls.do_handshake),
            outcome(tls.read),
            outcome(tls.write, b"x"),
            outcome(tls.unwrap)[0],
            outcome(tls.verify_client_post_handshake)[0],
            outcome(tls.send, b"x"),
            outcome(tls.recv, 1),
            tls.server_hostname,
        ]


@program
def before_the_handshake():
    with served(echo) as (sock, peer):
        tls = CLIENT.wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
        with tls:
            out = [
                tls.version(),
                tls.cipher(),
                outcome(tls.getpeercert),
                tls.selected_alpn_protocol(),
                tls.get_channel_binding(),
                tls.pending(),
            ]
            tls.do_handshake()
            tls.do_handshake()
            out.append(tls.version())
            tls.sendall(b"after")
            out.append(tls.recv(10))
            tls.unwrap()
    return out, peer.result()


@program
def talking_without_a_handshake_shakes_hands():
    with (
        served(echo, do_handshake_on_connect=False) as (sock, peer),
        CLIENT.wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False) as tls,
    ):
        out = [tls.write(b"implicit"), tls.recv(20), tls.version()]
        tls.unwrap()
        return out, peer.result()


@program
def descriptions():
    with tls_pair() as (client, server):
        return [
            [outcome(call, b"x") for call in (client.sendmsg, client.recvmsg, client.recvmsg_into)],
            outcome(client.dup),
            outcome(client.sendto, b"x", ("127.0.0.1", 9)),
            outcome(client.sendto, b"x", 0, ("127.0.0.1", 9)),
            outcome(client.recvfrom, 5),
            outcome(client.recvfrom_into, bytearray(5)),
            outcome(client.send, b"x", 1),
            outcome(client.sendall, b"x", 1),
            outcome(client.recv, 1, 1),
            outcome(client.recv_into, bytearray(1), 1, 1),
            outcome(ssl.SSLSocket),
            outcome(ssl.SSLSocket, socket.AF_INET),
            outcome(client.send, "text"),
            outcome(client.sendall, "text"),
            outcome(client.write, 5),
            outcome(client.read, -1),
            outcome(client.recv, "x"),
            outcome(server.verify_client_post_handshake)[:2],
        ]


# Ways to begin


@program
def wrapped_before_connecting():
    with (
        served(echo) as (sock, peer),
        CLIENT.wrap_socket(socket.socket(), server_hostname="server.test") as tls,
    ):
        sock.close()
        return peer.result()[:2], outcome(tls.getpeername)


@program
def connecting_a_wrapped_socket():
    out = []
    for connect in ("connect", "connect_ex"):
        ready, port = threading.Event(), []

        def serve(ready=ready, port=port):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port.append(listener.getsockname())
                ready.set()
                sock, _ = listener.accept()
                with SERVER.wrap_socket(sock, server_side=True) as tls:
                    echo(tls)

        thread = threading.Thread(target=serve)
        thread.start()
        ready.wait()
        with CLIENT.wrap_socket(socket.socket(), server_hostname="server.test") as tls:
            out.append(getattr(tls, connect)(port[0]))
            tls.sendall(b"hello")
            out += [tls.recv(10), outcome(tls.connect, port[0]), tls.getpeername() == port[0]]
            tls.unwrap()
        thread.join()
    return out


@program
def connecting_a_wrapped_socket_to_nobody():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
        with CLIENT.wrap_socket(socket.socket(), server_hostname="server.test") as tls:
            out = [outcome(tls.connect, address), outcome(tls.connect_ex, address)]
            return [*out, tls.version()]


@program
def a_wrapped_listener():
    with socket.create_server(("127.0.0.1", 0)) as plain:
        address = plain.getsockname()
        with SERVER.wrap_socket(plain, server_side=True) as listener:
            out = [plain.fileno(), isinstance(listener, ssl.SSLSocket), listener.getsockname() == address]

            def call():
                with (
                    socket.create_connection(address) as sock,
                    CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
                ):
                    tls.sendall(b"through the listener")

            thread = threading.Thread(target=call)
            thread.start()
            tls, peer = listener.accept()
            with tls:
                out += [type(tls).__name__, peer[0], tls.server_side, read_all(tls)]
            thread.join()
            return [*out, outcome(listener.connect, address)]


@program
def a_wrapped_listener_that_does_not_shake_hands():
    with (
        socket.create_server(("127.0.0.1", 0)) as plain,
        SERVER.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as listener,
    ):

        def call():
            with (
                socket.create_connection(listener.getsockname()) as sock,
                CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
            ):
                tls.sendall(b"later")

        thread = threading.Thread(target=call)
        thread.start()
        tls, _ = listener.accept()
        with tls:
            out = [tls.version(), tls.do_handshake_on_connect]
            tls.do_handshake()
            out += [tls.version(), read_all(tls)]
        thread.join()
        return out


@program
def wrong_ways_to_wrap():
    left, right = socket.socketpair()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    closed = socket.socket()
    closed.close()
    with left, right, datagrams, warnings.catch_warnings():
        # CPython itself leaves a socket open for a name that cannot be encoded.
        warnings.simplefilter("ignore", ResourceWarning)
        left.setblocking(False)
        out = [
            outcome(CLIENT.wrap_socket, datagrams, server_hostname="x.test"),
            outcome(CLIENT.wrap_socket, left),
            outcome(CLIENT.wrap_socket, left, server_hostname=""),
            outcome(CLIENT.wrap_socket, left, server_side=True, server_hostname="x.test"),
            outcome(SERVER.wrap_socket, left, server_side=True, session="x"),
            outcome(CLIENT.wrap_socket, closed, server_hostname="x.test"),
            outcome(CLIENT.wrap_socket, left, server_hostname=".x.test"),
        ]
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        out.append(outcome(CLIENT.wrap_socket, left, server_hostname="x.test"))
        out.append(left.fileno())
        out.append(outcome(nothing.wrap_socket, right, server_side=True))
        out.append(outcome(SERVER.wrap_socket, left))
    return out


@program
def tls_over_a_socket_pair():
    left, right = socket.socketpair()
    got = []

    def serve():
        with SERVER.wrap_socket(right, server_side=True) as tls:
            got.append(echo(tls))

    thread = threading.Thread(target=serve)
    thread.start()
    with CLIENT.wrap_socket(left, server_hostname="server.test") as tls:
        tls.sendall(b"pair")
        out = [tls.recv(10), tls.getpeername() in ("", None), left.fileno()]
    thread.join()
    return out, got


@program
def a_class_of_ones_own():
    class Mine(ssl.SSLSocket):
        def recv(self, *args):
            return super().recv(*args)[::-1]

    context = AUTHORITY.client()
    context.sslsocket_class = Mine
    with tls_pair(context) as (client, server):
        server.sendall(b"abc")
        return (
            isinstance(client, Mine),
            type(client).__name__,
            client.recv(10),
            repr(client)[:30].split("<")[1],
        )


@program
def the_old_function():
    if not hasattr(ssl, "wrap_socket"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with served(echo) as (sock, peer), ssl.wrap_socket(sock) as tls:
            tls.sendall(b"old")
            out = tls.recv(5), tls.getpeercert(), outcome(ssl.wrap_socket, sock, server_side=True)
            tls.unwrap()
        return out, peer.result()


@program
def the_certificate_of_a_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with contextlib.suppress(OSError), SERVER.wrap_socket(sock, server_side=True) as tls:
                tls.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        pem = ssl.get_server_certificate(listener.getsockname())
        thread.join()
        return pem.splitlines()[0], len(pem)
