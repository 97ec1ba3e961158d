"""`getaddrinfo` as glibc has it: hints to kinds of sockets, services to ports, names to addresses."""

from __future__ import annotations

import re
import socket
from socket import AF_INET, AF_INET6, AF_UNSPEC, AddressFamily, SocketKind, gaierror
from typing import TYPE_CHECKING, Any, NamedTuple

from glassnet.host.names import lookup
from glassnet.host.names.numeric import packed4, packed6, scope_of, show, unknown
from glassnet.host.names.selection import order
from glassnet.host.names.services import port_of
from glassnet.network.addresses import LOOPBACK_V4, LOOPBACK_V6, is_mapped

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["AddressInfo", "address_infos", "addresses", "wrong_family"]

AddressInfo = tuple[AddressFamily, SocketKind, int, str, tuple[Any, ...]]

_EAI_ADDRFAMILY = int(getattr(socket, "EAI_ADDRFAMILY", -9))
# AI_IDN and AI_CANONIDN ask for what CPython has done already; two more are obsolete.
_AI_IDN_ALL = 0x40 | 0x80 | 0x100 | 0x200
_KNOWN_FLAGS = int(
    socket.AI_PASSIVE
    | socket.AI_CANONNAME
    | socket.AI_NUMERICHOST
    | socket.AI_V4MAPPED
    | socket.AI_ALL
    | socket.AI_ADDRCONFIG
    | socket.AI_NUMERICSERV
    | _AI_IDN_ALL
)
_MAPPED = bytes(10) + b"\xff\xff"
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_ULONG_MAX = (1 << 64) - 1


class _Kind(NamedTuple):
    """What a program may ask for: type, protocol, its name; whether it is given to who asks for nothing."""

    type: SocketKind
    protocol: int
    name: str
    usual: bool


_SOCK_DCCP = 6
_KINDS = (
    _Kind(SocketKind.SOCK_STREAM, socket.IPPROTO_TCP, "tcp", True),
    _Kind(SocketKind.SOCK_DGRAM, socket.IPPROTO_UDP, "udp", True),
    _Kind(_SOCK_DCCP, 33, "dccp", False),  # type: ignore[arg-type]
    _Kind(SocketKind.SOCK_DGRAM, 136, "udplite", False),
    _Kind(SocketKind.SOCK_STREAM, 132, "sctp", False),
    _Kind(SocketKind.SOCK_SEQPACKET, 132, "sctp", False),
    _Kind(SocketKind.SOCK_RAW, 0, "raw", True),
)
_RAW = _KINDS[-1]


def wrong_family() -> gaierror:
    """What is raised for an address in numbers of the other family."""
    return gaierror(_EAI_ADDRFAMILY, "Address family for hostname not supported")


def _bad_service() -> gaierror:
    return gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")


def address_infos(
    system: System, host: str | None, service: str | None, family: int, type: int, proto: int, flags: int
) -> list[AddressInfo]:
    """What `socket.getaddrinfo` gives on a host."""
    host = None if host == "*" else host
    service = None if service == "*" else service
    if host is None and service is None:
        raise unknown()
    if flags & ~_KNOWN_FLAGS or (flags & socket.AI_CANONNAME and host is None):
        raise gaierror(socket.EAI_BADFLAGS, "Bad value for ai_flags")
    if family not in (AF_UNSPEC, AF_INET, AF_INET6):
        raise gaierror(socket.EAI_FAMILY, "ai_family not supported")
    if flags & socket.AI_ADDRCONFIG:
        family = _configured(system, family)
    kinds = _services(service, type, proto, flags)
    canonical, scope, found = _hosts(system, host, family, flags)
    canonical = canonical if flags & socket.AI_CANONNAME else ""
    infos: list[AddressInfo] = []
    for address in found:
        for kind, protocol, port in kinds:
            name = canonical if not infos else ""
            if len(address) == 4:
                infos.append((AddressFamily.AF_INET, kind, protocol, name, (show(address), port)))
            else:
                where = (show(address), port, 0, scope)
                infos.append((AddressFamily.AF_INET6, kind, protocol, name, where))
    return infos


