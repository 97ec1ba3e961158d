"""Dates, clocks and how they are written; with the machine in UTC, as hosts are."""

from __future__ import annotations

import datetime
import email.utils
import functools
import os
import pickle
import time
from datetime import UTC, timedelta, timezone

from parity_kit import attempt, program

MOMENT = 1_700_000_000
NAIVE = datetime.datetime(2023, 11, 14, 22, 13, 20, 123457)


def in_utc(function):
    """A program that the machine runs in UTC."""

    @functools.wraps(function)
    def there():
        before = os.environ.get("TZ")
        os.environ["TZ"] = "UTC"
        time.tzset()
        try:
            return function()
        finally:
            if before is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = before
            time.tzset()

    return program(there)


@in_utc
def local_time():
    local = time.localtime(MOMENT)
    return (
        local,
        local.tm_zone,
        local.tm_gmtoff,
        local == time.gmtime(MOMENT),
        time.ctime(MOMENT),
        time.asctime(local),
    )


@in_utc
def mktime():
    return [
        attempt(time.mktime, when)
        for when in (
            (2023, 11, 14, 22, 13, 20, 0, 0, -1),
            (2023, 11, 14, 22, 13, 20, 0, 0, 0),
            (2023, 13, 40, 25, 61, 61, 0, 0, 0),
            (1969, 12, 31, 23, 59, 58, 0, 0, 0),
            time.localtime(MOMENT),
            (1, 2),
            "x",
        )
    ]


@in_utc
def strftime():
    form = "%Y-%m-%d %H:%M:%S %Z %z %s %%s %j %U"
    return (
        time.strftime(form, time.gmtime(MOMENT)),
        time.strftime(form, time.localtime(MOMENT)),
        time.strftime(form, tuple(time.gmtime(MOMENT))),
        attempt(time.strftime, form, (1, 2)),
        time.strftime("%Y") >= "2023",
    )


@in_utc
def datetimes_of_timestamps():
    return [
        datetime.datetime.fromtimestamp(MOMENT),
        datetime.datetime.fromtimestamp(MOMENT + 0.123457),
        datetime.datetime.fromtimestamp(-1.5),
        datetime.datetime.fromtimestamp(MOMENT, UTC),
        datetime.datetime.fromtimestamp(MOMENT, timezone(timedelta(hours=2), "X")),
        datetime.datetime.fromtimestamp(timestamp=MOMENT, tz=None),
        datetime.date.fromtimestamp(MOMENT),
        attempt(datetime.datetime.fromtimestamp, 1e30),
        attempt(datetime.datetime.fromtimestamp, float("nan")),
        attempt(datetime.datetime.fromtimestamp, "x"),
        attempt(datetime.date.fromtimestamp, "x"),
        attempt(datetime.datetime.fromtimestamp),
    ]


@in_utc
def timestamps_of_datetimes():
    return [
        NAIVE.timestamp(),
        NAIVE.replace(tzinfo=UTC).timestamp(),
        NAIVE.replace(tzinfo=timezone(timedelta(hours=-5))).timestamp(),
        datetime.datetime(1960, 1, 1, 0, 0, 0, 1).timestamp(),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999).timestamp(),
    ]


@in_utc
def as_time_zones():
    zone = timezone(timedelta(hours=2), "X")
    return [
        NAIVE.astimezone(),
        repr(NAIVE.astimezone()),
        NAIVE.astimezone(zone),
        NAIVE.replace(tzinfo=zone).astimezone(),
        NAIVE.replace(tzinfo=zone).astimezone(UTC),
        NAIVE.astimezone().tzname(),
        attempt(NAIVE.astimezone, 5),
    ]


@in_utc
def the_present():
    now, utcnow = datetime.datetime.now(), datetime.datetime.now(UTC)
    zone = timezone(timedelta(hours=2))
    return (
        abs(now - utcnow.replace(tzinfo=None)) < timedelta(seconds=5),
        abs(now.timestamp() - time.time()) < 5,
        datetime.datetime.now(tz=zone).utcoffset(),
        datetime.date.today() in (now.date(), now.date() + timedelta(days=1)),
        type(datetime.datetime.today()),
        type(datetime.date.today()),
        attempt(datetime.datetime.now, 5),
        attempt(datetime.datetime.now, UTC, UTC),
    )


class Stamp(datetime.datetime):
    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        made.made = True
        return made


class Day(datetime.date):
    pass


@in_utc
def subclasses():
    moments = [
        Stamp.now(),
        Stamp.now(UTC),
        Stamp.fromtimestamp(MOMENT),
        Stamp.fromtimestamp(MOMENT, UTC),
        Stamp.today(),
    ]
    return [(type(each).__name__, each.made) for each in moments] + [
        Stamp.fromtimestamp(MOMENT),
        type(Day.today()).__name__,
        Day.fromtimestamp(MOMENT),
        Stamp.fromtimestamp(MOMENT).timestamp(),
        type(Stamp.fromtimestamp(MOMENT).astimezone()).__name__,
    ]


@in_utc
def pickles():
    moment = NAIVE.replace(tzinfo=UTC)
    return pickle.loads(pickle.dumps((NAIVE, moment, datetime.date(2025, 1, 1)))), pickle.dumps(NAIVE)


@in_utc
def dates_in_mail():
    return (
        email.utils.formatdate(MOMENT, localtime=True),
        email.utils.formatdate(MOMENT),
        email.utils.formatdate(MOMENT, usegmt=True),
        email.utils.localtime(NAIVE),
    )


@in_utc
def clocks():
    return (
        [time.get_clock_info(name).monotonic for name in ("monotonic", "perf_counter", "time")],
        time.clock_getres(time.CLOCK_MONOTONIC) <= 1e-3,
        attempt(time.clock_gettime, 9999),
        attempt(time.clock_settime, time.CLOCK_MONOTONIC, 1.0)[0] in ("OSError", "PermissionError"),
        attempt(time.sleep, -1),
        attempt(time.sleep, "x"),
        time.clock_gettime_ns(time.CLOCK_REALTIME) > MOMENT * 10**9,
        isinstance(
            time.clock_gettime(time.pthread_getcpuclockid(__import__("threading").get_ident())), float
        ),
    )


@in_utc
def polling_loops_get_forward():
    import queue
    import threading

    lock, event, empty = threading.Lock(), threading.Event(), queue.Queue()
    lock.acquire()
    ends = []
    for look in (
        lambda: event.is_set(),
        lambda: lock.acquire(False),
        lambda: attempt_empty(empty),
        lambda: datetime.datetime.now(),
        lambda: time.perf_counter_ns(),
    ):
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            look()
        ends.append(time.monotonic() >= end)
    return ends


def attempt_empty(empty):
    import queue

    try:
        return empty.get_nowait()
    except queue.Empty:
        return None
