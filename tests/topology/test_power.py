"""The life of hosts and switches, as their peers see it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
import time
import weakref

import pytest

import glassnet
from glassnet.datalink.interface import RING


@pytest.fixture
def net():
    with glassnet.Network(seed=3) as network:
        yield network


@pytest.fixture
def hosts(net):
    return net.lan("a", "b", delay="5ms")


@pytest.fixture
def a(hosts):
    return hosts[0]


@pytest.fixture
def b(hosts):
    return hosts[1]


def echo():
    with socket.create_server(("", 80)) as server:
        while True:
            line, _ = server.accept()
            threading.Thread(target=answer, args=(line,), daemon=True).start()


def answer(line):
    with line, contextlib.suppress(OSError):
        while data := line.recv(1000):
            line.sendall(data)


def watched(net):
    """What taps on the cables of `b` see: times and directions."""
    seen = []
    net["b"].interfaces[0].taps.append(lambda when, at, way, frame: seen.append((when / 1e9, way)))
    return seen


def test_a_crashed_host_says_nothing_more(a, b, net):
    b.start(echo)
    line = {}

    def client():
        with socket.create_connection(("b", 80)) as line:
            line.sendall(b"x" * 100)
            return line.recv(100), line.recv(100)

    process = a.start(client)
    net.run(for_=1)
    seen = watched(net)
    b.crash()
    net.run(for_=1000)
    assert not line
    assert seen == []
    assert not b.system.processes
    assert not b.tcp.connections
    assert not b.udp.endpoints
    assert process.alive  # without keepalive nobody tells it


def test_who_sends_to_a_crashed_host_gives_up_at_last(a, b, net):
    b.start(echo)

    def client():
        with socket.create_connection(("b", 80)) as line:
            time.sleep(1)
            line.sendall(b"x")
            return line.recv(1)

    process = a.start(client)
    net.run(for_=0.5)
    b.crash()
    with pytest.raises(OSError, match="No route to host"):
        process.result()


def test_a_booted_host_answers_old_segments_with_a_reset(a, b, net):
    b.start(echo)

    def client():
        with socket.create_connection(("b", 80)) as line:
            time.sleep(2)
            line.sendall(b"x")
            return line.recv(1)

    process = a.start(client)
    net.run(for_=1)
    b.crash()
    [again] = b.boot()
    assert again.alive
    with pytest.raises(ConnectionResetError):
        process.result()
    assert b.drops.counts["tcp: no such connection"] == 1


def test_programs_of_start_come_again_and_those_of_run_do_not(a, b, net):
    seen = []

    def program(word):
        seen.append((word, time.monotonic(), os.getpid()))

    b.start(program, "started")
    b.run(program, "run")
    b.crash()
    net.run(for_=10)
    b.boot()
    net.run(for_=1)
    b.crash()
    b.boot()
    net.run(for_=1)
    assert [(word, when) for word, when, _ in seen] == [
        ("started", 60),
        ("run", 60),
        ("started", 0),
        ("started", 0),
    ]
    assert len({pid for _, _, pid in seen}) == 4


def test_ports_and_neighbours_are_forgotten(a, b, net):
    def bound():
        with socket.create_server(("", 80)), socket.socket(type=socket.SOCK_DGRAM) as asking:
            asking.sendto(b"x", ("a", 9))
            time.sleep(1000)

    b.start(bound)
    net.run(for_=1)
    neighbours = b.internet.attachments["eth0"].neighbours(4)
    assert len(neighbours)
    b.crash()
    assert not len(neighbours)
    b.boot()
    net.run(for_=1)
    assert all(process.alive for process in b.system.processes.values())


def test_what_a_killed_program_does_at_last_has_no_effect(a, b, net):
    seen = watched(net)

    def program():
        with socket.create_connection(("a", 80)) as line:
            try:
                line.recv(1)
            finally:
                line.sendall(b"goodbye")

    a.start(echo)
    b.start(program)
    net.run(for_=1)
    before = len(seen)
    b.crash()
    net.run(for_=10)
    assert before == len(seen)


def test_stopping_gracefully(a, b, net):
    told = []
    net.events.on(glassnet.HostStateChanged, told.append)

    def graceful():
        signal.signal(signal.SIGTERM, lambda *_: time.sleep(3) or exit(5))
        time.sleep(1000)

    def stubborn():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

    processes = [b.start(program) for program in (graceful, stubborn, echo)]
    net.run(for_=1)
    b.stop(grace="20s")
    assert b.state == "stopping"
    with pytest.raises(glassnet.GlassnetError, match="is being stopped and cannot start"):
        b.start(echo)
    net.run(for_=30)
    assert [process.returncode for process in processes] == [5, -9, -15]
    assert [(event.time / 1e9, event.host, event.state) for event in told] == [
        (1, "b", "stopping"),
        (22, "b", "off"),
    ]


def test_peers_of_a_stopped_host_see_its_connections_end(a, b, net):
    b.start(echo)

    def client():
        with socket.create_connection(("b", 80)) as line:
            return line.recv(1), time.monotonic()

    process = a.start(client)
    net.run(for_=1)
    b.stop()
    data, when = process.result()
    assert data == b""
    assert when == pytest.approx(61.01, abs=0.001)


def test_restarting(a, b, net):
    b.start(echo)
    net.run(for_=1)
    b.restart()
    net.run(for_=0.5)
    assert b.state == "stopping"
    net.run(for_=1)
    assert b.state == "on"

    def client():
        with socket.create_connection(("b", 80)) as line:
            line.sendall(b"x")
            return line.recv(1)

    assert a.run(client) == b"x"


def test_a_crash_ends_a_stop(b, net):
    b.start(time.sleep, 100)
    b.restart()
    b.crash()
    net.run(for_=30)
    assert b.state == "crashed"


def test_a_paused_host_stands_still_and_catches_up(a, b, net):
    ticks = []

    def ticking():
        for _ in range(10):
            time.sleep(1)
            ticks.append(time.monotonic())

    b.start(echo)
    process = b.start(ticking)

    def client():
        with socket.create_connection(("b", 80)) as line:
            time.sleep(4)
            line.sendall(b"x")
            return line.recv(1), time.monotonic()

    asking = a.start(client)
    net.run(for_=2.5)
    seen = watched(net)
    b.pause()
    net.run(for_=10)
    assert ticks == [61, 62]
    assert seen == []
    b.resume()
    data, when = asking.result()
    assert data == b"x"
    assert 72.5 < when < 72.6
    process.result()
    assert ticks == [61, 62, *(72.5 + more for more in range(8))]


def test_the_stack_of_a_paused_host_stands_still(a, b, net):
    def sink():
        with socket.create_server(("", 80)) as server:
            line, _ = server.accept()
            time.sleep(1000)
            line.close()

    def client():
        with socket.create_connection(("b", 80)) as line:
            while True:
                line.sendall(b"x" * 10_000)

    a.start(sink)  # b connects to nobody at first: its SYN is repeated
    net.cables[0].cut()
    b.start(lambda: socket.create_connection(("192.0.2.1", 80)))
    net.run(for_=0.5)
    seen = watched(net)
    b.pause()
    net.run(for_=100)
    assert seen == []
    b.resume()
    net.run(for_=5)
    assert seen


def test_frames_for_a_paused_host_fill_its_ring(a, b, net):
    def flood():
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for _ in range(RING + 150):
                sender.sendto(b"x", ("192.0.2.2", 9))
                time.sleep(0.001)

    def hear():
        with socket.socket(type=socket.SOCK_DGRAM) as receiver:
            receiver.bind(("", 9))
            receiver.settimeout(5)
            count = 0
            try:
                while receiver.recv(10):
                    count += 1
            except TimeoutError:
                return count

    hearing = b.start(hear)
    flooding = a.start(flood)
    net.run(for_=0.1)
    before = b.interfaces[0].rx_frames
    b.pause()
    flooding.result()
    net.run(for_=1)
    dropped = b.drops.counts["ethernet: receive ring full"]
    assert b.interfaces[0].rx_frames == before
    b.resume()
    assert hearing.result() == RING + 150 - dropped
    assert 0 < dropped < 150


def test_signals_to_a_paused_host_come_when_it_goes_on(b, net):
    process = b.start(time.sleep, 100)
    net.run(for_=1)
    b.pause()
    process.terminate()
    net.run(for_=1)
    assert process.alive
    b.resume()
    net.run(for_=1)
    assert process.returncode == -15


def test_programs_started_on_a_paused_host_begin_when_it_goes_on(b, net):
    b.pause()
    process = b.start(time.monotonic)
    net.run(for_=5)
    b.resume()
    assert process.result() == 65


def test_nothing_else_to_do_than_wait_for_a_paused_host(b, net):
    process = b.start(time.sleep, 1)
    b.pause()
    with pytest.raises(glassnet.Deadlock, match="its host, which is paused"):
        process.result()


def test_a_program_may_pause_and_crash_its_own_host(a, b, net):
    def program():
        b.pause()
        return time.monotonic()

    process = b.start(program)
    net.run(for_=3)
    b.resume()
    assert process.result() == 63

    def last():
        b.crash()
        raise AssertionError("a program outlived its host")

    with pytest.raises(glassnet.ProcessEnded, match="SIGKILL"):
        b.run(last)


@pytest.mark.parametrize("first", [True, False])
def test_a_program_that_pauses_its_host_pauses_all_others_too(b, net, first):
    ticks = []

    def pausing():
        time.sleep(1.5)
        b.pause()

    def ticking():
        for _ in range(4):
            time.sleep(1)
            ticks.append(time.monotonic())

    programs = [pausing, ticking] if first else [ticking, pausing]
    processes = [b.start(program) for program in programs]
    net.run(for_=5)
    assert ticks == [61]
    b.resume()
    net.run(for_=10)
    assert ticks == [61, 65, 66, 67]
    assert [process.returncode for process in processes] == [0, 0]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("handled", [True, False])
def test_a_program_may_restart_its_own_host(b, net, first, handled):
    def restarting():
        if handled:
            signal.signal(signal.SIGTERM, lambda *_: exit(3))
        if time.monotonic() > 60:
            b.restart()
        time.sleep(1000)

    def other():
        time.sleep(1000)

    net.run(for_=1)
    programs = [restarting, other] if first else [other, restarting]
    processes = [b.start(program) for program in programs]
    net.run(for_=0.5)
    assert b.state == "stopping"
    assert sorted(process.returncode for process in processes) == [-15, 3 if handled else -15]
    net.run(for_=1)
    assert b.state == "on"
    assert len(b.system.processes) == 2


def test_a_stopped_program_is_continued_while_its_host_is_paused(b, net):
    process = b.start(time.sleep, 3)
    net.run(for_=1)
    process.send_signal(signal.SIGSTOP)
    net.run(for_=1)
    b.pause()
    process.send_signal(signal.SIGCONT)
    net.run(for_=5)
    assert process.alive
    b.resume()
    process.result()
    assert net.now == 7


def test_a_program_may_crash_another_host(a, b, net):
    process = b.start(time.sleep, 100)
    a.run(b.crash)
    assert process.returncode == -9


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["boot"], "host b: cannot boot while it is on: it is on already"),
        (["resume"], r"host b: cannot resume while it is on: pause\(\) it first"),
        (["crash", "crash"], r"host b: cannot crash while it is crashed: boot\(\) it first"),
        (["crash", "pause"], "cannot pause while it is crashed"),
        (["crash", "stop"], "cannot stop while it is crashed"),
        (["pause", "pause"], r"cannot pause while it is paused: resume\(\) it first"),
        (["pause", "stop"], "cannot stop while it is paused"),
        (["pause", "boot"], "cannot boot while it is paused"),
        (["stop", "stop"], "cannot stop while it is stopping: wait until its state is 'off'"),
        (["stop", "boot"], "cannot boot while it is stopping"),
        (["stop", "restart"], "cannot restart while it is stopping"),
    ],
)
def test_steps_in_the_wrong_order(b, steps, message):
    *first, last = steps
    for step in first:
        getattr(b, step)()
    with pytest.raises(glassnet.GlassnetError, match=message):
        getattr(b, last)()


def test_a_host_that_is_off_starts_nothing(b):
    b.crash()
    with pytest.raises(
        glassnet.GlassnetError, match=r"host 'b' has crashed and cannot start .*: boot\(\) it first"
    ):
        b.start(echo)


def test_a_crashed_router_forwards_nothing(net):
    router = net.router("r")
    near, far = net.host("near"), net.host("far")
    net.cable(near, router)
    net.cable(router, far)
    far.start(echo)

    def client():
        with socket.create_connection(("far", 80), timeout=10) as line:
            line.sendall(b"x")
            return line.recv(1)

    assert near.run(client) == b"x"
    router.crash()
    with pytest.raises(OSError, match=r"timed out|No route to host"):
        near.run(client)
    router.boot()
    assert near.run(client) == b"x"


def test_a_crashed_switch_passes_nothing_on(a, b, net):
    switch = net["switch1"]
    b.start(echo)

    def client():
        with socket.create_connection(("b", 80), timeout=10) as line:
            line.sendall(b"x")
            return line.recv(1)

    assert a.run(client) == b"x"
    switch.crash()
    with pytest.raises(OSError, match=r"timed out|No route to host"):
        a.run(client)
    assert not switch.stations
    assert switch.drops.counts["switch: off"] > 0
    with pytest.raises(glassnet.GlassnetError, match=r"boot\(\) it first"):
        switch.crash()
    switch.boot()
    assert a.run(client) == b"x"
    with pytest.raises(glassnet.GlassnetError, match="is on already"):
        switch.boot()


def test_the_same_seed_gives_the_same_life():
    def lived():
        with glassnet.Network(seed=5) as net:
            a, b = net.lan("a", "b", delay="2ms", jitter="1ms", loss="2%")
            seen = []
            for host in (a, b):
                host.interfaces[0].taps.append(lambda *what: seen.append((what[0], what[2], what[3])))
            b.start(echo)

            def client():
                for _ in range(20):
                    try:
                        with socket.create_connection(("b", 80), timeout=2) as line:
                            line.sendall(b"x" * 3000)
                            line.recv(3000)
                    except OSError as error:
                        seen.append(repr(error))
                    time.sleep(0.5)

            process = a.start(client)
            for step in (b.pause, b.resume, b.crash, b.boot, b.restart):
                net.run(for_=2.3)
                step()
            process.result()
            return seen

    assert lived() == lived()


def test_nothing_of_crashed_programs_is_kept(b, net):
    class Held:
        pass

    held = []

    def hold():
        made = Held()
        held.append(weakref.ref(made))
        return made

    def threads():
        lock = threading.Lock()
        lock.acquire()
        for _ in range(2):
            threading.Thread(target=lambda mine: lock.acquire(), args=(hold(),), daemon=True).start()
        time.sleep(1000)

    async def tasks():
        asyncio.get_running_loop().mine = hold()
        await asyncio.to_thread(time.sleep, 0)
        await asyncio.sleep(1000)

    def starting():
        time.sleep(1)
        net.engine.after(0, lambda _: b.crash())
        threading.Thread(target=lambda mine: time.sleep(1000), args=(hold(),)).start()

    for program in (threads, tasks, starting):
        b.start(program)
    for _ in range(3):
        net.run(for_=2)
        assert b.state == "crashed"
        b.boot()
    net.run(for_=2)
    gc.collect()
    assert len(held) == 4 * 4
    assert [one() for one in held if one() is not None] == []


def test_nothing_that_was_due_before_a_crash_happens_after_it(a, b, net):
    net.cables[0].cut()
    b.start(lambda: socket.create_connection(("192.0.2.1", 80)))
    net.run(for_=0.5)
    b.pause()
    b.crash()
    b.boot()
    assert b.state == "on"
    b.crash()
    b._power.programs.clear()
    b.boot()
    assert b.run(time.monotonic) == 0
    b.pause()
    b.resume()
    seen = watched(net)
    net.run(for_=100)
    assert seen == []


def test_an_interface_that_was_down_stays_down(b, net):
    b.interfaces[0].up = False
    b.crash()
    b.boot()
    assert [each.up for each in b.internet.interfaces.values()] == [True, False]


def test_a_crash_forgets_that_a_restart_was_asked_for(b, net):
    b.start(time.sleep, 100)
    b.restart()
    b.crash()
    b.boot()
    net.run(for_=1)
    b.stop()
    net.run(for_=5)
    assert b.state == "off"


def test_an_earlier_stop_does_not_end_a_later_life(b, net):
    def stubborn():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

    b.start(stubborn)
    net.run(for_=1)
    b.stop(grace="5s")
    net.run(for_=1)
    b.crash()
    [again] = b.boot()
    net.run(for_=1)
    b.stop(grace="20s")
    net.run(for_=10)
    assert again.alive
    assert b.state == "stopping"
