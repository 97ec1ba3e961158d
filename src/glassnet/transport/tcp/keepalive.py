"""Keepalive: asking a silent peer whether it is still there (RFC 9293, 3.8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.engine import Timer
from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["Keepalive"]


class Keepalive:
    """Probes an idle peer after `idle`, then each `interval`, and gives up after `count` (times in ns).

    `heard` is when the peer last said something; it is kept only while `on`.
    """

    __slots__ = ("_connection", "_idle", "_probed", "_probes", "_timer", "count", "heard", "interval", "on")

    def __init__(self, connection: Connection) -> None:
        settings = connection.tcp.settings
        self._connection = connection
        self._timer: Timer | None = None
        self._probes = 0
        self._probed = 0  # when the last probe was sent
        self.on = False
        self._idle = settings.keepalive_time
        self.interval = settings.keepalive_interval
        self.count = settings.keepalive_probes
        self.heard = 0

    @property
    def idle(self) -> int:
        """How long the peer may be silent before it is asked; a change counts at once."""
        return self._idle

    @idle.setter
    def idle(self, idle: int) -> None:
        self._idle = idle
        timer = self._timer
        if timer is not None and timer.deadline is not None:
            timer.start(self.heard + idle)

    @property
    def unanswered(self) -> int:
        """How many probes the peer has not answered."""
        return self._probes if self.heard < self._probed else 0

    def turn(self, on: bool) -> None:
        """Switch it on or off (SO_KEEPALIVE)."""
        self.on = on
        if not on:
            self.stop()
        elif self._connection.established:
            self.start()

    def start(self) -> None:
        """Watch the peer from now on, if it is on."""
        if not self.on:
            return
        engine = self._connection.tcp.engine
        if self._timer is None:
            self._timer = Timer(engine, self._check)
        self._probes = 0
        self.heard = engine.now
        self._timer.start(self.heard + self.idle)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.stop()

    def _check(self) -> None:
        connection = self._connection
        timer = self._timer
        assert timer is not None
        if connection.state is State.CLOSED:
            return
        now = connection.tcp.engine.now
        quiet = now - self.heard
        if self.heard >= self._probed:
            self._probes = 0  # the last probe was answered
        if connection.sender.outstanding:
            # Data on their way have a timer of their own.
            self._probes = 0
            timer.start(now + self._idle)
            return
        if quiet < self._idle:
            timer.start(self.heard + self._idle)
            return
        limit = connection.user_timeout
        if self._probes and (quiet >= limit if limit else self._probes >= self.count):
            connection.peer_is_dead()
            return
        self._probes += 1
        self._probed = now
        connection.probe()
        timer.start(now + self.interval)
