"""Frames made by hand, seen at the two ends of a connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glassnet.glass.segments import Conversation, Sighting, conversations, segments
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.numbers import TCP
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, TcpSegment

MS = 1_000_000
MACS = (bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))
ADDRESSES = {
    4: (bytes([192, 0, 2, 1]), bytes([198, 51, 100, 7])),
    6: (bytes.fromhex("20010db8000000000000000000000001"), bytes.fromhex("20010db8000100000000000000000007")),
}
PORTS = (49152, 80)
ISNS = (4_294_967_000, 1_000_000)  # the first wraps around soon
LETTERS = {"S": SYN, "F": FIN, "R": RST, "P": PSH, "A": ACK, "U": URG, "E": ECE, "C": CWR}


class Scene:
    """What is seen while `client` and `server` exchange the segments of one connection.

    Times are milliseconds; sequence numbers count from those of the SYNs. A segment takes 20 ms.
    """

    def __init__(self, version: int = 4) -> None:
        self.version = version
        self.hosts = ("client", "server")
        self.ports = PORTS
        self.seen: list[Sighting] = []
        self._identification = 0

    def frame(
        self,
        side: int,
        flags: str,
        seq: int,
        ack: int = 0,
        length: int = 0,
        *,
        window: int = 64240,
        identification: int | None = None,
    ) -> bytes:
        if identification is None:
            self._identification += 1
            identification = self._identification
        source, destination = ADDRESSES[self.version][side], ADDRESSES[self.version][1 - side]
        tcp = TcpSegment(
            source_port=self.ports[side],
            destination_port=self.ports[1 - side],
            sequence=(ISNS[side] + seq) & 0xFFFFFFFF,
            acknowledgment=(ISNS[1 - side] + ack) & 0xFFFFFFFF if "A" in flags else 0,
            flags=sum(LETTERS[letter] for letter in flags),
            window=window,
            payload=bytes(length),
        ).build(pseudo_sum(source, destination, TCP))
        if self.version == 4:
            packet = Ipv4Packet(
                source=source,
                destination=destination,
                protocol=TCP,
                identification=identification,
                payload=tcp,
            ).build()
        else:
            packet = Ipv6Packet(source=source, destination=destination, next_header=TCP, payload=tcp).build()
        return (
            EthernetFrame(
                destination=MACS[1 - side],
                source=MACS[side],
                ethertype=ETHERTYPE_IPV4 if self.version == 4 else ETHERTYPE_IPV6,
                payload=packet,
            )
            .build()
            .ljust(60, b"\0")
        )

    def sent(self, at: float, side: int, frame: bytes) -> None:
        self.seen.append(Sighting(round(at * MS), self.hosts[side], "eth0", "tx", frame))

    def came(self, at: float, side: int, frame: bytes) -> None:
        """The frame of `side` comes in at the other side."""
        self.seen.append(Sighting(round(at * MS), self.hosts[1 - side], "eth0", "rx", frame))

    def send(
        self,
        at: float,
        side: int,
        flags: str,
        seq: int,
        ack: int = 0,
        length: int = 0,
        *,
        lost: bool = False,
        takes: float = 20,
        window: int = 64240,
        identification: int | None = None,
    ) -> None:
        frame = self.frame(side, flags, seq, ack, length, window=window, identification=identification)
        self.sent(at, side, frame)
        if not lost:
            self.came(at + takes, side, frame)

    def handshake(self, at: float = 0) -> None:
        self.send(at, 0, "S", 0)
        self.send(at + 20, 1, "SA", 0, 1)
        self.send(at + 40, 0, "A", 1, 1)

    def conversation(self) -> Conversation:
        (found,) = conversations(segments(sorted(self.seen, key=lambda sighting: sighting.time)))
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def scene_of() -> Callable[[int], Scene]:
    return Scene


def _page(scene: Scene) -> Scene:
    """One page of 17 segments over a link that loses one of them, and the last acknowledgment."""
    mss = 1448
    scene.handshake()
    scene.send(40.2, 0, "PA", 1, 1, 178)
    scene.send(60.4, 1, "A", 1, 179)
    at = 61.0
    for number in range(10):
        scene.send(at + number / 10, 1, "A", 1 + number * mss, 179, mss, lost=number == 6)
    for number in range(3):
        scene.send(at + 20 + number / 5, 0, "A", 179, 1 + (number * 2 + 2) * mss)
    for number in range(3):
        scene.send(at + 20.7 + number / 10, 0, "A", 179, 1 + 6 * mss)
    scene.send(at + 40.9, 1, "A", 1 + 6 * mss, 179, mss)
    scene.send(at + 61, 0, "A", 179, 1 + 10 * mss)
    scene.send(at + 81, 1, "PA", 1 + 10 * mss, 179, 333)
    scene.send(at + 81.1, 1, "FA", 334 + 10 * mss, 179)
    scene.send(at + 101.1, 0, "A", 179, 335 + 10 * mss)
    scene.send(at + 101.2, 0, "FA", 179, 335 + 10 * mss)
    scene.send(at + 121.2, 1, "A", 335 + 10 * mss, 180, lost=True)
    scene.send(at + 320, 0, "FA", 179, 335 + 10 * mss)
    scene.send(at + 340, 1, "A", 335 + 10 * mss, 180)
    return scene


@pytest.fixture
def page(scene: Scene) -> Scene:
    return _page(scene)
