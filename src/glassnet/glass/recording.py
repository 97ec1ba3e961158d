"""Recording: what hosts send and receive, kept in memory to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from glassnet.datalink.interface import Interface, Tap
from glassnet.glass.pcapng import Direction
from glassnet.glass.segments import Sighting
from glassnet.glass.taps import Taps

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Recording"]


class Recording:
    """Keeps each frame that `hosts` send or receive in `sightings`, until `close`.

    Times are nanoseconds since the network began.
    """

    __slots__ = ("_taps", "sightings")

    def __init__(self, hosts: Iterable[Internet] = ()) -> None:
        self.sightings: list[Sighting] = []
        self._taps = Taps(self._tap)
        for host in hosts:
            self._taps.add(host)

    def _tap(self, host: str, interface: Interface) -> Tap:
        keep = self.sightings.append
        name = interface.name

        def tap(time: int, _interface: Interface, direction: str, frame: bytes) -> None:
            keep(Sighting(time, host, name, cast(Direction, direction), frame))

        return tap

    @property
    def watched(self) -> tuple[str, ...]:
        """The names of the hosts."""
        return tuple(self._taps.hosts)

    @property
    def names(self) -> dict[bytes, str]:
        """Which of them has an address."""
        return {held.address: name for name, host in self._taps.hosts.items() for held in host.addresses()}

    def close(self) -> None:
        """Record no more."""
        self._taps.remove()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
