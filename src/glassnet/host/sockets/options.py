"""Socket options: which there are, what they start with, and what Linux makes of the values given.

socket(7), ip(7), ipv6(7), tcp(7), udp(7), raw(7). Options whose value is not a number, or
depends on the state of a connection, are the socket's own business.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from socket import IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, SOL_SOCKET
from struct import Struct
from typing import Final, NamedTuple

from glassnet.host.sockets import option_names as names

__all__ = ["Key", "Options", "deferral", "number_of"]

Key = tuple[int, int]

_INT: Final = Struct("i")
_LINGER: Final = Struct("ii")
_BUFFER_MAX: Final = 212992  # Linux's net.core.rmem_max and wmem_max
_SEND_MIN: Final = 4608
_RECEIVE_MIN: Final = 2304
_MAX_KEEP: Final = 32767
_MAX_INT: Final = (1 << 31) - 1
_LOWAT_MAX_TCP: Final = 1 << 24
_LINGER2_MAX: Final = 120
_MAX_QUEUE: Final = 4096  # Linux's net.core.somaxconn
_LINGER2: Final = 60
_LEAST_CLAMP: Final = 1152
_ECN: Final = 0x03


def _failure(code: int) -> OSError:
    return OSError(code, os.strerror(code))


class _Known(NamedTuple):
    """An option: its value at first, and what becomes of one that is set.

    `least` is the fewest octets that it is taken from. An IP option takes its value
    from the first one when there are fewer than four.
    """

    default: int
    check: Callable[[int], int]
    least: int = 4


def _as_is(value: int) -> int:
    return value


def _flag(value: int) -> int:
    return int(bool(value))


def _readonly(value: int) -> int:
    raise _failure(errno.ENOPROTOOPT)


def _refused(code: int) -> Callable[[int], int]:
    def refuse(value: int) -> int:
        raise _failure(code)

    return refuse


def _within(low: int, high: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise _failure(errno.EINVAL)
        return value

    return check


def _hops(default: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if value == -1:
            return default
        if not 0 <= value <= 255:
            raise _failure(errno.EINVAL)
        return value

    return check


def _ttl(value: int) -> int:
    if value != -1 and not 1 <= value <= 255:
        raise _failure(errno.EINVAL)
    return 64 if value == -1 else value


def _buffer(least: int, most: int = _BUFFER_MAX) -> Callable[[int], int]:
    def double(value: int) -> int:
        # Linux compares without the sign: less than nothing is as much as can be.
        return max((value if 0 <= value <= most else most) * 2, least)

    return double


def _forced(least: int) -> Callable[[int], int]:
    def double(value: int) -> int:
        return max(min(max(value, 0), _MAX_INT // 2) * 2, least)

    return double


def _byte(value: int) -> int:
    return value & 0xFF


def _tos_of_stream(value: int) -> int:
    return value & 0xFF & ~_ECN  # ECN's bits are TCP's own


def _class_of_stream(value: int) -> int:
    return _hops(0)(value) & ~_ECN


def _low_water(most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        return min(_MAX_INT if value < 0 else value or 1, most)

    return check


def _maximum_segment(value: int) -> int:
    return value if value == 0 else _within(88, 32767)(value)


def _linger2(value: int) -> int:
    if value < 0:
        return -1
    return min(value, _LINGER2_MAX) or _LINGER2


def _fast_open_queue(value: int) -> int:
    return min(_within(0, _MAX_INT)(value), _MAX_QUEUE)


def _clamp(value: int) -> int:
    return value and max(value, _LEAST_CLAMP)


def deferral(seconds: int) -> int:
    """TCP_DEFER_ACCEPT as Linux keeps it: seconds rounded up to those of whole SYN-ACK retransmissions."""
    if seconds <= 0:
        return 0
    period = timeout = 1
    for _ in range(254):
        if seconds <= period:
            break
        timeout = min(timeout * 2, 120)
        period += timeout
    return period


def _numbers(level: int, *entries: tuple[int, int, Callable[[int], int]]) -> dict[Key, _Known]:
    return {(level, name): _Known(default, check) for name, default, check in entries}


def _lenient(level: int, *entries: tuple[int, int, Callable[[int], int]], least: int) -> dict[Key, _Known]:
    return {(level, name): _Known(default, check, least) for name, default, check in entries}


_ANY: Final = _numbers(
    SOL_SOCKET,
    (socket.SO_DEBUG, 0, _flag),
    (socket.SO_REUSEADDR, 0, _flag),
    (socket.SO_REUSEPORT, 0, _flag),
    (socket.SO_KEEPALIVE, 0, _flag),
    (socket.SO_BROADCAST, 0, _flag),
    (socket.SO_DONTROUTE, 0, _flag),
    (socket.SO_OOBINLINE, 0, _flag),
    (names.SO_NO_CHECK, 0, _flag),
    (socket.SO_PRIORITY, 0, _as_is),
    (names.SO_BSDCOMPAT, 0, lambda value: 0),
    (socket.SO_RCVLOWAT, 1, _low_water(_MAX_INT)),
    (socket.SO_SNDLOWAT, 1, _readonly),
    (names.SO_TIMESTAMP, 0, _flag),
    (names.SO_TIMESTAMPNS, 0, _flag),
    (socket.SO_MARK, 0, _as_is),
    (names.SO_RXQ_OVFL, 0, _flag),
    (names.SO_BUSY_POLL, 0, _within(0, _MAX_INT)),
    (names.SO_BPF_EXTENSIONS, 64, _readonly),
    (socket.SO_INCOMING_CPU, -1, _as_is),
    (socket.SO_SNDBUF, _BUFFER_MAX, _buffer(_SEND_MIN)),
    (socket.SO_RCVBUF, _BUFFER_MAX, _buffer(_RECEIVE_MIN)),
    (socket.SO_TYPE, 0, _readonly),
    (socket.SO_DOMAIN, 0, _readonly),
    (socket.SO_PROTOCOL, 0, _readonly),
    (socket.SO_ERROR, 0, _readonly),
    (socket.SO_ACCEPTCONN, 0, _readonly),
)
_FORCED: Final = {
    (SOL_SOCKET, names.SO_SNDBUFFORCE): (socket.SO_SNDBUF, _forced(_SEND_MIN)),
    (SOL_SOCKET, names.SO_RCVBUFFORCE): (socket.SO_RCVBUF, _forced(_RECEIVE_MIN)),
}
_INET: Final = _lenient(
    IPPROTO_IP,
    (socket.IP_TOS, 0, _byte),
    (names.IP_RECVOPTS, 0, _flag),
    (names.IP_RETOPTS, 0, _flag),
    (names.IP_PKTINFO, 0, _flag),
    (names.IP_MTU_DISCOVER, 1, _within(0, 5)),
    (names.IP_RECVERR, 0, _flag),
    (names.IP_RECVTTL, 0, _flag),
    (socket.IP_RECVTOS, 0, _flag),
    (names.IP_HDRINCL, 0, _readonly),
    (names.IP_NODEFRAG, 0, _readonly),
    (names.IP_RECVORIGDSTADDR, 0, _flag),
    (names.IP_BIND_ADDRESS_NO_PORT, 0, _flag),
    (names.IP_RECVERR_RFC4884, 0, _within(0, 1)),
    least=0,
) | _lenient(
    IPPROTO_IP,
    (socket.IP_TTL, 64, _ttl),
    (names.IP_FREEBIND, 0, _flag),
    (socket.IP_TRANSPARENT, 0, _flag),
    (names.IP_MINTTL, 0, _within(0, 255)),
    (names.IP_MULTICAST_ALL, 1, _within(0, 1)),
    (socket.IP_MULTICAST_TTL, 1, _hops(1)),
    (socket.IP_MULTICAST_LOOP, 1, _flag),
    least=1,
)
_INET_STREAM: Final = _lenient(
    IPPROTO_IP,
    (socket.IP_TOS, 0, _tos_of_stream),
    least=0,
) | _lenient(
    IPPROTO_IP,
    (socket.IP_MULTICAST_TTL, 1, _refused(errno.EINVAL)),
    least=0,
)
_INET_RAW: Final = _lenient(
    IPPROTO_IP, (names.IP_HDRINCL, 0, _flag), (names.IP_NODEFRAG, 0, _flag), least=0
) | _lenient(names.SOL_RAW, (names.ICMP_FILTER, 0, _as_is), least=0)
_INET6: Final = _numbers(
    IPPROTO_IPV6,
    (socket.IPV6_V6ONLY, 0, _flag),
    (socket.IPV6_UNICAST_HOPS, 64, _hops(64)),
    (socket.IPV6_MULTICAST_HOPS, 1, _hops(1)),
    (socket.IPV6_MULTICAST_LOOP, 1, _within(0, 1)),
    (socket.IPV6_MULTICAST_IF, 0, _as_is),
    (names.IPV6_MULTICAST_ALL, 1, _flag),
    (names.IPV6_MTU_DISCOVER, 1, _within(0, 5)),
    (names.IPV6_RECVERR, 0, _flag),
    (names.IPV6_RECVERR_RFC4884, 0, _within(0, 1)),
    (socket.IPV6_RECVPKTINFO, 0, _flag),
    (socket.IPV6_RECVHOPLIMIT, 0, _flag),
    (socket.IPV6_RECVTCLASS, 0, _flag),
    (socket.IPV6_RECVHOPOPTS, 0, _flag),
    (socket.IPV6_RECVRTHDR, 0, _flag),
    (socket.IPV6_RECVDSTOPTS, 0, _flag),
    (socket.IPV6_RECVPATHMTU, 0, _flag),
    (socket.IPV6_TCLASS, 0, _hops(0)),
    (names.IPV6_MINHOPCOUNT, 0, _within(0, 255)),
    (names.IPV6_RECVORIGDSTADDR, 0, _flag),
    (names.IPV6_TRANSPARENT, 0, _flag),
    (names.IPV6_FREEBIND, 0, _flag),
) | _lenient(
    IPPROTO_IPV6,
    (socket.IPV6_DONTFRAG, 0, _flag),
    (names.IPV6_AUTOFLOWLABEL, 1, _flag),
    least=-1,
)
_INET6_STREAM: Final = _numbers(
    IPPROTO_IPV6,
    (socket.IPV6_TCLASS, 0, _class_of_stream),
) | _lenient(
    IPPROTO_IPV6,
    (socket.IPV6_MULTICAST_HOPS, 1, _readonly),
    (socket.IPV6_MULTICAST_IF, 0, _readonly),
    least=-1,
)
# On an IPv6 socket, groups of IPv4 are its own only if it joined them.
_MAPPED: Final = _lenient(IPPROTO_IP, (names.IP_MULTICAST_ALL, 0, _within(0, 1)), least=1)
_TCP: Final = _numbers(
    IPPROTO_TCP,
    (socket.TCP_NODELAY, 0, _flag),
    (socket.TCP_MAXSEG, 536, _maximum_segment),
    (socket.TCP_CORK, 0, _flag),
    (socket.TCP_KEEPIDLE, 7200, _within(1, _MAX_KEEP)),
    (socket.TCP_KEEPINTVL, 75, _within(1, _MAX_KEEP)),
    (socket.TCP_KEEPCNT, 9, _within(1, 127)),
    (socket.TCP_SYNCNT, 6, _within(1, 127)),
    (socket.TCP_LINGER2, _LINGER2, _linger2),
    (socket.TCP_DEFER_ACCEPT, 0, deferral),
    (socket.TCP_WINDOW_CLAMP, 0, _clamp),
    (socket.TCP_QUICKACK, 1, _flag),
    (socket.TCP_USER_TIMEOUT, 0, _within(0, _MAX_INT)),
    (socket.TCP_NOTSENT_LOWAT, 0, _as_is),
    (socket.TCP_INFO, 0, _readonly),
    (socket.TCP_FASTOPEN, 0, _fast_open_queue),
    (names.TCP_FASTOPEN_CONNECT, 0, _within(0, 1)),
    (names.TCP_FASTOPEN_NO_COOKIE, 0, _within(0, 1)),
    (names.TCP_SAVE_SYN, 0, _within(0, 2)),
) | {(SOL_SOCKET, socket.SO_RCVLOWAT): _Known(1, _low_water(_LOWAT_MAX_TCP))}
_UDP: Final = _numbers(
    IPPROTO_UDP,
    (names.UDP_NO_CHECK6_TX, 0, _flag),
    (names.UDP_NO_CHECK6_RX, 0, _flag),
)
_ALWAYS_REUSED: Final = {(SOL_SOCKET, socket.SO_REUSEADDR): _Known(1, _flag)}
_PLAIN: Final = _ANY | _INET
_PLAIN6: Final = _PLAIN | _MAPPED | _INET6

_KNOWN: Final[dict[str, dict[Key, _Known]]] = {
    "tcp4": _PLAIN | _INET_STREAM | _TCP,
    "tcp6": _PLAIN6 | _INET_STREAM | _INET6_STREAM | _TCP,
    "udp4": _PLAIN | _UDP,
    "udp6": _PLAIN6 | _UDP,
    "ping4": _PLAIN | _ALWAYS_REUSED,
    "ping6": _PLAIN6 | _ALWAYS_REUSED,
    "raw4": _PLAIN | _ALWAYS_REUSED | _INET_RAW,
    "raw6": _ANY | _ALWAYS_REUSED | _INET6,
    "pair": _ANY,
}

_NOT_TOGETHER: Final = {
    (SOL_SOCKET, names.SO_TIMESTAMP): (SOL_SOCKET, names.SO_TIMESTAMPNS),
    (SOL_SOCKET, names.SO_TIMESTAMPNS): (SOL_SOCKET, names.SO_TIMESTAMP),
}


def number_of(value: int | bytes) -> int:
    """The C int that a value given to `setsockopt` begins with; OSError(EINVAL) if it is shorter."""
    if isinstance(value, int):
        return value
    if len(value) < _INT.size:
        raise _failure(errno.EINVAL)
    return int(_INT.unpack_from(value)[0])


class Options:
    """The options of one socket. `chosen` are those that the program set."""

    __slots__ = ("_kind", "_known", "chosen", "linger")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._known = _KNOWN[kind]
        self.chosen: dict[Key, int] = {}
        self.linger: tuple[int, int] = (0, 0)

    def inherit(self, other: Options) -> None:
        """Take over what a listening socket was set to, as an accepted one does."""
        self.chosen = dict(other.chosen)
        self.linger = other.linger

    def __getitem__(self, key: Key) -> int:
        chosen = self.chosen.get(key)
        return self._known[key].default if chosen is None else chosen

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def get(self, key: Key) -> int | bytes:
        """The value that `getsockopt` gives.

        OSError: ENOPROTOOPT for an option that is not there, EOPNOTSUPP for a level that
        an IPv4 socket does not have.
        """
        if key == (SOL_SOCKET, socket.SO_LINGER):
            return _LINGER.pack(*self.linger)
        if key not in self._known:
            raise _failure(self._absent(key[0]))
        return self[key]

    def _absent(self, level: int) -> int:
        if self._kind[-1] != "4" or level in (SOL_SOCKET, IPPROTO_IP):
            return errno.ENOPROTOOPT
        return errno.ENOPROTOOPT if any(level == known for known, _ in self._known) else errno.EOPNOTSUPP

    def set(self, key: Key, value: int | bytes) -> int:
        """Take what `setsockopt` is given; returns the value it now has. OSError: ENOPROTOOPT, EINVAL."""
        if key == (SOL_SOCKET, socket.SO_LINGER):
            if not isinstance(value, bytes) or len(value) < _LINGER.size:
                raise _failure(errno.EINVAL)
            on, seconds = _LINGER.unpack_from(value)
            self.linger = (int(bool(on)), seconds)
            return self.linger[0]
        if key in _FORCED:
            name, double = _FORCED[key]
            forced = self.chosen[SOL_SOCKET, name] = double(number_of(value))
            return forced
        known = self._known.get(key)
        if isinstance(value, bytes):
            value = self._number(key[0], known, value)
        if known is None:
            raise _failure(errno.ENOPROTOOPT)
        number = self.chosen[key] = known.check(value)
        if key in _NOT_TOGETHER and number:
            self.chosen.pop(_NOT_TOGETHER[key], None)
        return number

    def _number(self, level: int, known: _Known | None, value: bytes) -> int:
        if len(value) >= _INT.size:
            return int(_INT.unpack_from(value)[0])
        if known is None:
            if level in (SOL_SOCKET, IPPROTO_TCP) and (level == SOL_SOCKET or self._kind.startswith("tcp")):
                raise _failure(errno.EINVAL)
            return 0
        if known.least > len(value):
            raise _failure(errno.EINVAL)
        # IPv6's lenient options take nothing from too few octets; IPv4's take the first.
        return value[0] if value and known.least >= 0 else 0
