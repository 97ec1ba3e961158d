"""Chance and identity on hosts come from the network's seed, and from nothing else."""

from __future__ import annotations

import copy
import os
import pickle
import platform
import random
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import uuid
from random import choice

import pytest

import glassnet


def draws():
    return (
        random.random(),
        choice("abcdefghijklmnopqrstuvwxyz"),
        random.Random().random(),
        random.SystemRandom().random(),
        os.urandom(8),
        os.getrandom(8),
        secrets.token_hex(8),
        uuid.uuid1(),
        uuid.uuid4(),
        ssl.RAND_bytes(8),
    )


def drawn(seed=3, before=(), hosts=("a", "b")):
    """What `draws` gives on the first host; `before` are programs that run on it first."""
    with glassnet.Network(seed=seed) as net:
        host = net.lan(*hosts)[0]
        for program in before:
            host.run(program)
        return host.run(draws)


def test_the_same_seed_gives_the_same():
    assert drawn() == drawn()


def test_another_seed_gives_something_else():
    assert not set(drawn(3)) & set(drawn(4))


def test_another_program_or_host_moves_nothing():
    def other():
        random.random()
        os.urandom(1)

    with_others = drawn(before=[other, other], hosts=("a", "b", "c"))
    assert with_others == drawn()


def test_two_runs_of_a_program_differ(a, b):
    first, second, elsewhere = a.run(draws), a.run(draws), b.run(draws)
    assert not set(first) & set(second)
    assert not set(first[:1] + first[2:]) & set(elsewhere)


def test_programs_do_not_share_the_state_of_random(a, net):
    outside = random.getstate()
    seen = {}

    def program(name, other):
        random.seed(name)
        state = random.getstate()
        seen[name] = random.random(), other()
        random.setstate(state)
        assert random.random() == seen[name][0] == random.Random(name).random()

    a.run(program, "one", lambda: a.start(program, "two", int).result())
    assert seen["one"][0] != seen["two"][0]
    assert random.getstate() == outside


def test_threads_share_the_state_of_their_program(a):
    def program():
        random.seed(1)
        got = []
        thread = threading.Thread(target=lambda: got.append(random.random()))
        thread.start()
        thread.join()
        return got, random.random()

    reference = random.Random(1)
    assert a.run(program) == ([reference.random()], reference.random())


def test_off_host_chance_is_the_real_one():
    random.seed(7)
    assert random.random() == random.Random(7).random()
    assert random.Random().random() != random.Random().random()
    assert os.urandom(16) != os.urandom(16)
    assert pickle.loads(pickle.dumps(random.random))() == random.random()


def test_a_node_is_the_first_interface(a, b):
    assert a.run(uuid.getnode) == int.from_bytes(a.interfaces[0].mac, "big")
    assert a.run(uuid.uuid1).node == a.run(uuid.getnode) != b.run(uuid.getnode)


def test_time_based_identifiers_have_the_time_of_the_host_and_are_in_order(a):
    def program():
        return [uuid.uuid1().time for _ in range(100)]

    times = a.run(program)
    assert times == sorted(set(times))
    assert times[0] == (1_735_689_600 * 10**7) + 0x01B21DD213814000


def test_who_a_program_is(a, b):
    def program():
        return os.uname(), platform.node(), platform.uname().node, platform.platform(), socket.gethostname()

    uname, *names, where, name = a.run(program)
    assert [uname.nodename, *names, name] == ["a"] * 4
    assert where.startswith("Linux-6.1.0-")
    assert b.run(platform.node) == "b"
    assert platform.node() == os.uname().nodename not in ("a", "b")
    assert platform.platform() != where


def test_a_host_keeps_its_name(a):
    with pytest.raises(PermissionError, match="Operation not permitted"):
        a.run(socket.sethostname, "other")
    with pytest.raises(PermissionError, match="Operation not permitted"):
        a.run(os.setsid)


def test_programs_lead_groups_of_their_own(a):
    def program():
        return os.getpid(), os.getpgrp(), os.getpgid(0), os.getsid(0), os.getppid(), os.cpu_count()

    pid, *others, parent, processors = a.run(program)
    assert others == [pid] * 3
    assert (parent, processors) == (1, 4)


unseeded_before = random.Random()


def numbers(generator):
    return (
        generator.random(),
        generator.getrandbits(70),
        generator.gauss(0, 1),
        generator.choice(range(10**9)),
        generator.randbytes(5),
        generator.sample(range(10**6), 3),
    )


def test_generators_without_a_seed_draw_from_the_program_that_uses_them():
    made_on_a_host = []

    def make():
        made_on_a_host.append(random.Random())

    def run():
        with glassnet.Network(seed=3) as net:
            hosts = net.lan("a", "b")
            if not made_on_a_host:
                hosts[1].run(make)
            generators = unseeded_before, random.Random(None), random.Random(x=None), *made_on_a_host
            return [
                [numbers(generator) for generator in generators],
                *(each.run(lambda: [numbers(generator) for generator in generators]) for each in hosts),
            ]

    first, second = run(), run()
    assert first[1:] == second[1:]
    assert len({str(drawn) for each in (first, second[:1]) for many in each for drawn in many}) == 16


def test_a_seed_makes_a_generator_an_ordinary_one(a):
    for set_it in (
        lambda generator: generator.seed(5),
        lambda generator: generator.seed("5", 2),
        lambda generator: generator.setstate(random.Random(8).getstate()),
    ):
        generator, reference = random.Random(), random.Random()
        set_it(generator)
        set_it(reference)
        assert type(generator) is random.Random
        assert a.run(numbers, generator) == numbers(reference)


def test_a_generator_without_a_seed_is_copied_with_its_state(a):
    def program():
        unseeded_before.random()
        state = unseeded_before.getstate()
        copies = copy.copy(unseeded_before), pickle.loads(pickle.dumps(unseeded_before)), random.Random()
        copies[2].setstate(state)
        drawn = numbers(unseeded_before)
        return [numbers(each) == drawn for each in copies], {type(each) for each in copies}

    assert a.run(program) == program() == ([True] * 3, {random.Random})


def test_reseeding_a_generator_on_a_host_gives_it_other_numbers(a):
    def program():
        generator = random.Random()
        state = generator.getstate()
        generator.seed()
        return state != generator.getstate()

    assert a.run(program)


def test_a_generator_without_a_seed_passes_for_what_it_is():
    generator = random.Random()
    assert isinstance(generator, random.Random)
    assert repr(generator).startswith("<random.Random object at")
    assert (type(generator).__module__, type(generator).__name__) == ("random", "Random")
    assert generator.random() != random.Random().random()
    with pytest.raises(TypeError):
        random.Random([])
    assert type(random.Random(0)) is random.Random


MADE_EARLY = """
import {first}
import {second}
import trio, glassnet
from aiohttp import http_writer
from aiohttp._websocket.writer import WebSocketWriter

def program():
    kept = WebSocketWriter.__init__.__kwdefaults__["random"]
    return kept.getrandbits(32), trio._core._run._r.random()

with glassnet.Network(seed=1) as net:
    print(net.host("a").run(program))
"""


@pytest.mark.parametrize("order", [("aiohttp", "glassnet"), ("glassnet", "aiohttp")], ids=" before ".join)
def test_generators_that_packages_made_when_they_were_imported(order):
    code = MADE_EARLY.format(first=order[0], second=order[1])
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert done[0] == done[1] != ""
