"""Segments of TCP that travel as one, until an interface cuts them: large-segment offload."""

from __future__ import annotations

__all__ = ["LARGEST", "Large", "large"]

LARGEST = 65535
"""Octets of the longest IP packet that such segments make together: its length field holds no more."""


class Large(bytes):
    """A run of segments in one: a payload on its way down, or the frame that it became.

    Its header and its checksum are those of the whole. Whoever takes it cuts it into
    segments of `segment` bytes of payload, the last of them shorter, each with the same
    header but for its sequence number, lengths and checksum; PSH and FIN are for the last.
    """

    segment: int


def large(data: bytes, segment: int) -> Large:
    """`data` as a run of segments of `segment` bytes each."""
    run = Large(data)
    run.segment = segment
    return run
