"""How programs end: `atexit`, `os._exit`, `os.abort`; and how they stand still."""

from __future__ import annotations

import atexit
import os
import random
import signal
import socket
import sys
import threading
import time

import pytest

import glassnet


def test_exit_handlers_run_when_the_program_ends(a, b, net):
    seen = []

    def handler(what):
        seen.append((what, socket.gethostname(), time.monotonic(), os.getpid()))

    def program():
        atexit.register(handler, "first")
        atexit.register(handler, what="second")
        threading.Thread(target=time.sleep, args=(5,)).start()
        assert atexit._ncallbacks() == 2
        assert not seen
        return os.getpid()

    pid = a.run(program)
    assert seen == [("second", "a", 65, pid), ("first", "a", 65, pid)]


def test_exit_handlers_run_after_failure_and_exit_but_not_after_a_kill(a, net, capsys):
    seen = []

    def program(end):
        atexit.register(seen.append, end)
        atexit.register(seen.append, "gone")
        atexit.unregister(seen.append)
        atexit.register(seen.append, end)
        end()

    def fail():
        raise LookupError

    def bad():
        atexit.register(fail)

    for end in (fail, sys.exit, lambda: os._exit(3), os.abort, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        a.start(program, end)
    broken = a.start(bad)
    net.run(for_=1)
    assert len(seen) == 2
    assert broken.returncode == 0
    assert "Exception ignored in atexit callback" in capsys.readouterr().err


def test_ending_at_once(a, net):
    seen = []

    def program(end):
        try:
            end()
        finally:
            seen.append(socket.gethostname())
            time.sleep(1)
            seen.append("not reached")

    processes = [a.start(program, end) for end in (lambda: os._exit(3), lambda: os._exit(256 + 7), os.abort)]
    net.run(for_=10)
    assert [process.returncode for process in processes] == [3, 7, -6]
    assert "not reached" not in seen


def test_a_real_time_signal_without_a_handler_ends_a_program(a):
    with pytest.raises(glassnet.ProcessEnded, match="ended by signal 40"):
        a.run(lambda: os.kill(os.getpid(), 40))


def test_a_stopped_program_stands_still_until_it_is_continued(a, net):
    seen = []

    def program():
        signal.signal(signal.SIGUSR1, lambda *_: seen.append(("usr1", time.monotonic())))
        while len(seen) < 6:
            time.sleep(1)
            seen.append(time.monotonic())

    process = a.start(program)
    net.run(for_=2.5)
    process.send_signal(signal.SIGSTOP)
    net.run(for_=10)
    process.send_signal(signal.SIGUSR1)
    assert seen == [61, 62]
    process.send_signal(signal.SIGCONT)
    net.run(for_=3)
    assert seen == [61, 62, ("usr1", 72.5), 72.5, 73.5, 74.5]


def test_a_program_that_stops_itself(a, net):
    def program():
        os.kill(os.getpid(), signal.SIGSTOP)
        return time.monotonic()

    process = a.start(program)
    net.run(for_=5)
    assert process.alive
    process.send_signal(signal.SIGCONT)
    assert process.result() == 65


def test_a_stopped_program_can_be_killed(a, net):
    process = a.start(time.sleep, 100)
    net.run(for_=1)
    process.send_signal(signal.SIGSTOP)
    process.kill()
    assert process.returncode == -9


def test_signals_between_programs_of_a_host(a, net):
    heard = []

    def target():
        signal.signal(signal.SIGTERM, lambda *_: heard.append(time.monotonic()))
        signal.pause()

    process = a.start(target)
    net.run(for_=1)
    a.run(os.killpg, process.pid, signal.SIGTERM)
    assert process.result() is None
    assert heard == [61]


SCENARIO = os.path.join(os.path.dirname(__file__), "scenarios", "threads.py")


def test_threaded_programs_leave_the_same_trace_whatever_the_hash_seed():
    import subprocess

    traces = set()
    for seed in ("0", "1", "2", "33", "4444"):
        done = subprocess.run(
            [sys.executable, SCENARIO, "5"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        traces.add(done.stdout)
    [trace] = traces
    assert trace.count("\n") > 100
    other = subprocess.run([sys.executable, SCENARIO, "6"], capture_output=True, text=True, check=True)
    assert other.stdout != trace


def test_the_sequence_of_the_module_is_left_alone(a):
    random.seed(11)
    expected = random.Random(11)
    first = random.random()
    a.run(random.random)
    assert (first, random.random()) == (expected.random(), expected.random())


def test_what_exit_handlers_change(a):
    called = []

    def unregistering():
        called.append("unregistering")
        atexit.unregister(called.clear)
        atexit.register(called.append, "late")

    def program():
        atexit.register(called.append, "first")
        atexit.register(called.clear)
        atexit.register(unregistering)

    a.run(program)
    assert called == ["unregistering", "first"]
