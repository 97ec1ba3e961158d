"""The experiments: each builds a network, lets it run in virtual time, and returns what was measured.

All numbers come from programs on the virtual hosts (bytes read, TCP_INFO, pings), from the
counters of cables, and from what TCP tells observers. The same arguments give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import mean

import glassnet
from glassnet.engine import Drop
from glassnet.engine.quantity import data_rate
from glassnet.transport.tcp.events import WindowChange
from laws.flows import FRAME, MSS, Flow, Ledger, Sample, carried, jain, ping

__all__ = [
    "Clean", "Curve", "Delay", "Lossy", "Marking", "Sharing", "Start",
    "beside_a_transfer", "clean", "curve", "lossy", "marking", "mathis", "sharing", "start",
]  # fmt: skip

RENO = sqrt(3 / 2)
"""Mathis's constant for a window that grows by a segment per round trip and is halved: delayed
acknowledgements do not slow it, because what is counted is the bytes acknowledged (RFC 3465)."""


def mathis(p: float, rtt: float) -> float:
    """The rate in bits per second that Mathis et al. (1997) give Reno at loss rate `p` and `rtt` seconds."""
    return MSS * 8 / rtt * RENO / sqrt(p)


@dataclass(frozen=True)
class Clean:
    """A transfer over a clean path: goodput in bits per second, and its share of what the link carries."""

    goodput: float
    link: float
    share: float
    finished: float  # seconds until 100 MB were there, 0 if they were not
    lost: int
    rates: list[tuple[float, float]]  # time, bits per second in the interval before it


def clean(rate: str = "100Mbps", rtt: float = 0.05, seconds: float = 60, congestion: str = "") -> Clean:
    """One transfer from its SYN on, with the default settings of both hosts and of the cable."""
    with glassnet.Network(seed=1) as net:
        a, b = net.host("a"), net.host("b")
        net.cable(a, b, rate=rate, delay=rtt / 2)
        flow = Flow(a, b, congestion=congestion)
        rates, before, finished, step = [], 0, 0.0, seconds / 120
        for tick in range(1, 121):
            net.run(until=tick * step)
            rates.append((net.now, (flow.received - before) * 8 / step))
            before = flow.received
            if not finished and before >= 100e6:
                finished = net.now
        goodput = flow.received * 8 / seconds
        link = data_rate(rate)
        assert link is not None
        lost = sum(count for reason, count in net.drops().items() if reason.startswith("cable:"))
        return Clean(goodput, link, goodput / carried(link), finished, lost, rates)


@dataclass(frozen=True)
class Lossy:
    """A long transfer under random loss. Rates are bits per second.

    `signals` is how many segments of each sent brought the window down: several lost in one window
    are one signal. `undone` counts reductions taken back, which on such a path would be mistakes.
    """

    p: float
    goodput: float
    law: float
    signals: float
    rtt: float
    undone: int
    lost: int
    resent: int
    timeouts: int
    samples: list[Sample]

    @property
    def ratio(self) -> float:
        """Measured over Mathis's."""
        return self.goodput / self.law

    @property
    def constant(self) -> float:
        """What Mathis's constant would have to be."""
        return self.ratio * RENO


def lossy(
    p: float, seconds: float, congestion: str = "reno", rate: str = "1Gbps", rtt: float = 0.05, seed: int = 1
) -> Lossy:
    """A transfer over a path that loses a share `p` of its segments and no acknowledgement.

    It is fast and its queue deep, so that nothing else is lost and nothing waits long. The first
    ten seconds do not count.
    """
    with glassnet.Network(seed=seed) as net:
        a, b = net.host("a"), net.host("b")
        cable = net.cable(a, b, rate=rate, delay=rtt / 2, queue="64MiB")
        cable.towards(b).set(loss=p)
        ledger = Ledger(net)
        flow = Flow(a, b, congestion=congestion, every=0.05)
        net.run(for_=10)
        lane = cable.towards(b).lane
        received, frames, signals = flow.received, lane.frames, ledger.reductions
        net.run(for_=seconds)
        sent = lane.frames - frames
        return Lossy(
            p=p,
            goodput=(flow.received - received) * 8 / seconds,
            law=mathis(p, rtt),
            signals=(ledger.reductions - signals) / sent,
            rtt=mean(sample.rtt for sample in flow.samples),
            undone=len(ledger.undone),
            lost=net.drops().get("cable: loss", 0),
            resent=sum(ledger.retransmissions.values()),
            timeouts=ledger.retransmissions.get("timeout", 0),
            samples=flow.samples,
        )


