"""Where a packet goes next: the seam between addresses of the network and those of a link.

`NextHop.link` is the 14-byte Ethernet header to put in front of a packet, or None
when a packet cannot just be sent: the slow path, `send`, then knows what to do.
"""

from __future__ import annotations

from collections.abc import Callable

from glassnet.datalink.interface import Interface
from glassnet.wire.foreign import Foreign

__all__ = ["NEVER", "GroupHop", "NextHop", "Nowhere", "framed"]

NEVER = -(1 << 62)
"""A time before all others."""


def framed(link: bytes, packet: bytes) -> bytes:
    """A packet behind its link header; foreign if the packet is."""
    frame = link + packet
    return frame if type(packet) is bytes else Foreign(frame)


class NextHop:
    """A next hop whose link header never changes, such as the loopback.

    `confirmed` is when the transport last heard that packets arrive. A hop that is
    `gone` is no longer in force: look for the next hop again.
    """

    __slots__ = ("confirmed", "gone", "interface", "link")

    def __init__(self, interface: Interface, link: bytes | None) -> None:
        self.interface = interface
        self.link = link
        self.confirmed = NEVER
        self.gone = False

    def send(self, packet: bytes, forwarded: bool) -> None:
        """Send an IP packet this way, now or as soon as the way is known.

        `forwarded` tells whom to inform if it cannot be done: the packet's source, or
        this host's own transport.
        """
        assert self.link is not None
        self.interface.send(framed(self.link, packet))


class GroupHop(NextHop):
    """The next hop of a multicast or broadcast: the group's MAC address, and this host if it listens."""

    __slots__ = ("_header", "_hear")

    def __init__(self, interface: Interface, header: bytes, hear: Callable[[bytes], None]) -> None:
        super().__init__(interface, None)
        self._header = header
        self._hear = hear

    def send(self, packet: bytes, forwarded: bool, loop: bool = True) -> None:
        """Send to the group on the link, and with `loop` to this host's own listeners (RFC 1112 6.1)."""
        frame = framed(self._header, packet)
        self.interface.send(frame)
        if loop:
            self._hear(frame)


class Nowhere(NextHop):
    """The next hop of a destination that is no longer in force."""

    __slots__ = ()

    def __init__(self, interface: Interface) -> None:
        super().__init__(interface, None)
        self.gone = True

    def send(self, packet: bytes, forwarded: bool) -> None:
        """Never called: a destination that is not valid is looked up again first."""
        raise AssertionError("a packet was sent to a destination that is no longer in force")
