"""An Ethernet interface of a host: between its cable and its network layer."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

from glassnet.datalink.jack import Jack
from glassnet.engine import Drops, Engine
from glassnet.wire.ethernet import BROADCAST, MINIMUM, TPID_CUSTOMER
from glassnet.wire.foreign import Foreign

__all__ = ["RING", "Handler", "Interface", "LoopbackInterface", "Tap"]

RING = 256
"""Frames that an interface keeps while its host stands still: the usual length of a receive ring."""

_HEADER = 14
_TAG = 4
_LEAST_ETHERTYPE = b"\x06\x00"  # IEEE 802.3 clause 3.2.6: below it is a length
_LEAST_MTU = 68  # RFC 791 section 3.2
_GREATEST_MTU = 65536


class Interface(Jack):
    """An interface called `name` of the host `owner`, with the address `mac` of 6 octets.

    `handlers` take the frames received, by EtherType: `handler(frame, offset, interface)`,
    where the payload begins at `offset`. `taps` see every frame that is sent or received:
    `tap(time, interface, "tx" | "rx", frame)`. `on_change()` is called when `mac` or `mtu` was set.
    """

    __slots__ = (
        "_longest",
        "_mac",
        "_mtu",
        "_own",
        "_ring",
        "_up",
        "groups",
        "handlers",
        "index",
        "on_change",
        "owner",
        "rx_other_host",
        "taps",
    )

    def __init__(
        self,
        engine: Engine,
        name: str,
        mac: bytes,
        mtu: int = 1500,
        *,
        drops: Drops,
        owner: str = "",
        index: int = 1,
    ) -> None:
        super().__init__(engine, name, drops)
        self.owner = owner
        self.index = index
        self.on_change: Callable[[], object] | None = None
        self.handlers: dict[bytes, Handler] = {}
        self.taps: list[Tap] = []
        self.groups: dict[bytes, int] = {}
        self.rx_other_host = 0
        self._up = True
        self._ring: list[bytes] | None = None
        self._mtu = mtu
        self.mac = mac
        self.mtu = mtu

    # --- settings

    @property
    def mac(self) -> bytes:
        """Its address: 6 octets, not a group's."""
        return self._mac

    @mac.setter
    def mac(self, mac: bytes) -> None:
        if len(mac) != 6 or mac[0] & 1:
            raise ValueError(
                f"{self}: mac={mac!r}: expected 6 octets, the first of them even: others are groups"
            )
        self._mac = bytes(mac)
        self._connect()
        if self.on_change is not None:
            self.on_change()

    @property
    def mtu(self) -> int:
        """The longest payload of a frame, in octets."""
        return self._mtu

    @mtu.setter
    def mtu(self, mtu: int) -> None:
        if not _LEAST_MTU <= mtu <= _GREATEST_MTU:
            raise ValueError(f"{self}: mtu={mtu!r}: expected {_LEAST_MTU} to {_GREATEST_MTU} octets")
        self._mtu = mtu
        self._connect()
        if self.on_change is not None:
            self.on_change()

    @property
    def up(self) -> bool:
        """Whether it is switched on. Off, it neither sends nor receives."""
        return self._up

    @up.setter
    def up(self, up: bool) -> None:
        self._up = up
        self._connect()

    @property
    def carrier(self) -> bool:
        """Whether it is up and on a cable that is not cut."""
        return self._up and self._lane is not None and self._lane.up

    @property
    def large(self) -> int:
        """Octets of the longest IP packet that may be sent as a `Large` frame, to be cut further on; or 0."""
        lane = self._lane
        return 0 if lane is None or not self._up else lane.offload

    def _connect(self) -> None:
        super()._connect()
        # Off or held, no frame is its own: all take the unusual way.
        self._own = self._mac if self._up and self._ring is None else None
        if not self._up:
            self._transmit = None
        far = None if self._lane is None else self._lane.receiver
        self._longest = _HEADER + (self._mtu if far is None else max(self._mtu, far.offload))

    def hold(self) -> None:
        """Keep the frames that come, up to `RING` of them, until `release`: nobody takes them now."""
        self._ring = []
        self._connect()

    def release(self) -> None:
        """Receive what was kept since `hold`, as the next events."""
        ring, self._ring = self._ring, None
        self._connect()
        for frame in ring or ():
            self._engine.after(0, self.receive, frame)

    def join(self, group: bytes) -> None:
        """Receive frames to the multicast address `group`, until `leave` was called as often."""
        self.groups[group] = self.groups.get(group, 0) + 1

    def leave(self, group: bytes) -> None:
        """Undo one `join`; KeyError if there was none."""
        if self.groups[group] > 1:
            self.groups[group] -= 1
        else:
            del self.groups[group]

    # --- sending

    def send(self, frame: bytes) -> None:
        """Put a frame on the cable, padded to 60 octets."""
        transmit = self._transmit
        if transmit is None or self.taps or len(frame) < MINIMUM:
            self._send_unusually(frame)
            return
        transmit(frame)

    def _send_unusually(self, frame: bytes) -> None:
        transmit = self._transmit
        if transmit is None:
            self.drops("ethernet: no carrier", frame)
            return
        if len(frame) < MINIMUM:
            padded = frame.ljust(MINIMUM, b"\0")
            frame = padded if type(frame) is bytes else Foreign(padded)
        for tap in tuple(self.taps):
            tap(self._engine.now, self, "tx", frame)
        transmit(frame)

    # --- receiving

    def receive(self, frame: bytes) -> None:
        """Take a frame from the cable, and hand it to the handler of its EtherType if it is for this host."""
        if frame[:6] == self._own:
            handler = self.handlers.get(frame[12:14])
            if handler is not None and not self.taps and len(frame) <= self._longest:
                self.rx_frames += 1
                self.rx_bytes += len(frame)
                handler(frame, _HEADER, self)
                return
        self._receive_unusually(frame)

    def _receive_unusually(self, frame: bytes) -> None:
        if not self._up:
            self.drops("ethernet: interface down", frame)
            return
        if self._ring is not None:
            if len(self._ring) < RING:
                self._ring.append(frame)
            else:
                self.drops("ethernet: receive ring full", frame)
            return
        self.rx_frames += 1
        self.rx_bytes += len(frame)
        for tap in tuple(self.taps):
            tap(self._engine.now, self, "rx", frame)
        if len(frame) < _HEADER:
            self.drops("ethernet: runt", frame)
            return
        destination = frame[:6]
        if destination != self._own and destination != BROADCAST and destination not in self.groups:
            self.rx_other_host += 1
            return
        offset = _HEADER
        ethertype = frame[12:14]
        if ethertype == TPID_CUSTOMER:
            if len(frame) < _HEADER + _TAG:
                self.drops("ethernet: runt", frame)
                return
            if (frame[14] & 0x0F) | frame[15]:
                self.drops("ethernet: unknown VLAN", frame)
                return
            offset = _HEADER + _TAG  # VLAN 0: the tag carries a priority alone (802.1Q clause 9.6)
            ethertype = frame[16:18]
        if len(frame) - offset + _HEADER > self._longest:
            self.drops("ethernet: giant", frame)
            return
        if ethertype < _LEAST_ETHERTYPE:
            self.drops("ethernet: 802.3 length", frame)
            return
        handler = self.handlers.get(ethertype)
        if handler is None:
            self.drops("ethernet: unknown ethertype", frame)
            return
        handler(frame, offset, self)

    def inject(self, frame: bytes) -> None:
        """Receive a frame from outside glassnet: nothing in it is trusted."""
        self.receive(Foreign(frame))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.owner} {self.name}>"
            if self.owner
            else f"<{type(self).__name__} {self.name}>"
        )


