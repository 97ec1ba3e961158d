"""Addresses that programs write in numbers, and zones of link-local ones."""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6, gaierror, inet_ntop, inet_pton
from typing import TYPE_CHECKING

from glassnet.network.addresses import is_link_local, is_multicast

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["EAI_NONAME", "packed4", "packed6", "scope_of", "show", "unknown", "zone_index"]

EAI_NONAME = int(socket.EAI_NONAME)


def unknown() -> gaierror:
    """What is raised for a name that does not exist."""
    return gaierror(EAI_NONAME, "Name or service not known")


def packed4(text: str) -> bytes | None:
    """The IPv4 address that `text` is, the short forms of inet_aton(3) included; None if it is none."""
    # inet_aton itself stops at a space.
    if not text[:1].isdigit() or any(character.isspace() for character in text):
        return None
    try:
        return socket.inet_aton(text)
    except OSError:
        return None


def packed6(text: str) -> bytes | None:
    """The IPv6 address that `text` is, its zone left out; None if it is none."""
    try:
        return inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None


def show(address: bytes) -> str:
    """An address as text."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def _is_of_a_link(address: bytes) -> bool:
    return is_link_local(address) or (is_multicast(address) and address[1] & 0x0F in (1, 2))


def scope_of(system: System, text: str, address: bytes) -> int:
    """The number of the zone that an address in numbers names after `%`; gaierror if there is none such.

    Only addresses of one link take the name of an interface, the others numbers alone.
    """
    _, percent, zone = text.partition("%")
    if not percent:
        return 0
    if _is_of_a_link(address):
        return zone_index(system, zone)
    return _number(zone)


def zone_index(system: System, zone: str) -> int:
    """The number of the interface that a zone names (RFC 4007 section 11); gaierror if there is none."""
    interface = system.internet.interfaces.get(zone)
    return _number(zone) if interface is None else interface.index


def _number(zone: str) -> int:
    if zone.isascii() and zone.isdigit() and int(zone) <= 0xFFFFFFFF:
        return int(zone)
    raise unknown()
