"""Which multicast groups a socket has joined, and whom it hears there (RFC 3376, RFC 3678)."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface

__all__ = ["Groups", "Membership"]


@dataclass(slots=True)
class Membership:
    """A group on a link: `sources` are the only ones heard, or with `excluding` the only ones not."""

    excluding: bool = True
    sources: dict[bytes, None] = field(default_factory=dict)

    def admits(self, source: bytes) -> bool:
        """Whether what this source sends to the group is heard."""
        return (source in self.sources) is not self.excluding


class Groups:
    """The memberships of one socket.

    `everything4` and `everything6` are IP_MULTICAST_ALL and IPV6_MULTICAST_ALL: it hears
    the groups that others on this host have joined as well.
    """

    __slots__ = ("everything4", "everything6", "joined")

    def __init__(self) -> None:
        self.joined: dict[tuple[bytes, Interface], Membership] = {}
        self.everything4 = True
        self.everything6 = True

    def admit(self, group: bytes, interface: Interface, source: bytes) -> bool:
        """Whether a packet to `group` is for this socket; to a broadcast address it always is."""
        if not (group[0] == 0xFF if len(group) == 16 else group[0] & 0xF0 == 0xE0):
            return True
        membership = self.joined.get((group, interface))
        if membership is not None:
            return membership.admits(source)
        return self.everything4 if len(group) == 4 else self.everything6

    def find(self, group: bytes, interface: Interface) -> Membership:
        """The membership in a group; OSError(EADDRNOTAVAIL) if there is none."""
        membership = self.joined.get((group, interface))
        if membership is None:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return membership
