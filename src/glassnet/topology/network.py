"""A network: hosts, switches and cables, one clock, one seed."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Coroutine
from inspect import iscoroutine
from ipaddress import IPv4Address, IPv6Address, ip_address
from os import PathLike
from typing import Any, Self, TypeVar, Unpack

from glassnet import physical
from glassnet.bridge import Tap
from glassnet.bridge.device import Namespace
from glassnet.datalink.interface import Interface
from glassnet.datalink.switch import Port, Switch
from glassnet.engine import Clock, Drops, Engine, Events
from glassnet.engine.quantity import duration
from glassnet.errors import GlassnetError
from glassnet.glass.capture import Capture
from glassnet.host.deadlock import Deadlock
from glassnet.host.interrupts import orderly
from glassnet.host.process import Process
from glassnet.host.system import EPOCH, World
from glassnet.topology.addressing import Subnet, Subnets
from glassnet.topology.cable import DEFAULT_QUEUE, Cable, Quality, conditions
from glassnet.topology.host import Host, Router
from glassnet.topology.routing import Link, fill_routes
from glassnet.transport.tcp.sysctl import Choice, tcp_settings

__all__ = ["Network"]

Node = Host | Switch
H = TypeVar("H", bound=Host)

# The first octets of locally administered unicast addresses; the rest counts the interfaces.
_MAC_PREFIX = b"\x02\x00\x00"


_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?![0-9.]+$){_LABEL}(?:\.{_LABEL})*")

# What is left of networks that nobody closed.
_forgotten: list[World] = []


class Network:
    """A network of virtual hosts, with a clock and a seed of its own.

    `seed` decides everything that chance decides. `clock` is `"virtual"` (jumps to
    the next event), `"real"` (keeps pace with the wall clock) or `"scaled"` (runs
    `speed` times as fast as that). `tcp` is how TCP is set on all its hosts: the name of
    a profile, `"linux"` (the default) or `"rfc"`, or settings by the names of Linux's
    sysctl(8), as `{"tcp_congestion_control": "reno", "tcp_sack": 0}`.
    """

    def __init__(
        self, seed: int | str = 0, clock: Clock = "virtual", speed: float = 1.0, tcp: Choice = None
    ) -> None:
        self.engine = Engine(seed, clock, speed)
        self.world = World(self.engine)
        self.names = self.world.names
        self.tcp = tcp_settings(tcp)
        self.hosts: dict[str, Host] = {}
        self.switches: dict[str, Switch] = {}
        self.cables: list[Cable] = []
        self._cable_names: set[str] = set()
        self._names_taken: dict[str, str] = {}
        self._subnets = Subnets()
        self._subnet_of: dict[Switch, list[Subnet]] = {}
        self._owner_of: dict[bytes, str] = {}
        self._interfaces = 0
        self._routed = True
        self._console: Host | None = None
        # Programs that wait for ever are on stacks of their own, which Python never collects. They
        # are unwound when the next network is made: in the collector they would run anywhere.
        while _forgotten:
            _forgotten.pop().close()
        self._forget = weakref.finalize(self, _forgotten.append, self.world)
        self._forget.atexit = False

    # Building

    def host(self, name: str, tcp: Choice = None) -> Host:
        """A new host, on no network yet. `tcp` is as for `Network`, and goes before what that says."""
        return self._add_host(Host, name, tcp)

    def router(self, name: str, tcp: Choice = None) -> Router:
        """A new host that forwards packets between its interfaces."""
        return self._add_host(Router, name, tcp)

    def _add_host(self, kind: type[H], name: str, tcp: Choice) -> H:
        self._check_name(name)
        host = kind(self, name, tcp)
        self.hosts[name] = host
        self._names_taken[name.lower()] = name
        return host

    def switch(self, name: str) -> Switch:
        """A new switch, with as many ports as are plugged in."""
        self._check_name(name)
        switch = self.switches[name] = Switch(self.engine, name)
        self._names_taken[name.lower()] = name
        return switch

    def _check_name(self, name: str) -> None:
        # A name of the DNS (RFC 1123, 2.1), which an address in dotted decimal is not.
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower() == "localhost":
            raise ValueError(
                f"name {name!r}: expected a host name of letters, digits and hyphens, such as 'web-1', "
                "other than 'localhost'"
            )
        taken = self._names_taken.get(name.lower())
        if taken is not None:
            raise GlassnetError(
                f"the network has a {taken!r} already: choose another name, or use net[{taken!r}]"
            )

    def __getitem__(self, name: str) -> Node:
        """The host, router or switch called `name`."""
        found = self.hosts.get(name) or self.switches.get(name)
        if found is None:
            known = ", ".join([*self.hosts, *self.switches]) or "none yet"
            raise GlassnetError(f"the network has no host or switch {name!r}; it has: {known}")
        return found

    def cable(
        self,
        a: Node | str,
        b: Node | str,
        *,
        prefix: str | tuple[str, ...] | None = None,
        mtu: int = 1500,
        **given: Unpack[Quality],
    ) -> Cable:
        """Join two hosts, routers or switches.

        `rate` ("1Gbps"; without one it is infinitely fast), `delay`, `jitter` ("10ms"),
        `queue` ("64KiB"; 1 MiB if not given) and its `discipline` ("fq_codel"), `loss`,
        `duplication`, `reordering` ("1%"), `bit_errors` (per bit) say what it is like in both
        directions; `Cable.towards` gives one. Between two hosts or routers both ends get
        addresses from `prefix`, or from the next free documentation networks; `prefix=()`
        gives none.
        """
        first, second = self._node(a), self._node(b)
        if first is second:
            raise GlassnetError(
                f"a cable from {first.name} to itself leads nowhere: give it two different ends"
            )
        name = self._cable_name(first.name, second.name)
        parsed = conditions(name, given)
        parsed.setdefault("queue", DEFAULT_QUEUE)
        subnets: list[Subnet] = []
        if isinstance(first, Host) and isinstance(second, Host):
            subnets = list(self._subnets.link()) if prefix is None else self._subnets.given(prefix)
        elif prefix is not None:
            raise ValueError(
                f"cable {name}: prefix= is for a cable between two hosts; a LAN is made by net.lan()"
            )
        ends = (first.name, second.name)
        wire = physical.cable.Cable(self.engine, name, ends=ends, **parsed)
        cable = Cable(wire, self._jack(first, mtu), self._jack(second, mtu))
        self.cables.append(cable)
        self._cable_names.add(name)
        self._topology_changed()
        for subnet in subnets:
            for end in (cable.a, cable.b):
                if isinstance(end, Interface):
                    self.hosts[end.owner].add_address(subnet.next(), end)
        return cable

    def tap(
        self,
        node: Node | str,
        name: str = "tap0",
        *,
        namespace: Namespace,
        prefix: str | tuple[str, ...] | None = None,
        mtu: int = 1500,
        **given: Unpack[Quality],
    ) -> Cable:
        """Join a host, router or switch to the real kernel: to its TAP device `name` in `namespace`.

        That is the name of a network namespace (ip-netns(8)), a path to one, the number
        of a process that is in it, or None for the one in which this program runs. The
        network must have `clock="real"`. A device that does not exist is made, which
        takes root; otherwise it must have been given to the user.

        A host or router gets addresses as by `Network.cable`. `Cable.b` of the result is
        the device, and its `addresses` are those meant for the kernel, which nobody gives
        to it here: see the how-to "Talk to the kernel". `mtu` is to be that of the device.
        """
        chosen = self._node(node)
        cable_name = self._cable_name(chosen.name, name)
        parsed = conditions(cable_name, given)
        subnets: list[Subnet] = []
        if isinstance(chosen, Host):
            subnets = list(self._subnets.link()) if prefix is None else self._subnets.given(prefix)
        elif prefix is not None:
            raise ValueError(
                f"cable {cable_name}: prefix= is for a host: the members of a LAN have addresses"
            )
        wire = physical.cable.Cable(self.engine, cable_name, ends=(chosen.name, name), **parsed)
        # Runs of segments are for a host that takes them in, over a cable that does nothing to them.
        offload = isinstance(chosen, Host) and not chosen.forwarding and not given
        device = Tap(self.engine, name, namespace=namespace, offload=offload)
        cable = Cable(wire, self._jack(chosen, mtu), device)
        self.cables.append(cable)
        self._cable_names.add(cable_name)
        self._topology_changed()
        kept = []
        for subnet in subnets:
            assert isinstance(chosen, Host)
            assert isinstance(cable.a, Interface)
            chosen.add_address(subnet.next(), cable.a)
            kept.append(subnet.next())
        device.addresses = tuple(kept)
        return cable

    def lan(
        self,
        *members: Host | str,
        prefix: str | tuple[str, ...] | None = None,
        switch: str | None = None,
        mtu: int = 1500,
        **given: Unpack[Quality],
    ) -> list[Host]:
        """Join hosts by one switch, each with a cable of its own; returns them in order.

        A member is the name of a new host, or a host or router that exists. They get
        addresses from `prefix` (one network, or several), or from the next free
        documentation networks: 192.0.2.0/24 and 2001:db8::/64 for the first LAN. The
        other arguments are those of each cable, as `Network.cable` takes them: what
        `delay` says is met twice between two members.
        """
        if not members:
            raise GlassnetError("a LAN needs members: give the names of its hosts")
        names = [member.name if isinstance(member, Host) else member for member in members]
        for member, name in zip(members, names, strict=True):
            if names.count(name) > 1:
                raise GlassnetError(
                    f"a LAN has each member once, and {name!r} is named {names.count(name)} times"
                )
            if isinstance(member, Host):
                self._node(member)
            elif member not in self.hosts:
                self._check_name(member)
        subnets = list(self._subnets.lan()) if prefix is None else self._subnets.given(prefix)
        for subnet in subnets:
            subnet.check_room(len(members))
        conditions("lan", given)
        hub = self.switch(switch or self._free_name("switch"))
        self._subnet_of[hub] = subnets
        joined = []
        for member in members:
            host = member if isinstance(member, Host) else self.hosts.get(member) or self.host(member)
            cable = self.cable(host, hub, mtu=mtu, **given)
            for subnet in subnets:
                assert isinstance(cable.a, Interface)
                host.add_address(subnet.next(), cable.a)
            joined.append(host)
        return joined

    def _node(self, node: Node | str) -> Node:
        if isinstance(node, str):
            return self[node]
        if self.hosts.get(node.name) is not node and self.switches.get(node.name) is not node:
            raise GlassnetError(f"{node!r} is not of this network: make it with this network's methods")
        return node

    def _host(self, host: Host | str) -> Host:
        found = self._node(host)
        if not isinstance(found, Host):
            raise GlassnetError(f"{found.name} is a switch: a host or router is needed here")
        return found

    def _free_name(self, stem: str) -> str:
        number = 1
        while f"{stem}{number}" in self.hosts or f"{stem}{number}" in self.switches:
            number += 1
        return f"{stem}{number}"

    def _cable_name(self, a: str, b: str) -> str:
        """A name that no other cable has: the second between the same two ends gets a number."""
        stem = name = f"{a}-{b}"
        number = 1
        while name in self._cable_names:
            number += 1
            name = f"{stem}-{number}"
        return name

    def _jack(self, node: Node, mtu: int) -> Interface | Port:
        if isinstance(node, Switch):
            return node.port()
        self._interfaces += 1
        mac = _MAC_PREFIX + self._interfaces.to_bytes(3, "big")
        number = len(node.interfaces)
        interface = Interface(
            self.engine,
            f"eth{number}",
            mac,
            mtu,
            drops=node.drops,
            owner=node.name,
            index=number + 2,
        )
        node.internet.attach(interface)
        return interface

    # Names and addresses

    def owner_of(self, address: IPv4Address | IPv6Address | str) -> str | None:
        """The name of the host that has this address, or None."""
        return self._owner_of.get(ip_address(address).packed)

    def record_address(self, host: Host, address: IPv4Address | IPv6Address) -> None:
        """Remember that `host` has been given `address`, which its name now stands for."""
        self._owner_of[address.packed] = host.name
        self.names.add(host.name, address.packed)
        self._topology_changed()

    def _topology_changed(self) -> None:
        if self._routed:
            self._routed = False
            self.engine.after(0, self.fill_routes)

    def fill_routes(self, _: object = None) -> None:
        """Give every host the routes that an administrator would.

        This happens by itself, as the first event after cables or addresses changed.
        """
        fill_routes(self._links())
        self._routed = True

    def _links(self) -> list[Link]:
        """Who hears whom without a router: the members of each link, in the order of their cables."""
        link_of: dict[Switch, Link] = {switch: [] for switch in self.switches.values()}
        links: list[Link] = []
        for cable in self.cables:
            a, b = cable.a, cable.b
            if isinstance(a, Port) and isinstance(b, Port):
                joined, gone = link_of[a.switch], link_of[b.switch]
                if joined is not gone:
                    joined.extend(gone)
                    for switch, link in link_of.items():
                        if link is gone:
                            link_of[switch] = joined
                continue
            if isinstance(b, Tap):
                if isinstance(a, Interface):
                    links.append([(self.hosts[a.owner], a)])
                continue
            if isinstance(a, Port):
                a, b = b, a
            assert isinstance(a, Interface)
            member = (self.hosts[a.owner], a)
            if isinstance(b, Port):
                link_of[b.switch].append(member)
            else:
                links.append([member, (self.hosts[b.owner], b)])
        seen: list[Link] = []
        for link in link_of.values():
            if not any(link is other for other in seen):
                seen.append(link)
        return links + seen

    # Running

    @property
    def now(self) -> float:
        """Virtual seconds since the network began."""
        return self.engine.now / 1e9

    @property
    def events(self) -> Events:
        """What can be observed: `net.events.on(glassnet.Drop, print)`. Times in events are nanoseconds."""
        return self.engine.events

    def run(
        self,
        until: float | str | Process | Callable[[], bool] | Coroutine[Any, Any, Any] | None = None,
        for_: float | str | None = None,
    ) -> Any:
        """Run the network.

        `until` is a time since its beginning ("10s", or seconds), a process that is to
        end, a condition that is asked after each event, or a coroutine: one that uses
        `await host.call(...)` and `host.task(...)`, whose result is returned. `for_` is
        a length of time. With neither it runs until all programs have ended, which a
        server never does: then name the program or the time to wait for. `Deadlock` is
        raised if programs wait and nothing is left to happen.
        """
        if until is not None and for_ is not None:
            raise ValueError("net.run: give until= or for_=, not both")
        engine = self.engine
        if engine.running:
            raise GlassnetError(
                "net.run() was called while the network runs: in a program, wait for another one "
                "with its result(), or sleep"
            )
        if for_ is not None:
            self._run_to(engine.now + duration(for_))
        elif isinstance(until, Process):
            return until.result()
        elif iscoroutine(until):
            operator = self._operator().system
            return operator.start(lambda: until, name=until.__name__).result()
        elif callable(until):
            self._run_while(lambda: not until())
        elif isinstance(until, str | int | float):
            self._run_to(duration(until))
        elif until is None:
            while (process := self._some_process()) is not None:
                process.run_network()
        else:
            raise ValueError(
                f"net.run: until={until!r}: expected a time, a process, a condition or a coroutine"
            )
        return None

    def _run_to(self, when: int) -> None:
        with orderly(self.engine):
            self.engine.run(when)

    def _run_while(self, wanted: Callable[[], bool]) -> None:
        with orderly(self.engine):
            while not self.engine.run(wanted=wanted) and wanted():
                if not self.world.collect():
                    raise Deadlock(self.world)

    def _some_process(self) -> Process | None:
        for host in self.hosts.values():
            for process in host.system.processes.values():
                return process
        return None

    def _operator(self) -> Host:
        if self._console is None:
            self._console = Host(self, "console")
        return self._console

    def capture(self, path: str | PathLike[str], *hosts: Host | str) -> Capture:
        """Write what hosts send and receive, all of them by default, to a pcapng file until it is closed.

        Use it as `with net.capture("shop.pcapng"): ...`. Hosts that come later are not in it.
        A frame is recorded where it was sent and where it was received: tools that do not
        tell interfaces apart take the second for a retransmission, so name one host for them.
        """
        chosen = [self._host(host) for host in hosts] or list(self.hosts.values())
        return Capture(path, [host.internet for host in chosen], epoch=EPOCH)

    def pause(self) -> None:
        """Make `run` return after the event under way; `run` goes on from there."""
        self.engine.pause()

    def step(self) -> bool:
        """Run exactly one event; False if there was none."""
        return self.engine.step()

    def close(self) -> None:
        """End all programs at once, and let go of TAP devices."""
        self._forget.detach()
        self.world.close()
        for cable in self.cables:
            if isinstance(cable.b, Tap):
                cable.b.close()

    def __enter__(self) -> Self:
        """Itself: `with Network() as net` closes it at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def drops(self) -> dict[str, int]:
        """What was dropped anywhere in the network, by reason."""
        total: dict[str, int] = {}
        for drops in self._all_drops():
            for reason, count in drops.counts.items():
                total[reason] = total.get(reason, 0) + count
        return total

    def _all_drops(self) -> list[Drops]:
        return [
            *(host.drops for host in self.hosts.values()),
            *(switch.drops for switch in self.switches.values()),
            *(lane.drops for cable in self.cables for lane in cable.lanes),
            *(cable.b.drops for cable in self.cables if isinstance(cable.b, Tap)),
        ]
