"""Packetization-layer path MTU discovery (RFC 4821): finding out what passes by sending it.

Routers that tell nothing of packets that are too big make a black hole: the connection
stands, and no full segment arrives. With `tcp_mtu_probing` 1 segments shrink once the
silence lasts longer than R1 (RFC 9293, 3.8.3), with 2 they begin small; in either case
larger ones are tried with data of the connection itself until the size is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.recovery import CaState
from glassnet.transport.tcp.scoreboard import Segment

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["MtuProbing", "begin", "suspect"]

ALWAYS = 2
_LEAST_WINDOW = 11  # segments: with fewer, too few acknowledgements would follow a lost probe


class MtuProbing:
    """One connection's search for its segment size. Sizes are bytes of payload.

    `low` is known to pass, and what segments have; `high` is the most that may (0: to be seen).
    One probe is on its way at a time, half-way between them. The search is over when they are
    less than `tcp_probe_threshold` apart, and begins again after `tcp_probe_interval`: the path
    may have changed (RFC 4821, 7.7). While `searching`, all acknowledgements come here.
    """

    __slots__ = ("_again", "_connection", "_probe", "high", "low", "searching")

    def __init__(self, connection: Connection) -> None:
        settings = connection.tcp.settings
        sender = connection.sender
        self._connection = connection
        self._probe: Segment | None = None
        self._again = Timer(connection.tcp.engine, self._search)
        self.low = settings.base_mss
        self.high = self._most()
        self.searching = True
        if self.low < sender.mss:
            sender.set_mss(self.low)
        sender.watch()

    @property
    def probing(self) -> bool:
        """Whether a probe is on its way."""
        return self._probe is not None

    def _most(self) -> int:
        """What the first link, the peer and the program would take."""
        connection = self._connection
        chosen = connection.preferences.mss or connection.sender.mss_limit
        return min(connection.segment_size(), connection.sender.mss_limit, chosen)

    def acknowledged(self, now: int) -> None:
        """SND.UNA has advanced: learn from that, and send the next probe if the time is right."""
        sender = self._connection.sender
        probe = self._probe
        if probe is not None:
            if sender.unacked < probe.end:
                return
            self._probe = None
            self.low = probe.end - probe.sequence
            sender.raise_mss(self.low)
        if not self.high:
            self.high = self._most()
        settings = self._connection.tcp.settings
        size = (self.high + self.low) // 2
        if self.high - self.low < settings.probe_threshold or size <= self.low:
            self.searching = False
            self._again.start(now + settings.probe_interval)
        elif self._may_probe(size):
            self._probe = sender.send_probe(size)

    def _may_probe(self, size: int) -> bool:
        """Whether a probe of `size` bytes would be sent, and its loss be seen by what follows (7.2, 7.4)."""
        connection = self._connection
        sender = connection.sender
        mss = sender.mss
        window = sender.congestion.window
        needed = size + (connection.tcp.settings.reordering + 1) * mss
        return (
            sender.recovery.state is CaState.OPEN
            and window >= _LEAST_WINDOW * mss
            and sender.unsent >= needed
            and sender.next + needed <= sender.unacked + sender.window
            and sender.in_flight + 2 * mss <= window
            and not connection.receiver.sacks  # they take room in the header
        )

    def failed(self) -> bool:
        """Whether what was just found lost is the probe alone: no sign of congestion (7.6.2)."""
        probe = self._probe
        if probe is None or not probe.lost or self._connection.sender.lost != probe.end - probe.sequence:
            return False
        self._probe = None
        self.high = probe.end - probe.sequence - 1
        return True

    def resent(self) -> None:
        """Something else was sent again while the probe was on its way: it tells nothing (7.6.4)."""
        self._probe = None

    def narrowed(self, most: int) -> None:
        """ICMP says that only `most` bytes fit: that holds at once (7.4)."""
        sender = self._connection.sender
        self.high = min(self.high, most)
        self.low = min(self.low, most)
        probe = self._probe
        if probe is not None and probe.end - probe.sequence > most:
            self._probe = None
            sender.recovery.lose_probe(probe)

    def shrink(self) -> None:
        """Still nothing passes: half the size, or what the settings have as the least."""
        settings = self._connection.tcp.settings
        sender = self._connection.sender
        half = min(settings.base_mss, self.low // 2)
        self.low = max(half, settings.probe_floor, settings.least_mss)
        self._probe = None
        if self.low < sender.mss:
            sender.set_mss(self.low)
        if not self.searching:
            self._search()

    def _search(self) -> None:
        """Look for a larger size, from the present one up."""
        sender = self._connection.sender
        self._again.stop()
        self.searching = True
        self.low = sender.mss
        self.high = 0  # what it is then will be seen when there are data
        sender.watch().until = sender.next

    def stop(self) -> None:
        """The connection is over."""
        self._again.stop()


def begin(connection: Connection) -> None:
    """The handshake has told the peer's MSS: begin small, if the settings say so."""
    if connection.tcp.settings.mtu_probing == ALWAYS:
        connection.sender.mtu_probing = MtuProbing(connection)


def suspect(connection: Connection, since: int) -> None:
    """A timeout, with nothing heard since the first retransmission at `since`: perhaps a black hole (7.7)."""
    settings = connection.tcp.settings
    sender = connection.sender
    if connection.tcp.engine.now - since < settings.patience(settings.rto_min, settings.retries_r1):
        return
    if sender.mtu_probing is not None:
        sender.mtu_probing.shrink()
    elif settings.mtu_probing:
        sender.mtu_probing = MtuProbing(connection)
