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
    (CWR). `marks` counts packets that came with a mark, `echoes` the acknowledgements that
    told of one.
    """

    __slots__ = ("_connection", "echoes", "marks", "reduced")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.reduced = False
        self.marks = 0
        self.echoes = 0
        connection.output.use_ecn()

    def arrived(self, bits: int, flags: int, size: int) -> None:
        """A segment came: `bits` are ECN's of its packet, `flags` its own, `size` its bytes of data."""
        connection = self._connection
        output = connection.output
        marked = bits == CE
        if flags & ECE:
            self.echoes += 1
        if marked:
            self.marks += 1
        if connection.sender.congestion.marks:
            # RFC 8257, 3.2: every acknowledgement tells of exactly the packets that it covers.
            if size and marked != bool(output.echo):
                if output.acks_due:
                    connection.acknowledge()
                output.echo = ECE if marked else 0
                output.acks_due = 2
            return
        if flags & CWR and size:
            output.echo = 0
        if marked:
            if not output.echo:
                output.acks_due = 2  # the peer should slow down soon
            output.echo = ECE
