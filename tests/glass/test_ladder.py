from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glassnet.glass.ladder import Fold, Ladder, Mark, Row, fold, ladder
from glassnet.glass.segments import Sighting, conversations, segments

MS = 1_000_000
Scene = Any


def climb(scene: Scene) -> Ladder:
    return ladder(scene.conversation())


def story(made: Ladder) -> list[tuple[float, str, str, tuple[str, ...]]]:
    return [(row.time / MS, row.sender, row.label, tuple(row.marks)) for row in made.rows]


@pytest.mark.parametrize("version", [4, 6])
def test_a_handshake_and_a_request(scene_of: Callable[[int], Scene], version: int) -> None:
    scene = scene_of(version)
    scene.handshake()
    scene.send(40.5, 0, "PA", 1, 1, 500)
    made = climb(scene)
    assert [(end.host, end.endpoint) for end in made.ends] == (
        [("client", "192.0.2.1:49152"), ("server", "198.51.100.7:80")]
        if version == 4
        else [("client", "[2001:db8::1]:49152"), ("server", "[2001:db8:1::7]:80")]
    )
    assert story(made) == [
        (0, "client", "SYN  seq 0", ()),
        (20, "server", "SYN,ACK  seq 0  ack 1", ()),
        (40, "client", "ACK  seq 1  ack 1", ()),
        (40.5, "client", "PSH,ACK  seq 1  ack 1  500 bytes", ()),
    ]
    assert [row.arrival for row in made.rows] == [20 * MS, 40 * MS, 60 * MS, 60.5 * MS]


