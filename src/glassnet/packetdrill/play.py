"""A script, played: its calls made, its packets sent, what this stack sends compared."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from glassnet.host.interrupts import orderly
from glassnet.packetdrill.building import build_packet
from glassnet.packetdrill.calls import Calls
from glassnet.packetdrill.constants import errno_named
from glassnet.packetdrill.flags import IGNORED, Flags, read_flags
from glassnet.packetdrill.matching import differences
from glassnet.packetdrill.program import Pending, Program, last_lines
from glassnet.packetdrill.script import Call, Code, Event, Packet, Script, ScriptError, Segment, Shell, Wanted
from glassnet.packetdrill.seen import Seen, show
from glassnet.packetdrill.shell import read_command
from glassnet.packetdrill.snippets import Snippets, compiled
from glassnet.packetdrill.stage import Stage
from glassnet.packetdrill.talks import Talks
from glassnet.wire.errors import WireError
from glassnet.wire.tcp import SYN

__all__ = ["Failure", "Outcome", "play"]

_LOOK_FURTHER = 60 * 10**9
"""How long a packet that is late is looked for, to say how late."""


class Failure(Exception):
    """What went otherwise than the script says: the event, and lines that tell about it."""

    def __init__(self, event: Event, *lines: str) -> None:
        super().__init__("\n".join([f"{event.place}: {event.text}", *(f"  {line}" for line in lines)]))
        self.event = event
        self.lines = lines


@dataclass(slots=True)
class Outcome:
    """How a script went: `problem` is empty if all was as it says. `notes` are flags without effect."""

    file: str
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all was as the script says."""
        return not self.problem


def play(script: Script, tcp: str = "linux", tell: Callable[[str], object] | None = None) -> Outcome:
    """Run a script on a new host with the settings of the profile `tcp`, or the one that it names.

    `tell` is given a line for each packet as it passes.
    """
    outcome = Outcome(script.file)
    try:
        flags = read_flags(script.flags)
        for place, name in flags.ignored:
            outcome.notes.append(f"{place}: --{name} has no effect: {IGNORED[name]}")
        acts = _Acts(script, flags)
        outcome.notes += acts.notes
    except ScriptError as error:
        outcome.problem = str(error)
        return outcome
    if not script.events:
        outcome.problem = f"{script.file}: nothing happens in this script"
        return outcome
    stage = Stage(flags, flags.profile or tcp)
    player: _Player | None = None
    try:
        with orderly(stage.engine):
            player = _Player(stage, flags, acts, tell)
            player.play(script)
    except Failure as failure:
        counts = stage.host.drops.counts
        dropped = [f"  dropped   {count} {reason}" for reason, count in counts.items()]
        outcome.problem = "\n".join([str(failure), *dropped])
    except ScriptError as error:
        outcome.problem = str(error)
    except Exception as error:
        # A fault of this stack: it fails the script that shows it, and no other.
        event = None if player is None else player.event
        where = script.file if event is None else f"{event.place}: {event.text}"
        outcome.problem = "\n".join([where, "  the stack raised an exception:", *last_lines(error)])
    finally:
        stage.close()
    return outcome


class _Acts:
    """What the events of a script come to, made before any of them happens. ScriptError for what cannot."""

    def __init__(self, script: Script, flags: Flags) -> None:
        events = script.events
        self.calls = Calls(flags)
        self.call = {id(each): self.calls.prepare(each) for each in events if isinstance(each, Call)}
        self.notes: list[str] = []
        self.settings: dict[int, list[tuple[str, str]]] = {}
        for event in events:
            if isinstance(event, Shell):
                command = read_command(event)
                self.settings[id(event)] = command.settings
                self.notes += command.notes
        self.code = {id(each): compiled(each) for each in events if isinstance(each, Code)}


