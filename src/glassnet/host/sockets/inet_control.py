"""Control data of Internet sockets: what comes with a datagram, what may go with one, and errors.

The layouts are those of ip(7) and ipv6(7): `struct in_pktinfo`, `struct in6_pktinfo` (RFC 3542
section 6), `struct sock_extended_err`.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from socket import AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.addresses import MAPPED, interface_by_index, is_multicast
from glassnet.transport.errors import LOCAL

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.sockets.ancillary import Control
    from glassnet.host.sockets.options import Options
    from glassnet.host.system import System
    from glassnet.transport.errors import PacketError
    from glassnet.transport.raw import Packet
    from glassnet.transport.udp import Datagram

__all__ = ["Outgoing", "error_control", "incoming", "outgoing"]

_INT = Struct("i")
_PAIR = Struct("qq")
_pktinfo4 = Struct("i4s4s")
_pktinfo6 = Struct("16si")
_extended_error = Struct("IBBBBII")
_sockaddr_in = Struct("H2x4s8x")
_sockaddr_in6 = Struct("H2x4x16sI")
_NS = 10**9


class Outgoing(NamedTuple):
    """What the control data of one message ask for; None leaves it to the socket."""

    source: bytes | None = None
    interface: Interface | None = None
    ttl: int | None = None
    tos: int | None = None


def _invalid() -> OSError:
    return OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def outgoing(system: System, v6: bool, control: Sequence[Control]) -> Outgoing:
    """What `control` asks for. OSError: EINVAL for what makes no sense, ENODEV for an unknown interface."""
    source: bytes | None = None
    interface: Interface | None = None
    ttl = tos = None
    for level, kind, data in control:
        if level == SOL_SOCKET:
            if kind in (socket.SCM_RIGHTS, socket.SCM_CREDENTIALS):
                continue  # for sockets between programs of one machine
            if kind == socket.SO_MARK:
                _int_of(data)
                continue
            raise _invalid()
        if level == IPPROTO_IP and not v6:
            if kind == names.IP_PKTINFO:
                if len(data) != _pktinfo4.size:
                    raise _invalid()
                number, source, _ = _pktinfo4.unpack(data)
                interface = interface_by_index(system, number) if number else None
            elif kind == socket.IP_TTL:
                ttl = _int_of(data)
                if not 1 <= ttl <= 255:
                    raise _invalid()
            elif kind == socket.IP_TOS:
                tos = data[0] if len(data) == 1 else _int_of(data)
                if not 0 <= tos <= 255:
                    raise _invalid()
            else:
                raise _invalid()
        elif level == IPPROTO_IPV6 and v6:
            if kind == socket.IPV6_PKTINFO:
                if len(data) < _pktinfo6.size:
                    raise _invalid()
                source, number = _pktinfo6.unpack_from(data)
                interface = interface_by_index(system, number) if number else None
            elif kind == socket.IPV6_HOPLIMIT:
                ttl = _int_of(data)
                if not -1 <= ttl <= 255:
                    raise _invalid()
                ttl = None if ttl == -1 else ttl
            elif kind == socket.IPV6_TCLASS:
                tos = _int_of(data)
                if not -1 <= tos <= 255:
                    raise _invalid()
                tos = None if tos == -1 else tos
            elif kind == socket.IPV6_DONTFRAG:
                _int_of(data)
            else:
                raise _invalid()
    if source is not None:
        if not any(source):
            source = None
        elif v6 and source.startswith(MAPPED):
            source = source[12:]
        if source is not None and not system.internet.is_local(source):
            code = errno.EINVAL if v6 else errno.ENETUNREACH
            raise OSError(code, os.strerror(code))
    return Outgoing(source, interface, ttl, tos)


def _int_of(data: bytes) -> int:
    if len(data) != _INT.size:
        raise _invalid()
    return int(_INT.unpack(data)[0])


def incoming(
    system: System, v6: bool, options: Options, came: Datagram | Packet, dropped: int
) -> list[Control]:
    """What the socket's options ask for of a datagram, in Linux's order."""
    chosen = options.chosen
    found: list[Control] = []
    when = system.clock.time() - (system.engine.now - came.time)
    if chosen.get((SOL_SOCKET, names.SO_TIMESTAMP)):
        found.append((SOL_SOCKET, names.SO_TIMESTAMP, _PAIR.pack(when // _NS, when % _NS // 1000)))
    elif chosen.get((SOL_SOCKET, names.SO_TIMESTAMPNS)):
        found.append((SOL_SOCKET, names.SO_TIMESTAMPNS, _PAIR.pack(when // _NS, when % _NS)))
    if dropped and chosen.get((SOL_SOCKET, names.SO_RXQ_OVFL)):
        found.append((SOL_SOCKET, names.SO_RXQ_OVFL, _INT.pack(dropped)))
    four = len(came.destination) == 4
    if v6:
        _incoming6(options, came, found)
    if four:
        if chosen.get((IPPROTO_IP, names.IP_PKTINFO)):
            here = _address_here(system, came.destination, came.interface)
            info = _pktinfo4.pack(came.interface.index, here, came.destination)
            found.append((IPPROTO_IP, names.IP_PKTINFO, info))
        if chosen.get((IPPROTO_IP, names.IP_RECVTTL)):
            found.append((IPPROTO_IP, socket.IP_TTL, _INT.pack(came.head[8])))
        if chosen.get((IPPROTO_IP, socket.IP_RECVTOS)):
            found.append((IPPROTO_IP, socket.IP_TOS, came.head[1:2]))
    return found


def _incoming6(options: Options, came: Datagram | Packet, found: list[Control]) -> None:
    chosen = options.chosen
    four = len(came.destination) == 4
    if chosen.get((IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)):
        address = MAPPED + came.destination if four else came.destination
        info = _pktinfo6.pack(address, came.interface.index)
        found.append((IPPROTO_IPV6, socket.IPV6_PKTINFO, info))
    if four:
        return
    if chosen.get((IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT)):
        found.append((IPPROTO_IPV6, socket.IPV6_HOPLIMIT, _INT.pack(came.head[7])))
    if chosen.get((IPPROTO_IPV6, socket.IPV6_RECVTCLASS)):
        traffic_class = int.from_bytes(came.head[:2], "big") >> 4 & 0xFF
        found.append((IPPROTO_IPV6, socket.IPV6_TCLASS, _INT.pack(traffic_class)))


def _address_here(system: System, destination: bytes, interface: Interface) -> bytes:
    """The local address that a packet came to: for a group, the interface's own."""
    if not is_multicast(destination) and not system.internet.is_broadcast(destination):
        return destination
    for held in system.internet.addresses():
        if held.interface is interface and len(held.address) == 4:
            return held.address
    return bytes(4)


def error_control(error: PacketError) -> Control:
    """An entry of the error queue as control data: `struct sock_extended_err` and the offender's address."""
    head = _extended_error.pack(error.errno, error.origin, error.type, error.code, 0, error.info, 0)
    four = len(error.destination[0]) == 4
    if error.origin == LOCAL:
        offender = bytes(_sockaddr_in.size if four else _sockaddr_in6.size)
    elif four:
        offender = _sockaddr_in.pack(AF_INET, error.offender)
    else:
        offender = _sockaddr_in6.pack(AF_INET6, error.offender, 0)
    if four:
        return IPPROTO_IP, names.IP_RECVERR, head + offender
    return IPPROTO_IPV6, names.IPV6_RECVERR, head + offender
