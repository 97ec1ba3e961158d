"""The name functions of `socket` on a host: arguments as CPython takes them, answers as glibc gives them."""

from __future__ import annotations

import socket
from operator import index
from socket import AF_INET, AF_UNSPEC, gaierror, herror
from typing import TYPE_CHECKING, Any

from glassnet.host.current import here
from glassnet.host.names import lookup
from glassnet.host.names.getaddrinfo import AddressInfo, address_infos, addresses
from glassnet.host.names.numeric import EAI_NONAME, packed4, packed6, show, unknown, zone_index
from glassnet.host.names.services import port_of, protocol_of, service_of

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["EAI_NONAME", "Resolver", "addresses", "zone_index"]

_H_TRY_AGAIN = 2
_NI_IDN = 32 | 64 | 128 | 256
_KNOWN_NI_FLAGS = (
    socket.NI_NUMERICHOST
    | socket.NI_NUMERICSERV
    | socket.NI_NOFQDN
    | socket.NI_NAMEREQD
    | socket.NI_DGRAM
    | _NI_IDN
)
_BROADCAST = b"\xff\xff\xff\xff"


class Resolver:
    """Replacements for the name functions of `socket`."""

    def __init__(self) -> None:
        self._getaddrinfo = socket.getaddrinfo
        self._getnameinfo = socket.getnameinfo
        self._gethostbyname = socket.gethostbyname
        self._gethostbyname_ex = socket.gethostbyname_ex
        self._gethostbyaddr = socket.gethostbyaddr
        self._gethostname = socket.gethostname
        self._getservbyname = socket.getservbyname
        self._getservbyport = socket.getservbyport
        self._getprotobyname = socket.getprotobyname
        self._if_nameindex = socket.if_nameindex
        self._if_nametoindex = socket.if_nametoindex
        self._if_indextoname = socket.if_indextoname

    def gethostname(self) -> str:
        """As `socket.gethostname`."""
        system = here()
        return self._gethostname() if system is None else system.name

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[AddressInfo]:
        """As `socket.getaddrinfo`."""
        system = here()
        if system is None:
            return self._getaddrinfo(host, port, family, type, proto, flags)  # type: ignore[return-value]
        if isinstance(host, str):
            # The C library sees it up to its first null character.
            host = host.encode("idna").partition(b"\0")[0].decode("ascii")
        elif isinstance(host, bytes):
            host = host.partition(b"\0")[0].decode("latin-1")
        elif host is not None:
            raise TypeError("getaddrinfo() argument 1 must be string or None")
        return address_infos(system, host, _service(port), family, type, proto, flags)

    def getnameinfo(self, sockaddr: Any, flags: int, /) -> tuple[str, str]:
        """As `socket.getnameinfo`."""
        system = here()
        if system is None:
            return self._getnameinfo(sockaddr, flags)
        if not isinstance(sockaddr, tuple):
            raise TypeError("getnameinfo() argument 1 must be a tuple")
        if not 2 <= len(sockaddr) <= 4 or not isinstance(sockaddr[0], str):
            raise TypeError("getnameinfo(): illegal sockaddr argument")
        host, port, flow, scope = (*sockaddr, 0, 0)[:4]
        if not isinstance(port, int):
            raise TypeError(f"{type(port).__name__!r} object cannot be interpreted as an integer")
        if not 0 <= flow <= 0xFFFFF:
            raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
        [info] = address_infos(system, host, str(port), 0, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
        if info[0] == AF_INET:
            if len(sockaddr) != 2:
                raise OSError("IPv4 sockaddr must be 2 tuple")
            address = packed4(info[4][0])
        else:
            address = packed6(info[4][0])
        assert address is not None
        if flags & ~_KNOWN_NI_FLAGS:
            raise gaierror(socket.EAI_BADFLAGS, "Bad value for ai_flags")
        return _host_name(system, address, scope, flags), _service_name(info[4][1], flags)

    def gethostbyname(self, hostname: Any, /) -> str:
        """As `socket.gethostbyname`."""
        system = here()
        if system is None:
            return self._gethostbyname(hostname)
        return show(_first(system, _name(hostname, "gethostbyname"), AF_INET))

    def gethostbyname_ex(self, hostname: Any, /) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        system = here()
        if system is None:
            return self._gethostbyname_ex(hostname)
        host = _name(hostname, "gethostbyname_ex")
        _first(system, host, AF_INET)
        if not host or host == "<broadcast>":
            # No name can be looked up: the DNS cannot even be asked.
            raise (
                herror(3, "Unknown server error") if system.resolv.nameservers else herror(1, "Unknown host")
            )
        numeric = packed4(host)
        if numeric is not None:
            return host, [], [show(numeric)]
        # CPython looks once to see whether there is such a name, and then again.
        entry = lookup.find(system, host, (4,))
        return entry.name, list(entry.aliases), [show(each) for each in entry.addresses]

    def gethostbyaddr(self, ip_address: Any, /) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`."""
        system = here()
        if system is None:
            return self._gethostbyaddr(ip_address)
        address = _first(system, _name(ip_address, "gethostbyaddr"), AF_UNSPEC)
        entry = lookup.find_names(system, address)
        return entry.name, list(entry.aliases), [show(address)]

    def getservbyname(self, servicename: str, protocolname: str | None = None, /) -> int:
        """As `socket.getservbyname`, from a table that is the same on every machine."""
        if here() is None:
            return self._getservbyname(*_given(servicename, protocolname))
        _must_be_str("getservbyname", servicename)
        port = port_of(servicename, protocolname)
        if port is None:
            raise OSError("service/proto not found")
        return port

    def getservbyport(self, port: int, protocolname: str | None = None, /) -> str:
        """As `socket.getservbyport`, from a table that is the same on every machine."""
        if here() is None:
            return self._getservbyport(*_given(port, protocolname))
        if not 0 <= index(port) <= 0xFFFF:
            raise OverflowError("getservbyport: port must be 0-65535.")
        name = service_of(port, protocolname)
        if name is None:
            raise OSError("port/proto not found")
        return name

    def getprotobyname(self, name: str, /) -> int:
        """As `socket.getprotobyname`, from a table that is the same on every machine."""
        if here() is None:
            return self._getprotobyname(name)
        _must_be_str("getprotobyname", name)
        number = protocol_of(name)
        if number is None:
            raise OSError("protocol not found")
        return number

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


def _given(first: Any, protocol: str | None) -> tuple[Any, ...]:
    return (first,) if protocol is None else (first, protocol)


def _must_be_str(function: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{function}() argument 1 must be str, not {type(value).__name__}")


def _name(value: Any, function: str) -> str:
    """A host name as CPython's `et` takes it."""
    if isinstance(value, str):
        encoded = value.encode("idna")
    elif isinstance(value, bytes | bytearray):
        encoded = bytes(value)
    else:
        raise TypeError(
            f"{function}() argument 1 must be str, bytes or bytearray, not "
            + ("None" if value is None else type(value).__name__)
        )
    if b"\0" in encoded:
        kind = type(value).__name__
        raise TypeError(f"{function}() argument 1 must be encoded string without null bytes, not {kind}")
    return encoded.decode("latin-1")


def _service(port: Any) -> str | None:
    """A service as CPython hands it to the C library."""
    # Not bool: CPython asks for the very type.
    if type(port) is int:
        if not -(1 << 63) <= port < 1 << 63:
            raise OverflowError("Python int too large to convert to C long")
        return str(port)
    if port is None or isinstance(port, str):
        return port
    if isinstance(port, bytes):
        return port.decode("latin-1")
    raise OSError("Int or String expected")


def _first(system: System, host: str, family: int) -> bytes:
    """The one address that CPython's functions of the older kind go by."""
    if not host:
        if family == AF_UNSPEC:
            raise OSError("wildcard resolved to multiple address")
        return bytes(4)
    if host in ("<broadcast>", "255.255.255.255"):
        return _BROADCAST
    return addresses(system, host, family)[0]


def _host_name(system: System, address: bytes, scope: int, flags: int) -> str:
    if not flags & socket.NI_NUMERICHOST:
        try:
            name = lookup.find_names(system, address).name
        except herror as error:
            if error.errno == _H_TRY_AGAIN:
                raise gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution") from None
        else:
            domain = system.name.partition(".")[2]
            if flags & socket.NI_NOFQDN and domain:
                name = name.removesuffix(f".{domain}")
            return name
    if flags & socket.NI_NAMEREQD:
        raise unknown()
    if len(address) == 4 or not scope:
        return show(address)
    return f"{show(address)}%{_zone(system, address, scope)}"


def _zone(system: System, address: bytes, scope: int) -> str:
    link_only = address[:1] == b"\xfe" and address[1] & 0xC0 == 0x80
    if link_only or (address[0] == 0xFF and address[1] & 0x0F in (1, 2)):
        for interface in system.internet.interfaces.values():
            if interface.index == scope:
                return interface.name
    return str(scope)


def _service_name(port: int, flags: int) -> str:
    if flags & socket.NI_NUMERICSERV:
        return str(port)
    return service_of(port, "udp" if flags & socket.NI_DGRAM else "tcp") or str(port)
