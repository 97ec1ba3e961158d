"""A token bucket: how many messages may go out, on average and at once."""

from __future__ import annotations

from glassnet.engine import Engine

__all__ = ["RateLimit"]

_SECOND = 1_000_000_000


class RateLimit:
    """Lets `burst` messages through at once and `rate` per second on average (RFC 4443 section 2.4 f).

    Tokens come with the passing of virtual time; nothing is scheduled.
    """

    __slots__ = ("_engine", "_tokens", "_updated", "burst", "rate")

    def __init__(self, engine: Engine, rate: int, burst: int) -> None:
        self._engine = engine
        self.rate = rate
        self.burst = burst
        # The bucket is kept in token-nanoseconds, so that no rounding loses a token.
        self._tokens = burst * _SECOND
        self._updated = engine.now

    def allow(self) -> bool:
        """Take one token, if there is one."""
        now = self._engine.now
        full = self.burst * _SECOND
        tokens = min(full, self._tokens + (now - self._updated) * self.rate)
        self._updated = now
        if tokens < _SECOND:
            self._tokens = tokens
            return False
        self._tokens = tokens - _SECOND
        return True
