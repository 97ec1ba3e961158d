"""Putting fragments together again (RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5).

Fragments that overlap are never sent in earnest: their whole packet is dropped, and
what arrives of it later too (RFC 5722, and the same for IPv4 as RFC 8900 advises).
An exact copy of a fragment is just a duplicate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops, Engine, Timer

__all__ = ["Fragments"]

MEMORY_LIMIT = 2 * 1024 * 1024
_PACKET_OVERHEAD = 600
_FRAGMENT_OVERHEAD = 100


class _Packet:
    """What has arrived of one packet: pieces in order, none of which overlap."""

    __slots__ = (
        "deadline",
        "first",
        "foreign",
        "header",
        "pieces",
        "received",
        "size",
        "spoilt",
        "starts",
        "total",
    )

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.starts: list[int] = []
        self.pieces: list[bytes] = []
        self.received = 0
        self.total: int | None = None
        self.header = b""
        self.first: tuple[bytes, int, Interface] | None = None
        self.foreign = False
        self.spoilt = False
        self.size = _PACKET_OVERHEAD

    def spoil(self) -> None:
        """Forget everything but that nothing more may come of this packet."""
        self.spoilt = True
        self.starts, self.pieces, self.header, self.first = [], [], b"", None
        self.size = _PACKET_OVERHEAD


class Fragments:
    """The packets of one host and family of which some fragments have arrived.

    A packet has `lifetime` nanoseconds to arrive, from its first fragment on;
    `expired(frame, offset, interface)` is then told of it, if the fragment with its
    beginning was among them. All of them take `limit` bytes at most: the oldest go.
    """

    __slots__ = (
        "_drops",
        "_engine",
        "_expired",
        "_lifetime",
        "_name",
        "_packets",
        "_size",
        "_timer",
        "limit",
    )

    def __init__(
        self,
        engine: Engine,
        drops: Drops,
        name: str,
        lifetime: int,
        expired: Callable[[bytes, int, Interface], None],
    ) -> None:
        self._engine = engine
        self._drops = drops
        self._name = name
        self._lifetime = lifetime
        self._expired = expired
        self._timer = Timer(engine, self._due)
        self._packets: OrderedDict[bytes, _Packet] = OrderedDict()
        self._size = 0
        self.limit = MEMORY_LIMIT

    @property
    def size(self) -> int:
        """Bytes of memory taken, about."""
        return self._size

    def __len__(self) -> int:
        return len(self._packets)

    def clear(self) -> None:
        """Forget all of them; nobody is told."""
        self._packets.clear()
        self._size = 0
        self._timer.stop()

    def add(
        self,
        key: bytes,
        position: int,
        data: bytes,
        more: bool,
        frame: bytes,
        offset: int,
        header: bytes,
        interface: Interface,
    ) -> tuple[bytes, bytes, bool] | None:
        """Take the fragment with `data` (not empty) from byte `position` on; `more` follow or not.

        `header` are the headers in front of it, of which those of the very first
        fragment are kept. Returns them, the data of the whole packet, and whether any
        part is foreign, once all is there.
        """
        packet = self._packets.get(key)
        if packet is None:
            packet = self._packets[key] = _Packet(self._engine.now + self._lifetime)
            self._size += _PACKET_OVERHEAD
            if self._timer.deadline is None:
                self._timer.start(packet.deadline)
        if packet.spoilt:
            self._drops(f"{self._name}: fragment of a spoilt packet", frame)
            return None
        end = position + len(data)
        starts, pieces = packet.starts, packet.pieces
        index = bisect_right(starts, position)
        before = index - 1
        if index and starts[before] == position and pieces[before] == data and (end == packet.total) != more:
            self._drops(f"{self._name}: duplicate fragment", frame)
            return None
        if (index and starts[before] + len(pieces[before]) > position) or (
            index < len(starts) and starts[index] < end
        ):
            self._spoil(packet, "overlapping fragments", frame)
            return None
        if not more:
            if packet.total is not None or (starts and starts[-1] >= end):
                self._spoil(packet, "two ends of one packet", frame)
                return None
            packet.total = end
        elif packet.total is not None and end > packet.total:
            self._spoil(packet, "fragment beyond the end", frame)
            return None
        starts.insert(index, position)
        pieces.insert(index, data)
        packet.received += len(data)
        packet.foreign |= type(frame) is not bytes
        growth = len(data) + _FRAGMENT_OVERHEAD
        if position == 0:
            packet.first = (frame, offset, interface)
            packet.header = header
            growth += len(frame)
        packet.size += growth
        self._size += growth
        if packet.received == packet.total:
            self._remove(key)
            return packet.header, b"".join(pieces), packet.foreign
        while self._size > self.limit:
            oldest = next(iter(self._packets))
            self._drops(f"{self._name}: reassembly memory full", self._remains(self._packets[oldest]))
            self._remove(oldest)
        return None

    @staticmethod
    def _remains(packet: _Packet) -> bytes:
        return packet.first[0] if packet.first is not None else b""

    def _spoil(self, packet: _Packet, why: str, frame: bytes) -> None:
        self._drops(f"{self._name}: {why}", frame)
        self._size -= packet.size - _PACKET_OVERHEAD
        packet.spoil()

    def _remove(self, key: bytes) -> None:
        self._size -= self._packets.pop(key).size
        if not self._packets:
            self._timer.stop()

    def _due(self) -> None:
        now = self._engine.now
        while self._packets:
            key, packet = next(iter(self._packets.items()))
            if packet.deadline > now:
                self._timer.start(packet.deadline)
                return
            self._remove(key)
            if packet.spoilt:
                continue
            self._drops(f"{self._name}: reassembly time exceeded", self._remains(packet))
            if packet.first is not None:
                self._expired(*packet.first)
