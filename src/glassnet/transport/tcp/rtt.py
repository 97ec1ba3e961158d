"""Round-trip time and retransmission timeout (RFC 6298)."""

from __future__ import annotations

from glassnet.transport.tcp.settings import TcpSettings

__all__ = ["RoundTrip"]


class RoundTrip:
    """The smoothed round-trip time of one connection, and the timeout that follows from it.

    All values are nanoseconds. `rto` already holds the backoff of repeated timeouts.
    """

    __slots__ = ("_fallback", "_max", "_min", "rto", "smoothed", "variation")

    def __init__(self, settings: TcpSettings) -> None:
        self._min = settings.rto_min
        self._max = settings.rto_max
        self._fallback = settings.rto_fallback
        self.smoothed = 0
        self.variation = 0
        self.rto = settings.rto_initial

    def sample(self, measured: int) -> None:
        """Take in one measurement, never of a retransmitted segment (Karn's algorithm)."""
        smoothed = self.smoothed
        if smoothed:
            # RFC 6298, 2.3, with alpha = 1/8 and beta = 1/4; the variation first.
            self.variation += (abs(smoothed - measured) - self.variation) >> 2
            self.smoothed = smoothed = smoothed + ((measured - smoothed) >> 3)
        else:
            self.smoothed = smoothed = measured or 1
            self.variation = measured >> 1
        # The floor is on the variation's share, as Linux has it: a steady long path would
        # otherwise time out on the peer's delayed acknowledgements.
        share = self.variation << 2
        rto = smoothed + (share if share > self._min else self._min)
        self.rto = rto if rto < self._max else self._max

    def forgive(self) -> None:
        """Take back the backoff: it was the peer's closed window that kept us waiting, not the path."""
        if self.smoothed:
            self.rto = min(self.smoothed + max(self.variation << 2, self._min), self._max)

    def fall_back(self) -> None:
        """A SYN was lost: data start from a longer timeout while nothing is measured (RFC 6298, 5.7)."""
        if not self.smoothed:
            self.rto = self._fallback

    def back_off(self) -> None:
        """Double the timeout (RFC 6298, 5.5)."""
        self.rto = min(self.rto * 2, self._max)
