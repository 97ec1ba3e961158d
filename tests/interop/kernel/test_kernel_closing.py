"""Connections to the real kernel that one end breaks off, in each state; and what the other then knows.

What keeps a connection in a state is a cable that is cut in one direction.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import Any

import pytest

OURS, THEIRS, DEVICE = "192.0.2.1", "192.0.2.2", "tap0"
PORT = 5001
TIME_WAIT = "06"  # the kernel's number
RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Held:
    """A connection between a program on the virtual host, which only holds it, and the kernel's agent."""

    def __init__(self, kernel, *, ours_opens: bool) -> None:
        self.kernel = kernel
        self.agent = kernel.agent()
        self.socks: list[socket.socket] = []
        self._asked: list[Any] = []
        self._answers: list[Any] = []
        self.program = kernel.host.start(self._serve)
        if ours_opens:
            self.agent("listen", PORT, 0)
            self.agent.tell("accept")
            self.run(lambda: self.socks.append(socket.create_connection((THEIRS, PORT))))
            assert self.agent.hear() is None
        else:
            self.agent.tell("connect", OURS, PORT, 0, 0)
            self.run(self._accept)
            assert isinstance(self.agent.hear(), int)

    def _serve(self) -> None:
        """The program: what it has open closes with it, and so it stays."""
        while True:
            while not self._asked:
                time.sleep(0.0005)
            work, arguments = self._asked.pop(0)
            try:
                self._answers.append((work(*arguments), None))
            except OSError as error:
                self._answers.append((None, error))

    def run(self, work: Any, *arguments: Any) -> Any:
        """Have the program do something, and wait for it."""
        self._asked.append((work, arguments))
        self.kernel.wait(lambda: bool(self._answers), "what our program was to do")
        result, fault = self._answers.pop()
        if fault is not None:
            raise fault
        return result

    def _accept(self) -> None:
        with socket.create_server(("", PORT)) as listener:
            self.socks.append(listener.accept()[0])

    @property
    def sock(self) -> socket.socket:
        return self.socks[0]

    def state(self) -> str:
        """What state our connection is in; CLOSED if there is none."""
        found = [str(each.state) for each in self.kernel.host.tcp.connections.values()]
        return found[0] if found else "CLOSED"

    def reach(self, state: str) -> None:
        """Run the network until our connection is in a state."""
        self.kernel.wait(lambda: self.state() == state, state)

    def gone_there(self) -> None:
        """Run the network until the kernel has no trace of it, or only one in TIME-WAIT."""
        for _ in range(1000):
            if self.agent("states", PORT) in ([], [TIME_WAIT]):
                return
        raise AssertionError(f"the kernel still has connections: {self.agent('states', PORT)}")

    def stop_what_we_say(self) -> None:
        self.kernel.cable.towards(DEVICE).cut()


@pytest.fixture(params=[True, False], ids=["we opened", "the kernel opened"])
def held(kernel, request):
    return Held(kernel(), ours_opens=request.param)


def established(held):
    assert held.state() == "ESTABLISHED"


def close_wait(held):
    held.agent("shutdown")
    held.reach("CLOSE-WAIT")


def fin_wait_1(held):
    held.stop_what_we_say()
    held.run(held.sock.shutdown, socket.SHUT_WR)
    held.reach("FIN-WAIT-1")


def fin_wait_2(held):
    held.run(held.sock.shutdown, socket.SHUT_WR)
    held.reach("FIN-WAIT-2")


def closing(held):
    held.stop_what_we_say()
    held.run(held.sock.shutdown, socket.SHUT_WR)
    held.agent("shutdown")
    held.reach("CLOSING")


def last_ack(held):
    close_wait(held)
    held.stop_what_we_say()
    held.run(held.sock.shutdown, socket.SHUT_WR)
    held.reach("LAST-ACK")


OUR_STATES = {
    established: errno.ECONNRESET,
    close_wait: errno.EPIPE,
    fin_wait_1: errno.ECONNRESET,
    fin_wait_2: errno.ECONNRESET,
    closing: errno.ECONNRESET,
    last_ack: errno.ECONNRESET,
}


