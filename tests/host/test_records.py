"""What log records tell on a host comes from its clock alone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

SENT = """
import logging.handlers, socket, socketserver, time
import glassnet

def collect():
    with socket.create_server(("", 9020)) as server:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as file:
            print(file.read().hex())

def program():
    handler = logging.handlers.SocketHandler("a", 9020)
    log = logging.getLogger("sent")
    log.addHandler(handler)
    time.sleep(2)
    log.error("it is %s", time.time())
    handler.close()

with glassnet.Network(seed=1) as net:
    a, b = net.lan("a", "b")
    server = a.start(collect)
    b.run(program)
    server.result()
"""


def test_a_record_is_the_same_bytes_in_every_interpreter():
    sent = {
        subprocess.run(
            [sys.executable, "-c", SENT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sent) == 1
    assert len(sent.pop()) > 500


def relative():
    return logging.makeLogRecord({}).relativeCreated


def test_the_time_of_a_record_counts_from_the_hosts_start(a, net):
    assert a.run(relative) == 60_000
    net.run(for_=1.5)
    assert a.run(relative) == 61_500
    a.skew = "-3h"
    assert a.run(relative) == 61_500
    a.crash()
    net.run(for_=10)
    a.boot()
    assert a.run(relative) == 0


def test_off_host_it_counts_from_the_import_as_ever():
    record = logging.makeLogRecord({})
    seconds = 1e9 if isinstance(logging._startTime, int) else 1  # since Python 3.13 in nanoseconds
    begun = logging._startTime / seconds
    assert begun < record.created
    assert record.relativeCreated == pytest.approx((record.created - begun) * 1000, abs=1)