def test_times_are_told_from_the_epoch(scene: Scene) -> None:
    scene.handshake(1000)
    made = ladder(scene.conversation(), epoch=900 * MS)
    assert [row.time // MS for row in made.rows] == [100, 120, 140]


def test_numbers_count_on_where_32_bits_end(scene: Scene) -> None:
    scene.handshake()
    for number in range(5):
        scene.send(41 + number, 0, "A", 1 + 200 * number, 1, 200)
    scene.send(62, 1, "A", 1, 1001)
    made = climb(scene)
    assert [row.sequence for row in made.rows[3:8]] == [1, 201, 401, 601, 801]
    assert made.rows[8].acknowledgment == 1001
    assert not any(row.marks for row in made.rows)


def test_what_never_arrives_is_lost_and_sent_again(scene: Scene) -> None:
    scene.handshake()
    scene.send(41, 0, "PA", 1, 1, 100, lost=True)
    scene.send(241, 0, "PA", 1, 1, 100)
    scene.send(261, 1, "A", 1, 101)
    made = climb(scene)
    assert [row.marks for row in made.rows[3:]] == [(Mark.LOST,), (Mark.RETRANSMISSION,), ()]
    assert made.rows[3].arrival is None
    assert made.count(Mark.LOST) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_the_same_bytes_twice_are_told_apart_by_how_long_they_took(
    scene_of: Callable[[int], Scene], version: int
) -> None:
    scene = scene_of(version)
    scene.handshake()
    scene.send(41, 0, "PA", 1, 1, 100, lost=True, identification=9)
    scene.send(241, 0, "PA", 1, 1, 100, identification=9)
    scene.send(261, 1, "A", 1, 101)
    made = climb(scene)
    assert [(row.arrival, row.marks) for row in made.rows[3:5]] == [
        (None, (Mark.LOST,)),
        (261 * MS, (Mark.RETRANSMISSION,)),
    ]


def test_a_syn_that_nobody_answers(scene: Scene) -> None:
    for at in (0, 1000, 3000):
        scene.send(at, 0, "S", 0, lost=True)
    made = climb(scene)
    # Nothing was seen at the server, and nothing says that anybody looked there.
    assert [row.marks for row in made.rows] == [(), (Mark.RETRANSMISSION,), (Mark.RETRANSMISSION,)]
    server = bytes([198, 51, 100, 7])
    made = ladder(scene.conversation(), hosts={server: "server"}, watched={"client", "server"})
    assert made.ends[1].host == "server"
    assert [row.marks for row in made.rows] == [
        (Mark.LOST,),
        (Mark.RETRANSMISSION, Mark.LOST),
        (Mark.RETRANSMISSION, Mark.LOST),
    ]


def test_what_was_on_its_way_when_the_capture_ended_is_not_lost(scene: Scene) -> None:
    scene.handshake()
    scene.send(41, 0, "PA", 1, 1, 100, lost=True)
    scene.send(100, 1, "PA", 1, 1, 100)
    scene.send(119, 0, "PA", 101, 101, 100, lost=True)
    assert [row.marks for row in climb(scene).rows[3:]] == [(Mark.LOST,), (), (Mark.IN_FLIGHT,)]


def test_doubled_and_reordered_segments(scene: Scene) -> None:
    scene.handshake()
    frame = scene.frame(0, "PA", 1, 1, 100)
    scene.sent(41, 0, frame)
    scene.came(61, 0, frame)
    scene.came(61.5, 0, frame)
    scene.send(42, 0, "PA", 101, 1, 100, takes=25)
    scene.send(43, 0, "PA", 201, 1, 100)
    assert [row.marks for row in climb(scene).rows[3:]] == [(Mark.DUPLICATED,), (Mark.REORDERED,), ()]


def test_what_the_host_itself_never_sent(scene: Scene) -> None:
    scene.handshake()
    scene.came(50, 0, scene.frame(0, "R", 1))
    made = climb(scene)
    assert story(made)[3] == (50, "client", "RST  seq 1", (Mark.FOREIGN,))


def test_a_capture_at_one_end_alone_blames_nobody(scene: Scene) -> None:
    scene.handshake()
    scene.send(40.5, 0, "PA", 1, 1, 500)
    scene.seen = [sighting for sighting in scene.seen if sighting.host == "server"]
    assert [row.marks for row in climb(scene).rows] == [()] * 4


def test_windows_keep_alives_and_probes(scene: Scene) -> None:
    scene.handshake()
    scene.send(41, 0, "PA", 1, 1, 100)
    scene.send(61, 1, "A", 1, 101, window=0)
    scene.send(281, 0, "A", 100, 1)  # a probe as Linux sends it
    scene.send(301, 1, "A", 1, 101, window=0)
    scene.send(700, 0, "PA", 101, 1, 1)  # a probe as RFC 9293 has it
    scene.send(720, 1, "A", 1, 102, window=64240)
    scene.send(7000, 0, "A", 101, 1)
    scene.send(8000, 0, "A", 101, 1, 1)
    scene.send(8020, 1, "A", 1, 102, window=64240)
    assert [row.marks for row in climb(scene).rows[3:]] == [
        (),
        (Mark.ZERO_WINDOW,),
        (Mark.WINDOW_PROBE,),
        (Mark.ZERO_WINDOW,),
        (Mark.WINDOW_PROBE,),
        (),
        (Mark.KEEP_ALIVE,),
        (Mark.KEEP_ALIVE,),
        (),
    ]


def test_duplicate_acknowledgments_are_those_that_ask_for_what_is_missing(page: Scene) -> None:
    made = climb(page)
    assert [row.acknowledgment for row in made.rows if Mark.DUPLICATE_ACK in row.marks] == [8689] * 3
    assert made.count(Mark.RETRANSMISSION) == 2
    assert made.count(Mark.LOST) == 2


def test_loopback_frames_are_seen_once(scene: Scene) -> None:
    scene.hosts = ("host", "host")
    scene.handshake()
    scene.seen = [s._replace(frame=bytes(12) + s.frame[12:]) for s in scene.seen if s.direction == "rx"]
    made = climb(scene)
    assert [end.host for end in made.ends] == ["host", "host"]
    assert [(row.side, row.marks) for row in made.rows] == [(0, ()), (1, ()), (0, ())]


def test_other_frames_and_broken_ones_are_passed_over(scene: Scene) -> None:
    scene.handshake()
    whole = scene.frame(0, "PA", 1, 1, 100)
    for frame in (b"", whole[:20], whole[:40], bytes(60), whole[:12] + b"\x08\x06" + whole[14:]):
        scene.sent(50, 0, frame)
    assert len(climb(scene).rows) == 3


def test_ports_used_again_make_another_conversation(scene: Scene) -> None:
    scene.handshake()
    scene.send(41, 0, "RA", 1, 1)
    first = len(scene.seen)
    scene.send(100, 0, "S", 5000)
    scene.send(100.5, 0, "S", 5000)
    seen = sorted(scene.seen, key=lambda sighting: sighting.time)
    assert [len(c.segments) for c in conversations(segments(seen))] == [first, 4]
    seen.append(Sighting(0, "client", "eth0", "tx", b"nothing"))
    assert len(conversations(segments(seen))) == 2


def transfer(scene: Scene, count: int) -> Ladder:
    scene.handshake()
    scene.send(41, 0, "PA", 1, 1, 100)
    for number in range(count):
        scene.send(62 + number / 10, 1, "A", 1 + 1448 * number, 101, 1448)
        if number % 2:
            scene.send(82.05 + number / 10, 0, "A", 101, 1 + 1448 * (number + 1))
    return climb(scene)


def test_a_run_is_folded(scene: Scene) -> None:
    lines = fold(transfer(scene, 16).rows)
    assert [line.label for line in lines[4:]] == [
        "ACK  seq 1  ack 101  1448 bytes",
        "ACK  seq 1449  ack 101  1448 bytes",
        "… 14 more segments, 20272 bytes, 7 ACKs",
        "ACK  seq 101  ack 23169",
    ]
    folded = lines[6]
    assert isinstance(folded, Fold)
    assert folded.side == 1
    assert (folded.time, folded.end) == (62.2 * MS, 83.35 * MS)
    assert folded.brief == "… 14 more segments, 20272 bytes"
    assert folded.briefest == "… 21 more"


def test_nothing_remarkable_is_folded_away(page: Scene) -> None:
    made = climb(page)
    lines = fold(made.rows)
    marked = [row for row in made.rows if set(row.marks) - {Mark.DUPLICATE_ACK}]
    assert [line for line in lines if isinstance(line, Row) and line in marked] == marked


def test_a_limit_folds_the_middle_and_counts_what_is_in_it(scene: Scene) -> None:
    scene.handshake()
    for number in range(40):
        scene.send(41 + number, 0, "PA", 1 + 10 * number, 1, 10, lost=True)
        scene.send(241 + number, 0, "PA", 1 + 10 * number, 1, 10)
    scene.send(300, 1, "A", 1, 401)
    rows = climb(scene).rows
    lines = fold(rows, 12)
    assert len(lines) == 12
    (folded,) = (line for line in lines if isinstance(line, Fold))
    assert folded.label == "… 73 more segments, 730 bytes, 35 lost, 38 retransmissions"
    assert sum(isinstance(line, Row) for line in lines) + folded.segments == len(rows)


def test_folding_keeps_count_of_everything(scene: Scene) -> None:
    made = transfer(scene, 101)
    lines = fold(made.rows)
    folded = [line for line in lines if isinstance(line, Fold)]
    rows = [line for line in lines if isinstance(line, Row)]
    assert sum(f.segments + f.acknowledgments for f in folded) + len(rows) == len(made.rows)
    assert sum(f.length for f in folded) + sum(r.length for r in rows) == 100 + 101 * 1448
