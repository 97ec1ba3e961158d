"""Delivery rate samples, by hand (draft-cheng-iccrg-delivery-rate-estimation)."""

from __future__ import annotations

from glassnet.transport.tcp.congestion import RateSample
from glassnet.transport.tcp.rate import DeliveryRate

MS = 10**6
SIZE = 1000


class Sent:
    def __init__(self, rate: DeliveryRate, now: int, in_flight: int) -> None:
        self.payload = bytes(SIZE)
        self.sent = now
        self.delivered = self.first_sent_at = 0
        self.delivered_at = -1
        self.app_limited = False
        rate.sent(self, now, in_flight + SIZE)


def sample(rate: DeliveryRate, now: int, min_rtt: int = 0, lost: int = 0) -> RateSample | None:
    return rate.sample(now, SIZE, lost, 0, SIZE, 10 * MS, False, min_rtt)


def test_a_flight_is_measured_from_its_first_segment() -> None:
    # Five segments leave 1 ms apart, 10 ms of round trip: 1 MB/s once the pipe is full.
    rate = DeliveryRate()
    start = 50 * MS
    flight = [Sent(rate, start + index * MS, index * SIZE) for index in range(5)]
    for index, segment in enumerate(flight):
        now = start + (10 + index) * MS
        rate.taken(segment, now)
        seen = sample(rate, now)
        assert seen is not None
        # No answer had come when these left: all since the start is in the sample.
        assert (seen.delivered, seen.interval) == ((index + 1) * SIZE, (10 + index) * MS)
    assert rate.delivered == 5 * SIZE
    assert rate.rate == 5 * SIZE * 1000 // 14


def test_a_steady_stream_shows_its_rate() -> None:
    rate = DeliveryRate()
    on_their_way: list[Sent] = []
    for index in range(100):
        now = index * MS
        if index >= 10:
            rate.taken(on_their_way.pop(0), now)
            seen = sample(rate, now, 10 * MS)
            if index >= 30:
                assert seen is not None
                assert (seen.delivered, seen.interval) == (10 * SIZE, 10 * MS)
                assert seen.total_delivered == seen.prior_delivered + 10 * SIZE
        on_their_way.append(Sent(rate, now, len(on_their_way) * SIZE))
    assert rate.rate == 10**6


def test_acknowledgements_in_a_bunch_do_not_exaggerate() -> None:
    rate = DeliveryRate()
    first = Sent(rate, 0, 0)
    rate.taken(first, 10 * MS)
    sample(rate, 10 * MS)
    # It was sent 18 ms after the first, and delivered 10 ms after it: the time of sending counts.
    rate.taken(Sent(rate, 18 * MS, SIZE), 20 * MS)
    seen = sample(rate, 20 * MS)
    assert seen is not None
    assert (seen.interval, seen.delivered) == (18 * MS, SIZE)


def test_the_segment_sent_last_is_the_sample_in_whatever_order_they_are_told() -> None:
    rate = DeliveryRate()
    early = Sent(rate, 0, 0)
    other = Sent(rate, 0, SIZE)
    rate.taken(other, 10 * MS)
    sample(rate, 10 * MS)
    late = Sent(rate, 10 * MS, SIZE)
    rate.taken(late, 20 * MS)
    rate.taken(early, 20 * MS)
    seen = sample(rate, 20 * MS)
    assert seen is not None
    assert (seen.prior_delivered, seen.delivered, seen.interval) == (SIZE, 2 * SIZE, 10 * MS)


def test_what_took_less_than_a_round_trip_shows_nothing() -> None:
    rate = DeliveryRate()
    segment = Sent(rate, 0, 0)
    rate.taken(segment, 5 * MS)
    seen = sample(rate, 5 * MS, 10 * MS)
    assert seen is not None
    assert (seen.interval, seen.delivered) == (-1, 0)
    assert rate.rate == 0


def test_a_segment_counts_once() -> None:
    rate = DeliveryRate()
    segment = Sent(rate, 0, 0)
    rate.taken(segment, 5 * MS)
    rate.taken(segment, 6 * MS)
    assert rate.delivered == SIZE
    assert sample(rate, 6 * MS) is not None
    rate.taken(segment, 7 * MS)
    assert sample(rate, 7 * MS) is None


def test_a_retransmission_is_measured_from_when_it_was_sent_again() -> None:
    rate = DeliveryRate()
    lost = Sent(rate, 0, 0)
    other = Sent(rate, 0, SIZE)
    rate.taken(other, 10 * MS)
    sample(rate, 10 * MS)
    lost.sent = 10 * MS
    rate.sent(lost, 10 * MS, SIZE)
    rate.taken(lost, 20 * MS)
    seen = sample(rate, 20 * MS)
    assert seen is not None
    assert (seen.delivered, seen.interval, seen.prior_delivered) == (SIZE, 10 * MS, SIZE)


def test_silence_is_not_part_of_a_sample() -> None:
    rate = DeliveryRate()
    rate.taken(Sent(rate, 0, 0), 10 * MS)
    sample(rate, 10 * MS)
    rate.taken(Sent(rate, 5000 * MS, 0), 5010 * MS)
    seen = sample(rate, 5010 * MS)
    assert seen is not None
    assert seen.interval == 10 * MS


def test_a_meter_that_comes_late_knows_nothing_of_the_time_before() -> None:
    # As when TCP_CONGESTION changes while segments are on their way.
    rate = DeliveryRate()
    flight = [Sent(rate, 5000 * MS, SIZE) for _ in range(2)]
    for segment in flight:
        rate.taken(segment, 5010 * MS)
    seen = sample(rate, 5010 * MS)
    assert seen is not None
    assert (seen.interval, seen.delivered) == (10 * MS, 2 * SIZE)


def test_what_the_application_limits_is_marked_until_it_is_delivered() -> None:
    rate = DeliveryRate()
    first = Sent(rate, 0, 0)
    rate.app_limited(SIZE)
    second = Sent(rate, 0, SIZE)
    for segment, limited in ((first, False), (second, True)):
        rate.taken(segment, 10 * MS)
        seen = sample(rate, 10 * MS)
        assert seen is not None
        assert seen.app_limited is limited
    # More than what was on its way then has been delivered: the limit is history.
    third = Sent(rate, 20 * MS, 0)
    assert not third.app_limited


def test_a_lower_rate_that_the_application_limited_is_not_told() -> None:
    rate = DeliveryRate()
    rate.taken(Sent(rate, 0, 0), 10 * MS)
    sample(rate, 10 * MS)
    assert (rate.rate, rate.rate_app_limited) == (100_000, False)
    rate.app_limited(0)
    rate.taken(Sent(rate, 20 * MS, 0), 40 * MS)
    sample(rate, 40 * MS)
    assert (rate.rate, rate.rate_app_limited) == (100_000, False)
    rate.app_limited(0)
    rate.taken(Sent(rate, 50 * MS, 0), 55 * MS)
    sample(rate, 55 * MS)
    assert (rate.rate, rate.rate_app_limited) == (200_000, True)


def test_a_loss_alone_is_told_without_a_rate() -> None:
    rate = DeliveryRate()
    assert sample(rate, MS) is None
    seen = sample(rate, MS, lost=SIZE)
    assert seen is not None
    assert (seen.interval, seen.delivered, seen.prior_delivered, seen.lost) == (-1, 0, -1, SIZE)