@pytest.mark.parametrize("reach", OUR_STATES)
def test_the_kernel_breaks_off_while_we_are_in(held, reach):
    reach(held)
    held.agent("abort")
    held.reach("CLOSED")
    fault = held.run(held.sock.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR)
    assert errno.errorcode[fault] == errno.errorcode[OUR_STATES[reach]]
    held.kernel.cable.mend()
    held.run(held.sock.close)
    held.gone_there()


@pytest.mark.parametrize("reach", [established, close_wait, fin_wait_1, fin_wait_2])
def test_we_break_off_while_we_are_in(held, reach):
    reach(held)

    def abort() -> None:
        held.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        held.sock.close()

    held.kernel.cable.mend()
    held.run(abort)
    assert held.state() == "CLOSED"
    if reach is fin_wait_2:
        assert held.agent("recv") == 0
        held.kernel.net.run(for_="5ms")
        assert held.agent("send", 1) == {"error": "EPIPE"}  # it is in CLOSE-WAIT, and may still speak
    else:
        assert held.agent("recv") == {"error": "ECONNRESET"}
    held.gone_there()


def test_unread_data_at_our_end_reset_the_kernel(held):
    held.agent("send", 100)
    held.kernel.wait(lambda: any(each.receiver.size for each in held.kernel.host.tcp.connections.values()))
    held.run(held.sock.close)
    assert held.agent("recv") == {"error": "ECONNRESET"}


def test_our_program_is_killed(held):
    """Its host closes what it left open: an orderly end for the kernel."""
    held.program.kill()
    assert held.agent("recv") == 0
    held.agent("close")
    held.gone_there()


def test_our_host_crashes_and_boots(held):
    """It remembers nothing, and answers what comes for the old connection with a reset."""
    held.kernel.host.crash()
    held.kernel.host.boot()
    held.kernel.net.run(for_="1ms")
    held.agent("send", 100)
    assert held.agent("recv") == {"error": "ECONNRESET"}


def test_the_kernel_closes_its_listener_while_we_are_in_syn_sent(kernel):
    there = kernel()
    agent = there.agent()
    agent("listen", PORT, 0)
    # The neighbour's address is learnt before anything is cut.
    there.result(there.host.start(lambda: socket.create_connection((THEIRS, PORT)).close()))
    there.cable.towards("virtual").cut()

    def connect() -> int:
        with socket.socket() as sock:
            return sock.connect_ex((THEIRS, PORT))

    process = there.host.start(connect)
    there.net.run(for_="20ms")
    assert "SYN-SENT" in [str(each.state) for each in there.host.tcp.connections.values()]
    agent("deaf")
    there.cable.mend()
    assert errno.errorcode[there.result(process)] == "ECONNREFUSED"


def test_the_kernel_gives_up_while_we_are_in_syn_received(kernel):
    there = kernel()

    def listen() -> None:
        with socket.create_server(("", PORT)):
            time.sleep(1000)

    there.host.start(listen)
    there.net.run(for_="1ms")
    agent = there.agent()
    agent("connect", OURS, PORT, 0, 0)
    agent("abort")
    there.cable.towards(DEVICE).cut()
    agent("begin", OURS, PORT)
    there.wait(lambda: "SYN-RECEIVED" in [str(each.state) for each in there.host.tcp.connections.values()])
    agent("close")
    there.cable.mend()
    # Our SYN-ACK comes again, to nobody: the kernel resets.
    there.wait(lambda: not there.host.tcp.connections, "the end of the half-open connection")


def test_the_kernel_comes_again_with_the_port_of_a_connection_in_time_wait(kernel):
    """A newer SYN ends TIME-WAIT (RFC 9293, 3.10.7.4; RFC 6191)."""
    held = Held(kernel(), ours_opens=False)
    held.run(held.sock.close)
    assert held.agent("recv") == 0
    held.agent("close")
    held.reach("TIME-WAIT")
    ((key, _),) = held.kernel.host.tcp.connections.items()
    theirs = int.from_bytes(key[-4:-2], "big")

    def serve() -> bytes:
        with socket.create_server(("", PORT)) as listener:
            connection, _ = listener.accept()
            with connection:
                return connection.recv(100)

    process = held.kernel.host.start(serve)
    held.kernel.net.run(for_="5ms")
    again = held.kernel.agent()
    assert again("connect", OURS, PORT, 0, theirs) == theirs
    again("send", 7)
    assert held.kernel.result(process) == bytes(7)
