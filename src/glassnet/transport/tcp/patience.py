"""How long a silent peer is waited for, and what its silence is called (RFC 9293, 3.8.3, 3.9.2.2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["Patience"]


class Patience:
    """Remembers what ICMP said that was not fatal: the reason, if the connection fails in the end."""

    __slots__ = ("_connection", "_doubt", "_doubted")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._doubt = 0
        self._doubted = 0

    def doubt(self, error: int) -> None:
        """Something on the way says `error` (errno); it may pass (RFC 5461)."""
        self._doubt = error
        self._doubted = self._connection.tcp.engine.now

    def reason(self, since: int) -> int:
        """The errno of a silence: what ICMP said in it, or that there was none."""
        return self._doubt if self._doubt and self._doubted >= since else errno.ETIMEDOUT

    def is_over(self, since: int) -> bool:
        """Whether the peer has been silent for too long since that time."""
        connection = self._connection
        settings = connection.tcp.settings
        limit = connection.user_timeout
        if not limit:
            if connection.state is State.SYN_SENT:
                limit = settings.patience(
                    settings.rto_initial, connection.preferences.syn_retries or settings.syn_retries
                )
            elif connection.state is State.SYN_RECEIVED:
                limit = settings.patience(settings.rto_initial, settings.synack_retries)
            else:
                retries = settings.orphan_retries if connection.orphan else settings.retries
                limit = settings.patience(settings.rto_min, retries)
        return connection.tcp.engine.now - since >= limit
