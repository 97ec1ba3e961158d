"""Capturing: every frame that the hosts of a network send and receive, into a pcapng file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from glassnet.datalink import Interface, LoopbackInterface
from glassnet.glass.pcapng import Writer
from glassnet.network.internet import Internet

__all__ = ["Capture"]


class Capture:
    """Writes what `hosts` send and receive to the file at `path`, until `close`.

    The file has one interface for each of theirs, called `"host.eth0"`. A frame is in
    it where it was sent and again wherever it came in, so that losses show; to follow
    one side alone, filter by interface. A loopback interface is in it only if it was
    used. `epoch` is the time in nanoseconds since 1970 at which the network began.
    Raises `OSError` if the file cannot be written.
    """

    __slots__ = ("_epoch", "_file", "_hosts", "_named", "_taps", "_writer", "path")

    def __init__(self, path: str | Path, hosts: Iterable[Internet] = (), *, epoch: int = 0) -> None:
        self.path = Path(path)
        self._epoch = epoch
        self._file = self.path.open("wb")
        self._writer = Writer(self._file)
        self._hosts: list[Internet] = []
        self._named: set[tuple[bytes, str]] = set()
        self._taps: list[tuple[Interface, Callable[[int, Interface, str, bytes], None]]] = []
        for host in hosts:
            self._attach(host)
        self._write_names()

    def add(self, host: Internet) -> None:
        """Capture at the interfaces of one more host, or at those that it has got since."""
        self._attach(host)
        self._write_names()

    def _attach(self, host: Internet) -> None:
        if host not in self._hosts:
            self._hosts.append(host)
        known = [interface for interface, _ in self._taps]
        for interface in host.interfaces.values():
            if interface in known:
                continue
            tap = self._tap(host.name, interface)
            interface.taps.append(tap)
            self._taps.append((interface, tap))
