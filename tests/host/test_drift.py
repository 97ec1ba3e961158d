"""The clock of a host: skew, drift, setting it, and the time zone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Engine
from glassnet.host.timekeeping import EPOCH, UPTIME, HostClock

S = 10**9


def test_a_skew_is_told_and_set_in_seconds_or_with_units(a):
    for given_, seconds in (("5s", 5), ("-20ms", -0.02), (1.5, 1.5), (-3, -3), (0, 0), ("+1min", 60)):
        a.skew = given_
        assert a.skew == seconds
        assert a.run(time.time_ns) == EPOCH + a.network.engine.now + round(seconds * S)
    with pytest.raises(ValueError, match="expected a duration"):
        a.skew = "fast"


def test_a_drift_is_told_as_a_fraction(a):
    for given_, fraction in (("50ppm", 50e-6), ("-1%", -0.01), (1e-6, 1e-6), ("20ppb", 2e-8), (0, 0)):
        a.drift = given_
        assert a.drift == fraction
    with pytest.raises(ValueError, match="expected a drift"):
        a.drift = "5 minutes"
    with pytest.raises(ValueError, match="cannot stand still or run backwards"):
        a.drift = -1


def test_a_fast_clock_makes_sleeps_short_and_uptime_long(a, b, net):
    a.drift = "1%"
    begun = net.engine.now

    def program():
        before = time.monotonic_ns(), time.time_ns()
        time.sleep(101)
        return time.monotonic_ns() - before[0], time.time_ns() - before[1]

    assert a.run(program) == (101 * S, 101 * S)
    assert net.engine.now - begun == 100 * S
    assert a.skew == 1
    assert b.run(time.monotonic_ns) == UPTIME + net.engine.now


def test_timeouts_follow_the_drift(a, net):
    a.drift = "-50%"
    lock = threading.Lock()
    lock.acquire()
    assert a.run(lock.acquire, timeout=1) is False
    assert net.now == 2


def test_a_change_of_drift_never_turns_uptime_back(a, net):
    seen = []

    def watch():
        for _ in range(60):
            seen.append(time.monotonic_ns())
            time.sleep(0.1)

    process = a.start(watch)
    for drift in ("50%", "-90%", 0, "1ppb", "-3ppm"):
        net.run(for_=1)
        a.drift = drift
        a.skew = "-1h"
    process.result()
    assert seen == sorted(set(seen))


@given(
    st.integers(-(10**9) + 1, 10**10),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.integers(0, 10**12),
)
def test_a_duration_is_over_when_the_clock_says_so_and_not_before(drift, begun, passed, duration):
    engine = Engine()
    engine.now = begun
    clock = HostClock(engine)
    clock.drift = drift
    engine.now += passed
    start = clock.uptime()
    end = clock.after(duration)
    engine.now, before = end, engine.now
    assert clock.uptime() - start >= duration
    if end > before:
        engine.now = end - 1
        assert clock.uptime() - start < duration


def test_setting_the_clock_sets_the_skew(a):
    def program():
        up = time.monotonic_ns()
        time.clock_settime(time.CLOCK_REALTIME, 1_000_000_000)
        return time.time(), time.monotonic_ns() - up

    assert a.run(program) == (1_000_000_000, 0)
    assert a.skew == 1_000_000_000 - EPOCH / S


ZONES = """
import datetime, email.utils, io, logging, time
from datetime import date, datetime as DateTime
from time import localtime, strftime
import glassnet

def program():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.getLogger("zones").addHandler(handler)
    logging.getLogger("zones").warning("hello")
    now = DateTime.now()
    return (
        stream.getvalue(), now, now.timestamp(), now.astimezone(), DateTime.utcnow(), date.today(),
        DateTime.today(), DateTime.fromtimestamp(0), date.fromtimestamp(0), DateTime(2025, 7, 1).timestamp(),
        repr(DateTime(2025, 7, 1).astimezone()), localtime(), localtime(0).tm_zone, time.ctime(),
        time.asctime(),
        time.mktime((2025, 7, 1, 0, 0, 0, 0, 0, -1)), strftime("%Z %z %s %c"),
        strftime("%Z %s", (2025, 7, 1, 0, 0, 0, 0, 0, 0)), email.utils.formatdate(localtime=True),
        email.utils.localtime(), datetime.datetime.now(datetime.timezone.utc),
    )

net = glassnet.Network()
host = net.host("host")
host.skew = "90.5d"
for value in host.run(program):
    print(repr(value))
net.close()
print(time.strftime("%Z"))
"""


def test_no_time_zone_of_the_machine_gets_in():
    outputs = {}
    for zone in ("UTC", "Asia/Kolkata", "America/New_York", "XYZ+3:30"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", ZONES],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs[zone] = done.stdout.splitlines()
    told = [lines[:-1] for lines in outputs.values()]
    assert all(lines == told[0] for lines in told)
    assert any("2025-04-01 12:00:00" in line for line in told[0])
    assert outputs["XYZ+3:30"][-1] == "XYZ"


def test_an_alarm_tells_what_is_left_by_the_clock_of_the_host(a):
    def program():
        signal.setitimer(signal.ITIMER_REAL, 10)
        time.sleep(4)
        return signal.getitimer(signal.ITIMER_REAL)[0]

    a.drift = "25%"
    assert a.run(program) == pytest.approx(6, abs=1e-6)
