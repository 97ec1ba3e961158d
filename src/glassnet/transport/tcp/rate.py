"""How fast the path delivers (draft-cheng-iccrg-delivery-rate-estimation).

Each segment remembers, when it is sent, how much had been delivered by then. When it is
acknowledged, the difference and the time between are a sample of the delivery rate.
"""

from __future__ import annotations

from typing import Protocol

from glassnet.transport.tcp.congestion.control import RateSample

__all__ = ["DeliveryRate", "Stamped"]


class Stamped(Protocol):
    """What of a segment matters here. `delivered_at` is -1 for one that has no stamp.

    `sent` is when it was sent last, in nanoseconds.
    """

    payload: bytes
    sent: int
    delivered: int
    delivered_at: int
    first_sent_at: int
    app_limited: bool


class DeliveryRate:
    """The delivery rate of one connection. Sizes are bytes, times nanoseconds.

    `delivered` is all that was acknowledged or selectively acknowledged. `rate` is in bytes
    per second, as `tcpi_delivery_rate` tells it: the last sample, but of those that the
    application limited (`rate_app_limited`) only one that is not lower.
    """

    __slots__ = (
        "_app_limited",
        "_delivered_at",
        "_first_sent_at",
        "_limited",
        "_newest",
        "_prior_delivered",
        "_prior_time",
        "_send_elapsed",
        "delivered",
        "rate",
        "rate_app_limited",
    )

    def __init__(self) -> None:
        self.delivered = 0
        self.rate = 0
        self.rate_app_limited = False
        self._delivered_at = -1  # nothing was sent yet
        self._first_sent_at = 0
        self._limited = 0  # C.app_limited: `delivered` up to which the application was the limit
        self._newest = -1  # of the segments that this acknowledgement took: when it was sent
        self._prior_delivered = 0
        self._prior_time = 0
        self._send_elapsed = 0
        self._app_limited = False

    def sent(self, segment: Stamped, now: int, in_flight: int) -> None:
        """Stamp a segment that is sent, for the first time or again; `in_flight` is with it."""
        if in_flight <= len(segment.payload) or self._delivered_at < 0:
            self._first_sent_at = self._delivered_at = now
        segment.delivered = self.delivered
        segment.delivered_at = self._delivered_at
        segment.first_sent_at = self._first_sent_at
        segment.app_limited = self._limited > 0

    def taken(self, segment: Stamped, now: int) -> None:
        """A segment was acknowledged or selectively acknowledged; only the first time counts."""
        stamp = segment.delivered_at
        if stamp < 0:
            return
        segment.delivered_at = -1
        self.delivered += len(segment.payload)
        self._delivered_at = now
        sent = segment.sent
        if sent >= self._newest:
            self._newest = self._first_sent_at = sent
            self._send_elapsed = sent - segment.first_sent_at
            self._prior_delivered = segment.delivered
            self._prior_time = stamp
            self._app_limited = segment.app_limited

    def app_limited(self, in_flight: int) -> None:
        """The application has nothing more to send: what is in flight shows less than the path can do."""
        self._limited = self.delivered + in_flight or 1

    def settle(self, min_rtt: int) -> int:
        """End an acknowledgement: the interval in which it was delivered, or -1 if it shows nothing.

        `min_rtt` is the shortest round-trip time known: what was delivered in less was only
        acknowledged in a bunch.
        """
        if self._limited and self.delivered > self._limited:
            self._limited = 0
        if self._newest < 0:
            return -1
        self._newest = -1
        interval = max(self._send_elapsed, self._delivered_at - self._prior_time)
        if interval < min_rtt or not interval:
            return -1
        rate = (self.delivered - self._prior_delivered) * 10**9 // interval
        if not self._app_limited or rate >= self.rate:
            self.rate = rate
            self.rate_app_limited = self._app_limited
        return interval

    def sample(
        self,
        now: int,
        acked: int,
        lost: int,
        in_flight: int,
        prior_in_flight: int,
        rtt: int,
        in_recovery: bool,
        min_rtt: int,
    ) -> RateSample | None:
        """End an acknowledgement (as `settle`), and tell what it showed.

        None when it took nothing and no loss was found. `interval` of the sample is -1, and
        `delivered` 0, when there is no rate in it.
        """
        took = self._newest >= 0
        if not took and not lost:
            return None
        interval = self.settle(min_rtt)
        prior = self._prior_delivered if took else -1
        return RateSample(
            now=now,
            interval=interval,
            delivered=self.delivered - prior if interval > 0 else 0,
            prior_delivered=prior,
            total_delivered=self.delivered,
            acked=acked,
            lost=lost,
            in_flight=in_flight,
            prior_in_flight=prior_in_flight,
            rtt=rtt,
            app_limited=took and self._app_limited,
            in_recovery=in_recovery,
        )
