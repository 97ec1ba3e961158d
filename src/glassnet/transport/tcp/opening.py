"""How a connection opens: the three-way handshake of RFC 9293, 3.5, from either end and from both."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from glassnet.transport.tcp.closing import fin_came
from glassnet.transport.tcp.congestion import CONTROLLERS
from glassnet.transport.tcp.ecn import Ecn
from glassnet.transport.tcp.mtu_probing import begin
from glassnet.transport.tcp.state import State
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, HEADER, RST, SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.fast_open import Opening
    from glassnet.transport.tcp.listener import Listener

__all__ = [
    "accept_cookie",
    "accept_syn",
    "agrees_to_ecn",
    "arrives_in_syn_sent",
    "finish_handshake",
    "offer",
    "repeat_syn_ack",
    "wants_ecn",
]

_HALF = 1 << 31
_MASK = 0xFFFFFFFF
_SETUP = ECE | CWR


def accept_syn(
    connection: Connection,
    sequence: int,
    options: SynOptions,
    window: int,
    listener: Listener,
    payload: bytes,
    opening: Opening | None,
) -> None:
    """Answer a SYN that came to a listener; with a queue in `opening`, its `payload` is taken too."""
    connection.listener = listener
    connection.passive = True
    if payload:
        connection.came += 1
    else:
        connection.came_bare += 1
    connection.fast_open = opening
    _settle(connection, options)
    receiver = connection.receiver
    receiver.open(sequence + 1)
    connection.sender.open(sequence, connection.sender.unacked, window)
    connection.enter(State.SYN_RECEIVED)
    if opening is None or opening.queue is None:
        connection.sender.send_syn(SYN | ACK)
        return
    payload = payload[: receiver.edge - receiver.next]
    if payload:
        receiver.accept(sequence + 1, payload)
        connection.syn_data = True
        receiver.acked = receiver.next
        receiver.edge = receiver.next + min(receiver.limit, 0xFFFF)
    connection.sender.send_syn(SYN | ACK)
    listener.ready(connection)


def accept_cookie(
    connection: Connection, sequence: int, options: SynOptions, window: int, listener: Listener
) -> None:
    """The handshake of a peer that has brought a SYN cookie back is over; `sequence` is its next."""
    sender = connection.sender
    connection.listener = listener
    connection.passive = True
    _settle(connection, options)
    connection.receiver.open(sequence)
    connection.enter(State.SYN_RECEIVED)
    sender.open(sequence, sender.unacked, window << connection.scale_sent)
    _established(connection)


def wants_ecn(connection: Connection) -> bool:
    """Whether our SYN asks for ECN: by the host's settings, or because the controller cannot do without."""
    settings = connection.tcp.settings
    return settings.ecn == 1 or _needs_ecn(connection)


def _needs_ecn(connection: Connection) -> bool:
    controller = CONTROLLERS.get(connection.sender.congestion.name)
    return controller is not None and controller.marks


def offer(connection: Connection) -> SynOptions:
    """What our SYN says; a SYN-ACK only of what the peer knows (RFC 7323, 1.3).

    A SYN that is sent again asks neither for ECN nor for Fast Open: perhaps they were why the first
    one had no answer (RFC 3168, 6.1.1.1; RFC 7413, 4.1.3.1).
    """
    output, settings = connection.output, connection.tcp.settings
    asking = connection.state is State.SYN_SENT
    opening = connection.fast_open
    if asking and connection.sender.retransmissions:
        connection.asks_ecn = False
        opening = None
    scale: int | None = None
    if settings.window_scaling and (connection.scaling or asking):
        scale = connection.receiver.scale
    return SynOptions(
        mss=min(
            connection.flow.mtu - (40 if len(connection.local[0]) == 4 else 60),
            connection.preferences.mss or 0xFFFF,
            0xFFFF,
        ),
        scale=scale,
        stamp=output.stamp() if output.stamps else None,
        sack=settings.sack if asking else connection.sack,
        fast_open=opening.cookie if opening is not None else None,
        experimental=opening is not None and opening.experimental,
        ecn=connection.asks_ecn if asking else connection.ecn is not None,
    )


def repeat_syn_ack(connection: Connection) -> None:
    """Send our SYN-ACK once more; the timer goes on as it was."""
    first = connection.sender.outstanding[0]
    first.retransmitted = True
    connection.output.transmit_syn(first.sequence, SYN | ACK, offer(connection))
    connection.sender.tell_resent(first.sequence, 0, "repeated SYN")


def _settle(connection: Connection, options: SynOptions) -> None:
    """Agree by the peer's SYN on MSS (RFC 9293, 3.7.1), window scale, timestamps, SACK and ECN."""
    settings = connection.tcp.settings
    receiver, sender, output = connection.receiver, connection.sender, connection.output
    connection.scaling = settings.window_scaling and options.scale is not None
    if connection.scaling:
        connection.scale_sent = min(options.scale or 0, 14)
    else:
        receiver.scale = 0
    output.stamps = settings.timestamps and options.stamp is not None
    if options.stamp is not None:
        output.remember(options.stamp)
    connection.sack = settings.sack and options.sack
    connection.ecn = Ecn(connection) if options.ecn else None
    connection.probes = connection.sack and settings.tlp and settings.rack
    overhead = 12 if output.stamps else 0
    sender.mss_limit = max(options.limit(connection.local[0]) - overhead, settings.least_mss)
    sender.set_mss(min(connection.segment_size(), sender.mss_limit))
    receiver.segment = min(receiver.segment, sender.mss)
    receiver.largest = connection.segment_size()
    begin(connection)


def agrees_to_ecn(connection: Connection, flags: int) -> bool:
    """Whether a peer whose SYN has these flags and we use ECN (RFC 3168, 6.1.1)."""
    return flags & _SETUP == _SETUP and (connection.tcp.settings.ecn != 0 or _needs_ecn(connection))


