"""Both ends of what a script is about, and how its numbers stand to those on the wire."""

from __future__ import annotations

__all__ = ["Conversation", "octets"]

_MASK = 0xFFFFFFFF
_STAMP_TICK = 10**6  # this stack's timestamp clock, as Linux's
# A prime many, so that no segment size repeats them in step.
_TABLE = bytes(range(1, 252))


def octets(position: int, length: int) -> bytes:
    """What stands at a position of every stream that scripts make: each place has its own octet."""
    start = position % len(_TABLE)
    return (_TABLE * ((start + length) // len(_TABLE) + 1))[start : start + length]


class Conversation:
    """A connection, or an exchange of datagrams, between this stack and the remote end.

    The remote end's numbers are on the wire what they are in the script. This stack chooses its
    own: its initial sequence number and its first timestamp say how far they are off.
    `written` is what programs have handed in, in order. `cookies` are those of Fast Open: this
    stack's, by what the script calls them, which hold from one connection to the next.
    """

    def __init__(
        self, local: tuple[bytes, int], remote: tuple[bytes, int], cookies: dict[bytes, bytes]
    ) -> None:
        self.local = local
        self.remote = remote
        self.local_start: int | None = None
        self.remote_start = 0
        """The initial sequence numbers, as the script has them."""
        self.written: bytearray | None = None
        self.urgent = False
        """Whether urgent data came: what is read is then not all that came."""
        self._offset = 0
        self._stamps: dict[int, int] = {}
        self._stamp_offset: int | None = None
        self._first_stamp = 0
        self._cookies = cookies

    @property
    def key(self) -> tuple[int, int]:
        """Its ports: this stack's, and the remote end's."""
        return self.local[1], self.remote[1]

    # Sequence numbers of this stack

    def begin(self, script: int, live: int) -> None:
        """This stack's SYN is the number `live` on the wire, and `script` in the script."""
        self.local_start = script
        self._offset = (live - script) & _MASK

    def to_script(self, live: int) -> int:
        """A sequence number of this stack, as the script has it."""
        return (live - self._offset) & _MASK

    def to_wire(self, script: int) -> int:
        """A sequence number of this stack, as it is on the wire."""
        return (script + self._offset) & _MASK

    # Timestamps of this stack

    def stamped(self, script: int, live: int) -> None:
        """This stack sent the timestamp `live`, which the script calls `script`."""
        self._stamps[script] = live
        if self._stamp_offset is None:
            self._stamp_offset = (live - script) & _MASK
            self._first_stamp = script

    def stamp_error(self, script: int, live: int, tick: int) -> int:
        """Nanoseconds by which a timestamp is not what the script says, in ticks since the first."""
        said = ((script - self._first_stamp) & _MASK) * tick
        seen = ((self.stamp_to_script(live) - self._first_stamp) & _MASK) * _STAMP_TICK
        return abs(said - seen)

    def stamp_to_wire(self, script: int) -> int:
        """A timestamp of this stack that the script writes; those that it did not see are counted on."""
        if not script and not self._stamps.get(0):
            return 0  # nothing is echoed
        return self._stamps.get(script, (script + (self._stamp_offset or 0)) & _MASK)

    def stamp_to_script(self, live: int) -> int:
        """A timestamp of this stack, counted on from its first."""
        return (live - (self._stamp_offset or 0)) & _MASK

    # Cookies of Fast Open

    def cookie_made(self, script: bytes, live: bytes) -> None:
        """This stack made the cookie `live`, which the script calls `script`."""
        self._cookies[script] = live

    def cookie_to_wire(self, script: bytes) -> bytes:
        """A cookie, as it is on the wire."""
        return self._cookies.get(script, script)