@dataclass(frozen=True)
class Sharing:
    """Two flows through one bottleneck: their mean rates in bits per second, and how equal those are."""

    rates: tuple[float, float]
    index: float
    utilisation: float
    series: list[tuple[float, float, float]]  # time and the rates of the interval before it

    @property
    def apart(self) -> float:
        """By how much the faster one is ahead of an equal share: 0.1 is 10 %."""
        return max(self.rates) / mean(self.rates) - 1


def sharing(
    rate: str = "20Mbps",
    rtt: float = 0.04,
    queue: str = "100kB",
    later: float = 1.0,
    seconds: float = 60,
    congestion: tuple[str, str] = ("cubic", "cubic"),
    jitter: str = "500us",
    seed: int = 1,
) -> Sharing:
    """Two senders, a router, one receiver: the second begins `later`; counted from then on for `seconds`.

    The queue, of one bandwidth-delay product, drops its tail. `jitter` is what a sender's frames are held
    up by at most, as those of real hosts are: without any, two flows fall into step, and who finds the
    queue full is decided once for all (Floyd and Jacobson, "On traffic phase effects", 1992).
    """
    with glassnet.Network(seed=seed) as net:
        router = net.router("router")
        sink = net.host("sink")
        for name in ("first", "second"):
            net.cable(net.host(name), router, rate="1Gbps", delay="1ms", jitter=jitter)
        net.cable(router, sink, rate=rate, delay=rtt / 2 - 0.001, queue=queue)
        first = Flow(net.hosts["first"], sink, 5001, congestion[0])
        second = Flow(net.hosts["second"], sink, 5002, congestion[1], start=later)
        net.run(until=later)
        began = before = (first.received, second.received)
        series, steps = [], round(seconds)
        for tick in range(1, steps + 1):
            net.run(until=later + tick * seconds / steps)
            now = (first.received, second.received)
            series.append(
                (net.now, *((n - b) * 8 * steps / seconds for n, b in zip(now, before, strict=True)))
            )
            before = now
        rates = tuple((n - b) * 8 / seconds for n, b in zip(before, began, strict=True))
        link = data_rate(rate)
        assert link is not None
        return Sharing((rates[0], rates[1]), jain(list(rates)), sum(rates) / carried(link), series)


@dataclass(frozen=True)
class Curve:
    """The window after one loss, against RFC 9438's closed form. Times in seconds, windows in segments."""

    maximum: int
    k: float
    samples: list[tuple[float, int]]  # time since congestion avoidance began, window
    reductions: int

    def law(self, t: float) -> float:
        """W_cubic(t) of RFC 9438, figure 1."""
        return 0.4 * (t - self.k) ** 3 + self.maximum

    @property
    def error(self) -> float:
        """The greatest distance from the law, as a share of it."""
        return max(abs(window - self.law(t)) / self.law(t) for t, window in self.samples)


def curve(segments: int = 450, rtt: float = 0.1, seconds: float = 0) -> Curve:
    """Lose one segment when the window has grown to `segments`; watch for 1.3 K, or for `seconds`."""
    with glassnet.Network(seed=1) as net:
        sysctls = {"tcp_rmem": "4096 131072 67108864", "tcp_wmem": "4096 4194304 67108864"}
        a, b = net.host("a", tcp=sysctls), net.host("b", tcp=sysctls)
        cable = net.cable(a, b, rate="1Gbps", delay=rtt / 2, queue="64MiB")
        ledger = Ledger(net)
        flow = Flow(a, b, congestion="cubic", every=rtt / 5)
        net.run(until=lambda: bool(flow.samples) and flow.samples[-1].window >= segments)
        out = cable.towards(b)
        net.events.on(Drop, lambda _: out.set(loss=0))
        changes: list[WindowChange] = []
        net.events.on(WindowChange, changes.append)
        out.set(loss=1)
        net.run(until=lambda: bool(ledger.entered))
        maximum = changes[-1].congestion_window // MSS
        net.run(until=lambda: bool(ledger.left))
        began = net.now
        k = (maximum * 0.3 / 0.4) ** (1 / 3)
        seen = len(flow.samples)
        net.run(for_=seconds or 1.3 * k)
        lost = net.drops().get("cable: loss", 0)
        if lost != 1:
            raise AssertionError(f"{lost} segments were lost, not one")
        samples = [(sample.time - began, sample.window) for sample in flow.samples[seen:]]
        return Curve(maximum, k, samples, ledger.reductions)


