"""The demo: a shop and two clients on a network with a bad link."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from glassnet import __version__
from glassnet.cli.screen import Screen, drawable
from glassnet.glass.drawing import LadderDrawing
from glassnet.glass.ladder import Ladder, Mark, ladder
from glassnet.glass.recording import Recording
from glassnet.glass.segments import conversations, segments
from glassnet.topology.network import Network
from glassnet.transport.tcp.events import Retransmission

__all__ = ["show"]

_STYLES = {"laptop": "cyan", "phone": "green", "shop": "magenta"}
_LADDER_LINES = 48

_MAP = """\
 laptop: requests ─┐
                   ├─ LAN ── router ══ 20 ms, 1 % loss ══ LAN ── shop: uvicorn
 phone:  httpx    ─┘
"""
_NARROW_MAP = """\
 laptop: requests ─┐
 phone:  httpx    ─┴─ LAN
                       │
                     router
                       ║
                 20 ms, 1 % loss
                       ║
 shop:   uvicorn ──── LAN
"""


def show(seed: int, path: Path) -> None:
    """Run the demo and show it; writes its capture to `path`. Raises `OSError` if that cannot be."""
    console = Console(highlight=False)
    console.print(Text.assemble(("glassnet ", "bold"), __version__, (f"  seed {seed}", "dim")), end="\n\n")
    console.print(_map(console))

    started = time.perf_counter()
    net = _network(seed)
    resent: list[Retransmission] = []
    net.events.on(Retransmission, resent.append)
    recording = Recording(host.internet for host in net.hosts.values())
    # Both ends are needed to see what was lost; what Wireshark is to show is how the clients see it.
    with net.capture(path, "laptop", "phone"), recording, closing(net):
        _play(net, Screen(console, net, _STYLES))
    took = time.perf_counter() - started

    first = _first_connection(recording)
    left, right = (_STYLES.get(end.host, "bold") for end in first.ends)
    console.print()
    console.print(Rule(f"the first connection: {first.ends[0].host} to {first.ends[1].host}", style="dim"))
    console.print(LadderDrawing(first, styles=(left, right), limit=_LADDER_LINES))
    console.print()
    console.print(Rule("in all", style="dim"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for name, value in _totals(net, first, len(resent), took, path):
        if console.is_terminal:
            table.add_row(name, value)
        else:  # a path must stay in one piece
            console.print(Text.assemble(" " * (13 - len(name)), name, "  ", value), soft_wrap=True)
    console.print(table, end="")


def _network(seed: int) -> Network:
    net = Network(seed=seed)
    router = net.router("router")
    net.lan(router, "laptop", "phone", switch="clients", rate="1Gbps", delay="5us")
    net.lan(router, "shop", switch="servers", rate="1Gbps", delay="5us")
    for cable in net.cables:
        if cable.name == "router-servers":
            cable.set(rate="100Mbps", delay="20ms", loss="1%")
    return net


def _play(net: Network, screen: Screen) -> None:
    # Imported only now: the screen should not stay empty until all of it is loaded.
    import uvicorn

    from glassnet.cli.demo_programs import browser, phone

    with screen.watching():
        shop = net.hosts["shop"].start(
            uvicorn.run, "glassnet.cli.demo_programs.shop:app", host="", port=80, lifespan="off"
        )
        net.run(for_="0.5s")
        clients = [
            net.hosts["laptop"].start(browser.main, "http://shop"),
            net.hosts["phone"].start(phone.main, "http://shop"),
        ]
        for client in clients:
            client.result()
        shop.terminate()
        shop.wait()
        net.run(for_="1s")  # let the connections end


def _first_connection(recording: Recording) -> Ladder:
    found = conversations(segments(recording.sightings))
    return ladder(found[0], hosts=recording.names, watched=recording.watched)


def _map(console: Console) -> Text:
    plain = _MAP if console.width >= max(map(len, _MAP.splitlines())) else _NARROW_MAP
    text = Text(drawable(plain, console), style="dim")
    for name, style in _STYLES.items():
        at = plain.index(name)
        text.stylize(f"not dim {style}", at, at + len(name))
    bad = plain.index("20 ms"), plain.index("loss") + len("loss")
    text.stylize("not dim yellow", *bad)
    return text


def _totals(
    net: Network, first: Ladder, retransmitted: int, took: float, path: Path
) -> Iterator[tuple[Text, Text]]:
    lanes = [lane for cable in net.cables for lane in cable.lanes]
    lost = sum(lane.drops.counts.get("cable: loss", 0) for lane in lanes)
    for name, value, remark in (
        ("frames", f"{sum(lane.frames for lane in lanes):,}", "on all cables"),
        ("bytes", f"{sum(lane.bytes for lane in lanes):,}", ""),
        ("lost", f"{lost:,} frames", f"{first.count(Mark.LOST)} of them in the first connection"),
        ("retransmitted", f"{retransmitted:,} segments", ""),
        ("time", f"{net.now:.3f} s on the network", f"{took:.3f} s here"),
        ("capture", str(path), f"{path.stat().st_size:,} bytes, as seen by laptop and phone"),
    ):
        yield Text(name, "dim"), Text.assemble(value, (f"  {remark}" if remark else "", "dim"))
