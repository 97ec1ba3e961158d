"""The ladder of a TCP connection: who sent what when, and what became of it.

This is the model: rows of plain values, for whatever draws them (`glass.drawing`
does so in a terminal). It is made from what was seen at the two ends: a segment
that left one and never came in at the other was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from glassnet.glass.segments import Conversation, Endpoint, Segment
from glassnet.glass.transits import Fate, Transit, hosts_of, transits
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG

__all__ = ["End", "Fold", "Ladder", "Mark", "Row", "fold", "ladder"]

_FLAGS: Final = (
    (SYN, "SYN"),
    (FIN, "FIN"),
    (RST, "RST"),
    (PSH, "PSH"),
    (ACK, "ACK"),
    (URG, "URG"),
    (ECE, "ECE"),
    (CWR, "CWR"),
)


class Mark(StrEnum):
    """What is worth knowing about a segment, in a word."""

    LOST = "lost"
    RETRANSMISSION = "retransmission"
    DUPLICATE_ACK = "duplicate ACK"
    REORDERED = "reordered"
    DUPLICATED = "duplicated"
    IN_FLIGHT = "in flight"
    ZERO_WINDOW = "window 0"
    WINDOW_PROBE = "window probe"
    KEEP_ALIVE = "keep-alive"
    FOREIGN = "sent by another"


@dataclass(frozen=True, slots=True)
class End:
    """One side of a ladder."""

    host: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Row:
    """One segment: `sender` and `receiver` are the hosts, `side` is 0 if the left one sent it.

    `time` is when it was sent and `arrival` when it came in (None: never, or not
    seen), both in nanoseconds. Numbers are relative to the first of their side.
    """

    time: int
    arrival: int | None
    side: int
    sender: str
    receiver: str
    flags: tuple[str, ...]
    sequence: int
    acknowledgment: int | None
    length: int
    window: int
    mss: int | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def label(self) -> str:
        """What the segment says, in full."""
        parts = [",".join(self.flags), f"seq {self.sequence}"]
        if self.acknowledgment is not None:
            parts.append(f"ack {self.acknowledgment}")
        if self.length:
            parts.append(_bytes(self.length))
        if self.mss is not None:
            parts.append(f"MSS {self.mss}")
        return "  ".join(parts)


@dataclass(frozen=True, slots=True)
class Fold:
    """A run of segments told in one line; `time` and `end` are those of its first and last row.

    `segments` and their `length` are those that carry something; `acknowledgments`
    are the others. `side` sent most of it.
    """

    time: int
    end: int
    side: int
    segments: int
    length: int
    acknowledgments: int
    marks: Mapping[Mark, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How much was folded away."""
        return ", ".join(self._parts(True))

    @property
    def brief(self) -> str:
        """The same without the acknowledgments of the segments."""
        return ", ".join(self._parts(False))

    @property
    def briefest(self) -> str:
        """How many rows, and nothing else."""
        return f"… {self.segments + self.acknowledgments} more"

    def _parts(self, fully: bool) -> Iterator[str]:
        if self.segments:
            yield f"… {_count(self.segments, 'more segment')}"
            yield _bytes(self.length)
        if fully or not self.segments:
            duplicate = self.marks.get(Mark.DUPLICATE_ACK)
            what = "ACK" if self.segments else "more ACK"
            counted = _count(self.acknowledgments, what) + (f" ({duplicate} duplicate)" if duplicate else "")
            if self.acknowledgments:
                yield counted if self.segments else f"… {counted}"
        for mark, count in self.marks.items():
            if mark is not Mark.DUPLICATE_ACK:
                yield _count(count, mark) if mark in _COUNTABLE else f"{count} {mark}"


