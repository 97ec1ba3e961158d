"""TCP Fast Open (RFC 7413): data in the SYN, for clients that have a cookie to show.

The server gives a client's address a cookie, which is a keyed hash of it, and takes data
from a SYN that brings it back. The client keeps the cookies it was given, with the MSS, and
which destinations do not answer to such SYNs: those it leaves alone for a while.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from dataclasses import dataclass
from hashlib import blake2s
from hmac import compare_digest
from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.engine import Engine
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.settings import TcpSettings
    from glassnet.transport.tcp.syn_options import SynOptions

__all__ = ["CLIENT", "EVERY_LISTENER", "FastOpen", "Opening", "PendingQueue", "connect_with", "has_cookie"]

CLIENT = 1
SERVER = 2
NO_COOKIE_NEEDED_BY_CLIENT = 4
NO_COOKIE_NEEDED_BY_SERVER = 0x200
EVERY_LISTENER = 0x400
"""The bits of `TcpSettings.fast_open`, Linux's `tcp_fastopen`."""

_COOKIE = 8
_DESTINATIONS = 1024
_OPTION_SPACE = 40
_MINUTE = 60 * 10**9
_MOST_DOUBLINGS = 6
_REMEMBERED_RESETS = 60 * 10**9


@dataclass(slots=True)
class Destination:
    """What a client knows of a server: its cookie and MSS (0: unknown).

    `losses` of SYNs with options or data in a row have had no answer; until `rest` (ns) only
    ordinary SYNs are sent.
    """

    cookie: bytes = b""
    experimental: bool = False
    mss: int = 0
    losses: int = 0
    rest: int = 0


class PendingQueue:
    """A listener's connections that SYN data have opened and whose handshake is not over.

    They may be forged (RFC 7413, 5.1): no more than `limit` at a time. One that is reset counts
    for 60 seconds more: that is how a forged one ends.
    """

    __slots__ = ("_engine", "_resets", "limit", "pending")

    def __init__(self, engine: Engine, limit: int) -> None:
        self._engine = engine
        self._resets: deque[int] = deque()
        self.limit = limit
        self.pending = 0

    @property
    def full(self) -> bool:
        """Whether the next one must take the three-way handshake."""
        now = self._engine.now
        while self._resets and self._resets[0] <= now:
            self._resets.popleft()
        return self.pending + len(self._resets) >= self.limit

    def reset(self) -> None:
        """One of them was reset before its handshake was over."""
        self._resets.append(self._engine.now + _REMEMBERED_RESETS)


@dataclass(slots=True)
class Opening:
    """What Fast Open has to do with a connection while it opens.

    `cookie` is what our SYN or SYN-ACK says, None for nothing; `size` how much data our SYN
    carried. `queue` is there for a connection that a peer's SYN with its cookie has opened.
    """

    cookie: bytes | None = None
    experimental: bool = False
    size: int = 0
    queue: PendingQueue | None = None

    def over(self) -> None:
        """The handshake is over, or the connection."""
        if self.queue is not None:
            self.queue.pending -= 1
            self.queue = None