@dataclass(frozen=True)
class Delay:
    """Pings beside a transfer: time (s) and round trip (ms) of each; `idle` is the path's own (ms)."""

    pings: list[tuple[float, float]]
    idle: float
    share: float  # of the link, that the transfer got
    dropped: int

    @property
    def worst(self) -> float:
        """The longest round trip, in ms."""
        return max(trip for _, trip in self.pings)

    @property
    def median(self) -> float:
        """The middle one, in ms."""
        trips = sorted(trip for _, trip in self.pings)
        return trips[len(trips) // 2]


def beside_a_transfer(
    discipline: str, rate: str = "10Mbps", delay: float = 0.001, queue: str = "256KiB", seconds: float = 20
) -> Delay:
    """A ping every 100 ms through the uplink that a transfer fills. The transfer begins after a second."""
    with glassnet.Network(seed=1) as net:
        home, router, server = net.host("home"), net.router("router"), net.host("server")
        net.cable(home, router, rate="1Gbps", delay="10us")
        uplink = net.cable(router, server, rate=rate, delay=delay)
        uplink.towards(server).set(queue=queue, discipline=discipline)
        flow = Flow(home, server, start=1.0)
        pings = home.start(ping, server.name, 0.1, seconds)
        found = pings.result()
        link = data_rate(rate)
        assert link is not None
        dropped = sum(count for reason, count in net.drops().items() if reason.startswith("cable:"))
        loaded = [trip for trip in found if trip[0] > found[0][0] + 1.5]
        share = flow.received * 8 / (net.now - 1) / carried(link)
        if not dropped and discipline != "tail_drop":
            raise AssertionError("the queue was never full")
        return Delay(loaded, min(trip for _, trip in found[:9]), share, dropped)


@dataclass(frozen=True)
class Marking:
    """Transfers through a queue that marks: share of the link, queue in octets, frames dropped and marked."""

    share: float
    backlog: list[tuple[float, int]]
    dropped: int
    marked: int

    @property
    def queue(self) -> float:
        """The mean queue of the second half, in octets."""
        late = [octets for _, octets in self.backlog[len(self.backlog) // 2 :]]
        return mean(late)


def marking(
    discipline: object,
    congestion: str,
    rate: str = "100Mbps",
    rtt: float = 0.001,
    flows: int = 2,
    seconds: float = 10,
) -> Marking:
    """`flows` transfers between hosts that use ECN, through one bottleneck; its queue is looked at often."""
    with glassnet.Network(seed=1) as net:
        router, sink = net.router("router"), net.host("sink", tcp={"tcp_ecn": 1})
        sources = [net.host(f"source{each}", tcp={"tcp_ecn": 1}) for each in range(flows)]
        for source in sources:
            net.cable(source, router, rate="1Gbps", delay=rtt / 20)
        bottleneck = net.cable(
            router, sink, rate=rate, delay=rtt * 9 / 20, queue="1MiB", discipline=discipline
        )
        sink.sysctl("tcp_congestion_control", congestion)
        running = [Flow(source, sink, 5001 + n, congestion) for n, source in enumerate(sources)]
        lane = bottleneck.towards(sink).lane
        backlog, steps = [], 500
        before = 0
        for tick in range(1, steps + 1):
            net.run(until=tick * seconds / steps)
            backlog.append((net.now, lane.backlog))
            if tick == steps // 2:
                before = sum(flow.received for flow in running)
        late = (sum(flow.received for flow in running) - before) * 8 / (seconds / 2)
        link = data_rate(rate)
        assert link is not None
        dropped = sum(count for reason, count in net.drops().items() if reason.startswith("cable:"))
        return Marking(late / carried(link), backlog, dropped, lane.marked)


@dataclass(frozen=True)
class Start:
    """The first slow start: the largest window (segments), what the queue dropped, and the path's own window.

    `samples` are from TCP_INFO.
    """

    peak: int
    dropped: int
    path: float
    samples: list[Sample]


def start(congestion: str, rate: str = "20Mbps", rtt: float = 0.05, seconds: float = 3) -> Start:
    """A transfer's first seconds over a path with a cable's default queue, of 1 MiB."""
    link = data_rate(rate)
    assert link is not None
    with glassnet.Network(seed=1) as net:
        a, b = net.host("a"), net.host("b")
        net.cable(a, b, rate=rate, delay=rtt / 2)
        flow = Flow(a, b, congestion=congestion, every=0.02)
        net.run(for_=seconds)
        dropped = net.drops().get("cable: queue full", 0)
        peak = max(sample.window for sample in flow.samples)
        return Start(peak, dropped, link * rtt / 8 / FRAME, flow.samples)
