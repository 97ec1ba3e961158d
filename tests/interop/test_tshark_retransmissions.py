"""tshark finds each retransmission that the stack says it made, no other, and no error.

Each host's segments are judged in a capture at its own interface, where nothing can have overtaken them.
tshark knows that not. A segment below the highest sent it calls a retransmission, unless new data went out
less than an initial round trip ago and the peer's duplicate ACKs do not ask for this very segment: then it
says "out-of-order". SACK recovery, which mends several holes while it sends new data, looks so. So the two
words are taken together, and compared frame by frame with what the stack told observers and with a count of
our own, from sequence numbers alone. Where no new data can have gone out shortly before (`one_at_a_time`),
tshark's first word alone must be enough.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import glassnet
from glassnet.host.timekeeping import EPOCH
from glassnet.topology import Host, Network
from glassnet.transport.tcp.events import Retransmission

PORT = 80
BULK = 600_000
SENT_AGAIN = "tcp.analysis.retransmission"
OUT_OF_ORDER = "tcp.analysis.out_of_order"
WINDOW_PROBE = "tcp.analysis.zero_window_probe"
WORDS = (SENT_AGAIN, OUT_OF_ORDER, WINDOW_PROBE)
WARNING = 6291456  # Wireshark's PI_WARN
SYN, FIN = 2, 1
REASONS = {
    "This frame is a (suspected) out-of-order segment": "a retransmission, see above; or the cable reordered",
    "Previous segment(s) not captured (common at capture start)": "the cable lost one, or holds it back",
    "D-SACK Sequence": "a segment came twice: the cable doubled it, or it was sent again in vain",
    "Connection reset (RST)": "a closed port, a program that wanted it, or a late segment after the close",
    "TCP window specified by the receiver is now completely full": "the receiving program reads slowly",
    "TCP Zero Window segment": "likewise",
}

Answer = Callable[[socket.socket], object]


@dataclass(frozen=True)
class Case:
    """A path with what happens on it. `cable` is for both directions, `tcp` for both hosts.

    `least` is how many segments must have been sent again for the case to be one.
    """

    talk: Callable[[Network, Host, Host], None]
    cable: dict[str, Any] = field(default_factory=dict)
    tcp: dict[str, Any] = field(default_factory=dict)
    least: int = 0
    forward: dict[str, Any] = field(default_factory=dict)
    words: bool = False  # tshark's first word alone is enough


def serve(answer: Answer, family: socket.AddressFamily = socket.AF_INET, buffer: int = 0) -> None:
    with socket.socket(family) as listener:
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind(("", PORT))
        listener.listen()
        connection, _ = listener.accept()
        with connection:
            answer(connection)


def drain(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def send(version: int = 4) -> None:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family) as connection:
        connection.connect(("b", PORT))
        connection.sendall(bytes(BULK))
        connection.shutdown(socket.SHUT_WR)
        drain(connection)


def bulk(net: Network, a: Host, b: Host) -> None:
    sink = b.start(serve, drain)
    a.run(send)
    sink.result()


def bulk_ipv6(net: Network, a: Host, b: Host) -> None:
    sink = b.start(serve, drain, socket.AF_INET6)
    a.run(send, 6)
    sink.result()


def both_ways(net: Network, a: Host, b: Host) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(bytes(BULK // 2))
        drain(connection)

    peer = b.start(serve, answer)
    a.run(send)
    peer.result()


def one_at_a_time(net: Network, a: Host, b: Host) -> None:
    def echo(connection: socket.socket) -> None:
        while data := connection.recv(1000):
            connection.sendall(data)

    def ask() -> None:
        with socket.create_connection(("b", PORT)) as connection:
            for number in range(200):
                connection.sendall(b"%4d" % number)
                assert connection.recv(1000) == b"%4d" % number

    peer = b.start(serve, echo)
    a.run(ask)
    peer.result()


def slow_reader(net: Network, a: Host, b: Host) -> None:
    def read_late(connection: socket.socket) -> None:
        for _ in range(4):
            time.sleep(3)
            for _ in range(20):
                connection.recv(1000)
        drain(connection)

    sink = b.start(serve, read_late, buffer=4096)
    a.run(send)
    sink.result()


def resets(net: Network, a: Host, b: Host) -> None:
    def linger(connection: socket.socket) -> None:
        connection.recv(5000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def refused_and_reset() -> None:
        with socket.socket() as nobody, pytest.raises(ConnectionRefusedError):
            nobody.connect(("b", PORT + 1))
        with pytest.raises(ConnectionError):
            send()

    peer = b.start(serve, linger)
    a.run(refused_and_reset)
    peer.result()


def unread(net: Network, a: Host, b: Host) -> None:
    """The peer closes with data unread, while more is on its way: a reset."""

    def leave(connection: socket.socket) -> None:
        time.sleep(0.5)

    def write() -> None:
        with pytest.raises(ConnectionError):
            send()

    peer = b.start(serve, leave)
    a.run(write)
    peer.result()


def at_once(net: Network, a: Host, b: Host) -> None:
    """Both ends close at the same time; the FINs cross."""

    def close_at_ten(connection: socket.socket) -> None:
        time.sleep(max(10 - net.now, 0))

    def connect() -> None:
        with socket.create_connection(("b", PORT)) as connection:
            close_at_ten(connection)

    peer = b.start(serve, close_at_ten)
    a.run(connect)
    peer.result()


def both_call(net: Network, a: Host, b: Host) -> None:
    """A simultaneous open: the SYNs cross."""

    def call(peer: str) -> None:
        with socket.socket() as connection:
            connection.bind(("", PORT))
            time.sleep(5 - net.now)
            connection.connect((peer, PORT))
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"

    other = b.start(call, "a")
    a.run(call, "b")
    other.result()


def fast_open(net: Network, a: Host, b: Host) -> None:
    """A cookie, and then data with the SYN, of which the first is lost."""

    def server() -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
            listener.bind(("", PORT))
            listener.listen()
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(connection.recv(5000))

    def ask() -> None:
        with socket.socket() as client:
            client.sendto(b"question", socket.MSG_FASTOPEN, ("b", PORT))
            assert client.recv(100) == b"question"

    peer = b.start(server)
    a.run(ask)
    [cable] = net.cables
    cable.towards(b).cut()
    second = a.start(ask)
    net.run(for_=0.2)
    cable.towards(b).mend()
    second.result()
    peer.result()


def many_handshakes(net: Network, a: Host, b: Host) -> None:
    """Short connections over a path that loses one frame in five: SYNs, SYN-ACKs, FINs and resets too."""

    def server() -> None:
        with socket.create_server(("", PORT)) as listener:
            for _ in range(12):
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(100):
                        pass

    def client() -> None:
        for _ in range(12):
            with socket.create_connection(("b", PORT)) as connection:
                connection.sendall(b"hello")

    peer = b.start(server)
    a.run(client)
    peer.result()


CASES = {
    "clean": Case(bulk, {"queue": "4MiB"}),
    "1 % loss": Case(bulk, {"loss": "1%"}, least=3),
    "5 % loss": Case(bulk, {"loss": "5%"}, least=15),
    "5 % loss, IPv6": Case(bulk_ipv6, {"loss": "5%"}, least=15),
    "5 % loss, both ways": Case(both_ways, {"loss": "5%"}, least=20),
    "full queue": Case(bulk, {"queue": "60kB"}, least=10),
    "reordering": Case(bulk, {"reordering": "3%", "reordering_delay": "25ms", "jitter": "10ms"}, least=1),
    "duplication": Case(bulk, {"duplication": "2%"}),
    "corruption": Case(bulk, forward={"bit_errors": 2e-6}, least=3),
    "one at a time": Case(one_at_a_time, {"loss": "3%"}, least=5, words=True),
    "small window": Case(slow_reader),
    "small window, loss": Case(slow_reader, {"loss": "2%"}, least=3),
    "ECN": Case(bulk, {"discipline": "red"}, {"tcp_ecn": 1}),
    "ECN, loss": Case(bulk, {"discipline": "red", "loss": "1%"}, {"tcp_ecn": 1}, least=3),
    "DCTCP": Case(bulk, {"discipline": "threshold"}, {"tcp_ecn": 1, "tcp_congestion_control": "dctcp"}),
    "FQ-CoDel": Case(both_ways, {"rate": "2Mbps", "discipline": "fq_codel"}, least=5),
    "BBR": Case(bulk, {"loss": "2%"}, {"tcp_congestion_control": "bbr"}, least=3),
    "Reno without SACK": Case(
        bulk, {"loss": "2%"}, {"tcp_sack": 0, "tcp_congestion_control": "reno"}, least=3
    ),
    "no more than the RFCs ask for": Case(bulk, {"loss": "2%"}, {"profile": "rfc"}, least=3),
    "Fast Open": Case(fast_open, least=1),
    "handshakes": Case(many_handshakes, {"loss": "20%"}, least=8),
    "resets": Case(resets),
    "resets of SYNs that ask for ECN": Case(resets, tcp={"tcp_ecn": 1}, least=1),
    "unread data": Case(unread),
    "called at once": Case(both_call, least=2),
    "closed at once": Case(at_once),
    "closed at once, loss": Case(at_once, {"loss": "30%"}, least=1),
}


@dataclass(frozen=True)
class Again:
    """One retransmission: when (ns), of which sequence number, with how many octets of data."""

    time: int
    sequence: int
    length: int


@dataclass(frozen=True)
class Packet:
    """One packet of a capture, as tshark reads it; `said` are its words for it, of `WORDS`."""

    stream: str
    source: str
    segment: Again
    flags: int
    said: tuple[str, ...]
    severities: tuple[int, ...]
    messages: tuple[str, ...]


class Run:
    """One case, run: what tshark reads in each host's capture, and what each host said that it sent again."""

    def __init__(self, tshark, case: Case, folder: Path) -> None:
        self.case = case
        self.told: dict[str, list[Again]] = {"a": [], "b": []}
        self.probed: dict[str, list[Again]] = {"a": [], "b": []}
        self.captures = {name: folder / f"{name}.pcapng" for name in self.told}
        with glassnet.Network(seed=5) as net:
            self._play(net)
        self.packets = {name: read(tshark, path) for name, path in self.captures.items()}

    def _play(self, net: Network) -> None:
        case = self.case
        a, b = net.host("a", tcp=case.tcp), net.host("b", tcp=case.tcp)
        cable = net.cable(a, b, rate="20Mbps", delay="10ms", queue="256KiB")
        # ARP and ND first: what waits for them leaves the host later than TCP says.
        for address in b.addresses:
            a.run(greet, address)
        net.run(for_=1)
        cable.set(**case.cable)
        cable.towards(b).set(**case.forward)
        net.events.on(Retransmission, self._resent)
        with net.capture(self.captures["a"], a), net.capture(self.captures["b"], b):
            case.talk(net, a, b)
            net.run(for_=200)  # whoever still waits for an answer gets it, or gives up
        self.addresses = {host.name: host.addresses for host in (a, b)}

    def _resent(self, event: Retransmission) -> None:
        again = Again(event.time + EPOCH, event.sequence, event.length)
        (self.probed if event.cause == "window probe" else self.told)[event.host].append(again)

    def sent(self, host: str) -> list[Packet]:
        """What `host` sent itself, by the capture at its own interface."""
        return [packet for packet in self.packets[host] if packet.source in self.addresses[host]]

    def below_the_highest(self, host: str) -> list[Again]:
        """By sequence numbers alone: what takes up sequence space, and none that is new."""
        highest: dict[str, int] = {}
        again = []
        for packet in self.sent(host):
            segment = packet.segment
            size = segment.length + bool(packet.flags & SYN) + bool(packet.flags & FIN)
            if not size:
                continue
            end = segment.sequence + size
            before = highest.get(packet.stream)
            if before is not None and (end - before + (1 << 31)) % (1 << 32) <= 1 << 31:
                again.append(segment)
            else:
                highest[packet.stream] = end % (1 << 32)
        return again


