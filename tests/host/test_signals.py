"""Signals, delivered to programs on hosts and nowhere else."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time

import pytest

import glassnet


def test_sigterm_ends_a_program_without_a_handler(a, net):
    process = a.start(time.sleep, 100)
    net.run(for_=1)
    process.terminate()
    assert process.returncode == -15
    with pytest.raises(glassnet.ProcessEnded, match="ended by SIGTERM"):
        process.result()


def test_a_handler_runs_in_the_program_and_its_wait_goes_on(a, net):
    def program():
        seen = []
        signal.signal(signal.SIGTERM, lambda number, frame: seen.append((number, time.monotonic(), frame)))
        time.sleep(10)
        return seen, time.monotonic()

    process = a.start(program)
    net.run(for_=4)
    process.terminate()
    [(number, when, frame)], end = process.result()
    assert (number, when, end) == (signal.SIGTERM, 64, 70)
    assert frame is not None


def test_a_handler_that_waits_longer_than_what_it_interrupts(a, net):
    def program():
        signal.signal(signal.SIGUSR1, lambda *args: time.sleep(50))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(10)
            try:
                ours.recv(1)
            except TimeoutError:
                return time.monotonic()

    process = a.start(program)
    net.run(for_=1)
    process.send_signal(signal.SIGUSR1)
    assert process.result() == 111
    assert net.now == 51


def test_a_handler_that_raises_ends_the_wait(hosts, a, b, net):
    class Stop(Exception):
        pass

    def program():
        def stop(number, frame):
            raise Stop

        signal.signal(signal.SIGUSR1, stop)
        with socket.socket() as s:
            s.bind(("", 7))
            s.listen()
            try:
                s.accept()
            except Stop:
                return "stopped", time.monotonic()

    process = a.start(program)
    net.run(for_=2)
    process.send_signal(signal.SIGUSR1)
    assert process.result() == ("stopped", 62)


def test_an_ignored_signal_and_harmless_ones(a, net):
    def program():
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(5)
        return before, signal.getsignal(signal.SIGTERM)

    process = a.start(program)
    net.run(for_=1)
    process.terminate()
    process.send_signal(signal.SIGCHLD)
    process.send_signal(signal.SIGWINCH)
    assert process.result() == (signal.SIG_DFL, signal.SIG_IGN)


def test_an_interrupt_is_a_keyboard_interrupt(a, net, capsys):
    process = a.start(time.sleep, 100)
    net.run(for_=1)
    process.send_signal(signal.SIGINT)
    assert process.wait() == -2
    with pytest.raises(KeyboardInterrupt):
        process.result()


def test_an_interrupt_ends_asyncio_run_and_not_the_network(a, net, capsys):
    async def program():
        await asyncio.sleep(100)

    process = a.start(program)
    net.run(for_=1)
    process.send_signal(signal.SIGINT)
    net.run(for_=1)
    assert process.returncode == -2
    assert net.now == 2
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_signals_to_oneself_are_handled_at_once(a):
    def program():
        seen = []
        signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        return seen

    assert a.run(program) == [signal.SIGUSR1] * 2


def test_killing_oneself(a):
    def program():
        try:
            os.kill(os.getpid(), signal.SIGKILL)
        except Exception:
            return "not reached"

    assert a.start(program).wait() == -9


def test_signals_between_programs_of_a_host(a, net):
    def parent():
        child = a.start(time.sleep, 100)
        time.sleep(1)
        os.kill(child.pid, 0)
        os.kill(child.pid, signal.SIGTERM)
        code = child.wait()
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        return code, time.monotonic()

    assert a.run(parent) == (-15, 61)


def test_handlers_belong_to_a_program(a, b):
    def program(word):
        signal.signal(signal.SIGTERM, lambda *args: word)
        time.sleep(1)
        return signal.getsignal(signal.SIGTERM)()

    before = signal.getsignal(signal.SIGTERM)
    first, second = a.start(program, "one"), b.start(program, "two")
    assert (first.result(), second.result()) == ("one", "two")
    assert signal.getsignal(signal.SIGTERM) is before


def test_only_the_main_thread_sets_handlers(a):
    def program():
        seen = []

        def body():
            for call in (
                lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
                lambda: signal.set_wakeup_fd(-1),
            ):
                try:
                    call()
                except ValueError as error:
                    seen.append(str(error))

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return seen

    assert a.run(program) == [
        "signal only works in main thread of the main interpreter",
        "set_wakeup_fd only works in main thread of the main interpreter",
    ]


def test_wrong_calls(a):
    def program():
        failures = []
        for call in (
            lambda: signal.signal(signal.SIGTERM, "handler"),
            lambda: signal.signal(9999, signal.SIG_IGN),
            lambda: signal.signal(signal.SIGKILL, signal.SIG_IGN),
            lambda: signal.set_wakeup_fd(123456789),
        ):
            try:
                call()
            except (TypeError, ValueError, OSError) as error:
                failures.append(type(error).__name__)
        return failures

    assert a.run(program) == ["TypeError", "ValueError", "OSError", "OSError"]


def test_the_wakeup_descriptor(a, net):
    def program():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        signal.signal(signal.SIGUSR1, lambda *args: None)
        before = signal.set_wakeup_fd(theirs.fileno())
        got = ours.recv(10)
        after = signal.set_wakeup_fd(-1) == theirs.fileno()
        ours.close()
        theirs.close()
        return before, got, after

    process = a.start(program)
    net.run(for_=1)
    process.send_signal(signal.SIGUSR1)
    assert process.result() == (-1, bytes([signal.SIGUSR1]), True)


def test_asyncio_shuts_down_gracefully(a, net):
    async def program():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        await asyncio.sleep(2)
        return asyncio.get_running_loop().time()

    process = a.start(program)
    net.run(for_=5)
    process.terminate()
    assert process.result() == 67
    assert process.returncode == 0


def test_a_thread_can_be_sent_nothing_but_its_program_can(a, net):
    def program():
        seen = []
        signal.signal(signal.SIGUSR1, lambda *args: seen.append(threading.current_thread().name))
        thread = threading.Thread(target=time.sleep, args=(5,))
        thread.start()
        thread.join()
        return seen

    process = a.start(program)
    net.run(for_=1)
    process.send_signal(signal.SIGUSR1)
    assert process.result() == ["MainThread"]
