"""UDP: ports, who gets a datagram, and the errors that come back."""

from __future__ import annotations

import errno

import pytest

from glassnet.network.errors import IcmpError
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.foreign import Foreign

ANY4, ANY6 = bytes(4), bytes(16)


def bound(path, side, address, port, *, v6=False, v6only=True):
    endpoint = path.udp[side].open(v6, v6only)
    endpoint.bind(address, port)
    return endpoint


@pytest.mark.parametrize("v6", [False, True])
def test_a_datagram_arrives_with_its_source(pair, v6):
    path = pair(v6=v6)
    server = bound(path, 1, ANY6 if v6 else ANY4, 53, v6=v6)
    client = path.udp[0].open(v6, True)
    assert client.send(b"odd", (path.addresses[1], 53)) == 3
    path.run(0.01)
    datagram = server.receive()
    assert datagram.data == b"odd"
    assert datagram.source == (path.addresses[0], client.local[1])
    assert datagram.destination == path.addresses[1]
    server.send(b"", datagram.source)
    path.run(0.01)
    assert client.receive().data == b""
    assert client.receive() is None


def test_a_checksum_of_zero_goes_as_all_ones(pair):
    path = pair()
    frames = []
    path.paths[0].out = frames.append
    client = bound(path, 0, ANY4, 1000)
    # Choose data that make the sum of everything else minus zero.
    size = 10
    rest = pseudo_sum(*path.addresses, 17, size) + 1000 + 53 + size
    client.send((-rest % 0xFFFF).to_bytes(2, "big"), (path.addresses[1], 53))
    assert frames[0][40:42] == b"\xff\xff"
    assert (ones_sum(frames[0][34:44]) + pseudo_sum(*path.addresses, 17, size)) % 0xFFFF == 0


def test_the_best_fit_gets_it(pair):
    path = pair()
    for endpoint in (any_socket := path.udp[1].open(), exact := path.udp[1].open()):
        endpoint.reuse_address = True
    any_socket.bind(ANY4, 53)
    exact.bind(path.addresses[1], 53)
    client = path.udp[0].open()
    client.send(b"x", (path.addresses[1], 53))
    path.run(0.01)
    assert exact.readable
    assert not any_socket.readable


def test_a_connected_socket_hears_only_its_peer(pair):
    path = pair()
    server = bound(path, 1, ANY4, 53)
    server.connect(path.addresses[0], 1000)
    stranger, friend = bound(path, 0, ANY4, 999), bound(path, 0, ANY4, 1000)
    stranger.send(b"no", (path.addresses[1], 53))
    friend.send(b"yes", (path.addresses[1], 53))
    path.run(0.01)
    assert server.receive().data == b"yes"
    assert server.receive() is None
    assert path.drops[1].counts == {"udp: port closed": 1}


def test_a_dual_stack_socket_hears_ipv4(pair):
    path = pair()
    server = bound(path, 1, ANY6, 53, v6=True, v6only=False)
    path.udp[0].open().send(b"four", (path.addresses[1], 53))
    path.run(0.01)
    assert server.receive().source[0] == path.addresses[0]


def test_a_closed_port_is_reported(pair):
    path = pair()
    path.udp[0].open().send(b"?", (path.addresses[1], 53))
    path.run(0.01)
    assert len(path.paths[1].unreachable) == 1
    assert path.drops[1].counts == {"udp: port closed": 1}


def test_port_unreachable_reaches_the_connected_socket(pair):
    path = pair()
    client = path.udp[0].open()
    client.connect(path.addresses[1], 53)
    client.send(b"?")
    quoted = client.local[1].to_bytes(2, "big") + (53).to_bytes(2, "big") + bytes(4)
    error = IcmpError(
        protocol=17,
        source=path.addresses[0],
        destination=path.addresses[1],
        quoted=quoted,
        errno=errno.ECONNREFUSED,
        fatal=True,
        type=3,
        code=3,
        mtu=None,
        reporter=path.addresses[1],
    )
    path.paths[0].error_handlers[17](error)
    assert client.readable
    with pytest.raises(ConnectionRefusedError):
        client.receive()
    assert client.receive() is None


