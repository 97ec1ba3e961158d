"""What remains of a connection for 2 MSL after its end (RFC 9293, 3.6; RFC 6191, 1337)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.wire.tcp import ACK, FIN, HEADER, RST, SYN

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.layer import Tcp
    from glassnet.transport.tcp.output import Output

__all__ = ["TimeWait"]

_HALF = 1 << 31
_MASK = 0xFFFFFFFF


class TimeWait:
    """Holds the 4-tuple, answers a repeated FIN, and gives way to a provably new SYN."""

    __slots__ = (
        "_answer_again",
        "_receive_next",
        "_recent",
        "_send_next",
        "_stamp_offset",
        "binding",
        "deadline",
        "ecn",
        "flow",
        "key",
        "local",
        "remote",
        "state",
        "tcp",
        "window",
    )

    def __init__(self, connection: Connection) -> None:
        self.tcp: Tcp = connection.tcp
        self.key = connection.key
        self.flow = connection.flow
        self.local = connection.local
        self.remote = connection.remote
        self.binding = connection.binding
        self.state = State.TIME_WAIT
        self.ecn = None
        self._send_next: int = connection.sender.next
        self._receive_next: int = connection.receiver.next
        self.window: int = connection.receiver.window()
        output: Output = connection.output
        self._recent: int | None = output.recent if output.stamps else None
        self.deadline = 0
        self._answer_again = 0  # no answer to a segment without data before that time
        self._stamp_offset = output.stamp_offset

    @property
    def after(self) -> int:
        """A sequence number that no segment of the old connection can reach."""
        return self._send_next + 65535 + 2

    def gives_way(self, frame: bytes, start: int, data: int) -> bool:
        """Whether this SYN is of a new connection: later by its timestamp or its number (RFC 6191, 2)."""
        _, _, sequence, _, _, flags, _, _, _ = HEADER.unpack_from(frame, start)
        if flags & (SYN | ACK | RST) != SYN:
            return False
        options = SynOptions.parse(frame, start + 20, data)
        if options is None:
            return False
        if self._recent is not None and options.stamp is not None:
            newer: int = (options.stamp - self._recent) & _MASK
            if newer:
                return newer < _HALF
        beyond: int = (sequence - self._receive_next) & _MASK
        return 0 < beyond < _HALF

    def arrives(self, frame: bytes, start: int, data: int, end: int) -> None:
        """Answer what is left of the old connection."""
        _, _, sequence, _, _, flags, _, _, _ = HEADER.unpack_from(frame, start)
        behind: int = (self._receive_next - sequence) & _MASK
        if flags & RST:
            if behind == 0 and not self.tcp.settings.rfc1337:
                self.tcp.end_time_wait(self)
                return
            # RFC 1337: a reset must not end TIME-WAIT early.
            self.tcp.drops("tcp: RST in TIME-WAIT", frame)
            return
        if end > data or flags & (SYN | FIN) or behind:
            if end == data and not flags & FIN:
                # RFC 5961, 7: two ends that disagree must not tell each other so for ever.
                again = self.tcp.challenges.allow(self._answer_again)
                if again is None:
                    self.tcp.drops("tcp: out of window", frame)
                    return
                self._answer_again = again
            options = b""
            if self._recent is not None:
                stamp = (self.tcp.engine.now // 10**6 + self._stamp_offset) & _MASK
                options = b"\x01\x01\x08\x0a" + stamp.to_bytes(4, "big") + self._recent.to_bytes(4, "big")
            self.tcp.transmit(
                self.flow,
                self.local[1],
                self.remote[1],
                self._send_next & _MASK,
                self._receive_next & _MASK,
                ACK,
                self.window,
                options,
            )
            if flags & FIN and behind == end - data + 1:
                self.deadline = self.tcp.engine.now + self.tcp.settings.time_wait

    def icmp_error(self, error: int, fatal: bool, sequence: int) -> None:
        """Nothing can fail any more."""
