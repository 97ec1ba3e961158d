"""Urgent data, as everyone has them: one octet that can be read apart from the stream (RFC 6093; tcp(7)).

The urgent pointer names the octet after the last urgent one (RFC 6093, 3.1). Reading stops
before that octet, the mark. It stays in the buffer until the stream is read past it, and
may meanwhile be taken by itself; with SO_OOBINLINE it is an octet as all others. There is
one mark: the urgent octet before a newer one becomes ordinary (RFC 6093, 3.2).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.receiver import Receiver

__all__ = [
    "Mark",
    "at_mark",
    "mark_came",
    "octet_waits",
    "only_mark_waits",
    "receive_by_mark",
    "receive_octet",
    "send_urgent",
    "to_mark",
]

_HALF = 1 << 31
_MASK = 0xFFFFFFFF


class Mark:
    """Where the peer's urgent data end. `position` is the number of the last octet; `taken`: it was read."""

    __slots__ = ("position", "taken")

    def __init__(self, position: int) -> None:
        self.position = position
        self.taken = False


def send_urgent(connection: Connection, data: bytes | memoryview) -> int:
    """`Connection.send`, with the last octet that is taken marked as urgent."""
    sender, output = connection.sender, connection.output
    before = output.urgent
    output.urgent = sender.next + sender.unsent + min(len(data), max(sender.room, 0))
    taken = 0
    try:
        taken = connection.send(data)
    finally:
        if not taken:
            output.urgent = before
    return taken


def mark_came(connection: Connection, frame: bytes, start: int) -> None:
    """The segment whose header stands at `start` has URG set (RFC 9293, 3.10.7.4, sixth)."""
    receiver = connection.receiver
    next_ = receiver.next
    sequence = int.from_bytes(frame[start + 4 : start + 8], "big")
    sequence = next_ + ((sequence - next_ + _HALF) & _MASK) - _HALF
    position = sequence + max(int.from_bytes(frame[start + 18 : start + 20], "big") - 1, 0)
    mark = receiver.urgent
    if receiver.end is not None or position < next_ or (mark is not None and position <= mark.position):
        return
    if mark is not None and to_mark(receiver) == 0 and not connection.urgent_inline and receiver.size:
        receiver.read(1)  # all before the old mark is read: its octet must not turn up as data
    receiver.urgent = Mark(position)
    if connection.on_urgent is not None:
        connection.on_urgent()


def to_mark(receiver: Receiver) -> int:
    """How many octets can be read before the mark; it must be there."""
    assert receiver.urgent is not None
    return receiver.urgent.position - receiver.unread


def at_mark(connection: Connection) -> bool:
    """Whether the next octet is the urgent one, even if it was taken (SIOCATMARK, sockatmark(3))."""
    return connection.receiver.urgent is not None and to_mark(connection.receiver) == 0


def octet_waits(connection: Connection) -> bool:
    """Whether there is an urgent octet that nobody has taken (POLLPRI)."""
    mark = connection.receiver.urgent
    return mark is not None and not mark.taken and connection.receiver.octet(mark.position) is not None


def only_mark_waits(connection: Connection) -> bool:
    """Whether the buffer holds nothing but the urgent octet, which is not for reading."""
    return connection.receiver.size == 1 and not connection.urgent_inline and at_mark(connection)


def receive_by_mark(connection: Connection, count: int, peek: bool) -> bytes | None:
    """`Connection.receive` while there is a mark: not across it, and without the octet itself."""
    receiver = connection.receiver
    mark = receiver.urgent
    ahead = to_mark(receiver)
    hidden = ahead == 0 and receiver.size > 0 and not connection.urgent_inline
    if ahead > 0:
        count = min(count, ahead)
    if peek and hidden:
        return receiver.peek(count + 1)[1:] or connection.receive_nothing()
    if hidden:
        receiver.read(1)
    receiver.urgent = None
    past = ahead == 0 and receiver.size > 0 and not peek
    try:
        return connection.receive(count, peek)
    finally:
        if not hidden and not past:
            receiver.urgent = mark


def receive_octet(connection: Connection, peek: bool) -> bytes:
    """The urgent octet by itself (MSG_OOB); b"" if it has not come, and never will.

    OSError: EINVAL when there is none or it was taken, EAGAIN when it is announced but has
    not come, whether the socket blocks or not; ENOTCONN after the end.
    """
    receiver = connection.receiver
    mark = receiver.urgent
    if mark is None or mark.taken or connection.urgent_inline:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if connection.state is State.CLOSED and not connection.peer_closed:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
    octet = receiver.octet(mark.position)
    if octet is None:
        if connection.ended:
            return b""
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if not peek:
        mark.taken = True
    return octet