class LoopbackInterface(Interface):
    """The interface on which a host talks to itself.

    A frame sent is received at the same time, as the next event. Taps see it once, as
    received: it is the same frame.
    """

    __slots__ = ("_next",)

    def __init__(
        self, engine: Engine, name: str = "lo", *, drops: Drops, owner: str = "", index: int = 1
    ) -> None:
        super().__init__(engine, name, bytes(6), _GREATEST_MTU, drops=drops, owner=owner, index=index)
        self._next = self.receive

    @property
    def carrier(self) -> bool:
        """Whether it is up."""
        return self._up

    def send(self, frame: bytes) -> None:
        """Receive the frame at once, as the next event."""
        if self._up:
            engine = self._engine
            self._sent_frames += 1
            self._sent_bytes += len(frame)
            heappush(engine.heap, (engine.now, next(engine.order), self._next, frame))
        else:
            self.drops("ethernet: no carrier", frame)

    def receive(self, frame: bytes) -> None:
        """Hand a frame to the handler of its EtherType, whatever its destination."""
        if not self._up:
            self.drops("ethernet: interface down", frame)
            return
        self.rx_frames += 1
        self.rx_bytes += len(frame)
        for tap in tuple(self.taps):
            tap(self._engine.now, self, "rx", frame)
        if len(frame) > self._longest:
            self.drops("ethernet: giant", frame)
            return
        handler = self.handlers.get(frame[12:14])
        if handler is None:
            self.drops("ethernet: runt" if len(frame) < _HEADER else "ethernet: unknown ethertype", frame)
            return
        handler(frame, _HEADER, self)


Handler = Callable[[bytes, int, Interface], None]
Tap = Callable[[int, Interface, str, bytes], None]
