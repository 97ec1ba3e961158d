"""Time on hosts."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

import glassnet
from glassnet.host.system import EPOCH, UPTIME


def test_clocks_begin_at_the_epoch_and_a_minute_of_uptime(a):
    def program():
        return time.time_ns(), time.time(), time.monotonic_ns(), time.monotonic(), time.perf_counter_ns()

    assert a.run(program) == (EPOCH, EPOCH / 1e9, UPTIME, 60, UPTIME)


def test_clocks_by_number(a):
    def program():
        time.sleep(1)
        return time.clock_gettime_ns(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_MONOTONIC)

    assert a.run(program) == (EPOCH + 10**9, 61)
    assert time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) >= 0
    assert abs(time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()) < 1


def test_sleeping_is_exact_and_takes_no_real_time(a, net):
    def program():
        before = time.monotonic_ns()
        for seconds in (1e-9, 0.25, 3, 86400 * 365):
            time.sleep(seconds)
        return time.monotonic_ns() - before

    started = time.monotonic()
    assert a.run(program) == 1 + 250_000_000 + (3 + 86400 * 365) * 10**9
    assert time.monotonic() - started < 1


def test_calendar_functions_follow_the_clock(a):
    def program():
        time.sleep(86400 * 40)
        return (
            time.gmtime()[:3],
            time.localtime()[:2],
            time.strftime("%Y-%m", time.gmtime()),
            time.strftime("%Y"),
            time.ctime()[-4:],
            time.asctime()[-4:],
            time.gmtime(0)[0],
            time.asctime(time.gmtime(0)),
        )

    assert a.run(program) == (
        (2025, 2, 10),
        (2025, 2),
        "2025-02",
        "2025",
        "2025",
        "2025",
        1970,
        "Thu Jan  1 00:00:00 1970",
    )


def test_skew_moves_the_calendar_and_not_the_uptime(a, b, hosts):
    a.skew = "-1h"
    assert a.run(time.time_ns) == EPOCH - 3600 * 10**9
    assert a.run(time.monotonic_ns) == UPTIME
    assert b.run(time.time_ns) == EPOCH


def test_wrong_sleeps(a):
    def program():
        failures = []
        for value in (-1, "long", float("nan"), None):
            try:
                time.sleep(value)
            except (ValueError, TypeError) as error:
                failures.append(type(error).__name__)
        return failures

    expected = []
    for value in (-1, "long", float("nan"), None):
        with pytest.raises((ValueError, TypeError)) as caught:
            time.sleep(value)
        expected.append(caught.type.__name__)
    assert a.run(program) == expected


def test_a_loop_that_polls_the_clock_gets_forward(a, net):
    def program():
        turns = 0
        deadline = time.time() + 5
        while time.time() < deadline:
            turns += 1
        return turns

    assert a.run(program) > 1000
    assert 5 <= net.now < 5.2


def test_a_loop_that_polls_and_yields_gets_forward(a, net):
    def program():
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            time.sleep(0)

    a.run(program)
    assert 5 <= net.now < 5.2


def test_sleeping_zero_lets_others_go_first(a, net):
    order = []

    def program(name):
        for _ in range(3):
            order.append(name)
            time.sleep(0)

    a.start(program, "one")
    a.start(program, "two")
    net.run()
    assert order == ["one", "two"] * 3
    assert net.now == 0


def test_clock_functions_as_class_attributes_stay_functions(a):
    class Stopwatch:
        clock = time.monotonic
        pause = time.sleep

        def measure(self):
            begin = self.clock()
            self.pause(2)
            return self.clock() - begin

    assert a.run(Stopwatch().measure) == 2


@pytest.mark.parametrize(("clock", "speed", "virtual"), [("real", 1, 0.1), ("scaled", 20, 2)])
def test_a_paced_clock_lets_programs_wait_for_real(clock, speed, virtual):
    network = glassnet.Network(clock=clock, speed=speed)
    one, two = network.lan("one", "two")

    def server():
        with socket.create_server(("", 7)) as listening, listening.accept()[0] as connection:
            time.sleep(virtual)
            connection.sendall(b"late")

    def client():
        with socket.create_connection(("192.0.2.1", 7)) as connection:
            return connection.recv(10)

    one.start(server)
    before = time.monotonic()
    assert two.run(client) == b"late"
    elapsed = time.monotonic() - before
    network.close()
    assert elapsed > 0.09
    assert virtual <= network.now < virtual * 20


def test_off_host_time_is_real():
    before, wall = time.time(), time.monotonic()
    time.sleep(0.01)
    assert time.monotonic() - wall > 0.009
    assert time.time() - before > 0.009
    assert time.time() > EPOCH / 1e9


def test_names_taken_before_glassnet_was_imported_work(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from time import sleep, monotonic\n"
        "from socket import socket, getaddrinfo\n"
        "from threading import Lock, Thread\n"
        "import glassnet\n"
        "def program():\n"
        "    before = monotonic()\n"
        "    sleep(1000)\n"
        "    thread = Thread(target=sleep, args=(1000,))\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "    with socket() as s:\n"
        "        s.bind(('192.0.2.1', 80))\n"
        "    return monotonic() - before, getaddrinfo('host', 80)[0][4][0]\n"
        "net = glassnet.Network()\n"
        "[host] = net.lan('host')\n"
        "print(host.run(program))\n"
        "net.close()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "(2000.0, '2001:db8::1')\n"
