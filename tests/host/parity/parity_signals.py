"""Signals: handlers, masks, waiting for them, alarms."""

from __future__ import annotations

import _thread
import functools
import os
import select
import signal
import socket
import threading
import time

from parity_kit import alone, attempt, failing, program, soon

USED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGINT, signal.SIGTERM)


def signalling(function):
    """A program that leaves handlers, masks and alarms as it found them."""

    @functools.wraps(function)
    def tidy():
        before = {number: signal.getsignal(number) for number in USED}
        try:
            return function()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return program(tidy)


class Heard:
    """A handler that remembers."""

    def __init__(self, *numbers):
        self.numbers = []
        for number in numbers:
            signal.signal(number, self)

    def __call__(self, number, frame):
        self.numbers.append(number)


class Stop(Exception):
    pass


def stop(number, frame):
    raise Stop(number)


def caught(call, *args):
    try:
        return call(*args)
    except Stop as error:
        return "stopped", error.args


@signalling
def a_handler_runs_before_kill_returns():
    heard = Heard(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    first = list(heard.numbers)
    signal.raise_signal(signal.SIGUSR1)
    return first, heard.numbers, type(heard.numbers[0])


@signalling
def handlers_are_given_back():
    first = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    second = signal.signal(signal.SIGUSR1, stop)
    return first, second, signal.getsignal(signal.SIGUSR1) is stop


@signalling
def what_is_set_up_at_first():
    numbers = (signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGKILL)
    return [signal.getsignal(number) for number in numbers]


@signalling
def what_cannot_be_handled():
    return [
        attempt(signal.signal, number, stop) for number in (signal.SIGKILL, signal.SIGSTOP, 0, -1, 65, 1000)
    ] + [
        attempt(signal.signal, signal.SIGUSR1, "x"),
        attempt(signal.getsignal, 0),
        attempt(signal.getsignal, 65),
    ]


@signalling
def signals_to_nobody():
    me = os.getpid()
    return [
        attempt(os.kill, 2**22 + 5, 0),
        attempt(os.kill, me, 0),
        attempt(os.kill, me, 99),
        attempt(os.kill, me, -1),
        attempt(signal.raise_signal, 99),
        attempt(os.killpg, 2**22 + 5, 0),
    ]


@signalling
def ignored_signals():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGCHLD)
    os.kill(os.getpid(), signal.SIGURG)
    return "alive"


@signalling
def a_raising_handler_ends_a_sleep():
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return caught(time.sleep, 5)


@signalling
def a_raising_handler_ends_recv():
    signal.signal(signal.SIGALRM, stop)
    a, b = socket.socketpair()
    with a, b:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return caught(a.recv, 10)


@signalling
def a_raising_handler_ends_recv_with_a_timeout():
    signal.signal(signal.SIGALRM, stop)
    a, b = socket.socketpair()
    with a, b:
        a.settimeout(5)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return caught(a.recv, 10)


@signalling
def a_raising_handler_ends_select():
    signal.signal(signal.SIGALRM, stop)
    a, b = socket.socketpair()
    with a, b:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return caught(select.select, [a], [], [], 5)


@signalling
def a_raising_handler_ends_acquire():
    signal.signal(signal.SIGALRM, stop)
    lock = threading.Lock()
    lock.acquire()
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return caught(lock.acquire), lock.locked()


@signalling
def a_raising_handler_ends_an_event_wait():
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return caught(threading.Event().wait)


@signalling
def a_raising_handler_ends_accept():
    signal.signal(signal.SIGALRM, stop)
    with socket.create_server(("127.0.0.1", 0)) as server:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return caught(server.accept)


@signalling
def a_wait_goes_on_after_a_handler():
    heard = Heard(signal.SIGALRM)
    a, b = socket.socketpair()
    with a, b:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        a.settimeout(0.05)
        return attempt(a.recv, 1), heard.numbers


@signalling
def a_sleep_goes_on_after_a_handler():
    heard = Heard(signal.SIGALRM)
    begun = time.monotonic_ns()
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.05)
    return time.monotonic_ns() - begun >= 50_000_000, heard.numbers


@signalling
def an_interval_timer_repeats():
    heard = Heard(signal.SIGALRM)
    before = signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    while len(heard.numbers) < 3:
        signal.pause()
    value, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    return before, len(heard.numbers) >= 3, 0 < value <= 0.01, interval, signal.getitimer(signal.ITIMER_REAL)


@signalling
def alarm_says_what_was_left():
    Heard(signal.SIGALRM)
    return signal.alarm(100), signal.alarm(50), signal.alarm(0), signal.alarm(0)


@signalling
def alarm_and_setitimer_are_one_timer():
    signal.alarm(100)
    value, interval = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    return 99 < value <= 100, interval, signal.alarm(0)


@signalling
def bad_timers():
    return [
        attempt(signal.setitimer, signal.ITIMER_REAL, -1),
        attempt(signal.setitimer, 77, 1),
        attempt(signal.getitimer, 77),
        attempt(signal.alarm, "x"),
    ]


