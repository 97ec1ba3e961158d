"""Programs: how they start, end, fail, and what they leave."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

import glassnet
from glassnet.host.process import Process


def test_a_result_comes_back(a):
    def program(*args, **kwargs):
        return args, kwargs

    assert a.run(program, 1, two=2) == ((1,), {"two": 2})


def test_a_coroutine_function_is_run_by_asyncio(a):
    async def program(word):
        await asyncio.sleep(2)
        return word

    assert a.run(program, "done") == "done"
    assert a.run(lambda: program("wrapped")) == "wrapped"


def test_nothing_runs_before_the_network_does(a, net):
    seen = []
    process = a.start(seen.append, 1)
    assert seen == []
    assert process.alive
    assert process.returncode is None
    net.run()
    assert seen == [1]
    assert not process.alive
    assert process.returncode == 0


def test_programs_start_in_order_and_wait_in_virtual_time(hosts, a, b, net):
    seen = []

    def program(name, delay):
        seen.append((name, time.monotonic()))
        time.sleep(delay)
        seen.append((name, time.monotonic()))

    a.start(program, "first", 2)
    b.start(program, "second", 1)
    net.run()
    assert seen == [("first", 60), ("second", 60), ("second", 61), ("first", 62)]


def test_an_exception_ends_the_program_and_comes_back_with_its_own_traceback(a, capsys):
    def inner():
        raise LookupError("no such thing")

    def program():
        inner()

    with pytest.raises(LookupError, match="no such thing") as caught:
        a.run(program)
    assert [entry.name for entry in caught.traceback][-2:] == ["program", "inner"]
    assert capsys.readouterr().err == ""


def test_an_exception_that_nobody_waits_for_is_printed_and_the_network_goes_on(a, net, capsys):
    def program():
        time.sleep(1.5)
        raise LookupError("no such thing")

    process = a.start(program)
    other = a.start(time.sleep, 3)
    net.run()
    assert process.returncode == 1
    assert other.returncode == 0
    assert net.now == 3
    error = capsys.readouterr().err
    assert error.startswith("host 'a', process 'program' (pid 100), at 1.500000 s:\nTraceback")
    assert error.rstrip().endswith("LookupError: no such thing")
    assert os.path.dirname(glassnet.__file__) not in error
    with pytest.raises(LookupError):
        process.result()


@pytest.mark.parametrize(
    ("code", "returncode"), [(None, 0), (0, 0), (3, 3), (256 + 4, 4), (-1, 255), (True, 1)]
)
def test_exit_status(a, code, returncode):
    process = a.start(sys.exit, code)
    assert process.wait() == returncode
    if returncode:
        with pytest.raises(
            glassnet.ProcessEnded, match=f"'exit' on host 'a' left with exit status {returncode}"
        ):
            process.result()
    else:
        assert process.result() is None


def test_leaving_with_a_message(a, capsys):
    assert a.start(sys.exit, "that is enough").wait() == 1
    assert capsys.readouterr().err == "that is enough\n"


def test_what_a_program_leaves_open_is_closed(hosts, a, b):
    def server():
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                return connection.recv(10), connection.recv(10), time.monotonic()

    kept = []

    def client():
        connection = socket.create_connection(("192.0.2.1", 7))
        connection.sendall(b"bye")
        kept.append(connection)

    process = a.start(server)
    b.run(client)
    first, second, _ = process.result()
    assert (first, second) == (b"bye", b"")
    with pytest.raises(OSError, match="Bad file descriptor"):
        kept[0].getsockname()
    assert b.system.world.files.files == {}


def test_killing(hosts, a, net):
    seen = []

    def program():
        connection = socket.socket()
        try:
            time.sleep(100)
        finally:
            try:
                connection.connect(("192.0.2.2", 7))
            except OSError as error:
                seen.append(error.errno)
            seen.append("unwound")
            with socket.socket():
                seen.append("never")

    process = a.start(program)
    net.run(for_=1)
    process.kill()
    assert process.returncode == -9
    assert not process.alive
    net.run(for_=1)
    assert seen == [9, "unwound"]
    with pytest.raises(glassnet.ProcessEnded, match="was ended by SIGKILL") as caught:
        process.result()
    assert caught.value.returncode == -9
    process.kill()
    process.terminate()
    assert process.returncode == -9


def test_killing_one_that_never_started(a, net):
    seen = []
    process = a.start(seen.append, 1)
    process.kill()
    net.run()
    assert process.returncode == -9
    assert seen == []


def test_killing_one_that_does_not_want_to_die(a, net):
    attempts = []

    def program():
        while True:
            try:
                time.sleep(1)
            except BaseException:
                attempts.append(1)

    process = a.start(program)
    net.run(for_=1.5)
    process.kill()
    net.run(for_=1)
    assert process.returncode == -9
    assert len(attempts) <= 1001


def test_a_killed_program_says_nothing_more(a, net, capsys):
    def program():
        try:
            time.sleep(100)
        finally:
            print("from the grave")
            print("from the grave", file=sys.stderr)

    process = a.start(program)
    net.run(for_=1)
    process.kill()
    net.run(for_=1)
    assert capsys.readouterr() == ("", "")


def test_a_killed_asyncio_program_leaves_no_complaints(a, net, capsys, recwarn):
    async def program():
        async def forever():
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(1000)

        async def handler(reader, writer):
            try:
                await reader.read()
            finally:
                writer.write(b"never sent")

        server = await asyncio.start_server(handler, "0.0.0.0", 7)
        tasks = [asyncio.create_task(forever()) for _ in range(3)]
        kept = await asyncio.open_connection("127.0.0.1", 7)
        await asyncio.gather(*tasks, server.serve_forever())
        return kept

    process = a.start(program)
    net.run(for_=1)
    process.kill()
    net.run(for_=1)
    del process
    gc.collect()
    assert capsys.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_a_program_starts_and_waits_for_another(hosts, a, b):
    def child(word):
        time.sleep(3)
        return word, socket.gethostname()

    def parent():
        process = b.start(child, "hello")
        return process.result(), time.monotonic(), process.returncode

    assert a.run(parent) == (("hello", "b"), 63, 0)


def test_a_program_waits_for_one_that_fails(a, capsys):
    def parent():
        with pytest.raises(ZeroDivisionError):
            a.start(divmod, 1, 0).result()
        return a.start(sys.exit, 5).wait()

    assert a.run(parent) == 5
    assert capsys.readouterr().err == ""


def test_results_can_be_had_again(a):
    process = a.start(lambda: [1])
    assert process.result() is process.result()


def test_a_deadlock_says_who_waits_for_what(hosts, a, b, net):
    def server():
        with socket.create_server(("", 7)) as listening:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1)

    def client():
        with socket.create_connection(("192.0.2.1", 7)) as connection:
            return connection.recv(1)

    async def bystander():
        await asyncio.Event().wait()

    a.start(server, name="the server")
    b.start(bystander)
    with pytest.raises(glassnet.Deadlock) as caught:
        b.run(client)
    report = str(caught.value)
    lines = report.splitlines()
    assert "but programs wait:" in lines[0]
    assert lines[1].split() == ["host", "process", "pid", "waits", "for"]
    assert lines[2].startswith("  a     the server  100  recv on TCP 192.0.2.1:7 -> 192.0.2.2:")
    assert lines[3] == "  b     bystander   100  select on a socket pair"
    assert lines[4].startswith("  b     client      101  recv on TCP 192.0.2.2:")
    assert [wait.host for wait in caught.value.waits] == ["a", "b", "b"]


def test_a_deadlock_can_be_resolved(hosts, a, b, net):
    def server():
        with socket.create_server(("", 7)) as listening:
            listening.accept()[0].close()
        return "served"

    process = a.start(server)
    with pytest.raises(glassnet.Deadlock, match=r"accept on TCP 0\.0\.0\.0:7"):
        process.result()
    b.start(socket.create_connection, ("192.0.2.1", 7))
    assert process.result() == "served"


def test_a_deadlock_leaves_nothing_behind(a, net):
    process = a.start(threading.Event().wait)
    with pytest.raises(glassnet.Deadlock):
        process.result()
    process.kill()
    net.run(for_=10)
    assert net.now == 10


def test_a_network_that_is_paused_before_the_end(a, net):
    process = a.start(time.sleep, 10)
    net.engine.after(5 * 10**9, lambda _: net.engine.pause())
    with pytest.raises(glassnet.GlassnetError, match="paused before process 'sleep' on host 'a' had ended"):
        process.result()
    assert net.now == 5
    assert process.result() is None
    assert net.now == 10


def test_networks_in_several_threads_of_the_machine():
    def drive(seed, results):
        network = glassnet.Network(seed=seed)
        one, two = network.lan("one", "two", delay="1ms")

        def server():
            with socket.create_server(("", 7)) as listening:
                connection, _ = listening.accept()
                with connection:
                    while data := connection.recv(1000):
                        connection.sendall(data)

        def client():
            with socket.create_connection(("192.0.2.1", 7)) as connection:
                for _ in range(200):
                    connection.sendall(b"x" * 1000)
                    assert connection.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
            return socket.gethostname(), time.monotonic()

        one.start(server)
        results[seed] = two.run(client)
        network.close()

    results = {}
    threads = [threading.Thread(target=drive, args=(seed, results)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results.values())) == 1


def test_a_program_does_not_change_threads(a, net):
    process = a.start(time.sleep, 10)
    net.run(for_=1)
    seen = []

    def elsewhere():
        with pytest.raises(glassnet.GlassnetError, match="run a network always in the same one"):
            net.run(for_=20)
        seen.append(net.now)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [10]
    process.kill()


def test_a_real_interrupt_stops_the_whole_run(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import glassnet, os, signal, threading, time\n"
        "net = glassnet.Network()\n"
        "[host] = net.lan('host')\n"
        "def program():\n"
        "    print('running', flush=True)\n"
        "    while True:\n"
        "        time.sleep(1)\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    host.run(program)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "running\ninterrupted\n"
    assert done.stderr == ""


def test_an_interpreter_exits_with_programs_left_running(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, concurrent.futures, glassnet, threading, time\n"
        "net = glassnet.Network()\n"
        "[host] = net.lan('host')\n"
        "def threads():\n"
        "    pool = concurrent.futures.ThreadPoolExecutor(2)\n"
        "    pool.submit(time.sleep, 1000)\n"
        "    threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "    time.sleep(1000)\n"
        "async def tasks():\n"
        "    server = await asyncio.start_server(print, '0.0.0.0', 7)\n"
        "    await asyncio.to_thread(time.sleep, 1000)\n"
        "host.start(threads)\n"
        "host.start(tasks)\n"
        "net.run(for_=5)\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("end\n", "")


def test_waiting_in_an_event_of_the_network_is_refused(a):
    kept = a.start(time.sleep, 1)
    seen = []

    def event(_):
        with pytest.raises(glassnet.GlassnetError, match="inside an event") as caught:
            kept.result()
        seen.append(caught.type)

    a.system.engine.at(0, event)
    kept.result()
    assert seen


def test_what_cannot_be_started(a):
    async def nothing():
        pass

    coroutine = nothing()
    with pytest.raises(glassnet.GlassnetError, match=r"host 'a' cannot start .*give it a function"):
        a.start(coroutine)
    coroutine.close()


def test_a_program_has_a_context_of_its_own(a):
    variable = contextvars.ContextVar("variable", default="empty")
    variable.set("off host")

    def program():
        before = variable.get()
        variable.set("inside")
        time.sleep(1)
        return before, variable.get()

    assert a.run(program) == ("empty", "inside")
    assert variable.get() == "off host"


def test_a_function_in_an_empty_context_is_still_on_its_host(a):
    def program():
        return contextvars.Context().run(lambda: (socket.gethostname(), time.monotonic(), os.getpid()))

    assert a.run(program) == ("a", 60, 100)


def test_process_numbers(a, b):
    assert a.run(os.getpid) == 100
    assert a.run(os.getpid) == 101
    assert b.run(os.getpid) == 100
    assert a.run(os.getppid) == 1
    assert os.getpid() > 1


def test_names_and_representation(a):
    process = a.start(time.sleep, 1, name="sleeper")
    assert process.name == "sleeper"
    assert repr(process) == "<Process 'sleeper' (pid 100) on host 'a', running>"
    process.wait()
    assert repr(process) == "<Process 'sleeper' (pid 100) on host 'a', returncode=0>"


def test_callbacks_at_the_end(a):
    seen = []
    process = a.start(time.sleep, 1)
    process.on_exit.append(lambda: seen.append(process.returncode))
    process.wait()
    assert seen == [0]


def test_closing_a_network_ends_its_programs_at_once():
    network = glassnet.Network()
    (host,) = network.lan("host")
    seen = []

    def program():
        try:
            threading.Event().wait()
        finally:
            seen.append("unwound")

    process = host.start(program)
    network.run(for_=1)
    network.close()
    assert seen == ["unwound"]
    assert process.returncode == -9


def test_a_network_that_is_forgotten_ends_its_programs():
    seen = []

    def program():
        try:
            threading.Event().wait()
        finally:
            seen.append("unwound")

    network = glassnet.Network()
    network.lan("host")[0].start(program)
    network.run(for_=1)
    del network
    gc.collect()
    assert seen == []  # not in the collector, which runs in the middle of anything
    glassnet.Network()
    assert seen == ["unwound"]


def test_many_programs(net):
    names = [f"h{number}" for number in range(50)]
    hosts = net.lan(*names)
    processes: list[Process] = [host.start(time.sleep, 1) for host in hosts for _ in range(20)]
    net.run()
    assert all(process.returncode == 0 for process in processes)
    assert net.now == 1


def test_code_in_a_greenlet_of_the_programs_own_can_wait(a, net):
    from greenlet import greenlet

    def program():
        inner = greenlet(lambda: (time.sleep(2), time.monotonic())[1])
        return inner.switch(), time.monotonic()

    assert a.run(program) == (62, 62)


FIRST_ASYNCIO = """
import glassnet

def program():
    import asyncio

    async def wait():
        await asyncio.sleep(1)
        return asyncio.get_running_loop().is_running()

    return asyncio.run(wait())

with glassnet.Network() as net:
    a, b = net.lan("a", "b")
    other = b.start(program)
    print(a.run(program), other.result())
"""


def test_a_program_may_be_the_first_to_import_asyncio():
    done = subprocess.run([sys.executable, "-c", FIRST_ASYNCIO], capture_output=True, text=True, check=False)
    assert done.stdout == "True True\n", done.stderr