def greet(address: str) -> None:
    """A datagram that nobody waits for."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.sendto(b"hello", (address, 9))


def read(tshark, capture: Path) -> list[Packet]:
    """All TCP packets of a capture."""
    fields = (
        "tcp.stream", "ip.src", "ipv6.src", "frame.time_epoch", "tcp.seq_raw", "tcp.len", "tcp.flags",
        "_ws.expert.severity", "_ws.expert.message", *WORDS,
    )  # fmt: skip
    packets = []
    for row in tshark.rows(capture, *fields, where="tcp && !icmp && !icmpv6", opaque=PORT):
        stream, ipv4, ipv6, when, sequence, length, flags, severities, messages, *words = row
        seconds, _, fraction = when.partition(".")
        time = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
        packets.append(
            Packet(
                stream,
                ipv4 or ipv6,
                Again(time, int(sequence), int(length)),
                int(flags, 16),
                tuple(word for word, present in zip(WORDS, words, strict=False) if present),
                tuple(map(int, severities.split(","))) if severities else (),
                tuple(messages.split(",")) if messages else (),
            )
        )
    return packets


@pytest.mark.parametrize("name", CASES)
def test_tshark_and_the_stack_agree(tshark, tmp_path, name):
    """One test for each case, so that it is run once."""
    run = Run(tshark, CASES[name], tmp_path)
    for capture in run.captures.values():
        assert tshark.faults(capture, among="tcp", opaque=PORT) == []
        assert tshark.verified(capture)["tcp"] >= 5
    assert warnings(run) <= REASONS.keys()
    assert sum(map(len, run.told.values())) >= run.case.least
    for host, told in run.told.items():
        probed = run.probed[host]
        assert run.below_the_highest(host) == sorted(told + probed, key=lambda segment: segment.time)
        sent = run.sent(host)
        words = {SENT_AGAIN} if run.case.words else {SENT_AGAIN, OUT_OF_ORDER}
        assert [packet.segment for packet in sent if words & {*packet.said}] == told
        # The last repetition of a probed octet goes into the open window; tshark never saw it taken before.
        probes = [packet.segment for packet in sent if WINDOW_PROBE in packet.said]
        last = {probe.sequence: probe for probe in probed}
        assert [probe for probe in probed if probe not in probes] == list(last.values())


def warnings(run: Run) -> set[str]:
    """All that tshark warns of."""
    return {
        message
        for packets in run.packets.values()
        for packet in packets
        for severity, message in zip(packet.severities, packet.messages, strict=True)
        if severity == WARNING
    }
