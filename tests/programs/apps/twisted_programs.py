"""Twisted programs that make their reactor and pass it on, as Twisted recommends."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import time

from twisted.internet import defer, endpoints, protocol, task, threads
from twisted.protocols import basic
from twisted.web import resource, server
from twisted.web.client import Agent, HTTPConnectionPool, readBody

REACTORS = {
    "select": "selectreactor.SelectReactor",
    "poll": "pollreactor.PollReactor",
    "epoll": "epollreactor.EPollReactor",
    "asyncio": "asyncioreactor.AsyncioSelectorReactor",
}


@contextlib.contextmanager
def reactor_of(kind):
    module, name = REACTORS[kind].split(".")
    make = getattr(importlib.import_module(f"twisted.internet.{module}"), name)
    if kind != "asyncio":
        yield make()
        return
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield make(loop)


class Shout(basic.LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line.upper())


class Page(resource.Resource):
    isLeaf = True

    def __init__(self, reactor):
        super().__init__()
        self.reactor = reactor

    def render_GET(self, request):
        waiting = threads.deferToThreadPool(self.reactor, self.reactor.getThreadPool(), time.sleep, 1)
        waiting.addCallback(lambda _: request.write(b"page " + request.path))
        waiting.addCallback(lambda _: request.finish())
        return server.NOT_DONE_YET


def serve(kind):
    with reactor_of(kind) as reactor:
        reactor.listenTCP(7000, protocol.Factory.forProtocol(Shout))
        reactor.listenTCP(80, server.Site(Page(reactor), reactor=reactor))
        reactor.run()
    return "stopped"


class Caller(basic.LineReceiver):
    def __init__(self, lines):
        self.lines = lines
        self.heard = []
        self.done = defer.Deferred()

    def connectionMade(self):
        for line in self.lines:
            self.sendLine(line)

    def lineReceived(self, line):
        self.heard.append(line)
        if len(self.heard) == len(self.lines):
            self.transport.loseConnection()

    def connectionLost(self, reason=protocol.connectionDone):
        self.done.callback(self.heard)


async def call(reactor, endpoint, lines):
    caller = await endpoints.connectProtocol(endpoint, Caller(lines))
    return await caller.done


async def visit(reactor, host, lines, at_once=True):
    heard = await call(reactor, endpoints.TCP4ClientEndpoint(reactor, host, 7000), lines)
    pool = HTTPConnectionPool(reactor)
    agent = Agent(reactor, pool=pool)

    async def page(number):
        response = await agent.request(b"GET", f"http://{host}/{number}".encode())
        return await readBody(response)

    if at_once:
        pages = await defer.gatherResults([defer.ensureDeferred(page(number)) for number in range(5)])
    else:
        pages = [await page(number) for number in range(5)]
    await pool.closeCachedConnections()
    ticks = []
    ticking = task.LoopingCall(lambda: ticks.append(round(reactor.seconds(), 3)))
    ticking.clock = reactor
    ticking.start(0.5)
    await task.deferLater(reactor, 2.1, lambda: None)
    ticking.stop()
    slept = await threads.deferToThreadPool(reactor, reactor.getThreadPool(), sleep, 3)
    return (
        heard,
        pages,
        [round(after - before, 1) for before, after in itertools.pairwise(ticks)],
        slept,
    )


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def run(kind, function, *args):
    """Run a reactor until the coroutine `function(reactor, *args)` has ended; returns its result."""
    results = []

    def begin():
        done = defer.ensureDeferred(function(reactor, *args))
        done.addBoth(results.append)
        done.addBoth(lambda _: reactor.stop())

    with reactor_of(kind) as reactor:
        reactor.callWhenRunning(begin)
        reactor.run()
    return results[0]


def serve_on_a_path(path):
    with reactor_of("select") as reactor:
        reactor.listenUNIX(path, protocol.Factory.forProtocol(Shout))
        reactor.run()


async def call_on_a_path(reactor, path, lines):
    return await call(reactor, endpoints.UNIXClientEndpoint(reactor, path), lines)
