"""The receive side of a connection: reassembly, the buffer, and the window that it offers.

Sequence numbers are absolute here: Python integers that never wrap. The
connection turns the 32 bits of the header into them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassnet.transport.tcp.urgent import Mark

__all__ = ["Receiver"]

# What one out-of-order piece costs beyond its bytes; charged against the buffer, so that a
# flood of one-byte segments is bounded as well (CVE-2018-5390 is about its like).
_PIECE_OVERHEAD = 256

_MOST_SACKS = 4  # blocks that fit the options of a segment


class Receiver:
    """Bytes from the peer, in order, and those that came too early.

    `next` is RCV.NXT; `edge` is the right edge of the window as last advertised,
    which never moves back; `size` is what stands in the buffer unread, `early` how many bytes
    more wait for a gap before them to be filled; `end` is the sequence number of the peer's FIN
    once one has come. `limit` is the size of the buffer
    in bytes, `tuned` whether it may grow by itself, up to `most`. `sacks` are the stretches
    that came early, the one that changed last first (RFC 2018, 4); `doubled` is what came
    again, to be told once (RFC 2883). `space` is how much the program has read in a round trip.
    `urgent` is where urgent data end, until it is read past. `closed` says that the last window
    offered was 0, and `on_close()` is called when it becomes so.
    """

    __slots__ = (
        "_chunks",
        "_copied",
        "_early",
        "_epoch",
        "_offset",
        "acked",
        "closed",
        "doubled",
        "early",
        "early_segments",
        "edge",
        "end",
        "initial",
        "largest",
        "limit",
        "most",
        "next",
        "on_close",
        "round_trip",
        "sacks",
        "scale",
        "segment",
        "size",
        "space",
        "tuned",
        "urgent",
    )

    def __init__(self, limit: int, scale: int, segment: int) -> None:
        self.limit = limit
        self.closed = False
        self.on_close: Callable[[], object] | None = None
        self.scale = scale
        self.segment = segment  # the largest segment seen: what "full-sized" means for ACKs
        self.largest = 0xFFFF  # that the peer was told to send
        self.next = self.initial = 0
        self.edge = 0
        self.acked = 0  # RCV.NXT as last acknowledged
        self.size = 0
        self.end: int | None = None
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # bytes of the first chunk already read
        self._early: list[tuple[int, bytes]] = []  # disjoint, ascending
        self.early = 0
        self.early_segments = 0
        self.urgent: Mark | None = None
        self.sacks: list[tuple[int, int]] = []
        self.doubled: tuple[int, int] | None = None
        self.tuned = True
        self.most = limit
        self.round_trip = 0  # as the receiver sees it, ns; 0: to be measured
        self._epoch = 0
        self._copied = 0
        self.space = 0

    def open(self, sequence: int) -> None:
        """The next byte to come is `sequence`: the peer's SYN has been taken in."""
        self.next = self.acked = self.initial = sequence
        self.edge = sequence + min(self.limit, 0xFFFF)

    @property
    def unread(self) -> int:
        """The number of the next octet that the program will read."""
        return self.next - self.size - (self.end is not None and self.next > self.end)

    def octet(self, position: int) -> bytes | None:
        """The unread octet of this number, if it has come, in order or early."""
        before = position - self.unread
        if before < self.size:
            return self.peek(before + 1)[before:]
        for start, payload in self._early:
            if start <= position < start + len(payload):
                return payload[position - start : position - start + 1]
        return None

    def window(self) -> int:
        """The value for the header's window field; moves `edge` (RFC 9293, 3.8.6.2.2)."""
        free = self.limit - self.size
        next_ = self.next
        edge = next_ + free
        if edge > self.edge and (free + free >= self.limit or edge - self.edge >= self.segment):
            field = free >> self.scale
            if field > 0xFFFF:
                field = 0xFFFF
            edge = next_ + (field << self.scale)
            if edge > self.edge:
                self.edge = edge
            return field
        if edge - self.edge < self.segment and free + free < self.limit:
            # Silly window avoidance: no small steps while less than half is free.
            edge = self.edge
            if edge == next_ and not self.closed:
                self.closed = True
                if self.on_close is not None:
                    self.on_close()
        if edge < self.edge:
            edge = self.edge
        scale = self.scale
        left = edge - next_
        if edge == self.edge and left - free < (1 << scale) + (self.limit >> 3):
            # Rounded up, so that what was promised stays promised. Not where that is far more than is
            # free already: while nobody reads, small segments would move the edge on and on.
            left += (1 << scale) - 1
        field = left >> scale
        if field > 0xFFFF:
            field = 0xFFFF
        edge = next_ + (field << scale)
        if edge > self.edge:
            self.edge = edge
        return field

    def window_opened(self) -> bool:
        """Whether reading has freed so much that the peer should be told at once.

        As on Linux, that is when the window doubles; while the peer has room, the
        next acknowledgement of data will do.
        """
        left = self.edge - self.next
        window = self.limit - self.size
        if window < left + left:
            return False
        gain = min(window, 0xFFFF << self.scale) - left
        return gain >= left and (gain >= self.segment or gain + gain >= self.limit)

    def accept(self, sequence: int, payload: bytes) -> bool:
        """Take in data; True if the stream grew, False if it came early or is known.

        The caller has trimmed it to the window.
        """
        next_ = self.next
        if sequence != next_:
            if sequence > next_:
                self._keep(sequence, payload)
                return False
            self.doubled = (sequence, min(next_, sequence + len(payload)))
            payload = payload[next_ - sequence :]
            if not payload:
                return False
        self.take(payload)
        if self._early:
            self._join()
        return True

    def take(self, payload: bytes) -> None:
        """Append what comes next in the stream, when nothing has come early."""
        self._chunks.append(payload)
        size = len(payload)
        self.size += size
        self.next += size
        if size > self.segment:
            self.segment = min(size, self.largest)  # an interface may hand over several in one

    def _keep(self, sequence: int, payload: bytes) -> None:
        early = self._early
        end = sequence + len(payload)
        start = sequence
        at = bisect_left(early, (sequence,))
        if at:
            # The piece before may cover the start: what came first stays.
            before, kept = early[at - 1]
            covered = before + len(kept)
            if covered > sequence:
                self.doubled = (sequence, min(covered, end))
                if covered >= end:
                    self._tell(*self._block(at - 1))
                    return
                payload = payload[covered - sequence :]
                sequence = covered
        fresh: list[tuple[int, bytes]] = []
        index = at
        while sequence < end:
            if index < len(early) and early[index][0] < end:
                after, kept = early[index]
                if after > sequence:
                    fresh.append((sequence, payload[: after - sequence]))
                covered = after + len(kept)
                if self.doubled is None:
                    self.doubled = (after, min(covered, end))
                payload = payload[covered - sequence :] if covered < end else b""
                sequence = covered
                index += 1
            else:
                fresh.append((sequence, payload))
                break
        added = sum(len(piece) for _, piece in fresh)
        budget = self.limit - self.size + _PIECE_OVERHEAD * 64
        if self.early + added + (len(early) + len(fresh)) * _PIECE_OVERHEAD // 8 > budget:
            return  # the peer sends it again; what stands in order is worth more
        self.early += added
        self.early_segments += 1
        for piece in fresh:
            early.insert(bisect_left(early, piece[:1]), piece)
        self._tell(start, end)

    def _block(self, index: int) -> tuple[int, int]:
        """The contiguous stretch that this piece is in."""
        early = self._early
        first = last = index
        while first and early[first - 1][0] + len(early[first - 1][1]) == early[first][0]:
            first -= 1
        while last + 1 < len(early) and early[last][0] + len(early[last][1]) == early[last + 1][0]:
            last += 1
        return early[first][0], early[last][0] + len(early[last][1])

    def _tell(self, start: int, end: int) -> None:
        """Put the block that holds this stretch first (RFC 2018, 4)."""
        sacks = self.sacks
        index = 0
        while index < len(sacks):
            first, last = sacks[index]
            if first <= end and start <= last:
                start, end = min(start, first), max(end, last)
                del sacks[index]
                index = 0
            else:
                index += 1
        sacks.insert(0, (start, end))
        del sacks[_MOST_SACKS:]

    def _join(self) -> None:
        early = self._early
        taken = 0
        for sequence, payload in early:
            next_ = self.next
            if sequence > next_:
                break
            taken += 1
            self.early -= len(payload)
            if sequence < next_:
                payload = payload[next_ - sequence :]
            if payload:
                self._chunks.append(payload)
                self.size += len(payload)
                self.next = next_ + len(payload)
        del early[:taken]
        next_ = self.next
        self.sacks = [block for block in self.sacks if block[1] > next_]

    def ends(self, sequence: int) -> None:
        """The peer's FIN has this number: what came from beyond it contradicts the peer, and is dropped."""
        self.end = sequence
        early = self._early
        while early and early[-1][0] + len(early[-1][1]) > sequence:
            start, payload = early.pop()
            self.early -= len(payload)
            if start < sequence:
                early.append((start, payload[: sequence - start]))
                self.early += sequence - start
        self.sacks = [(first, min(last, sequence)) for first, last in self.sacks if first < sequence]

    def consumed(self, count: int, now: int) -> None:
        """The program has read `count` bytes: let the buffer hold twice what it reads in a round trip.

        That is what a sender needs who doubles its window in each (dynamic right-sizing).
        """
        copied = self._copied = self._copied + count
        elapsed = now - self._epoch
        if not self.round_trip or elapsed < self.round_trip:
            return
        if copied > self.space:
            wanted = 2 * copied + 16 * self.segment
            if self.space:
                wanted += wanted * (copied - self.space) // self.space  # as it grows, so will it
            self.space = copied
            if wanted > self.limit:
                self.limit = min(wanted, max(self.most, self.limit))
        self._copied = 0
        self._epoch = now
        self.round_trip = 0

    def read(self, count: int) -> bytes:
        """Take up to `count` bytes out of the buffer."""
        chunks = self._chunks
        if count >= self.size:
            if len(chunks) == 1 and not self._offset:
                data = chunks.popleft()
            else:
                if self._offset:
                    chunks[0] = chunks[0][self._offset :]
                    self._offset = 0
                data = b"".join(chunks)
                chunks.clear()
            self.size = 0
            return data
        taken: list[bytes] = []
        wanted = count
        while wanted:
            first = chunks[0]
            left = len(first) - self._offset
            if left <= wanted:
                taken.append(first[self._offset :] if self._offset else first)
                chunks.popleft()
                self._offset = 0
                wanted -= left
            else:
                taken.append(first[self._offset : self._offset + wanted])
                self._offset += wanted
                wanted = 0
        self.size -= count
        return b"".join(taken)

    def peek(self, count: int) -> bytes:
        """The next up to `count` bytes, left in the buffer."""
        taken: list[bytes] = []
        offset = self._offset
        for chunk in self._chunks:
            if count <= 0:
                break
            piece = chunk[offset : offset + count]
            offset = 0
            taken.append(piece)
            count -= len(piece)
        return b"".join(taken)

    def discard(self) -> None:
        """Throw away all that stands in the buffer and what came early."""
        self._chunks.clear()
        self._early.clear()
        self.urgent = None
        self.sacks.clear()
        self._offset = self.early = self.size = 0
