from collections.abc import Callable
from typing import Any

import pytest

from glassnet.engine import Engine
from glassnet.physical import Cable, Lane


class Sink:
    """One end of a cable, that keeps what it gets."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.lane: Lane | None = None
        self.got: list[tuple[int, bytes]] = []
        self.damaged: list[tuple[int, bytes]] = []

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
