"""Output: a segment's header, added up instead of summed, and when an acknowledgement is due."""

from __future__ import annotations

import errno
from struct import Struct
from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.receiver import Receiver
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.wire.checksum import ones_sum
from glassnet.wire.tcp import ACK, HEADER, URG

if TYPE_CHECKING:
    from glassnet.network.flow import Flow
    from glassnet.transport.tcp.connection import Connection

__all__ = ["STAMP_WORD", "Output"]

STAMP_WORD = 0x0101080A
"""NOP, NOP, Timestamps, length 10: how the option is laid out (RFC 7323, appendix A)."""

_HALF = 1 << 31
_MASK = 0xFFFFFFFF
_MS = 10**6
_OUTDATED = 24 * 86400 * 10**9
_PLAIN = 0x50  # data offset 5
_STAMPED = 0x80  # data offset 8
_STAMPED_SUM = (_STAMPED << 8) + 32 + STAMP_WORD
_PACK = HEADER.pack
_PACK_STAMPED = Struct(HEADER.format + "III").pack
_PACK_STAMPS = Struct("!III").pack
_PACK_BLOCK = Struct("!II").pack
_ECT_0 = 2


class Output:
    """Sends the segments of one connection, each acknowledging all that has come.

    `stamps` says whether segments carry timestamps, whose clock is milliseconds from
    `stamp_offset`; `recent` is TS.Recent, and `recent_at` when it came. `acks_due` is 1
    when an acknowledgement may wait for company (RFC 9293, 3.8.6.3), and 2 when it must go.
    `quick` acknowledgements more go at once. `data_at` is when data came last. `sent` counts
    segments with data, `sent_bare` those without. `urgent` is SND.UP, the number after the last
    urgent octet, until that is acknowledged. `echo` is ECE while the peer is to be told of
    a mark (RFC 3168, 6.1.3), else 0.
    """

    __slots__ = (
        "_capable",
        "_connection",
        "_delayed_ack",
        "_engine",
        "_flow",
        "_local",
        "_receiver",
        "_remote",
        "_sum",
        "acks_due",
        "data_at",
        "echo",
        "interactive",
        "quick",
        "recent",
        "recent_at",
        "sent",
        "sent_bare",
        "stamp_offset",
        "stamps",
        "urgent",
    )

    def __init__(self, connection: Connection, receiver: Receiver) -> None:
        tcp = connection.tcp
        self._connection = connection
        self._engine = tcp.engine
        self._flow = connection.flow
        self._receiver = receiver
        self._local = connection.local[1]
        self._remote = connection.remote[1]
        # Ones' complement sums need no order: everything that stays the same is added up once.
        self._sum = connection.flow.pseudo + self._local + self._remote
        self.stamps: bool = tcp.settings.timestamps
        self.stamp_offset: int = tcp.stamp_offset(connection.key)
        self.recent: int = 0
        self.recent_at = 0
        self.sent = 0
        self.sent_bare = 0
        self.data_at = 0
        self.urgent: int | None = None
        self.acks_due = 0
        self.quick = tcp.settings.quick_acks
        self.interactive = False  # the program answers what comes: an ACK does well to wait for it
        self.echo = 0
        self._capable: Flow | None = None  # for segments that may be marked
        self._delayed_ack = Timer(tcp.engine, self._delay_over)

    def stamp(self) -> int:
        """TSval now (RFC 7323, 5.4)."""
        return (self._engine.now // _MS + self.stamp_offset) & _MASK

    def age(self, echo: int) -> int:
        """Nanoseconds since the stamp that the peer echoes, or -1 if it cannot be one of ours."""
        age = (self._engine.now // _MS + self.stamp_offset - echo) & _MASK
        return age * _MS if age < 1 << 31 else -1

    def remember(self, stamp: int) -> None:
        """This stamp of the peer is the one to echo, and the measure for PAWS."""
        self.recent = stamp
        self.recent_at = self._engine.now

    def recent_is_outdated(self) -> bool:
        """Whether the peer's clock may have gone half around since: no measure any more (RFC 7323, 5.5)."""
        return self._engine.now - self.recent_at > _OUTDATED

    def use_ecn(self) -> None:
        """Segments with new data may be marked from now on: ECT(0) (RFC 3168, 6.1.5)."""
        self._capable = self._flow.twin(ecn=_ECT_0)

    def set_service(self, tos: int) -> None:
        """Change the type of service, or traffic class; its last two bits are ECN's."""
        self._flow.set(tos=tos & ~3)
        if self._capable is not None:
            self._capable.set(tos=tos & ~3 | _ECT_0)

    def transmit(self, sequence: int, flags: int, payload: bytes, capable: bool = False) -> None:
        """Send one segment; a `capable` one may be marked instead of dropped.

        The checksum is added up from the fields: 2^16 is 1 modulo 2^16 - 1, so a
        32-bit field counts as it is, and nothing is packed twice.
        """
        receiver = self._receiver
        next_ = receiver.next
        window = receiver.window()
        receiver.acked = next_
        if self.acks_due:
            self.acks_due = 0
            self._delayed_ack.deadline = None
            if payload:
                self.interactive = True
        flags |= self.echo
        sequence &= _MASK
        acknowledgment = next_ & _MASK
        size = len(payload)
        total = self._sum + sequence + acknowledgment + flags + window
        if size:
            total += ones_sum(payload) + size
            self.sent += 1
        else:
            self.sent_bare += 1
        if receiver.sacks or receiver.doubled is not None:
            head = self._with_blocks(sequence, acknowledgment, flags, window, total, size)
        elif self.stamps:
            stamp = (self._engine.now // _MS + self.stamp_offset) & _MASK
            recent = self.recent
            total += _STAMPED_SUM + stamp + recent
            head = _PACK_STAMPED(
                self._local,
                self._remote,
                sequence,
                acknowledgment,
                _STAMPED,
                flags,
                window,
                -total % 0xFFFF,
                0,
                STAMP_WORD,
                stamp,
                recent,
            )
        else:
            total += 0x5000 + 20
            head = _PACK(
                self._local,
                self._remote,
                sequence,
                acknowledgment,
                _PLAIN,
                flags,
                window,
                -total % 0xFFFF,
                0,
            )
        if self.urgent is not None:
            head = self._urging(self.urgent, sequence, head)
        try:
            flow = self._flow
            if capable and self._capable is not None:
                flow = self._capable
            flow.send(head, payload)
        except OSError as error:
            self._connection.send_failed(error.errno or errno.EIO)

    def _urging(self, end: int, sequence: int, head: bytes) -> bytes:
        """A header that says where urgent data end, if they end after this segment's start.

        RFC 9293, 3.8.5. Further ahead than the field can say it says nothing, unless all of what
        was sent is urgent: then as much as it can (as Linux has it).
        """
        sender = self._connection.sender
        if end <= sender.unacked:
            self.urgent = None
            return head
        pointer = (end - sequence) & _MASK
        if not 0 < pointer < _HALF:
            return head
        if pointer > 0xFFFF:
            if (sender.next - sequence) & _MASK >= 0xFFFF:
                return head
            pointer = 0xFFFF
        checksum = (int.from_bytes(head[16:18], "big") - URG - pointer) % 0xFFFF
        return b"%b%c%b%b%b%b" % (
            head[:13],
            head[13] | URG,
            head[14:16],
            checksum.to_bytes(2, "big"),
            pointer.to_bytes(2, "big"),
            head[20:],
        )

    def _with_blocks(
        self, sequence: int, acknowledgment: int, flags: int, window: int, total: int, size: int
    ) -> bytes:
        """A header with SACK blocks, as many as fit beside the data (RFC 2018, 3; RFC 2883)."""
        receiver = self._receiver
        connection = self._connection
        options = b""
        if self.stamps:
            options = _PACK_STAMPS(
                STAMP_WORD, (self._engine.now // _MS + self.stamp_offset) & _MASK, self.recent
            )
        room = 40 - len(options)
        if size:
            room = min(room, connection.sender.mss + (12 if self.stamps else 0) - size - len(options))
        fitting = (room - 4) // 8
        blocks = receiver.sacks
        if receiver.doubled is not None and connection.tcp.settings.dsack:
            blocks = [receiver.doubled, *blocks]
        if not connection.sack or not blocks:
            receiver.doubled = None
        elif fitting > 0:
            blocks = blocks[:fitting]
            options += bytes((1, 1, 5, 2 + 8 * len(blocks))) + b"".join(
                _PACK_BLOCK(start & _MASK, end & _MASK) for start, end in blocks
            )
            receiver.doubled = None
        else:
            self.acks_due = 2  # no room beside the data: an acknowledgement of its own has it
        length = 20 + len(options)
        total += (length << 10) + length + ones_sum(options)
        return (
            _PACK(
                self._local,
                self._remote,
                sequence,
                acknowledgment,
                length << 2,
                flags,
                window,
                -total % 0xFFFF,
                0,
            )
            + options
        )

    def transmit_syn(self, sequence: int, flags: int, offered: SynOptions, payload: bytes = b"") -> None:
        """Send a SYN or SYN-ACK with the options `offered`; its window is never scaled."""
        receiver = self._receiver
        if not self._connection.passive:  # as Linux, whose SYN-ACKs belong to no socket yet
            self.sent_bare += 1
        self._connection.tcp.transmit(
            self._flow,
            self._local,
            self._remote,
            sequence & _MASK,
            receiver.next & _MASK if flags & ACK else 0,
            offered.flags(flags),
            min(receiver.limit, 0xFFFF),
            offered.build(self.recent if flags & ACK else 0),
            payload,
        )

    def data_came(self) -> None:
        """Data came in order: acknowledge now, or soon (RFC 9293, 3.8.6.3; RFC 5681, 4.2)."""
        receiver = self._receiver
        now = self.data_at = self._engine.now
        if receiver.next - receiver.acked >= 2 * receiver.segment or receiver.sacks:
            self.acks_due = 2
        elif self.quick and not self.interactive:
            self.quick -= 1
            self.acks_due = 2
        elif not self.acks_due:
            self.acks_due = 1
            self._delayed_ack.start(now + self._connection.tcp.settings.delayed_ack)

    def be_quick(self) -> None:
        """Acknowledge the next segments at once: the peer may be starting, or repairing a loss."""
        self.interactive = False
        self.quick = max(self.quick, self._connection.tcp.settings.quick_acks)

    def _delay_over(self) -> None:
        if self.acks_due:
            self._connection.acknowledge()

    def stop(self) -> None:
        """The connection is over."""
        self._delayed_ack.stop()
