"""Explicit congestion notification: marks instead of losses (RFC 3168, 6.1; RFC 8257, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.wire.tcp import CWR, ECE

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["Ecn"]

CE = 3
"""Congestion experienced, in the two ECN bits of the Internet header (RFC 3168, 5)."""


class Ecn:
    """What both ends agreed upon in their SYNs.

    `reduced` says that the window was reduced, and the next new data are to tell the peer so
    (CWR). `capable` says that packets came that could be marked. `bits` are ECN's two of the
    packet that is being taken in.
    """

    __slots__ = ("_connection", "bits", "capable", "reduced")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.reduced = False
        self.capable = False
        self.bits = 0
        connection.output.use_ecn()

    def arrived(self, flags: int) -> None:
        """Data came with these flags, and lie in the window: no others are listened to (RFC 3168, 6.1.5)."""
        connection = self._connection
        output = connection.output
        bits = self.bits
        marked = bits == CE
        if bits:
            self.capable = True
        if connection.sender.congestion.marks:
            # RFC 8257, 3.2: every acknowledgement tells of exactly the packets that it covers.
            if marked != bool(output.echo):
                if output.acks_due:
                    connection.acknowledge()
                output.echo = ECE if marked else 0
                output.acks_due = 2
            return
        if flags & CWR:
            output.echo = 0
        if marked:
            if not output.echo:
                output.acks_due = 2  # the peer should slow down soon
            output.echo = ECE
