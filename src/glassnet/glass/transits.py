"""What became of each segment between the two ends of a connection.

The same packet is seen where it left and where it came in. Pairing the two tells
what was lost, what came twice, and how long each was on its way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from glassnet.glass.segments import Connection, Endpoint, Segment

__all__ = ["Fate", "Transit", "hosts_of", "transits"]


class Fate(Enum):
    """What became of a segment."""

    ARRIVED = auto()
    LOST = auto()
    IN_FLIGHT = auto()  # too young to tell when the capture ended
    UNKNOWN = auto()  # nobody looked where it should have arrived


@dataclass(slots=True)
class Transit:
    """A segment on its way: `arrivals` are the times it came in, more than one if it was duplicated.

    `segment` is as it was sent, or as it came in where it was not seen to leave.
    `sent` is False if its host was watched and yet did not send it: somebody else did.
    """

    segment: Segment
    arrivals: list[int] = field(default_factory=list)
    sent: bool = True
    fate: Fate = Fate.LOST


def hosts_of(
    connection: Connection, segments: Iterable[Segment], hosts: Mapping[bytes, str]
) -> tuple[str, str]:
    """The hosts of client and server ("" if unknown).

    They are as `hosts` says by address, or else those that first sent from there.
    """
    first: dict[Endpoint, str] = {}
    for segment in segments:
        if segment.direction == "tx":
            first.setdefault(segment.source, segment.host)
    client, server = connection
    return (
        hosts.get(client.address) or first.get(client, ""),
        hosts.get(server.address) or first.get(server, ""),
    )


def transits(
    connection: Connection,
    segments: Collection[Segment],
    ends: tuple[str, str],
    watched: Collection[str],
) -> list[Transit]:
    """Pair departures with arrivals, in both directions; in the order in which they were sent.

    `ends` are the hosts of client and server, `watched` those hosts at which frames
    were looked for: a segment towards any other host has an unknown fate.
    """
    last = max((segment.time for segment in segments), default=0)
    result: list[Transit] = []
    for source, sender, receiver in (
        (connection.client, ends[0], ends[1]),
        (connection.server, ends[1], ends[0]),
    ):
        ours = [segment for segment in segments if segment.source == source]
        departures = [s for s in ours if s.direction == "tx" and s.host == sender]
        arrivals = [s for s in ours if s.direction == "rx" and s.host == receiver]
        one_way = _pair(departures, arrivals)
        slowest = max((t.arrivals[0] - t.segment.time for t in one_way if t.sent and t.arrivals), default=0)
        for transit in one_way:
            transit.sent = transit.sent or sender not in watched
            if transit.arrivals:
                transit.fate = Fate.ARRIVED
            elif receiver not in watched:
                transit.fate = Fate.UNKNOWN
            elif transit.segment.time + slowest > last:
                transit.fate = Fate.IN_FLIGHT
        result += one_way
    result.sort(key=lambda transit: transit.segment.time)
    return result


def _pair(departures: list[Segment], arrivals: list[Segment]) -> list[Transit]:
    waiting: dict[bytes, list[Transit]] = defaultdict(list)
    result = [Transit(segment) for segment in departures]
    for transit in result:
        waiting[transit.segment.identity].append(transit)
    landed: dict[bytes, list[Segment]] = defaultdict(list)
    for segment in arrivals:
        landed[segment.identity].append(segment)
    # Packets that cannot be mixed up tell how long the way is. It settles the others: the same
    # segment may be sent again in the very same bytes, and which of the two arrived shows in its time.
    certain = [
        landed[identity][0].time - sent[0].segment.time
        for identity, sent in waiting.items()
        if len(sent) == 1 and len(landed[identity]) == 1
    ]
    usual = min((delay for delay in certain if delay >= 0), default=0)
    for identity, seen in landed.items():
        sent = waiting[identity]
        for arrival in seen:
            earlier = [transit for transit in sent if transit.segment.time <= arrival.time]
            # A packet that came in already is the choice only if none is left: then the network doubled it.
            choice = min(
                earlier,
                key=lambda t: (bool(t.arrivals), abs(arrival.time - t.segment.time - usual)),
                default=None,
            )
            if choice is None:
                result.append(Transit(arrival, [arrival.time], sent=False))
            else:
                choice.arrivals.append(arrival.time)
    return result
