"""The demo: a shop and two clients on a network with a bad link."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from glassnet import __version__
from glassnet.cli.screen import Screen
from glassnet.glass.capture import Capture
from glassnet.glass.drawing import LadderDrawing
from glassnet.glass.ladder import Ladder, Mark, ladder
from glassnet.glass.pcapng import Reader
from glassnet.glass.segments import conversations, segments, sightings
from glassnet.host.system import EPOCH
from glassnet.topology.network import Network
from glassnet.transport.tcp.events import Retransmission

__all__ = ["show"]

_STYLES = {"laptop": "cyan", "phone": "green", "shop": "magenta"}
_LADDER_LINES = 40

_MAP = """\
 laptop ─┐
         ├─ switch ── router ══ 20 ms, 1 % loss ══ switch ── shop
 phone  ─┘
"""
_NARROW_MAP = """\
 laptop, phone
  └─ switch ── router
     ══ 20 ms, 1 % loss ══
        switch ── shop
"""


def show(seed: int, path: Path) -> None:
    """Run the demo and show it; writes its capture to `path`. Raises `OSError` if that cannot be."""
    console = Console(highlight=False)
    console.print(Text.assemble(("glassnet ", "bold"), __version__, (f"  seed {seed}", "dim")), end="\n\n")
    console.print(_map(console.width))

    started = time.perf_counter()
    net = _network(seed)
    resent: list[Retransmission] = []
    net.events.on(Retransmission, resent.append)
    with Capture(path, [host.internet for host in net.hosts.values()], epoch=EPOCH):
        _play(net, Screen(console, net, _STYLES))
    took = time.perf_counter() - started

    first = _first_connection(path)
    left, right = (_STYLES.get(end.host, "bold") for end in first.ends)
    console.print()
    console.print(Rule(f"the first connection: {first.ends[0].host} to {first.ends[1].host}", style="dim"))
    console.print(LadderDrawing(first, styles=(left, right), limit=_LADDER_LINES))
    console.print()
    console.print(Rule("in all", style="dim"))
    console.print(_totals(net, first, len(resent), took, path))


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
            uvicorn.run, "glassnet.cli.demo_programs.shop:app", host="0.0.0.0", port=80
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
    net.close()


def _first_connection(path: Path) -> Ladder:
    with path.open("rb") as file:
        reader = Reader(file)
        found = conversations(segments(sightings(reader)))
        hosts = {address: names[0] for address, names in reader.names.items()}
        watched = {interface.name.rpartition(".")[0] for interface in reader.interfaces}
    return ladder(found[0], hosts=hosts, watched=watched, epoch=EPOCH)


def _map(width: int) -> Text:
    plain = _MAP if width >= max(map(len, _MAP.splitlines())) else _NARROW_MAP
    text = Text(plain, style="dim")
    for name, style in _STYLES.items():
        at = plain.index(name)
        text.stylize(f"not dim {style}", at, at + len(name))
    loss = plain.index("══")
    text.stylize("not dim yellow", loss, plain.rindex("══") + 2)
    return text


def _totals(net: Network, first: Ladder, retransmitted: int, took: float, path: Path) -> Table:
    lanes = [lane for cable in net.cables for lane in cable.lanes]
    lost = sum(lane.drops.counts.get("cable: loss", 0) for lane in lanes)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("frames", f"{sum(lane.frames for lane in lanes):,} on all cables"),
        ("bytes", f"{sum(lane.bytes for lane in lanes):,}"),
        ("lost", f"{lost:,} frames, of which {first.count(Mark.LOST)} are in the drawing above"),
        ("retransmitted", f"{retransmitted:,} segments"),
        ("time", f"{net.now:.3f} s on the network, {took:.3f} s here"),
        ("capture", str(path)),
    ):
        table.add_row(name, value)
    return table
