"""Sending several segments at once, where an interface further on cuts them (large-segment offload)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.transport.tcp.figures import BUSY
from glassnet.transport.tcp.scoreboard import Segment
from glassnet.wire.large import large
from glassnet.wire.tcp import ACK

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["send_run"]

_HEADERS = 120  # the longest there are: IPv6 and TCP with options


def send_run(connection: Connection, allowed: int) -> bool:
    """Send as many whole segments of new data as `allowed` bytes let pass, in one; False if fewer than two.

    The last of the data never goes this way, so that PSH and FIN have a segment of their
    own. In the books each is a segment as any other: what is lost is sent again alone.
    """
    sender = connection.sender
    ecn = connection.ecn
    flow = connection.flow
    mss = sender.mss
    size = min(allowed, sender.unsent - 1, flow.large - _HEADERS) // mss * mss
    if size < 2 * mss or (ecn is not None and ecn.reduced):  # only one segment may say CWR
        return False
    if connection.output.urgent is not None:  # each segment has an urgent pointer of its own
        return False
    data = sender.take(size)
    first = sender.next
    now = connection.tcp.engine.now
    outstanding = sender.outstanding
    if not outstanding:
        sender.rto_at = now + sender.round_trip.rto
        if not sender.figures.kind:
            sender.figures.turn(BUSY, now)
    sender.last_sent = now
    for at in range(0, size, mss):
        sequence = first + at
        sender.next = sequence + mss
        segment = Segment(sequence, sequence + mss, 0, data[at : at + mss], now)
        if sender.board is not None:
            sender.board.sent(segment)
            if sender.rate is not None:
                sender.rate.sent(segment, now, sender.in_flight)
        outstanding.append(segment)
    connection.output.transmit(first, ACK, large(data, mss), ecn is not None)
    connection.output.sent += size // mss - 1
    return True