def arrives_in_syn_sent(connection: Connection, frame: bytes, start: int, data: int, end: int) -> None:
    """Take in a segment that should answer our SYN (RFC 9293, 3.10.7.3)."""
    _, _, sequence, acknowledgment, _, flags, window, _, _ = HEADER.unpack_from(frame, start)
    tcp, sender, output = connection.tcp, connection.sender, connection.output
    if not sender.outstanding:
        tcp.drops("tcp: before our SYN", frame)
        return
    unacked = sender.unacked
    acknowledgment = unacked + ((acknowledgment - unacked + _HALF) & _MASK) - _HALF
    if flags & ACK and not unacked < acknowledgment <= sender.next:
        tcp.drops("tcp: acknowledges what was not sent", frame)
        if not flags & RST:
            _reset(connection, acknowledgment)
        return
    if flags & RST:
        if not flags & ACK:
            tcp.drops("tcp: RST without ACK", frame)
        elif connection.asks_ecn:
            _call_plainly(connection)
        else:
            connection.fail(errno.ECONNREFUSED)
        return
    if not flags & SYN:
        tcp.drops("tcp: neither SYN nor RST in SYN-SENT", frame)
        return
    options = SynOptions.parse(frame, start + 20, data)
    if options is None:
        tcp.drops("tcp: malformed options", frame)
        return
    if flags & ACK:
        # One plain SYN is enough to do without ECN (RFC 3168, 6.1.1.1).
        options.ecn = connection.asks_ecn and not sender.retransmissions and flags & _SETUP == ECE
    else:
        options.ecn = agrees_to_ecn(connection, flags)
    _settle(connection, options)
    connection.receiver.open(sequence + 1)
    if not flags & ACK:
        # Both ends called at once (RFC 9293, figure 8).
        sender.open(sequence, unacked, window)
        connection.enter(State.SYN_RECEIVED)
        if connection.fast_open is not None:
            connection.fast_open.cookie = None
        first = sender.outstanding[0]
        first.flags |= ACK
        output.transmit_syn(first.sequence, SYN | ACK, offer(connection))
        sender.tell_resent(first.sequence, 0, "simultaneous open")
        return
    taken = acknowledgment - unacked - 1
    if connection.fast_open is not None:
        connection.syn_data = taken > 0
        swallowed = connection.fast_open.size > 0 and not taken and sender.retransmissions > 0
        tcp.fast_open.answered(connection.remote[0], options, connection.fast_open, swallowed)
        connection.fast_open = None
    sender.acknowledged(acknowledgment, options.echo if output.stamps else -1)
    sender.open(sequence, acknowledgment, window)
    fin = _take_text(connection, frame[data:end], flags)
    connection.acknowledge()
    if sender.outstanding:
        sender.recovery.lose_all("Fast Open")  # the data of our SYN (RFC 7413, 4.2.2)
    _established(connection)
    if fin and connection.established:
        fin_came(connection)
        connection.acknowledge()
    if connection.established:
        sender.push()


def _take_text(connection: Connection, text: bytes, flags: int) -> bool:
    """Take the data of a SYN-ACK; whether a FIN follows them."""
    receiver = connection.receiver
    fits = len(text) <= receiver.edge - receiver.next
    text = text[: receiver.edge - receiver.next]
    if text:
        receiver.accept(receiver.next, text)
    if flags & FIN and fits:
        receiver.end = receiver.next
        return True
    return False


def _call_plainly(connection: Connection) -> None:
    """Our SYN that asked for ECN was reset: try one that asks for nothing (RFC 3168, 6.1.1.1)."""
    connection.asks_ecn = False
    if connection.fast_open is not None:
        connection.fast_open.cookie = None
    first = connection.sender.outstanding[0]
    first.retransmitted = True
    connection.output.transmit_syn(first.sequence, SYN, offer(connection))
    connection.sender.tell_resent(first.sequence, 0, "ECN refused")


def finish_handshake(
    connection: Connection, acknowledgment: int, sequence: int, window: int, frame: bytes, bare: bool
) -> bool:
    """Whether this acknowledgement of our SYN ends SYN-RECEIVED; `window` is as in the header.

    A `bare` one, without data, does not while the listener waits for data (TCP_DEFER_ACCEPT).
    """
    sender = connection.sender
    early = connection.is_early
    if not sender.unacked < acknowledgment <= sender.next:
        connection.tcp.drops("tcp: acknowledges what was not sent", frame)
        _reset(connection, acknowledgment)
        return False
    if not early and connection.listener is not None and not connection.listener.admit(connection):
        connection.tcp.drops("tcp: accept queue full", frame)
        return False
    if bare and not early and connection.listener is not None and connection.listener.defer:
        # The next SYN-ACK asks for an ACK that will do even without data.
        until = sender.outstanding[0].sent + connection.listener.defer
        if not sender.retransmissions and connection.tcp.engine.now < until:
            sender.timer.start(until)
            return False
    sender.acknowledged(sender.unacked + 1, -1)
    sender.open(sequence, acknowledgment, window << connection.scale_sent)
    if connection.fast_open is not None:
        connection.fast_open.over()
        connection.fast_open = None
    if early:
        connection.listener = None
    _established(connection)
    return True


def _established(connection: Connection) -> None:
    connection.enter(State.ESTABLISHED)
    connection.keepalive.start()
    if connection.listener is not None:
        connection.listener.ready(connection)
    connection.changed()


def _reset(connection: Connection, sequence: int) -> None:
    connection.tcp.transmit(
        connection.flow, connection.local[1], connection.remote[1], sequence & _MASK, 0, RST, 0, b""
    )
