"""Where a host finds a name: its own table, then the network's names, or the DNS where it has a name server.

`localhost` and what ends in it is always the host itself (RFC 6761 section 6.3).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from socket import gaierror, herror
from typing import TYPE_CHECKING, NamedTuple

from glassnet.host.names.numeric import unknown
from glassnet.host.names.table import Names
from glassnet.network.addresses import LOOPBACK_V4, LOOPBACK_V6, is_mapped

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["Entry", "entries", "find", "find_here", "find_names"]

_EAI_NODATA = int(getattr(socket, "EAI_NODATA", -5))
_H_ERRORS = {
    0: "Resolver Error 0 (no error)",
    1: "Unknown host",
    2: "Host name lookup failure",
    3: "Unknown server error",
    4: "No address associated with name",
}

_LOCAL = Names()
_LOCAL.add("localhost", LOOPBACK_V4, LOOPBACK_V6)
_LOCAL.add("ip6-localhost", LOOPBACK_V6)
_LOCAL.add("ip6-loopback", LOOPBACK_V6)


class Entry(NamedTuple):
    """A host as the name functions give it: official name, other names, addresses."""

    name: str
    aliases: tuple[str, ...]
    addresses: list[bytes]


def _tables(system: System) -> tuple[Names, ...]:
    if system.resolv.nameservers:
        return _LOCAL, system.hosts
    return _LOCAL, system.hosts, system.world.names


def _fault(code: int) -> gaierror:
    """What `getaddrinfo` makes of a lookup that found nothing."""
    if code == 2:
        return gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if code == 4:
        return gaierror(_EAI_NODATA, "No address associated with hostname")
    return unknown()


def find(system: System, name: str, sizes: Sequence[int]) -> Entry:
    """The host called `name`, with its addresses of 4 and 16 bytes as `sizes` has it.

    gaierror: EAI_NONAME for a name that does not exist, EAI_NODATA for one without
    such addresses, EAI_AGAIN if no name server would say.
    """
    entry = find_here(system, name, sizes)
    if entry is not None:
        return entry
    if not system.resolv.nameservers:
        raise unknown()
    from glassnet.host.names import stub

    outcome = stub.addresses(system, name, sizes)
    if isinstance(outcome, stub.Fault):
        raise _fault(outcome)
    return Entry(*outcome)


def find_here(system: System, name: str, sizes: Sequence[int]) -> Entry | None:
    """The host as the tables have it, without asking anyone; None if they do not.

    gaierror: EAI_NODATA for one of the network's names without such addresses.
    """
    folded = name.rstrip(".").lower()
    if folded.endswith(".localhost"):
        return Entry(name, (), [each for each in (LOOPBACK_V6, LOOPBACK_V4) if len(each) in sizes])
    for table in _tables(system):
        held = table.addresses(name)
        found = [address for address in held if len(address) in sizes]
        if found:
            first, *others = table.names(found[0])
            return Entry(first, tuple(others), found)
        if held and table is system.world.names:
            raise _fault(4)
    if folded == system.name.lower() and 4 in sizes:
        return Entry(system.name, (), [LOOPBACK_V4])
    return None


def find_names(system: System, address: bytes) -> Entry:
    """The host with this address; herror if it has no name."""
    for table in _tables(system):
        # Who asks the DNS asks for the IPv4 address that is mapped: the network's names stand for it.
        dns_like = table is system.world.names and is_mapped(address)
        names = table.names(address[12:] if dns_like else address)
        if names:
            return Entry(names[0], names[1:], [address])
    code = 1
    if system.resolv.nameservers:
        from glassnet.host.names import stub

        outcome = stub.names(system, address)
        if isinstance(outcome, stub.Found):
            return Entry(outcome.name, outcome.aliases, [address])
        code = int(outcome)
    raise herror(code, _H_ERRORS[code])


def entries(system: System) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """What `/etc/hosts` says: each address with its names, the official one first."""
    for table in _tables(system):
        seen: dict[bytes, None] = {}
        for name in table:
            seen.update(dict.fromkeys(table.addresses(name)))
        for address in seen:
            yield address, table.names(address)
