"""Neighbours: the MAC addresses of hosts on the same link, and whether they still answer.

One state machine (RFC 4861 section 7.3.2) serves both families; ARP and neighbour
discovery ask the questions and report the answers. RFC 1122 section 2.3.2.1 lets
ARP check on a neighbour by unicast in the same way. A timer runs only while an
answer is awaited or fresh: the neighbours of an idle network cost no events.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops, Engine, Timer
from glassnet.network.next_hop import NEVER, NextHop, framed

__all__ = ["Neighbour", "NeighbourCache", "NeighbourChanged", "NeighbourState"]

_SECOND = 1_000_000_000
REACHABLE_TIME = 30 * _SECOND
"""How long an answer is believed, on average (REACHABLE_TIME of RFC 4861 section 10)."""
DELAY_FIRST_PROBE_TIME = 5 * _SECOND
RETRANS_TIMER = 1 * _SECOND
MAX_SOLICIT = 3
"""Both MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT."""
QUEUE_LIMIT = 256
"""Packets that wait for one neighbour's MAC address: as many small ones as Linux's 208 KiB hold."""
WAITING_LIMIT = 1024 * 1024
"""Bytes of packets that wait for all neighbours on one interface."""
TABLE_LIMIT = 8192
_EVICTION_LOOK = 8


class NeighbourState(Enum):
    """How much is known of a neighbour (RFC 4861 section 7.3.2); FAILED did not answer."""

    INCOMPLETE = "INCOMPLETE"
    REACHABLE = "REACHABLE"
    STALE = "STALE"
    DELAY = "DELAY"
    PROBE = "PROBE"
    FAILED = "FAILED"


_INCOMPLETE = NeighbourState.INCOMPLETE
_REACHABLE = NeighbourState.REACHABLE
_STALE = NeighbourState.STALE
_DELAY = NeighbourState.DELAY
_PROBE = NeighbourState.PROBE
_FAILED = NeighbourState.FAILED


@dataclass(frozen=True, slots=True)
class NeighbourChanged:
    """A neighbour of `interface` on `host` came into a state, or has another MAC address."""

    time: int
    host: str
    interface: str
    address: bytes
    mac: bytes | None
    state: NeighbourState


class Neighbour(NextHop):
    """One neighbour. Its `link` header is there while packets may be sent without further thought."""

    __slots__ = (
        "_cache",
        "_probing_since",
        "_timer",
        "_tries",
        "address",
        "mac",
        "pending",
        "router",
        "state",
    )

    def __init__(self, cache: NeighbourCache, address: bytes) -> None:
        super().__init__(cache.interface, None)
        self._cache = cache
        self._timer = Timer(cache.engine, self._due)
        self._tries = 0
        self._probing_since = 0
        self.address = address
        self.mac: bytes | None = None
        self.pending: list[tuple[bytes, bool]] = []
        self.router = False
        self.state = _FAILED

    def send(self, packet: bytes, forwarded: bool) -> None:
        """Send a packet to this neighbour; without its MAC address the packet waits for that."""
        if self.gone:
            self._cache.drops("neighbour: table full", packet)
            return
        if self.state is _STALE:
            if self.confirmed + self._cache.reachable_time > self._cache.engine.now:
                self._enter(_REACHABLE)
            else:
                self._enter(_DELAY)
        link = self.link
        if link is not None:
            self.interface.send(framed(link, packet))
            return
        self._wait(packet, forwarded)
        if self.state is not _INCOMPLETE:
            self._enter(_INCOMPLETE)

    def _wait(self, packet: bytes, forwarded: bool) -> None:
        cache, pending = self._cache, self.pending
        cache.waiting += len(packet)
        pending.append((packet, forwarded))
        if len(pending) > cache.queue_limit or cache.waiting > WAITING_LIMIT:
            # The oldest goes (RFC 4861 section 7.2.2): what replaced it is more likely still wanted.
            oldest, _ = pending.pop(0)
            cache.waiting -= len(oldest)
            cache.drops("neighbour: queue full", oldest)

    def _no_longer_waiting(self) -> list[tuple[bytes, bool]]:
        pending, self.pending = self.pending, []
        for packet, _ in pending:
            self._cache.waiting -= len(packet)
        return pending

    def heard(self, mac: bytes) -> None:
        """The neighbour named its MAC address in passing: believed, not yet confirmed (RFC 4861 7.2.3)."""
        if mac != self.mac:
            self._move(mac, NEVER)

    def advertised(self, mac: bytes | None, solicited: bool, override: bool) -> None:
        """The neighbour advertised itself (RFC 4861 section 7.2.5)."""
        now = self._cache.engine.now
        if self.mac is None:
            if mac is not None:
                # An answer that comes too late, on a very long link, is welcome all the same.
                self._move(mac, now if solicited and self.state is _INCOMPLETE else NEVER)
        elif mac is None or mac == self.mac:
            if solicited:
                self.confirmed = now
                self._enter(_REACHABLE)
        elif override:
            self._move(mac, now if solicited else NEVER)
        elif self.state is _REACHABLE:
            self.confirmed = NEVER
            self._enter(_STALE)

    def _move(self, mac: bytes, confirmed: int) -> None:
        """The neighbour has this MAC address, as confirmed then or never."""
        self.mac = mac
        self.confirmed = confirmed
        self._enter(_STALE if confirmed == NEVER else _REACHABLE)

    def _enter(self, state: NeighbourState) -> None:
        cache = self._cache
        now = cache.engine.now
        self.state = state
        if state is _INCOMPLETE or state is _FAILED:
            self.mac = self.link = None
        elif state is _STALE:
            self.link = None
        else:
            assert self.mac is not None
            self.link = self.mac + self.interface.mac + cache.ethertype
        if state is _INCOMPLETE or state is _PROBE:
            self._tries = 1
            self._timer.start(now + RETRANS_TIMER)
        elif state is _REACHABLE:
            self._timer.start(self.confirmed + cache.reachable_time)
        elif state is _DELAY:
            self._probing_since = now
            self._timer.start(now + DELAY_FIRST_PROBE_TIME)
        else:
            self._timer.stop()
        cache.changed(self)
        if state is _INCOMPLETE or state is _PROBE:
            self._solicit()
        elif self.pending:
            self._release()

    def _release(self) -> None:
        """Send what waited for an answer, or tell that none came."""
        pending = self._no_longer_waiting()
        if self.state is _FAILED:
            for packet, forwarded in pending:
                self._cache.drops("neighbour: unreachable", packet)
                self._cache.unreachable(packet, forwarded)
            return
        for packet, forwarded in pending:
            self.send(packet, forwarded)

    def _due(self) -> None:
        state = self.state
        if state is _REACHABLE:
            expires = self.confirmed + self._cache.reachable_time
            if expires > self._cache.engine.now:
                self._timer.start(expires)
            else:
                self._enter(_STALE)
        elif state is not _INCOMPLETE and self.confirmed >= self._probing_since:
            self._enter(_REACHABLE)
        elif state is _DELAY:
            self._enter(_PROBE)
        elif self._tries < MAX_SOLICIT:
            self._tries += 1
            self._timer.start(self._cache.engine.now + RETRANS_TIMER)
            self._solicit()
        else:
            self._enter(_FAILED)

    def _solicit(self) -> None:
        prompting = self.pending[0][0] if self.pending else None
        self._cache.solicit(self.address, self.mac, prompting)

    def leave(self, reason: str) -> None:
        """Be no longer in force: drop what waits, and make users look for the next hop again."""
        self.gone = True
        self.link = None
        self._timer.stop()
        for packet, _ in self._no_longer_waiting():
            self._cache.drops(reason, packet)


class NeighbourCache:
    """The neighbours of one interface in one family, at most `limit`; the least recently news-worthy go.

    `solicit(address, mac, packet)` asks a neighbour for its MAC address: everyone while
    `mac` is None, else that one alone; `packet` is what waits, if any.
    `unreachable(packet, forwarded)` is told of each packet whose neighbour did not answer.
    """

    __slots__ = (
        "_host",
        "_table",
        "drops",
        "engine",
        "ethertype",
        "interface",
        "limit",
        "queue_limit",
        "reachable_time",
        "solicit",
        "unreachable",
        "waiting",
    )

    def __init__(
        self,
        engine: Engine,
        host: str,
        interface: Interface,
        drops: Drops,
        ethertype: bytes,
        solicit: Callable[[bytes, bytes | None, bytes | None], None],
        unreachable: Callable[[bytes, bool], None],
    ) -> None:
        self.engine = engine
        self._host = host
        self.interface = interface
        self.drops = drops
        self.ethertype = ethertype
        self.solicit = solicit
        self.unreachable = unreachable
        self.waiting = 0
        self.limit = TABLE_LIMIT
        self.queue_limit = QUEUE_LIMIT
        # Spread between 0.5 and 1.5 of the base, so that hosts do not probe in step (RFC 4861 section 6.3.2).
        chance = engine.random[f"host:{host}:reachable-time"].random()
        self.reachable_time = int(REACHABLE_TIME * (0.5 + chance))
        self._table: OrderedDict[bytes, Neighbour] = OrderedDict()

    def __iter__(self) -> Iterator[Neighbour]:
        return iter(list(self._table.values()))

    def __len__(self) -> int:
        return len(self._table)

    def known(self, address: bytes) -> Neighbour | None:
        """The neighbour with this address, if there is an entry for it."""
        return self._table.get(address)

    def get(self, address: bytes) -> Neighbour:
        """The neighbour with this address; a new entry if there is none.

        In a table full of questions without answers there is no room for one more: the
        entry is then `gone` from the start.
        """
        neighbour = self._table.get(address)
        if neighbour is None:
            neighbour = Neighbour(self, address)
            if len(self._table) >= self.limit and not self._evict():
                neighbour.gone = True
            else:
                self._table[address] = neighbour
        return neighbour

    def _evict(self) -> bool:
        """Make room for one more: among the oldest take one that is not in use, or else the very oldest.

        Those that are being asked for stay: a flood of addresses must not make ever more of them.
        """
        choice = None
        for neighbour in islice(self._table.values(), _EVICTION_LOOK):
            if neighbour.state is _STALE or neighbour.state is _FAILED:
                choice = neighbour
                break
            if choice is None and neighbour.state is not _INCOMPLETE:
                choice = neighbour
        if choice is None:
            return False
        del self._table[choice.address]
        choice.leave("neighbour: table full")
        return True

    def clear(self) -> None:
        """Forget all neighbours, as when the interface goes away."""
        table, self._table = self._table, OrderedDict()
        for neighbour in table.values():
            neighbour.leave("neighbour: interface gone")

    def changed(self, neighbour: Neighbour) -> None:
        """Note a change of state: the entry is news-worthy, and observers hear of it."""
        if not neighbour.gone:
            self._table.move_to_end(neighbour.address)
        events = self.engine.events
        if NeighbourChanged in events.wanted:
            events.tell(
                NeighbourChanged(
                    self.engine.now,
                    self._host,
                    self.interface.name,
                    neighbour.address,
                    neighbour.mac,
                    neighbour.state,
                )
            )