def test_ports_are_exclusive_unless_shared(pair):
    path = pair()
    bound(path, 0, ANY4, 53)
    with pytest.raises(OSError, match="in use") as caught:
        bound(path, 0, path.addresses[0], 53)
    assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match="in use"):
        bound(path, 0, ANY6, 53, v6=True, v6only=False)
    bound(path, 0, ANY6, 53, v6=True, v6only=True).close()


def test_a_port_is_free_after_close(pair):
    path = pair()
    bound(path, 0, ANY4, 53).close()
    bound(path, 0, ANY4, 53)


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (None, errno.EDESTADDRREQ),
        ((b"\xc0\x00\x02\x02", 0), errno.EINVAL),
        ((b"\xff\xff\xff\xff", 9), errno.EACCES),
        ((b"\xc0\x00\x02\xff", 9), errno.EACCES),
    ],
)
def test_wrong_destinations(pair, to, code):
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        pair().udp[0].open().send(b"x", to)
    assert caught.value.errno == code


def test_a_datagram_can_be_too_long(pair):
    with pytest.raises(OSError, match="too long"):
        pair().udp[0].open().send(bytes(65508), (b"\xc0\x00\x02\x02", 9))


def test_an_address_of_another_host_cannot_be_bound(pair):
    path = pair()
    with pytest.raises(OSError, match="assign") as caught:
        bound(path, 0, path.addresses[1], 53)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_a_full_buffer_drops_and_counts(pair):
    path = pair()
    server = bound(path, 1, ANY4, 53)
    server.receive_buffer = 3000
    client = path.udp[0].open()
    for _ in range(10):
        client.send(bytes(1000), (path.addresses[1], 53))
    path.run(0.01)
    assert path.drops[1].counts == {"udp: receive buffer full": 8}
    assert server.receive() is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda frame: frame[:38], "udp: truncated"),
        (lambda frame: frame[:38] + b"\x00\x07" + frame[40:], "udp: length"),
        (lambda frame: frame[:38] + b"\x00\xff" + frame[40:], "udp: length"),
        (lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,)), "udp: checksum"),
    ],
)
def test_hostile_datagrams_are_counted(pair, change, reason):
    path = pair()
    frames = []
    path.paths[0].out = frames.append
    bound(path, 1, ANY4, 53)
    path.udp[0].open().send(b"data", (path.addresses[1], 53))
    path.paths[1].deliver(Foreign(change(frames[0])))
    assert path.drops[1].counts == {reason: 1}


def test_no_checksum_is_fine_over_ipv4_and_not_over_ipv6(pair):
    for v6, offset in ((False, 40), (True, 60)):
        path = pair(v6=v6)
        frames = []
        path.paths[0].out = frames.append
        server = bound(path, 1, ANY6 if v6 else ANY4, 53, v6=v6)
        path.udp[0].open(v6, True).send(b"data", (path.addresses[1], 53))
        bare = Foreign(frames[0][:offset] + bytes(2) + frames[0][offset + 2 :])
        path.paths[1].deliver(bare)
        assert server.readable is not v6


def test_broadcast_reaches_every_socket(pair):
    path = pair()
    servers = []
    for _ in range(3):
        endpoint = path.udp[1].open()
        endpoint.reuse_address = True
        endpoint.bind(ANY4, 67)
        servers.append(endpoint)
    client = path.udp[0].open()
    client.broadcast = True
    client.send(b"anyone", (b"\xff\xff\xff\xff", 67))
    path.run(0.01)
    assert all(server.receive().data == b"anyone" for server in servers)


def test_a_connected_socket_hears_only_at_its_own_address(pair):
    path = pair()
    server = bound(path, 1, ANY4, 53)
    server.connect(path.addresses[0], 1000)
    server.source = b"\xc0\x00\x02\x77"
    bound(path, 0, ANY4, 1000).send(b"to another of our addresses", (path.addresses[1], 53))
    path.run(0.01)
    assert not server.readable


def test_an_error_that_is_not_final_stays_away_from_the_socket(pair):
    path = pair()
    client = path.udp[0].open()
    client.connect(path.addresses[1], 53)
    quoted = client.local[1].to_bytes(2, "big") + (53).to_bytes(2, "big") + bytes(4)
    for final in (False, True):
        error = IcmpError(
            17, *path.addresses, quoted, errno.EHOSTUNREACH, final, 3, 1, None, path.addresses[1]
        )
        path.paths[0].error_handlers[17](error)
        assert client.readable is final
