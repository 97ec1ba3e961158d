"""What two ends tell each other in their SYNs, and nothing of it later.

RFC 9293, 3.2 (MSS); RFC 7323 (window scale, timestamps); RFC 2018, 2 (SACK-permitted);
RFC 7413, 4.1.1 (Fast Open); RFC 3168, 6.1.1 (ECN, which is told in the flags).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from glassnet.wire.tcp import ACK, CWR, ECE

__all__ = ["SynOptions"]

_END, _NOP, _MSS, _SCALE, _SACK, _STAMP, _FAST_OPEN, _EXPERIMENT = 0, 1, 2, 3, 4, 8, 34, 254
_FAST_OPEN_MAGIC = b"\xf9\x89"  # RFC 7413, 4.1.1: what came before kind 34
_COOKIE_LEAST, _COOKIE_MOST = 4, 16
_SPACE = 40  # the header's length field leaves no more

_FRESH = Struct("!BBHBBBBIIBBBB")
_LAYOUT = (_MSS, 4, _SACK, 2, _STAMP, 10, _NOP, _SCALE, 3)


@dataclass(slots=True)
class SynOptions:
    """The options that this stack acts upon. `mss` is 0 where the peer gave none: see `limit`.

    `fast_open` is a cookie, empty to ask for one; `experimental` says that it came, or shall
    go, under the experimental number. `ecn` asks for ECN, or agrees to it in a SYN-ACK.
    """

    mss: int = 0
    scale: int | None = None
    stamp: int | None = None
    echo: int = 0
    sack: bool = False
    fast_open: bytes | None = None
    experimental: bool = False
    ecn: bool = False

    @classmethod
    def parse(cls, frame: bytes, start: int, end: int) -> SynOptions | None:
        """Read the options between two offsets; None if a length is impossible."""
        if end - start == 20:
            # As most systems lay out all of them.
            a, b, mss, c, d, e, f, stamp, echo, g, h, i, scale = _FRESH.unpack_from(frame, start)
            if (a, b, c, d, e, f, g, h, i) == _LAYOUT:
                return cls(mss or 1, scale, stamp, echo, True)
        found = cls()
        at = start
        while at < end:
            kind = frame[at]
            if kind == _END:
                break
            if kind == _NOP:
                at += 1
                continue
            if at + 2 > end:
                return None
            length = frame[at + 1]
            if length < 2 or at + length > end:
                return None
            value = frame[at + 2 : at + length]
            if kind == _MSS and length == 4:
                found.mss = int.from_bytes(value, "big") or 1
            elif kind == _SCALE and length == 3:
                found.scale = value[0]
            elif kind == _STAMP and length == 10:
                found.stamp = int.from_bytes(value[:4], "big")
                found.echo = int.from_bytes(value[4:], "big")
            elif kind == _SACK and length == 2:
                found.sack = True
            elif kind == _FAST_OPEN:
                found._take_cookie(value, False)
            elif kind == _EXPERIMENT and value[:2] == _FAST_OPEN_MAGIC:
                found._take_cookie(value[2:], True)
            at += length
        return found

    def limit(self, address: bytes) -> int:
        """The most that the peer takes in one segment, options included, over the family of `address`.

        Without the option that is what fits the least packet that all must take (RFC 9293, 3.7.1).
        """
        return self.mss or (536 if len(address) == 4 else 1220)

    def _take_cookie(self, cookie: bytes, experimental: bool) -> None:
        size = len(cookie)
        if size and (size < _COOKIE_LEAST or size > _COOKIE_MOST or size & 1):
            return  # RFC 7413, 4.1.1: of another length, it is as if there was none
        self.fast_open = cookie
        self.experimental = experimental

    def build(self, echo: int) -> bytes:
        """The option bytes of a SYN, padded to 32 bits and laid out as Linux does; `echo` is TSecr.

        A cookie that finds no room is left out.
        """
        parts = [bytes((_MSS, 4)), self.mss.to_bytes(2, "big")]
        if self.stamp is not None:
            lead = (_SACK, 2) if self.sack else (_NOP, _NOP)
            parts += (
                bytes((*lead, _STAMP, 10)),
                self.stamp.to_bytes(4, "big"),
                echo.to_bytes(4, "big"),
            )
        elif self.sack:
            parts.append(bytes((_NOP, _NOP, _SACK, 2)))
        if self.scale is not None:
            parts.append(bytes((_NOP, _SCALE, 3, self.scale)))
        options = b"".join(parts)
        if self.fast_open is not None:
            head = _FAST_OPEN_MAGIC if self.experimental else b""
            kind = _EXPERIMENT if self.experimental else _FAST_OPEN
            option = bytes((kind, 2 + len(head) + len(self.fast_open))) + head + self.fast_open
            option += bytes((_NOP,)) * (-len(option) % 4)
            if len(options) + len(option) <= _SPACE:
                options += option
        return options

    def flags(self, flags: int) -> int:
        """`flags` of a SYN or SYN-ACK with what these options say in them (RFC 3168, 6.1.1)."""
        if not self.ecn:
            return flags
        return flags | (ECE if flags & ACK else ECE | CWR)
