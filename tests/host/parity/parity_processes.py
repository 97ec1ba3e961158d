"""What a program is told of itself, and how it ends."""

from __future__ import annotations

import os
import platform
import random
import secrets
import socket
import tempfile
import uuid

from parity_kit import attempt, program


@program
def who_and_where():
    me = os.uname()
    return (
        me.sysname,
        me.nodename == socket.gethostname() == platform.node() == platform.uname().node,
        platform.system(),
        platform.machine() == me.machine,
        platform.release() == me.release,
        platform.platform().startswith("Linux-" + me.release),
        len(me),
    )


@program
def numbers_of_processes():
    return (
        os.getpid() == os.getpid(),
        os.getpid() > 0,
        os.getpgid(0) == os.getpgrp(),
        os.getpgid(os.getpid()) == os.getpgrp(),
        os.getsid(0) == os.getsid(os.getpid()),
        attempt(os.getpgid, 2**22 + 5),
        attempt(os.getsid, 2**22 + 5),
        attempt(os.setpgid, 2**22 + 5, 0)[:2],
    )


@program
def no_children():
    return [
        attempt(os.wait),
        attempt(os.waitpid, -1, 0),
        attempt(os.waitpid, -1, os.WNOHANG),
        attempt(os.wait3, 0),
    ]


@program
def random_with_a_seed():
    random.seed(5)
    state = random.getstate()
    drawn = [
        random.random(),
        random.randint(1, 100),
        random.choice("abc"),
        random.sample(range(100), 3),
        random.uniform(1, 2),
        random.gauss(0, 1),
        random.getrandbits(70),
        random.randbytes(5),
        random.choices([1, 2, 3], weights=[1, 2, 3], k=4),
        random.shuffle([1]),
        random.expovariate(1),
        random.betavariate(1, 2),
    ]
    random.setstate(state)
    again = random.random()
    return drawn, again == drawn[0], random.Random(5).random() == again


@program
def generators_of_its_own():
    first, second = random.Random(), random.Random()
    return (
        first.random() != second.random(),
        random.SystemRandom().random() < 1,
        random.SystemRandom().randrange(1),
    )


@program
def random_bytes():
    return (
        len(os.urandom(10)),
        os.urandom(0),
        os.urandom(16) != os.urandom(16),
        attempt(os.urandom, -1),
        attempt(os.urandom, "x"),
        len(os.getrandom(7)),
        len(os.getrandom(7, os.GRND_NONBLOCK)),
        len(secrets.token_bytes(9)),
        len(secrets.token_hex(4)),
        secrets.randbelow(1),
        len(secrets.token_urlsafe(8)),
    )


@program
def wrong_calls_of_random():
    return [
        attempt(random.randint, 5, 1)[0],
        attempt(random.seed, [])[0],
        attempt(random.sample, [1], 2),
        attempt(random.random, 5)[0],
    ]


@program
def identifiers():
    first, second, third = uuid.uuid1(), uuid.uuid1(), uuid.uuid4()
    return (
        first.version,
        third.version,
        first.variant,
        first != second,
        first.time < second.time,
        first.node == second.node,
        uuid.uuid1(node=5, clock_seq=7).node,
        uuid.uuid1(node=5, clock_seq=7).clock_seq,
        0 < uuid.getnode() < 1 << 48,
        uuid.uuid5(uuid.NAMESPACE_DNS, "x.example"),
    )


@program
def temporary_files():
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"x")
        return os.path.dirname(file.name) == folder, len(os.listdir(folder))


@program
def processors():
    return os.cpu_count() > 0, len(os.sched_getaffinity(0)) > 0
