"""AF_UNIX datagram sockets: reliable, in order, and the sender waits for a receiver that is slow."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from socket import SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import OpenFile
from glassnet.host.sockets.ancillary import Control
from glassnet.host.sockets.file import failure
from glassnet.host.sockets.unix.base import Parcel, UnixSocket, cost_of, own_credentials
from glassnet.host.sockets.unix.names import name_of

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["UnixDatagrams"]

_LONGEST_QUEUE = 10  # net.unix.max_dgram_qlen


class UnixDatagrams(UnixSocket):
    """SOCK_DGRAM. `patient` are the sockets that wait for room in this one's queue."""

    __slots__ = ("patient",)

    def __init__(self, system: System, kind: SocketKind, protocol: int) -> None:
        super().__init__(system, kind, protocol)
        self.patient: dict[UnixDatagrams, None] = {}

    @classmethod
    def pair(cls, system: System, kind: SocketKind, protocol: int) -> tuple[UnixSocket, UnixSocket]:
        """Two sockets, connected to each other."""
        a, b = cls(system, kind, protocol), cls(system, kind, protocol)
        a.other, b.other = b, a
        a.peer_credentials = b.peer_credentials = own_credentials()
        return a, b

    @property
    def ended(self) -> bool:
        """Whether reading was shut down."""
        return self.read_shut

    def writable(self) -> bool:
        """Whether there is room, with the peer too."""
        if not super().writable():
            return False
        other = self.other
        return not (isinstance(other, UnixDatagrams) and other.crowded_for(self))

    def crowded_for(self, sender: UnixDatagrams) -> bool:
        """Whether the queue is as long as it may get for others than this one's peer; tells them when not."""
        if self.other is sender or self is sender or len(self.queue) <= _LONGEST_QUEUE:
            return False
        if not self.closed:
            self.patient[sender] = None
        return True

    def _call_patient(self) -> None:
        patient, self.patient = self.patient, {}
        for each in patient:
            if not each.closed:
                each.changed()

    def took(self, parcel: Parcel) -> None:
        """A datagram has left the queue."""
        super().took(parcel)
        if self.patient and len(self.queue) <= _LONGEST_QUEUE:
            self._call_patient()

    # Connecting

    def connect(self, address: Any) -> bool:
        """Set the peer; over at once. OSError(EPERM) if that one has another peer."""
        name = name_of(address)
        if not name:
            raise failure(errno.EINVAL)
        self.name_itself()
        other = self.system.unix.reach(name, self.kind)
        if other.other is not None and other.other is not self:
            raise failure(errno.EPERM)
        former = self.other
        self.other = other
        self.peer_credentials = own_credentials()
        if former is not None and former is not other:
            self._leave(former)
        self.changed()
        return True

    def _leave(self, former: UnixSocket) -> None:
        """What came from a former peer counts no longer, and it finds out."""
        if self.queue:
            self.empty()
            self._call_patient()
            if not former.closed and former.other is self:
                former.error = errno.ECONNRESET
                former.changed()

    # Sending

    def send(self, data: Any) -> int:
        """Send a datagram to the peer."""
        return self._send(data, None, (), ())

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """Send a datagram to an address."""
        return self._send(data, name_of(address), (), ())

    def send_message(
        self, data: bytes, address: Any, control: Sequence[Control], files: Sequence[OpenFile], flags: int
    ) -> int:
        """Send a datagram with control data."""
        return self._send(data, None if address is None else name_of(address), control, files)

    def _send(
        self, data: Any, name: bytes | None, control: Sequence[Control], files: Sequence[OpenFile]
    ) -> int:
        stated = self.stated_credentials(control, files) if control else None
        if name == b"":
            raise failure(errno.EINVAL)
        if name is None and self.other is None:
            raise failure(errno.ENOTCONN)
        self.name_itself()
        view = memoryview(data).cast("B")
        if len(view) > self.room - 32:
            raise failure(errno.EMSGSIZE)
        if self.write_shut:
            raise failure(errno.EPIPE)
        if self.full():
            return self._no_room(view)
        other = self.other if name is None else self.system.unix.reach(name, self.kind)
        if other is None or other.closed:
            former, self.other = self.other, None
            if former is not None:
                self._leave(former)
            raise failure(errno.ECONNREFUSED)
        if other.other is not None and other.other is not self:
            raise failure(errno.EPERM)
        if other.read_shut:
            raise failure(errno.EPIPE)
        assert isinstance(other, UnixDatagrams)
        if other.crowded_for(self):
            return self._no_room(view)
        credentials = stated or self.credentials_for(other)
        self.post(other, Parcel(self, bytes(view), cost_of(len(view)), credentials, files))
        return len(view)

    def _no_room(self, view: memoryview) -> int:
        if not view:
            # An empty datagram cannot say by its length that it was not taken.
            raise failure(errno.EAGAIN)
        return 0

    # Ending

    def shutdown(self, read: bool, write: bool) -> None:
        """End one direction or both, on this side only."""
        self.shut(read, write)

    def release(self) -> None:
        """Close: senders find nobody."""
        super().release()
        self._call_patient()
