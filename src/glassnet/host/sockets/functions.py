"""The functions of `socket` that make or end sockets, on a host."""

from __future__ import annotations

import errno
import os
import socket
from operator import index
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SocketKind,
)
from typing import Any

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.descriptors.files import FIRST_NUMBER, OpenFile
from glassnet.host.sockets.file import SocketFile, failure
from glassnet.host.sockets.raw import RawSocket
from glassnet.host.sockets.tcp import TcpSocket
from glassnet.host.sockets.udp import UdpSocket
from glassnet.host.sockets.unix.connections import UnixPackets, UnixStream
from glassnet.host.sockets.unix.datagrams import UnixDatagrams
from glassnet.host.system import System

__all__ = ["Sockets", "default_timeout", "give_number", "open_file", "seconds_of"]

# How many numbers are given out before the cycle collector looks for sockets that nobody can reach.
_COLLECT_AFTER = 2000


_LAST_KIND = 10
_UNIX: dict[int, type[UnixPackets | UnixStream | UnixDatagrams]] = {
    SOCK_STREAM: UnixStream,
    SOCK_DGRAM: UnixDatagrams,
    socket.SOCK_RAW: UnixDatagrams,  # as Linux has it
    socket.SOCK_SEQPACKET: UnixPackets,
}

_PROTOCOLS = 256


def _unix_class(kind: int, protocol: int) -> type[UnixPackets | UnixStream | UnixDatagrams]:
    if protocol not in (0, AF_UNIX):
        raise failure(errno.EPROTONOSUPPORT)
    if kind not in _UNIX:
        raise failure(errno.ESOCKTNOSUPPORT if 0 <= kind <= _LAST_KIND else errno.EINVAL)
    return _UNIX[kind]


def open_file(system: System, family: int, kind: int, protocol: int) -> SocketFile:
    """A new socket of a host; OSError as socket(2) has it."""
    if family == AF_UNIX:
        made = _unix_class(kind, protocol)
        return made(system, SOCK_DGRAM if kind == socket.SOCK_RAW else SocketKind(kind), protocol)
    if family not in (AF_INET, AF_INET6):
        raise failure(errno.EAFNOSUPPORT)
    six = family == AF_INET6
    if kind == SOCK_STREAM:
        if protocol not in (0, socket.IPPROTO_TCP):
            raise failure(errno.EPROTONOSUPPORT)
        return TcpSocket(system, six, socket.IPPROTO_TCP)
    if kind == SOCK_DGRAM:
        if protocol == (socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP):
            return RawSocket(system, six, protocol, ping=True)
        if protocol not in (0, socket.IPPROTO_UDP):
            raise failure(errno.EPROTONOSUPPORT)
        return UdpSocket(system, six, socket.IPPROTO_UDP)
    if kind == socket.SOCK_RAW:
        if not 0 < protocol < _PROTOCOLS:
            raise failure(errno.EINVAL if not 0 <= protocol < _PROTOCOLS else errno.EPROTONOSUPPORT)
        return RawSocket(system, six, protocol, ping=False)  # a program on a host is root
    raise failure(errno.ESOCKTNOSUPPORT)


def give_number(system: System, file: OpenFile) -> int:
    """A file number for an open file, which is its program's to close."""
    strand = running_or_none()
    if strand is not None and strand.doomed:
        raise SystemExit  # a killed program opens nothing
    world = system.world
    number = world.files.add(file, strand.process if strand is not None else None)
    if world.files.made >= _COLLECT_AFTER:
        world.files.made = 0
        world.engine.at(world.engine.now, world.collect)
    return number


def default_timeout() -> float | None:
    """What the running program set for its new sockets."""
    strand = running_or_none()
    return None if strand is None else strand.process.default_timeout


def seconds_of(value: Any) -> float | None:
    """A timeout as `settimeout` takes it."""
    if value is None:
        return None
    seconds = value if isinstance(value, float) else float(index(value))
    if not 0 <= seconds < 1e10:
        raise ValueError("Timeout value out of range")
    return seconds


class Sockets:
    """Replacements for functions of `socket` that make or end sockets."""

    def __init__(self) -> None:
        self._socketpair = socket.socketpair
        self._fromfd = socket.fromfd
        self._close = socket.close
        self._dup = socket.dup
        self._getdefaulttimeout = socket.getdefaulttimeout
        self._setdefaulttimeout = socket.setdefaulttimeout

    def getdefaulttimeout(self) -> float | None:
        """As `socket.getdefaulttimeout`; each program has its own."""
        return self._getdefaulttimeout() if here() is None else default_timeout()

    def setdefaulttimeout(self, timeout: float | None, /) -> None:
        """As `socket.setdefaulttimeout`; each program has its own."""
        if here() is None:
            self._setdefaulttimeout(timeout)
        else:
            running_strand().process.default_timeout = seconds_of(timeout)

    def socketpair(
        self, family: int | None = None, type: int = SOCK_STREAM, proto: int = 0
    ) -> tuple[socket.socket, socket.socket]:
        """As `socket.socketpair`."""
        system = here()
        if system is None:
            return self._socketpair(family, type, proto)
        if family not in (None, AF_UNIX):
            raise failure(errno.EOPNOTSUPP)
        kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
        a, b = _unix_class(kind, proto).pair(
            system, SOCK_DGRAM if kind == socket.SOCK_RAW else SocketKind(kind), proto
        )
        return (
            socket.socket(AF_UNIX, type, proto, fileno=give_number(system, a)),
            socket.socket(AF_UNIX, type, proto, fileno=give_number(system, b)),
        )

    def fromfd(self, fd: int, family: int, type: int, proto: int = 0) -> socket.socket:
        """As `socket.fromfd`."""
        if here() is None or fd < FIRST_NUMBER:
            return self._fromfd(fd, family, type, proto)
        return socket.socket(family, type, proto, fileno=self.dup(fd))

    def dup(self, fd: int, /) -> int:
        """As `socket.dup`."""
        system = here()
        if system is None or fd < FIRST_NUMBER:
            return self._dup(fd)
        file = system.world.files.get(fd)
        if not isinstance(file, SocketFile):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        return give_number(system, file)

    def close(self, fd: int, /) -> None:
        """As `socket.close`."""
        system = here()
        if system is None or fd < FIRST_NUMBER:
            self._close(fd)
        else:
            system.world.files.close(fd)
