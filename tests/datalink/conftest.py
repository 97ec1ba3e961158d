from collections.abc import Callable
from typing import Any

import pytest

from glassnet.datalink import Interface
from glassnet.engine import Drops, Engine

IPV4 = b"\x08\x00"


class Wire:
    """Stands for a lane, and keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.cable = "wire"
        self.frames = 0
        self.bytes = 0
        self.up = True
        self.receiver = None

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        self.frames += 1
        self.bytes += len(frame)


@pytest.fixture(scope="session")
def wire() -> type[Wire]:
    return Wire


@pytest.fixture(scope="session")
def interface() -> Callable[..., Interface]:
    """Makes an interface with a given last octet of its address, and a list of what IPv4 got."""

    def make(last: int = 1, engine: Engine | None = None, **settings: Any) -> Interface:
        engine = engine or Engine()
        drops = Drops(engine, f"host{last}")
        made = Interface(
            engine, "eth0", bytes([2, 0, 0, 0, 0, last]), drops=drops, owner=f"host{last}", **settings
        )
        made.handlers[IPV4] = lambda frame, offset, interface: None
        return made

    return make