_COUNTABLE: Final = (Mark.RETRANSMISSION, Mark.WINDOW_PROBE, Mark.KEEP_ALIVE)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The segments of one connection in the order they were sent; `ends` are left and right."""

    ends: tuple[End, End]
    rows: tuple[Row, ...]

    def count(self, mark: Mark) -> int:
        """How many segments have this mark."""
        return sum(mark in row.marks for row in self.rows)


def _bytes(count: int) -> str:
    return _count(count, "byte")


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def ladder(
    conversation: Conversation,
    *,
    hosts: Mapping[bytes, str] | None = None,
    watched: Collection[str] | None = None,
    epoch: int = 0,
) -> Ladder:
    """The ladder of one connection, from the sightings of its segments.

    `hosts` names the host of an address where that is known; `watched` are the hosts
    at which frames were looked for (those that saw a segment, unless given):
    elsewhere nothing can be said to be lost. Times are told from `epoch`.
    """
    connection, segments = conversation.connection, conversation.segments
    if watched is None:
        watched = {segment.host for segment in segments}
    names = hosts_of(connection, segments, hosts or {})
    client, server = (
        End(name or str(ip_address(endpoint.address)), str(endpoint))
        for name, endpoint in zip(names, connection, strict=True)
    )
    travelled = transits(connection, segments, names, watched)
    overtaken = _overtaken(travelled)
    sides = (_Side(client.host), _Side(server.host))
    rows = []
    for number, transit in enumerate(travelled):
        side = int(transit.segment.source != connection.client)
        row = _row(transit, side, sides[side], sides[1 - side], epoch)
        if number in overtaken:
            row = replace(row, marks=(*row.marks, Mark.REORDERED))
        rows.append(row)
    return Ladder((client, server), tuple(rows))


@dataclass(slots=True)
class _Side:
    """What one side has sent so far; sequence numbers are relative, and count on beyond 2^32."""

    host: str
    first: int | None = None
    next: int = 0
    acknowledged: int | None = None
    window: int = -1
    told: list[tuple[int, int, int]] = field(default_factory=list)
    """Arrival at the other side, acknowledgment and window of each of its segments."""

    def begin(self, first: int, following: int) -> None:
        """Count from sequence number `first`, unless a first one is known."""
        if self.first is None:
            self.first = first
            self.next = following

    def relative(self, number: int) -> int:
        """A sequence number counted from the first: of those that it may stand for, the nearest to `next`."""
        return self.next + ((number - (self.first or 0) - self.next + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def last_told(self, time: int) -> tuple[int, int]:
        """The acknowledgment and window that the other side had last heard by `time`."""
        for arrival, acknowledgment, window in reversed(self.told):
            if arrival <= time:
                return acknowledgment, window
        return 0, -1


def _row(transit: Transit, side: int, ours: _Side, theirs: _Side, epoch: int) -> Row:
    segment = transit.segment
    flags = segment.flags
    syn = bool(flags & SYN)
    ours.begin(segment.sequence if syn else segment.sequence - 1, 0 if syn else 1)
    sequence = ours.relative(segment.sequence)
    acknowledgment = None
    if flags & ACK:
        theirs.begin(segment.acknowledgment - 1, 1)
        acknowledgment = theirs.relative(segment.acknowledgment)
    marks = tuple(_marks(transit, sequence, acknowledgment, ours, theirs))  # before `ours` moves on
    if transit.sent and not flags & RST:
        ours.next = max(ours.next, sequence + segment.taken)
        if acknowledgment is not None:
            ours.acknowledged = acknowledgment
            ours.window = segment.window
            if transit.arrivals:
                ours.told.append((transit.arrivals[0], acknowledgment, segment.window))
    return Row(
        time=segment.time - epoch,
        arrival=transit.arrivals[0] - epoch if transit.arrivals else None,
        side=side,
        sender=ours.host,
        receiver=theirs.host,
        flags=tuple(name for bit, name in _FLAGS if flags & bit),
        sequence=sequence,
        acknowledgment=acknowledgment,
        length=segment.length,
        window=segment.window,
        mss=segment.mss,
        marks=marks,
    )


def _marks(
    transit: Transit, sequence: int, acknowledgment: int | None, ours: _Side, theirs: _Side
) -> Iterator[Mark]:
    segment = transit.segment
    if not transit.sent:
        yield Mark.FOREIGN
    elif not segment.flags & RST:
        yield from _sending_marks(segment, sequence, acknowledgment, ours, theirs)
    if transit.fate is Fate.LOST:
        yield Mark.LOST
    elif transit.fate is Fate.IN_FLIGHT:
        yield Mark.IN_FLIGHT
    if len(transit.arrivals) > 1:
        yield Mark.DUPLICATED


def _sending_marks(
    segment: Segment, sequence: int, acknowledgment: int | None, ours: _Side, theirs: _Side
) -> Iterator[Mark]:
    known, window = theirs.last_told(segment.time)
    control = segment.flags & (SYN | FIN)
    if segment.length <= 1 and not control and (segment.length or sequence < ours.next) and window == 0:
        yield Mark.WINDOW_PROBE
    elif segment.taken and sequence < ours.next:
        # One byte again of what the peer is known to have: nothing but a question (RFC 9293, 3.8.4).
        again = segment.length == 1 and not control and known >= ours.next
        yield Mark.KEEP_ALIVE if again else Mark.RETRANSMISSION
    elif not segment.taken and sequence == ours.next - 1 and ours.next > 1:
        yield Mark.KEEP_ALIVE
    elif (
        not segment.taken
        and acknowledgment is not None
        and acknowledgment == ours.acknowledged
        and segment.window == ours.window
        and acknowledgment < theirs.next
    ):
        yield Mark.DUPLICATE_ACK
    if segment.window == 0 and acknowledgment is not None and not control:
        yield Mark.ZERO_WINDOW


def _overtaken(travelled: Sequence[Transit]) -> set[int]:
    """The indexes of those that came in later than one that was sent after them."""
    earliest: dict[Endpoint, int] = {}
    result = set()
    for number in range(len(travelled) - 1, -1, -1):
        transit = travelled[number]
        if not transit.arrivals:
            continue
        source, arrival = transit.segment.source, transit.arrivals[0]
        if arrival > earliest.get(source, arrival):
            result.add(number)
        earliest[source] = min(arrival, earliest.get(source, arrival))
    return result


# A run is folded if that hides at least so many rows. Some are left to look at, before and after those:
# so many at first, fewer where there are too many lines.
_LEAST_HIDDEN: Final = 3
_SHOWN: Final = ((2, 1), (1, 1), (1, 0))


def fold(rows: Sequence[Row], limit: int | None = None) -> list[Row | Fold]:
    """Tell runs of similar segments in one line each, and the rest as it is.

    A run is data one way, its acknowledgments the other way, and nothing remarkable.
    If more than `limit` lines would be left, less of each run is shown; if there are
    still too many, those in the middle become one more fold.
    """
    lines: list[Row | Fold] = []
    for before, after in _SHOWN:
        lines = [line for run in _runs(rows) for line in _folded(run, before, after)]
        if limit is None or len(lines) <= limit:
            return lines
    assert limit is not None
    first = limit * 2 // 3
    last = len(lines) - (limit - first - 1)
    lines[first:last] = [_sum(lines[first:last])]
    return lines


def _runs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The runs among rows; a row that belongs to none is by itself."""
    run: list[Row] = []
    flow: int | None = None  # the side whose data the run carries
    previous: list[Row | None] = [None, None]
    for row in rows:
        plain = _plain(row, previous[row.side])
        previous[row.side] = row
        goes_on = flow is None or (row.side == flow if row.length else row.side != flow)
        if run and not (plain and goes_on):
            yield run
            run, flow = [], None
        if not plain:
            yield [row]
            continue
        run.append(row)
        if row.length:
            flow = row.side
    if run:
        yield run


