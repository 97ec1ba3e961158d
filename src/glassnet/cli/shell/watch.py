"""`watch`: the frames at a host's interfaces, one line each, as tcpdump shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from glassnet.cli.shell.frames import described, filtered
from glassnet.datalink.interface import Interface, Tap
from glassnet.engine.quantity import duration
from glassnet.glass.taps import Taps
from glassnet.topology.host import Host

__all__ = ["Watch"]


class Watch:
    """Shows frames while it lasts: `words` are a length of time or a number of frames, then a filter."""

    def __init__(
        self,
        host: Host,
        words: list[str],
        find: Callable[[str], tuple[bytes, ...]],
        show: Callable[[str], None],
    ) -> None:
        self.length: int | None = None
        self.count: int | None = None
        self.seen = 0
        first = words[0] if words else ""
        if first.isdigit():
            self.count = int(first)
        elif first[:1].isdigit():
            self.length = duration(first)
        self._wanted = filtered(words[1:] if first[:1].isdigit() else words, find)
        self._host = host
        self._engine = host.network.engine
        self._show = show
        self._waiting: list[str] = []
        self._taps = Taps(lambda name, interface: self._tap)

    @property
    def _tap(self) -> Tap:
        def tap(time: int, interface: Interface, direction: str, frame: bytes) -> None:
            if self.count == 0:
                return
            found = described(frame)
            if not self._wanted(found):
                return
            self.seen += 1
            if not self._waiting:
                self._engine.at(time, self._drain)
            self._waiting.append(
                f"{time / 1e9:.6f} {interface.name} {'>' if direction == 'tx' else '<'} {found.line}"
            )
            if self.count is not None:
                self.count -= 1
                if not self.count:
                    self._engine.pause()

        return tap

    def _drain(self, _: object = None) -> None:
        while self._waiting:
            self._show(self._waiting.pop(0))

    def __enter__(self) -> Self:
        """Begin."""
        self._taps.add(self._host.internet)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._taps.remove()
        self._drain()
