"""The SACK option of a segment that is not a SYN (RFC 2018, 3)."""

from __future__ import annotations

from struct import Struct

__all__ = ["find_blocks", "unpack_blocks"]

_END, _NOP, _SACK = 0, 1, 5
_ITERATE = Struct("!II").iter_unpack

Blocks = tuple[tuple[int, int], ...]


def unpack_blocks(frame: bytes, at: int, end: int) -> Blocks:
    """The blocks of the option whose length byte stands at `at`, in options that end at `end`."""
    size = frame[at] - 2
    if size <= 0 or size & 7 or at + 1 + size > end:
        return ()
    return tuple(_ITERATE(frame[at + 1 : at + 1 + size]))


def find_blocks(frame: bytes, start: int, end: int) -> Blocks:
    """The blocks of the first SACK option between two offsets."""
    at = start
    while at + 1 < end:
        kind = frame[at]
        if kind == _NOP:
            at += 1
            continue
        if kind == _END:
            break
        if kind == _SACK:
            return unpack_blocks(frame, at + 1, end)
        if frame[at + 1] < 2:
            break
        at += frame[at + 1]
    return ()
