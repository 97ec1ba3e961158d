"""What a socket hears of errors on the way: the queue that recvmsg(2) reads with MSG_ERRQUEUE.

It is Linux's: ip(7), IP_RECVERR. Transports put an entry in; a socket takes it out as a
`struct sock_extended_err`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from glassnet.network.errors import IcmpError

__all__ = ["LOCAL", "ErrorQueue", "PacketError"]

LOCAL = 1
"""SO_EE_ORIGIN_LOCAL: this host itself would not send the packet."""
_ICMP = 2
_ICMPV6 = 3
_KEPT = 64
_MOST_OCTETS = 212992  # an ICMP message may quote 64 KiB


class PacketError(NamedTuple):
    """What became of one packet.

    `destination` is where it was to go, `data` what of its payload is known. `origin`,
    `type`, `code` and `info` (the path MTU, for a packet too long) are those of
    `struct sock_extended_err`; `offender` is who reported it, empty for this host.
    """

    errno: int
    origin: int
    type: int
    code: int
    info: int
    destination: tuple[bytes, int]
    offender: bytes
    data: bytes


class ErrorQueue:
    """The errors of one socket, oldest first; when full, further ones are lost: others send them.

    `wanted4` and `wanted6` are IP_RECVERR and IPV6_RECVERR.
    """

    __slots__ = ("_entries", "_octets", "wanted4", "wanted6")

    def __init__(self) -> None:
        self._entries: deque[PacketError] = deque()
        self._octets = 0
        self.wanted4 = False
        self.wanted6 = False

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, address: bytes) -> bool:
        """Whether errors about packets to this address are collected."""
        return self.wanted4 if len(address) == 4 else self.wanted6

    def want(self, four: bool, on: bool) -> None:
        """Collect errors of a family from now on, or no more; then those that wait are forgotten."""
        if four:
            self.wanted4 = on
        else:
            self.wanted6 = on
        if not on:
            self._entries.clear()
            self._octets = 0

    def put(self, error: PacketError) -> None:
        """Add an entry."""
        size = len(error.data)
        if len(self._entries) < _KEPT and self._octets + size <= _MOST_OCTETS:
            self._entries.append(error)
            self._octets += size

    def put_icmp(self, error: IcmpError, port: int, header: int) -> None:
        """Add what ICMP reports of a packet to `port`, whose transport header has `header` bytes."""
        self.put(
            PacketError(
                error.errno,
                _ICMP if len(error.destination) == 4 else _ICMPV6,
                error.type,
                error.code,
                error.mtu or 0,
                (error.destination, port),
                error.reporter,
                bytes(error.quoted[header:]),
            )
        )

    def take(self) -> PacketError | None:
        """The oldest entry, or None."""
        if not self._entries:
            return None
        error = self._entries.popleft()
        self._octets -= len(error.data)
        return error

    @property
    def next_errno(self) -> int:
        """The errno of the oldest entry, or 0: what is pending after one was taken."""
        return self._entries[0].errno if self._entries else 0
