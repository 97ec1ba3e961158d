"""How often a host answers what does not fit: challenge ACKs, and the ACKs of RFC 9293, 3.10.7.4.

Two ends that disagree about where they are would otherwise tell each other so for ever, and
a stranger could make a host send as much as he likes (RFC 5961, 7).
"""

from __future__ import annotations

from random import Random

from glassnet.engine import Engine
from glassnet.transport.tcp.settings import TcpSettings

__all__ = ["ChallengeAcks"]

_S = 10**9


class ChallengeAcks:
    """Counts such answers of a host: none of a connection sooner than `invalid_ratelimit` after
    its last, and about `challenge_ack_limit` of all in a second.

    The limit of the host varies by chance from second to second, between a half and one and a half
    of the setting: who sees a fixed one used up learns whether others' guesses were right
    (CVE-2016-5696).
    """

    __slots__ = ("_engine", "_left", "_random", "_second", "_settings", "sent")

    def __init__(self, engine: Engine, settings: TcpSettings, random: Random) -> None:
        self._engine = engine
        self._settings = settings
        self._random = random
        self._second = -1
        self._left = 0
        self.sent = 0

    def allow(self, again: int) -> int | None:
        """When a connection that may answer from `again` on may do so after now (ns); None if not now."""
        now = self._engine.now
        if now < again:
            return None
        limit = self._settings.challenge_ack_limit
        second = now // _S
        if second != self._second:
            self._second = second
            self._left = (limit + 1) // 2 + self._random.randrange(limit) if limit > 0 else 0
        if self._left <= 0:
            return None
        self._left -= 1
        self.sent += 1
        return now + self._settings.invalid_ratelimit
