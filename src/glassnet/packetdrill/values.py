"""What the arguments of system calls mean, and what they are to be when a call has returned."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from struct import Struct
from types import EllipsisType
from typing import Any

from glassnet.packetdrill.constants import Value
from glassnet.packetdrill.program import Mismatch
from glassnet.packetdrill.script import Record, Symbols, Term

__all__ = [
    "PAIR",
    "event_data",
    "field",
    "number_of",
    "packed",
    "same",
    "same_address",
    "sizes",
    "without_control",
    "written_address",
]

PAIR = Struct("ii")
_TIME = Struct("qq")
_WORD = Struct("=I")
_SIZES = (1, 2, 4, 8)
_ADDRESS = frozenset(
    (
        "",
        *("sa_family", "sin_family", "sin_port", "sin_addr"),
        *("sin6_family", "sin6_port", "sin6_flowinfo", "sin6_addr", "sin6_scope_id"),
    )
)


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


def same_address(wanted: object, found: Any) -> None:
    """Mismatch if a call gave another address than the script says."""
    if isinstance(wanted, Record):
        host, port = written_address(wanted)
        same(port, found[1], "the port")
        same(host, found[0], "the address")


def written_address(record: Record) -> tuple[str | EllipsisType, int | EllipsisType]:
    """Host and port of `{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}`.

    Each is `...` where the script says nothing of it. Mismatch for fields that addresses do not have.
    """
    strange = [name for name, _ in record.fields if name not in _ADDRESS]
    if strange:
        raise Mismatch(f"an address has no field {strange[0]!r}")
    six = len(record.fields) > 3 or record.get("sin6_addr") is not None
    port = record.get("sin6_port" if six else "sin_port", 1)
    host = record.get("sin6_addr" if six else "sin_addr", 3 if six else 2)
    if isinstance(host, int):
        host = _WORD.pack(host)
    if isinstance(host, bytes) and len(host) not in (4, 16):
        raise Mismatch("an address is inet_addr(...) or inet_pton(...)")
    return (
        str(ip_address(host)) if isinstance(host, bytes) else ...,
        socket.ntohs(port) if isinstance(port, int) else ...,
    )


def without_control(message: Record) -> None:
    """Mismatch if a message has control messages."""
    if message.get("msg_control") not in (None, ..., [], 0):
        raise Mismatch("control messages (msg_control) cannot be written here")


def event_data(event: Value, otherwise: Value) -> Value:
    """What the program has noted in an event of epoll: a union, of which scripts name one member."""
    for name in ("fd", "ptr", "u32", "u64"):
        found = event.get(name) if isinstance(event, Record) else None
        if found is not None:
            return found  # type: ignore[return-value]  # it was resolved
    return otherwise
