"""Threads, locks and queues."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time

from parity_kit import alone, attempt, program, soon


def run_all(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return threads


def attempts(*calls):
    out = []
    for call in calls:
        try:
            out.append(call())
        except RuntimeError as error:
            out.append(str(error))
    return out


@alone
@program
def a_thread_lives_and_dies():
    seen = []

    def body(word, times=1):
        me = threading.current_thread()
        seen.append((word * times, me.name, me.daemon, me.ident == threading.get_ident(), me is thread))
        soon()

    thread = threading.Thread(target=body, args=("x",), kwargs={"times": 3}, name="worker")
    before = thread.is_alive(), thread.ident
    thread.start()
    during = thread.is_alive(), thread.ident is not None, threading.active_count() > 1
    thread.join(0.001)
    still = thread.is_alive()
    thread.join()
    return before, during, still, thread.is_alive(), seen, attempts(thread.start, thread.join)


@alone
@program
def the_main_thread():
    main = threading.main_thread()
    here = threading.current_thread()
    return main is here, main.name, main.is_alive(), main.daemon, here in threading.enumerate()


@alone
@program
def the_main_thread_as_others_see_it():
    seen = []
    [thread] = run_all(lambda: seen.append(threading.current_thread() is threading.main_thread()))
    return seen, thread.name.startswith("Thread-")


@alone
@program
def a_thread_that_fails():
    caught = []
    before, threading.excepthook = threading.excepthook, lambda args: caught.append(args.exc_type.__name__)
    try:
        run_all(lambda: 1 / 0, lambda: (_ for _ in ()).throw(SystemExit(3)))
    finally:
        threading.excepthook = before
    return caught


@alone
@program
def thread_local_data():
    class Counter(threading.local):
        start = 5

        def __init__(self, step):
            self.value = self.start
            self.step = step

    plain, counter = threading.local(), Counter(2)
    plain.x = "main"
    counter.value = 100
    seen = []

    def body():
        seen.append((hasattr(plain, "x"), counter.value, counter.step))
        plain.x = "other"
        counter.value += counter.step
        soon()
        seen.append((plain.x, counter.value))

    run_all(body, body)
    return seen, plain.x, counter.value


@alone
@program
def a_lock():
    lock = threading.Lock()
    out = [lock.acquire(), lock.locked(), lock.acquire(False), lock.acquire(timeout=0.01)]
    lock.release()
    out.append(lock.locked())
    out += attempts(lock.release)
    with lock:
        out.append(lock.locked())
    out += [attempt(lock.acquire, False, 1), attempt(lock.acquire, True, -5)]
    return out


@alone
@program
def a_lock_keeps_threads_apart():
    lock, inside, seen = threading.Lock(), [], []

    def body():
        for _ in range(3):
            with lock:
                inside.append(1)
                soon()
                seen.append(len(inside))
                inside.pop()

    run_all(body, body, body)
    return seen


@alone
@program
def a_lock_released_by_another():
    lock = threading.Lock()
    lock.acquire()

    def later():
        soon()
        lock.release()

    thread = threading.Thread(target=later)
    thread.start()
    out = lock.acquire(timeout=5)
    thread.join()
    return out


@alone
@program
def a_reentrant_lock():
    lock = threading.RLock()
    seen = []
    with lock, lock:
        run_all(lambda: seen.append(lock.acquire(False)), lambda: seen.extend(attempts(lock.release)))
    run_all(lambda: seen.append(lock.acquire(False)))
    return seen, attempts(lock.release)


@alone
@program
def a_condition():
    condition, items, seen = threading.Condition(), [], []

    def consumer():
        with condition:
            while not items:
                condition.wait()
            seen.append(items.pop(0))

    def producer():
        for item in ("a", "b"):
            soon()
            with condition:
                items.append(item)
                condition.notify()

    run_all(consumer, consumer, producer)
    with condition:
        late = condition.wait(0.01)
        known = condition.wait_for(lambda: bool(seen), 1)
    return sorted(seen), late, known, attempts(condition.notify)


@alone
@program
def an_event():
    event = threading.Event()
    seen = []
    timer = threading.Timer(0.03, event.set)
    timer.start()
    run_all(lambda: seen.append(event.wait(5)), lambda: seen.append(event.wait(0.001)))
    timer.join()
    never = threading.Timer(60, event.clear)
    never.start()
    never.cancel()
    never.join()
    return sorted(seen), event.is_set()


@alone
@program
def semaphores_and_barriers():
    semaphore, most, now = threading.BoundedSemaphore(2), [0], [0]

    def body():
        with semaphore:
            now[0] += 1
            most[0] = max(most[0], now[0])
            soon()
            now[0] -= 1

    run_all(*[body] * 5)
    barrier, arrived = threading.Barrier(3), []
    run_all(*[lambda: arrived.append(barrier.wait(5))] * 3)
    broken = threading.Barrier(2)
    try:
        broken.wait(0.01)
        failed = None
    except threading.BrokenBarrierError as error:
        failed = type(error).__name__
    return most, sorted(arrived), failed, attempt(semaphore.release)


@alone
@program
def queues():
    out = []
    for kind in (queue.Queue, queue.SimpleQueue, queue.LifoQueue):
        line = kind()
        got = []

        def consumer(line=line, got=got):
            while (item := line.get()) is not None:
                got.append(item)

        def producer(line=line):
            for number in range(3):
                soon()
                line.put(number)
            line.put(None)

        run_all(consumer, producer)
        out.append(got)
        for call in (lambda line=line: line.get(False), lambda line=line: line.get(timeout=0.01)):
            try:
                call()
            except queue.Empty:
                out.append("empty")
        out.append((line.empty(), line.qsize()))
    full = queue.Queue(1)
    full.put(1)
    try:
        full.put(2, timeout=0.01)
    except queue.Full:
        out.append("full")
    return out


@alone
@program
def joining_a_queue():
    line, done = queue.Queue(), []

    def worker():
        while True:
            item = line.get()
            soon()
            done.append(item)
            line.task_done()

    threading.Thread(target=worker, daemon=True).start()
    for number in range(3):
        line.put(number)
    line.join()
    return done


@alone
@program
def a_pool_of_threads():
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda n: (time.sleep(0.01 * (3 - n)), n * n)[1], range(3)))
        futures = [pool.submit(divmod, 7, n) for n in (2, 0)]
        done, pending = concurrent.futures.wait(futures, timeout=5)
        failed = type(futures[1].exception()).__name__
        try:
            pool.submit(time.sleep, 0.2).result(timeout=0.01)
        except TimeoutError as error:
            late = type(error).__name__
        order = [future.result() for future in concurrent.futures.as_completed([pool.submit(int, "5")])]
    return results, futures[0].result(), failed, len(done), len(pending), late, order


@alone
@program
def a_pool_left_open():
    pool = concurrent.futures.ThreadPoolExecutor(2)
    return pool.submit(pow, 2, 10).result()


@alone
@program
def daemons():
    forever = threading.Event()
    thread = threading.Thread(target=forever.wait, daemon=True)
    thread.start()
    child = []
    run_all(lambda: child.append(threading.Thread(target=int).daemon))
    result = thread.daemon, child
    forever.set()
    return result
