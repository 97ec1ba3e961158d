"""`struct tcp_info` (linux/tcp.h): what TCP_INFO tells of a connection."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from glassnet.transport.tcp import State
from glassnet.transport.tcp.figures import BUSY, HELD_BY_BUFFER, HELD_BY_WINDOW

if TYPE_CHECKING:
    from glassnet.transport.tcp import Connection, Listener
    from glassnet.transport.tcp.sender import Sender

__all__ = ["FIELDS", "LAYOUT", "tcp_info"]

_TABLE = """
B state ca_state retransmits probes backoff options wscales flags
I rto ato snd_mss rcv_mss unacked sacked lost retrans fackets
I last_data_sent last_ack_sent last_data_recv last_ack_recv
I pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans
Q pacing_rate max_pacing_rate bytes_acked bytes_received
I segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out
Q delivery_rate busy_time rwnd_limited sndbuf_limited
I delivered delivered_ce
Q bytes_sent bytes_retrans
I dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash
H total_rto total_rto_recoveries
I total_rto_time
"""
_CODES = [(name, line[0]) for line in _TABLE.splitlines() for name in line[1:].split()]

FIELDS = tuple(name for name, _ in _CODES)
"""The fields in their order. `wscales` and `flags` are octets of several bits."""

LAYOUT = Struct("".join(code for _, code in _CODES))
"""How they are packed: in the machine's own order, as the kernel does."""

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
_TIMESTAMPS, _SACK, _WINDOW_SCALE, _ECN, _ECN_SEEN, _SYN_DATA = 1, 2, 4, 8, 16, 32
_APP_LIMITED = 1
_US = 1000
_MS = 10**6
_S = 10**9
_UNLIMITED = (1 << 64) - 1
_MAX = 0x7FFFFFFF
_UNMEASURED = (1 << 32) - 1
_SEGMENT = 536
_INITIAL_WINDOW = 10
_REORDERING, _MOST_REORDERING = 3, 300


def tcp_info(connection: Connection | None, listener: Listener | None) -> bytes:
    """The structure for a connection, a listener, or a socket that is neither.

    Times are microseconds, those since something happened milliseconds. The rate of
    delivery is 0 unless the congestion controller measures it; frames that hold several
    segments, of a device that joins and cuts them, count as one that came.
    """
    if connection is not None:
        told = _of(connection)
    elif listener is not None:
        told = {"state": _LISTEN, "unacked": listener.waiting, "sacked": listener.backlog}
    else:
        told = {
            "state": _NUMBERS[State.CLOSED],
            "flags": _APP_LIMITED,
            "rto": 1_000_000,  # RFC 6298, 2.1
            "rttvar": 250_000,  # Linux's first guess
            "snd_mss": _SEGMENT,
            "snd_ssthresh": _MAX,
            "min_rtt": _UNMEASURED,
        }
    if connection is None:
        told |= {"snd_cwnd": _INITIAL_WINDOW, "reordering": _REORDERING}
        told |= {"pacing_rate": _UNLIMITED, "max_pacing_rate": _UNLIMITED}
    return LAYOUT.pack(*(told.get(name, 0) for name in FIELDS))


