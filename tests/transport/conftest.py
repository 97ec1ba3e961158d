"""A layer 3 of the tests' own: a scripted peer for one stack, or a faulty path between two."""

from __future__ import annotations

from collections.abc import Callable
from errno import EMSGSIZE, ENETUNREACH
from typing import Any

import pytest

from glassnet.engine import Drops, Engine
from glassnet.transport.tcp import Tcp, TcpSettings
from glassnet.transport.udp import Udp
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.options import Option
from glassnet.wire.tcp import TcpSegment

LINK = bytes(12) + b"\x08\x00"


class PathInterface:
    name = "eth0"


INTERFACE = PathInterface()


class PathFlow:
    offloads = False

    def __init__(self, internet: Path, source: bytes, destination: bytes, protocol: int) -> None:
        self.internet = internet
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.mtu = internet.mtu
        self.pseudo = pseudo_sum(source, destination, protocol)
        self.confirmed = 0

    def send(self, head: bytes, payload: bytes) -> None:
        if len(head) + len(payload) + (20 if len(self.source) == 4 else 40) > self.internet.mtu:
            self.mtu = self.internet.mtu
            raise OSError(EMSGSIZE, "Message too long")
        segment = head + payload
        total = pseudo_sum(self.source, self.destination, self.protocol, len(segment)) + ones_sum(segment)
        assert total % 0xFFFF == 0, "a checksum that the stack made is wrong"
        self.internet.out(packet(self.source, self.destination, self.protocol, segment))

    def confirm(self) -> None:
        self.confirmed += 1

    def set(self, **_: object) -> None:
        pass

    def twin(self, *, ecn: int) -> PathFlow:
        return self


def packet(source: bytes, destination: bytes, protocol: int, payload: bytes) -> bytes:
    if len(source) == 4:
        return (
            LINK
            + Ipv4Packet(source=source, destination=destination, protocol=protocol, payload=payload).build()
        )
    return (
        LINK
        + Ipv6Packet(source=source, destination=destination, next_header=protocol, payload=payload).build()
    )


class Path:
    """What a transport sees of layer 3. `out(frame)` takes what it sends."""

    def __init__(self, engine: Engine, *addresses: bytes) -> None:
        self.engine = engine
        self.addresses = addresses
        self.handlers: dict[int, Callable[..., None]] = {}
        self.error_handlers: dict[int, Callable[..., None]] = {}
        self.out: Callable[[bytes], None] = lambda frame: None
        self.unreachable: list[bytes] = []
        self.mtu = 1500
        self.routes = True

    def flow(
        self, destination: bytes, protocol: int, *, source: bytes | None = None, **_: object
    ) -> PathFlow:
        if not self.routes:
            raise OSError(ENETUNREACH, "Network is unreachable")
        if source is None:
            source = next(a for a in self.addresses if len(a) == len(destination))
        return PathFlow(self, source, destination, protocol)

    def is_local(self, address: bytes) -> bool:
        return address in self.addresses

    def is_broadcast(self, address: bytes) -> bool:
        return address in (b"\xff\xff\xff\xff", b"\xc0\x00\x02\xff")

    def port_unreachable(self, frame: bytes, network: int, interface: object) -> None:
        self.unreachable.append(frame)

    def deliver(self, frame: bytes) -> None:
        version = frame[14] >> 4
        start = 34 if version == 4 else 54
        protocol = frame[23] if version == 4 else frame[20]
        self.handlers[protocol](frame, 14, start, len(frame), INTERFACE)


LEFT4, RIGHT4 = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
LEFT6 = bytes.fromhex("20010db8000000000000000000000001")
RIGHT6 = bytes.fromhex("20010db8000000000000000000000002")


def plain(**settings: Any) -> TcpSettings:
    """Settings without what moves by itself: buffers that stay, no quick ACKs, and Reno."""
    for buffer in ("send_buffer", "receive_buffer"):
        size = settings.setdefault(buffer, 1 << 20)
        settings.setdefault(f"{buffer}_max", size)
    return TcpSettings(**{"quick_acks": 0, "congestion_control": "reno", **settings})


class Scripted:
    """One TCP under test at 192.0.2.1, and a peer at 192.0.2.2 that says what the test tells it to."""

    def __init__(self, **settings: object) -> None:
        self.engine = Engine(seed=1)
        self.path = Path(self.engine, LEFT4, LEFT6)
        self.drops = Drops(self.engine, "left")
        self.tcp = Tcp(self.path, self.drops, plain(**settings))
        self.sent: list[TcpSegment] = []
        self.times: list[int] = []
        self.path.out = self._out
        self.peer_port = 80
        self.port = 0
        self.iss = 1000

    def _out(self, frame: bytes) -> None:
        self.sent.append(TcpSegment.parse(frame, 34))
        self.times.append(self.engine.now)

    def take(self) -> list[TcpSegment]:
        """What was sent since the last call."""
        sent, self.sent, self.times = self.sent, [], []
        return sent

    def say(
        self,
        flags: int,
        sequence: int,
        acknowledgment: int = 0,
        payload: bytes = b"",
        *,
        window: int = 65535,
        options: tuple[Option, ...] = (),
        foreign: bool = True,
        ecn: int = 0,
    ) -> None:
        segment = TcpSegment(
            source_port=self.peer_port,
            destination_port=self.port,
            sequence=sequence & 0xFFFFFFFF,
            acknowledgment=acknowledgment & 0xFFFFFFFF,
            flags=flags,
            window=window,
            options=options,
            payload=payload,
        ).build(pseudo_sum(RIGHT4, LEFT4, 6))
        frame = packet(RIGHT4, LEFT4, 6, segment)
        frame = frame[:15] + bytes((frame[15] | ecn,)) + frame[16:]
        self.path.deliver(Foreign(frame) if foreign else frame)

    def run(self, seconds: float) -> None:
        self.engine.run(self.engine.now + round(seconds * 1e9))


class Pair:
    """Two stacks and a path; `judge(frame, towards)` gives the delays (ns) after which a frame arrives."""

    def __init__(self, seed: int = 1, v6: bool = False, delay: int = 10**6, **settings: object) -> None:
        self.engine = Engine(seed=seed)
        self.addresses = (LEFT6, RIGHT6) if v6 else (LEFT4, RIGHT4)
        self.delay = delay
        self.judge: Callable[[bytes, str], list[int]] = lambda frame, towards: [self.delay]
        self.paths = [Path(self.engine, LEFT4, LEFT6), Path(self.engine, RIGHT4, RIGHT6)]
        self.drops = [Drops(self.engine, "left"), Drops(self.engine, "right")]
        self.left, self.right = (
            Tcp(path, drops, plain(**settings)) for path, drops in zip(self.paths, self.drops, strict=True)
        )
        self.udp = [Udp(path, drops) for path, drops in zip(self.paths, self.drops, strict=True)]
        for index, towards in ((0, "right"), (1, "left")):
            self.paths[index].out = self._sender(self.paths[1 - index], towards)

    def _sender(self, other: Path, towards: str) -> Callable[[bytes], None]:
        def out(frame: bytes) -> None:
            for delay in self.judge(frame, towards):
                self.engine.after(delay, other.deliver, frame)

        return out

    def run(self, seconds: float) -> None:
        self.engine.run(self.engine.now + round(seconds * 1e9))


@pytest.fixture(scope="session")
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def pair() -> type[Pair]:
    return Pair
