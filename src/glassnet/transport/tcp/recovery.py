"""Loss recovery: finding what is lost, sending it again at the right pace, and taking back mistakes.

The states are those of production stacks: Open, Disorder, CWR, Recovery and Loss. How a
loss is found: by RACK (RFC 8985) where the peer sends SACK, else by duplicate
acknowledgements (RFC 5681, 6582); by a tail loss probe (RFC 8985, 7); by the timeout (RFC
6298), which F-RTO may find to be spurious (RFC 5682). In Recovery and CWR the window comes
down in proportion to what is delivered (RFC 6937). A reduction is undone when timestamps
(RFC 3522, 4015) or D-SACK (RFC 2883) show that nothing was lost.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from glassnet.transport.tcp.events import RecoveryEntered, RecoveryLeft
from glassnet.transport.tcp.figures import IDLE
from glassnet.transport.tcp.rack import Rack
from glassnet.transport.tcp.scoreboard import Segment
from glassnet.wire.tcp import SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.sender import Sender

__all__ = ["MOST_DELAYED_ACK", "CaState", "Recovery"]

Block = tuple[int, int]

_MS = 10**6
MOST_DELAYED_ACK = 200 * _MS
"""WCDelAckT of RFC 8985, 7.2: how long a peer may keep an acknowledgement, in nanoseconds."""

_FIRST_PROBE = 10**9  # RFC 8985, 7.2: without a round-trip time


class CaState(Enum):
    """What the sender thinks of the path; the values are those of tcpi_ca_state."""

    OPEN = 0
    DISORDER = 1
    CWR = 2
    RECOVERY = 3
    LOSS = 4

    def __str__(self) -> str:
        return _NAMES[self.value]


_NAMES = ("Open", "Disorder", "CWR", "Recovery", "Loss")

OPEN, DISORDER, CWR = CaState.OPEN, CaState.DISORDER, CaState.CWR
RECOVERY, LOSS = CaState.RECOVERY, CaState.LOSS


class Recovery:
    """One connection's dealings with loss. Sizes are bytes, times nanoseconds.

    `point` is RecoveryPoint: SND.NXT when the state was entered. `cause` is why. `prefers_new`
    says that new data go before what is lost (RFC 5682, 2.1, step 2b). `reordering_until` is
    when RACK looks again (0: not). `dsacks` counts what was delivered twice.
    """

    __slots__ = (
        "_before",
        "_connection",
        "_duplicates",
        "_flight",
        "_frto",
        "_out_before",
        "_pipe_before",
        "_prior",
        "_prr_delivered",
        "_resent",
        "_resent_end",
        "_sender",
        "_tail_end",
        "_tail_resent",
        "_undo_from",
        "cause",
        "dsacks",
        "point",
        "prefers_new",
        "rack",
        "reordering_until",
        "resent_at",
        "state",
    )

    def __init__(self, connection: Connection, sender: Sender, start: int) -> None:
        self._connection = connection
        self._sender = sender
        self.state = OPEN
        self.cause = ""
        self.point: int = start
        self.rack = Rack()
        self.reordering_until = 0
        self.prefers_new = False
        self.dsacks = 0
        self._duplicates = 0
        self._before = start  # SND.UNA before the present acknowledgement
        self._flight = 1  # on its way before the present acknowledgement, lost segments included
        self._frto = False
        self._prr_delivered = 0
        self._pipe_before = 1
        self._out_before = 0
        self._prior: tuple[int, int] | None = None  # window and threshold, to be restored
        self._undo_from = 0
        self._resent = 0  # segments sent again in this recovery, less those that D-SACK says were needless
        self._resent_end = start  # where the first of them ends
        self.resent_at: int | None = None  # when the first of them was
        self._tail_end: int | None = None
        self._tail_resent = False

    @property
    def recovering(self) -> bool:
        """Whether losses are being repaired."""
        return self.state is RECOVERY or self.state is LOSS

    @property
    def may_probe(self) -> bool:
        """Whether a tail loss probe comes before the timeout: one for a tail (RFC 8985, 7.2)."""
        connection = self._connection
        return (
            self.state is OPEN
            and self._tail_end is None
            and not self.reordering_until
            and connection.probes
            and connection.established
        )

    # --- acknowledgements when not all is in order

    def acknowledged(
        self,
        acknowledgment: int,
        echo_delay: int,
        blocks: tuple[Block, ...],
        duplicate: bool,
        marked: bool,
    ) -> None:
        """Take in an acknowledgement: SND.UNA <= `acknowledgment` <= SND.NXT.

        `blocks` are its SACK blocks as absolute numbers, `duplicate` whether it is a duplicate as
        RFC 5681, 2 defines it, `marked` whether it carries ECN-Echo.
        """
        sender = self._sender
        connection = self._connection
        now = connection.tcp.engine.now
        board = sender.watch()
        sack = connection.sack
        pipe = sender.in_flight
        self._flight = pipe + sender.lost
        delivered = sender.delivered
        unacked = self._before = sender.unacked
        rate = sender.rate
        advanced = acknowledgment > unacked
        original = False  # something arrived that was sent only once
        shortest = -1
        fresh: list[Segment] = []
        doubled = False

        # What the peer has, out of order.
        if blocks:
            first = blocks[0]
            if first[0] < acknowledgment or (
                len(blocks) > 1 and blocks[1][0] <= first[0] and first[1] <= blocks[1][1]
            ):
                doubled = True
                self._doubled(first, acknowledgment)
                blocks = blocks[1:]
            for start, end in blocks:
                if unacked <= start < end <= sender.next and end > acknowledgment:
                    fresh += board.sack(max(start, unacked), end)
            for segment in fresh:
                size = segment.end - segment.sequence
                sender.sacked += size
                segment.sacked = True
                if segment.lost:
                    segment.lost = False
                    sender.lost -= size
                if self._arrived(segment, now, -1) and segment.end <= self.point:
                    original = True
                if not segment.retransmitted and (shortest < 0 or now - segment.sent < shortest):
                    shortest = now - segment.sent
                if rate is not None:
                    rate.taken(segment, now)

        # What it has in order.
        measured = -1
        resent = False
        if advanced:
            sender.unacked = acknowledgment
            outstanding = sender.outstanding
            while outstanding:
                segment = outstanding[0]
                if segment.end > acknowledgment:
                    if segment.sequence < acknowledgment:
                        sender.shorten(segment, acknowledgment)
                    break
                outstanding.popleft()
                board.acknowledged(segment)
                size = segment.end - segment.sequence
                if segment.lost:
                    sender.lost -= size
                    segment.lost = False
                if segment.sacked:
                    sender.sacked -= size
                else:
                    if self._arrived(segment, now, echo_delay) and segment.end <= self.point:
                        original = True
                    if rate is not None:
                        rate.taken(segment, now)
                    measured = now - segment.sent
                    resent = resent or segment.retransmitted  # Karn: then what followed waited for it
            board.advance(acknowledgment)
            sender.started_waiting = None
            if sender.figures.in_a_row:
                sender.figures.answered(now)
            self._duplicates = 0
            if not sack and sender.sacked:
                # A hole was filled: the peer's duplicates stood for what follows it, less one.
                left = max(sender.sacked - (acknowledgment - unacked) + sender.mss, 0)
                sender.sacked = min(sender.sacked, left, sender.next - acknowledgment - sender.lost)
            if resent:
                # The peer's echo tells which sending it was, unless it had it all along and its ACK was lost.
                measured = -1 if doubled else echo_delay
            elif measured < 0:
                measured = shortest if shortest >= 0 else echo_delay
            if measured >= 0:
                sender.measured(measured, now)
        elif shortest >= 0:
            sender.measured(shortest, now)
        if duplicate and not sack:
            self._duplicates += 1
            sender.sacked += max(min(sender.mss, sender.in_flight), 0)
        delivered = max(sender.delivered - delivered, 0)
        if board.highest < acknowledgment:
            board.highest = acknowledgment

        congestion = sender.congestion
        if congestion.marks:
            congestion.marked(delivered, marked, acknowledgment, sender.next)
        self._tail_answered(acknowledgment, duplicate and not fresh and not blocks, doubled, now)
        lost_before = sender.lost
        reducing = self.state is RECOVERY or self.state is CWR
        self._progress(advanced, original, duplicate or bool(fresh), now, echo_delay if advanced else -1)
        found = max(sender.lost - lost_before, 0)
        if marked and connection.ecn is not None:
            sender.figures.marked += delivered
            self._congestion_seen(now)

        if rate is not None:
            sample = rate.sample(
                now, delivered, found, sender.in_flight, pipe, measured if advanced else shortest,
                self.recovering, sender.round_trip.least,
            )  # fmt: skip
            if sample is not None:
                congestion.sampled(sample)
        elif self.state is RECOVERY or self.state is CWR:
            self._reduce(delivered, found, advanced)
        elif delivered and advanced and not reducing:
            window = congestion.window
            limited = pipe + sender.mss > window or (window < congestion.threshold and 2 * pipe > window)
            congestion.acknowledged(now, delivered, measured, limited, acknowledgment, sender.next)
            sender.used_since = now
        if sender.tuned and congestion.window + congestion.window > sender.limit:
            sender.grow()

        probing = sender.mtu_probing
        if probing is not None and probing.searching and advanced:
            probing.acknowledged(now)
        if not sender.outstanding:
            sender.timer.stop()
            if not sender.unsent:
                sender.figures.turn(IDLE, now)
        elif advanced or shortest > now - sender.outstanding[0].sent:
            sender.rto_at = now + sender.round_trip.rto
            sender.arm(now)
        elif self.reordering_until:
            sender.arm(now)
        if sender.sacked or sender.lost or self.state is not OPEN:
            board.until = sender.next
        elif not (
            sender.unacked < board.until
            or self._tail_end
            or rate
            or congestion.marks
            or (probing is not None and probing.searching)
        ):
            sender.board = None

    def _arrived(self, segment: Segment, now: int, echo_delay: int) -> bool:
        """A segment is known to have arrived; True if it was sent only once."""
        board = self._sender.board
        assert board is not None
        rack = self.rack
        if segment.retransmitted:
            # Was it the first sending or the second? (RFC 8985, 6.2, step 2)
            if now - segment.sent < self._sender.round_trip.least or (
                echo_delay >= 0 and echo_delay // _MS > (now - segment.sent) // _MS
            ):
                return False
            rack.delivered(segment.sent, segment.end, now)
            if segment.end > board.highest:
                board.highest = segment.end
            return False
        rack.delivered(segment.sent, segment.end, now)
        if segment.end > board.highest:
            board.highest = segment.end
        elif segment.end < board.highest:
            rack.late(board.highest - segment.sequence)
        return True

    def _doubled(self, block: Block, acknowledgment: int) -> None:
        """A D-SACK: the peer had this stretch already (RFC 2883)."""
        self.dsacks += 1
        sender = self._sender
        self.rack.duplicated(acknowledgment, sender.next)
        if self._prior is not None and self._undo_from <= block[0] and self._resent > 0:
            self._resent -= max((block[1] - block[0]) // sender.mss, 1)

    # --- what the state makes of it

    def _progress(self, advanced: bool, original: bool, more: bool, now: int, echo_delay: int) -> None:
        sender = self._sender
        state = self.state
        if state is RECOVERY or state is CWR:
            # Without SACK, wait for one beyond: late duplicates would look like another loss (RFC 6582, 3.2).
            over = sender.unacked >= self.point if self._connection.sack else sender.unacked > self.point
            if over or not sender.outstanding:
                if not self._undo(echo_delay):
                    self._complete()
            elif self._undo(echo_delay):
                pass
            elif state is RECOVERY and advanced and not self._connection.sack:
                self._lose_first("partial ACK")
        elif state is LOSS:
            self._in_loss(advanced, original, more, echo_delay)
        elif self._prior is not None and self._undo(echo_delay):
            pass
        self._find_losses(now)
        if self.state is OPEN or self.state is DISORDER:
            self.state = DISORDER if sender.sacked or sender.lost else OPEN

    def _find_losses(self, now: int) -> None:
        sender = self._sender
        connection = self._connection
        settings = connection.tcp.settings
        board = sender.board
        assert board is not None
        self.reordering_until = 0
        found = False
        if connection.sack:
            if settings.rack:
                found = self._rack_losses(now)
            elif sender.sacked > (settings.reordering - 1) * sender.mss:
                found = self._duplicate_losses()
        elif (
            self._duplicates >= settings.reordering
            and self.state in (OPEN, DISORDER, CWR)
            and (sender.unacked > self.point or self.point == sender.initial or self.state is CWR)
        ):
            found = self._lose_first("duplicate ACKs")
        if found and self.state in (OPEN, DISORDER, CWR):
            if sender.mtu_probing is not None and self.state is not CWR and sender.mtu_probing.failed():
                self.cause = "path MTU"
                if not connection.sack:
                    self.point = sender.next  # further duplicates tell of the same loss
            else:
                self._enter(RECOVERY, self.cause)

    def _rack_losses(self, now: int) -> bool:
        sender = self._sender
        board = sender.board
        assert board is not None
        rack = self.rack
        if rack.sent < 0:
            return False
        eager = self.recovering or sender.sacked > (self._connection.tcp.settings.reordering - 1) * sender.mss
        trip = sender.round_trip
        lost, wait = rack.losses(board.by_time, rack.window(trip.least, trip.smoothed, eager), now)
        for segment in lost:
            self._lose(segment)
        if wait:
            self.reordering_until = now + wait
        if lost:
            self.cause = "RACK"
        return bool(lost)

    def _duplicate_losses(self) -> bool:
        """IsLost of RFC 6675, 4: enough has arrived beyond it."""
        sender = self._sender
        enough = (self._connection.tcp.settings.reordering - 1) * sender.mss
        beyond = sender.sacked
        found = False
        for segment in sender.outstanding:
            if segment.sacked:
                beyond -= segment.end - segment.sequence
            if beyond <= enough:
                break
            if not segment.sacked and not segment.lost and not segment.retransmitted:
                self._lose(segment)
                found = True
        if found:
            self.cause = "duplicate ACKs"
        return found

    def _lose(self, segment: Segment) -> None:
        sender = self._sender
        board = sender.board
        assert board is not None
        segment.lost = True
        sender.lost += segment.end - segment.sequence
        board.lose(segment)

    def _lose_first(self, cause: str) -> bool:
        """The first segment on its way is lost (RFC 6582, 3.2)."""
        outstanding = self._sender.outstanding
        if not outstanding or outstanding[0].lost or outstanding[0].sacked:
            return False
        sender = self._sender
        size = outstanding[0].end - outstanding[0].sequence
        if not self._connection.sack:
            # It cannot be among those that the duplicates stand for.
            sender.sacked = max(min(sender.sacked, sender.next - sender.unacked - sender.lost - size), 0)
        self.cause = cause
        self._lose(outstanding[0])
        return True

    def lose_probe(self, segment: Segment) -> None:
        """A segment on its way is known to be too big for the path (RFC 4821, 7.4)."""
        self._sender.watch().until = self._sender.next
        self.cause = "path MTU"
        if not segment.lost and not segment.sacked:
            self._lose(segment)

    def lose_all(self, cause: str) -> None:
        """Believe everything that is on its way to be gone."""
        sender = self._sender
        board = sender.watch()
        self.cause = cause
        if not self._connection.sack:
            sender.sacked = 0
        for segment in sender.outstanding:
            if not segment.lost and not segment.sacked:
                segment.lost = True
                sender.lost += segment.end - segment.sequence
                board.lose(segment)
        board.until = sender.next

    # --- entering and leaving

    def _enter(self, state: CaState, cause: str) -> None:
        """Begin Recovery or CWR: the window shall come down to the controller's new threshold."""
        sender = self._sender
        congestion = sender.congestion
        now = self._connection.tcp.engine.now
        if self.state is not CWR:
            self._remember()
            congestion.congested(now, self._flight_size(self._before), mark=cause == "ECN")
            self._prr_delivered = 0
            self._pipe_before = max(self._flight, 1)
            self._out_before = sender.next + sender.bytes_retransmitted
        self.state = state
        self.point = sender.next
        self.cause = cause
        self._tail_end = None
        self._told_entered(state, cause)

    def _flight_size(self, unacked: int) -> int:
        """FlightSize of RFC 5681; what limited transmit added does not count (RFC 3042)."""
        sender = self._sender
        return min(sender.congestion.window, sender.next - unacked)

    def _remember(self) -> None:
        congestion = self._sender.congestion
        self._prior = (congestion.window, congestion.threshold)
        self._undo_from = self._sender.unacked
        self._resent = 0
        self.resent_at = None

    def _complete(self) -> None:
        """All that was on its way at the time is accounted for."""
        sender = self._sender
        if sender.rate is None:
            sender.congestion.recovered()
        self.rack.recovered()
        self._leave("complete")
        if self._resent <= 0:
            self._prior = None  # otherwise a D-SACK may still tell that it was a mistake

    def _leave(self, why: str) -> None:
        before = self.state
        sender = self._sender
        if not self._connection.sack:
            sender.sacked = 0
            self._duplicates = 0
        self.state = DISORDER if sender.sacked or sender.lost else OPEN
        self._frto = False
        self.prefers_new = False
        sender.tell_window("recovered" if why == "complete" else f"undone: {why}")
        self._told_left(before, why)

    def _undo(self, echo_delay: int) -> bool:
        """Take back the reduction if nothing was lost: by the echo, or D-SACKs for all that was resent."""
        if self._prior is None or self.resent_at is None:
            return False
        now = self._connection.tcp.engine.now
        # RFC 3522, 3.2: what was acknowledged had been sent before it was sent again. Only the
        # acknowledgement of that segment tells so, not one that stops short of it.
        if (
            echo_delay >= 0
            and self._sender.unacked >= self._resent_end
            and now // _MS - echo_delay // _MS < self.resent_at // _MS
        ):
            why = "timestamp"
        elif self._resent == 0:
            why = "D-SACK"
        else:
            return False
        self._restore(why)
        return True

    def _restore(self, why: str) -> None:
        sender = self._sender
        assert self._prior is not None
        board = sender.board
        if sender.lost and board is not None:
            for segment in sender.outstanding:
                if segment.lost:
                    segment.lost = False
                    board.found(segment)
            sender.lost = 0
        sender.congestion.undo(*self._prior)
        sender.round_trip.forgive()
        self._prior = None
        self._leave(why)

    # --- the timeout

    def timed_out(self, again: bool) -> None:
        """The retransmission timer expired: Loss begins, with slow start (RFC 6298, 5; RFC 5681, 3.1)."""
        sender = self._sender
        settings = self._connection.tcp.settings
        now = self._connection.tcp.engine.now
        board = sender.watch()
        first = sender.outstanding[0]
        state = self.state
        # The same loss reduces the threshold once only (RFC 5681, 3.1).
        known = state is RECOVERY or state is CWR or (state is LOSS and again)
        if not known or self._prior is None:
            self._remember()
        sender.congestion.timed_out(now, self._flight_size(sender.unacked), again=known)
        if first.sacked:
            # The peer has reneged (RFC 2018, 8).
            for segment in sender.outstanding:
                segment.sacked = False
            board.forget_sacks()
            sender.sacked = 0
        elif not self._connection.sack:
            sender.sacked = 0
            self._duplicates = 0
        patience = self.rack.rtt if self._connection.sack and settings.rack and not again else 0
        for segment in sender.outstanding:
            if segment.sacked or segment.lost:
                continue
            # RFC 8985, 6.3: what was sent a moment ago may still arrive.
            if segment is not first and self.rack.sent >= 0 and segment.sent + patience > now:
                continue
            self._lose(segment)
        self._frto = settings.frto and (state is OPEN or state is DISORDER or state is CWR) and not again
        self.state = LOSS
        self.cause = "timeout"
        self.point = sender.next
        self.prefers_new = False
        self.reordering_until = 0
        self._tail_end = None
        board.until = sender.next
        sender.tell_window("timeout")
        self._told_entered(LOSS, "timeout")

    def _in_loss(self, advanced: bool, original: bool, more: bool, echo_delay: int) -> None:
        """RFC 5682, 3.1: was the timeout spurious? Otherwise slow start goes on until the point."""
        sender = self._sender
        self.prefers_new = False
        if (advanced or more) and self._undo(echo_delay):
            return
        if self._frto:
            if original and self._prior is not None:
                self._restore("F-RTO")  # an original arrived that would have been sent again
                return
            if sender.next > self.point:
                if more and not advanced:
                    self._frto = False  # step 3a: the loss is real
            elif advanced and sender.unacked < self.point:
                # Step 2b: new data instead of retransmissions, and see what comes of them.
                self.point = sender.next
                if sender.unsent and sender.window > sender.next - sender.unacked:
                    sender.congestion.window = max(
                        sender.congestion.window, sender.in_flight + 2 * sender.mss
                    )
                    self.prefers_new = True
                else:
                    self._frto = False
            elif more:
                self._frto = False
        if sender.unacked >= self.point and not (self._frto and sender.next > self.point):
            self.rack.recovered()
            self._prior = None if self._resent <= 0 else self._prior
            self._leave("complete")

    # --- congestion without loss

    def _congestion_seen(self, now: int) -> None:
        """ECN-Echo: react as to a loss, once a window (RFC 3168, 6.1.2)."""
        sender = self._sender
        ecn = self._connection.ecn
        assert ecn is not None
        if self.state in (OPEN, DISORDER) and (sender.unacked > self.point or self.point == sender.initial):
            self._enter(CWR, "ECN")
            self._prior = None
            ecn.reduced = True

    def _reduce(self, delivered: int, found: int, advanced: bool) -> None:
        """Proportional rate reduction with the slow-start reduction bound (RFC 6937, 3)."""
        sender = self._sender
        congestion = sender.congestion
        if delivered <= 0 and not found:
            return
        self._prr_delivered += delivered
        out = sender.next + sender.bytes_retransmitted - self._out_before
        pipe = sender.in_flight
        threshold = congestion.threshold
        if pipe > threshold:
            # Rounded up to whole segments, which is what production stacks count in.
            share = -(-self._prr_delivered * threshold // (self._pipe_before * sender.mss))
            may = share * sender.mss - out
        else:
            may = max(self._prr_delivered - out, delivered)
            if advanced and not found:
                may += sender.mss
            may = min(threshold - pipe, may)
        if not out or (advanced and not self._connection.sack):
            # The fast retransmission itself; without SACK one for each hole that shows (RFC 6582, 3.2).
            may = max(may, sender.mss)
        congestion.window = max(pipe + max(may, 0), sender.mss)

    def resent(self, now: int, end: int) -> None:
        """The segment that ends at `end` was sent again."""
        self._resent += 1
        if self.resent_at is None:
            self.resent_at = now
            self._resent_end = end

    # --- timers: the reordering window, and the tail loss probe

    def due(self, now: int) -> int:
        """When something is due before the retransmission timeout: RACK, or a probe; 0 for nothing."""
        if self.reordering_until:
            return self.reordering_until
        if self.state is not OPEN or self._tail_end is not None:
            return 0
        connection = self._connection
        if not connection.probes:
            return 0
        sender = self._sender
        trip = sender.round_trip
        if not trip.smoothed:
            return now + _FIRST_PROBE
        return now + trip.probe + (MOST_DELAYED_ACK if len(sender.outstanding) == 1 else 0)

    def reordering_over(self) -> None:
        """Nothing more came within RACK's reordering window."""
        sender = self._sender
        now = self._connection.tcp.engine.now
        before = self.state
        lost = sender.lost
        self._flight = sender.in_flight + lost
        self._before = sender.unacked
        self._find_losses(now)
        if self.state is RECOVERY and sender.lost > lost and before is not RECOVERY and sender.rate is None:
            self._reduce(0, sender.lost - lost, False)
        if sender.board is not None:
            sender.board.until = sender.next
        sender.arm(now)
        sender.push()

    def probe_tail(self) -> None:
        """Nothing came for two round trips: ask for a sign of life (RFC 8985, 7.3)."""
        sender = self._sender
        connection = self._connection
        now = connection.tcp.engine.now
        if self.may_probe and not sender.outstanding[0].flags & SYN:
            if sender.send_new():
                self._tail_resent = False
            else:
                last = sender.outstanding[-1]
                if last.end <= sender.unacked + sender.window:
                    sender.resend(last, "tail loss probe")
                self._tail_resent = True
            self._tail_end = sender.next
            sender.watch().until = sender.next
            sender.rto_at = now + sender.round_trip.rto
        sender.arm(now)

    def _tail_answered(self, acknowledgment: int, bare: bool, doubled: bool, now: int) -> None:
        """RFC 8985, 7.4.2: did the probe repair a loss?"""
        end = self._tail_end
        if end is None or acknowledgment < end:
            return
        if not self._tail_resent or doubled or (bare and acknowledgment == end):
            self._tail_end = None
        elif acknowledgment > end:
            self._tail_end = None
            if self.state is OPEN or self.state is DISORDER:
                self._enter(CWR, "tail loss probe")
                self._prior = None
                self._complete()

    # --- observers

    def _told_entered(self, state: CaState, cause: str) -> None:
        sender, connection = self._sender, self._connection
        engine = connection.tcp.engine
        if RecoveryEntered in engine.events.wanted:
            engine.events.tell(
                RecoveryEntered(
                    engine.now,
                    connection.tcp.host,
                    connection.name,
                    str(state),
                    cause,
                    self.point & 0xFFFFFFFF,
                )
            )
        if state is not LOSS:
            sender.tell_window(cause)

    def _told_left(self, state: CaState, why: str) -> None:
        connection = self._connection
        engine = connection.tcp.engine
        if RecoveryLeft in engine.events.wanted:
            engine.events.tell(
                RecoveryLeft(engine.now, connection.tcp.host, connection.name, str(state), why)
            )
