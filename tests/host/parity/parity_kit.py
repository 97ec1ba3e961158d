"""What the small programs of these modules have in common.

Each gives the same answer on the machine's loopback and on a virtual host: a value to
compare, without what differs by chance, such as ports.
"""

from __future__ import annotations

import errno
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path
from socket import AF_INET, SOCK_STREAM

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


def privileged(function):
    """A program that only root may run on the machine's kernel."""
    function.privileged = True
    return program(function)


def alone(function):
    """A program that the machine must run in a process of its own.

    A signal to a process goes to any thread that does not block it: here that could be
    one of the test runner's. And here the locks of `threading` are glassnet's, off host too.
    """
    function.alone = True
    return function


def on_the_kernel(function):
    """What a program gives on the machine's kernel."""
    if not getattr(function, "alone", False):
        return function()
    code = (
        f"import pickle, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"from {function.__module__} import {function.__name__} as program; "
        "sys.stdout.buffer.write(pickle.dumps(program()))"
    )
    return pickle.loads(
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout
    )


def attempt(call, *args, **kwargs):
    """What a call gives, or how it fails."""
    try:
        return call(*args, **kwargs)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        number = getattr(error, "errno", None)
        return type(error).__name__, errno.errorcode.get(number, number), str(error)


def failing(call, *args, **kwargs):
    """How a call fails, without the words."""
    outcome = attempt(call, *args, **kwargs)
    return outcome[:2] if isinstance(outcome, tuple) and len(outcome) == 3 else ("no failure", outcome)


def listening(family=AF_INET, backlog=5):
    server = socket.socket(family, SOCK_STREAM)
    server.bind(("127.0.0.1" if family == AF_INET else "::1", 0))
    server.listen(backlog)
    return server


def connected(family=AF_INET):
    server = listening(family)
    client = socket.socket(family, SOCK_STREAM)
    client.connect(server.getsockname())
    peer, _ = server.accept()
    server.close()
    return client, peer


def soon():
    """Long enough for the other end to have heard."""
    time.sleep(0.02)
