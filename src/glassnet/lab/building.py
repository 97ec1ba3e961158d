"""From a `Lab` to a `Network`: who is joined to whom, and with which addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from ipaddress import ip_address, ip_interface, ip_network

from glassnet.datalink.interface import Interface
from glassnet.datalink.switch import Port
from glassnet.engine import Clock
from glassnet.errors import GlassnetError
from glassnet.lab.model import HostPlan, Lab, LanPlan, SwitchPlan
from glassnet.lab.positions import Path
from glassnet.lab.problems import Problems, suggestion
from glassnet.topology.addressing import Subnet, Subnets
from glassnet.topology.cable import Cable
from glassnet.topology.host import Host
from glassnet.topology.network import Network

__all__ = ["Built", "build"]


class Built:
    """A network made from a lab file, and its cables by the names that the file gives them."""

    def __init__(self, lab: Lab) -> None:
        clock, speed = lab.clock
        kind: Clock = "real" if clock == "real" else "scaled" if clock == "scaled" else "virtual"
        self.network = Network(lab.seed, kind, speed, tcp=lab.tcp)
        self.cables: dict[str, list[Cable]] = {}


def build(lab: Lab, problems: Problems) -> Built:
    """Build what `lab` describes; what cannot be built is reported, and left out."""
    return _Builder(lab, problems).build()


class _Link:
    """Who hears whom: interfaces, and the networks whose addresses they get."""

    def __init__(self, path: Path, prefixes: tuple[str, ...] | None, members: list[Interface]) -> None:
        self.path = path
        self.prefixes = prefixes
        self.members = members
        self.subnets: list[Subnet] = []


class _Builder:
    def __init__(self, lab: Lab, problems: Problems) -> None:
        self._lab = lab
        self._problems = problems
        self._built = Built(lab)
        self._network = self._built.network

    def build(self) -> Built:
        lab, network = self._lab, self._network
        for switch in lab.switches.values():
            with self._at(switch.path):
                network.switch(switch.name)
        for host in lab.hosts.values():
            with self._at(host.path):
                (network.router if host.router else network.host)(host.name, host.tcp)
        for lan in lab.lans.values():
            self._lan(lan.name)
        for cable in lab.cables.values():
            self._cable(cable.name)
        self._give_addresses(self._links())
        for host in lab.hosts.values():
            self._settle(host)
        for name, targets in lab.names.items():
            with self._at(("names", name)):
                network.names.add(name, *self._resolve(targets))
        return self._built

    @contextmanager
    def _at(self, path: Path) -> Iterator[None]:
        """Report what goes wrong in here as a fault at `path`."""
        try:
            yield
        except (ValueError, GlassnetError) as error:
            self._problems.error(path, str(error))

    # Cables

    def _lan(self, name: str) -> None:
        lan, network = self._lab.lans[name], self._network
        with self._at(lan.path):
            network.switch(name)
        if name not in network.switches:
            return
        cables = self._built.cables[name] = []
        for number, member in enumerate(lan.hosts):
            path = (*lan.path, "hosts", number)
            if member in lan.hosts[:number]:
                self._problems.error(path, f"{member!r} is on this LAN already")
                continue
            if member in network.switches:
                hint = f"[cable.NAME] between = [{member!r}, {name!r}]"
                self._problems.error(path, f"{member!r} is a switch: join it with a cable: {hint}")
                continue
            with self._at(path):
                if member not in network.hosts:
                    network.host(member)
                    self._lab.hosts[member] = HostPlan(path, member)
                cable = network.cable(member, name, mtu=lan.mtu, **lan.quality)
                cables.append(cable)
                self._built.cables.setdefault(cable.name, [cable])

    def _cable(self, name: str) -> None:
        plan, network = self._lab.cables[name], self._network
        if len(plan.between) != 2:
            return
        path = (*plan.path, "between")
        known = [*network.hosts, *network.switches]
        missing = [(number, end) for number, end in enumerate(plan.between) if end not in known]
        for number, end in missing:
            self._problems.error(
                (*path, number), f"there is no host or switch {end!r}{suggestion(end, known)}"
            )
        if missing:
            return
        first, second = plan.between
        with self._at(path):
            both_are_hosts = all(end in network.hosts for end in plan.between)
            if both_are_hosts:
                cable = network.cable(first, second, prefix=(), mtu=plan.mtu, **plan.quality)
            else:
                cable = network.cable(first, second, mtu=plan.mtu, **plan.quality)
                if plan.prefix is not None:
                    self._problems.error(
                        (*plan.path, "prefix"), "an end is a switch: give the prefix to its LAN or switch"
                    )
            if name in self._built.cables:
                self._problems.error(plan.path, f"there is a LAN {name!r} already: choose another name")
            self._built.cables[name] = [cable]
            self._built.cables.setdefault(cable.name, [cable])
            for end, quality in plan.towards.items():
                if end not in plan.between:
                    hint = suggestion(end, plan.between)
                    self._problems.error((*plan.path, "towards", end), f"{end!r} is no end of it{hint}")
                    continue
                with self._at((*plan.path, "towards", end)):
                    cable.towards(end).set(**quality)

    # Addresses

    def _links(self) -> list[_Link]:
        """The links: LANs and switches with all that is behind them, then cables, as in the file."""
        lab, network = self._lab, self._network
        group: dict[str, str] = {name: name for name in network.switches}

        def root(name: str) -> str:
            while group[name] != name:
                name = group[name]
            return name

        direct: list[_Link] = []
        path_of = {cable: lab.cables[name].path for name in lab.cables for cable in self._made(name)}
        prefix_of = {cable: lab.cables[name].prefix for name in lab.cables for cable in self._made(name)}
        members: list[tuple[str, Interface]] = []
        for cable in network.cables:
            a, b = cable.a, cable.b
            if isinstance(a, Port) and isinstance(b, Port):
                if root(a.switch.name) == root(b.switch.name):
                    self._problems.warn(
                        path_of[cable],
                        "it closes a loop of switches, without a spanning tree: floods never end",
                    )
                group[root(b.switch.name)] = root(a.switch.name)
            elif isinstance(a, Interface) and isinstance(b, Interface):
                direct.append(_Link(path_of[cable], prefix_of[cable], [a, b]))
            else:
                interface, port = (a, b) if isinstance(a, Interface) else (b, a)
                assert isinstance(interface, Interface)
                assert isinstance(port, Port)
                members.append((port.switch.name, interface))
        links: dict[str, _Link] = {}
        segments: list[LanPlan | SwitchPlan] = [*lab.lans.values(), *lab.switches.values()]
        for plan in segments:
            if plan.name not in group:
                continue
            link = links.setdefault(root(plan.name), _Link(plan.path, None, []))
            if plan.prefix is not None and link.prefixes is not None and plan.prefix != link.prefixes:
                self._problems.error(
                    (*plan.path, "prefix"), "it is joined to a LAN that has another prefix: give one of them"
                )
            if plan.prefix is not None:
                link.prefixes, link.path = plan.prefix, plan.path
        for name, interface in members:
            links[root(name)].members.append(interface)
        return [*links.values(), *direct]

    def _made(self, name: str) -> list[Cable]:
        return self._built.cables.get(name, []) if self._lab.cables[name].between else []

    def _give_addresses(self, links: list[_Link]) -> None:
        subnets = Subnets()
        given = [ip_network(prefix) for link in links for prefix in link.prefixes or ()]
        for link in links:
            if link.prefixes is not None:
                link.subnets = Subnets.given(link.prefixes)
                continue
            with self._at(link.path):
                is_lan = link.path[0] != "cable"
                while not link.subnets:
                    chosen = subnets.lan() if is_lan else subnets.link()
                    if not any(
                        subnet.prefix.version == other.version and subnet.prefix.overlaps(other)
                        for subnet in chosen
                        for other in given
                    ):
                        link.subnets = list(chosen)
        wishes = self._wishes(links)
        taken = {ip_interface(address).ip for chosen in wishes.values() for address in chosen}
        for link in links:
            for subnet in link.subnets:
                self._number(link, subnet, wishes, taken)

    def _number(
        self, link: _Link, subnet: Subnet, wishes: Mapping[Interface, list[str]], taken: AbstractSet[object]
    ) -> None:
        version = subnet.prefix.version
        for interface in link.members:
            host = self._network.hosts[interface.owner]
            own = [each for each in wishes.get(interface, ()) if ip_interface(each).version == version]
            try:
                for address in own:
                    host.add_address(address, interface)
                while not own:
                    address = subnet.next()
                    if ip_interface(address).ip not in taken:
                        own = [address]
                        host.add_address(address, interface)
            except (ValueError, GlassnetError) as error:
                plan = self._lab.hosts[host.name]
                self._problems.error((*plan.path, "address") if plan.address else link.path, str(error))

    def _wishes(self, links: list[_Link]) -> dict[Interface, list[str]]:
        """Which interface gets which of the addresses that the file gives to its host."""
        owner: dict[object, str] = {}
        wishes: dict[Interface, list[str]] = {}
        for plan in self._lab.hosts.values():
            host = self._network.hosts.get(plan.name)
            if host is None:
                continue
            for number, address in enumerate(plan.address):
                path = (*plan.path, "address", number)
                ip = ip_interface(address).ip
                if ip in owner:
                    self._problems.error(path, f"{ip} is the address of host {owner[ip]} already")
                    continue
                owner[ip] = plan.name
                place = self._place(host, address, links)
                if place is None:
                    nets = ", ".join(
                        str(subnet.prefix)
                        for link in links
                        for subnet in link.subnets
                        if any(each.owner == host.name for each in link.members)
                    )
                    on = f"it is on {nets}" if nets else "it is on no network"
                    self._problems.error(path, f"{ip} is in none of the networks of host {host.name}: {on}")
                    continue
                interface, full = place
                wishes.setdefault(interface, []).append(full)
        return wishes

    @staticmethod
    def _place(host: Host, address: str, links: list[_Link]) -> tuple[Interface, str] | None:
        """The interface for an address, and the address with its prefix length."""
        wanted = ip_interface(address)
        own = [
            (link, interface) for link in links for interface in link.members if interface.owner == host.name
        ]
        for link, interface in own:
            for subnet in link.subnets:
                if wanted.ip in subnet.prefix:
                    return (
                        interface,
                        f"{wanted.ip}/{(wanted.network if '/' in address else subnet.prefix).prefixlen}",
                    )
        if "/" in address and len(own) == 1 and own[0][0].prefixes is None:
            # Nobody gave this link a prefix: an address with its length says what it is.
            return own[0][1], address
        return None

    # What is set on hosts

    def _settle(self, plan: HostPlan) -> None:
        host = self._network.hosts.get(plan.name)
        if host is None:
            return
        for number, (prefix, via) in enumerate(plan.route):
            with self._at((*plan.path, "route", number)):
                host.route(prefix, via=via)
        for name, targets in plan.names.items():
            with self._at((*plan.path, "names", name)):
                host.hosts.add(name, *self._resolve(targets))
        host.skew, host.drift = plan.skew, plan.drift
        if plan.dns or plan.search:
            with self._at((*plan.path, "dns" if plan.dns else "search")):
                host.resolv(plan.dns, plan.search)

    def _resolve(self, targets: list[str]) -> list[bytes]:
        """Addresses, from addresses in numbers and the names of hosts."""
        found: list[bytes] = []
        for target in targets:
            if target in self._network.hosts:
                found += self._network.names.addresses(target)
                continue
            try:
                found.append(ip_address(target).packed)
            except ValueError:
                raise ValueError(
                    f"{target!r} is neither an address nor a host{suggestion(target, self._network.hosts)}"
                ) from None
        return found