def _of(connection: Connection) -> dict[str, int]:
    sender, receiver, output = connection.sender, connection.receiver, connection.output
    round_trip, congestion, recovery = sender.round_trip, sender.congestion, sender.recovery
    figures, rate = sender.figures, sender.rate
    now = connection.tcp.engine.now
    mss = sender.mss
    opened = figures.opened
    probed = not sender.window and sender.started_waiting is not None
    acknowledged = max(output.recent_at, output.data_at, recovery.rack.sent + recovery.rack.rtt, opened)
    resent = sender.bytes_retransmitted - figures.repeated_syns
    fin = int(connection.fin_sent)
    least = max(round_trip.least // _US, 1) if round_trip.latest else _UNMEASURED
    return {
        "state": _NUMBERS[connection.state],
        "ca_state": recovery.state.value,
        "retransmits": min(figures.in_a_row, 255),
        "probes": min(figures.probes if probed else connection.keepalive.unanswered, 255),
        "backoff": min(round_trip.doublings, 255),
        "options": _options(connection),
        "wscales": connection.scale_sent | receiver.scale << 4 if connection.scaling else 0,
        "flags": int(not sender.unsent if rate is None else rate.rate_app_limited) * _APP_LIMITED,
        "rto": round_trip.rto // _US,
        "ato": connection.tcp.settings.delayed_ack // _US if output.data_at else 0,
        "snd_mss": mss,
        "rcv_mss": receiver.segment,
        **_segments(sender, connection.sack),
        "last_data_sent": (now - (sender.last_sent or opened)) // _MS if opened >= 0 else 0,
        "last_data_recv": (now - (output.data_at or opened)) // _MS if opened >= 0 else 0,
        "last_ack_recv": (now - acknowledged) // _MS if opened >= 0 else 0,
        "pmtu": connection.flow.mtu,
        "rcv_ssthresh": receiver.limit,
        "rtt": round_trip.smoothed // _US,
        "rttvar": round_trip.variation // _US,
        "snd_ssthresh": min(congestion.threshold // mss, _MAX),
        "snd_cwnd": max(congestion.window // mss, 1),
        "advmss": connection.segment_size(),
        "reordering": max(min(-(-recovery.rack.degree // mss), _MOST_REORDERING), _REORDERING),
        "rcv_rtt": receiver.round_trip // _US,
        "rcv_space": receiver.space or min(receiver.limit, _INITIAL_WINDOW * connection.segment_size()),
        "total_retrans": sender.retransmissions,
        "pacing_rate": _pace(sender),
        "max_pacing_rate": sender.pacing_limit or _UNLIMITED,
        "bytes_acked": max(sender.unacked - sender.initial - connection.passive, 0),
        "bytes_received": receiver.next - receiver.initial,
        "segs_out": output.sent + output.sent_bare,
        "segs_in": connection.came + connection.came_bare,
        "notsent_bytes": sender.unsent,
        "min_rtt": least,
        "data_segs_in": connection.came,
        "data_segs_out": output.sent,
        "delivery_rate": rate.rate if rate is not None else 0,
        "busy_time": sum(figures.spent(kind, now) for kind in (BUSY, HELD_BY_WINDOW, HELD_BY_BUFFER)) // _US,
        "rwnd_limited": figures.spent(HELD_BY_WINDOW, now) // _US,
        "sndbuf_limited": figures.spent(HELD_BY_BUFFER, now) // _US,
        "delivered": _delivered(connection),
        "delivered_ce": -(-figures.marked // mss),
        "bytes_sent": max(sender.next - sender.initial - 1 - fin, 0) + resent,
        "bytes_retrans": resent,
        "dsack_dups": recovery.dsacks,
        "reord_seen": recovery.rack.latecomers,
        "rcv_ooopack": receiver.early_segments,
        "snd_wnd": sender.window,
        "rcv_wnd": max(receiver.edge - receiver.acked, 0),
        "rehash": figures.timeouts,
        "total_rto": min(figures.timeouts, 0xFFFF),
        "total_rto_recoveries": min(figures.rounds, 0xFFFF),
        "total_rto_time": figures.waited // _MS,
    }


def _options(connection: Connection) -> int:
    ecn = connection.ecn
    seen = ecn is not None and ecn.capable
    return (
        _TIMESTAMPS * connection.output.stamps
        | _SACK * connection.sack
        | _WINDOW_SCALE * connection.scaling
        | _ECN * (ecn is not None)
        | _ECN_SEEN * seen
        | _SYN_DATA * connection.syn_data
    )


def _segments(sender: Sender, sack: bool) -> dict[str, int]:
    """What is on its way, in segments, as Linux counts: one sent again is still counted as lost."""
    outstanding = sender.outstanding
    resent = sum(
        1 for segment in outstanding if segment.retransmitted and not (segment.sacked or segment.lost)
    )
    lost = sum(1 for segment in outstanding if segment.lost)
    reported = sum(1 for segment in outstanding if segment.sacked)
    return {
        "unacked": len(outstanding),
        "sacked": reported if sack else -(-sender.sacked // sender.mss),  # else as duplicates tell
        "lost": lost + resent if sender.recovery.recovering else lost,
        "retrans": resent,
    }


def _delivered(connection: Connection) -> int:
    """Segments known to have arrived: all that were sent, less those of which it is not known.

    One that the peer says it had twice counts twice, as on Linux.
    """
    sender = connection.sender
    figures = sender.figures
    if figures.opened < 0:
        return 0
    first = connection.output.sent - sender.retransmissions + figures.repeated_syns
    open_ = sum(1 for segment in sender.outstanding if not segment.sacked)
    return max(first + 1 + figures.bare_fin - open_ + sender.recovery.dsacks, 0)


def _pace(sender: Sender) -> int:
    """What Linux would pace by, unasked: twice the window in a round trip, later 1.2 times."""
    if sender.pacing_rate:
        return sender.pacing_rate
    congestion, smoothed = sender.congestion, sender.round_trip.smoothed
    if not smoothed:
        return _UNLIMITED
    window = max(congestion.window, sender.next - sender.unacked)
    percent = 200 if congestion.window < congestion.threshold // 2 else 120
    return window * percent * _S // (100 * smoothed)
