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

ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
DEVICE = "tap0"
PORT = 5001
SYN_RECEIVED, TIME_WAIT = "03", "06"  # the kernel's numbers
RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Held:
    """A connection between a program on the virtual host, which only holds it, and the kernel's agent."""

    def __init__(self, kernel, *, ours_opens: bool, version: int) -> None:
        self.kernel = kernel
        self.ours, self.theirs = ADDRESSES[version]
        self.agent = kernel.agent()
        self.socks: list[socket.socket] = []
        self._asked: list[Any] = []
        self._answers: list[Any] = []
        self.program = kernel.host.start(self._serve)
        if ours_opens:
            self.agent("listen", PORT, 0)
            self.agent.tell("accept")
            self.run(lambda: self.socks.append(socket.create_connection((self.theirs, PORT))))
            assert self.agent.hear() is None
        else:
            self.agent.tell("connect", self.ours, PORT, 0, 0)
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
        with listening(self.ours) as listener:
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


def listening(address: str) -> socket.socket:
    return socket.create_server((address, PORT), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def version(request):
    return request.param


@pytest.fixture
def ends(version):
    return ADDRESSES[version]


@pytest.fixture(params=[True, False], ids=["we opened", "the kernel opened"])
def held(kernel, version, request):
    return Held(kernel(), ours_opens=request.param, version=version)


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


def test_the_kernel_closes_its_listener_while_we_are_in_syn_sent(kernel, ends):
    _, theirs = ends
    there = kernel()
    agent = there.agent()
    agent("listen", PORT, 0)
    # The neighbour's address is learnt before anything is cut.
    there.result(there.host.start(lambda: socket.create_connection((theirs, PORT)).close()))
    there.cable.towards("virtual").cut()

    def connect() -> int:
        with socket.socket(socket.AF_INET6 if ":" in theirs else socket.AF_INET) as sock:
            return sock.connect_ex((theirs, PORT))

    process = there.host.start(connect)
    there.net.run(for_="20ms")
    assert "SYN-SENT" in [str(each.state) for each in there.host.tcp.connections.values()]
    agent("deaf")
    there.cable.mend()
    assert errno.errorcode[there.result(process)] == "ECONNREFUSED"


def test_the_kernel_gives_up_while_we_are_in_syn_received(kernel, ends):
    ours, _ = ends
    there = kernel()

    def listen() -> None:
        with listening(ours):
            time.sleep(1000)

    there.host.start(listen)
    there.net.run(for_="1ms")
    agent = there.agent()
    agent("connect", ours, PORT, 0, 0)
    agent("abort")
    there.cable.towards(DEVICE).cut()
    agent("begin", ours, PORT)
    there.wait(lambda: "SYN-RECEIVED" in [str(each.state) for each in there.host.tcp.connections.values()])
    agent("close")
    there.cable.mend()
    # Our SYN-ACK comes again, to nobody: the kernel resets.
    there.wait(lambda: not there.host.tcp.connections, "the end of the half-open connection")


def test_we_give_up_while_we_are_in_syn_sent(kernel, ends):
    """The kernel's SYN-ACK then comes for a connection that is no more: a reset answers it."""
    _, theirs = ends
    there = kernel()
    agent = there.agent()
    agent("listen", PORT, 0)
    there.result(there.host.start(lambda: socket.create_connection((theirs, PORT)).close()))
    agent("accept")
    agent("close")
    there.wait(lambda: not there.host.tcp.connections or is_waiting(there), "the end of the first connection")
    there.cable.towards("virtual").cut()

    def connect() -> None:
        with socket.socket(socket.AF_INET6 if ":" in theirs else socket.AF_INET) as sock:
            sock.settimeout(0.02)
            sock.connect((theirs, PORT))

    with pytest.raises(TimeoutError):
        there.result(there.host.start(connect))
    assert not there.host.tcp.connections or is_waiting(there)
    assert SYN_RECEIVED in agent("states", PORT)
    there.cable.mend()
    for _ in range(1000):
        if SYN_RECEIVED not in agent("states", PORT):
            return
    raise AssertionError("the half-open connection has not been reset")


def is_waiting(there) -> bool:
    """Whether all that is left of our connections is in TIME-WAIT."""
    return {str(each.state) for each in there.host.tcp.connections.values()} == {"TIME-WAIT"}


def test_we_close_our_listener_while_we_are_in_syn_received(kernel, ends):
    """The kernel asks again, and nobody listens."""
    ours, _ = ends
    there = kernel()

    def listen() -> None:
        with listening(ours):
            while not agreed:
                time.sleep(0.0005)

    agreed: list[bool] = []
    process = there.host.start(listen)
    there.net.run(for_="1ms")
    agent = there.agent()
    agent("connect", ours, PORT, 0, 0)
    agent("abort")
    there.cable.towards(DEVICE).cut()
    agent("begin", ours, PORT)
    there.wait(lambda: "SYN-RECEIVED" in [str(each.state) for each in there.host.tcp.connections.values()])
    agreed.append(True)
    there.result(process)
    assert not there.host.tcp.connections
    there.cable.mend()
    assert agent("outcome") == "ECONNREFUSED"


def test_the_kernel_comes_again_with_the_port_of_a_connection_in_time_wait(kernel, version):
    """A newer SYN ends TIME-WAIT (RFC 9293, 3.10.7.4; RFC 6191)."""
    held = Held(kernel(), ours_opens=False, version=version)
    held.run(held.sock.close)
    assert held.agent("recv") == 0
    held.agent("close")
    held.reach("TIME-WAIT")
    ((key, _),) = held.kernel.host.tcp.connections.items()
    theirs = int.from_bytes(key[-4:-2], "big")

    def serve() -> bytes:
        with listening(held.ours) as listener:
            connection, _ = listener.accept()
            with connection:
                return connection.recv(100)

    process = held.kernel.host.start(serve)
    held.kernel.net.run(for_="5ms")
    again = held.kernel.agent()
    assert again("connect", held.ours, PORT, 0, theirs) == theirs
    again("send", 7)
    assert held.kernel.result(process) == bytes(7)