def _plain(row: Row, before: Row | None) -> bool:
    """Whether a row is data or an acknowledgment like any other; `before` is the last one of its side.

    The first of a series of duplicate ACKs is not: it is where the sender learns of a loss.
    """
    if not set(row.flags) <= {"ACK", "PSH"}:
        return False
    if Mark.DUPLICATE_ACK in row.marks:
        return len(row.marks) == 1 and before is not None and Mark.DUPLICATE_ACK in before.marks
    return not row.marks


def _folded(run: list[Row], before: int, after: int) -> list[Row | Fold]:
    rest = len(run) - after
    if rest - before < _LEAST_HIDDEN:
        return list(run)
    return [*run[:before], _sum(run[before:rest]), *run[rest:]]


def _sum(lines: Sequence[Row | Fold]) -> Fold:
    segments = length = acknowledgments = end = 0
    by_side = [0, 0]
    marks: Counter[Mark] = Counter()
    for line in lines:
        if isinstance(line, Fold):
            segments += line.segments
            acknowledgments += line.acknowledgments
            marks.update(line.marks)
            by_side[line.side] += line.length + 1
            end = max(end, line.end)
            length += line.length
            continue
        end = max(end, line.time)
        marks.update(line.marks)
        length += line.length
        by_side[line.side] += line.length + 1
        if line.length or set(line.flags) != {"ACK"}:
            segments += 1
        else:
            acknowledgments += 1
    ordered = {mark: marks[mark] for mark in Mark if marks[mark]}
    return Fold(lines[0].time, end, int(by_side[1] > by_side[0]), segments, length, acknowledgments, ordered)
