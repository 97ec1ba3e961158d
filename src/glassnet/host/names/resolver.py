"""Names to addresses and back, as `getaddrinfo` and its relatives do it on Linux.

A host looks at its own table first, then at the network's names. `localhost` is
always the host itself (RFC 6761 section 6.3).
"""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6, AF_UNSPEC, AddressFamily, SocketKind, gaierror, inet_ntop, inet_pton
from typing import TYPE_CHECKING, Any

from glassnet.host.current import here

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["EAI_NONAME", "Resolver", "addresses", "zone_index"]

EAI_NONAME = int(socket.EAI_NONAME)
_EAI_ADDRFAMILY = int(getattr(socket, "EAI_ADDRFAMILY", -9))
_NOT_KNOWN = "Name or service not known"
_MAPPED = bytes(10) + b"\xff\xff"
_LOOPBACK4 = b"\x7f\0\0\1"
_LOOPBACK6 = bytes(15) + b"\1"
_H_ERRNO_HOST_NOT_FOUND = 1

# Those that programs write; the rest is looked up in the machine's own table.
_SERVICES = {
    "ftp": (21, "tcp"),
    "ssh": (22, "tcp"),
    "telnet": (23, "tcp"),
    "smtp": (25, "tcp"),
    "domain": (53, "tcp udp"),
    "http": (80, "tcp"),
    "pop3": (110, "tcp"),
    "ntp": (123, "udp"),
    "imap2": (143, "tcp"),
    "snmp": (161, "tcp udp"),
    "https": (443, "tcp udp"),
    "submission": (587, "tcp"),
    "imaps": (993, "tcp"),
    "pop3s": (995, "tcp"),
}

_AddressInfo = tuple[AddressFamily, SocketKind, int, str, tuple[Any, ...]]

_KINDS = (
    (SocketKind.SOCK_STREAM, socket.IPPROTO_TCP),
    (SocketKind.SOCK_DGRAM, socket.IPPROTO_UDP),
    (SocketKind.SOCK_RAW, 0),
)


def zone_index(system: System, zone: str) -> int:
    """The number of the interface that a zone names (RFC 4007 section 11); gaierror if there is none."""
    interface = system.internet.interfaces.get(zone)
    if interface is not None:
        return interface.index
    if zone.isascii() and zone.isdigit():
        return int(zone)
    raise gaierror(EAI_NONAME, _NOT_KNOWN)


def _table(system: System, name: str) -> tuple[bytes, ...]:
    folded = name.rstrip(".").lower()
    if folded == "localhost" or folded.endswith(".localhost"):
        return (_LOOPBACK6, _LOOPBACK4)
    found = system.hosts.addresses(name) or system.world.names.addresses(name)
    if not found and folded == system.name.lower():
        return (_LOOPBACK4,)
    return found


def _numeric(text: str, family: int) -> bytes | None:
    """The address that `text` writes in numbers, the old short forms of IPv4 included."""
    if family in (AF_UNSPEC, AF_INET6):
        try:
            return inet_pton(AF_INET6, text.partition("%")[0])
        except (OSError, ValueError):
            pass
    try:
        return socket.inet_aton(text) if text[:1].isdigit() else None
    except OSError:
        return None


def addresses(system: System, name: str, family: int) -> list[bytes]:
    """The addresses of a name or of an address in numbers, best first; gaierror for a wrong family."""
    numeric = _numeric(name, family)
    if numeric is not None:
        if family == AF_INET6 and len(numeric) == 4:
            raise gaierror(_EAI_ADDRFAMILY, "Address family for hostname not supported")
        return [numeric]
    if family == AF_INET and _numeric(name, AF_INET6) is not None:
        raise gaierror(_EAI_ADDRFAMILY, "Address family for hostname not supported")
    size = {AF_INET: 4, AF_INET6: 16}.get(AddressFamily(family)) if family else None
    found = [each for each in _table(system, name) if size in (None, len(each))]
    return sorted(found, key=lambda address: _rank(system, address))


def _rank(system: System, address: bytes) -> tuple[bool, bool, int]:
    """RFC 6724 section 6 in short: reachable, then matching scopes, then precedence; equals stay in order."""
    try:
        source = system.internet.source_for(address)
    except OSError:
        return True, True, 0
    precedence = 35 if len(address) == 4 else 50 if address == _LOOPBACK6 else 40
    if len(address) == 16 and address[0] & 0xFE == 0xFC:
        precedence = 3
    return False, _is_local(source) != _is_local(address), -precedence


def _is_local(address: bytes) -> bool:
    if len(address) == 4:
        return address[0] == 127 or address[:2] == b"\xa9\xfe"
    return address == _LOOPBACK6 or (address[0] == 0xFE and address[1] & 0xC0 == 0x80)


