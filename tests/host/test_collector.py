"""Sockets in reference cycles: when Python's cycle collector finds them decides nothing."""

from __future__ import annotations

import gc
import os
import socket
import time
import warnings

import pytest


class Holder:
    """Something that only the cycle collector can free."""

    def __init__(self, kept):
        self.kept = kept
        self.myself = self


def accept_and_lose(collect):
    with socket.create_server(("", 80)) as server:
        connection, _ = server.accept()
    reader = connection.makefile("rb")
    connection.close()  # the file that `reader` is keeps it open
    Holder(reader)
    del reader, connection
    time.sleep(1)
    if collect:
        gc.collect()
    time.sleep(1)


def wait_for_end(timeout=10):
    with socket.create_connection(("a", 80)) as connection:
        connection.settimeout(timeout)
        assert connection.recv(1) == b""
        return time.monotonic() - 60


def open_without_end():
    with socket.create_server(("", 80)) as server:
        connection, _ = server.accept()
    reader = connection.makefile("rb")
    connection.close()
    Holder(reader)
    del reader, connection
    kept, other = socket.socketpair()
    with kept, other:
        kept.recv(1)


def open_many(count):
    time.sleep(0.5)
    for _ in range(count):
        os.close(os.dup(os.pipe()[0]))
    time.sleep(5)


class Looker(Holder):
    def __del__(self):
        for _ in range(2000):
            time.monotonic()


def look_at_the_clock(collect):
    began = time.monotonic()
    Looker(None)
    if collect:
        gc.collect()
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def collector(net):
    """Without collections at other moments."""
    gc.disable()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        yield
        net.close()
        gc.collect()
    gc.enable()


@pytest.mark.parametrize("collect", [False, True])
def test_what_finalizers_do_in_a_collection_takes_no_time(collect, a):
    # asyncio's, for one, write log records, with the time.
    assert a.run(look_at_the_clock, collect) == 0


@pytest.mark.parametrize("collect", [False, True])
@pytest.mark.parametrize("place", [0, 1000])
def test_who_measures_collections_takes_no_time_by_it(collect, place, a):
    # Hypothesis does, from its first test to the end of the process.
    def measure(phase, info):
        for _ in range(1500):
            time.perf_counter()

    def look():
        began = time.monotonic()
        if collect:
            gc.collect()
        return time.monotonic() - began

    gc.callbacks.insert(place, measure)
    try:
        gc.collect()  # whoever comes later is noticed by the next collection
        assert a.run(look) == 0
    finally:
        gc.callbacks.remove(measure)


def test_what_finalizers_do_outside_takes_time(a):
    def look():
        began = time.monotonic()
        Looker(None).myself = None
        return time.monotonic() - began

    assert a.run(look) > 0


@pytest.mark.parametrize("collect", [False, True])
def test_a_collection_does_not_close_a_connection(collect, a, b):
    a.start(accept_and_lose, collect)
    assert 2 < b.run(wait_for_end) < 2.3  # when the program ends


def test_a_lost_connection_is_closed_before_all_wait_for_ever(net, a, b):
    a.start(open_without_end)
    process = b.start(wait_for_end, None)
    assert process.result() > 1  # the last timers of the network have run by then


def test_a_lost_connection_is_closed_when_many_files_were_opened(a, b):
    a.start(open_without_end)
    a.start(open_many, 700)
    assert b.run(wait_for_end) < 1


def test_a_socket_without_close_is_closed_when_its_last_name_goes(a, b):
    def forget():
        with socket.create_server(("", 80)) as server:
            connection, _ = server.accept()
            with warnings.catch_warnings(action="ignore", category=ResourceWarning):
                del connection
            time.sleep(5)

    a.start(forget)
    assert b.run(wait_for_end) < 1
