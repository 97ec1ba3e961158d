"""Which connection a packet of a script belongs to."""

from __future__ import annotations

from glassnet.packetdrill.conversation import Conversation
from glassnet.packetdrill.flags import Flags
from glassnet.packetdrill.script import Icmp, Packet, Segment
from glassnet.packetdrill.seen import Seen
from glassnet.wire.tcp import ACK, SYN, TcpSegment

__all__ = ["Talks"]

_FIRST_REMOTE_PORT = 40000


class Talks:
    """All conversations of a script. `current` is the one that lines without ports are about.

    It is the last that began: by the first packet that arrives after `listen`, by this
    stack's SYN, or by a line that names its ports.
    """

    def __init__(self, local: bytes, remote: bytes, flags: Flags) -> None:
        self.current: Conversation | None = None
        self._local = local
        self._remote = remote
        self._flags = flags
        self._all: dict[tuple[int, int], Conversation] = {}
        self._cookies: dict[bytes, bytes] = {}
        self._next_port = _FIRST_REMOTE_PORT
        self._listening: int | None = None
        self._bound: int | None = None

    def __len__(self) -> int:
        return len(self._all)

    def listened(self, port: int) -> None:
        """A socket listens: the next packet that arrives begins a connection with it."""
        self._listening = port

    def bound(self, port: int) -> None:
        """A socket has a port: datagrams that arrive go there."""
        self._bound = port

    def between(self, local: int, remote: int) -> Conversation:
        """The conversation between these ports, a new one if there is none."""
        talk = self._all.get((local, remote))
        if talk is None:
            talk = Conversation((self._local, local), (self._remote, remote), self._cookies)
            self._all[talk.key] = talk
        return talk

    def arriving(self, packet: Packet) -> Conversation:
        """The conversation in which a packet of the script arrives; it is the current one from now on."""
        self.current = talk = self._arriving(packet)
        return talk

    def _arriving(self, packet: Packet) -> Conversation:
        talk, content = self.current, packet.content
        if packet.ports is not None:
            self._listening = None
            return self.between(packet.ports[1], packet.ports[0])
        if not isinstance(content, Segment):
            moved = talk is not None and self._bound not in (None, talk.local[1])
            if talk is None or (moved and not isinstance(content, Icmp)):
                return self.between(self._bound or self._flags.bind_port, self._flags.connect_port)
            return talk
        if self._listening is None and talk is not None:
            return talk
        port = self._flags.bind_port if self._listening is None else self._listening
        self._listening = None
        self._next_port += 1
        return self.between(port, self._next_port - 1)

    def of(self, seen: Seen) -> Conversation | None:
        """The conversation of a packet of this stack, if there is one; of one without ports, the current."""
        return self.current if seen.ports is None else self._all.get(seen.ports)

    def matching(self, packet: Packet, seen: Seen) -> tuple[Conversation | None, tuple[int, int] | None]:
        """The conversation of a packet that was sent and is to be compared, and the ports that are expected.

        A SYN to somewhere new begins a conversation, and so does the first packet of all.
        """
        if packet.ports is not None:
            self.current = self.between(*packet.ports)
            return self.current, packet.ports
        talk = self.of(seen)
        if talk is None and seen.ports is not None:
            content = seen.content
            opens = isinstance(content, TcpSegment) and content.flags & (SYN | ACK) == SYN
            if self.current is None or opens or not isinstance(content, TcpSegment):
                talk = self.current = self.between(*seen.ports)
        return talk, None if self.current is None else self.current.key

    def passing(self, seen: Seen, ours: bool) -> Conversation | None:
        """The conversation to show a packet with as it passes."""
        ports = seen.ports
        if ports is None:
            return self.current
        talk = self._all.get(ports if ours else (ports[1], ports[0]))
        content = seen.content
        unknown = talk is None or talk.local_start is None
        if unknown and ours and isinstance(content, TcpSegment) and content.flags & SYN:
            # It has not been compared yet, which tells what the script calls this number.
            talk = Conversation((self._local, ports[0]), (self._remote, ports[1]), self._cookies)
            talk.begin(0, content.sequence)
        return talk
