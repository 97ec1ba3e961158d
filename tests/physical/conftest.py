from collections.abc import Callable
from typing import Any

import pytest

from glassnet.engine import Engine
from glassnet.physical import Cable, Lane
from glassnet.wire.ipv4 import Ipv4Packet


class Sink:
    """One end of a cable, that keeps what it gets."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.lane: Lane | None = None
        self.got: list[tuple[int, bytes]] = []
        self.damaged: list[tuple[int, bytes]] = []
        self.offload = 0

    def receive(self, frame: bytes) -> None:
        self.got.append((self.engine.now, frame))

    def receive_damaged(self, bits: bytes) -> None:
        self.damaged.append((self.engine.now, bits))

    @property
    def times(self) -> list[int]:
        return [when for when, _ in self.got]

    @property
    def frames(self) -> list[bytes]:
        return [frame for _, frame in self.got]


@pytest.fixture(scope="session")
def joined() -> Callable[..., tuple[Engine, Sink, Sink, Cable]]:
    """Makes an engine and two sinks joined by a cable under given conditions."""

    def join(seed: int = 0, name: str = "pc-lan", **conditions: Any) -> tuple[Engine, Sink, Sink, Cable]:
        engine = Engine(seed)
        a, b = Sink(engine, "pc eth0"), Sink(engine, "lan port 1")
        cable = Cable(engine, name, ends=("pc", "lan"), **conditions)
        cable.plug(a, b)
        return engine, a, b, cable

    return join


@pytest.fixture(scope="session")
def sink() -> type[Sink]:
    return Sink


def make_packet(
    flow: int = 1, number: int = 0, ecn: int = 0, size: int = 1514, ethertype: bytes = b"\x08\x00"
) -> bytes:
    """A UDP datagram of a flow, by its source port, in a frame of `size` octets; its data are a number."""
    data = number.to_bytes(4, "big").ljust(size - 42, b".")
    header = flow.to_bytes(2, "big") + b"\0\x09" + (8 + len(data)).to_bytes(2, "big") + bytes(2)
    packet = Ipv4Packet(
        ecn=ecn, protocol=17, source=b"\xc0\0\2\1", destination=b"\xc0\0\2\2", payload=header + data
    )
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + ethertype + packet.build()


@pytest.fixture(scope="session")
def packet() -> Callable[..., bytes]:
    return make_packet
