"""Socket options: which there are, what they start with, and what Linux makes of the values given."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from socket import IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET
from struct import Struct
from typing import Final

__all__ = ["Key", "Options"]

Key = tuple[int, int]

_INT: Final = Struct("i")
_LINGER: Final = Struct("ii")
_BUFFER_MAX: Final = 212992  # Linux's net.core.rmem_max and wmem_max
_SEND_MIN: Final = 4608
_RECEIVE_MIN: Final = 2304
_MAX_KEEP: Final = 32767


def _invalid() -> OSError:
    return OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def _flag(value: int) -> int:
    return int(bool(value))


def _within(low: int, high: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise _invalid()
        return value

    return check


def _hops(default: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if value == -1:
            return default
        if not 0 <= value <= 255:
            raise _invalid()
        return value

    return check


def _ttl(value: int) -> int:
    if value != -1 and not 1 <= value <= 255:
        raise _invalid()
    return 64 if value == -1 else value


def _buffer(least: int) -> Callable[[int], int]:
    def double(value: int) -> int:
        return max(min(value, _BUFFER_MAX) * 2, least)

    return double


def _byte(value: int) -> int:
    return value & 0xFF


_ANY: dict[Key, tuple[int, Callable[[int], int]]] = {
    (SOL_SOCKET, socket.SO_REUSEADDR): (0, _flag),
    (SOL_SOCKET, socket.SO_REUSEPORT): (0, _flag),
    (SOL_SOCKET, socket.SO_KEEPALIVE): (0, _flag),
    (SOL_SOCKET, socket.SO_BROADCAST): (0, _flag),
    (SOL_SOCKET, socket.SO_DONTROUTE): (0, _flag),
    (SOL_SOCKET, socket.SO_OOBINLINE): (0, _flag),
    (SOL_SOCKET, socket.SO_SNDBUF): (_BUFFER_MAX, _buffer(_SEND_MIN)),
    (SOL_SOCKET, socket.SO_RCVBUF): (_BUFFER_MAX, _buffer(_RECEIVE_MIN)),
}
_INET: dict[Key, tuple[int, Callable[[int], int]]] = {
    (IPPROTO_IP, socket.IP_TOS): (0, _byte),
    (IPPROTO_IP, socket.IP_TTL): (64, _ttl),
    (IPPROTO_IP, socket.IP_MULTICAST_TTL): (1, _hops(1)),
    (IPPROTO_IP, socket.IP_MULTICAST_LOOP): (1, _flag),
}
_INET6: dict[Key, tuple[int, Callable[[int], int]]] = {
    (IPPROTO_IPV6, socket.IPV6_V6ONLY): (0, _flag),
    (IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS): (64, _hops(64)),
    (IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS): (1, _hops(1)),
    (IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP): (1, _flag),
    (IPPROTO_IPV6, socket.IPV6_MULTICAST_IF): (0, _within(0, 1 << 30)),
    (IPPROTO_IPV6, socket.IPV6_TCLASS): (0, _hops(0)),
}
_TCP: dict[Key, tuple[int, Callable[[int], int]]] = {
    (IPPROTO_TCP, socket.TCP_NODELAY): (0, _flag),
    (IPPROTO_TCP, socket.TCP_MAXSEG): (536, _within(88, 32767)),
    (IPPROTO_TCP, socket.TCP_KEEPIDLE): (7200, _within(1, _MAX_KEEP)),
    (IPPROTO_TCP, socket.TCP_KEEPINTVL): (75, _within(1, _MAX_KEEP)),
    (IPPROTO_TCP, socket.TCP_KEEPCNT): (9, _within(1, 127)),
    (IPPROTO_TCP, socket.TCP_USER_TIMEOUT): (0, _within(0, (1 << 31) - 1)),
}


class Options:
    """The options of one socket. `chosen` are those that the program set."""

    __slots__ = ("_known", "chosen", "linger")

    def __init__(self, kind: str) -> None:
        self._known = _KNOWN[kind]
        self.chosen: dict[Key, int] = {}
        self.linger: tuple[int, int] = (0, 0)

    def inherit(self, other: Options) -> None:
        """Take over what a listening socket was set to, as an accepted one does."""
        self.chosen = dict(other.chosen)
        self.linger = other.linger

    def __getitem__(self, key: Key) -> int:
        chosen = self.chosen.get(key)
        return self._known[key][0] if chosen is None else chosen

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def get(self, key: Key) -> int | bytes:
        """The value that `getsockopt` gives; OSError(ENOPROTOOPT) for an option that is not there."""
        if key == (SOL_SOCKET, socket.SO_LINGER):
            return _LINGER.pack(*self.linger)
        if key not in self._known:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        return self[key]

    def set(self, key: Key, value: int | bytes) -> int:
        """Take what `setsockopt` is given; returns the value it now has. OSError: ENOPROTOOPT, EINVAL."""
        if key == (SOL_SOCKET, socket.SO_LINGER):
            if not isinstance(value, bytes) or len(value) < _LINGER.size:
                raise _invalid()
            self.linger = _LINGER.unpack_from(value)
            return self.linger[0]
        known = self._known.get(key)
        if known is None:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        if isinstance(value, bytes):
            if len(value) < _INT.size:
                if len(value) != 1 or key[0] != IPPROTO_IP:
                    raise _invalid()
                value = value[0]
            else:
                value = int(_INT.unpack_from(value)[0])
        number = self.chosen[key] = known[1](value)
        return number


_KNOWN = {
    "tcp4": _ANY | _INET | _TCP,
    "tcp6": _ANY | _INET | _INET6 | _TCP,
    "udp4": _ANY | _INET,
    "udp6": _ANY | _INET | _INET6,
    "pair": _ANY,
}
