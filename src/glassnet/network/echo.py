"""Echo, of which `ping` is made, for both families (RFC 792, RFC 4443 section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.datalink.interface import Interface

__all__ = ["EchoReply"]


@dataclass(frozen=True, slots=True)
class EchoReply:
    """An answer to an echo request; `hops` is the time to live, or hop limit, that it came with."""

    source: bytes
    destination: bytes
    identifier: int
    sequence: int
    data: bytes
    hops: int
    interface: Interface
