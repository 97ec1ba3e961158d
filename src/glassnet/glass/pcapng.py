"""Capture files: pcapng, as the IETF's draft-ietf-opsawg-pcapng describes it.

What `Writer` writes depends on what it is given and on nothing else: no wall
clock, no name of a machine or of an operating system. `Reader` takes any pcapng
file, of either byte order and any time resolution.

Times are nanoseconds since 1970-01-01 00:00 UTC. Frames are Ethernet frames
without their FCS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, Final, Literal

from glassnet._version import __version__
from glassnet.wire.errors import WireError

__all__ = ["CapturedInterface", "Direction", "Packet", "Reader", "Writer"]

Direction = Literal["rx", "tx"]

LINKTYPE_ETHERNET: Final = 1

# Block types (section 11.1 of the draft).
_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE_DESCRIPTION: Final = 1
_OBSOLETE_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_NAME_RESOLUTION: Final = 4
_ENHANCED_PACKET: Final = 6

_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_SECTION_LENGTH_UNKNOWN: Final = 0xFFFFFFFF_FFFFFFFF

# Options, each numbered within its kind of block (sections 3.5, 4.1 to 4.6).
_OPT_END: Final = 0
_SHB_USERAPPL: Final = 4
_IF_NAME: Final = 2
_IF_DESCRIPTION: Final = 3
_IF_MACADDR: Final = 6
_IF_SPEED: Final = 8
_IF_TSRESOL: Final = 9
_IF_TSOFFSET: Final = 14
_EPB_FLAGS: Final = 2

_NRB_IPV4: Final = 1
_NRB_IPV6: Final = 2

_NANOSECONDS: Final = 9
_FLAGS: Final[dict[str, int]] = {"rx": 0b01, "tx": 0b10}
_DIRECTIONS: Final[dict[int, Direction]] = {0b01: "rx", 0b10: "tx"}

# A block longer than this is not one: Wireshark draws the line in the same place.
_LONGEST_BLOCK: Final = 16 << 20
# Parts (three for each frame) to collect before they are handed to the file.
_BATCH: Final = 3 * 256

_U16X2 = Struct("<HH")
_U32 = Struct("<I")
_U64 = Struct("<Q")
_EPB_HEAD = Struct("<7I")  # type, length, interface, time high, time low, captured, original


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) & 3)


def _option(code: int, value: bytes) -> bytes:
    return _U16X2.pack(code, len(value)) + _padded(value)


def _text(code: int, value: str) -> bytes:
    return _option(code, value.encode()[:0xFFFF]) if value else b""


_END_OF_OPTIONS: Final = _U16X2.pack(_OPT_END, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = _U32.pack(12 + len(body))
    return b"".join((_U32.pack(kind), length, body, length))


class Writer:
    """Writes one section: its header at once, then what its methods are told.

    Frames are collected and reach `file` in batches; `flush` hands over what there
    is. The file is the caller's to close.
    """

    __slots__ = ("_file", "_interfaces", "_parts", "_tails")

    def __init__(self, file: BinaryIO, application: str = f"glassnet {__version__}") -> None:
        self._file = file
        self._parts: list[bytes] = []
        self._interfaces = 0
        self._tails: dict[str, dict[int, bytes]] = {"rx": {}, "tx": {}}
        header = Struct("<IHHQ").pack(_BYTE_ORDER_MAGIC, 1, 0, _SECTION_LENGTH_UNKNOWN)
        self._parts.append(
            _block(_SECTION_HEADER, header + _text(_SHB_USERAPPL, application) + _END_OF_OPTIONS)
        )

    def interface(
        self,
        name: str,
        *,
        description: str = "",
        mac: bytes | None = None,
        speed: int | None = None,
        link_type: int = LINKTYPE_ETHERNET,
    ) -> int:
        """Describe an interface, with its speed in bits per second; returns the number to record at it."""
        options = [_text(_IF_NAME, name), _text(_IF_DESCRIPTION, description)]
        if mac is not None:
            options.append(_option(_IF_MACADDR, mac))
        if speed is not None:
            options.append(_option(_IF_SPEED, _U64.pack(speed)))
        options += (_option(_IF_TSRESOL, bytes((_NANOSECONDS,))), _END_OF_OPTIONS)
        snap_length = 0  # no limit
        body = Struct("<HHI").pack(link_type, 0, snap_length) + b"".join(options)
        self._parts.append(_block(_INTERFACE_DESCRIPTION, body))
        self._interfaces += 1
        return self._interfaces - 1

    def names(self, records: Iterable[tuple[bytes, Sequence[str]]]) -> None:
        """Say which names belong to an address of 4 or 16 bytes; nothing is written for no records."""
        body = b"".join(
            _option(
                _NRB_IPV4 if len(address) == 4 else _NRB_IPV6,
                address + b"".join(name.encode() + b"\0" for name in names),
            )
            for address, names in records
        )
        if body:
            self._parts.append(_block(_NAME_RESOLUTION, body + _END_OF_OPTIONS))

    def frame(self, interface: int, time: int, direction: Direction, data: bytes) -> None:
        """Record one frame."""
        self.tap(interface)(time, None, direction, data)

    def tap(self, interface: int, epoch: int = 0) -> Callable[[int, object, str, bytes], None]:
        """A function to put among the taps of an interface: it records each frame at `epoch` + its time."""
        parts = self._parts
        extend = parts.extend
        tails = self._tails
        make_tail = self._tail
        flush = self.flush
        pack = _EPB_HEAD.pack

        def record(time: int, _interface: object, direction: str, frame: bytes) -> None:
            length = len(frame)
            tail = tails[direction].get(length)
            if tail is None:
                tail = make_tail(direction, length)
            time += epoch
            total = 28 + length + len(tail)
            extend(
                (
                    pack(_ENHANCED_PACKET, total, interface, time >> 32, time & 0xFFFFFFFF, length, length),
                    frame,
                    tail,
                )
            )
            if len(parts) > _BATCH:
                flush()

        return record

    def _tail(self, direction: str, length: int) -> bytes:
        """All that follows a frame of this length in its block: there are few lengths, so each is kept."""
        options = _option(_EPB_FLAGS, _U32.pack(_FLAGS[direction])) + _END_OF_OPTIONS
        padding = bytes(-length & 3)
        total = 28 + length + len(padding) + len(options) + 4
        tail = self._tails[direction][length] = padding + options + _U32.pack(total)
        return tail

    def flush(self) -> None:
        """Hand what has been collected to the file."""
        self._file.write(b"".join(self._parts))
        self._parts.clear()


@dataclass(frozen=True, slots=True)
class CapturedInterface:
    """An interface as a capture file describes it; `speed` is in bits per second."""

    name: str = ""
    description: str = ""
    mac: bytes | None = None
    speed: int | None = None
    link_type: int = LINKTYPE_ETHERNET


@dataclass(frozen=True, slots=True)
class Packet:
    """A frame in a capture file, where and when it was seen.

    `time` is None in the blocks that hold none, and `direction` is None where the
    file does not tell. `length` is that of the frame on the wire; `data` may be less.
    """

    time: int | None
    interface: CapturedInterface
    direction: Direction | None
    data: bytes
    length: int


@dataclass(slots=True)
class _Source:
    """An interface of the section that is being read, with what its packets need."""

    interface: CapturedInterface
    snap_length: int
    denominator: int  # units of time in a second
    offset: int  # nanoseconds


class Reader:
    """The packets of a pcapng file, in its order: iterate.

    `application`, `interfaces` (in the file's order, over all its sections) and
    `names` (address to names) grow while it is read. Blocks of other kinds are
    passed over. Raises `WireError` for anything that is not pcapng.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.application = ""
        self.interfaces: list[CapturedInterface] = []
        self.names: dict[bytes, tuple[str, ...]] = {}
        self._file = file
        self._offset = 0
        self._order = "<"
        self._sources: list[_Source] = []

    def __iter__(self) -> Iterator[Packet]:
        """Read on."""
        handlers: dict[int, Callable[[bytes], Packet]] = {
            _ENHANCED_PACKET: self._enhanced,
            _SIMPLE_PACKET: self._simple,
            _OBSOLETE_PACKET: self._obsolete,
        }
        first = True
        while (block := self._next_block(first)) is not None:
            first = False
            kind, body = block
            if kind in handlers:
                yield handlers[kind](body)
            elif kind == _SECTION_HEADER:
                self._sources.clear()
                for code, value in self._options(body, 16):
                    if code == _SHB_USERAPPL:
                        self.application = value.decode(errors="replace")
            elif kind == _INTERFACE_DESCRIPTION:
                self._describe(body)
            elif kind == _NAME_RESOLUTION:
                self._resolve(body)
            self._offset += 12 + len(body)

    def _next_block(self, first: bool) -> tuple[int, bytes] | None:
        head = self._file.read(12)
        if not head and not first:
            return None
        if len(head) < 12:
            raise self._error(
                "the file ends within a block" if not first else "too short for a section header"
            )
        if _U32.unpack_from(head)[0] == _SECTION_HEADER:
            if _U32.unpack_from(head, 8)[0] == _BYTE_ORDER_MAGIC:
                self._order = "<"
            elif Struct(">I").unpack_from(head, 8)[0] == _BYTE_ORDER_MAGIC:
                self._order = ">"
            else:
                raise self._error("no byte-order magic in the section header", 8)
        elif first:
            raise self._error("it does not start with a section header")
        kind, length = self._unpack("II", head)
        if not 12 <= length <= _LONGEST_BLOCK or length % 4:
            raise self._error(f"a block of {length} bytes", 4)
        # The 4 bytes after the length belong to the body, or are the closing length of an empty one.
        rest = head[8:] + self._file.read(length - 12)
        if len(rest) < length - 8:
            raise self._error("the file ends within a block")
        if self._unpack("I", rest, length - 12)[0] != length:
            raise self._error("the two lengths of a block differ", length - 4)
        return kind, rest[:-4]

    def _unpack(self, layout: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
        struct = Struct(self._order + layout)
        if len(data) - offset < struct.size:
            raise self._error("a block too short for its kind")
        return struct.unpack_from(data, offset)

    def _error(self, what: str, inside: int = 0) -> WireError:
        return WireError(f"pcapng: {what}", self._offset + inside)

    def _options(self, body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
        """The code and value of each option (or name record) in `body` from `offset` to the end marker."""
        while offset < len(body):
            code, length = self._unpack("HH", body, offset)
            if code == _OPT_END:
                return
            if offset + 4 + length > len(body):
                raise self._error(f"an option of {length} bytes reaches beyond its block", 8 + offset)
            yield code, body[offset + 4 : offset + 4 + length]
            offset += 4 + length + (-length & 3)

    def _describe(self, body: bytes) -> None:
        link_type, _, snap_length = self._unpack("HHI", body)
        name = description = ""
        mac: bytes | None = None
        speed: int | None = None
        resolution, offset = 6, 0
        for code, value in self._options(body, 8):
            if code == _IF_NAME:
                name = value.decode(errors="replace")
            elif code == _IF_DESCRIPTION:
                description = value.decode(errors="replace")
            elif code == _IF_MACADDR:
                mac = value
            elif code == _IF_SPEED:
                (speed,) = self._unpack("Q", value)
            elif code == _IF_TSRESOL:
                (resolution,) = self._unpack("B", value)
            elif code == _IF_TSOFFSET:
                (offset,) = self._unpack("q", value)
        # The high bit tells powers of two from powers of ten (section 4.2, if_tsresol).
        denominator = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        interface = CapturedInterface(name, description, mac, speed, link_type)
        self.interfaces.append(interface)
        self._sources.append(_Source(interface, snap_length, denominator, offset * 10**9))

    def _resolve(self, body: bytes) -> None:
        for kind, value in self._options(body, 0):
            size = {_NRB_IPV4: 4, _NRB_IPV6: 16}.get(kind)
            if size is None:
                continue
            if len(value) < size:
                raise self._error("a name record too short for its address")
            names = tuple(name.decode(errors="replace") for name in value[size:].split(b"\0") if name)
            self.names[value[:size]] = self.names.get(value[:size], ()) + names

    def _source(self, number: int) -> _Source:
        if number >= len(self._sources):
            raise self._error(f"a packet of interface {number}, which no block describes")
        return self._sources[number]

    def _packet(
        self, number: int, time: int | None, body: bytes, offset: int, captured: int, length: int
    ) -> Packet:
        source = self._source(number)
        if offset + captured > len(body):
            raise self._error(f"a packet of {captured} bytes reaches beyond its block")
        direction: Direction | None = None
        for code, value in self._options(body, offset + captured + (-captured & 3)):
            if code == _EPB_FLAGS:
                direction = _DIRECTIONS.get(self._unpack("I", value)[0] & 0b11)
        if time is not None:
            time = time * 10**9 // source.denominator + source.offset
        return Packet(time, source.interface, direction, body[offset : offset + captured], length)

    def _enhanced(self, body: bytes) -> Packet:
        number, high, low, captured, length = self._unpack("IIIII", body)
        return self._packet(number, high << 32 | low, body, 20, captured, length)

    def _obsolete(self, body: bytes) -> Packet:
        number, _, high, low, captured, length = self._unpack("HHIIII", body)
        return self._packet(number, high << 32 | low, body, 20, captured, length)

    def _simple(self, body: bytes) -> Packet:
        (length,) = self._unpack("I", body)
        source = self._source(0)
        captured = min(length, source.snap_length or length, len(body) - 4)
        return Packet(None, source.interface, None, body[4 : 4 + captured], length)
