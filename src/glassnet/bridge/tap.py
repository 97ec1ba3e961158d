"""A TAP device of Linux as one more thing that takes frames: the real kernel at the end of a cable."""

from __future__ import annotations

import errno
import os
import weakref
from select import POLLIN
from typing import Self

from glassnet.bridge.device import OFFLOAD, Namespace, open_device
from glassnet.bridge.virtio import DATA_VALID, HEADER, NEEDS_CSUM, PLAIN, completed, split_order
from glassnet.engine import Drops, Engine
from glassnet.errors import GlassnetError
from glassnet.host.descriptors.real import Machine
from glassnet.physical.framing import FCS
from glassnet.physical.lane import Lane
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import MINIMUM
from glassnet.wire.foreign import Foreign
from glassnet.wire.large import LARGEST, Large

__all__ = ["Tap"]

# What one read may give: the longest packet behind its link header, with room for a tag.
_MOST = HEADER.size + 18 + LARGEST
# Frames taken in one go, before those that are due are looked at.
_BATCH = 64


class Tap:
    """The TAP device `name` of the machine's kernel. What a cable brings, its kernel receives.

    It lives in `namespace`: a name, a path, the number of a process, or None for that of
    this process. Give it a namespace of its own, or else the machine's own network hears
    what is said here. It is made if there is none, which takes root; one that an
    administrator has made and given to the user will do as well. A device that was made
    goes with `close`.

    With `offload` both sides hand over whole runs of segments, which nobody cuts, and
    leave out checksums on the way; only for a cable straight to a host. The engine's
    clock must be the real one.

    `drops` counts what the kernel would not take, by reason. `addresses` are those that
    its end of the cable should have, each with its prefix length: to give them to it is
    up to whoever made the namespace.
    """

    __slots__ = (
        "__weakref__",
        "_engine",
        "_let_go",
        "_number",
        "_wanted",
        "addresses",
        "drops",
        "lane",
        "name",
        "offload",
        "rx_frames",
        "tx_frames",
    )

    def __init__(self, engine: Engine, name: str, *, namespace: Namespace, offload: bool = True) -> None:
        if engine.clock != "real":
            raise GlassnetError(
                f"TAP device {name!r}: the kernel keeps real time: make the network with clock='real'"
            )
        self._engine = engine
        self.name = name
        self.lane: Lane | None = None
        self.offload = LARGEST if offload else 0
        self.drops = Drops(engine, f"tap:{name}")
        self.addresses: tuple[str, ...] = ()
        self.rx_frames = 0
        self.tx_frames = 0
        self._number = open_device(name, namespace, HEADER.size, OFFLOAD if offload else 0)
        self._let_go = weakref.finalize(self, os.close, self._number)
        self._wanted = {self._number: POLLIN}
        machine = engine.outside
        if machine is None:
            machine = engine.outside = Machine()
        assert isinstance(machine, Machine)
        machine.awaiting[self] = None

    # To the kernel

    def receive(self, frame: bytes) -> None:
        """Hand a frame to the kernel."""
        try:
            if type(frame) is Large:
                header, place, pseudo = split_order(frame)
                view = memoryview(frame)
                os.writev(self._number, (header, view[:place], pseudo, view[place + 2 :]))
            else:
                os.writev(self._number, (PLAIN, frame))
        except OSError as error:
            self._refused(error, frame)
            return
        self.tx_frames += 1

    def receive_damaged(self, bits: bytes) -> None:
        """A damaged frame: whether the checksums hold is the kernel's to say, there is no other check."""
        self.receive(bits[:-FCS])

    def _refused(self, error: OSError, frame: bytes) -> None:
        match error.errno:
            case errno.EAGAIN | errno.ENOBUFS | errno.ENOMEM:
                self.drops("tap: the kernel has no room", frame)
            case errno.EIO:
                self.drops("tap: device is down", frame)
            case errno.EINVAL:
                self.drops("tap: the kernel finds it malformed", frame)
            case errno.EBADF:
                self.drops("tap: closed", frame)
            case _:
                raise error

    # From the kernel

    def real_numbers(self) -> dict[int, int]:
        """What the engine waits for while nothing is due."""
        return self._wanted

    def wake(self) -> None:
        """Put the frames that the kernel has sent on the cable."""
        number = self._number
        for _ in range(_BATCH):
            try:
                read = os.read(number, _MOST)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EIO, errno.EBADFD):  # the device is down, or was deleted
                    raise
                self.drops("tap: device is gone")
                self.close()
                return
            self._take(read)

    def _take(self, read: bytes) -> None:
        flags, _, _, _, start, offset = HEADER.unpack_from(read)
        frame = read[HEADER.size :]
        lane = self.lane
        if lane is None:
            self.drops("tap: not plugged in", frame)
            return
        self.rx_frames += 1
        if flags & NEEDS_CSUM:
            # It has come by the kernel's memory alone, and so is as trustworthy as our own.
            try:
                frame = completed(frame, start, offset)
            except WireError as fault:
                self.drops(fault.what, frame)
                return
        elif not flags & DATA_VALID:
            frame = Foreign(frame)
        if len(frame) < MINIMUM:
            padded = frame.ljust(MINIMUM, b"\0")
            frame = padded if type(frame) is bytes else Foreign(padded)
        lane.send(frame)

    # Its end

    def close(self) -> None:
        """Let go of the device; the kernel then takes it for unplugged, or deletes it. Twice does nothing."""
        machine = self._engine.outside
        assert isinstance(machine, Machine)
        machine.awaiting.pop(self, None)
        self._number, self._wanted = -1, {}
        self._let_go()

    def __enter__(self) -> Self:
        """Itself: `with` closes it at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        return f"<Tap {self.name}{' closed' if self._number < 0 else ''}>"
