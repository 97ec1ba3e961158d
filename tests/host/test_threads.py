"""What threads on a host do beyond what they do anywhere."""

from __future__ import annotations

import _thread
import os
import queue
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import glassnet


def test_threads_sleep_in_virtual_time_side_by_side(a, net):
    def program():
        threads = [threading.Thread(target=time.sleep, args=(3600,)) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic()

    before = time.monotonic()
    assert a.run(program) == 60 + 3600
    assert time.monotonic() - before < 5


def test_a_program_ends_when_its_threads_have(a, net):
    def program():
        threading.Thread(target=time.sleep, args=(5,)).start()
        threading.Thread(target=time.sleep, args=(500,), daemon=True).start()
        return "returned"

    process = a.start(program)
    assert process.result() == "returned"
    assert net.now == 5


def test_each_program_has_a_main_thread_and_threads_of_its_own(a, b):
    def program():
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        return threading.get_ident(), [each.name for each in threading.enumerate()], threading.active_count()

    first, second = a.start(program), b.start(program)
    assert first.result()[0] != second.result()[0]
    assert first.result()[0] != threading.get_ident()
    for process in (first, second):
        assert len(process.result()[1]) == process.result()[2] == 2
        assert process.result()[1][0] == "MainThread"


def test_programs_share_no_thread_local_data(a, b):
    local = threading.local()
    local.word = "off host"

    def program(word):
        before = getattr(local, "word", None)
        local.word = word
        time.sleep(1)
        return before, local.word

    first, second = a.start(program, "first"), b.start(program, "second")
    assert first.result() == (None, "first")
    assert second.result() == (None, "second")
    assert local.word == "off host"


def test_one_lock_serves_programs_on_two_hosts_in_order(a, b, net):
    lock = threading.Lock()
    order = []

    def program(name):
        for _ in range(3):
            with lock:
                time.sleep(1)
                order.append(name)

    first, second = a.start(program, "a"), b.start(program, "b")
    first.result()
    second.result()
    assert order == ["a", "b", "a", "b", "a", "b"]


def test_a_lock_held_by_a_program_that_was_killed_goes_to_no_one_by_itself(a, net):
    """As in a real process: only who holds a lock frees it. Here both are threads of one host."""
    lock = threading.Lock()

    def holder():
        with lock:
            time.sleep(100)

    def waiter():
        return lock.acquire(timeout=5)

    process = a.start(holder)
    net.run(for_=1)
    second = a.start(waiter)
    net.run(for_=1)
    process.kill()
    # The interpreter unwinds the holder's `with`, which releases the lock.
    assert second.result() is True


def test_a_waiter_that_is_killed_leaves_the_queue(a, net):
    lock = threading.Lock()

    def holder():
        with lock:
            time.sleep(10)

    def waiter():
        with lock:
            return time.monotonic()

    a.start(holder)
    doomed, patient = a.start(waiter), a.start(waiter)
    net.run(for_=1)
    doomed.kill()
    assert patient.result() == 70


def test_a_lock_that_a_waiting_program_holds_is_refused_off_host(a, net):
    lock = threading.Lock()

    def holder():
        with lock:
            time.sleep(10)

    a.start(holder)
    net.run(for_=1)
    with pytest.raises(glassnet.GlassnetError, match="held by process 'holder' on host 'a'"):
        lock.acquire()
    assert lock.acquire(False) is False
    net.run(for_=10)
    with lock:
        pass


def test_locks_work_between_real_threads_as_ever():
    lock, seen = threading.Lock(), []

    def body(word):
        with lock:
            seen.append(word)
            time.sleep(0.01)
            seen.append(word)

    threads = [threading.Thread(target=body, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] == seen[1]
    assert seen[2] == seen[3]


def test_a_raw_thread(a):
    import _thread

    def program():
        seen = []
        ident = _thread.start_new_thread(lambda word: seen.append((word, threading.get_ident())), ("hi",))
        time.sleep(1)
        return seen == [("hi", ident)]

    assert a.run(program)


def test_a_deadlock_of_locks_is_reported(a):
    def program():
        one, other = threading.Lock(), threading.Lock()

        def first():
            with one:
                time.sleep(1)
                other.acquire()

        def second():
            with other:
                time.sleep(1)
                one.acquire()

        threads = [threading.Thread(target=f, name=f.__name__) for f in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with pytest.raises(glassnet.Deadlock) as caught:
        a.run(program)
    text = str(caught.value)
    assert "program [first]" in text
    assert "wait on a lock held by second of process 'program'" in text
    assert "end of thread 'first'" in text


_TRACE = """
import glassnet, queue, random, threading, time

def program():
    line, trace, lock = queue.Queue(3), [], threading.Lock()
    def worker(name):
        while (item := line.get()) is not None:
            with lock:
                trace.append((name, item, round(time.monotonic(), 6)))
            time.sleep(0.001 * len(str(hash(item)) * 0 + str(item)))
    threads = [threading.Thread(target=worker, args=(name,)) for name in "abc"]
    for thread in threads: thread.start()
    for item in range(40): line.put("item" * (item % 7 + 1))
    for _ in threads: line.put(None)
    for thread in threads: thread.join()
    return trace

net = glassnet.Network(seed=1)
[host] = net.lan("host")
print(host.run(program))
net.close()
"""


def test_threads_run_in_the_same_order_under_any_hash_seed():
    traces = set()
    for seed in ("0", "1", "77"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_TRACE)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        traces.add(done.stdout)
    assert len(traces) == 1
    assert len(traces.pop()) > 1000


def test_each_network_numbers_its_threads_anew():
    def numbers():
        with glassnet.Network(seed=1) as network:
            hosts = network.lan("one", "two")
            return [host.run(threading.get_ident) for host in hosts]

    assert numbers() == numbers()


def test_a_lock_given_back_twice_at_once_goes_to_two(a):
    def program():
        lock = threading.Lock()
        lock.acquire()
        threads = [threading.Thread(target=lock.acquire) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        lock.release()
        lock.release()
        for thread in threads:
            thread.join(5)
        return [thread.is_alive() for thread in threads], lock.locked()

    assert a.run(program) == ([False, False], True)


def test_a_loop_that_looks_into_a_queue_gets_forward(a):
    def program():
        box = queue.SimpleQueue()
        threading.Timer(1, box.put, ("x",)).start()
        while True:
            try:
                return box.get_nowait(), time.monotonic() >= 61
            except queue.Empty:
                pass

    assert a.run(program) == ("x", True)


def test_a_loop_that_looks_at_a_thread_gets_forward(a):
    def program():
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        while thread.is_alive():
            pass
        return time.monotonic() >= 61

    assert a.run(program)


def test_names_of_threads_begin_anew_in_each_program(a, b):
    def program():
        thread = threading.Thread(target=int)
        thread.start()
        with ThreadPoolExecutor() as pool:
            named = pool.submit(lambda: threading.current_thread().name).result()
        return thread.name, named

    assert a.run(program) == a.run(program) == b.run(program) == ("Thread-1 (int)", "ThreadPoolExecutor-0_0")


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_wrong_calls_of_locks_that_are_free(a, kind):
    def outcomes(lock):
        told = []
        for arguments in ((False, 5), (True, -2), (True, 1e20), (True, float("nan")), (True, "x")):
            with pytest.raises((ValueError, OverflowError, TypeError)) as caught:
                lock.acquire(*arguments)
            told.append(f"{caught.typename}: {caught.value}")
        return told

    stock = _thread.allocate_lock()
    assert not isinstance(stock, type(threading.Lock()))
    assert a.run(lambda: outcomes(getattr(threading, kind)())) == outcomes(stock)
