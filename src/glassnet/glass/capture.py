"""Capturing: every frame that the hosts of a network send and receive, into a pcapng file."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from glassnet.datalink.interface import Interface, LoopbackInterface, Tap
from glassnet.glass.pcapng import Writer
from glassnet.glass.taps import Taps

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Capture"]


class Capture:
    """Writes what `hosts` send and receive to the file at `path`, until `close`.

    The file has one interface for each of theirs, called `"host.eth0"`. A frame is in it
    where it was sent and again wherever it came in, so that losses show. Wireshark takes
    each as a packet of its own, and so finds retransmissions where there are none: to see
    a connection as one side does, capture at that host alone. A loopback interface is
    in the file only if it was used.
    `epoch` is the time in nanoseconds since 1970-01-01 00:00 UTC at which the network
    began. Raises `OSError` if the file cannot be written.
    """

    __slots__ = ("_epoch", "_file", "_named", "_taps", "_writer", "path")

    def __init__(self, path: str | PathLike[str], hosts: Iterable[Internet] = (), *, epoch: int = 0) -> None:
        self.path = Path(path)
        self._epoch = epoch
        self._named: set[tuple[bytes, str]] = set()
        self._taps = Taps(self._tap)
        self._file = self.path.open("wb")
        self._writer = Writer(self._file)
        self.add(*hosts)

    def add(self, *hosts: Internet) -> None:
        """Capture at the interfaces of more hosts, or at those that a host has got since."""
        for host in hosts:
            self._taps.add(host)
        self._write_names()

    def close(self) -> None:
        """End the capture, and the file; a second time does nothing."""
        if self._file.closed:
            return
        self._taps.remove()
        self._write_names()
        self._writer.flush()
        self._file.close()

    def _tap(self, host: str, interface: Interface) -> Tap:
        if not isinstance(interface, LoopbackInterface):
            return self._describe(host, interface)
        describe = self._describe
        record: Tap | None = None

        def tap(time: int, interface: Interface, direction: str, frame: bytes) -> None:
            nonlocal record
            if record is None:
                record = describe(host, interface)
            record(time, interface, direction, frame)

        return tap

    def _describe(self, host: str, interface: Interface) -> Tap:
        lane = interface.lane
        number = self._writer.interface(
            f"{host}.{interface.name}",
            description=f"interface {interface.name} of host {host}",
            mac=interface.mac,
            speed=None if lane is None else lane.conditions.rate,
        )
        return self._writer.tap(number, self._epoch)

    def _write_names(self) -> None:
        """Write which host has which address, unless it was written already."""
        records = []
        for host in self._taps.hosts.values():
            for held in host.addresses():
                record = (held.address, host.name)
                if record not in self._named and not isinstance(held.interface, LoopbackInterface):
                    self._named.add(record)
                    records.append((held.address, (host.name,)))
        self._writer.names(records)

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

    def __repr__(self) -> str:
        return f"<Capture {self.path}{' closed' if self._file.closed else ''}>"
