"""Frames whose checksums are not known to be right."""

from __future__ import annotations

__all__ = ["Foreign"]


class Foreign(bytes):
    """A frame that came from outside this process, or whose bits an impairment touched.

    Its receiver verifies every checksum. A plain `bytes` frame was made by a stack in
    this process and handed over untouched, so that its checksums are right; only then is
    verification skipped (lengths and formats are checked always). Slices and joins of a
    `Foreign` are plain `bytes`: whoever makes a frame out of a foreign one wraps it anew.
    """

    __slots__ = ()