def _configured(system: System, family: int) -> int:
    """The families that this host has addresses for, other than loopback's: AI_ADDRCONFIG."""
    internet = system.internet
    have = {len(each.address) for each in internet.addresses() if each.interface is not internet.loopback}
    if not have:
        return family
    if (family == AF_INET and 4 not in have) or (family == AF_INET6 and 16 not in have):
        raise unknown()
    if family == AF_UNSPEC and len(have) == 1:
        return AF_INET if 4 in have else AF_INET6
    return family


# Services


def _services(service: str | None, type: int, proto: int, flags: int) -> list[tuple[SocketKind, int, int]]:
    """Types of sockets, their protocols and ports."""
    asked = bool(type or proto)
    suitable = [
        kind for kind in _KINDS if type in (0, kind.type) and (kind is _RAW or proto in (0, kind.protocol))
    ]
    if asked:
        if not suitable:
            if type:
                raise gaierror(socket.EAI_SOCKTYPE, "ai_socktype not supported")
            raise _bad_service()
        del suitable[1:]
    number = 0
    if service:
        if suitable[0] is _RAW:
            raise _bad_service()
        parsed = _number(service)
        if parsed is None:
            if flags & socket.AI_NUMERICSERV:
                raise unknown()
            return _named(service, suitable, proto)
        number = parsed
    usual = suitable if asked else [kind for kind in suitable if kind.usual]
    return [(kind.type, proto if kind is _RAW else kind.protocol, number & 0xFFFF) for kind in usual]


def _number(service: str) -> int | None:
    """A port in numbers, as strtoul(3) reads it; None for a name."""
    match = _NUMBER.fullmatch(service)
    if match is None:
        return None
    number = min(int(match[1]), _ULONG_MAX)
    number = (number + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
    if number < 0:
        # It is taken for a name, which no service has.
        raise _bad_service()
    return number


def _named(service: str, suitable: list[_Kind], proto: int) -> list[tuple[SocketKind, int, int]]:
    found = []
    for kind in suitable:
        port = None if kind is _RAW else port_of(service, kind.name)
        if port is not None:
            found.append((kind.type, kind.protocol, port))
    if not found:
        raise _bad_service()
    return found


# Hosts


def _hosts(system: System, host: str | None, family: int, flags: int) -> tuple[str, int, list[bytes]]:
    """Official name, zone, and addresses, best first."""
    size = {AF_INET: 4, AF_INET6: 16}.get(AddressFamily(family))
    if host is None:
        passive = flags & socket.AI_PASSIVE
        both = [bytes(4), bytes(16)] if passive else [LOOPBACK_V6, LOOPBACK_V4]
        return "", 0, [each for each in both if size in (None, len(each))]
    four = packed4(host)
    if four is not None:
        if size == 16:
            if not flags & socket.AI_V4MAPPED:
                raise wrong_family()
            four = _MAPPED + four
        return host, 0, [four]
    six = packed6(host)
    if six is not None:
        scope = scope_of(system, host, six)
        if size == 4:
            if not is_mapped(six):
                raise wrong_family()
            six = six[12:]
        return host, scope, [six]
    if flags & socket.AI_NUMERICHOST:
        raise unknown()
    if size == 16 and flags & socket.AI_V4MAPPED:
        return _with_mapped(system, host, bool(flags & socket.AI_ALL))
    entry = lookup.find(system, host, (4, 16) if size is None else (size,))
    return entry.name, 0, order(system, entry.addresses)


def _with_mapped(system: System, host: str, everything: bool) -> tuple[str, int, list[bytes]]:
    """IPv6 addresses, and mapped IPv4 ones where there are none, or with `everything` as well."""
    entry = lookup.find_here(system, host, (4, 16))
    if entry is not None:
        found = [each for each in entry.addresses if len(each) == 16]
        if everything or not found:
            found += [_MAPPED + each for each in entry.addresses if len(each) == 4]
        return entry.name, 0, order(system, found)
    name, found, fault = "", [], None
    try:
        entry = lookup.find(system, host, (16,))
        name, found = entry.name, entry.addresses
    except gaierror as error:
        fault = error
    if everything or not found:
        try:
            entry = lookup.find(system, host, (4,))
            name = name or entry.name
            found = found + [_MAPPED + address for address in entry.addresses]
        except gaierror as error:
            if not found:
                raise (fault or error) from None
    return name, 0, order(system, found)


def addresses(system: System, host: str, family: int) -> list[bytes]:
    """The addresses of a name, or the address that it is in numbers, best first; gaierror without one."""
    return _hosts(system, host, family, 0)[2]
