"""`Host.netstat()`, and where it is shown."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time

import pytest

import glassnet
from glassnet.host.netstat import Netstat, Row, details
from glassnet.host.sockets.tcp_info import FIELDS, LAYOUT

PORT = 7


def sleeper(seconds=1000):
    time.sleep(seconds)


def test_a_host_without_sockets(a):
    assert a.netstat() == ()
    assert str(a.netstat()).split() == [
        "State", "Recv-Q", "Send-Q", "Local", "Address:Port", "Peer", "Address:Port", "Process"
    ]  # fmt: skip


def test_both_ends_of_a_connection(net, a, b):
    def server():
        with socket.create_server(("", PORT), backlog=5) as listener:
            connection, _ = listener.accept()
            connection.recv(100)
            sleeper()

    def client():
        with socket.create_connection(("192.0.2.1", PORT)) as connection:
            connection.sendall(bytes(700))
            sleeper()

    a.start(server)
    b.start(client, name="the client")
    net.run(1.0)
    listening, accepted = a.netstat()
    assert (listening.state, listening.recv_q, listening.send_q) == ("LISTEN", 0, 5)
    assert (listening.local, listening.peer) == ("0.0.0.0:7", "0.0.0.0:*")
    assert listening.details == "cubic cwnd:10"
    (mine,) = b.netstat()
    assert (accepted.state, mine.state) == ("ESTAB", "ESTAB")
    assert (accepted.local, accepted.peer) == (mine.peer, mine.local)
    assert (accepted.recv_q, accepted.send_q) == (600, 0)
    assert (mine.recv_q, mine.send_q) == (0, 0)
    assert (mine.program, mine.pid, mine.controller) == ("the client", 100, "cubic")
    assert mine.info["bytes_acked"] == 701
    assert mine.info["rtt"] == 75_000  # of 80 ms, in which addresses were resolved, and 40 ms
    assert isinstance(a.netstat(), Netstat)
    lines = str(b.netstat()).splitlines()
    assert lines[0].split()[0] == "State"
    assert lines[1].split() == ["ESTAB", "0", "0", mine.local, mine.peer, 'users:(("the', 'client",pid=100))']
    assert lines[2].startswith("\t ts sack cubic wscale:7,7 rto:2")
    assert " mss:1448 pmtu:1500 rcvmss:536 advmss:1448 cwnd:10 bytes_sent:700 bytes_acked:701 " in lines[2]
    assert repr(b.netstat()) == str(b.netstat())


def test_it_tells_what_tcp_info_tells(net, a, b):
    found = []

    def server():
        with socket.create_server(("", PORT)) as listener:
            connection, _ = listener.accept()
            connection.sendall(bytes(50_000))
            time.sleep(5)
            raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
            found.append(dict(zip(FIELDS, LAYOUT.unpack(raw), strict=True)))
            found.append(a.netstat()[1].info)
            connection.close()

    def client():
        with socket.create_connection(("192.0.2.1", PORT)) as connection:
            sleeper(10)
            connection.recv(1)

    a.start(server)
    b.run(client)
    assert found[0] == dict(found[1])
    assert found[0]["bytes_sent"] == 50_000


def test_what_waits_to_be_sent_and_accepted(net, a, b):
    def server():
        with socket.create_server(("", PORT), backlog=3):
            sleeper()

    def client():
        connections = [socket.create_connection(("192.0.2.1", PORT)) for _ in range(2)]
        for _ in range(3):
            connections[0].send(bytes(1000))
        b.interfaces[0].up = False
        connections[0].send(bytes(5000))
        connections[0].shutdown(socket.SHUT_WR)
        sleeper()

    a.start(server)
    b.start(client)
    net.run(0.5)
    assert next((row.state, row.recv_q, row.send_q) for row in a.netstat()) == ("LISTEN", 2, 3)
    # Nobody holds what waits to be accepted.
    assert [row.owner for row in a.netstat()[1:]] == ["", ""]
    first, second = b.netstat()
    assert (first.state, first.recv_q, first.send_q) == ("FIN-WAIT-1", 0, 8001)
    assert (second.state, second.send_q) == ("ESTAB", 0)
    assert "retrans:" in first.details
    assert "unacked:" in first.details


def test_states_of_the_end(net, a, b):
    def server():
        with socket.create_server(("", PORT)) as listener:
            connection, _ = listener.accept()
            time.sleep(1)
            connection.close()
            sleeper()

    def client():
        with socket.create_connection(("192.0.2.1", PORT)):
            pass
        sleeper()

    a.start(server)
    b.start(client)
    net.run(0.5)
    assert [row.state for row in a.netstat()] == ["LISTEN", "CLOSE-WAIT"]
    assert [row.recv_q for row in a.netstat()] == [0, 1]  # as on Linux the FIN counts
    assert [row.state for row in b.netstat()] == ["FIN-WAIT-2"]
    net.run(2.0)
    (left,) = b.netstat()
    assert (left.state, dict(left.info), left.details, left.owner) == ("TIME-WAIT", {}, "", "")
    assert len(str(b.netstat()).splitlines()) == 2
    assert not b.netstat().connected


def test_listeners_by_port_and_family(net, a):
    def server():
        sockets = [
            socket.create_server(("192.0.2.1", 90)),
            socket.create_server(("::", 80), family=socket.AF_INET6),
            socket.create_server(("::", 70), family=socket.AF_INET6, dualstack_ipv6=True),
        ]
        sleeper(10)
        assert len(sockets) == 3

    a.start(server)
    net.run(1.0)
    assert [(row.local, row.peer) for row in a.netstat()] == [
        ("*:70", "*:*"),
        ("[::]:80", "[::]:*"),
        ("192.0.2.1:90", "0.0.0.0:*"),
    ]


def test_a_row_cannot_be_changed(net, a):
    row = Row("ESTAB", 0, 0, "192.0.2.1:1", "192.0.2.2:2")
    with pytest.raises(AttributeError):
        row.recv_q = 1

    def server():
        with socket.create_server(("", PORT)):
            sleeper()

    a.start(server)
    net.run(1.0)
    with pytest.raises(TypeError):
        a.netstat()[0].info["rtt"] = 1


def test_a_crashed_host_has_none(net, a, b):
    def server():
        with socket.create_server(("", PORT)) as listener, listener.accept()[0]:
            sleeper()

    def client():
        with socket.create_connection(("192.0.2.1", PORT)):
            sleeper()

    a.start(server)
    b.start(client)
    net.run(1.0)
    assert len(a.netstat()) == 2
    a.crash()
    assert a.netstat() == ()


def test_a_deadlock_shows_the_table_of_who_is_connected(net, a, b):
    def server():
        with socket.create_server(("", PORT)) as listener:
            connection, _ = listener.accept()
            connection.recv(100)

    def client():
        with socket.create_connection(("192.0.2.1", PORT)) as connection:
            connection.recv(100)

    def waits():
        with socket.create_server(("", 99)) as listener:
            listener.accept()

    lonely = net.host("lonely")
    lonely.start(waits)
    a.start(server)
    with pytest.raises(glassnet.Deadlock) as caught:
        b.run(client)
    assert list(caught.value.sockets) == ["a", "b"]
    report = str(caught.value)
    assert "TCP sockets of a:\n  State " in report
    assert re.search(
        r"\n  ESTAB +0 +0 +192\.0\.2\.1:7 +192\.0\.2\.2:\d+ +users:\(\(\"server\",pid=100\)\)", report
    )
    assert report.count("\n  \t ts sack cubic wscale:7,7 ") == 2
    assert "TCP sockets of lonely" not in report


def names(line):
    """What a line of `ss -i` names, in its order."""
    found = []
    for word in re.sub(r"\(.*?\)", "", line).split():
        name = word.partition(":")[0]
        if name not in ("bbr", "cubic", "reno") and not re.fullmatch(r"[\d.]+[KMG]?bps(/.*)?", word):
            found.append(name)
    return found


@pytest.mark.skipif(shutil.which("ss") is None, reason="there is no ss (iproute2)")
def test_names_and_order_are_those_of_ss(net, a, b):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as real, listener.accept()[0] as other:
            for _ in range(20):
                other.sendall(bytes(2000))
                real.recv(2000)
            real.sendall(bytes(100))
            shown = subprocess.run(["ss", "-tin"], capture_output=True, text=True, check=True).stdout
    lines = shown.splitlines()
    kernel = [names(lines[at + 1]) for at, line in enumerate(lines[:-1]) if f":{port} " in f"{line} "]
    assert len(kernel) == 2

    def server():
        with socket.create_server(("", PORT)) as mine:
            connection, _ = mine.accept()
            for _ in range(20):
                connection.sendall(bytes(2000))
            connection.recv(100)
            sleeper()

    def client():
        with socket.create_connection(("192.0.2.1", PORT)) as connection:
            connection.recv(40_000, socket.MSG_WAITALL)
            connection.sendall(bytes(100))
            sleeper()

    a.start(server)
    b.start(client)
    net.run(3.0)
    for ours in names(a.netstat()[1].details), names(b.netstat()[0].details):
        for theirs in kernel:
            assert [name for name in ours if name in theirs] == [name for name in theirs if name in ours]
            assert {"rto", "rtt", "mss", "pmtu", "cwnd", "send", "segs_out", "minrtt"} <= {*ours} & {*theirs}


def test_rates_and_shares():
    info = dict.fromkeys(FIELDS, 0)
    info |= {"rto": 204_000, "rtt": 4100, "rttvar": 2000, "snd_mss": 1448, "snd_cwnd": 10, "snd_ssthresh": 7}
    info |= {"pacing_rate": 7_063_414, "max_pacing_rate": 125_000, "delivery_rate": 12, "flags": 1}
    info |= {"busy_time": 12_000, "rwnd_limited": 3000, "total_retrans": 3, "reordering": 5, "min_rtt": 900}
    info |= {"options": 13, "wscales": 0x97, "lost": 1, "sacked": 2, "unacked": 4}
    assert details("reno", info) == (
        "ts ecn reno wscale:7,9 rto:204 rtt:4.1/2 mss:1448 cwnd:10 ssthresh:7 send 28.3Mbps "
        "pacing_rate 56.5Mbps/1Mbps delivery_rate 96bps app_limited busy:12ms rwnd_limited:3ms(25.0%) "
        "unacked:4 retrans:0/3 lost:1 sacked:2 reordering:5 minrtt:0.9"
    )
