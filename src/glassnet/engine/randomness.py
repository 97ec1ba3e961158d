"""Chance, from one seed.

Each consumer draws from a stream of its own, named after what it is for
(`"cable:pc-lan:loss"`), so that a new host or one draw more moves nothing else.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random

__all__ = ["Streams"]


class Streams:
    """The random streams of one network, each derived from the seed and its name."""

    __slots__ = ("_streams", "seed")

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed
        self._streams: dict[str, Random] = {}

    def __getitem__(self, name: str) -> Random:
        """The stream called `name`; the same object each time."""
        stream = self._streams.get(name)
        if stream is None:
            digest = sha256(f"{self.seed!r}\0{name}".encode()).digest()
            stream = self._streams[name] = Random(int.from_bytes(digest, "big"))
        return stream
