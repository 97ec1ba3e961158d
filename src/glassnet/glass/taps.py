"""Taps at the interfaces of hosts: put in, and taken out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface, Tap

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Taps"]


class Taps:
    """Taps that belong together: one at each interface, which `make(host, interface)` gives."""

    __slots__ = ("_make", "_taps", "hosts")

    def __init__(self, make: Callable[[str, Interface], Tap]) -> None:
        self.hosts: dict[str, Internet] = {}
        self._make = make
        self._taps: dict[tuple[str, str], tuple[Interface, Tap]] = {}

    def add(self, host: Internet) -> None:
        """Put taps at the interfaces of a host that have none of these yet."""
        self.hosts[host.name] = host
        for interface in host.interfaces.values():
            if (host.name, interface.name) not in self._taps:
                tap = self._make(host.name, interface)
                self._taps[host.name, interface.name] = interface, tap
                interface.taps.append(tap)

    def remove(self) -> None:
        """Take all of them out."""
        for interface, tap in self._taps.values():
            interface.taps.remove(tap)
        self._taps.clear()
