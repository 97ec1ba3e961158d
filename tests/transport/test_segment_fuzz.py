"""Random and mutated segments into every state of TCP, with the laws of a stream checked after each.

One end is the stack; the other is a fuzzer that knows what an honest stream would be. Both
streams are keystreams: the byte at an offset is known to everyone. In the window the fuzzer puts
none but right bytes, and everywhere else wrong ones, so that whatever the stack hands to its
program that is not the stream at that place was never sent to it. What it acknowledges must have
come, in order; what it sends must be what its program wrote; its books must add up; and it must
not answer more than it is asked.

30,000 segments are sent by default, which takes some seconds. `GLASSNET_FUZZ_SEGMENTS` and
`GLASSNET_FUZZ_SEED` ask for a longer run, or another one:

    GLASSNET_FUZZ_SEGMENTS=1000000 pytest -s tests/transport/test_segment_fuzz.py

With -s it tells how many came into each state, and why those that were dropped were.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import count, pairwise
from struct import Struct

from glassnet.transport.tcp import State
from glassnet.transport.tcp.congestion import CONTROLLERS
from glassnet.transport.tcp.connection import Connection
from glassnet.transport.tcp.events import StateChange
from glassnet.transport.tcp.fast_open import EVERY_LISTENER
from glassnet.transport.tcp.urgent import receive_octet
from glassnet.wire.checksum import internet_checksum, pseudo_sum
from glassnet.wire.foreign import Foreign
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, HEADER, PSH, RST, SYN

SEGMENTS = int(os.environ.get("GLASSNET_FUZZ_SEGMENTS", "30000"))
SEED = os.environ.get("GLASSNET_FUZZ_SEED", "a storm of segments")

MASK, HALF = 0xFFFFFFFF, 1 << 31
MS = 10**6
MOST = 3000  # bytes in a segment
PERIOD = 65521  # a prime: no power of two between two places has the same bytes
_KEYS = [random.Random(name).randbytes(PERIOD) for name in ("from the peer", "from the stack")]
THEIRS, OURS = (key * 3 for key in _KEYS)

LOCAL4, REMOTE4 = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
LOCAL6, REMOTE6 = (bytes.fromhex(f"20010db80000000000000000000000{end}") for end in ("01", "02"))
HEAD4 = bytes(12) + b"\x08\x00\x45\x00" + bytes(6) + b"\x40\x06" + bytes(2) + REMOTE4 + LOCAL4
HEAD6 = bytes(12) + b"\x86\xdd\x60" + bytes(5) + b"\x06\x40" + REMOTE6 + LOCAL6
BLOCK = Struct("!II")

# RFC 9293, figure 5, and what a RST, a timeout or the program's end may do from anywhere.
STEPS = {
    State.CLOSED: {State.SYN_SENT, State.SYN_RECEIVED},
    State.SYN_SENT: {State.SYN_RECEIVED, State.ESTABLISHED},
    State.SYN_RECEIVED: {State.ESTABLISHED, State.FIN_WAIT_1},
    State.ESTABLISHED: {State.FIN_WAIT_1, State.CLOSE_WAIT},
    State.FIN_WAIT_1: {State.FIN_WAIT_2, State.CLOSING, State.TIME_WAIT},
    State.FIN_WAIT_2: {State.TIME_WAIT},
    State.CLOSE_WAIT: {State.LAST_ACK},
    State.CLOSING: {State.TIME_WAIT},
    State.LAST_ACK: set(),
    State.TIME_WAIT: set(),
}
GOALS = ("LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT")
GOALS += ("CLOSING", "LAST-ACK", "TIME-WAIT")


def stream(key: bytes, offset: int, size: int) -> bytes:
    return key[offset % PERIOD :][:size] if size <= PERIOD else b""


def near(value: int, reference: int) -> int:
    """A header's 32 bits as the number next to `reference`."""
    return reference + ((value - reference + HALF) & MASK) - HALF


