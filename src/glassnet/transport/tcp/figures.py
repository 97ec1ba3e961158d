"""What a connection counts for those who ask about it (TCP_INFO). Nothing here decides anything."""

from __future__ import annotations

__all__ = ["BUSY", "HELD_BY_BUFFER", "HELD_BY_WINDOW", "IDLE", "Figures"]

IDLE, BUSY, HELD_BY_WINDOW, HELD_BY_BUFFER = range(4)
"""What the sender is doing: nothing, sending, or waiting for the peer's window or for room to write."""


class Figures:
    """The figures of one connection. Times are nanoseconds.

    `opened` is when the handshake was over, -1 before. `repeated_syns` are our SYNs after the first.
    `bare_fin` says that our FIN had a segment of its own. `marked` are the bytes that
    acknowledgements with ECN-Echo have told of. `timeouts` counts expiries of the
    retransmission timer, `in_a_row` those since the last progress, `rounds` the rows, and
    `waited` the time in them. `probes` are the last row of probes of a closed window. `kind` is
    what the sender is doing.
    """

    __slots__ = (
        "_since",
        "_spent",
        "_timed_out_at",
        "bare_fin",
        "in_a_row",
        "kind",
        "marked",
        "opened",
        "probes",
        "repeated_syns",
        "rounds",
        "timeouts",
        "waited",
    )

    def __init__(self) -> None:
        self.opened = -1
        self.repeated_syns = 0
        self.bare_fin = False
        self.marked = 0
        self.timeouts = 0
        self.in_a_row = 0
        self.rounds = 0
        self.waited = 0
        self.probes = 0
        self._timed_out_at = 0
        self.kind = IDLE
        self._since = 0
        self._spent = [0, 0, 0, 0]

    def turn(self, kind: int, now: int) -> None:
        """The sender does something else from now on."""
        self._spent[self.kind] += now - self._since
        self.kind = kind
        self._since = now

    def spent(self, kind: int, now: int) -> int:
        """How long the sender has done that."""
        return self._spent[kind] + (now - self._since if self.kind == kind else 0)

    def timed_out(self, now: int) -> None:
        """The retransmission timer has expired."""
        if not self.in_a_row:
            self.rounds += 1
            self._timed_out_at = now
        self.in_a_row += 1
        self.timeouts += 1

    def answered(self, now: int) -> None:
        """What was sent again for a timeout has made progress."""
        self.waited += now - self._timed_out_at
        self.in_a_row = 0
