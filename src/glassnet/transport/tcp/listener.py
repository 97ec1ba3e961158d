"""A listening port: connections half open, and those that wait to be accepted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from glassnet.transport.tcp.preferences import DEFAULT

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.transport.ports import Binding
    from glassnet.transport.tcp.connection import Connection
    from glassnet.transport.tcp.layer import Tcp

__all__ = ["Listener"]


class Listener:
    """A passive OPEN (RFC 9293, 3.10.1) with Linux's two queues: SYN and accept.

    `backlog` bounds the accept queue (one more than it says, as in Linux).
    `send_buffer` and `receive_buffer` (bytes) and `preferences` are those of the connections
    to come. Connections come in through `interface` alone, if there is one, and with `defer`
    (nanoseconds, TCP_DEFER_ACCEPT) when they bring data, or that long after their SYN.
    """

    __slots__ = (
        "_accepted",
        "_half_open",
        "backlog",
        "binding",
        "defer",
        "interface",
        "on_change",
        "open",
        "preferences",
        "receive_buffer",
        "send_buffer",
        "tcp",
    )

    def __init__(self, tcp: Tcp, binding: Binding, backlog: int) -> None:
        self.tcp = tcp
        self.binding = binding
        self.backlog = max(backlog, 0)
        self.on_change: Callable[[], None] | None = None
        self.open = True
        self.interface: Interface | None = None
        self.defer = 0
        self.preferences = DEFAULT
        self.send_buffer = tcp.settings.send_buffer
        self.receive_buffer = tcp.settings.receive_buffer
        self._accepted: deque[Connection] = deque()
        self._half_open: dict[Connection, None] = {}

    @property
    def local(self) -> tuple[bytes, int]:
        """The address and port listened on."""
        return self.binding.address, self.binding.port

    @property
    def waiting(self) -> int:
        """How many connections wait to be accepted."""
        return len(self._accepted)

    @property
    def readable(self) -> bool:
        """Whether `accept` would give a connection."""
        return bool(self._accepted)

    @property
    def full(self) -> str:
        """Why no further SYN can be taken, or an empty string."""
        if len(self._accepted) > self.backlog:
            return "tcp: accept queue full"
        if len(self._half_open) >= self.tcp.settings.syn_backlog:
            return "tcp: SYN backlog full"
        return ""

    def accept(self) -> Connection | None:
        """The next established connection, or None."""
        if not self._accepted:
            return None
        connection = self._accepted.popleft()
        connection.listener = None
        return connection

    def opening(self, connection: Connection) -> None:
        """A SYN came and was answered."""
        self._half_open[connection] = None

    def admit(self, connection: Connection) -> bool:
        """Whether the handshake may end: there is room in the accept queue."""
        return len(self._accepted) <= self.backlog

    def ready(self, connection: Connection) -> None:
        """The handshake is over."""
        self._half_open.pop(connection, None)
        self._accepted.append(connection)
        if self.on_change:
            self.on_change()

    def gone(self, connection: Connection) -> None:
        """A half-open connection failed. One in the accept queue stays, to be accepted with its error."""
        self._half_open.pop(connection, None)

    def close(self) -> None:
        """Stop listening; connections that nobody accepted are reset."""
        if not self.open:
            return
        self.open = False
        self.on_change = None
        self.tcp.unlisten(self)
        for connection in (*self._half_open, *self._accepted):
            connection.listener = None
            connection.abort()
        self._half_open.clear()
        self._accepted.clear()
