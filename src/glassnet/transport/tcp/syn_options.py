"""What two ends tell each other in their SYNs, and nothing of it later (RFC 9293, 3.2; RFC 7323)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SynOptions"]

_END, _NOP, _MSS, _SCALE, _STAMP = 0, 1, 2, 3, 8


@dataclass(slots=True)
class SynOptions:
    """The options that this stack acts upon. `mss` is 536 where the peer gave none (RFC 9293, 3.7.1)."""

    mss: int = 536
    scale: int | None = None
    stamp: int | None = None
    echo: int = 0

    @classmethod
    def parse(cls, frame: bytes, start: int, end: int) -> SynOptions | None:
        """Read the options between two offsets; None if a length is impossible."""
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
                found.mss = int.from_bytes(value, "big")
            elif kind == _SCALE and length == 3:
                found.scale = value[0]
            elif kind == _STAMP and length == 10:
                found.stamp = int.from_bytes(value[:4], "big")
                found.echo = int.from_bytes(value[4:], "big")
            at += length
        return found

    def build(self, echo: int) -> bytes:
        """The option bytes of a SYN, padded to 32 bits; `echo` is TSecr."""
        parts = [bytes((_MSS, 4)), self.mss.to_bytes(2, "big")]
        if self.stamp is not None:
            parts += (b"\x01\x01\x08\x0a", self.stamp.to_bytes(4, "big"), echo.to_bytes(4, "big"))
        if self.scale is not None:
            parts += (b"\x01\x03\x03", bytes((self.scale,)))
        return b"".join(parts)
