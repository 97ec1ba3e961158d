"""How an Ethernet frame stands on the wire (IEEE 802.3 clauses 3.1, 4.2 and 4.4).

Before a frame go 7 octets of preamble and the start-of-frame delimiter; it is at
least 64 octets long, its frame check sequence included; after it the line is quiet
for the time of 12 octets. Elsewhere in glassnet a frame is what lies between the
delimiter and the frame check sequence.
"""

from __future__ import annotations

from zlib import crc32

from glassnet.wire.ethernet import MINIMUM

__all__ = ["FCS", "GAP", "OVERHEAD", "PREAMBLE", "fcs_holds", "with_fcs"]

PREAMBLE = 8
"""Octets of preamble and start-of-frame delimiter."""

FCS = 4
"""Octets of frame check sequence."""

GAP = 12
"""Octets of inter-frame gap."""

OVERHEAD = PREAMBLE + FCS + GAP
"""Octets of line time that a frame takes besides its own."""


def with_fcs(frame: bytes) -> bytes:
    """The frame, padded to the minimum, and its frame check sequence (802.3 clause 3.2.9).

    The bits of each octet go least significant first, so that the check sequence,
    sent most significant bit first, is the CRC-32 in little-endian octets.
    """
    padded = frame.ljust(MINIMUM, b"\0")
    return padded + crc32(padded).to_bytes(FCS, "little")


def fcs_holds(bits: bytes) -> bool:
    """Whether `bits`, a frame and its frame check sequence, are as they were sent."""
    return crc32(bits[:-FCS]).to_bytes(FCS, "little") == bits[-FCS:]
