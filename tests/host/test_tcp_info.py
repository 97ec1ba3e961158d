"""TCP_INFO between hosts: what holds the sender up, and what the counts have to do with each other."""

from __future__ import annotations

import socket
import time

import pytest

import glassnet
from glassnet.packetdrill.tcp_info import unpack_tcp_info

PORT = 80
SIZE = 300_000


def told(sock):
    return unpack_tcp_info(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 248))


def serve(pause=0.0, room=0):
    with socket.create_server(("", PORT)) as server:
        if room:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        peer, _ = server.accept()
    with peer:
        time.sleep(pause)
        while peer.recv(1 << 16):
            pass
        return told(peer)


def send(room=0):
    with socket.socket() as sock:
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        sock.connect(("a", PORT))
        sock.sendall(bytes(SIZE))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
        return told(sock)


def transfer(server=(), client=(), **cable):
    with glassnet.Network(seed=3) as net:
        a, b = net.host("a"), net.host("b")
        net.cable(a, b, **cable)
        serving = a.start(serve, *server)
        sent = b.run(send, *client)
        return sent, serving.result()


def test_the_buffer_of_the_sender_is_too_small():
    sent, _ = transfer(client=(8000,), rate="100Mbit/s", delay="20ms")
    assert sent["tcpi_sndbuf_limited"] > sent["tcpi_busy_time"] // 2
    assert sent["tcpi_rwnd_limited"] == 0


def test_the_window_of_the_receiver_is_too_small():
    sent, _ = transfer(server=(0.0, 8000), rate="100Mbit/s", delay="20ms")
    assert sent["tcpi_rwnd_limited"] > sent["tcpi_busy_time"] // 2
    assert sent["tcpi_sndbuf_limited"] == 0


def test_a_receiver_that_does_not_read():
    sent, _ = transfer(server=(5.0, 20000), rate="100Mbit/s", delay="1ms")
    assert 4_500_000 < sent["tcpi_rwnd_limited"] <= sent["tcpi_busy_time"]


def test_only_the_path_is_the_limit():
    sent, _ = transfer(rate="10Mbit/s", delay="20ms")
    assert sent["tcpi_busy_time"] > 200_000
    assert sent["tcpi_rwnd_limited"] == sent["tcpi_sndbuf_limited"] == 0


@pytest.mark.parametrize("loss", [0, 0.03])
def test_the_counts_agree(loss):
    sent, received = transfer(rate="20Mbit/s", delay="10ms", loss=loss)
    resent = sent["tcpi_bytes_retrans"]
    assert (sent["tcpi_total_retrans"] > 0) == (resent > 0) == bool(loss)
    assert sent["tcpi_bytes_acked"] == SIZE + 2  # with SYN and FIN
    assert sent["tcpi_bytes_sent"] == SIZE + resent
    assert received["tcpi_bytes_received"] == SIZE + 1  # with FIN
    first = -(-SIZE // sent["tcpi_snd_mss"])
    assert sent["tcpi_data_segs_out"] >= first + sent["tcpi_total_retrans"] - 1  # a FIN may have been one
    assert received["tcpi_data_segs_in"] <= sent["tcpi_data_segs_out"]
    # The SYN-ACK is nobody's, and the peer's FIN goes after it was asked.
    assert sent["tcpi_segs_in"] <= received["tcpi_segs_out"] + 2
    if not loss:
        assert received["tcpi_data_segs_in"] == sent["tcpi_data_segs_out"] == first
        assert sent["tcpi_delivered"] == first + 1 + (SIZE % sent["tcpi_snd_mss"] == 0)
        assert received["tcpi_segs_in"] == sent["tcpi_segs_out"] - 1  # the answer to that FIN
        assert sent["tcpi_segs_in"] == received["tcpi_segs_out"] + 2
        assert received["tcpi_rcv_ooopack"] == 0
    else:
        assert received["tcpi_rcv_ooopack"] > 0
    assert (
        sent["tcpi_unacked"] == sent["tcpi_lost"] == sent["tcpi_retrans"] == sent["tcpi_notsent_bytes"] == 0
    )
