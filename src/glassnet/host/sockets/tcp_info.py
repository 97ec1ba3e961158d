"""`struct tcp_info` (linux/tcp.h): what TCP_INFO tells of a connection."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from glassnet.transport.tcp import State

if TYPE_CHECKING:
    from glassnet.transport.tcp import Connection, Listener

__all__ = ["tcp_info"]

_layout = Struct("8B9I4I8I2II4Q6IQ3Q2I2Q6I2HI")
_NUMBERS = {
    State.ESTABLISHED: 1,
    State.SYN_SENT: 2,
    State.SYN_RECEIVED: 3,
    State.FIN_WAIT_1: 4,
    State.FIN_WAIT_2: 5,
    State.TIME_WAIT: 6,
    State.CLOSED: 7,
    State.CLOSE_WAIT: 8,
    State.LAST_ACK: 9,
    State.CLOSING: 11,
}
_LISTEN = 10
_TIMESTAMPS, _WINDOW_SCALE = 1, 4
_APP_LIMITED = 1
_US = 1000
_MS = 10**6
_UNLIMITED = (1 << 64) - 1
_MAX = 0x7FFFFFFF
_SEGMENT = 536
_INITIAL_WINDOW = 10
_REORDERING = 3


def tcp_info(connection: Connection | None, listener: Listener | None) -> bytes:
    """The structure for a connection, a listener, or a socket that is neither.

    What this TCP does not count stands as 0: segments, its pacing, and the times in which
    it was held up. Times are microseconds, those since something happened milliseconds.
    """
    if connection is None:
        return _without(listener)
    sender, receiver, output = connection.sender, connection.receiver, connection.output
    settings, round_trip, congestion = connection.tcp.settings, sender.round_trip, sender.congestion
    now = connection.tcp.engine.now
    mss = sender.mss
    retransmits = sum(1 for segment in sender.outstanding if segment.retransmitted)
    waiting = sender.started_waiting is not None
    ca_state = sender.recovery.state.value
    backoff = 0
    if waiting and round_trip.smoothed:
        plain = round_trip.smoothed + max(round_trip.variation << 2, settings.rto_min)
        backoff = max((round_trip.rto // plain).bit_length() - 1, 0)
    options = (_TIMESTAMPS if output.stamps else 0) | (_WINDOW_SCALE if connection.scaling else 0)
    scales = connection.scale_sent | receiver.scale << 4 if connection.scaling else 0
    since_sent = (now - sender.last_sent) // _MS if sender.last_sent else 0
    bytes_sent = sender.next - sender.initial
    bytes_received = max(receiver.next - receiver.initial - int(connection.peer_closed), 0)
    acked = max(sender.unacked - sender.initial - 1, 0)
    threshold = min(congestion.threshold // mss, _MAX)
    rtt, variation = round_trip.smoothed // _US, round_trip.variation // _US
    return _layout.pack(
        _NUMBERS[connection.state],
        ca_state,
        min(retransmits, 255) if waiting else 0,
        0,
        min(backoff, 255),
        options,
        scales,
        0 if sender.unsent else _APP_LIMITED,
        round_trip.rto // _US,
        settings.delayed_ack // _US,
        mss,
        receiver.segment,
        len(sender.outstanding),
        0,
        sum(1 for segment in sender.outstanding if segment.lost),
        retransmits,
        0,
        since_sent,
        0,
        0,
        0,
        connection.flow.mtu,
        receiver.limit,
        rtt,
        variation,
        threshold,
        max(congestion.window // mss, 1),
        connection.segment_size(),
        _REORDERING,
        0,
        receiver.limit,
        sender.retransmissions,
        0,
        _UNLIMITED,
        acked,
        bytes_received,
        0,
        0,
        sender.unsent,
        rtt,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        max(bytes_sent - 1, 0),
        0,
        0,
        0,
        0,
        sender.window,
        max(receiver.edge - receiver.next, 0),
        0,
        0,
        0,
        0,
    )


def _without(listener: Listener | None) -> bytes:
    values = list(_layout.unpack(bytes(_layout.size)))
    values[26] = _INITIAL_WINDOW
    values[28] = _REORDERING
    values[32] = values[33] = _UNLIMITED
    if listener is not None:
        values[0] = _LISTEN
        values[12], values[13] = listener.waiting, listener.backlog
        return _layout.pack(*values)
    values[0] = _NUMBERS[State.CLOSED]
    values[7] = _APP_LIMITED
    values[8], values[24] = 1_000_000, 250_000  # RFC 6298, 2.1, and Linux's first guess at the variation
    values[10] = _SEGMENT
    values[25] = _MAX
    values[39] = (1 << 32) - 1  # no round-trip time was measured
    return _layout.pack(*values)
