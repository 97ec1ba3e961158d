"""SYN cookies (RFC 4987, 3.6): a half-open connection kept in the number that it is answered with.

The initial sequence number of such a SYN-ACK is

    pad(4-tuple) + peer's number + (5 bits of time, 3 bits of MSS, 24 bits of MAC)

modulo 2^32, where pad and MAC are keyed hashes. Time goes in steps of 64 s; a cookie is good
in the step in which it was made and in the next. The largest MSS of a table that the peer's
is not below takes its place. With timestamps, the low 6 bits of TSval hold what else the
peer's SYN has said; without, neither SACK nor window scaling can be had.
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import blake2s
from hmac import compare_digest

__all__ = ["LIFETIME", "SynCookies", "offered_in", "stamp_with"]

_MASK = 0xFFFFFFFF
_STEP = 64 * 10**9
_SIZES = (88, 536, 1220, 1300, 1400, 1440, 1460, 8940)

LIFETIME = 2 * _STEP
"""How long after the last cookie one may still come back, in nanoseconds."""

_STAMP_BITS = 63
_NO_SCALE = 15
_SACK = 16
_ECN = 32


class SynCookies:
    """Makes and checks cookies with the secret of one host, and counts both."""

    __slots__ = ("_secret", "failed", "received", "sent")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.sent = self.received = self.failed = 0

    def make(self, key: bytes, sequence: int, mss: int, now: int) -> int:
        """The sequence number that answers a SYN `sequence` of the 4-tuple `key` at `now` (ns)."""
        index = max(bisect_right(_SIZES, mss) - 1, 0)
        self.sent += 1
        step = now // _STEP
        value = (step & 31) << 27 | index << 24 | self._mac(key, sequence, step, index)
        return (self._pad(key) + sequence + value) & _MASK

    def check(self, key: bytes, sequence: int, cookie: int, now: int) -> int | None:
        """The MSS in a `cookie` that was made for a SYN `sequence`; None if it was not, or too long ago."""
        value = (cookie - sequence - self._pad(key)) & _MASK
        index = value >> 24 & 7
        age = (now // _STEP - (value >> 27)) & 31
        mac = self._mac(key, sequence, max(now // _STEP - age, 0), index)
        if age > 1 or not compare_digest(mac.to_bytes(3, "big"), (value & 0xFFFFFF).to_bytes(3, "big")):
            self.failed += 1
            return None
        self.received += 1
        return _SIZES[index]

    def _pad(self, key: bytes) -> int:
        return int.from_bytes(
            blake2s(key, key=self._secret, digest_size=4, person=b"cookie p").digest(), "big"
        )

    def _mac(self, key: bytes, sequence: int, step: int, index: int) -> int:
        text = key + sequence.to_bytes(4, "big") + step.to_bytes(8, "big") + bytes((index,))
        digest = blake2s(text, key=self._secret, digest_size=3, person=b"cookie m").digest()
        return int.from_bytes(digest, "big")


def stamp_with(stamp: int, scale: int | None, sack: bool, ecn: bool) -> int:
    """A TSval of no later than `stamp` that holds what the peer's SYN has offered."""
    bits = _NO_SCALE if scale is None else min(scale, 14)
    bits |= (_SACK if sack else 0) | (_ECN if ecn else 0)
    value = stamp & ~_STAMP_BITS | bits
    return (value if value <= stamp else value - _STAMP_BITS - 1) & _MASK


def offered_in(echo: int) -> tuple[int | None, bool, bool]:
    """Window scale, SACK and ECN that `stamp_with` has put into the timestamp that the peer echoes."""
    scale = echo & _NO_SCALE
    return None if scale == _NO_SCALE else scale, bool(echo & _SACK), bool(echo & _ECN)
