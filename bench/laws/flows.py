"""Transfers to be measured: programs that send without end, what arrived of it, and their TCP_INFO."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import glassnet
from glassnet.transport.tcp.events import RecoveryEntered, RecoveryLeft, Retransmission

__all__ = ["FRAME", "MSS", "Flow", "Ledger", "Sample", "carried", "jain", "ping"]

MSS = 1448
"""Payload of a full segment: 1500 octets less 20 of IP, 20 of TCP and 12 of timestamps."""

FRAME = 1538
"""Octets of line time of a full segment: 14 of Ethernet's header, 4 of FCS, 8 of preamble, 12 of gap more."""

_PIECE = bytes(1 << 16)
_PATIENCE = 2.0
_INFO = struct.Struct("8x24I")  # struct tcp_info as far as tcpi_total_retrans
_RTT, _CWND = 15, 18


class Sample(NamedTuple):
    """What TCP_INFO said at a time (s): congestion window in segments, smoothed round trip in seconds."""

    time: float
    window: int
    rtt: float


@dataclass
class Flow:
    """One transfer from `source` to `sink`, which begins at `start` (s) and never ends.

    `received` counts the octets that the program at the other end has read. With `every`
    (s), `samples` fill.
    """

    source: glassnet.Host
    sink: glassnet.Host
    port: int = 5001
    congestion: str = ""
    start: float = 0.0
    every: float = 0.0
    received: int = 0
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sink.start(self._receive)
        self.source.start(self._send)

    def _receive(self) -> None:
        with socket.create_server(("", self.port)) as listener:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(1 << 18):
                    self.received += len(data)

    def _send(self) -> None:
        if self.start:
            time.sleep(self.start)
        with socket.socket() as connection:
            if self.congestion:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())
            connection.connect((self.sink.name, self.port))
            if self.every:
                threading.Thread(target=self._watch, args=(connection,), daemon=True).start()
            while True:
                connection.sendall(_PIECE)

    def _watch(self, connection: socket.socket) -> None:
        while True:
            info = _INFO.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
            self.samples.append(Sample(self.source.network.now, info[_CWND], info[_RTT] / 1e6))
            time.sleep(self.every)


class Ledger:
    """What a network's TCP told its observers: retransmissions by cause, reductions, mistakes taken back."""

    def __init__(self, net: glassnet.Network) -> None:
        self.retransmissions: dict[str, int] = {}
        self.entered: list[RecoveryEntered] = []
        self.left: list[RecoveryLeft] = []
        net.events.on(Retransmission, self._resent)
        net.events.on(RecoveryEntered, self.entered.append)
        net.events.on(RecoveryLeft, self.left.append)

    def _resent(self, event: Retransmission) -> None:
        self.retransmissions[event.cause] = self.retransmissions.get(event.cause, 0) + 1

    @property
    def undone(self) -> list[RecoveryLeft]:
        """Those that were found to be mistakes."""
        return [event for event in self.left if event.why != "complete"]

    @property
    def reductions(self) -> int:
        """How often the window was reduced for good: congestion signals, in Mathis's words."""
        return len(self.entered) - len(self.undone)


def carried(rate: float) -> float:
    """The payload in bits per second that a link of `rate` bits per second can carry in full segments."""
    return rate * MSS / FRAME


def jain(shares: list[float]) -> float:
    """Jain's index of fairness: 1 if all are equal, 1/n if one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def ping(to: str, wait: float, seconds: float, every: float = 0.1) -> list[tuple[float, float]]:
    """A program: pings for `seconds` after `wait`, the time (s) and the round trip (ms) of each.

    One that is not answered within two seconds counts as that long.
    """
    time.sleep(wait)
    trips = []
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as echo:
        echo.connect((to, 0))
        echo.settimeout(_PATIENCE)
        number = 0
        while (began := time.monotonic()) < end:
            number += 1
            echo.send(b"\x08\0\0\0\0\0" + number.to_bytes(2, "big") + bytes(56))
            try:
                reply = echo.recv(2000)
            except TimeoutError:
                trips.append((began, _PATIENCE * 1000))
                continue
            if reply[6:8] != number.to_bytes(2, "big"):
                raise ValueError(f"ping {number}: the answer is to another one")
            took = time.monotonic() - began
            trips.append((began, took * 1000))
            time.sleep(max(every - took, 0))
    return trips
