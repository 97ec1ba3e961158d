"""A learning switch (IEEE 802.1D-2004 clause 7): frames go where their destination was last heard."""

from __future__ import annotations

from collections.abc import Callable

from glassnet.datalink.jack import Jack
from glassnet.engine import Drops, Engine
from glassnet.errors import GlassnetError

__all__ = ["AGEING", "Port", "Station", "Switch", "Tap"]

AGEING = 300 * 10**9
"""Nanoseconds after which a station that was not heard is forgotten (802.1D table 7-5)."""

CAPACITY = 8192
"""Stations that a switch remembers."""

_ADDRESSES = 12
_HEADER = 14
_RESERVED = b"\x01\x80\xc2\x00\x00"  # and one octet from 0x00 to 0x0F: 802.1D table 7-10


class Station:
    """An address, the port where it was last heard, and when."""

    __slots__ = ("port", "seen")

    def __init__(self, port: Port, seen: int) -> None:
        self.port = port
        self.seen = seen


class Port(Jack):
    """One port of a switch. `taps` see every frame: `tap(time, port, "tx" | "rx", frame)`."""

    __slots__ = ("_stations", "index", "switch", "taps")

    def __init__(self, engine: Engine, switch: Switch, index: int) -> None:
        super().__init__(engine, f"{switch.name} port {index}", switch.drops)
        self.switch = switch
        self.index = index
        self.taps: list[Tap] = []
        self._stations = switch.stations

    def _connect(self) -> None:
        super()._connect()
        if self.switch.crashed:
            self._transmit = None
        self.switch.forget(self)

    def receive(self, frame: bytes) -> None:
        """Learn where the source is, and pass the frame on to its destination's port, or to all others."""
        self.rx_frames += 1
        self.rx_bytes += len(frame)
        now = self._engine.now
        if self.taps:
            for tap in tuple(self.taps):
                tap(now, self, "rx", frame)
        stations = self._stations
        source = stations.get(frame[6:12])
        if source is not None and source.port is self:
            source.seen = now
        elif not self.switch.learns(frame, self):
            return
        destination = stations.get(frame[:6])
        if destination is not None and now - destination.seen <= AGEING:
            port = destination.port
            transmit = port._transmit
            if port is self:
                self.drops("switch: destination on the same port", frame)
            elif transmit is None or port.taps:
                port.send(frame)
            else:
                transmit(frame)
        else:
            self.switch.flood(frame, self)

    def send(self, frame: bytes) -> None:
        """Put a frame on this port's cable."""
        transmit = self._transmit
        if transmit is None:
            self.drops("ethernet: no carrier", frame)
            return
        for tap in tuple(self.taps):
            tap(self._engine.now, self, "tx", frame)
        transmit(frame)


class Switch:
    """A switch called `name`, with as many ports as are asked for.

    `stations` is what it has learnt, by address. Ageing costs no events: a station not
    heard for `AGEING` is taken for unknown, and its place is given up when it is needed.
    """

    __slots__ = ("_engine", "_look_again", "crashed", "drops", "name", "ports", "stations")

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self.drops = Drops(engine, name)
        self.ports: list[Port] = []
        self.stations: dict[bytes, Station] = {}
        self._look_again = 0
        self.crashed = False

    def crash(self) -> None:
        """Be off at once: nothing is passed on, and what was learnt is forgotten."""
        if self.crashed:
            raise GlassnetError(f"switch {self.name}: cannot crash, it has already: boot() it first")
        self._power(crashed=True)

    def boot(self) -> None:
        """Be on again, knowing nothing."""
        if not self.crashed:
            raise GlassnetError(f"switch {self.name}: cannot boot, it is on already")
        self._power(crashed=False)

    def _power(self, *, crashed: bool) -> None:
        self.crashed = crashed
        for port in self.ports:
            port._connect()

    def port(self) -> Port:
        """A new port."""
        port = Port(self._engine, self, len(self.ports) + 1)
        self.ports.append(port)
        return port

    def where(self, address: bytes) -> Port | None:
        """The port where `address` was heard in the last `AGEING` nanoseconds."""
        station = self.stations.get(address)
        if station is None or self._engine.now - station.seen > AGEING:
            return None
        return station.port

    def forget(self, port: Port) -> None:
        """Forget the stations heard on `port`: its cable has changed."""
        for address in [address for address, station in self.stations.items() if station.port is port]:
            del self.stations[address]

    def learns(self, frame: bytes, port: Port) -> bool:
        """Learn that the source of `frame` is at `port`; False if it was dropped for that source.

        A switch that is off learns nothing, so that every frame comes here.
        """
        if self.crashed:
            self.drops("switch: off", frame)
            return False
        if len(frame) < _HEADER:
            self.drops("ethernet: runt", frame)
            return False
        if frame[6] & 1:
            self.drops("switch: source is a group address", frame)
            return False
        source = frame[6:_ADDRESSES]
        now = self._engine.now
        station = self.stations.get(source)
        if station is not None:
            station.port = port
            station.seen = now
        elif len(self.stations) < CAPACITY or self._made_room():
            self.stations[source] = Station(port, now)
        return True

    def _made_room(self) -> bool:
        """Whether stations not heard for too long could be forgotten. It looks no sooner than one can be."""
        now = self._engine.now
        if now < self._look_again:
            return False
        kept = {
            address: station for address, station in self.stations.items() if now - station.seen <= AGEING
        }
        made = len(kept) < len(self.stations)
        self.stations.clear()
        self.stations.update(kept)  # the same dict: ports hold it
        self._look_again = min(station.seen for station in kept.values()) + AGEING + 1 if kept else 0
        return made

    def flood(self, frame: bytes, arrived: Port) -> None:
        """Send a frame to every port but the one where it arrived."""
        if frame[:5] == _RESERVED and frame[5] < 0x10:
            self.drops("switch: reserved address", frame)
            return
        for port in self.ports:
            if port is not arrived and port._transmit is not None:
                port.send(frame)

    def __repr__(self) -> str:
        return f"<Switch {self.name}: {len(self.ports)} ports, {len(self.stations)} stations>"


Tap = Callable[[int, Port, str, bytes], None]
