"""What sockets do when there is a network in between."""

from __future__ import annotations

import errno
import select
import selectors
import socket
import struct
import time
from socket import AF_INET, AF_INET6, SOCK_DGRAM

import pytest

from glassnet.host.descriptors.readiness import Member


def serve_one(family=AF_INET, port=7, **options):
    with socket.create_server(("", port) if family == AF_INET else ("::", port), family=family) as server:
        connection, _ = server.accept()
        with connection:
            received = bytearray()
            while data := connection.recv(65536):
                received += data
            return bytes(received)


def outcome(call, *args):
    before = time.monotonic()
    try:
        call(*args)
        result = None
    except OSError as error:
        result = errno.errorcode.get(error.errno, str(error))
    return result, round(time.monotonic() - before, 6)


@pytest.mark.parametrize(("family", "name"), [(AF_INET, "192.0.2.1"), (AF_INET6, "2001:db8::1")])
def test_a_stream_arrives_whole(hosts, a, b, family, name):
    data = bytes(range(256)) * 20_000
    process = a.start(serve_one, family)

    def client():
        with socket.create_connection((name, 7)) as connection:
            connection.sendall(data)

    b.run(client)
    assert process.result() == data


def test_a_stream_arrives_whole_over_a_bad_cable(net):
    a, b = net.host("a"), net.host("b")
    net.cable(a, b, delay="5ms", rate="10Mbps", loss="3%", duplication="1%", reordering="2%")
    data = bytes(range(256)) * 2_000
    process = a.start(serve_one)

    def client(address):
        with socket.create_connection((address, 7)) as connection:
            connection.sendall(data)

    b.run(client, a.ip_address())
    assert process.result() == data


def test_connecting_where_nobody_is(hosts, b):
    def program():
        with socket.socket() as s:
            first = outcome(s.connect, ("192.0.2.99", 7))
        with socket.socket() as s:
            s.settimeout(1)
            late = outcome(s.connect, ("192.0.2.98", 7))
        with socket.socket() as s:
            nowhere = outcome(s.connect, ("203.0.113.1", 7))
        with socket.socket(AF_INET6) as s:
            nowhere6 = outcome(s.connect, ("2001:db8:99::1", 7))
        return first, late, nowhere, nowhere6

    first, late, nowhere, nowhere6 = b.run(program)
    assert first == ("EHOSTUNREACH", 3.0)  # three ARP requests, one second apart
    assert late == ("timed out", 1.0)
    assert nowhere == nowhere6 == ("ENETUNREACH", 0.0)


def test_connecting_to_silence_gives_up_after_tcp_does(hosts, a, b, net):
    b.run(outcome, socket.create_connection, ("192.0.2.1", 7))  # now the neighbour is known
    for cable in net.cables:
        cable.cut()
    result, elapsed = b.run(outcome, socket.create_connection, ("192.0.2.1", 7))
    assert result in ("ETIMEDOUT", "EHOSTUNREACH")
    assert elapsed < 200


