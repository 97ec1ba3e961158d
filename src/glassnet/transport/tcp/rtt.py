"""Round-trip time and retransmission timeout (RFC 6298), and the least that was measured."""

from __future__ import annotations

from glassnet.transport.tcp.settings import TcpSettings

__all__ = ["RoundTrip"]

_SLACK = 2 * 10**6  # so that a peer who delays its acknowledgement by a round trip is not probed
_LEAST_LASTS = 300 * 10**9  # how long a minimum counts, as on Linux


class RoundTrip:
    """The smoothed round-trip time of one connection, and the timeout that follows from it.

    All values are nanoseconds. `rto` already holds the backoff of repeated timeouts;
    `doublings` are how many that are. `latest` is the last measurement, `least` the
    smallest of the last five minutes; both are 0 before the first. `probe` is how long
    to wait before the tail of what was sent is probed (PTO of RFC 8985, 7.2).
    """

    __slots__ = (
        "_fallback",
        "_least_at",
        "_max",
        "_min",
        "doublings",
        "latest",
        "least",
        "probe",
        "rto",
        "smoothed",
        "variation",
    )

    def __init__(self, settings: TcpSettings) -> None:
        self._min = settings.rto_min
        self._max = settings.rto_max
        self._fallback = settings.rto_fallback
        self.smoothed = 0
        self.variation = 0
        self.latest = 0
        self.least = 0
        self._least_at = 0
        self.doublings = 0
        self.probe = 0
        self.rto = settings.rto_initial

    def sample(self, measured: int, now: int) -> None:
        """Take in one measurement, never of a retransmitted segment (Karn's algorithm)."""
        self.latest = measured
        if measured <= self.least or now - self._least_at > _LEAST_LASTS or not self._least_at:
            self.least = measured
            self._least_at = now
        smoothed = self.smoothed
        if smoothed:
            # RFC 6298, 2.3, with alpha = 1/8 and beta = 1/4; the variation first.
            self.variation += (abs(smoothed - measured) - self.variation) >> 2
            self.smoothed = smoothed = smoothed + ((measured - smoothed) >> 3)
        else:
            self.smoothed = smoothed = measured or 1
            self.variation = measured >> 1
        self.probe = smoothed + smoothed + _SLACK
        # The floor is on the variation's share, as Linux has it: a steady long path would
        # otherwise time out on the peer's delayed acknowledgements.
        share = self.variation << 2
        rto = smoothed + (share if share > self._min else self._min)
        self.rto = rto if rto < self._max else self._max
        self.doublings = 0

    def forgive(self) -> None:
        """Take back the backoff: it was not the path that kept us waiting."""
        if self.smoothed:
            self.rto = min(self.smoothed + max(self.variation << 2, self._min), self._max)
            self.doublings = 0

    def fall_back(self) -> None:
        """A SYN was lost: data start from a longer timeout while nothing is measured (RFC 6298, 5.7)."""
        if not self.smoothed:
            self.rto = self._fallback
            self.doublings = 0

    def back_off(self) -> None:
        """Double the timeout (RFC 6298, 5.5)."""
        self.rto = min(self.rto * 2, self._max)
        self.doublings += 1
