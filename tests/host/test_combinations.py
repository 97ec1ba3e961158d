"""Sockets and descriptors where the kernel's answer depends on its version, or has a bound."""

from __future__ import annotations

import array
import errno
import os
import socket
from socket import AF_UNIX, SCM_RIGHTS, SOCK_DGRAM, SOL_SOCKET

import pytest

from glassnet.transport.errors import ErrorQueue, PacketError


def test_an_event_counter_takes_exactly_one_number(a):
    def program():
        number = os.eventfd(0)
        with pytest.raises(OSError, match="Invalid argument"):
            os.write(number, bytes(16))
        os.close(number)

    a.run(program)


def _error(size):
    return PacketError(errno.ECONNREFUSED, 2, 3, 3, 0, (bytes(4), 9), bytes(4), bytes(size))


def test_a_queue_of_errors_holds_no_more_than_64_and_no_more_than_a_receive_buffer():
    queue = ErrorQueue()
    for _ in range(100):
        queue.put(_error(10))
    assert len(queue) == 64
    queue.want(four=True, on=False)
    assert len(queue) == 0
    for _ in range(10):
        for _ in range(100):
            queue.put(_error(60_000))
        assert len(queue) == 3
        while queue.take():
            pass


def test_a_long_chain_of_sockets_in_one_anothers_queues_ends_with_the_first(a):
    """Each is in the queue of the one before; no stack is deep enough to close them one inside the other."""

    def program():
        r, w = os.pipe()
        passed = w
        for _ in range(3000):
            sender, receiver = socket.socketpair(AF_UNIX, SOCK_DGRAM)
            sender.sendmsg([b"x"], [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [passed]))])
            os.close(passed)
            sender.close()
            passed = receiver.detach()
        os.close(passed)
        found = os.read(r, 1)
        os.close(r)
        return found

    assert a.run(program) == b""
