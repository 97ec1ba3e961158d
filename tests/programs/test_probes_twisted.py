"""Twisted."""

from __future__ import annotations

import pytest
import twisted_programs
from probes import probe

LINES = [b"line %d" % number for number in range(1, 51)]

pytestmark = pytest.mark.filterwarnings("ignore:Using readBody with a transport:DeprecationWarning")


# SelectReactor keeps its connections in a set: which of several goes first depends on addresses in
# memory, as on a real machine. So it fetches one page after the other.
def talk(server, client, kind):
    process = server.start(twisted_programs.serve, kind)
    heard, pages, ticks, slept = client.run(
        twisted_programs.run, kind, twisted_programs.visit, "server", LINES, kind != "select"
    )
    assert heard == [line.upper() for line in LINES]
    assert pages == [b"page /%d" % number for number in range(5)]
    assert ticks == [0.5] * 4
    assert slept == 3
    process.terminate()
    assert process.result() == "stopped"


@probe(
    "Twisted",
    did="select reactor: lines over TCP, twisted.web and its Agent, LoopingCall, threads; SIGTERM stopped it",
)
def test_twisted_with_select(server, client):
    talk(server, client, "select")


@probe("Twisted", did="the same programs on the poll reactor")
def test_twisted_with_poll(server, client):
    talk(server, client, "poll")


@probe("Twisted", did="the same programs on the epoll reactor")
def test_twisted_with_epoll(server, client):
    talk(server, client, "epoll")


@probe("Twisted", "asyncio", did="the same programs on the asyncio reactor")
def test_twisted_with_asyncio(server, client):
    talk(server, client, "asyncio")
