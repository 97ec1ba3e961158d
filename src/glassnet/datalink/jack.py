"""Where a cable is plugged in: what an interface and a switch port have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from glassnet.engine import Drops, Engine
from glassnet.physical.framing import FCS, fcs_holds
from glassnet.physical.lane import Lane
from glassnet.wire.foreign import Foreign

__all__ = ["Jack"]


class Jack(ABC):
    """One end of a cable, or the place for one: takes and gives complete frames, and counts them.

    Octets are counted as frames have them here, without the frame check sequence. What
    the lane refused (its queue was full, it is cut) does not count as sent.
    """

    __slots__ = (
        "_engine",
        "_lane",
        "_sent_bytes",
        "_sent_frames",
        "_transmit",
        "drops",
        "name",
        "rx_bytes",
        "rx_crc_errors",
        "rx_frames",
    )

    offload = 0
    """Frames are taken, and nothing larger."""

    def __init__(self, engine: Engine, name: str, drops: Drops) -> None:
        self._engine = engine
        self.name = name
        self.drops = drops
        self.rx_frames = 0
        self.rx_bytes = 0
        self.rx_crc_errors = 0
        self._lane: Lane | None = None
        self._transmit: Callable[[bytes], None] | None = None
        self._sent_frames = 0
        self._sent_bytes = 0

    @property
    def lane(self) -> Lane | None:
        """The lane that leads away from here; None without a cable."""
        return self._lane

    @lane.setter
    def lane(self, lane: Lane | None) -> None:
        # The lane counts what is sent, once for both; its counts are taken over when it goes.
        self._sent_frames, self._sent_bytes = self.tx_frames, self.tx_bytes
        if lane is not None:
            self._sent_frames -= lane.frames
            self._sent_bytes -= lane.bytes
        self._lane = lane
        self._connect()

    def _connect(self) -> None:
        """Find out where frames are sent: nowhere without a cable."""
        self._transmit = None if self._lane is None else self._lane.send

    @property
    def tx_frames(self) -> int:
        """Frames sent."""
        return self._sent_frames + (0 if self._lane is None else self._lane.frames)

    @property
    def tx_bytes(self) -> int:
        """Octets of the frames sent."""
        return self._sent_bytes + (0 if self._lane is None else self._lane.bytes)

    @abstractmethod
    def receive(self, frame: bytes) -> None:
        """Take a frame from the cable."""

    def receive_damaged(self, bits: bytes) -> None:
        """Take a frame with its frame check sequence, in which bits were inverted on the way.

        Almost always the check finds that. A frame that passes nevertheless is
        `Foreign`: nothing in it can be trusted.
        """
        frame = bits[:-FCS]
        if fcs_holds(bits):
            self.receive(Foreign(frame))
            return
        self.rx_crc_errors += 1
        self.drops("ethernet: frame check sequence", frame)