def test_a_peer_that_vanishes_is_found_out_by_keepalive(hosts, a, b, net):
    def client():
        with socket.create_connection(("192.0.2.1", 7)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
            return outcome(connection.recv, 1)

    a.start(serve_one)
    process = b.start(client)
    net.run(for_=1)
    net.cables[0].cut()
    result, elapsed = process.result()
    assert result in ("ETIMEDOUT", "EHOSTUNREACH")
    assert 15 < elapsed < 25


def test_a_killed_server_closes_its_connections(hosts, a, b, net):
    def client():
        with socket.create_connection(("192.0.2.1", 7)) as connection:
            return connection.recv(1), time.monotonic()

    server = a.start(serve_one)
    process = b.start(client)
    net.run(for_=5)
    server.kill()
    assert process.result() == (b"", 65.02)


def test_a_timed_out_sendall(hosts, a, b):
    def server():
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                time.sleep(100)

    def client():
        with socket.create_connection(("192.0.2.1", 7)) as connection:
            connection.settimeout(3)
            return outcome(connection.sendall, bytes(20_000_000))

    a.start(server)
    assert b.run(client) == ("timed out", 3.0)


def test_a_socket_can_be_used_by_two_threads_at_once(hosts, a, b):
    import threading

    def echo():
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

    def client():
        data = bytes(range(256)) * 10_000
        received = bytearray()
        with socket.create_connection(("192.0.2.1", 7)) as connection:

            def read():
                while piece := connection.recv(65536):
                    received.extend(piece)

            reader = threading.Thread(target=read)
            reader.start()
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            reader.join()
        return bytes(received) == data

    a.start(echo)
    assert b.run(client)


def test_closing_under_a_waiting_thread(hosts, a):
    import threading

    def program():
        with socket.create_server(("", 7)) as listening:
            results = []
            thread = threading.Thread(target=lambda: results.append(outcome(listening.accept)[0]))
            thread.start()
            time.sleep(1)
            listening.close()
            thread.join()
        return results

    assert a.run(program) == ["EBADF"]


def test_binding_an_address_after_its_connections_are_gone(hosts, a, b, net):
    """The client closed first, so nothing of the server's lingers in TIME-WAIT."""
    for _ in range(3):
        process = a.start(serve_one)
        b.run(lambda: socket.create_connection(("192.0.2.1", 7)).close())
        process.result()


def test_default_timeouts_belong_to_a_program(hosts, a, b):
    def program(value):
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(value)
        time.sleep(1)
        with socket.create_server(("", 7)) as s:
            return before, s.gettimeout(), socket.getdefaulttimeout()

    first, second = a.start(program, 3), b.start(program, 4.5)
    assert first.result() == (None, 3, 3)
    assert second.result() == (None, 4.5, 4.5)
    assert socket.getdefaulttimeout() is None


def test_a_wildcard_and_ephemeral_ports(hosts, a, b):
    def program():
        ports = set()
        sockets = []
        for _ in range(100):
            s = socket.socket()
            s.bind(("", 0))
            sockets.append(s)
            ports.add(s.getsockname()[1])
        for s in sockets:
            s.close()
        return len(ports), min(ports) >= 32768, max(ports) <= 60999

    assert a.run(program) == (100, True, True)


# --- datagrams


def test_broadcast(net):
    members = net.lan("one", "two", "three")

    def listen():
        with socket.socket(AF_INET, SOCK_DGRAM) as s:
            s.bind(("", 99))
            return s.recvfrom(100)

    def shout(address):
        with socket.socket(AF_INET, SOCK_DGRAM) as s:
            refused = outcome(s.sendto, b"all", (address, 99))[0]
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b"all", (address, 99))
            return refused, s.getsockname()[1]

    for address in ("<broadcast>", "255.255.255.255", "192.0.2.255"):
        listeners = [member.start(listen) for member in members[1:]]
        refused, port = members[0].run(shout, address)
        assert refused == "EACCES"
        for listener in listeners:
            assert listener.result() == (b"all", ("192.0.2.1", port))


@pytest.mark.parametrize("version", [4, 6])
def test_multicast(net, version):
    members = net.lan("one", "two", "three")
    family = AF_INET if version == 4 else AF_INET6
    group = "233.252.0.1" if version == 4 else "ff0e::db8:1"

    def join(s, on=True):
        packed = socket.inet_pton(family, group)
        if version == 4:
            option = socket.IP_ADD_MEMBERSHIP if on else socket.IP_DROP_MEMBERSHIP
            s.setsockopt(socket.IPPROTO_IP, option, packed + bytes(4))
        else:
            option = socket.IPV6_JOIN_GROUP if on else socket.IPV6_LEAVE_GROUP
            index = socket.if_nametoindex("eth0")
            s.setsockopt(socket.IPPROTO_IPV6, option, packed + struct.pack("@I", index))

    def listen():
        with socket.socket(family, SOCK_DGRAM) as s:
            s.bind(("", 99))
            s.settimeout(5)
            join(s)
            twice = outcome(join, s)[0]
            data, _ = s.recvfrom(100)
            join(s, False)
            return data, twice, outcome(join, s, False)[0], outcome(s.recvfrom, 100)[0]

    def deaf():
        with socket.socket(family, SOCK_DGRAM) as s:
            s.bind(("", 99))
            s.settimeout(5)
            return outcome(s.recv, 100)[0]

    def send():
        with socket.socket(family, SOCK_DGRAM) as s:
            for pause in (1, 3):
                time.sleep(pause)
                s.sendto(b"group", (group, 99))

    listener, other = members[1].start(listen), members[2].start(deaf)
    members[0].run(send)
    assert listener.result() == (b"group", "EADDRINUSE", "EADDRNOTAVAIL", "timed out")
    assert other.result() == "timed out"


def test_link_local_addresses_need_and_show_a_scope(hosts, a, b):
    def own():
        address = next(
            each.address for each in a.system.internet.addresses() if each.address[:2] == b"\xfe\x80"
        )
        return socket.inet_ntop(AF_INET6, address)

    link_local = own()

    def listen():
        with socket.socket(AF_INET6, SOCK_DGRAM) as s:
            s.bind(("::", 99))
            return s.recvfrom(10)

    def send():
        index = socket.if_nametoindex("eth0")
        with socket.socket(AF_INET6, SOCK_DGRAM) as s:
            missing = outcome(s.sendto, b"x", (link_local, 99))[0]
            s.sendto(b"x", (link_local, 99, 0, index))
            info = socket.getaddrinfo(f"{link_local}%eth0", 99, type=SOCK_DGRAM)[0][4]
            return missing, info[3] == index

    listener = a.start(listen)
    assert b.run(send) == ("EINVAL", True)
    data, source = listener.result()
    assert data == b"x"
    assert source[0].startswith("fe80::")
    assert source[3] == a.run(socket.if_nametoindex, "eth0")


