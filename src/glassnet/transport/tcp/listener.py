"""A listening port: connections half open, and those that wait to be accepted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from glassnet.transport.tcp.cookies import LIFETIME
from glassnet.transport.tcp.fast_open import EVERY_LISTENER, PendingQueue
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
    `send_buffer` and `receive_buffer` (bytes, if the program has chosen them) and `preferences`
    are those of the connections to come. Connections come in through `interface` alone, if there
    is one, and with `defer` (nanoseconds, TCP_DEFER_ACCEPT) when they bring data, or that long
    after their SYN.

    `fast_open` limits those that begin with data (TCP_FASTOPEN), and `fast_open_keys` make their
    cookies, if the program has set any (TCP_FASTOPEN_KEY). With `save_syn` connections remember
    the headers of their SYN (TCP_SAVE_SYN), from the network layer's on (1) or the link layer's (2).
    """

    __slots__ = (
        "_accepted",
        "_cookies_until",
        "_half_open",
        "backlog",
        "binding",
        "defer",
        "fast_open",
        "fast_open_keys",
        "interface",
        "on_change",
        "open",
        "preferences",
        "receive_buffer",
        "save_syn",
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
        self.save_syn = 0
        self.send_buffer: int | None = None
        self.receive_buffer: int | None = None
        self._accepted: deque[Connection] = deque()
        self._half_open: dict[Connection, None] = {}
        self._cookies_until = -1
        everywhere = tcp.settings.fast_open & EVERY_LISTENER
        self.fast_open = PendingQueue(tcp.engine, self.backlog if everywhere else 0)
        self.fast_open_keys: tuple[bytes, ...] = ()

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
    def full(self) -> bool:
        """Whether the accept queue has no room."""
        return len(self._accepted) > self.backlog

    @property
    def flooded(self) -> bool:
        """Whether no more half-open connections are kept."""
        return len(self._half_open) >= self.tcp.settings.syn_backlog

    @property
    def expects_cookies(self) -> bool:
        """Whether a SYN cookie may still come back."""
        return self.tcp.engine.now <= self._cookies_until

    def cookie_sent(self) -> None:
        """A SYN was answered with a cookie."""
        self._cookies_until = self.tcp.engine.now + LIFETIME

    def accept(self) -> Connection | None:
        """The next established connection, or None."""
        if not self._accepted:
            return None
        connection = self._accepted.popleft()
        connection.listener = None
        return connection

    def dress(self, connection: Connection) -> None:
        """Give a new connection what its listener was set to."""
        connection.preferences = self.preferences
        if self.send_buffer is not None:
            connection.fix_send_buffer(self.send_buffer)
        if self.receive_buffer is not None:
            connection.fix_receive_buffer(self.receive_buffer)
        if self.preferences.congestion:
            connection.sender.choose(self.preferences.congestion)

    def opening(self, connection: Connection) -> None:
        """A SYN came and was answered."""
        self._half_open[connection] = None

    def admit(self, connection: Connection) -> bool:
        """Whether the handshake may end: there is room in the accept queue."""
        return not self.full

    def ready(self, connection: Connection) -> None:
        """The handshake is over, or need not be (RFC 7413)."""
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
