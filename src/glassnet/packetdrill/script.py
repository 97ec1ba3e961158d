"""What a script says: its flags and its events, each with the time at which it is to happen.

Times are nanoseconds. Sequence numbers are the script's own: the initial ones of both ends are what the
script gives them, mostly 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import EllipsisType

__all__ = [
    "AT_ANY_TIME",
    "Call",
    "Code",
    "Event",
    "Expression",
    "Icmp",
    "Ip",
    "Packet",
    "Place",
    "Record",
    "Script",
    "ScriptError",
    "Segment",
    "Shell",
    "Span",
    "Symbols",
    "Term",
    "TextOption",
    "Udp",
    "Wanted",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; lines and columns count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ScriptError(Exception):
    """A script that cannot be read, or asks for what cannot be done here; `place` tells where."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Span:
    """When an event is to happen: between `first` and `last`, both counted from the event before it
    if `relative`. They are the same but for `0.1~0.2`; `any` is `*`, at any time."""

    first: int = 0
    last: int = 0
    relative: bool = True
    any: bool = False


AT_ANY_TIME = Span(any=True)


# Expressions: what stands in the arguments of a system call.


@dataclass(frozen=True, slots=True)
class Symbols:
    """Names joined by `|`: `POLLIN|POLLOUT`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A structure: `{onoff=1, linger=0}`. Values without a name have the name ""."""

    fields: tuple[tuple[str, Expression], ...]

    def get(self, name: str, position: int = -1) -> Expression | None:
        """The value called `name`, or the one at `position` if none has a name; None without one."""
        for each, value in self.fields:
            if each == name:
                return value
        if 0 <= position < len(self.fields) and not self.fields[position][0]:
            return self.fields[position][1]
        return None


@dataclass(frozen=True, slots=True)
class Term:
    """A function of values: `htons(8080)`."""

    name: str
    arguments: tuple[Expression, ...]


Expression = int | bytes | EllipsisType | Symbols | Record | Term | list["Expression"]


# Packets.


@dataclass(frozen=True, slots=True)
class Ip:
    """What a packet's line says of the IP header; None is what it does not say."""

    ecn: tuple[int, ...] | None = None
    """The code points that will do."""
    tos: int | None = None
    ttl: int | None = None
    flow_label: int | None = None


@dataclass(frozen=True, slots=True)
class TextOption:
    """A TCP option by its word: `mss`, `sackOK`, `wscale`, `TS`, `nop`, `eol`, `sack`, `FO`, `FOEXP`.

    `values` are its numbers (of `sack` the edges, of `TS` both stamps), `cookie` that of Fast Open.
    """

    name: str
    values: tuple[int, ...] = ()
    cookie: bytes = b""

    def __str__(self) -> str:
        if self.name == "TS":
            return f"TS val {self.values[0]} ecr {self.values[1]}"
        if self.name == "sack":
            pairs = zip(self.values[::2], self.values[1::2], strict=True)
            return " ".join(["sack", *(f"{left}:{right}" for left, right in pairs)])
        if self.name.startswith("kind"):
            return f"{self.name} {self.cookie.hex()}".rstrip()
        return " ".join([self.name, *map(str, self.values), *([self.cookie.hex()] if self.cookie else [])])


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment. `options` is None for `<...>`, `window` and `urgent` where they are not given."""

    flags: int
    sequence: int
    length: int
    acknowledgment: int | None = None
    window: int | None = None
    urgent: int | None = None
    options: tuple[TextOption, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Udp:
    """A UDP datagram with `length` octets of payload."""

    length: int


@dataclass(frozen=True, slots=True)
class Icmp:
    """An ICMP message of either version. `quoted` is the packet of ours that it is about."""

    kind: int
    code: int
    rest: int
    name: str
    quoted: Segment | Udp | None = None


# Events.


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a script does or expects. `text` is how the script writes it."""

    place: Place
    when: Span
    text: str


@dataclass(frozen=True, slots=True)
class Packet(Event):
    """A packet that arrives (`inbound`) or is expected.

    `ports` are its source and destination where the script names them.
    """

    inbound: bool
    ip: Ip
    content: Segment | Udp | Icmp
    ports: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a system call is to return: `value` (None for `...`), and the errno's name where it fails."""

    value: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Call(Event):
    """A system call. `until` is when it is to return, if it waits: a time like `when.first`."""

    name: str
    arguments: tuple[Expression, ...]
    result: Wanted
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Code(Event):
    """Python between `%{` and `}%`."""

    code: str


@dataclass(frozen=True, slots=True)
class Shell(Event):
    """A command between backticks."""

    command: str


@dataclass(slots=True)
class Script:
    """A script that was read. `flags` are its `--name=value` lines, each with its place."""

    file: str
    flags: list[tuple[Place, str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
