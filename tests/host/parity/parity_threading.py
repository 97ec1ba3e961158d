"""The corners of `threading`, of pools, and of loops that talk to threads."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import sched
import select
import socket
import sys
import threading
import time
from concurrent import futures

from parity_kit import alone, attempt, program, soon


def in_thread(body, **kwargs):
    thread = threading.Thread(target=body, **kwargs)
    thread.start()
    thread.join()
    return thread


def tried(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error)


@alone
@program
def a_timer_fires_or_is_cancelled():
    fired = []
    first, second = threading.Timer(0.01, fired.append, ["x"]), threading.Timer(5, fired.append, ["y"])
    first.start()
    second.start()
    second.cancel()
    first.join()
    second.join()
    return fired, first.is_alive(), second.finished.is_set()


@alone
@program
def barriers_abort_and_reset():
    barrier = threading.Barrier(2)
    seen = []

    def wait():
        seen.append(tried(barrier.wait))

    thread = threading.Thread(target=wait)
    thread.start()
    soon()
    waiting = barrier.n_waiting
    barrier.abort()
    thread.join()
    broken = barrier.broken
    barrier.reset()
    return waiting, seen, broken, barrier.broken, tried(barrier.wait, 0.01), barrier.parties


@alone
@program
def a_barrier_has_an_action():
    seen = []
    barrier = threading.Barrier(3, action=lambda: seen.append("action"), timeout=5)
    threads = [threading.Thread(target=lambda: seen.append(barrier.wait() in range(3))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


@alone
@program
def semaphores_have_bounds():
    bounded = threading.BoundedSemaphore(1)
    with bounded:
        inside = bounded.acquire(blocking=False), bounded.acquire(timeout=0.01)
    plain = threading.Semaphore(0)
    plain.release(2)
    return (
        inside,
        tried(bounded.release),
        [plain.acquire(False) for _ in range(3)],
        tried(threading.Semaphore, -1),
        tried(plain.release, 0),
        tried(plain.acquire, False, 1),
    )


@alone
@program
def conditions_wait_for_something():
    condition = threading.Condition()
    box = []

    def put():
        soon()
        with condition:
            box.append(1)
            condition.notify_all()

    thread = threading.Thread(target=put)
    thread.start()
    with condition:
        got = condition.wait_for(lambda: box, 5)
        late = condition.wait_for(lambda: len(box) > 1, 0.01)
    thread.join()
    return got, late, tried(condition.notify), tried(condition.wait)


@alone
@program
def thread_hooks():
    seen = []
    before = threading.excepthook

    def hook(args):
        seen.append((args.exc_type.__name__, str(args.exc_value), args.thread.name))

    threading.excepthook = hook
    try:

        def fail():
            raise LookupError("lost")

        in_thread(fail, name="one")
        in_thread(sys.exit, name="two")
    finally:
        threading.excepthook = before
    return seen


@alone
@program
def names_and_numbers_of_threads():
    names = []

    class Named(threading.Thread):
        def run(self):
            names.append(
                (self.name, threading.current_thread() is self, self.native_id == threading.get_native_id())
            )

    thread = Named(daemon=True)
    thread.name = "renamed"
    thread.start()
    thread.join()
    return (
        names,
        thread.daemon,
        tried(setattr, thread, "daemon", False),
        tried(threading.Thread(target=int).join),
        isinstance(threading.stack_size(), int),
        tried(threading.Thread, 5),
    )


@alone
@program
def what_a_thread_knows_of_its_starter():
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("main")
    data = threading.local()
    data.x = 1
    seen = []
    in_thread(lambda: seen.append((variable.get(), hasattr(data, "x"))))
    with futures.ThreadPoolExecutor(1) as pool:
        seen.append(pool.submit(variable.get).result())
    seen.append(asyncio.run(asyncio.to_thread(variable.get)))
    return seen


@alone
@program
def a_local_of_ones_own():
    class Own(threading.local):
        made = 0

        def __init__(self, start):
            self.value = start

    own = Own(5)
    own.value += 1
    seen = []
    in_thread(lambda: seen.append(own.value))
    return own.value, seen, sorted(own.__dict__)


@alone
@program
def queues_of_other_orders():
    lifo, heap, bounded = queue.LifoQueue(), queue.PriorityQueue(), queue.Queue(1)
    for each in (2, 3, 1):
        lifo.put(each)
        heap.put(each)
    bounded.put("x")
    return (
        [lifo.get() for _ in range(3)],
        [heap.get() for _ in range(3)],
        tried(bounded.put_nowait, "y"),
        tried(bounded.put, "y", timeout=0.01),
        tried(lifo.get, timeout=0.01),
        tried(lifo.task_done),
        bounded.full(),
    )


@alone
@program
def queues_are_joined():
    work = queue.Queue()
    done = []

    def worker():
        while (item := work.get()) is not None:
            done.append(item)
            work.task_done()
        work.task_done()

    thread = threading.Thread(target=worker)
    thread.start()
    for item in (1, 2, 3, None):
        work.put(item)
    work.join()
    thread.join()
    return done, work.unfinished_tasks


@alone
@program
def pools_are_set_up_and_shut_down():
    seen = []
    pool = futures.ThreadPoolExecutor(1, "named", seen.append, ("set up",))
    running = pool.submit(soon)
    waiting = [pool.submit(int) for _ in range(3)]
    pool.shutdown(cancel_futures=True)
    return seen, running.done(), [future.cancelled() for future in waiting], tried(pool.submit, int)


@alone
@program
def a_pool_that_cannot_be_set_up():
    def fail():
        raise LookupError

    pool = futures.ThreadPoolExecutor(1, initializer=fail)
    outcome = tried(pool.submit(int).result)
    pool.shutdown()
    return outcome


@alone
@program
def futures_are_waited_for():
    with futures.ThreadPoolExecutor(2) as pool:
        slow, fast = pool.submit(time.sleep, 0.05), pool.submit(int)
        done, left = futures.wait([slow, fast], timeout=0.01)
        first = done == {fast} and left == {slow}
        late = tried(slow.result, 0.001)
        order = [future is fast for future in futures.as_completed([slow, fast])]
        return first, late, order, list(pool.map(abs, [-1, -2]))


@alone
@program
def a_thread_asks_a_loop():
    async def answer(value):
        await asyncio.sleep(0.001)
        return value * 2

    async def main():
        loop = asyncio.get_running_loop()

        def ask():
            future = asyncio.run_coroutine_threadsafe(answer(21), loop)
            return future.result(5), threading.current_thread() is not threading.main_thread()

        return await asyncio.to_thread(ask), await loop.run_in_executor(None, sum, [1, 2])

    return asyncio.run(main())


@alone
@program
def schedulers():
    seen = []
    scheduler = sched.scheduler()
    scheduler.enter(0.02, 1, seen.append, ("late",))
    scheduler.enter(0.01, 2, seen.append, ("early",))
    cancelled = scheduler.enter(0.01, 1, seen.append, ("never",))
    scheduler.cancel(cancelled)
    scheduler.run()
    return seen, scheduler.empty()


@alone
@program
def loops_that_poll_see_others_work():
    out = []
    event, lock, work = threading.Event(), threading.Lock(), queue.SimpleQueue()
    ours, theirs = socket.socketpair()
    lock.acquire()

    def later():
        time.sleep(0.01)
        event.set()
        lock.release()
        work.put(1)
        theirs.send(b"x")

    thread = threading.Thread(target=later)
    thread.start()
    ours.setblocking(False)
    while not select.select([ours], [], [], 0)[0]:
        pass
    while not lock.acquire(False):
        pass
    out.append((event.is_set(), work.get_nowait(), ours.recv(5)))
    thread.join()
    ours.close()
    theirs.close()
    return out


@alone
@program
def tasks_that_poll_get_forward():
    async def main():
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.01
        event = asyncio.Event()
        loop.call_later(0.005, event.set)
        while loop.time() < end:
            await asyncio.sleep(0)
        return event.is_set()

    return asyncio.run(main())


@alone
@program
def wrong_calls_of_locks():
    lock, again = threading.Lock(), threading.RLock()
    return (
        tried(lock.release),
        tried(again.release),
        tried(lock.acquire, False, 1),
        tried(lock.acquire, True, -5),
        attempt(lock.acquire, True, 1e20)[0],
        tried(lock.acquire, timeout="x"),
        tried(again.acquire, False, 1),
    )