class _Player:
    def __init__(self, stage: Stage, flags: Flags, acts: _Acts, tell: Callable[[str], object] | None) -> None:
        self._stage = stage
        self._flags = flags
        self._acts = acts
        self._engine = stage.engine
        self._start = self._last = self._engine.now
        self._remote = stage.remote
        self.event: Event | None = None  # that happens now
        self._pending: list[Pending] = []
        self._talks = Talks(stage.local_address, stage.remote_address, flags)
        self._snippets = Snippets(stage.host.tcp)
        acts.calls.listened = self._talks.listened
        acts.calls.bound = self._talks.bound
        if tell is not None:
            write = tell
            self._remote.passed = lambda seen, ours: write(self._passed(seen, ours))
        self._program = Program(self._engine)
        stage.host.start(self._program)
        self._settle()

    def play(self, script: Script) -> None:
        for event in script.events:
            self.event = event
            self._happen(event)
        if script.events:
            self._finish(script.events[-1])

    def _happen(self, event: Event) -> None:
        when = event.when
        base = self._last if when.relative else self._start
        first, last = base + when.first, base + when.last
        if isinstance(event, Packet) and not event.inbound:
            at = self._expect(event, first, last)
        else:
            if not when.any:
                self._advance(first)
            at = self._engine.now
            if not when.any and at - first > self._tolerance(first):
                late = f"it was to happen at {self._time(first)}, and it is {self._time(at)} already"
                raise Failure(event, late)
            if isinstance(event, Packet):
                self._inject(event)
            elif isinstance(event, Call):
                self._make(event, base)
            elif isinstance(event, Code):
                told = self._snippets.run(event, self._acts.code[id(event)], self._talks.current)
                if told:
                    raise Failure(event, f"at {self._time(at)}: {told[0]}", *told[1:])
            elif isinstance(event, Shell):
                self._set(event)
        # What has one time counts from that, so that what is a little late does not add up.
        self._last = first if not when.any and first == last else at

    def _set(self, event: Shell) -> None:
        for name, value in self._acts.settings[id(event)]:
            try:
                self._stage.host.sysctl(name, value)
            except ValueError as error:
                raise ScriptError(event.place, str(error)) from None

    def _finish(self, event: Event) -> None:
        """The script is over: calls must return as it says, and nothing more may have been sent."""
        self._settle()
        self._look_after_calls()
        while self._pending:
            self._run(1 << 62)
        if self._remote.sent:
            seen = self._remote.sent[0]
            raise Failure(
                event,
                "the script is over, and one more packet was sent",
                f"seen      {self._time(seen.time)} {show(seen, self._talks.of(seen))}",
            )

    # Time

    def _time(self, when: int) -> str:
        """A time as scripts count it, in seconds."""
        return f"{(when - self._start) / 1e9:.6f}"

    def _times(self, packet: Packet, first: int, last: int) -> str:
        if packet.when.any:
            return "*"
        return self._time(first) if first == last else f"{self._time(first)}~{self._time(last)}"

    def _tolerance(self, when: int) -> int:
        share = abs(when - self._last) * self._flags.tolerance_percent / 100
        return max(self._flags.tolerance, int(share))

    def _settle(self) -> None:
        """Let everything happen that is due now."""
        self._engine.run(self._engine.now)

    def _advance(self, when: int) -> None:
        """Let time pass until `when`; calls that wait must return in time meanwhile."""
        self._settle()
        self._look_after_calls()
        while self._engine.now < when:
            self._run(when)

    def _run(self, until: int) -> None:
        """Run to a time, or less far: until the engine was paused, or a call should have returned."""
        # Past the end by a nanosecond: what happens at the end itself may let the call return.
        limits = [
            end + self._tolerance(end) + 1 for each in self._pending if (end := each.deadline) is not None
        ]
        self._engine.run(max(min([until, *limits]), self._engine.now))
        self._look_after_calls()

    # Calls

    def _make(self, call: Call, base: int) -> None:
        deadline = None if call.until is None else base + call.until
        pending = Pending(call, deadline, self._acts.call[id(call)])
        self._pending.append(pending)
        self._program.make(pending)
        self._settle()
        self._look_after_calls()
        if pending.ended is None and deadline is None:
            now = self._time(self._engine.now)
            raise Failure(
                call, f"the call waits, at {now}", "say when it is to return, as in 0.1...0.3 for two times"
            )

    def _look_after_calls(self) -> None:
        now = self._engine.now
        for pending in tuple(self._pending):
            end = pending.deadline
            if pending.ended is not None:
                self._pending.remove(pending)
                self._check(pending)
            elif end is not None and now > end + self._tolerance(end):
                raise Failure(
                    pending.call,
                    f"the call was to return at {self._time(end)}, and waits still at {self._time(now)}",
                )

    def _check(self, pending: Pending) -> None:
        """Compare what a call gave with what the script says."""
        call, wanted, end = pending.call, pending.call.result, pending.deadline
        assert pending.ended is not None
        at = self._time(pending.ended)
        if pending.problem:
            raise Failure(call, f"at {at}: {pending.problem}")
        error = errno_named(wanted.error) if wanted.error else 0
        as_wanted = wanted.value == pending.value and (error == pending.error or wanted == Wanted(-1))
        if wanted.value is not None and not as_wanted:
            name = errno.errorcode.get(pending.error, "")
            result = f"{wanted.value} {wanted.error}".rstrip()
            raise Failure(
                call, f"expected  = {result}", f"seen      = {pending.value} {name}".rstrip() + f" at {at}"
            )
        if end is not None and abs(pending.ended - end) > self._tolerance(end):
            raise Failure(call, f"the call was to return at {self._time(end)}, and returned at {at}")

    # Packets

    def _inject(self, packet: Packet) -> None:
        talk = self._talks.arriving(packet)
        content = packet.content
        if isinstance(content, Segment) and content.flags & SYN:
            talk.remote_start = content.sequence
        try:
            built = build_packet(packet, talk)
        except WireError as error:
            raise ScriptError(packet.place, str(error)) from None
        if talk.urgent:
            self._acts.calls.check_data = False  # what is read is not all that came
        self._remote.inject(built)
        self._settle()
        self._look_after_calls()

    def _expect(self, packet: Packet, first: int, last: int) -> int:
        """Wait for a packet of this stack and compare it; returns when it was sent."""
        seen = self._next(packet, first, last)
        talk, ports = self._talks.matching(packet, seen)
        strange = seen.ports is not None and ports is not None and seen.ports != ports
        if strange and seen.ports is not None and ports is not None:
            talk = self._talks.of(seen)
            found = [f"ports: expected {ports[0]} > {ports[1]}, seen {seen.ports[0]} > {seen.ports[1]}"]
        else:
            if talk is not None and talk.written is None:
                talk.written = self._acts.calls.written_by(*talk.key)
            found = differences(packet, seen, talk, self._flags)
        if not packet.when.any:
            late = seen.time - last
            early = first - seen.time
            if early > self._tolerance(first):
                found.append(f"time: {early / 1e9:.6f} s too early")
            elif late > self._tolerance(last):
                found.append(f"time: {late / 1e9:.6f} s too late")
        if found:
            when, then = self._times(packet, first, last), self._time(seen.time)
            width = max(len(when), len(then))
            raise Failure(
                packet,
                f"expected  {when:>{width}} {_written(packet)}",
                f"seen      {then:>{width}} {show(seen, talk, ports=strange)}",
                *found,
            )
        return seen.time

    def _next(self, packet: Packet, first: int, last: int) -> Seen:
        """The first packet of this stack that was not looked at; waits for one, and Failure if none comes."""
        sent = self._remote.sent
        if not sent:
            limit = self._engine.now if packet.when.any else max(last, self._engine.now)
            self._wait_for_packet(limit + self._tolerance(limit) + _LOOK_FURTHER)
        if not sent:
            raise Failure(
                packet,
                f"expected  {self._times(packet, first, last)} {_written(packet)}",
                f"seen      nothing until {self._time(self._engine.now)}",
            )
        return sent.popleft()

    def _wait_for_packet(self, until: int) -> None:
        self._settle()
        self._look_after_calls()
        self._remote.noticed = self._engine.pause
        try:
            while not self._remote.sent and self._engine.now < until:
                self._run(until)
        finally:
            self._remote.noticed = _nothing

    def _passed(self, seen: Seen, ours: bool) -> str:
        talk = self._talks.passing(seen, ours)
        return f"{self._time(seen.time)} {show(seen, talk, ours, ports=len(self._talks) > 1)}"


def _written(packet: Packet) -> str:
    """A packet as the script writes it, from its arrow on."""
    return ">" + packet.text.partition(">")[2]


def _nothing() -> None:
    pass