class Resolver:
    """Replacements for the name functions of `socket`."""

    def __init__(self) -> None:
        self._getaddrinfo = socket.getaddrinfo
        self._getnameinfo = socket.getnameinfo
        self._gethostbyname = socket.gethostbyname
        self._gethostbyname_ex = socket.gethostbyname_ex
        self._gethostbyaddr = socket.gethostbyaddr
        self._gethostname = socket.gethostname
        self._if_nameindex = socket.if_nameindex
        self._if_nametoindex = socket.if_nametoindex
        self._if_indextoname = socket.if_indextoname

    def gethostname(self) -> str:
        """As `socket.gethostname`."""
        system = here()
        return self._gethostname() if system is None else system.name

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[_AddressInfo]:
        """As `socket.getaddrinfo`."""
        system = here()
        if system is None:
            return self._getaddrinfo(host, port, family, type, proto, flags)  # type: ignore[return-value]
        host, port = _text(host, "getaddrinfo() argument 1 must be string or None"), _text_or_number(port)
        if host is None and port is None:
            raise gaierror(EAI_NONAME, _NOT_KNOWN)
        if family not in (AF_UNSPEC, AF_INET, AF_INET6):
            raise gaierror(socket.EAI_FAMILY, "ai_family not supported")
        if flags & socket.AI_CANONNAME and host is None:
            raise gaierror(socket.EAI_BADFLAGS, "Bad value for ai_flags")
        kinds = [
            (kind, number)
            for kind, number in _KINDS
            if type in (0, kind) and (proto in (0, number) or kind is SocketKind.SOCK_RAW)
        ]
        if type and not any(type == kind for kind, _ in _KINDS):
            raise gaierror(socket.EAI_SOCKTYPE, "ai_socktype not supported")
        services = _services(port, kinds, proto, flags)
        found = _hosts(system, host, family, flags)
        canonical = (host or "") if flags & socket.AI_CANONNAME else ""
        scope = zone_index(system, host.partition("%")[2]) if host and "%" in host else 0
        infos: list[_AddressInfo] = []
        for address in found:
            for kind, protocol, number in services:
                name, canonical_now = address, canonical if not infos else ""
                if len(name) == 4:
                    where: tuple[Any, ...] = (inet_ntop(AF_INET, name), number)
                    infos.append((AddressFamily.AF_INET, kind, protocol, canonical_now, where))
                else:
                    where = (inet_ntop(AF_INET6, name), number, 0, scope)
                    infos.append((AddressFamily.AF_INET6, kind, protocol, canonical_now, where))
        return infos

    def getnameinfo(self, sockaddr: Any, flags: int, /) -> tuple[str, str]:
        """As `socket.getnameinfo`."""
        system = here()
        if system is None:
            return self._getnameinfo(sockaddr, flags)
        if not isinstance(sockaddr, tuple) or len(sockaddr) < 2:
            raise TypeError("getnameinfo() argument 1 must be a tuple")
        host, port = sockaddr[0], sockaddr[1]
        address = _numeric(host, AF_UNSPEC) if isinstance(host, str) else None
        if address is None:
            raise gaierror(EAI_NONAME, _NOT_KNOWN)
        names = () if flags & socket.NI_NUMERICHOST else _names(system, address)
        if not names and flags & socket.NI_NAMEREQD:
            raise gaierror(EAI_NONAME, _NOT_KNOWN)
        service = str(port)
        if not flags & socket.NI_NUMERICSERV:
            service = _service_name(port, "udp" if flags & socket.NI_DGRAM else "tcp")
        return (names[0] if names else host), service

    def gethostbyname(self, hostname: Any, /) -> str:
        """As `socket.gethostbyname`."""
        system = here()
        if system is None:
            return self._gethostbyname(hostname)
        host = _text(hostname, "gethostbyname() argument 1 must be str, bytes or bytearray")
        if not host:
            return "0.0.0.0"
        if host == "<broadcast>":
            return "255.255.255.255"
        return inet_ntop(AF_INET, _first4(system, host))

    def gethostbyname_ex(self, hostname: Any, /) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        system = here()
        if system is None:
            return self._gethostbyname_ex(hostname)
        host = _text(hostname, "gethostbyname_ex() argument 1 must be str, bytes or bytearray") or ""
        _first4(system, host)
        found = [inet_ntop(AF_INET, each) for each in addresses(system, host, AF_INET)]
        return host, [], found

    def gethostbyaddr(self, ip_address: Any, /) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`."""
        system = here()
        if system is None:
            return self._gethostbyaddr(ip_address)
        host = _text(ip_address, "gethostbyaddr() argument 1 must be str, bytes or bytearray") or ""
        found = addresses(system, host, AF_UNSPEC)
        if not found:
            raise gaierror(EAI_NONAME, _NOT_KNOWN)
        address = found[0]
        names = _names(system, address)
        if not names:
            raise socket.herror(_H_ERRNO_HOST_NOT_FOUND, "Unknown host")
        family = AF_INET if len(address) == 4 else AF_INET6
        return names[0], list(names[1:]), [inet_ntop(family, address)]

    def if_nameindex(self) -> list[tuple[int, str]]:
        """As `socket.if_nameindex`."""
        system = here()
        if system is None:
            return self._if_nameindex()
        return [(each.index, each.name) for each in system.internet.interfaces.values()]

    def if_nametoindex(self, name: str, /) -> int:
        """As `socket.if_nametoindex`."""
        system = here()
        if system is None:
            return self._if_nametoindex(name)
        interface = system.internet.interfaces.get(name)
        if interface is None:
            raise OSError("no interface with this name")
        return interface.index

    def if_indextoname(self, index: int, /) -> str:
        """As `socket.if_indextoname`."""
        system = here()
        if system is None:
            return self._if_indextoname(index)
        for interface in system.internet.interfaces.values():
            if interface.index == index:
                return interface.name
        raise OSError(6, "No such device or address")


def _text(value: Any, complaint: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("ascii")
    raise TypeError(complaint)


def _text_or_number(port: Any) -> str | int | None:
    if port is None or isinstance(port, int):
        return port
    if isinstance(port, str):
        return port
    if isinstance(port, bytes | bytearray):
        return bytes(port).decode("ascii")
    raise OSError("Int or String expected")


def _services(
    port: str | int | None, kinds: list[tuple[SocketKind, int]], proto: int, flags: int
) -> list[tuple[SocketKind, int, int]]:
    services = []
    for kind, protocol in kinds:
        if port is None or port == "":
            number = 0
        elif isinstance(port, int):
            number = port & 0xFFFF
        elif port.isascii() and port.isdigit():
            number = int(port)
        elif flags & socket.AI_NUMERICSERV:
            raise gaierror(EAI_NONAME, _NOT_KNOWN)
        else:
            if kind is SocketKind.SOCK_RAW:
                continue
            known = _service(port, "tcp" if kind is SocketKind.SOCK_STREAM else "udp")
            if known is None:
                continue
            number = known
        services.append((kind, protocol or proto, number))
    if not services:
        raise gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")
    return services


def _service(name: str, protocol: str) -> int | None:
    port, protocols = _SERVICES.get(name, (0, ""))
    if protocol in protocols:
        return port
    try:
        return socket.getservbyname(name, protocol)
    except OSError:
        return None


def _service_name(port: int, protocol: str) -> str:
    for name, (number, protocols) in _SERVICES.items():
        if number == port and protocol in protocols:
            return name
    try:
        return socket.getservbyport(port, protocol)
    except OSError:
        return str(port)


def _hosts(system: System, host: str | None, family: int, flags: int) -> list[bytes]:
    if host is None:
        passive = flags & socket.AI_PASSIVE
        both = [bytes(16) if passive else _LOOPBACK6, bytes(4) if passive else _LOOPBACK4]
        if passive and family == AF_UNSPEC:
            both.reverse()  # as glibc has it
        size = {AF_INET: 4, AF_INET6: 16}.get(AddressFamily(family))
        return [each for each in both if size in (None, len(each))]
    if flags & socket.AI_NUMERICHOST and _numeric(host, AF_UNSPEC) is None:
        raise gaierror(EAI_NONAME, _NOT_KNOWN)
    if family == AF_INET6 and flags & socket.AI_V4MAPPED:
        found = addresses(system, host, AF_UNSPEC)
        six = [each for each in found if len(each) == 16]
        mapped = [_MAPPED + each for each in found if len(each) == 4]
        found = six + mapped if flags & socket.AI_ALL else six or mapped
    else:
        found = addresses(system, host, family)
    if not found:
        if family and _table(system, host):
            raise gaierror(socket.EAI_NODATA, "No address associated with hostname")
        raise gaierror(EAI_NONAME, _NOT_KNOWN)
    return found


def _names(system: System, address: bytes) -> tuple[str, ...]:
    if address in (_LOOPBACK4, _LOOPBACK6):
        return ("localhost",)
    return system.hosts.names(address) or system.world.names.names(address)


def _first4(system: System, host: str) -> bytes:
    found = addresses(system, host, AF_INET)
    if not found:
        raise gaierror(EAI_NONAME, _NOT_KNOWN)
    return found[0]
