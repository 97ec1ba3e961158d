"""Data goes through connections."""

from __future__ import annotations

import select
import socket
import struct
import threading

from parity_kit import attempt, connected, failing, listening, program, soon


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
        return [
            attempt(peer.recv, -1),
            peer.recv(0),
            attempt(peer.recvfrom, -1),
            peer.recv(3),
            client.send(b""),
        ]


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
