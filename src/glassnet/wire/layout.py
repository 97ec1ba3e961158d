"""How a header is declared: its fields in the order and words of the RFC's diagram, to single bits.

From one declaration come the precompiled `struct.Struct` of the hot path, the checked `unpack` and
`pack` of the typed classes, and the bit ranges and display names that the glass shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any

from glassnet.wire.errors import WireError

__all__ = ["Field", "Layout"]

_UNITS = {8: "B", 16: "H", 32: "I", 64: "Q"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a diagram.

    `name`: the RFC's word, as a Python name. `bits`: its width. `meaning`: one line for
    people. `wireshark`: its display filter name there, "" if it has none. `octets`: its
    value is `bytes` (an address), not a number; so is any field of whole bytes that are not
    1, 2, 4 or 8.
    """

    name: str
    bits: int
    meaning: str = ""
    wireshark: str = ""
    octets: bool = False


class Layout:
    """The fields of a header, or of the fixed part of one.

    `struct` packs and unpacks *units*: neighbouring fields gathered into the smallest run of
    1, 2, 4 or 8 whole bytes, most significant first. `unpack` and `pack` deal in single
    fields. `size` is in bytes; `ranges` gives the first bit and the bit after the last of each
    field, bit 0 being the leftmost of the diagram.
    """

    __slots__ = ("_slots", "_units", "fields", "name", "ranges", "rfc", "size", "struct")

    def __init__(self, name: str, rfc: str, *fields: Field) -> None:
        self.name = name
        self.rfc = rfc
        self.fields = fields
        self.ranges: dict[str, tuple[int, int]] = {}
        # For each field: the index of its unit, its shift within it, and its greatest value (None: octets).
        slots: list[tuple[int, int, int | None]] = []
        codes: list[str] = []
        gathered: list[Field] = []
        width = position = 0
        for field in fields:
            if field.bits <= 0 or field.name in self.ranges:
                raise ValueError(f"{name}: field {field.name!r} is empty or declared twice")
            self.ranges[field.name] = (position, position + field.bits)
            position += field.bits
            if not gathered and field.bits % 8 == 0 and (field.octets or field.bits not in _UNITS):
                slots.append((len(codes), 0, None))
                codes.append(f"{field.bits // 8}s")
                continue
            gathered.append(field)
            width += field.bits
            if field.octets or width > 64:
                raise ValueError(f"{name}: field {field.name!r} does not end or start on a whole byte")
            if width in _UNITS:
                for part in gathered:
                    width -= part.bits
                    slots.append((len(codes), width, (1 << part.bits) - 1))
                codes.append(_UNITS[sum(part.bits for part in gathered)])
                gathered = []
        if gathered:
            raise ValueError(f"{name}: its fields do not add up to whole units of 1, 2, 4 or 8 bytes")
        self.struct = Struct("!" + "".join(codes))
        self.size = self.struct.size
        self._slots = tuple(slots)
        self._units: tuple[Any, ...] = tuple(b"" if code.endswith("s") else 0 for code in codes)

    def __repr__(self) -> str:
        return f"<Layout {self.name}, {self.rfc}: {self.size} bytes>"

    def offset(self, name: str) -> int:
        """The byte, counted from the start of the header, in which field `name` begins."""
        return self.ranges[name][0] >> 3

    def error(self, what: str, field: str, offset: int = 0) -> WireError:
        """A `WireError` about `field` of a header that begins at byte `offset`."""
        return WireError(f"{self.name.lower()}: {what}", offset + self.offset(field))

    def within(self, data: bytes, offset: int = 0, end: int | None = None) -> int:
        """The end of what may be read: `end`, but not beyond `data`.

        Raises `WireError` if the header does not fit between `offset` and there.
        """
        length = len(data)
        if end is None or end > length:
            end = length
        if offset < 0 or offset + self.size > end:
            raise WireError(f"{self.name.lower()}: truncated", max(end, 0))
        return end

    def unpack(self, data: bytes, offset: int = 0, end: int | None = None) -> tuple[Any, ...]:
        """The value of each field, in order: `int`, or `bytes` for octets. Raises `WireError`."""
        self.within(data, offset, end)
        units = self.struct.unpack_from(data, offset)
        return tuple(
            [
                units[unit] if greatest is None else units[unit] >> shift & greatest
                for unit, shift, greatest in self._slots
            ]
        )

    def pack(self, *values: Any) -> bytes:
        """The bytes of the header with one value for each field, in order.

        Raises `WireError` naming the first field whose value does not fit.
        """
        units = list(self._units)
        for field, (unit, shift, greatest), value in zip(self.fields, self._slots, values, strict=True):
            if greatest is not None:
                if not isinstance(value, int) or not 0 <= value <= greatest:
                    raise self.error(f"{field.name} {value!r} is not in 0..{greatest}", field.name)
                units[unit] |= value << shift
            elif not isinstance(value, bytes) or len(value) << 3 != field.bits:
                raise self.error(f"{field.name} {value!r} is not {field.bits >> 3} bytes", field.name)
            else:
                units[unit] = value
        return self.struct.pack(*units)
