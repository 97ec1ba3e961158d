"""MSS clamping: a router tells both ends of a TCP connection of a narrow link between them.

Where ICMP's word of a path's MTU does not get through (RFC 2923, 2.1), connections over a narrow
link would hang. A router that rewrites the MSS option of SYNs spares them that.
"""

from __future__ import annotations

from glassnet.wire.foreign import Foreign
from glassnet.wire.tcp import MAXIMUM_SEGMENT_SIZE, SYN

__all__ = ["clamped"]

_END, _NOP = 0, 1


def clamped(frame: bytes, start: int, end: int, most: int) -> bytes:
    """`frame` with no more than `most` in the MSS option of its TCP header at `start`, if that is a SYN's.

    The checksum is adjusted, not made anew (RFC 1624): a wrong one stays wrong, and a frame that
    is not known to be right (`Foreign`) stays so. What cannot be read is left alone.
    """
    if end - start < 24 or not frame[start + 13] & SYN:
        return frame
    last = min(start + (frame[start + 12] >> 4 << 2), end)
    at = start + 20
    while at + 4 <= last:
        kind = frame[at]
        if kind == _END:
            break
        if kind == _NOP:
            at += 1
            continue
        length = frame[at + 1]
        if kind == MAXIMUM_SEGMENT_SIZE and length == 4:
            return _rewritten(frame, start, at + 2, most)
        if length < 2:
            break
        at += length
    return frame


def _rewritten(frame: bytes, start: int, at: int, most: int) -> bytes:
    before = int.from_bytes(frame[at : at + 2], "big")
    if before <= most:
        return frame
    change = most - before
    if (at - start) & 1:
        change = (most >> 8 | (most & 0xFF) << 8) - (before >> 8 | (before & 0xFF) << 8)
    checksum = int.from_bytes(frame[start + 16 : start + 18], "big")
    # Of the two zeros of ones' complement, a checksum made this way is never all ones (RFC 1624, 3).
    checksum = 0xFFFF - ((0xFFFF - checksum + change - 1) % 0xFFFF + 1)
    new = bytearray(frame)
    new[at : at + 2] = most.to_bytes(2, "big")
    new[start + 16 : start + 18] = checksum.to_bytes(2, "big")
    return bytes(new) if type(frame) is bytes else Foreign(new)
