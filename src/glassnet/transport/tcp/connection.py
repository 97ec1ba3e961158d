"""One TCP connection: the state machine of RFC 9293, 3.10, between a sender and a receiver.

Sequence numbers are absolute inside (Python integers that never wrap); the header's
32 bits are taken as the nearest to what is expected, which is exact for windows
below 2 GiB.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.closing import fin_acknowledged, fin_came
from glassnet.transport.tcp.ecn import Ecn
from glassnet.transport.tcp.events import ReceiveWindow, StateChange
from glassnet.transport.tcp.keepalive import Keepalive
from glassnet.transport.tcp.opening import arrives_in_syn_sent, finish_handshake, repeat_syn_ack, wants_ecn
from glassnet.transport.tcp.output import STAMP_WORD, Output
from glassnet.transport.tcp.patience import Patience
from glassnet.transport.tcp.preferences import DEFAULT
from glassnet.transport.tcp.receiver import Receiver
from glassnet.transport.tcp.sack_option import find_blocks, unpack_blocks
from glassnet.transport.tcp.sender import Sender
from glassnet.transport.tcp.state import State
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.transport.tcp.urgent import mark_came, only_mark_waits, receive_by_mark
from glassnet.wire.tcp import ACK, ECE, FIN, HEADER, PSH, RST, SYN, URG

if TYPE_CHECKING:
    from glassnet.network.flow import Flow
    from glassnet.transport.ports import Binding
    from glassnet.transport.tcp.fast_open import Opening
    from glassnet.transport.tcp.layer import Tcp
    from glassnet.transport.tcp.listener import Listener

__all__ = ["Connection"]

Endpoint = tuple[bytes, int]

CLOSED, SYN_SENT, SYN_RECEIVED = State.CLOSED, State.SYN_SENT, State.SYN_RECEIVED
ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 = State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2
CLOSE_WAIT, TIME_WAIT = State.CLOSE_WAIT, State.TIME_WAIT

# Tuples, since the hash of an Enum is computed in Python.
_RECEIVING = (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2)
_SENDING = (ESTABLISHED, CLOSE_WAIT)

_SACK_HEAD = b"\x01\x01\x05"  # as everyone lays it out
_HALF = 1 << 31
_MASK = 0xFFFFFFFF
_UNPACK = HEADER.unpack_from
_UNPACK_STAMPED = Struct(HEADER.format + "III").unpack_from
_UNPACK_STAMPS = Struct("!III").unpack_from


class Connection:
    """A connection as its owner (the socket) sees it: write, read, shut, ask.

    `on_change()` is called whenever readiness may have changed, `on_urgent()` when the peer
    announces urgent data. Errors are
    `OSError` with Linux's `errno`.
    """

    __slots__ = (
        "_challenge_again",
        "_receive_shut",
        "_waits_to_finish",
        "asks_ecn",
        "binding",
        "came",
        "came_bare",
        "ecn",
        "error",
        "fast_open",
        "fin_sent",
        "flow",
        "keepalive",
        "key",
        "listener",
        "local",
        "on_change",
        "on_urgent",
        "orphan",
        "output",
        "passive",
        "patience",
        "preferences",
        "probes",
        "receiver",
        "remote",
        "sack",
        "saved_syn",
        "scale_sent",
        "scaling",
        "sender",
        "state",
        "syn_data",
        "tcp",
        "urgent_inline",
        "user_timeout",
    )

    def __init__(
        self,
        tcp: Tcp,
        flow: Flow,
        local: Endpoint,
        remote: Endpoint,
        binding: Binding,
        start: int | None = None,
    ) -> None:
        settings = tcp.settings
        self.tcp = tcp
        self.flow = flow
        self.local = local
        self.remote = remote
        self.binding = binding
        self.key = remote[0] + local[0] + remote[1].to_bytes(2, "big") + local[1].to_bytes(2, "big")
        self.state = CLOSED
        self.listener: Listener | None = None
        self.on_change: Callable[[], None] | None = None
        self.on_urgent: Callable[[], None] | None = None
        self.urgent_inline = False  # SO_OOBINLINE
        self.error = 0
        self._challenge_again = 0  # no challenge ACK before that time
        self.orphan = False
        self.fin_sent = False
        self._receive_shut = False
        self.preferences = DEFAULT
        self.user_timeout = 0  # nanoseconds; 0 leaves it to the settings (RFC 5482)
        self._waits_to_finish = Timer(tcp.engine, self.finish)
        self.scale_sent = 0
        self.scaling = False
        self.sack = False  # both ends know SACK (RFC 2018)
        self.probes = False  # and so the tail of what is sent is probed (RFC 8985, 7)
        self.ecn: Ecn | None = None  # both ends know ECN (RFC 3168)
        self.asks_ecn = False  # our SYN says so
        self.fast_open: Opening | None = None  # while the handshake lasts
        self.passive = False  # the peer called
        self.came = 0  # segments with data
        self.came_bare = 0
        self.saved_syn = b""  # headers of the SYN that opened it, if its listener saves them
        self.syn_data = False  # data went with the SYN and were taken
        limit = settings.receive_buffer
        scale = tcp.scale_for(None) if settings.window_scaling else 0
        self.receiver: Receiver = Receiver(limit, scale, 536)
        self.receiver.most = settings.receive_buffer_max
        self.receiver.on_close = self._window_closed
        self.output: Output = Output(self, self.receiver)
        if start is None:
            start = tcp.initial_sequence(self.key)
        self.sender: Sender = Sender(self, settings.send_buffer, self.segment_size(), start)
        self.keepalive = Keepalive(self)
        self.patience = Patience(self)

    # Names and numbers

    @property
    def name(self) -> str:
        """Both ends, as `192.0.2.1:40000 -> 192.0.2.2:80`."""
        return f"{self.tcp.show(self.local)} -> {self.tcp.show(self.remote)}"

    def __repr__(self) -> str:
        return f"<TCP {self.name} {self.state}>"

    def segment_size(self) -> int:
        """The largest payload of a segment that fits the path's MTU, options taken off."""
        overhead = (20 if len(self.local[0]) == 4 else 40) + (32 if self.output.stamps else 20)
        return max(self.flow.mtu - overhead, self.tcp.settings.least_mss)

    # What the owner chooses

    def fix_send_buffer(self, limit: int) -> None:
        """The buffer has `limit` bytes from now on, and does not grow by itself (SO_SNDBUF)."""
        self.sender.limit = limit
        self.sender.tuned = False

    def fix_receive_buffer(self, limit: int) -> None:
        """The same for what comes (SO_RCVBUF). Before the handshake, the window scale follows from it."""
        self.receiver.limit = limit
        self.receiver.tuned = False
        if self.state is CLOSED and self.tcp.settings.window_scaling:
            self.receiver.scale = self.tcp.scale_for(limit)

    # What the owner asks

    @property
    def established(self) -> bool:
        """Whether the handshake is over, and the connection not."""
        return self.state not in (CLOSED, SYN_SENT, SYN_RECEIVED)

    @property
    def peer_closed(self) -> bool:
        """Whether the peer's FIN has come, in order."""
        return self.receiver.end is not None and self.receiver.next > self.receiver.end

    @property
    def readable(self) -> bool:
        """Whether `receive` would not wait: data, end of stream or an error."""
        return (
            (self.receiver.size > 0 and (self.receiver.urgent is None or not only_mark_waits(self)))
            or self._receive_shut
            or bool(self.error)
            or self.peer_closed
            or self.state is CLOSED
        )

    @property
    def writable(self) -> bool:
        """Whether a third of the buffer is free (as Linux has it), or `send` would fail at once."""
        state = self.state
        if state in _SENDING:
            sender = self.sender
            return sender.fin_wanted or sender.room * 3 >= sender.limit
        if self.is_early:
            return self.sender.fin_wanted or self.sender.room * 3 >= self.sender.limit
        return state not in (SYN_SENT, SYN_RECEIVED)

    @property
    def is_early(self) -> bool:
        """Whether data of the peer's SYN have opened it before the handshake is over (RFC 7413)."""
        return self.state is SYN_RECEIVED and self.fast_open is not None and self.fast_open.queue is not None

    @property
    def hung_up(self) -> bool:
        """Whether both directions are over (POLLHUP)."""
        return self.state is CLOSED or (self.sender.fin_wanted and (self.peer_closed or self._receive_shut))

    def take_error(self) -> int:
        """The pending error's errno, or 0; taking clears it (SO_ERROR)."""
        error, self.error = self.error, 0
        return error

    def _raise_error(self) -> None:
        if self.error:
            error = self.take_error()
            raise OSError(error, os.strerror(error))

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Hand in data; returns how many bytes were taken, 0 when the buffer is full.

        Raises BrokenPipeError after `shutdown_send` or the end of the connection.
        """
        if self.error:
            self._raise_error()
        state = self.state
        sender = self.sender
        if state not in _SENDING or sender.fin_wanted:
            early = self.is_early
            if state is SYN_SENT or (state is SYN_RECEIVED and not early):
                return 0
            if not early or sender.fin_wanted:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        room = sender.limit - sender.unsent - sender.next + sender.unacked
        if room <= 0:
            return 0
        size = len(data)
        if size > room:
            sender.write(bytes(memoryview(data)[:room]))
            size = room
        elif size:
            sender.write(bytes(data))
        else:
            return 0
        sender.push()
        return size

    def receive(self, count: int, peek: bool = False) -> bytes | None:
        """Up to `count` bytes; None when there is nothing now, b"" at the end of the stream."""
        receiver = self.receiver
        if receiver.urgent is not None:
            return receive_by_mark(self, count, peek)
        if receiver.size:
            if peek:
                return receiver.peek(count)
            data = receiver.read(count)
            if receiver.tuned:
                receiver.consumed(len(data), self.tcp.engine.now)
            if receiver.window_opened() and self.state in _RECEIVING:
                self.acknowledge()
                if receiver.closed:
                    receiver.closed = False
                    self.tell_receive_window("own", receiver.edge - receiver.next)
            return data
        if receiver.end is None and self.state is not CLOSED and not (self.error or self._receive_shut):
            return None  # as nearly always
        return self.receive_nothing()

    def receive_nothing(self) -> bytes | None:
        """What `receive` gives when the buffer is empty."""
        if self.error:
            self._raise_error()
        return b"" if self.ended else None

    @property
    def ended(self) -> bool:
        """Whether nothing more can come to be read."""
        return self._receive_shut or self.peer_closed or self.state is CLOSED

    def shutdown_send(self) -> None:
        """Say that no more data will come: FIN after what stands in the buffer."""
        if self.state in (SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT) and not self.sender.fin_wanted:
            self.sender.fin_wanted = True
            if self.state in _SENDING:
                self.sender.push()
            self.changed()

    def shutdown_receive(self) -> None:
        """Read no more: `receive` gives the end of the stream whenever the buffer is empty.

        What comes nevertheless can still be read, as on Linux, unless we have sent FIN as well.
        """
        self._receive_shut = True
        self.changed()

    def close(self, linger: float | None = None) -> None:
        """The owner goes. `linger` of 0 resets; otherwise what was written is still delivered.

        Data that nobody read means a reset (RFC 9293, 3.6.1; RFC 2525, 2.17).
        """
        self.orphan = True
        self.on_change = self.on_urgent = None
        state = self.state
        if state is CLOSED:
            return
        tcp = self.tcp
        if state is not TIME_WAIT:
            tcp.orphans[self] = None
        if state is SYN_SENT:
            self.finish()
        elif linger == 0 or self.receiver.size:
            self.abort()
        elif len(tcp.orphans) > tcp.settings.max_orphans:
            tcp.drops("tcp: too many orphans")
            self.abort()
        elif state is FIN_WAIT_2:
            self.await_fin()
        else:
            self.shutdown_send()

    def abort(self) -> None:
        """Reset the connection (ABORT of RFC 9293, 3.10.5).

        In CLOSING and LAST-ACK as well: what we sent may be lost, and the peer would wait for it.
        """
        if self.state not in (CLOSED, SYN_SENT, TIME_WAIT):
            self._send_reset()
        self.finish()

    def _send_reset(self) -> None:
        self.output.transmit(self.sender.acceptable, RST | ACK, b"")

    def connect(self, payload: bytes = b"") -> None:
        """Send a SYN (active OPEN of RFC 9293, 3.10.1), with data if Fast Open lets it."""
        self.enter(SYN_SENT)
        self.call(payload)

    def call(self, payload: bytes) -> None:
        """Send the SYN of a connection that is in SYN-SENT already."""
        self.asks_ecn = wants_ecn(self)
        self.sender.send_syn(SYN, payload)

    # Sending

    def acknowledge(self) -> None:
        """Send an ACK that carries nothing else."""
        sender = self.sender
        next_ = sender.next
        self.output.transmit(
            next_ if next_ - sender.unacked <= sender.window else sender.acceptable, ACK, b""
        )

    def _challenge(self) -> None:
        """Answer a segment without data that does not fit; rarely, or two ends might do so for ever.

        RFC 5961, 7; the rate is Linux's.
        """
        again = self.tcp.challenges.allow(self._challenge_again)
        if again is not None:
            self._challenge_again = again
            self.acknowledge()

    def repeat_syn_ack(self) -> None:
        """Answer a repeated SYN as the first one was."""
        again = self.tcp.challenges.allow(self._challenge_again)
        if again is not None:
            self._challenge_again = again
            repeat_syn_ack(self)

    def probe(self) -> None:
        """Ask the peer for an ACK, with a segment that it has (RFC 9293, 3.8.4)."""
        self.output.transmit(self.sender.next - 1, ACK, b"")

    def send_failed(self, error: int) -> None:
        """The network layer would not take a segment."""
        self.patience.doubt(error)
        if error == errno.EMSGSIZE:
            self.path_changed()

    def path_changed(self) -> None:
        """The path's MTU fell: smaller segments from now on, and the lost ones again (RFC 1191, 6.5)."""
        size = self.segment_size()
        sender = self.sender
        if sender.mtu_probing is not None:
            sender.mtu_probing.narrowed(size)
        if size < sender.mss:
            sender.set_mss(size)
            if sender.outstanding and self.established:
                sender.recovery.lose_all("path MTU")
        if sender.lost:
            self.tcp.engine.after(0, self._push_again)

    def _push_again(self, _: object) -> None:
        if self.established:
            self.sender.push()

    # Arrivals (RFC 9293, 3.10.7)

    def arrives(self, frame: bytes, start: int, data: int, end: int) -> None:
        """Take in one segment: its header at `start`, its payload from `data` to `end` of `frame`."""
        if end > data:
            self.came += 1
        else:
            self.came_bare += 1
        if data - start == 32 and self.state is ESTABLISHED and self._arrives_as_expected(frame, start, end):
            return
        _, _, sequence, acknowledgment, _, flags, window, _, _ = _UNPACK(frame, start)
        receiver = self.receiver
        output = self.output
        next_ = receiver.next
        state = self.state
        if state is SYN_SENT:
            arrives_in_syn_sent(self, frame, start, data, end)
            return
        sequence = next_ + ((sequence - next_ + _HALF) & _MASK) - _HALF
        size = end - data
        scale = self.scale_sent
        stamp = echo = -1
        blocks: tuple[tuple[int, int], ...] = ()
        if output.stamps:
            word = 0
            if data - start >= 32:
                word, stamp, echo = _UNPACK_STAMPS(frame, start + 20)
            if word != STAMP_WORD or data - start != 32:
                if word == STAMP_WORD and frame[start + 32 : start + 35] == _SACK_HEAD and self.sack:
                    blocks = unpack_blocks(frame, start + 35, data)
                else:
                    stamp = echo = -1
                    options = SynOptions.parse(frame, start + 20, data)
                    if options is None:
                        self.tcp.drops("tcp: malformed options", frame)
                        return
                    if self.sack:
                        blocks = find_blocks(frame, start + 20, data)
                    if options.stamp is not None:
                        stamp, echo = options.stamp, options.echo
            if stamp >= 0:
                if (
                    (stamp - output.recent) & _MASK >= _HALF
                    and not flags & RST
                    and not output.recent_is_outdated()
                ):
                    # PAWS (RFC 7323, 5): older than what has come, so not of this time.
                    self.tcp.drops("tcp: old timestamp (PAWS)", frame)
                    if flags & SYN:
                        self._challenge()
                    elif size or flags & FIN:
                        self.acknowledge()
                    return
            elif not flags & RST:
                self.tcp.drops("tcp: no timestamp", frame)  # RFC 7323, 3.2
                return
        elif data - start > 20 and self.sack:
            blocks = find_blocks(frame, start + 20, data)
        # First, the sequence number.
        edge = receiver.edge
        length = size + (flags & FIN) + ((flags & SYN) >> 1)
        if sequence != next_ or length > edge - next_:
            if state is SYN_RECEIVED and sequence + 1 == receiver.initial and flags & (SYN | ACK) == SYN:
                self.tcp.drops("tcp: repeated SYN", frame)
                self.repeat_syn_ack()
                return
            if edge == next_ == sequence and not flags & (RST | SYN):
                # A closed window still lets acknowledgements in (RFC 9293, 3.10.7.4); a FIN takes no room.
                if size:
                    flags &= ~FIN
                size = 0
                output.acks_due = 2
            elif not self._acceptable(sequence, length, next_, edge):
                self.tcp.drops("tcp: out of window", frame)
                if size or flags & (FIN | RST) == FIN:
                    if not flags & RST:
                        if size and sequence < next_:
                            receiver.doubled = (sequence, min(sequence + size, next_))
                            output.be_quick()
                        self.acknowledge()
                elif not flags & RST:
                    self._challenge()
                return
            if flags & RST:
                self._reset_or_syn(frame, sequence, flags)
                return
            if sequence < next_:
                if flags & SYN:
                    sequence += 1
                    flags &= ~SYN
                    scale = 0  # RFC 7323, 2.2
                known = next_ - sequence
                if known > 0:
                    if size:
                        receiver.doubled = (sequence, next_)
                    data += known
                    size -= known
                    sequence = next_
            if sequence + size > edge:
                size = edge - sequence
                flags &= ~FIN
                output.acks_due = 2
        # Second, RST; fourth, SYN (RFC 5961 as in RFC 9293, 3.10.7.4).
        if flags & (RST | SYN):
            self._reset_or_syn(frame, sequence, flags)
            return
        # Fifth, ACK.
        if not flags & ACK:
            self.tcp.drops("tcp: no ACK", frame)
            return
        if size and self.ecn is not None:
            self.ecn.arrived(flags)
        window <<= scale
        sender = self.sender
        unacked = sender.unacked
        acknowledgment = unacked + ((acknowledgment - unacked + _HALF) & _MASK) - _HALF
        if state is SYN_RECEIVED:
            if not finish_handshake(self, acknowledgment, sequence, window, frame, not length):
                return
            unacked = sender.unacked
        if acknowledgment > sender.next:
            self.tcp.drops("tcp: acknowledges what was not sent", frame)
            self._challenge()
            return
        if (
            stamp != output.recent
            and stamp >= 0
            and sequence <= receiver.acked
            and acknowledgment >= unacked - sender.window_max
        ):
            output.remember(stamp)  # RFC 7323, 4.3
        if self.keepalive.on:
            self.keepalive.heard = self.tcp.engine.now
        if blocks:
            base = unacked - _HALF
            blocks = tuple(
                [(base + ((first - base) & _MASK), base + ((last - base) & _MASK)) for first, last in blocks]
            )
        if acknowledgment > unacked:
            sender.set_window(sequence, acknowledgment, window)
            self.flow.confirm()
            if sender.board is None and not blocks and not (flags & ECE and self.ecn is not None):
                sender.acknowledged(acknowledgment, echo)
            else:
                sender.recovery.acknowledged(
                    acknowledgment,
                    output.age(echo) if echo >= 0 else -1,
                    blocks,
                    False,
                    bool(flags & ECE),
                )
            if not size and self.on_change and sender.room * 3 >= sender.limit:
                self.on_change()  # with data, that is told below
            state = self.state
            if state is not ESTABLISHED:
                fin_acknowledged(self)
        elif acknowledgment == unacked:
            closed = sender.window == 0
            changed = sender.set_window(sequence, acknowledgment, window)
            if closed and changed:
                sender.window_opened()
            elif sender.window == 0:
                # The peer lives, and asks us to wait: for ever, if nobody set a limit.
                if not self.orphan and not self.user_timeout:
                    sender.started_waiting = None
            elif blocks or (sender.outstanding and not changed and not length):
                # With SACK the blocks tell what is duplicate, whatever the window does (RFC 6675, 2).
                sender.recovery.acknowledged(
                    acknowledgment,
                    output.age(echo) if echo >= 0 else -1,
                    blocks,
                    not changed and not length,
                    bool(flags & ECE),
                )
        elif acknowledgment < unacked - sender.window_max:
            self.tcp.drops("tcp: acknowledges what is long gone", frame)  # RFC 5961, 5.2
            self._challenge()
            return
        # Sixth, URG.
        if flags & URG:
            mark_came(self, frame, start)
        # Seventh, the data; eighth, FIN.
        if flags & FIN:
            if receiver.end is None:
                receiver.ends(sequence + size)
            output.acks_due = 2
        if size:
            if self.state in _RECEIVING and (receiver.end is None or sequence + size <= receiver.end):
                if self.orphan or (self._receive_shut and self.state is not ESTABLISHED):
                    # Nobody will ever read them (RFC 9293, 3.6.1; after SHUT_RDWR as on Linux).
                    self.tcp.drops("tcp: data after close", frame)
                    self.tcp.transmit(
                        self.flow, self.local[1], self.remote[1], acknowledgment & _MASK, 0, RST, 0, b""
                    )
                    self.fail(errno.ECONNRESET)
                    return
                if receiver.accept(sequence, frame[data : data + size]):
                    if receiver.tuned and not receiver.round_trip:
                        receiver.round_trip = output.age(echo) if echo >= 0 else sender.round_trip.smoothed
                    if receiver.end is None and not flags & FIN:
                        output.data_came()
                    else:
                        output.acks_due = 2
                else:
                    output.acks_due = 2  # a gap: say so at once (RFC 5681, 4.2)
                    output.be_quick()
            else:
                output.acks_due = 2
            if self.on_change:
                self.on_change()
        if receiver.end is not None and receiver.next == receiver.end:
            fin_came(self)
        if self.state is CLOSED:
            return
        if (sender.unsent or sender.lost or sender.fin_wanted) and self.state is not TIME_WAIT:
            sender.push()
        if output.acks_due >= 2:
            self.acknowledge()

    def _arrives_as_expected(self, frame: bytes, start: int, end: int) -> bool:
        """Take in the next data, or an acknowledgement, of an orderly connection; False for anything else.

        By far most segments are one of these two (Van Jacobson's header prediction), and
        what is done with them here is what `arrives` would do with them, step for step.
        """
        _, _, number, acknowledgment, _, flags, window, _, _, word, stamp, echo = _UNPACK_STAMPED(
            frame, start
        )
        receiver = self.receiver
        output = self.output
        sender = self.sender
        sequence = receiver.next
        if (
            number != sequence & _MASK
            or flags & ~PSH != ACK
            or word != STAMP_WORD
            or not output.stamps
            or (stamp - output.recent) & _MASK >= _HALF
        ):
            return False
        unacked = sender.unacked
        fresh = (acknowledgment - unacked) & _MASK
        window <<= self.scale_sent
        size = end - start - 32
        if fresh:
            if fresh > sender.next - unacked or sender.board is not None:
                return False
        elif not size or not window or window != sender.window:
            return False
        if size and (
            size > receiver.edge - sequence or receiver.end is not None or receiver.early or self.orphan
        ):
            return False
        if stamp != output.recent and sequence <= receiver.acked:
            output.recent = stamp  # RFC 7323, 4.3
            output.recent_at = self.tcp.engine.now
        if self.keepalive.on:
            self.keepalive.heard = self.tcp.engine.now
        if size and self.ecn is not None:
            self.ecn.arrived(flags)
        if fresh:
            unacked += fresh
            if window != sender.window:
                sender.set_window(sequence, unacked, window)
            self.flow.confirm()
            sender.acknowledged(unacked, echo)
        if size:
            receiver.take(frame[start + 32 : end])
            if receiver.tuned and not receiver.round_trip:
                receiver.round_trip = output.age(echo)
            output.data_came()
            if self.on_change:
                self.on_change()
        else:
            limit = sender.limit
            if self.on_change and (limit - sender.unsent - sender.next + unacked) * 3 >= limit:
                self.on_change()
        if self.state is CLOSED:
            return True
        if sender.unsent or sender.lost or sender.fin_wanted:
            sender.push()
        if output.acks_due >= 2:
            self.acknowledge()
        return True

    @staticmethod
    def _acceptable(sequence: int, length: int, next_: int, edge: int) -> bool:
        """The four cases of RFC 9293, 3.10.7.4, first step."""
        if edge == next_:
            return length == 0 and sequence == next_
        if length == 0:
            return next_ <= sequence < edge
        return sequence < edge and sequence + length > next_

    def _reset_or_syn(self, frame: bytes, sequence: int, flags: int) -> None:
        if flags & RST:
            if sequence != self.receiver.next:
                self.tcp.drops("tcp: RST beside the expected sequence number", frame)
                self._challenge()  # RFC 5961, 3.2
                return
            if self.is_early:
                if self.fast_open is not None and self.fast_open.queue is not None:
                    self.fast_open.queue.reset()
                self.fail(errno.ECONNRESET)
            elif self.state is SYN_RECEIVED and self.listener is not None:
                self.finish()
            elif self.state is SYN_RECEIVED:
                self.fail(errno.ECONNREFUSED)
            elif self.state is CLOSE_WAIT:
                self.fail(errno.EPIPE)
            else:
                self.fail(errno.ECONNRESET)
            return
        if self.state is SYN_RECEIVED and self.listener is not None and not self.is_early:
            self.tcp.drops("tcp: SYN beside the expected sequence number", frame)
            self.finish()
            return
        self.tcp.drops("tcp: SYN in an open connection", frame)
        self._challenge()  # RFC 5961, 4.2

    # Ends

    def await_fin(self) -> None:
        """Nobody owns it any more: wait for the peer's FIN, but not for ever."""
        wait = self.preferences.fin_timeout
        if wait == 0:
            self._send_reset()
            self.finish()
            return
        self._waits_to_finish.start(self.tcp.engine.now + (wait or self.tcp.settings.fin_timeout))

    def wait_out(self) -> None:
        """Both ends are done: leave the 4-tuple to TIME-WAIT."""
        self.enter(TIME_WAIT)
        if self.tcp.to_time_wait(self):
            self._stop()
        else:
            self.finish()

    def icmp_error(self, error: int, fatal: bool, sequence: int) -> None:
        """An ICMP error quotes our segment with this sequence number (RFC 9293, 3.9.2.2; RFC 5927)."""
        sender = self.sender
        sequence = sender.unacked + ((sequence - sender.unacked + _HALF) & _MASK) - _HALF
        if not sender.unacked <= sequence <= sender.next:
            return
        if error == errno.EMSGSIZE:
            self.path_changed()
        elif self.state in (SYN_SENT, SYN_RECEIVED):
            self.fail(error)
        else:
            self.patience.doubt(error)

    def peer_is_silent(self, since: int) -> bool:
        """Whether the peer has not answered for too long, and the connection ended for it."""
        if not self.patience.is_over(since):
            return False
        self.fail(self.patience.reason(since))
        return True

    def fail(self, error: int) -> None:
        """End at once; the owner hears of `error` (errno)."""
        self.error = error
        self.finish()

    def peer_is_dead(self) -> None:
        """Keepalive had no answer: reset, and fail as a timeout."""
        self._send_reset()
        self.fail(self.patience.reason(self.keepalive.heard))

    def finish(self) -> None:
        """Be CLOSED: free the 4-tuple and the hold on the port."""
        if self.state is CLOSED:
            return
        self.enter(CLOSED)
        self.tcp.forget(self)
        self._stop()

    def _stop(self) -> None:
        self.sender.stop()
        self.output.stop()
        self._waits_to_finish.stop()
        self.keepalive.stop()
        self.tcp.orphans.pop(self, None)
        if self.fast_open is not None:
            self.fast_open.over()
            self.fast_open = None
        if self.listener is not None:
            self.listener.gone(self)
            self.listener = None
        self.changed()

    def enter(self, state: State) -> None:
        """Go to another state, and tell observers."""
        before, self.state = self.state, state
        engine = self.tcp.engine
        if StateChange in engine.events.wanted:
            engine.events.tell(StateChange(engine.now, self.tcp.host, self.name, before, state))

    def _window_closed(self) -> None:
        """We have just said that there is no room."""
        self.tell_receive_window("own", 0)

    def tell_receive_window(self, whose: str, window: int) -> None:
        """Tell observers that a receiver's window has closed or opened."""
        engine = self.tcp.engine
        if ReceiveWindow in engine.events.wanted:
            engine.events.tell(ReceiveWindow(engine.now, self.tcp.host, self.name, whose, window))

    def changed(self) -> None:
        """Tell the owner that readiness may have changed."""
        if self.on_change:
            self.on_change()
