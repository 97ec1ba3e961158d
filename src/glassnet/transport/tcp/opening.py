"""How a connection opens: the three-way handshake of RFC 9293, 3.5, from either end and from both."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.wire.tcp import ACK, HEADER, RST, SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.listener import Listener

__all__ = ["accept_syn", "arrives_in_syn_sent", "finish_handshake", "offer"]

_MASK = 0xFFFFFFFF


def accept_syn(
    connection: Connection, sequence: int, options: SynOptions, window: int, listener: Listener
) -> None:
    """Answer a SYN that came to a listener."""
    connection.listener = listener
    _settle(connection, options)
    connection.receiver.open(sequence + 1)
    connection.sender.open(sequence, connection.sender.unacked, window)
    connection.enter(State.SYN_RECEIVED)
    connection.sender.send_syn(SYN | ACK)


def offer(connection: Connection) -> SynOptions:
    """The options of our SYN; in a SYN-ACK only those that the peer knows (RFC 7323, 1.3)."""
    output = connection.output
    scale: int | None = None
    if connection.tcp.settings.window_scaling and (connection.scaling or connection.state is State.SYN_SENT):
        scale = connection.receiver.scale
    return SynOptions(
        mss=min(
            connection.flow.mtu - (40 if len(connection.local[0]) == 4 else 60),
            connection.preferences.mss or 0xFFFF,
            0xFFFF,
        ),
        scale=scale,
        stamp=output.stamp() if output.stamps else None,
    )


def _settle(connection: Connection, options: SynOptions) -> None:
    """Agree on MSS, window scaling and timestamps by the peer's SYN (RFC 9293, 3.7.1; RFC 7323)."""
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
    overhead = 12 if output.stamps else 0
    sender.set_mss(max(min(connection.segment_size(), options.mss - overhead), 48))
    receiver.segment = min(receiver.segment, sender.mss)


def arrives_in_syn_sent(connection: Connection, frame: bytes, start: int, data: int) -> None:
    """Take in a segment that should answer our SYN (RFC 9293, 3.10.7.3)."""
    _, _, sequence, acknowledgment, _, flags, window, _, _ = HEADER.unpack_from(frame, start)
    tcp, sender, output = connection.tcp, connection.sender, connection.output
    if flags & ACK and acknowledgment != sender.next & _MASK:
        tcp.drops("tcp: acknowledges what was not sent", frame)
        if not flags & RST:
            _reset(connection, acknowledgment)
        return
    if flags & RST:
        if flags & ACK:
            connection.fail(errno.ECONNREFUSED)
        else:
            tcp.drops("tcp: RST without ACK", frame)
        return
    if not flags & SYN:
        tcp.drops("tcp: neither SYN nor RST in SYN-SENT", frame)
        return
    options = SynOptions.parse(frame, start + 20, data)
    if options is None:
        tcp.drops("tcp: malformed options", frame)
        return
    _settle(connection, options)
    connection.receiver.open(sequence + 1)
    if flags & ACK:
        sender.acknowledged(sender.next, output.age(options.echo) if output.stamps else -1)
        sender.open(sequence, sender.unacked, window)
        connection.acknowledge()
        _established(connection)
        if connection.established:
            sender.push()
    else:
        # Both ends called at once (RFC 9293, figure 8).
        sender.open(sequence, sender.unacked, window)
        connection.enter(State.SYN_RECEIVED)
        first = sender.outstanding[0]
        first.flags |= ACK
        output.transmit_syn(first.sequence, SYN | ACK, offer(connection))


def finish_handshake(
    connection: Connection, acknowledgment: int, sequence: int, window: int, frame: bytes, bare: bool
) -> bool:
    """Whether this acknowledgement of our SYN ends SYN-RECEIVED; `window` is as in the header.

    A `bare` one, without data, does not while the listener waits for data (TCP_DEFER_ACCEPT).
    """
    sender = connection.sender
    if not sender.unacked < acknowledgment <= sender.next:
        connection.tcp.drops("tcp: acknowledges what was not sent", frame)
        _reset(connection, acknowledgment)
        return False
    if connection.listener is not None and not connection.listener.admit(connection):
        connection.tcp.drops("tcp: accept queue full", frame)
        return False
    if bare and connection.listener is not None and connection.listener.defer:
        # The next SYN-ACK asks for an ACK that will do even without data.
        until = sender.outstanding[0].sent + connection.listener.defer
        if not sender.retransmissions and connection.tcp.engine.now < until:
            sender.timer.start(until)
            return False
    sender.acknowledged(sender.unacked + 1, -1)
    sender.open(sequence, acknowledgment, window << connection.scale_sent)
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
