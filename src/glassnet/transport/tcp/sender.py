"""The send side of a connection: the buffer, what may be sent, and what must be sent again.

Sequence numbers are absolute here: Python integers that never wrap.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.closing import fin_sent
from glassnet.transport.tcp.window import CongestionControl, Reno
from glassnet.transport.tcp.events import Retransmission, WindowChange
from glassnet.transport.tcp.opening import offer
from glassnet.transport.tcp.rtt import RoundTrip
from glassnet.transport.tcp.state import State
from glassnet.wire.tcp import ACK, FIN, PSH, SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["Segment", "Sender"]

_CORK_CEILING = 200 * 10**6
"""How long TCP_CORK holds less than a segment back, in nanoseconds: tcp(7)."""


class Segment:
    """A stretch of sequence space that was sent and is not acknowledged. `sent` is when, last."""

    __slots__ = ("end", "flags", "lost", "payload", "retransmitted", "sent", "sequence")

    def __init__(self, sequence: int, end: int, flags: int, payload: bytes, sent: int) -> None:
        self.sequence = sequence
        self.end = end
        self.flags = flags
        self.payload = payload
        self.sent = sent
        self.retransmitted = False
        self.lost = False


class Sender:
    """What this end has to say, and how much of it the peer and the path can take.

    `unacked` is SND.UNA, `next` SND.NXT, `window` SND.WND (scaled), `window_max`
    MAX.SND.WND. `unsent` bytes
    wait to be sent for the first time; `outstanding` are the segments on their way;
    `lost` of their bytes are believed gone and not yet sent again.
    """

    __slots__ = (
        "_chunks",
        "_connection",
        "_duplicates",
        "_lost_segments",
        "_offset",
        "_recover",
        "_window_acknowledgment",
        "_window_sequence",
        "congestion",
        "corked",
        "fin_wanted",
        "initial",
        "last_sent",
        "limit",
        "lost",
        "mss",
        "next",
        "nodelay",
        "outstanding",
        "recovering",
        "retransmissions",
        "round_trip",
        "started_waiting",
        "timer",
        "unacked",
        "unsent",
        "window",
        "window_max",
    )

    def __init__(self, connection: Connection, limit: int, mss: int, start: int) -> None:
        settings = connection.tcp.settings
        self._connection = connection
        self.limit = limit
        self.mss = mss
        self.unacked = self.initial = start
        self.next: int = start
        self.window = 0
        self.window_max = 1
        self._window_sequence = 0
        self._window_acknowledgment = 0
        self._chunks: deque[bytes] = deque()
        self._offset = 0
        self.unsent = 0
        self.fin_wanted = False
        self.nodelay = False
        self.corked = False  # TCP_CORK: only full segments, for 200 ms at most
        self.outstanding: deque[Segment] = deque()
        self._lost_segments: deque[Segment] = deque()
        self.lost = 0
        self._duplicates = 0
        self.recovering = False
        self._recover = start
        self.retransmissions = 0
        self.last_sent = 0
        self.started_waiting: int | None = None  # first retransmission without an answer
        self.congestion: CongestionControl = Reno(mss, settings.initial_window)
        self.round_trip = RoundTrip(settings)
        self.timer = Timer(connection.tcp.engine, self._timeout)

    # The buffer

    @property
    def room(self) -> int:
        """How many bytes the buffer can take."""
        return self.limit - self.unsent - self.next + self.unacked

    @property
    def acceptable(self) -> int:
        """The sequence number for a segment without data.

        SND.NXT, unless a window probe or FIN lies beyond the peer's window: the peer would
        take nothing from there, no acknowledgement and no reset (as Linux has it).
        """
        return min(self.next, self.unacked + self.window)

    @property
    def in_flight(self) -> int:
        """Bytes believed to be in the network (FlightSize of RFC 5681)."""
        return self.next - self.unacked - self.lost

    def write(self, data: bytes) -> None:
        """Append `data`; the caller has seen that there is room."""
        self._chunks.append(data)
        self.unsent += len(data)

    def _take(self, count: int) -> bytes:
        chunks = self._chunks
        offset = self._offset
        first = chunks[0]
        end = offset + count
        self.unsent -= count
        if end < len(first):
            self._offset = end
            return first[offset:end]
        if end == len(first):
            chunks.popleft()
            self._offset = 0
            return first[offset:] if offset else first
        pieces = [first[offset:]]
        count -= len(pieces[0])
        chunks.popleft()
        while count:
            first = chunks[0]
            if len(first) > count:
                pieces.append(first[:count])
                self._offset = count
                return b"".join(pieces)
            pieces.append(first)
            count -= len(first)
            chunks.popleft()
        self._offset = 0
        return b"".join(pieces)

    # What may be sent

    def push(self) -> None:
        """Send what the two windows, Nagle's algorithm and silly-window avoidance let pass."""
        if self._lost_segments and not self._resend_lost():
            return
        if self.last_sent and self.next == self.unacked and self.unsent:
            connection = self._connection
            if connection.tcp.engine.now - self.last_sent > self.round_trip.rto:
                self.congestion.restarted()
        mss = self.mss
        while not self.lost:  # unless layer 3 has refused one: see `Connection.send_failed`
            unsent = self.unsent
            in_flight = self.next - self.unacked
            usable = self.window - in_flight
            allowed = self.congestion.window - in_flight
            if allowed > usable:
                allowed = usable
            if unsent > mss:
                if allowed < mss:
                    # RFC 9293, 3.8.6.2.1, (3): half the largest window is worth a segment,
                    # when it is the peer who holds us back.
                    if allowed == usable and not in_flight and usable * 2 >= self.window_max and usable > 0:
                        self._send(usable, 0)
                        continue
                    break
                self._send(mss, 0)
                continue
            if unsent:
                if unsent > allowed or (
                    ((in_flight and not self.nodelay) or self.corked) and not self.fin_wanted and unsent < mss
                ):
                    break
                self._send(unsent, PSH | FIN if self.fin_wanted else PSH)
            elif self.fin_wanted and not self._fin_sent():
                self._send(0, FIN)
            break
        if self.timer.deadline is None and (self.unsent or self.outstanding):
            # Nothing on its way and nothing may go: the persist timer (RFC 9293, 3.8.6.1).
            wait = _CORK_CEILING if self.corked and self.window else self.round_trip.rto
            self.timer.start(self._connection.tcp.engine.now + wait)

    def _fin_sent(self) -> bool:
        return self._connection.fin_sent

    def _send(self, size: int, flags: int) -> None:
        connection = self._connection
        payload = self._take(size) if size else b""
        sequence = self.next
        now = connection.tcp.engine.now
        end = sequence + size
        if flags & FIN:
            end += 1
            connection.fin_sent = True
        self.next = end
        self.outstanding.append(Segment(sequence, end, flags, payload, now))
        self.last_sent = now
        if self.timer.deadline is None:
            self.timer.start(now + self.round_trip.rto)
        connection.output.transmit(sequence, flags | ACK, payload)
        if flags & FIN:
            fin_sent(connection)

    def send_syn(self, flags: int) -> None:
        """Send SYN or SYN-ACK and keep it for retransmission."""
        connection = self._connection
        now = connection.tcp.engine.now
        self.outstanding.append(Segment(self.next, self.next + 1, flags, b"", now))
        self.next += 1
        self.timer.start(now + self.round_trip.rto)
        connection.output.transmit_syn(self.unacked, flags, offer(connection))

    # Acknowledgements

    def set_window(self, sequence: int, acknowledgment: int, window: int) -> bool:
        """Update SND.WND unless the segment is older than the last that did; True if it changed."""
        if self._window_sequence < sequence or (
            self._window_sequence == sequence and self._window_acknowledgment <= acknowledgment
        ):
            self._window_sequence = sequence
            self._window_acknowledgment = acknowledgment
            if window != self.window:
                self.window = window
                if window > self.window_max:
                    self.window_max = window
                return True
        return False

    def window_opened(self) -> None:
        """The closed window is open again: what was sent as a probe was not taken, so send it anew."""
        self.round_trip.forgive()
        self.started_waiting = None
        if self.outstanding:
            self.mark_lost()
            self.timer.start(self._connection.tcp.engine.now + self.round_trip.rto)
        else:
            self.timer.stop()

    def open(self, sequence: int, acknowledgment: int, window: int) -> None:
        """The handshake is over: the first window counts whatever came before."""
        self._window_sequence = sequence
        self._window_acknowledgment = acknowledgment
        self.window = window
        self.window_max = max(window, 1)
        if self.retransmissions:
            self.congestion.window = self.mss  # RFC 5681, 3.1: a lost SYN was a first sign
            self.round_trip.fall_back()

    def acknowledged(self, acknowledgment: int, echo_delay: int) -> None:
        """New data is acknowledged: SND.UNA < `acknowledgment` <= SND.NXT.

        `echo_delay` is the time since the echoed timestamp was sent (ns), or -1.
        """
        connection = self._connection
        now = connection.tcp.engine.now
        in_flight = self.next - self.unacked - self.lost
        size = acknowledgment - self.unacked
        self.unacked = acknowledgment
        outstanding = self.outstanding
        measured = -1
        resent = False
        while outstanding:
            segment = outstanding[0]
            if segment.end > acknowledgment:
                if segment.sequence < acknowledgment:
                    self._shorten(segment, acknowledgment)
                break
            outstanding.popleft()
            if segment.lost:
                self.lost -= segment.end - segment.sequence
                segment.lost = False
            if segment.retransmitted:
                resent = True
            measured = now - segment.sent
        if resent:
            # Karn's algorithm: which sending is acknowledged only a timestamp can tell.
            measured = echo_delay
        if measured >= 0:
            self.round_trip.sample(measured)
        self.started_waiting = None
        self._duplicates = 0
        congestion = self.congestion
        if not self.recovering:
            congestion.acknowledged(size, in_flight)
        elif acknowledgment >= self._recover:
            self.recovering = False
            congestion.recovered(self.in_flight)
            self._tell_window("recovered")
        else:
            # RFC 6582, 3.2, step 3: a partial acknowledgement shows the next hole.
            congestion.partly_recovered(size)
            if outstanding:
                self._retransmit(outstanding[0], "partial ACK")
        if outstanding:
            self.timer.start(now + self.round_trip.rto)
        else:
            self.timer.stop()

    def _shorten(self, segment: Segment, acknowledgment: int) -> None:
        cut = acknowledgment - segment.sequence
        if segment.flags & SYN:
            segment.flags &= ~SYN
            cut -= 1
        segment.payload = segment.payload[cut:]
        if not segment.payload:
            segment.flags &= ~PSH
        if segment.lost:
            self.lost -= acknowledgment - segment.sequence
        segment.sequence = acknowledgment

    def duplicate(self) -> None:
        """A duplicate acknowledgement as RFC 5681, 2 defines it."""
        if self.recovering:
            self.congestion.duplicate()
            return
        self._duplicates += 1
        if self._duplicates < 3 or self.lost:
            return
        if self._duplicates > 3 or self.unacked <= self._recover:
            return  # RFC 6582, 3.2, step 1: these answer what was sent before the last recovery
        self.recovering = True
        self._recover = self.next
        self.congestion.loss_detected(self.in_flight)
        self._tell_window("fast retransmit")
        self._retransmit(self.outstanding[0], "fast retransmit")
        self.timer.start(self._connection.tcp.engine.now + self.round_trip.rto)

    # Sending again

    def _resend_lost(self) -> bool:
        """Send lost segments again as the windows allow; True when none is left."""
        while queue := self._lost_segments:  # another one, if layer 3 finds a segment too long
            segment = queue[0]
            if not segment.lost:
                queue.popleft()
                continue
            if len(segment.payload) > self.mss:
                queue.popleft()
                self._split(segment)
                queue.appendleft(segment)
            size = segment.end - segment.sequence
            in_flight = self.in_flight
            if in_flight and in_flight + size > self.congestion.window:
                return False
            if segment.end > self.unacked + max(self.window, 1) and in_flight:
                return False
            queue.popleft()
            self._retransmit(segment, "timeout")
        return True

    def _retransmit(self, segment: Segment, cause: str) -> None:
        connection = self._connection
        engine = connection.tcp.engine
        segment.retransmitted = True
        segment.sent = engine.now
        self.last_sent = engine.now
        self.retransmissions += 1
        if len(segment.payload) > self.mss:
            self._split(segment)
        if segment.lost:
            segment.lost = False
            self.lost -= segment.end - segment.sequence
        if segment.flags & SYN:
            connection.output.transmit_syn(segment.sequence, segment.flags, offer(connection))
        else:
            connection.output.transmit(segment.sequence, segment.flags | ACK, segment.payload)
        events = engine.events
        if Retransmission in events.wanted:
            events.tell(
                Retransmission(
                    engine.now,
                    connection.tcp.host,
                    connection.name,
                    segment.sequence & 0xFFFFFFFF,
                    len(segment.payload),
                    cause,
                )
            )

    def _split(self, segment: Segment) -> None:
        """Cut the first part out of a segment that has become too large for the path."""
        mss = self.mss
        rest = Segment(
            segment.sequence + mss, segment.end, segment.flags, segment.payload[mss:], segment.sent
        )
        rest.retransmitted = True
        if segment.lost:
            rest.lost = True
            self._lost_segments.appendleft(rest)
        segment.payload = segment.payload[:mss]
        segment.end = segment.sequence + mss
        segment.flags &= ~(FIN | PSH)
        self.outstanding.insert(self.outstanding.index(segment) + 1, rest)

    def _timeout(self) -> None:
        connection = self._connection
        if connection.state is State.CLOSED:
            return
        if not self.outstanding:
            if self.corked and self.unsent and self.unsent <= min(self.window, self.mss):
                self._send(self.unsent, PSH)
            else:
                self._probe()
            return
        first = self.outstanding[0]
        again = self.started_waiting is not None
        if self.started_waiting is None:
            self.started_waiting = first.sent
        if connection.peer_is_silent(self.started_waiting):
            return
        if first.flags & SYN:
            self.round_trip.back_off()
            self._retransmit(first, "timeout")
            self._wait_for_answer()
            return
        if self.window == 0:
            # The window closed over what was sent: this is a probe, and says nothing about congestion.
            self.round_trip.back_off()
            self._retransmit(first, "window probe")
            self._wait_for_answer()
            return
        # RFC 6298, 5.4 to 5.6; everything on its way counts as lost, and slow start sends it again.
        self.congestion.timed_out(self.in_flight, again=again)
        self.round_trip.back_off()
        self._tell_window("timeout")
        self._recover = self.next
        self.recovering = False
        self._duplicates = 0
        self.mark_lost()
        self._wait_for_answer()
        self._resend_lost()

    def _wait_for_answer(self) -> None:
        """Start the retransmission timer, but not beyond the user timeout."""
        connection = self._connection
        deadline = connection.tcp.engine.now + self.round_trip.rto
        if connection.user_timeout and self.started_waiting is not None:
            deadline = min(deadline, self.started_waiting + connection.user_timeout)
        self.timer.start(deadline)

    def mark_lost(self) -> None:
        """Believe everything that is on its way to be gone."""
        self._lost_segments = deque(self.outstanding)
        for segment in self.outstanding:
            segment.lost = True
        self.lost = self.next - self.unacked

    def _probe(self) -> None:
        """The persist timer: one byte beyond the window (RFC 9293, 3.8.6.1)."""
        now = self._connection.tcp.engine.now
        if self.unsent or (self.fin_wanted and not self._fin_sent()):
            usable = self.window
            self.round_trip.back_off()
            if self.unsent:
                # Silly-window avoidance's override timer sends what fits; a closed window gets one byte.
                size = min(max(usable, 1), self.unsent, self.mss)
                self._send(size, 0 if size < self.unsent else PSH)
            else:
                self._send(0, FIN)
            self.timer.start(now + self.round_trip.rto)

    def _tell_window(self, cause: str) -> None:
        connection = self._connection
        engine = connection.tcp.engine
        if WindowChange in engine.events.wanted:
            congestion = self.congestion
            engine.events.tell(
                WindowChange(
                    engine.now,
                    connection.tcp.host,
                    connection.name,
                    congestion.window,
                    congestion.threshold,
                    cause,
                )
            )

    def set_mss(self, mss: int) -> None:
        """The path takes segments of `mss` bytes now."""
        self.mss = mss
        self.congestion.set_mss(mss)

    def stop(self) -> None:
        """The connection is over: forget everything."""
        self.timer.stop()
        self._chunks.clear()
        self.outstanding.clear()
        self._lost_segments.clear()
        self.unsent = self.lost = 0
        self._offset = 0
