"""What a lab file can say wrong although each of its values is well formed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from glassnet.lab import commands
from glassnet.lab.building import Built, build
from glassnet.lab.model import EventPlan, Lab
from glassnet.lab.problems import LabError, Problem, Problems, suggestion
from glassnet.lab.reading import read
from glassnet.lab.schema import CABLE_ACTIONS, HOST_ACTIONS
from glassnet.network.addresses import is_link_local
from glassnet.topology.host import Host
from glassnet.topology.network import Network

__all__ = ["Checked", "check", "load"]

_MOST_HOSTS_FOR_ROUTES = 64


class Checked:
    """A lab file that can be run: what it says, the network that it makes, and warnings."""

    def __init__(self, path: Path, lab: Lab, built: Built, warnings: list[Problem]) -> None:
        self.path = path
        self.folder = path.parent.resolve()
        self.lab = lab
        self.built = built
        self.warnings = warnings


def load(path: Path, **instead: Any) -> Checked:
    """Read and check the lab file at `path`. LabError has everything that is wrong with it.

    `instead` are values to take instead of those that the file gives for the whole lab.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LabError([Problem(str(path), 0, 0, "", f"cannot read it: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise LabError([Problem(str(path), 0, 0, "", f"not TOML: {error}")]) from None
    lab, problems = read(text, str(path))
    lab = replace(lab, **instead)
    built = check(lab, problems, path.parent.resolve())
    if problems.errors:
        built.network.close()
        raise LabError(problems.found)
    return Checked(path, lab, built, problems.found)


def check(lab: Lab, problems: Problems, folder: Path) -> Built:
    """Report what is wrong with `lab`, whose files are in `folder`, and build the rest of it."""
    named = list(lab.hosts)
    built = build(lab, problems)
    network = built.network
    _hosts(lab, named, network, problems)
    for program in lab.programs:
        fault = commands.fault(program.command, folder)
        if fault is not None:
            problems.error((*program.path, "run"), fault)
    for event in lab.events:
        _event(event, lab, built, problems)
    for capture in lab.captures:
        for number, name in enumerate(capture.hosts):
            if name not in network.hosts:
                problems.error(
                    (*capture.path, "hosts", number),
                    f"there is no host {name!r}{suggestion(name, network.hosts)}",
                )
        parent = (folder / capture.file).parent
        if not parent.is_dir():
            problems.error(
                capture.path, f"there is no folder {parent} for the file {capture.file!r}: make it first"
            )
    for number, name in enumerate(lab.until or ()):
        _program(name, ("until", number), lab, problems)
    if not problems.errors:
        _routes(network, lab, problems)
    return built


def _hosts(lab: Lab, named: list[str], network: Network, problems: Problems) -> None:
    if not network.hosts and not problems.errors:
        problems.error((), 'it has no hosts: begin with [lan.home] and hosts = ["web", "laptop"]')
    joined = {name for lan in lab.lans.values() for name in lan.hosts}
    joined |= {name for cable in lab.cables.values() for name in cable.between}
    only_in_lans = [name for name in lab.hosts if name not in named]
    for name in named:
        host = network.hosts.get(name)
        if host is not None and not host.interfaces and name not in joined:
            hint = suggestion(name, only_in_lans)
            problems.warn(
                lab.hosts[name].path,
                f"it is on no LAN and no cable{hint if hint.startswith('; did') else ''}",
            )


def _program(name: str, path: tuple[str | int, ...], lab: Lab, problems: Problems) -> None:
    if lab.programs_called(name):
        return
    if name in lab.hosts:
        problems.error(path, f"host {name!r} runs no program")
        return
    known = {name: None for each in lab.programs for name in (each.host, f"{each.host}/{each.name}")}
    problems.error(path, f"there is no program {name!r}{suggestion(name, known)}")


def _event(event: EventPlan, lab: Lab, built: Built, problems: Problems) -> None:
    cables, hosts = built.cables, built.network.hosts
    path = (*event.path, event.action)
    for number, name in enumerate(event.targets):
        here = (*path, number)
        if event.action in CABLE_ACTIONS:
            if name not in cables:
                problems.error(here, f"there is no cable or LAN {name!r}{suggestion(name, cables)}")
                continue
            for cable in cables[name] if event.towards is not None else ():
                ends = cable.ends
                if event.towards not in ends:
                    hint = suggestion(event.towards or "", ends)
                    problems.error(
                        (*event.path, "towards"), f"{event.towards!r} is no end of cable {cable.name}{hint}"
                    )
        elif event.action in HOST_ACTIONS:
            if name not in hosts:
                problems.error(here, f"there is no host {name!r}{suggestion(name, hosts)}")
        else:
            _program(name, here, lab, problems)


def _routes(network: Network, lab: Lab, problems: Problems) -> None:
    """Warn of hosts between which packets find no way."""
    network.fill_routes()
    hosts = [host for host in network.hosts.values() if host.interfaces and not host.forwarding]
    if len(hosts) > _MOST_HOSTS_FOR_ROUTES:
        return
    for source in hosts:
        lost = [host.name for host in hosts if host is not source and not _reaches(network, source, host)]
        if lost:
            problems.warn(lab.hosts[source.name].path, f"there is no way from it to {', '.join(lost)}")


def _reaches(network: Network, source: Host, destination: Host) -> bool:
    return any(
        _has_way(network, source, address)
        for address in network.names.addresses(destination.name)
        if not is_link_local(address)
    )


def _has_way(network: Network, at: Host, address: bytes) -> bool:
    for _ in range(len(network.hosts) + 1):
        if at.internet.is_local(address):
            return True
        route = at.internet.routes.lookup(address)
        if route is None:
            return False
        if route.via is None:
            return True
        owner = network.owner_of(ip_address(route.via))
        if owner is None:
            return False
        at = network.hosts[owner]
        if not at.forwarding and not at.internet.is_local(address):
            return False
    return False