class Intervals:
    """The parts of the peer's stream that the stack may have; offsets, disjoint and ascending."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        if start >= end:
            return
        kept = []
        for left, right in self.spans:
            if right < start or left > end:
                kept.append((left, right))
            else:
                start, end = min(start, left), max(end, right)
        kept.append((start, end))
        kept.sort()
        self.spans = kept

    @property
    def front(self) -> int:
        """How far the stream has come without a gap."""
        return self.spans[0][1] if self.spans and self.spans[0][0] <= 0 else 0

    def holds(self, start: int, end: int) -> bool:
        return any(left <= start and end <= right for left, right in self.spans)


class Episode:
    """One connection's life under fire."""

    goals = GOALS
    stamped = 0.5  # how many have timestamps

    def __init__(self, rng: random.Random, scripted: type, visits: Counter[str]) -> None:
        self.rng = rng
        self.visits = visits
        self.v6 = rng.random() < 0.2
        settings = {
            "sack": rng.random() < 0.7,
            "dsack": rng.random() < 0.8,
            "timestamps": rng.random() < self.stamped,
            "window_scaling": rng.random() < 0.6,
            "ecn": rng.choice((0, 1, 2)),
            "frto": rng.random() < 0.8,
            "rack": rng.random() < 0.8,
            "tlp": rng.random() < 0.8,
            "congestion_control": rng.choice(sorted(CONTROLLERS)),
            "send_buffer": rng.choice((4096, 20000, 60000)),
            "send_buffer_max": 60000,
            "receive_buffer": rng.choice((600, 5000, 30000, 200000)),
            "receive_buffer_max": 200000,
            "syn_cookies": rng.choice((0, 1)),
            "fast_open": rng.choice((0, 1, 0x403, 0x603)),  # at every listener, with cookies or without
            "mtu_probing": rng.choice((0, 0, 1, 2)),
        }
        self.settings = settings
        self.end = scripted(**settings)
        self.engine, self.tcp = self.end.engine, self.end.tcp
        self.engine.run(rng.randrange(5 * 3600 * 10**9))  # the initial sequence number goes by the clock
        self.frames: list[bytes] = []
        self.end.path.out = self.frames.append
        self.engine.events.on(StateChange, self.stepped)
        self.app: Connection | None = None
        self.listener = None
        self.inline = rng.random() < 0.5
        self.port, self.peer_port = 80, 40000
        self.peer_iss: int | None = None
        self.our_iss: int | None = None
        self.forget()

    def forget(self) -> None:
        """The next connection between the same ends is another one."""
        self.known = Intervals()
        self.fins: set[int] = set()
        self.written = 0
        self.delivered = 0
        self.marks = 0  # urgent octets that the peer may have sent, and that were not skipped yet
        self.acked = 0
        self.edge = 0
        self.offered: set[int] = set()
        self.advertised = 0
        self.their_stamp = self.rng.randrange(1 << 32)
        self.our_stamp = 0

    def stepped(self, change: StateChange) -> None:
        legal = STEPS[change.before]
        assert change.after is State.CLOSED or change.after in legal, (change.before, change.after)

    # The stack's side

    @property
    def held(self) -> object:
        ports = self.peer_port.to_bytes(2, "big") + self.port.to_bytes(2, "big")
        ends = REMOTE6 + LOCAL6 if self.v6 else REMOTE4 + LOCAL4
        return self.tcp.connections.get(ends + ports)

    def live(self) -> Connection | None:
        held = self.held
        return held if isinstance(held, Connection) else None

    def listen(self) -> None:
        address = bytes(16 if self.v6 else 4)
        self.listener = self.tcp.listen(self.tcp.ports.bind(address, 80), 3)

    def connect(self) -> None:
        self.app = self.tcp.connect(None, (REMOTE6 if self.v6 else REMOTE4, 80))
        self.port, self.peer_port = self.app.local[1], 80
        self.app.connect()
        self.app.urgent_inline = self.inline
        self.look()

    def write(self, size: int) -> None:
        if self.app is not None and not self.app.orphan and size:
            try:
                taken = self.app.send(stream(OURS, self.written, size))
            except OSError:
                return
            assert 0 <= taken <= size
            self.written += taken

    def read(self, size: int) -> None:
        if self.app is None or self.app.orphan:
            return
        try:
            data = self.app.receive(size)
        except OSError:
            return
        if data:
            # Urgent octets are left out, unless they are in line.
            first = self.app.receiver.unread - self.app.receiver.initial - len(data)
            skipped = first - self.delivered
            assert 0 <= skipped <= (0 if self.inline else self.marks), "skipped what was not urgent"
            assert data == stream(THEIRS, first, len(data)), "delivered what was not sent"
            self.marks -= skipped
            self.delivered = first + len(data)
        self.read_apart()

    def read_apart(self) -> None:
        assert self.app is not None
        receiver = self.app.receiver
        mark = receiver.urgent
        try:
            octet = receive_octet(self.app, peek=self.rng.random() < 0.5)
        except OSError:
            return
        assert not self.inline
        assert mark is not None
        assert mark.position >= receiver.unread
        assert octet in (b"", stream(THEIRS, mark.position - receiver.initial, 1))

    def act(self) -> None:
        """The program does something, or time goes by."""
        rng = self.rng
        if self.app is None and self.listener is not None and self.listener.readable:
            self.app = self.listener.accept()
            if self.app is not None:
                self.app.urgent_inline = self.inline
        turn = rng.random()
        if turn < 0.3:
            self.write(rng.choice((1, 100, 536, 1460, 5000, 20000)))
        elif turn < 0.6:
            self.read(rng.choice((1, 1000, 1 << 16)))
        elif turn < 0.61 and self.app is not None:
            self.app.shutdown_send()
        elif turn < 0.612 and self.app is not None:
            self.app.shutdown_receive()
        elif turn < 0.615 and self.app is not None:
            self.app.close(rng.choice((None, None, 0)))
        elif turn < 0.62 and self.app is not None:
            self.app.sender.nodelay = rng.random() < 0.5
        self.look()
        if rng.random() < 0.4:
            self.wait(rng.choice((0, 1, 5, 10, 10, 40, 200, 300, 1000, 3000)) * MS)
        elif rng.random() < 0.004:
            self.wait(130_000 * MS)

    def wait(self, time: int) -> None:
        held = self.live()
        sender = held.sender if held else None
        bound = 24
        if sender:
            bound += 2 * len(sender.outstanding) + 3 * (sender.unsent // min(sender.mss, 200) + 1)
        self.engine.run(self.engine.now + time)
        assert len(self.frames) <= bound, f"{len(self.frames)} frames out of {time / 1e9} s of silence"
        self.look()

    # The peer's side

    def inject(
        self,
        flags: int,
        sequence: int,
        acknowledgment: int = 0,
        size: int = 0,
        *,
        window: int = 65535,
        options: bytes = b"",
        urgent: int = 0,
        hostile: bool = False,
        broken: bool = False,
        ecn: int = 0,
    ) -> None:
        """One segment. A `hostile` one must not be taken in, so all its bytes are wrong; a `broken` one too,
        because of its checksum."""
        sequence &= MASK
        acknowledgment &= MASK
        held = self.held
        connection = held if isinstance(held, Connection) else None
        state = "LISTEN" if held is None and self.listener else str(held.state) if held else "CLOSED"
        self.visits[state] += 1
        first = 0 if self.peer_iss is None else near(sequence, self.base) - self.base
        first += bool(flags & SYN) if self.peer_iss is not None else 0
        if self.peer_iss is None or connection is None or connection.state is State.SYN_SENT:
            low, high = 0, 1 << 40
            first = 0
        else:
            low = connection.receiver.next - connection.receiver.initial
            high = max(connection.receiver.edge - connection.receiver.initial, self.advertised)
        if hostile or broken:
            low = high = 0
        payload = self.payload(first, size, low, high)
        self.marks += flags >> 5 & 1
        frame = self.frame(flags, sequence, acknowledgment, payload, window, options, urgent, broken, ecn)
        opening = (
            flags & SYN and not flags & RST and (connection is None or connection.state is State.SYN_SENT)
        )
        before = self.peer_iss
        if opening and not broken:
            # It begins a stream if it is taken: what that means for the answers is looked at afterwards.
            self.candidate = sequence
        elif not hostile and not broken:
            self.known.add(max(first, low), min(first + size, high))
            if flags & FIN:
                self.fins.add(first + size)
        if connection and not hostile and not broken:
            self.offered.add(window if flags & SYN else window << connection.scale_sent)
        start = 54 if self.v6 else 34
        self.tcp.receive(frame, 14, start, len(frame), self.end.path)
        after = self.held
        if opening and not broken:
            fresh = after is not held and isinstance(after, Connection)
            joined = after is held and connection is not None and connection.state is not State.SYN_SENT
            if fresh or (joined and connection is not None and connection.state is not State.CLOSED):
                if fresh:
                    self.forget()
                    self.our_iss = None
                    self.app = None
                self.peer_iss = sequence
                self.offered = {window}
                self.known.add(0, size)
                if flags & FIN:
                    self.fins.add(size)
        self.look(asked=True, reset=bool(flags & RST) and before is not None)

    @property
    def base(self) -> int:
        """Where the peer's stream begins, as the stack counts: its numbers do not wrap."""
        connection = self.live()
        if connection is not None and connection.receiver.initial:
            return connection.receiver.initial
        return (self.peer_iss or 0) + 1

    def payload(self, first: int, size: int, low: int, high: int) -> bytes:
        right = stream(THEIRS, first, size)
        left, end = min(max(low - first, 0), size), min(max(high - first, 0), size)
        if left == 0 and end == size:
            return right
        wrong = bytes(byte ^ 0xA5 for byte in right)
        return wrong[:left] + right[left:end] + wrong[max(left, end) :]

    def frame(
        self,
        flags: int,
        sequence: int,
        acknowledgment: int,
        payload: bytes,
        window: int,
        options: bytes,
        urgent: int,
        broken: bool,
        ecn: int,
    ) -> bytes:
        options += bytes(-len(options) % 4)
        head = HEADER.pack(
            self.peer_port,
            self.port,
            sequence,
            acknowledgment,
            (20 + len(options)) << 2,
            flags,
            window & 0xFFFF,
            0,
            urgent,
        )
        segment = head + options + payload
        if self.v6:
            below = bytearray(HEAD6)
            below[15] = ecn << 4
        else:
            below = bytearray(HEAD4)
            below[15] = ecn
        if not broken:
            # Its checksum is not looked at: it came over a cable that does not change frames.
            return bytes(below) + segment
        ends = (REMOTE6, LOCAL6) if self.v6 else (REMOTE4, LOCAL4)
        checksum = internet_checksum(segment, pseudo_sum(*ends, 6) + len(segment)) ^ self.rng.randrange(
            1, 0xFFFF
        )
        if checksum in (0, 0xFFFF):
            checksum = (
                0x1234 if internet_checksum(segment, pseudo_sum(*ends, 6) + len(segment)) != 0x1234 else 1
            )
        return Foreign(bytes(below) + segment[:16] + checksum.to_bytes(2, "big") + segment[18:])

    # The laws

    def look(self, asked: bool = False, reset: bool = False) -> None:
        """Judge what the stack said, and what it holds."""
        frames, self.frames[:] = self.frames[:], ()
        connection = self.live()
        bare = 0
        data: list[tuple[int, int]] = []
        for frame in frames:
            start = 54 if self.v6 else 34
            _, _, sequence, acknowledgment, offset, flags, window, _, _ = HEADER.unpack_from(frame, start)
            options = frame[start + 20 : start + (offset >> 2)]
            payload = frame[start + (offset >> 2) :]
            if flags & SYN:
                if self.our_iss is None or (connection is not None and connection.state is State.SYN_SENT):
                    self.our_iss = sequence
                assert sequence == self.our_iss, "another initial sequence number"
                assert not payload
                bare += 1
            elif payload or flags & FIN:
                place = ((sequence - (self.our_iss or 0) - 1 + HALF) & MASK) - HALF
                assert 0 <= place <= self.written
                assert place + len(payload) <= self.written, "sent what nobody wrote"
                assert payload == stream(OURS, place, len(payload)), "sent other bytes than were written"
                if flags & FIN:
                    assert place + len(payload) == self.written, "FIN before the end"
                data.append((place, place + len(payload) + (flags & FIN)))
            else:
                bare += 1
                assert not (asked and reset and flags & RST), "a reset was answered with one"
            if flags & ACK and self.peer_iss is not None and not (flags & RST and connection is None):
                self.judge_ack(acknowledgment, window, flags, options)
        if asked:
            # One answer, and a window update when the program reads in the middle of it.
            assert bare <= 2, f"{bare} bare answers to one segment"
            data.sort()
            for (_, end), (start, _) in pairwise(data):
                assert end <= start, "the same byte twice in answer to one segment"
        if connection is not None:
            self.judge_receiver(connection)
            self.judge_sender(connection)
        assert len(self.engine.heap) < 400
        assert len(self.tcp.connections) <= 2

    def judge_ack(self, acknowledgment: int, window: int, flags: int, options: bytes) -> None:
        first = (self.peer_iss or 0) + 1
        place = near(acknowledgment - first, self.acked)
        front = self.known.front
        assert place <= front or (place == front + 1 and front in self.fins), "acknowledged what has not come"
        assert place >= self.acked or flags & RST, "an acknowledgement taken back"
        self.acked = max(self.acked, place)
        connection = self.live()
        scale = 0 if flags & SYN or connection is None else connection.receiver.scale
        self.advertised = max(self.advertised, place + (window << scale))
        at = 0
        while at < len(options):
            kind = options[at]
            if kind == 0:
                break
            if kind == 1:
                at += 1
                continue
            length = options[at + 1]
            assert length >= 2
            assert at + length <= len(options)
            value = options[at + 2 : at + length]
            if kind == 8:
                self.our_stamp = int.from_bytes(value[:4], "big")
            elif kind == 5:
                self.judge_sack(place, value)
            at += length

    def judge_sack(self, place: int, value: bytes) -> None:
        assert self.settings["sack"], "SACK although it is switched off"
        assert value
        assert len(value) % 8 == 0
        blocks = list(BLOCK.iter_unpack(value))
        for index, (left, right) in enumerate(blocks):
            left, right = (near(edge - (self.peer_iss or 0) - 1, place) for edge in (left, right))
            assert left < right, "an empty SACK block"
            duplicate = right <= place or (
                index == 0 and len(blocks) > 1 and self.inside(blocks[0], blocks[1], place)
            )
            if duplicate:
                assert index == 0, "D-SACK is the first block or none (RFC 2883, 4)"
                assert self.settings["dsack"], "D-SACK although it is switched off"
            else:
                assert left > place, "a SACK block that touches what is acknowledged"
                assert self.known.holds(left, right), "SACK for what has not come"

    def inside(self, inner: tuple[int, int], outer: tuple[int, int], place: int) -> bool:
        values = [near(edge - (self.peer_iss or 0) - 1, place) for edge in (*inner, *outer)]
        return values[2] <= values[0] and values[1] <= values[3]

    def judge_receiver(self, connection: Connection) -> None:
        receiver = connection.receiver
        if self.peer_iss is None or not receiver.initial:
            return
        place = receiver.next - receiver.initial
        ended = receiver.end is not None and receiver.next > receiver.end
        assert place - ended <= self.known.front, "took in what was not sent"
        assert receiver.edge >= receiver.next
        assert receiver.size >= 0
        if self.app is connection and not connection.orphan:
            skipped = place - ended - receiver.size - self.delivered
            assert 0 <= skipped <= (0 if self.inline else self.marks), (
                "what is acknowledged is not there to be read"
            )
        # Rounding to the window scale may promise more.
        bound = receiver.limit + (receiver.limit >> 3) + (2 << receiver.scale)
        if self.settings["fast_open"] & EVERY_LISTENER:
            bound += MOST  # what came with the SYN is not taken off the window of the SYN-ACK
        assert receiver.size + receiver.early <= bound, "the buffer has no bound"
        assert len(receiver.sacks) <= 4

    def judge_sender(self, connection: Connection) -> None:
        sender = connection.sender
        if connection.state is State.CLOSED:
            return
        assert sender.unacked <= sender.next
        assert sender.unsent >= 0
        at = sender.unacked
        lost = sacked = 0
        for segment in sender.outstanding:
            assert segment.sequence == at, "a hole in the books"
            assert segment.end > at
            at = segment.end
            size = segment.end - segment.sequence
            assert len(segment.payload) + (segment.flags & FIN) + bool(segment.flags & SYN) == size
            lost += size if segment.lost else 0
            sacked += size if segment.sacked else 0
            assert not (segment.lost and segment.sacked), "lost, and here"
        assert at == sender.next, "the books end early"
        assert lost == sender.lost, "lost bytes do not add up"
        if connection.sack:
            assert sacked == sender.sacked, "sacked bytes do not add up"
        assert 0 <= sender.sacked + sender.lost <= sender.next - sender.unacked  # without SACK it is a guess
        assert 0 <= sender.in_flight <= sender.next - sender.unacked
        assert sender.next - sender.unacked + sender.unsent <= max(sender.limit, 60000) + 2
        assert sender.congestion.window >= 1
        assert 0 < sender.round_trip.rto <= self.tcp.settings.rto_max
        if connection.established or connection.is_early:
            assert sender.window in self.offered, "a window that nobody offered"
            self.edge = max(self.edge, sender.unacked + sender.window)
            # One byte or a FIN may probe a closed window.
            assert sender.next <= self.edge + 1, "sent beyond the window"


class Fuzzer(Episode):
    """Brings the connection into a state by honest segments, and then makes dishonest ones."""

    def reach(self, goal: str) -> None:
        rng = self.rng
        if goal == "SYN-SENT" or (goal != "LISTEN" and rng.random() < 0.5):
            self.connect()
            if goal == "SYN-SENT":
                return
            if rng.random() < 0.1:
                self.say(SYN, 0, options=self.syn_options())  # both at once
                if goal == "SYN-RECEIVED":
                    return
                self.say(SYN | ACK, 0, options=self.syn_options())
            else:
                self.say(SYN | ACK, 0, options=self.syn_options())
        else:
            self.listen()
            if goal == "LISTEN":
                return
            self.say(SYN | rng.choice((0, 0, ECE | CWR)), 0, options=self.syn_options())
            if goal == "SYN-RECEIVED":
                return
            self.say(ACK, 1)
            if self.listener is not None and self.listener.readable:
                self.app = self.listener.accept()
        if self.app is None:
            return
        self.app.urgent_inline = self.inline
        self.write(rng.choice((0, 0, 1, 500, 3000)))
        self.look()
        if goal in ("CLOSE-WAIT", "LAST-ACK"):
            self.say(ACK | FIN, 1)
        if goal in ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT"):
            self.app.shutdown_send()
            self.look()
        if goal == "FIN-WAIT-2":
            self.say(ACK, 1)
        elif goal == "CLOSING":
            self.say(ACK | FIN, 1, self.app.sender.unacked)
        elif goal == "TIME-WAIT":
            self.say(ACK | FIN, 1)

    def say(self, flags: int, offset: int, acknowledgment: int | None = None, options: bytes = b"") -> None:
        """What an honest peer says: `offset` is from its initial sequence number."""
        if self.peer_iss is None and flags & SYN:
            self.first = self.rng.choice(
                (self.rng.randrange(1 << 32), (1 << 32) - self.rng.randrange(1, 3000))
            )
        connection = self.live()
        if acknowledgment is None:
            acknowledgment = connection.sender.next if connection and flags & ACK else 0
        if not flags & SYN:
            options = self.stamps()
        self.inject(flags, self.first + offset, acknowledgment, options=options)

    def syn_options(self) -> bytes:
        rng = self.rng
        options = b"\x02\x04" + rng.choice((48, 536, 1460, 1460, 1460, 9000)).to_bytes(2, "big")
        if rng.random() < 0.8:
            options += b"\x04\x02"
        if rng.random() < 0.7:
            options += b"\x01\x03\x03" + bytes((rng.choice((0, 2, 7, 14, 200)),))
        if rng.random() < 0.7:
            options += self.stamp_option()
        if rng.random() < 0.3:
            options += self.fast_open_option()
        return options

    def fast_open_option(self) -> bytes:
        """RFC 7413, 4.1.1: no cookie, one of any length, or one that the stack would give out."""
        cookie = self.rng.randbytes(self.rng.choice((0, 0, 3, 4, 8, 16)))
        if self.rng.random() < 0.5:
            ends = (REMOTE6, LOCAL6) if self.v6 else (REMOTE4, LOCAL4)
            cookie = self.tcp.fast_open.cookie_for(*ends, b"")
        return bytes((34, 2 + len(cookie))) + cookie

    def stamp_option(self) -> bytes:
        self.their_stamp = (self.their_stamp + self.rng.choice((0, 0, 1, 50))) & MASK
        echo = self.our_stamp if self.rng.random() < 0.95 else self.rng.randrange(1 << 32)
        return b"\x01\x01\x08\x0a" + BLOCK.pack(self.their_stamp, echo)

    def stamps(self) -> bytes:
        connection = self.live()
        return self.stamp_option() if connection and connection.output.stamps else b""

    def storm(self) -> None:
        """One segment, at random, but seldom far from what would matter."""
        rng = self.rng
        connection = self.live()
        flags = rng.choices(
            (ACK, ACK | PSH, ACK | FIN, RST, RST | ACK, SYN, SYN | ACK, 0, rng.randrange(256)),
            (700, 150, 10, 3, 3, 8, 8, 12, 30),
        )[0]
        size = rng.choice((0, 0, 0, 1, 10, 100, 536, 1448, 1460, MOST, rng.randrange(2000)))
        window = rng.choice((0, 1, 100, 4000, 65535, 65535, rng.randrange(65536)))
        if connection is None:
            held = self.held
            sequence = acknowledgment = rng.randrange(1 << 32)
            if held is not None:
                sequence = held._receive_next + rng.choice((0, 0, -1, 1, 1000, -1000))  # type: ignore[attr-defined]
                acknowledgment = held._send_next + rng.choice((0, 0, -1, 1))  # type: ignore[attr-defined]
            elif self.listener is not None and rng.random() < 0.3:
                flags = SYN
            options = self.syn_options() if flags & SYN else self.noise()
            self.inject(flags, sequence, acknowledgment, size, window=window, options=options)
            return
        receiver, sender = connection.receiver, connection.sender
        if connection.state is State.SYN_SENT:
            sequence = rng.choice((rng.randrange(1 << 32), (1 << 32) - 5))
            acknowledgment = sender.next + rng.choice((0, 0, 0, 0, -1, 1, rng.randrange(1 << 31)))
            options = self.syn_options() if rng.random() < 0.8 else self.noise()
            if rng.random() < 0.2:
                flags = SYN | ACK
            self.inject(flags, sequence, acknowledgment, size, window=window, options=options)
            return
        sequence = self.sequence(connection, size)
        if flags & RST and sequence == receiver.next and rng.random() < 0.9:
            sequence += 1
        boundaries = [segment.end for segment in sender.outstanding] or [sender.next]
        closing = connection.state in (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK)
        acknowledgment = rng.choice(
            (
                sender.unacked if closing else sender.next,
                sender.next,
                sender.unacked,
                sender.unacked,
                sender.unacked,
                boundaries[0],
                rng.choice(boundaries),
                rng.randint(sender.unacked, sender.next),
                sender.unacked - rng.randrange(1, 3000),
            )
        )
        options = self.stamps()
        if options and rng.random() < 0.03:
            options = rng.choice((b"", self.noise()))
        if sender.outstanding and rng.random() < 0.5:
            options += self.sack(connection)
        elif rng.random() < 0.02:
            options += self.noise()
        options = options[:40]
        hostile = broken = False
        turn = rng.random()
        if turn < 0.02:
            broken = True
        elif turn < 0.03 and not connection.output.stamps and flags & ACK:
            acknowledgment, hostile = sender.next + rng.randrange(1, 1 << 30), True  # never sent
        elif turn < 0.04 and connection.state is not State.SYN_RECEIVED:
            flags, hostile = flags & ~(ACK | RST | SYN), True  # no ACK (RFC 9293, 3.10.7.4)
        elif (
            turn < 0.06
            and connection.output.stamps
            and not flags & RST
            and not connection.output.recent_is_outdated()
        ):
            stamp = (connection.output.recent - rng.randrange(1, HALF)) & MASK
            options, hostile = b"\x01\x01\x08\x0a" + BLOCK.pack(stamp, self.our_stamp), True  # PAWS
        if flags & SYN and connection.state is State.SYN_RECEIVED and rng.random() < 0.8:
            flags &= ~SYN
        self.inject(
            flags,
            sequence,
            acknowledgment,
            size,
            window=window,
            options=options,
            urgent=rng.randrange(65536) if flags & 32 else 0,
            hostile=hostile,
            broken=broken,
            ecn=rng.choice((0, 0, 2, 2, 1, 3)),
        )

    def sequence(self, connection: Connection, size: int) -> int:
        rng = self.rng
        receiver = connection.receiver
        next_, edge = receiver.next, receiver.edge
        return rng.choice(
            (
                next_,
                next_,
                next_,
                next_,
                next_ + rng.randrange(1, 3000),
                next_ + 1448 * rng.randrange(1, 20),
                next_ - rng.randrange(1, 3000),
                next_ - size,
                edge - size,
                edge - rng.randrange(0, 3),
                edge + rng.randrange(0, 2000),
                rng.randint(next_, edge),
                rng.randrange(1 << 32) if rng.random() < 0.2 else next_,
                receiver.initial - 1 if rng.random() < 0.3 else next_,
            )
        )

    def sack(self, connection: Connection) -> bytes:
        """Blocks as a receiver would send them, and now and then as none would."""
        rng = self.rng
        sender = connection.sender
        edges = sorted({sender.unacked, *(segment.end for segment in sender.outstanding)})
        blocks = []
        for _ in range(rng.randrange(1, 4)):
            turn = rng.random()
            if turn < 0.8:
                left, right = sorted(rng.choices(edges, k=2))
            elif turn < 0.9:
                left, right = (rng.randint(sender.unacked, sender.next) for _ in "lr")
            elif turn < 0.96:
                left = sender.unacked - rng.randrange(1, 3000)  # a duplicate (RFC 2883)
                right = left + rng.randrange(0, 2000)
            else:
                left, right = rng.randrange(1 << 32), rng.randrange(1 << 32)
            blocks.append(BLOCK.pack(left & MASK, right & MASK))
        return b"\x01\x01\x05" + bytes((2 + 8 * len(blocks),)) + b"".join(blocks)

    def noise(self) -> bytes:
        rng = self.rng
        return rng.choice(
            (
                rng.randbytes(4 * rng.randrange(0, 11)),
                b"\x05\x0b" + rng.randbytes(10),
                b"\x08\x0a" + rng.randbytes(2),
                b"\x05\x02\x01\x01",
                b"\x22\x02\x01\x00",
                b"",
            )
        )


class Recorder(Fuzzer):
    """A fuzzer that keeps what the stack has said, and what it was in."""

    goals = ("ESTABLISHED",)
    stamped = 0.95

    def __init__(self, rng: random.Random, scripted: type, visits: Counter[str]) -> None:
        super().__init__(rng, scripted, visits)
        self.record: list[object] = []

    def storm(self) -> None:
        """Mostly what an orderly peer would say, for else hardly anything is as expected."""
        rng = self.rng
        connection = self.live()
        if connection is None or not connection.output.stamps or rng.random() < 0.1:
            super().storm()
            return
        receiver, sender = connection.receiver, connection.sender
        boundaries = [segment.end for segment in sender.outstanding] or [sender.next]
        # Sizes and places at the edge of the window, stamps from the past, and windows of all kinds.
        size = rng.choice((0, 0, 100, 1448, max(receiver.edge - receiver.next, 0), 1 + rng.randrange(1448)))
        size += rng.choice((0, 0, 0, 1))
        stamp = (connection.output.recent + rng.choice((0, 0, 1, 1, 7, -1))) & MASK
        self.inject(
            rng.choice((ACK, ACK, ACK | PSH, ACK | PSH, ACK | ECE)) if size else ACK,
            receiver.next + rng.choice((0,) * 9 + (-1,)),
            rng.choice((sender.unacked, sender.unacked, boundaries[0], sender.next)),
            min(size, MOST),
            window=rng.choice((sender.window >> connection.scale_sent,) * 3 + (0, 100, 65535)),
            options=b"\x01\x01\x08\x0a" + BLOCK.pack(stamp, self.our_stamp),
            hostile=stamp != connection.output.recent and (stamp - connection.output.recent) & MASK >= HALF,
            ecn=rng.choice((0, 2, 3)),
        )

    def look(self, asked: bool = False, reset: bool = False) -> None:
        connection = self.live()
        self.record += (self.engine.now, *self.frames)
        if connection is not None:
            receiver = connection.receiver
            self.record += (connection.state, receiver.size, receiver.early, receiver.edge)
        super().look(asked, reset)


def storms(fuzzer: type[Fuzzer], scripted: type, segments: int, visits: Counter[str]) -> Iterator[Fuzzer]:
    """One connection after the other under fire, until that many segments were sent."""
    rng = random.Random(SEED)
    for episode in count():
        if sum(visits.values()) >= segments:
            return
        one = fuzzer(rng, scripted, visits)
        goal = one.goals[episode % len(one.goals)]
        one.reach(goal)
        left = rng.choice((10, 40, 40, 150))
        while left > 0:
            one.storm()
            one.act()
            left -= 1 if one.held or goal == "LISTEN" else 5
        one.read(1 << 20)
        yield one


def test_no_segment_breaks_the_laws_of_a_stream(scripted):
    print(f"seed {SEED!r}, {SEGMENTS} segments")
    visits: Counter[str] = Counter()
    episodes = delivered = 0
    drops: Counter[str] = Counter()
    for fuzzer in storms(Fuzzer, scripted, SEGMENTS, visits):
        episodes += 1
        delivered += fuzzer.delivered
        drops.update(fuzzer.tcp.drops.counts)
    print(f"{episodes} connections, {delivered} bytes delivered; by state: {dict(visits)}; {dict(drops)}")
    for goal in ("CLOSED", *GOALS):
        assert visits[goal] > SEGMENTS // 200, f"{goal} was hardly visited"
    assert delivered > SEGMENTS * 10


def test_segments_as_expected_are_treated_as_all_others_are(scripted, monkeypatch):
    short = Connection._arrives_as_expected
    taken = 0

    def counting(self: Connection, frame: bytes, start: int, end: int) -> bool:
        nonlocal taken
        done = short(self, frame, start, end)
        taken += done
        return done

    monkeypatch.setattr(Connection, "_arrives_as_expected", counting)
    segments = SEGMENTS // 3
    with_it = [one.record for one in storms(Recorder, scripted, segments, Counter())]
    monkeypatch.setattr(Connection, "_arrives_as_expected", lambda *_: False)
    without = storms(Recorder, scripted, segments, Counter())
    for number, (left, right) in enumerate(zip(with_it, without, strict=True)):
        assert left == right.record, f"connection {number}"
    assert taken > segments // 50, "hardly any was as expected"
