"""Explicit congestion notification in the IP header of a frame (RFC 3168; RFC 8311 on its codepoints)."""

from __future__ import annotations

from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, payload_start
from glassnet.wire.foreign import Foreign

__all__ = ["CE", "ECT_0", "ECT_1", "NOT_ECT", "codepoint", "marked"]

NOT_ECT = 0b00
"""The sender's transport does not understand marks."""
ECT_1 = 0b01
"""ECN-capable transport."""
ECT_0 = 0b10
"""ECN-capable transport: the usual one of the two."""
CE = 0b11
"""Congestion experienced."""

_IPV4_HEADER = 20


def codepoint(frame: bytes) -> int | None:
    """The ECN field of the IP packet in a frame, tagged or not; None if there is no IP packet."""
    ethertype, start = payload_start(frame)
    if ethertype == ETHERTYPE_IPV4:
        if len(frame) >= start + _IPV4_HEADER and frame[start] >> 4 == 4:
            return frame[start + 1] & 3
    elif ethertype == ETHERTYPE_IPV6 and len(frame) >= start + 2 and frame[start] >> 4 == 6:
        return frame[start + 1] >> 4 & 3
    return None


def marked(frame: bytes) -> bytes | None:
    """The frame with CE in its IP header; None if it must not be marked: it is not IP, or Not-ECT.

    A frame that has CE already is returned as it is. The checksum of an IPv4 header is
    changed by as much as the header (RFC 1624 section 3): a right one stays right and a wrong
    one wrong, so that a `Foreign` frame stays one and another need not become one.
    """
    before = codepoint(frame)
    if before is None or before == NOT_ECT:
        return None
    if before == CE:
        return frame
    changed = bytearray(frame)
    ethertype, start = payload_start(frame)
    if ethertype == ETHERTYPE_IPV6:
        changed[start + 1] |= CE << 4
    else:
        changed[start + 1] |= CE
        # The word gains CE - before, which its checksum loses, in ones' complement.
        checksum = (changed[start + 10] << 8 | changed[start + 11]) - (CE - before)
        if checksum < 0:
            checksum += 0xFFFF
        changed[start + 10], changed[start + 11] = checksum >> 8, checksum & 0xFF
    return bytes(changed) if type(frame) is bytes else Foreign(changed)