class FastOpen:
    """One host's side of Fast Open, as client and as server."""

    __slots__ = ("_destinations", "_engine", "_secret", "_settings")

    def __init__(self, engine: Engine, settings: TcpSettings, secret: bytes) -> None:
        self._engine = engine
        self._settings = settings
        self._secret = secret
        self._destinations: dict[bytes, Destination] = {}

    # The server

    def serves(self, queue: PendingQueue) -> bool:
        """Whether a listener with this queue takes SYNs with data."""
        return queue.limit > 0 and bool(self._settings.fast_open & SERVER)

    def cookie_for(self, client: bytes, server: bytes, key: bytes = b"") -> bytes:
        """The cookie of a client's address, as `server` gives it; with the program's `key`, or the host's."""
        return blake2s(
            client + server, key=key or self._secret, digest_size=_COOKIE, person=b"fastopen"
        ).digest()

    def answer(
        self,
        queue: PendingQueue,
        keys: tuple[bytes, ...],
        client: bytes,
        server: bytes,
        options: SynOptions,
        has_data: bool,
        no_cookie: bool,
    ) -> Opening | None:
        """What to make of a SYN that came to a listener that serves; None for a plain handshake.

        With `no_cookie` the listener takes data without one. The first of `keys` makes cookies, and
        all of them are good: so a program changes them.
        """
        given = options.fast_open
        if given is None:
            no_cookie = no_cookie or bool(self._settings.fast_open & NO_COOKIE_NEEDED_BY_SERVER)
            if has_data and no_cookie and not queue.full:
                queue.pending += 1
                return Opening(queue=queue)
            return None
        current = self.cookie_for(client, server, keys[0] if keys else b"")
        for key in keys or (b"",):
            if given and compare_digest(given, self.cookie_for(client, server, key)):
                if queue.full:
                    return None
                queue.pending += 1
                renewed = None if given == current else current
                return Opening(renewed, options.experimental, queue=queue)
        return Opening(current, options.experimental)

    # The client

    def _known(self, address: bytes) -> Destination | None:
        found = self._destinations.pop(address, None)
        if found is not None:
            self._destinations[address] = found  # the youngest last
        return found

    def _entry(self, address: bytes) -> Destination:
        found = self._known(address)
        if found is None:
            if len(self._destinations) >= _DESTINATIONS:
                del self._destinations[next(iter(self._destinations))]
            found = self._destinations[address] = Destination()
        return found

    def attempt(self, address: bytes, no_cookie: bool) -> tuple[Opening, int] | None:
        """How to call this server: what to say, and the MSS to fill; 0 without data. None for plainly."""
        known = self._known(address)
        if known is not None and known.rest > self._engine.now:
            return None
        if no_cookie or self._settings.fast_open & NO_COOKIE_NEEDED_BY_CLIENT:
            return Opening(), (known.mss if known is not None else 0) or 536
        if known is None or not known.cookie:
            return Opening(b"", known is not None and known.experimental), 0
        return Opening(known.cookie, known.experimental), known.mss or 536

    def answered(self, address: bytes, options: SynOptions, opening: Opening, retried: bool) -> None:
        """A SYN-ACK came: keep the cookie in it, and the MSS; or learn that the path swallows such SYNs."""
        entry = self._entry(address)
        entry.mss = options.mss
        if options.fast_open:
            entry.cookie, entry.experimental = options.fast_open, options.experimental
        if retried:
            # RFC 7413, 4.1.3.1: only the ordinary SYN got through.
            entry.rest = self._engine.now + (_MINUTE << min(entry.losses, _MOST_DOUBLINGS))
            entry.losses += 1
        else:
            entry.losses = 0
            if not options.fast_open and opening.cookie == b"":
                # It knows no kind 34, so perhaps the experimental one (RFC 7413, 4.1.1).
                entry.experimental = not entry.experimental


def has_cookie(connection: Connection) -> bool:
    """Whether a connection to that server could begin with data."""
    tcp = connection.tcp
    if not tcp.settings.fast_open & CLIENT:
        return False
    found = tcp.fast_open.attempt(connection.remote[0], connection.preferences.no_cookie)
    return found is not None and found[1] > 0


def connect_with(connection: Connection, data: bytes | memoryview) -> int:
    """Open a connection with as much of `data` in the SYN as it can take; returns how much that is.

    Without a cookie that is nothing, and the SYN asks for one. OSError(EOPNOTSUPP) if the
    host's settings do not let clients use Fast Open.
    """
    tcp = connection.tcp
    if not tcp.settings.fast_open & CLIENT:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    found = tcp.fast_open.attempt(connection.remote[0], connection.preferences.no_cookie)
    payload = b""
    if found is not None:
        opening, mss = found
        most = min(mss, connection.flow.mtu - (40 if len(connection.local[0]) == 4 else 60)) - _OPTION_SPACE
        if mss:
            payload = bytes(memoryview(data)[: min(max(most, 0), connection.sender.limit)])
        opening.size = len(payload)
        connection.fast_open = opening
    if connection.state is not State.SYN_SENT:
        connection.connect(payload)
    else:
        connection.call(payload)
    return len(payload)
