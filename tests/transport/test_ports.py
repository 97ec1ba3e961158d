"""Ports: who may share one, and that every claim ends."""

from __future__ import annotations

import errno
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.transport.ports import Ports
from glassnet.transport.tcp import State

ANY4, ANY6 = bytes(4), bytes(16)
ONE4 = b"\xc0\x00\x02\x01"


def ports(low=32768, high=60999):
    return Ports(Random(1), low, high)


def refuses(call, code=errno.EADDRINUSE):
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        call()
    assert caught.value.errno == code


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ((ANY4, True), (ONE4, True), True),
        ((ONE4, True), (b"\xc0\x00\x02\x09", True), False),
        ((ANY6, False), (ONE4, True), True),
        ((ANY6, True), (ONE4, True), False),
        ((ANY6, True), (ANY4, True), False),
        ((ANY6, False), (ANY4, True), True),
        ((ANY6, True), (bytes(15) + b"\1", True), True),
    ],
)
def test_which_claims_clash(first, second, clash):
    for one, other in ((first, second), (second, first)):
        taken = ports()
        taken.bind(one[0], 80, v6only=one[1])
        if clash:
            refuses(lambda taken=taken, other=other: taken.bind(other[0], 80, v6only=other[1]))
        else:
            taken.bind(other[0], 80, v6only=other[1])


def test_sharing_needs_both_and_no_listener():
    taken = ports()
    first = taken.bind(ANY4, 80, reuse_address=True)
    refuses(lambda: taken.bind(ANY4, 80))
    second = taken.bind(ANY4, 80, reuse_address=True)
    taken.check_listen(first)
    first.listening = True
    refuses(lambda: taken.check_listen(second))
    refuses(lambda: taken.bind(ANY4, 80, reuse_address=True))
    first.listening = False
    taken.check_listen(second)


def test_reuse_port_shares_between_listeners():
    taken = ports()
    first = taken.bind(ANY4, 80, reuse_port=True)
    first.listening = True
    refuses(lambda: taken.bind(ANY4, 80))
    second = taken.bind(ANY4, 80, reuse_port=True)
    taken.check_listen(second)


def test_ephemeral_ports_run_out_and_come_back():
    taken = ports(40000, 40003)
    claims = [taken.bind(ANY4, 0) for _ in range(4)]
    assert sorted(claim.port for claim in claims) == [40000, 40001, 40002, 40003]
    refuses(lambda: taken.bind(ANY4, 0))
    refuses(lambda: taken.bind_for(ONE4, lambda port: True), errno.EADDRNOTAVAIL)
    taken.release(claims[2])
    assert taken.bind(ANY4, 0).port == claims[2].port


def test_connections_share_an_ephemeral_port_and_nobody_else_does():
    taken = ports(40000, 40000)
    first = taken.bind_for(ONE4, lambda port: True)
    second = taken.bind_for(ONE4, lambda port: True)
    assert first.port == second.port == 40000
    refuses(lambda: taken.bind(ANY4, 0))
    refuses(lambda: taken.bind_for(ONE4, lambda port: False), errno.EADDRNOTAVAIL)
    taken.release(first)
    refuses(lambda: taken.bind(ANY4, 40000))
    taken.release(second)
    taken.bind(ANY4, 40000)


def test_the_same_four_numbers_twice_are_not_available(pair):
    """As Linux has it: EADDRNOTAVAIL, where the port itself may be shared."""
    path = pair()
    for code in (0, errno.EADDRNOTAVAIL):
        binding = path.left.ports.bind(ANY4, 5000, reuse_address=True)
        if code:
            refuses(lambda binding=binding: path.left.connect(binding, (path.addresses[1], 80)), code)
        else:
            path.left.connect(binding, (path.addresses[1], 80)).connect()


def test_of_udp_sockets_that_share_a_port_the_last_one_gets_it(pair):
    """As Linux has it."""
    path = pair()
    sockets = []
    for _ in range(2):
        endpoint = path.udp[1].open()
        endpoint.reuse_address = True
        endpoint.bind(ANY4, 53)
        sockets.append(endpoint)
    client = path.udp[0].open()
    client.send(b"x", (path.addresses[1], 53))
    path.run(0.01)
    assert [endpoint.readable for endpoint in sockets] == [False, True]
    for endpoint in (*sockets, client):
        endpoint.close()
    assert not path.udp[1].endpoints
    assert not path.udp[1].ports._bound
    assert not path.udp[0].ports._bound


def check_holders(tcp):
    """Every hold on every claim belongs to a connection or a listener, and the other way round."""
    holders: dict[int, int] = {}
    for connection in tcp.connections.values():
        holders[id(connection.binding)] = holders.get(id(connection.binding), 0) + 1
    for listeners in tcp._listeners.values():
        for listener in listeners:
            assert listener.open
            holders[id(listener.binding)] = holders.get(id(listener.binding), 0) + 1
    bound = {id(claim): claim.holders for claims in tcp.ports._bound.values() for claim in claims}
    assert holders == bound


ACTS = ["listen", "connect", "connect", "connect from", "accept", "accept", "close", "abort", "send", "shut"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*ACTS, "unlisten", "read", "run", "run", "wait", "lose"]),
            st.integers(0, 5),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_whatever_programs_do_ports_and_connections_end(pair, script):
    path = pair(receive_buffer=3000)
    random = Random(len(script))
    tcps = (path.left, path.right)
    listeners, connections = [], []

    def pick(things, number):
        return things[number % len(things)] if things else None

    for act, number, side in script:
        tcp = tcps[side]
        listener, connection = pick(listeners, number), pick(connections, number)
        try:
            if act == "listen":
                binding = tcp.ports.bind(ANY4, 80 + number % 2, reuse_address=True)
                try:
                    listeners.append(tcp.listen(binding, number % 3))
                except OSError:
                    tcp.ports.release(binding)
            elif act.startswith("connect"):
                binding = None
                if act == "connect from":
                    binding = tcp.ports.bind(ANY4, 5000 + number % 2, reuse_address=True)
                remote = (path.addresses[not side], 80 + number % 3)
                try:
                    fresh = tcp.connect(binding, remote)
                except OSError:
                    tcp.ports.release(binding)
                else:
                    fresh.connect()
                    connections.append(fresh)
            elif act == "accept" and listener is not None:
                if accepted := listener.accept():
                    connections.append(accepted)
            elif act == "unlisten" and listener is not None:
                listener.close()
                listeners.remove(listener)
            elif act == "lose":
                path.judge = lambda frame, towards, odds=number / 6: (
                    [] if random.random() < odds else [path.delay]
                )
            elif act in ("run", "wait"):
                path.run(0.01 * number if act == "run" else 20 * number)
            elif connection is not None:
                if act in ("close", "abort"):
                    connection.close(0 if act == "abort" else None)
                    connections.remove(connection)
                elif act == "send":
                    connection.send(bytes(2000 * number))
                elif act == "read":
                    connection.receive(5000)
                else:
                    connection.shutdown_send()
        except OSError:
            pass
        for each in tcps:
            check_holders(each)
    for listener in listeners:
        listener.close()
    for connection in connections:
        connection.close()
        assert connection.orphan
        assert connection.state is not State.LISTEN
    path.run(3000)
    for each in tcps:
        assert not each.connections
        assert not each._listeners
        assert not each.ports._bound
    assert not path.engine.heap
