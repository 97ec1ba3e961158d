"""What the arguments of system calls mean, and what they are to be when a call has returned."""

from __future__ import annotations

from struct import Struct

from glassnet.packetdrill.constants import Value
from glassnet.packetdrill.program import Mismatch
from glassnet.packetdrill.script import Record, Symbols, Term

__all__ = ["PAIR", "field", "number_of", "packed", "same", "sizes"]

PAIR = Struct("ii")
_TIME = Struct("qq")
_SIZES = (1, 2, 4, 8)


def number_of(value: Value) -> int:
    """A number; Mismatch if it is something else."""
    if not isinstance(value, int):
        raise Mismatch(f"a number is expected, not {value!r}")
    return value


def field(message: Value, name: str, position: int = -1) -> Value:
    """A field of a structure that must be there, by its name, or at `position` where none has a name."""
    found = message.get(name, position) if isinstance(message, Record) else None
    if found is None or isinstance(found, Symbols | Term):
        raise Mismatch(f"a structure with a field {name} is expected")
    return found  # type: ignore[return-value]  # a list of expressions that are values


def sizes(parts: Value) -> list[int]:
    """The sizes of `[{..., 1000}, {..., 500}]`."""
    if not isinstance(parts, list):
        raise Mismatch("a list of buffers is expected, such as [{..., 1000}]")
    found = []
    for each in parts:
        size = each.fields[-1][1] if isinstance(each, Record) and each.fields else None
        if not isinstance(size, int):
            raise Mismatch("a list of buffers is expected, such as [{..., 1000}]")
        found.append(size)
    return found


def same(wanted: object, found: object, what: str) -> None:
    """Mismatch if `what` was `found` instead of `wanted`, which may be `...`."""
    if wanted is not ... and wanted != found:
        raise Mismatch(f"{what}: expected {wanted!r}, seen {found!r}")


def packed(value: Value, size: int) -> bytes:
    """The value of an option as C has it in memory."""
    if isinstance(value, bytes):
        return value[:size]
    if isinstance(value, Record):
        numbers = [number for _, number in value.fields if isinstance(number, int)]
        if len(numbers) != 2:
            raise Mismatch("a structure of two numbers is expected, such as {onoff=1, linger=0}")
        return (_TIME if size == _TIME.size else PAIR).pack(*numbers)
    number = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(number, int) or size not in _SIZES:
        raise Mismatch(f"the value of an option is [NUMBER] of 1, 2, 4 or 8 octets, not {value!r} of {size}")
    return (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