@alone
@signalling
def a_blocked_signal_waits():
    heard = Heard(signal.SIGUSR1)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    during = list(heard.numbers), signal.sigpending()
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    return before, during, mask, heard.numbers, signal.sigpending()


@alone
@signalling
def unblocked_signals_come_in_the_order_of_their_numbers():
    heard = Heard(signal.SIGUSR1, signal.SIGUSR2)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR1)
    pending = signal.sigpending()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    return pending, heard.numbers


@alone
@signalling
def masks_are_read_back():
    signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR1, signal.SIGKILL])
    first = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    second = signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    return first, second, attempt(signal.pthread_sigmask, 99, []), attempt(signal.pthread_sigmask, 0, [99])


@alone
@signalling
def sigwait_takes_what_is_pending():
    heard = Heard(signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    return signal.sigwait([signal.SIGUSR1, signal.SIGUSR2]), signal.sigpending(), heard.numbers


@alone
@signalling
def sigwait_waits():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    return signal.sigwait([signal.SIGALRM])


@alone
@signalling
def sigwaitinfo_tells_who():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    info = signal.sigwaitinfo([signal.SIGUSR1])
    return info.si_signo, info.si_code, info.si_errno, info.si_pid == os.getpid(), info.si_uid == os.getuid()


@alone
@signalling
def sigwaitinfo_of_an_alarm():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    info = signal.sigwaitinfo([signal.SIGALRM])
    return info.si_signo, info.si_code, info.si_pid


@alone
@signalling
def sigtimedwait_gives_up():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    return (
        signal.sigtimedwait([signal.SIGUSR1], 0.01),
        signal.sigtimedwait([signal.SIGUSR1], 0),
        attempt(signal.sigtimedwait, [signal.SIGUSR1], -1),
        attempt(signal.sigwait, [99]),
    )


@signalling
def a_thread_sends_to_the_main_thread():
    heard = Heard(signal.SIGUSR1)
    main = threading.get_ident()

    def send():
        soon()
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=send)
    thread.start()
    signal.pause()
    thread.join()
    return heard.numbers, attempt(signal.pthread_kill, main, 0), attempt(signal.pthread_kill, main, 99)


@signalling
def handlers_run_in_the_main_thread():
    where = []
    signal.signal(
        signal.SIGUSR1, lambda *_: where.append(threading.current_thread() is threading.main_thread())
    )
    thread = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1))
    thread.start()
    thread.join()
    soon()
    return where


@signalling
def handlers_are_set_in_the_main_thread_only():
    seen = []

    def body():
        for call in (signal.signal, signal.set_wakeup_fd):
            try:
                call(*((signal.SIGUSR1, stop) if call is signal.signal else (-1,)))
            except ValueError as error:
                seen.append(str(error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return seen


@alone
@signalling
def threads_inherit_masks():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    seen = []
    thread = threading.Thread(target=lambda: seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
    thread.start()
    thread.join()
    return seen


@alone
@signalling
def a_thread_waits_for_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    seen = []
    thread = threading.Thread(target=lambda: seen.append(signal.sigwait([signal.SIGUSR1])))
    thread.start()
    soon()
    os.kill(os.getpid(), signal.SIGUSR1)
    thread.join()
    return seen


@signalling
def interrupting_the_main_thread():
    heard = Heard(signal.SIGUSR1, signal.SIGINT)

    def interrupt():
        _thread.interrupt_main(signal.SIGUSR1)
        soon()
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    thread.join()
    soon()
    return heard.numbers, attempt(_thread.interrupt_main, 99)


@signalling
def the_wakeup_descriptor_hears_numbers():
    Heard(signal.SIGUSR1)
    a, b = socket.socketpair()
    with a, b:
        b.setblocking(False)
        before = signal.set_wakeup_fd(b.fileno())
        os.kill(os.getpid(), signal.SIGUSR1)
        got = a.recv(10)
        return before, got, signal.set_wakeup_fd(-1) == b.fileno()


@signalling
def keyboard_interrupt_by_default():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return "interrupted"
    return None


@alone
@signalling
def a_handler_that_raises_keeps_no_other_from_its_turn():
    heard = Heard(signal.SIGUSR2)
    signal.signal(signal.SIGUSR1, stop)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)
    outcome = caught(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    soon()
    return outcome, heard.numbers, signal.sigpending()


@signalling
def odd_times_of_timers():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    outcomes = [signal.setitimer(signal.ITIMER_REAL, 0, 1), signal.getitimer(signal.ITIMER_REAL)]
    odd = (float("nan"), float("inf"), -1, 1e300, None, "x")
    outcomes += [failing(signal.setitimer, signal.ITIMER_REAL, seconds) for seconds in odd]
    outcomes += [signal.alarm(-1), signal.alarm(0)]
    return outcomes + [attempt(signal.alarm, seconds) for seconds in (2**31, 2**40, 1.5, None)]


@signalling
def a_handler_that_raises_ends_a_join():
    signal.signal(signal.SIGALRM, stop)
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    outcome = caught(thread.join)
    go_on.set()
    thread.join()
    return outcome, thread.is_alive()