def test_unread_datagrams_are_bounded(hosts, a, b):
    def listen():
        with socket.socket(AF_INET, SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 5000)
            s.bind(("", 99))
            time.sleep(10)
            s.setblocking(False)
            count = 0
            while outcome(s.recv, 2000)[0] is None:
                count += 1
            return count

    def send():
        with socket.socket(AF_INET, SOCK_DGRAM) as s:
            for _ in range(100):
                s.sendto(bytes(1000), ("192.0.2.1", 99))

    listener = a.start(listen)
    b.run(send)
    assert 4 <= listener.result() <= 10


# --- readiness


def test_a_wait_costs_what_is_ready_and_not_what_is_registered(a, monkeypatch):
    looks = []
    original = Member.ready
    monkeypatch.setattr(Member, "ready", lambda self, file: (looks.append(1), original(self, file))[1])

    def program():
        pairs = [socket.socketpair() for _ in range(500)]
        with selectors.DefaultSelector() as selector:
            for ours, _ in pairs:
                selector.register(ours, selectors.EVENT_READ)
            looks.clear()
            for _ in range(10):
                pairs[77][1].send(b"x")
                [(key, _)] = selector.select()
                key.fileobj.recv(1)
        for pair in pairs:
            for each in pair:
                each.close()
        return len(looks)

    assert a.run(program) == 10


def test_a_closed_file_leaves_a_selector(a):
    def program():
        ours, theirs = socket.socketpair()
        with selectors.DefaultSelector() as selector, theirs:
            selector.register(ours, selectors.EVENT_READ)
            theirs.send(b"x")
            ours.close()
            return selector.select(1), time.monotonic()

    assert a.run(program) == ([], 61)


def test_select_over_hosts_and_with_numbers(a):
    def program():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.send(b"x")
            readable, writable, _ = select.select([ours.fileno()], [theirs.fileno()], [], 1)
            return readable == [ours.fileno()], writable == [theirs.fileno()], ours.fileno() >= 1 << 20

    assert a.run(program) == (True, True, True)


def test_file_numbers_are_reused_lowest_first(a):
    def program():
        first, second, third = socket.socket(), socket.socket(), socket.socket()
        numbers = [each.fileno() for each in (first, second, third)]
        second.close()
        first.close()
        again = socket.socket(), socket.socket()
        reused = [each.fileno() for each in again]
        for each in (third, *again):
            each.close()
        return reused == numbers[:2]

    assert a.run(program)


def test_an_unclosed_socket_is_closed_when_it_is_forgotten(hosts, a, b):
    def server():
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                return connection.recv(1), time.monotonic()

    def client():
        connection = socket.create_connection(("192.0.2.1", 7))
        with pytest.warns(ResourceWarning, match="unclosed <socket.socket"):
            del connection
        time.sleep(50)

    process = a.start(server)
    b.start(client)
    data, when = process.result()
    assert data == b""
    assert when < 61


@pytest.mark.parametrize(
    ("read_after", "linger", "shortest", "longest"),
    [
        (0, (1, 5), 0.039, 0.041),  # the FIN is acknowledged after a round trip
        (2, (1, 5), 1.5, 4.9),  # the peer reads at last, and everything goes through
        (9, (1, 5), 5, 5),  # or not in time
        (9, (0, 5), 0, 0),  # switched off: in the background
    ],
)
def test_close_waits_for_delivery_with_so_linger(hosts, a, b, read_after, linger, shortest, longest):
    size = 300_000 if read_after else 1

    def reader():
        with socket.create_server(("", 7)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
            connection, _ = server.accept()
            with connection:
                time.sleep(read_after)
                return sum(map(len, iter(lambda: connection.recv(65536), b"")))

    def writer():
        sock = socket.create_connection(("192.0.2.1", 7))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *linger))
        sock.sendall(bytes(size))
        if not read_after:
            time.sleep(1)
        began = time.monotonic()
        sock.close()
        return time.monotonic() - began

    served = a.start(reader)
    took = b.run(writer)
    assert shortest <= round(took, 6) <= longest
    assert served.result() == size  # whatever close did, nothing is lost
