"""The send side of a connection: the buffer, what may be sent, and when to stop waiting.

Sequence numbers are absolute here: Python integers that never wrap. What is done about
losses is in `recovery.py`; this file is the way of segments that arrive.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.closing import fin_sent
from glassnet.transport.tcp.congestion import CONTROLLERS, UNLIMITED
from glassnet.transport.tcp.events import Paced, Retransmission, RoundTripMeasured, WindowChange
from glassnet.transport.tcp.figures import BUSY, HELD_BY_BUFFER, HELD_BY_WINDOW, IDLE, Figures
from glassnet.transport.tcp.mtu_probing import MtuProbing, suspect
from glassnet.transport.tcp.opening import offer
from glassnet.transport.tcp.recovery import MOST_DELAYED_ACK, CaState, Recovery
from glassnet.transport.tcp.rtt import RoundTrip
from glassnet.transport.tcp.runs import send_run
from glassnet.transport.tcp.scoreboard import Scoreboard, Segment
from glassnet.transport.tcp.state import State
from glassnet.wire.tcp import ACK, CWR, FIN, PSH, SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.congestion import CongestionControl
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.rate import DeliveryRate

__all__ = ["Sender"]

OPEN = CaState.OPEN

_CORK_CEILING = 200 * 10**6
"""How long TCP_CORK holds less than a segment back, in nanoseconds: tcp(7)."""

_S = 10**9


class Sender:
    """What this end has to say, and how much of it the peer and the path can take.

    `unacked` is SND.UNA, `next` SND.NXT, `window` SND.WND (scaled), `window_max`
    MAX.SND.WND. `unsent` bytes wait to be sent for the first time; `outstanding` are
    the segments on their way; `sacked` of their bytes have arrived out of order, `lost`
    are believed gone and not yet sent again. `board` is there while not all is in order.
    `limit` is the size of the buffer, and `tuned` whether it may grow by itself.
    """

    __slots__ = (
        "_chunks",
        "_connection",
        "_engine",
        "_offset",
        "_pacer",
        "_paces",
        "_rearm",
        "_release",
        "_runs",
        "_small_end",
        "_used",
        "_window_acknowledgment",
        "_window_sequence",
        "board",
        "bytes_retransmitted",
        "congestion",
        "corked",
        "figures",
        "fin_wanted",
        "initial",
        "last_sent",
        "limit",
        "lost",
        "mss",
        "mss_limit",
        "mtu_probing",
        "next",
        "nodelay",
        "outstanding",
        "pacing_limit",
        "rate",
        "recovery",
        "retransmissions",
        "round_trip",
        "rto_at",
        "sacked",
        "started_waiting",
        "timer",
        "tuned",
        "unacked",
        "unsent",
        "used_since",
        "window",
        "window_max",
    )

    def __init__(self, connection: Connection, limit: int, mss: int, start: int) -> None:
        settings = connection.tcp.settings
        self._connection = connection
        self._engine = connection.tcp.engine
        self.limit = limit
        self.tuned = True
        self.mss: int = mss
        self.mss_limit = mss  # what the peer takes in a segment
        self.mtu_probing: MtuProbing | None = None  # RFC 4821
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
        self.board: Scoreboard | None = None
        self.sacked = 0
        self.lost = 0
        self.retransmissions = 0
        self.bytes_retransmitted = 0
        self.last_sent = 0
        self._small_end = start  # where the last segment below the MSS ended
        self._used = 0  # most that was on its way while the window was not the limit
        self.used_since = 0  # when the window was the limit, or known to be right
        self.started_waiting: int | None = None  # first retransmission without an answer
        self.rate: DeliveryRate | None = None
        self.congestion: CongestionControl = CONTROLLERS[settings.congestion_control](
            mss, settings.initial_window
        )
        self.pacing_limit = 0  # SO_MAX_PACING_RATE, bytes a second; 0 is none
        self._pacer: Timer | None = None
        self._paces = False
        self._release = 0  # when the next segment may go, if paced
        self.round_trip = RoundTrip(settings)
        self.figures = Figures()
        self.rto_at = 0
        self._runs = connection.flow.offloads
        self._rearm = False  # an acknowledgement came, and `push` is to follow
        self.timer = Timer(connection.tcp.engine, self._expired)
        self.recovery: Recovery = Recovery(connection, self, start)
        if self.congestion.samples or self.congestion.marks:
            self.control(self.congestion)

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
        """Bytes believed to be in the network (the pipe of RFC 6675)."""
        return self.next - self.unacked - self.sacked - self.lost

    @property
    def delivered(self) -> int:
        """Bytes known to have arrived, in order or not."""
        return self.unacked - self.initial + self.sacked

    def write(self, data: bytes) -> None:
        """Append `data`; the caller has seen that there is room."""
        self._chunks.append(data)
        self.unsent += len(data)

    def take(self, count: int) -> bytes:
        """The next `count` bytes out of the buffer, to be sent for the first time."""
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
        recovery = self.recovery
        if self.lost and not recovery.prefers_new and not self._resend_lost():
            return
        congestion = self.congestion
        now = self._engine.now
        if self.last_sent and self.next == self.unacked and self.unsent:
            idle = now - self.last_sent
            if idle > self.round_trip.rto and self._connection.tcp.settings.slow_start_after_idle:
                congestion.restarted(now, idle, self.round_trip.rto)
                self._used = 0
                self.used_since = now
        mss = self.mss
        first = self.next
        while not self.lost or recovery.prefers_new:  # layer 3 may refuse one: see `Connection.send_failed`
            unsent = self.unsent
            on_their_way = self.next - self.unacked
            usable = self.window - on_their_way
            allowed = congestion.window - on_their_way + self.sacked + self.lost
            if allowed > usable:
                allowed = usable
            if unsent > mss or (unsent > allowed and unsent):
                if allowed < mss:
                    # RFC 9293, 3.8.6.2.1, (3): half the largest window is worth a segment,
                    # when it is the peer who holds us back.
                    if (
                        allowed == usable
                        and not on_their_way
                        and usable * 2 >= self.window_max
                        and usable > 0
                    ):
                        self._send(usable, 0)
                        continue
                    doing = HELD_BY_WINDOW if allowed == usable else BUSY
                    if self.figures.kind != doing:
                        self.figures.turn(doing, now)
                    break
                if self._paces:
                    if not self._may_go(now, mss):
                        break
                elif self._runs and send_run(self._connection, allowed):
                    continue
                self._send(mss, 0)
                while (
                    unsent > mss + mss
                    and allowed >= mss + mss
                    and not (self._paces or self._runs or self.lost)
                ):
                    unsent -= mss
                    allowed -= mss
                    self._send(mss, 0)
                continue
            if unsent:
                if unsent < mss and not self.fin_wanted:
                    # Nagle's algorithm, as Minshall modified it: only a small segment holds a small one back.
                    # Urgent data wait for nothing, as on Linux.
                    if (
                        (self._small_end > self.unacked and not self.nodelay) or self.corked
                    ) and not self._urges:
                        break
                    self._small_end = self.next + unsent
                if self._paces and not self._may_go(now, unsent):
                    break
                self._send(unsent, PSH | FIN if self.fin_wanted else PSH)
            elif self.fin_wanted and not self._fin_sent() and usable >= 0:
                self._send(0, FIN)
            self._window_is_not_the_limit(now)
            break
        if self.next != first or self._rearm:
            self.arm(now)
        elif self.timer.deadline is None and (self.unsent or self.outstanding):
            # Nothing on its way and nothing may go: the persist timer (RFC 9293, 3.8.6.1).
            self.timer.start(now + (_CORK_CEILING if self.corked and self.window else self.round_trip.rto))

    def _window_is_not_the_limit(self, now: int) -> None:
        """The program has nothing more to send: a window that stays unused means less (RFC 2861, 3.1).

        As on Linux, it keeps its meaning while acknowledgements come.
        """
        on_their_way = self.next - self.unacked
        rack = self.recovery.rack
        doing = HELD_BY_BUFFER if on_their_way * 3 > self.limit * 2 else BUSY
        if self.figures.kind != doing and on_their_way:
            self.figures.turn(doing, now)
        if self.rate is not None:
            self.rate.app_limited(self.in_flight)
        if on_their_way > self._used:
            self._used = on_their_way
        if on_their_way + self.mss > self.congestion.window:
            self._used = 0
            self.used_since = now
        elif now - max(self.used_since, rack.sent + rack.rtt) > self.round_trip.rto:
            if (
                self.used_since
                and self._connection.tcp.settings.slow_start_after_idle
                and self.recovery.state is OPEN
                and self._used < self.congestion.window
            ):
                self.congestion.unused(self._used)
            self._used = 0
            self.used_since = now

    @property
    def _urges(self) -> bool:
        """Whether urgent data are on their way or to be sent."""
        end = self._connection.output.urgent
        return end is not None and end > self.unacked

    def _fin_sent(self) -> bool:
        return self._connection.fin_sent

    def _send(self, size: int, flags: int) -> None:
        connection = self._connection
        payload = self.take(size) if size else b""
        sequence = self.next
        now = self._engine.now
        end = sequence + size
        if flags & FIN:
            end += 1
            connection.fin_sent = True
            self.figures.bare_fin = not size
        self.next = end
        segment = Segment(sequence, end, flags, payload, now)
        if self.board is not None:
            self.board.sent(segment)
            if self.rate is not None:
                self.rate.sent(segment, now, self.in_flight)
        if not self.outstanding:
            self.rto_at = now + self.round_trip.rto
            if not self.figures.kind:
                self.figures.turn(BUSY, now)
        self.outstanding.append(segment)
        self.last_sent = now
        flags |= ACK
        ecn = connection.ecn
        if ecn is not None and size:
            if ecn.reduced:
                ecn.reduced = False
                flags |= CWR
            connection.output.transmit(sequence, flags, payload, True)
        else:
            connection.output.transmit(sequence, flags, payload)
        if flags & FIN:
            fin_sent(connection)

    def send_syn(self, flags: int, payload: bytes = b"") -> None:
        """Send SYN or SYN-ACK, and keep it for retransmission; data with it are a segment of their own."""
        connection = self._connection
        now = connection.tcp.engine.now
        sequence = self.next
        self.outstanding.append(Segment(sequence, sequence + 1, flags, b"", now))
        self.next += 1
        if payload:
            self.outstanding.append(Segment(self.next, self.next + len(payload), PSH, payload, now))
            self.next += len(payload)
        self.rto_at = now + self.round_trip.rto
        self.timer.start(self.rto_at)
        connection.output.transmit_syn(sequence, flags, offer(connection), payload)

    # Pace

    def _may_go(self, now: int, size: int) -> bool:
        """Whether the pace lets a segment go now; otherwise it is looked at again when it does."""
        rate = self.pacing_rate
        if not rate:
            return True
        if self._release > now:
            if self._pacer is None:
                self._pacer = Timer(self._connection.tcp.engine, self._paced)
            if self._pacer.deadline != self._release:
                self._pacer.start(self._release)
                self._tell_pace(rate)
            return False
        self._release = now + size * _S // rate
        return True

    @property
    def pacing_rate(self) -> int:
        """Bytes a second at which segments may leave; 0 is as fast as the windows allow."""
        rate, limit = self.congestion.pacing_rate, self.pacing_limit
        return min(rate, limit) if rate and limit else rate or limit

    def _paced(self) -> None:
        if self._connection.state is not State.CLOSED:
            self.push()

    def _tell_pace(self, rate: int) -> None:
        """Tell observers that a segment is held back."""
        connection = self._connection
        engine = connection.tcp.engine
        if Paced in engine.events.wanted:
            engine.events.tell(Paced(engine.now, connection.tcp.host, connection.name, self._release, rate))

    def limit_pace(self, rate: int) -> None:
        """No more than `rate` bytes a second (SO_MAX_PACING_RATE); 0 is no limit."""
        self.pacing_limit = rate
        self._paces = bool(rate) or self.congestion.samples

    # Congestion control

    def choose(self, name: str) -> None:
        """Let the controller of this name decide from now on, unless it does already."""
        if name != self.congestion.name:
            settings = self._connection.tcp.settings
            self.control(CONTROLLERS[name](self.mss, settings.initial_window))

    def control(self, congestion: CongestionControl) -> None:
        """Let another controller decide from now on (TCP_CONGESTION)."""
        from glassnet.transport.tcp.rate import DeliveryRate

        before, self.congestion = self.congestion, congestion
        if before is not congestion and self.next != self.initial:
            congestion.window, congestion.threshold = before.window, before.threshold
        self._paces = congestion.samples or bool(self.pacing_limit)
        self.rate = None
        if congestion.samples:
            self.rate = DeliveryRate()
            now = self._connection.tcp.engine.now
            for segment in self.outstanding:
                self.rate.sent(segment, now, self.in_flight)
        if congestion.samples or congestion.marks:
            self.watch()

    def watch(self) -> Scoreboard:
        """The scoreboard, made if there is none."""
        board = self.board
        if board is None:
            board = self.board = Scoreboard(self.outstanding, self.next)
            board.highest = self.unacked
        return board

    # Acknowledgements

    def set_window(self, sequence: int, acknowledgment: int, window: int) -> bool:
        """Update SND.WND unless the segment is older than the last that did; True if it changed."""
        if self._window_sequence < sequence or (
            self._window_sequence == sequence and self._window_acknowledgment <= acknowledgment
        ):
            self._window_sequence = sequence
            self._window_acknowledgment = acknowledgment
            before = self.window
            if window != before:
                self.window = window
                if window > self.window_max:
                    self.window_max = window
                if not window or not before:
                    self._connection.tell_receive_window("peer", window)
                return True
        return False

    def window_opened(self) -> None:
        """The closed window is open again: what was sent as a probe was not taken, so send it anew."""
        self.round_trip.forgive()
        self.started_waiting = None
        if self.outstanding:
            self.recovery.lose_all("window probe")
            self.rto_at = self._connection.tcp.engine.now + self.round_trip.rto
            self.timer.start(self.rto_at)
        else:
            self.timer.stop()

    def open(self, sequence: int, acknowledgment: int, window: int) -> None:
        """The handshake is over: the first window counts whatever came before."""
        self._window_sequence = sequence
        self._window_acknowledgment = acknowledgment
        self.window = window
        self.window_max = max(window, 1)
        if not window:
            self._connection.tell_receive_window("peer", 0)
        if self.board is not None:
            self.board = None
            self.watch()  # without the SYN
        if self.tuned:
            most = self._connection.tcp.settings.send_buffer_max
            self.limit = max(self.limit, min(2 * self.congestion.window, most))
        now = self._connection.tcp.engine.now
        self.figures.opened = now
        self.figures.turn(IDLE, now)
        if self.retransmissions:
            self.figures.repeated_syns = self.retransmissions
            if self.figures.in_a_row:
                self.figures.answered(now)
            self.congestion.window = self.mss  # RFC 5681, 3.1: a lost SYN was a first sign
            self.round_trip.fall_back()

    def acknowledged(self, acknowledgment: int, echo: int) -> None:
        """New data is acknowledged, and all is in order: SND.UNA < `acknowledgment` <= SND.NXT.

        `echo` is the timestamp that the peer echoes, or -1.
        """
        engine = self._engine
        now = engine.now
        unacked = self.unacked
        size = acknowledgment - unacked
        in_flight = self.next - unacked
        self.unacked = acknowledgment
        outstanding = self.outstanding
        measured = -1
        resent = False
        segment = None
        while outstanding:
            segment = outstanding[0]
            if segment.end > acknowledgment:
                if segment.sequence < acknowledgment:
                    self.shorten(segment, acknowledgment)
                break
            outstanding.popleft()
            if segment.retransmitted:
                resent = True
            measured = now - segment.sent
        recovery = self.recovery
        if measured >= 0 and not resent:
            rack = recovery.rack
            rack.sent = now - measured
            rack.end = acknowledgment
            rack.rtt = measured
        if resent:
            # Karn's algorithm: which sending is acknowledged only a timestamp can tell.
            measured = self._connection.output.age(echo) if echo >= 0 else -1
        trip = self.round_trip
        if measured >= 0:
            trip.sample(measured, now)
            if RoundTripMeasured in engine.events.wanted:
                self._tell_round_trip(measured)
        self.started_waiting = None
        congestion = self.congestion
        window = congestion.window
        limited = in_flight + self.mss > window or (
            window < congestion.threshold and in_flight + in_flight > window
        )
        congestion.acknowledged(now, size, measured, limited, acknowledgment, self.next)
        if self.tuned and congestion.window + congestion.window > self.limit:
            self.grow()
        if outstanding:
            self.rto_at = now + trip.rto
            if self.unsent:
                self._rearm = True
            else:
                self.arm(now)
        else:
            self.timer.deadline = None
            if not self.unsent:
                self.figures.turn(IDLE, now)

    def measured(self, measured: int, now: int) -> None:
        """A round trip took `measured` nanoseconds."""
        self.round_trip.sample(measured, now)
        if RoundTripMeasured in self._connection.tcp.engine.events.wanted:
            self._tell_round_trip(measured)

    def _tell_round_trip(self, measured: int) -> None:
        tcp, trip = self._connection.tcp, self.round_trip
        tcp.engine.events.tell(
            RoundTripMeasured(
                tcp.engine.now,
                tcp.host,
                self._connection.name,
                measured,
                trip.smoothed,
                trip.variation,
                trip.rto,
            )
        )

    def grow(self) -> None:
        """Let the buffer hold two windows: one on its way, one to follow."""
        most = self._connection.tcp.settings.send_buffer_max
        self.limit = max(self.limit, min(2 * self.congestion.window, most))

    def shorten(self, segment: Segment, acknowledgment: int) -> None:
        """The first part of a segment is acknowledged."""
        before = segment.sequence
        cut = acknowledgment - before
        if segment.flags & SYN:
            segment.flags &= ~SYN
            cut -= 1
        segment.payload = segment.payload[cut:]
        if not segment.payload:
            segment.flags &= ~PSH
        segment.sequence = acknowledgment
        if segment.lost:
            self.lost -= acknowledgment - before
        if segment.sacked:
            self.sacked -= acknowledgment - before
        if self.board is not None:
            self.board.moved(segment, before)

    # Timers

    def arm(self, now: int) -> None:
        """Wait for what is on its way: for the retransmission timeout, or what is due before it."""
        self._rearm = False
        when = self.rto_at
        if self.board is None and self.round_trip.smoothed:
            if self._connection.probes:
                early = now + self.round_trip.probe
                if len(self.outstanding) == 1:
                    early += MOST_DELAYED_ACK
                if early < when:
                    when = early
        else:
            early = self.recovery.due(now)
            if early and early < when:
                when = early
        timer = self.timer
        timer.deadline = when
        if timer.armed is None or when < timer.armed:
            timer.start(when)

    def _expired(self) -> None:
        connection = self._connection
        if connection.state is State.CLOSED:
            return
        now = connection.tcp.engine.now
        recovery = self.recovery
        if not self.outstanding:
            if self.corked and self.unsent and self.unsent <= min(self.window, self.mss):
                self._send(self.unsent, PSH)
                self.arm(now)
            else:
                self._probe_window()
        elif (
            not self.window
            or self.outstanding[0].flags & SYN
            or (now >= self.rto_at and not recovery.may_probe)
        ):
            self._timeout()
        elif recovery.reordering_until:
            recovery.reordering_over()
        else:
            # Also when the timeout is due first: the probe goes then (RFC 8985, 7.2).
            recovery.probe_tail()

    def _timeout(self) -> None:
        connection = self._connection
        first = self.outstanding[0]
        again = self.started_waiting is not None
        if self.started_waiting is None:
            self.started_waiting = first.sent
        if connection.peer_is_silent(self.started_waiting):
            return
        if first.flags & SYN:
            self.figures.timed_out(connection.tcp.engine.now)
            self.round_trip.back_off()
            self.resend(first, "SYN")
            self._wait_for_answer()
            return
        if self.window == 0:
            # The window closed over what was sent: this is a probe, and says nothing about congestion.
            self.figures.probes = self.figures.probes + 1 if again else 2  # the first was the byte itself
            self.round_trip.back_off()
            self.resend(first, "window probe")
            self._wait_for_answer()
            return
        if again and self.recovery.resent_at is not None:
            suspect(connection, self.recovery.resent_at)
        self.figures.timed_out(connection.tcp.engine.now)
        self.recovery.timed_out(again)
        self.round_trip.back_off()
        self._wait_for_answer()
        self._resend_lost()

    def _wait_for_answer(self) -> None:
        """Start the retransmission timer, but not beyond the user timeout."""
        connection = self._connection
        deadline = connection.tcp.engine.now + self.round_trip.rto
        if connection.user_timeout and self.started_waiting is not None:
            deadline = min(deadline, self.started_waiting + connection.user_timeout)
        self.rto_at = deadline
        self.timer.start(deadline)

    def _probe_window(self) -> None:
        """The persist timer: one byte beyond the window (RFC 9293, 3.8.6.1)."""
        if self.unsent or (self.fin_wanted and not self._fin_sent()):
            usable = self.window
            self.round_trip.back_off()
            if self.unsent:
                # Silly-window avoidance's override timer sends what fits; a closed window gets one byte.
                size = min(max(usable, 1), self.unsent, self.mss)
                self._send(size, 0 if size < self.unsent else PSH)
                self._small_end = self.next
            else:
                self._send(0, FIN)
            self.rto_at = self._connection.tcp.engine.now + self.round_trip.rto
            self.timer.start(self.rto_at)

    def send_new(self) -> bool:
        """Send one segment of new data past the congestion window, if the peer's lets it (RFC 8985, 7.3)."""
        size = min(self.unsent, self.mss)
        if not size or size > self.window - self.next + self.unacked:
            return False
        self._send(size, PSH if size == self.unsent else 0)
        return True

    def send_probe(self, size: int) -> Segment:
        """Send `size` bytes of new data in one segment, to see whether it arrives (RFC 4821, 7.3)."""
        self._send(size, 0)
        return self.outstanding[-1]

    # Sending again

    def _resend_lost(self) -> bool:
        """Send lost segments again as the windows allow; True when none is left."""
        board = self.watch()
        while segment := board.next_lost():
            if len(segment.payload) > self.mss:
                self._split(segment)
            size = segment.end - segment.sequence
            in_flight = self.in_flight
            if in_flight and in_flight + size > self.congestion.window:
                return False
            if segment.end > self.unacked + max(self.window, 1) and in_flight:
                return False
            if self._paces and not self._may_go(self._connection.tcp.engine.now, size):
                return False
            self.resend(segment, self.recovery.cause)
        return True

    def resend(self, segment: Segment, cause: str) -> None:
        """Send a segment again, and tell observers why."""
        connection = self._connection
        engine = connection.tcp.engine
        now = engine.now
        if len(segment.payload) > self.mss:
            self._split(segment)
        size = segment.end - segment.sequence
        segment.retransmitted = True
        segment.sent = now
        self.last_sent = now
        self.retransmissions += 1
        self.bytes_retransmitted += size
        if segment.lost:
            segment.lost = False
            self.lost -= size
        if self.board is not None:
            if not segment.sacked:
                self.board.resent(segment)
            if self.rate is not None:
                self.rate.sent(segment, now, self.in_flight)
        self.recovery.resent(now, segment.end)
        if self.mtu_probing is not None:
            self.mtu_probing.resent()
        if segment.flags & SYN:
            connection.output.transmit_syn(segment.sequence, segment.flags, offer(connection))
        else:
            connection.output.transmit(segment.sequence, segment.flags | ACK, segment.payload)
        self.tell_resent(segment.sequence, len(segment.payload), cause)

    def tell_resent(self, sequence: int, length: int, cause: str) -> None:
        """Tell observers of a segment that was sent again."""
        connection = self._connection
        engine = connection.tcp.engine
        if Retransmission in engine.events.wanted:
            engine.events.tell(
                Retransmission(
                    engine.now,
                    connection.tcp.host,
                    connection.name,
                    sequence & 0xFFFFFFFF,
                    length,
                    cause,
                )
            )

    def _split(self, segment: Segment) -> None:
        """Cut the first part out of a segment that has become too large for the path."""
        mss = self.mss
        rest = Segment(
            segment.sequence + mss, segment.end, segment.flags, segment.payload[mss:], segment.sent
        )
        rest.retransmitted = segment.retransmitted
        rest.lost = segment.lost
        rest.sacked = segment.sacked
        if self.rate is not None:
            self.rate.sent(rest, segment.sent, self.in_flight)
        segment.payload = segment.payload[:mss]
        segment.end = segment.sequence + mss
        segment.flags &= ~(FIN | PSH)
        self.outstanding.insert(self.outstanding.index(segment) + 1, rest)
        if self.board is not None:
            self.board.split(segment, rest)

    def tell_window(self, cause: str) -> None:
        """Tell observers of the congestion window."""
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
                    min(congestion.threshold, UNLIMITED),
                    cause,
                )
            )

    def set_mss(self, mss: int) -> None:
        """The path takes segments of `mss` bytes now."""
        self.mss = mss
        self.congestion.set_mss(mss)

    def raise_mss(self, mss: int) -> None:
        """Segments of `mss` bytes, more than before, have arrived: the window stays as many bytes."""
        self.mss = self.congestion.mss = mss

    def stop(self) -> None:
        """The connection is over: forget everything."""
        self.timer.stop()
        self.figures.turn(IDLE, self._connection.tcp.engine.now)
        if self._pacer is not None:
            self._pacer.stop()
        if self.mtu_probing is not None:
            self.mtu_probing.stop()
        self._chunks.clear()
        self.outstanding.clear()
        self.board = None
        self.unsent = self.lost = self.sacked = 0
        self._offset = 0
