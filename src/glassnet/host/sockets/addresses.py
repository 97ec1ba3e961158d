"""Socket addresses: the tuples of Python programs, and the bytes of the stack.

Inside, an address is 4 or 16 bytes. An IPv6 socket reaches IPv4 by mapped addresses
(`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2), which become 4 bytes here.
"""

from __future__ import annotations

import errno
import os
from operator import index
from socket import AF_INET, AF_INET6, gaierror, inet_ntop, inet_pton
from typing import TYPE_CHECKING, Any

from glassnet.host.names import resolver

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.system import System

__all__ = ["ANY4", "ANY6", "MAPPED", "is_link_local", "is_multicast", "parse", "show"]

ANY4 = bytes(4)
ANY6 = bytes(16)
MAPPED = bytes(10) + b"\xff\xff"
_BROADCAST = b"\xff\xff\xff\xff"


def is_multicast(address: bytes) -> bool:
    """Whether this is a group's address."""
    return address[0] == 0xFF if len(address) == 16 else address[0] & 0xF0 == 0xE0


def is_link_local(address: bytes) -> bool:
    """Whether this is an IPv6 address of one link only, which needs an interface to mean something."""
    if len(address) == 4:
        return False
    if address[0] == 0xFF:
        return address[1] & 0x0F in (1, 2)
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def interface_by_index(system: System, index: int) -> Interface:
    """The interface with this number; OSError(ENODEV) if there is none."""
    for interface in system.internet.interfaces.values():
        if interface.index == index:
            return interface
    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def parse(system: System, v6: bool, address: Any, caller: str) -> tuple[bytes, int, Interface | None]:
    """Address, port and interface of a tuple as programs give it to the method `caller`.

    Raises what CPython raises: TypeError and OverflowError for what is no address,
    gaierror for a name that is not known.
    """
    family = "AF_INET6" if v6 else "AF_INET"
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): {family} address must be tuple, not {type(address).__name__}")
    if not v6:
        if len(address) != 2:
            raise TypeError("AF_INET address must be a pair (host, port)")
        return _host(system, address[0], AF_INET), _port(address[1], caller), None
    if not 2 <= len(address) <= 4:
        raise TypeError("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])")
    port = _port(address[1], caller)
    if len(address) > 2 and not 0 <= address[2] <= 0xFFFFF:
        raise OverflowError(f"{caller}(): flowinfo must be 0-1048575.")
    scope = address[3] if len(address) > 3 else 0
    host = address[0]
    if isinstance(host, str) and "%" in host:
        host, _, zone = host.partition("%")
        scope = scope or resolver.zone_index(system, zone)
    packed = _host(system, host, AF_INET6)
    if packed.startswith(MAPPED):
        return packed[12:], port, None
    interface = interface_by_index(system, scope) if scope and is_link_local(packed) else None
    return packed, port, interface


def _port(given: Any, caller: str) -> int:
    port = index(given)
    if not 0 <= port <= 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return port


def _host(system: System, host: Any, family: int) -> bytes:
    if isinstance(host, str):
        text = host
    elif isinstance(host, bytes | bytearray):
        text = bytes(host).decode("ascii")
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if not text:
        return ANY4 if family == AF_INET else ANY6
    if text == "<broadcast>":
        if family != AF_INET:
            raise OSError("address family mismatched")
        return _BROADCAST
    try:
        return inet_pton(family, text)
    except OSError:
        pass
    except ValueError:
        raise TypeError("host name must not contain null character") from None
    found = resolver.addresses(system, text, family)
    if not found:
        raise gaierror(resolver.EAI_NONAME, "Name or service not known")
    return found[0]


def show(v6: bool, address: bytes, port: int, interface: Interface | None = None) -> tuple[Any, ...]:
    """The tuple that programs get for an address."""
    if not v6:
        return inet_ntop(AF_INET, address), port
    if len(address) == 4:
        address = MAPPED + address
    scope = interface.index if interface is not None and is_link_local(address) else 0
    return inet_ntop(AF_INET6, address), port, 0, scope
