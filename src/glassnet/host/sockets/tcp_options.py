"""The options of TCP sockets that have an effect, or that a connection answers: tcp(7)."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace
from socket import IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.file import failure
from glassnet.host.sockets.options import Key, number_of
from glassnet.host.sockets.tcp_info import tcp_info
from glassnet.transport.tcp.congestion import CONTROLLERS

if TYPE_CHECKING:
    from glassnet.host.sockets.tcp import TcpSocket
    from glassnet.transport.tcp import Connection, Listener

__all__ = ["SPECIAL", "UNPACED", "apply", "apply_controller", "get_option", "set_option"]

_MAXSEG = (IPPROTO_TCP, socket.TCP_MAXSEG)
_INFO = (IPPROTO_TCP, socket.TCP_INFO)
_CONGESTION = (IPPROTO_TCP, socket.TCP_CONGESTION)
_SNDBUF = (SOL_SOCKET, socket.SO_SNDBUF)
_RCVBUF = (SOL_SOCKET, socket.SO_RCVBUF)
_FORCED = {
    (SOL_SOCKET, names.SO_SNDBUFFORCE): _SNDBUF,
    (SOL_SOCKET, names.SO_RCVBUFFORCE): _RCVBUF,
}
_MEMBERSHIPS = (
    socket.IP_ADD_MEMBERSHIP,
    socket.IP_DROP_MEMBERSHIP,
    names.IP_ADD_SOURCE_MEMBERSHIP,
    names.IP_DROP_SOURCE_MEMBERSHIP,
    names.IP_BLOCK_SOURCE,
    names.IP_UNBLOCK_SOURCE,
)
_MULTICAST_IF = (IPPROTO_IP, socket.IP_MULTICAST_IF)
_PACE = (SOL_SOCKET, names.SO_MAX_PACING_RATE)
_KEYS = (IPPROTO_TCP, names.TCP_FASTOPEN_KEY)
SPECIAL = (_MAXSEG, _INFO, _CONGESTION, _SNDBUF, _RCVBUF, _MULTICAST_IF, _PACE, _KEYS)
"""The options that `get_option` here answers."""

UNPACED = (1 << 64) - 1
"""SO_MAX_PACING_RATE for no limit."""

_NAME_SIZE = 16  # TCP_CA_NAME_MAX
_KEY_SIZE = 16  # TCP_FASTOPEN_KEY_LENGTH
_S = 10**9
_MS = 10**6


def get_option(file: TcpSocket, key: Key) -> int | bytes:
    """What `getsockopt` gives for one of `SPECIAL`."""
    connection = file.connection
    if key == _INFO:
        return tcp_info(connection, file.listener)
    if key == _CONGESTION:
        name = _controller(file)
        return name.encode().ljust(_NAME_SIZE, b"\0")
    if key == _MULTICAST_IF:
        return 0
    if key == _KEYS:
        return b"".join(file.fast_open_keys)
    if key == _PACE:
        return file.pace.to_bytes(8, "little")
    if key == _MAXSEG:
        if connection is not None and connection.established:
            return connection.sender.mss
        return file.options[key] or 536
    if key not in file.options.chosen:
        return 2 * _buffer(file, key == _SNDBUF)
    return file.default_option(key)


def set_option(file: TcpSocket, key: Key, value: int | bytes) -> bool:
    """Do what `setsockopt` does with options that are no numbers to keep; False for all others."""
    if key == _CONGESTION:
        if isinstance(value, int):
            value = value.to_bytes(4, "little", signed=True)
        elif not value:
            raise failure(errno.EINVAL)
        name = value[: _NAME_SIZE - 1].partition(b"\0")[0].decode("ascii", "replace")
        if name not in CONTROLLERS:
            raise failure(errno.ENOENT)
        file.congestion = name
        apply_controller(file)
        return True
    if key == _KEYS:
        if not isinstance(value, bytes) or len(value) not in (_KEY_SIZE, 2 * _KEY_SIZE):
            raise failure(errno.EINVAL)
        file.fast_open_keys = tuple(value[at : at + _KEY_SIZE] for at in range(0, len(value), _KEY_SIZE))
        if file.listener is not None:
            file.listener.fast_open_keys = file.fast_open_keys
        return True
    if key == _PACE:
        if isinstance(value, bytes) and len(value) >= 8:
            file.pace = int.from_bytes(value[:8], "little")
        else:
            rate = number_of(value) & 0xFFFFFFFF
            file.pace = UNPACED if rate == 0xFFFFFFFF else rate
        apply_controller(file)
        return True
    if key[0] == IPPROTO_IP and (key[1] in _MEMBERSHIPS or key == _MULTICAST_IF):
        raise failure(errno.EINVAL if key == _MULTICAST_IF else errno.EPROTO)
    if key in _FORCED:
        file.options.set(key, value)
        file.apply(_FORCED[key])
        return True
    return False


def _buffer(file: TcpSocket, sending: bool) -> int:
    """How much payload a buffer takes at this moment; Linux reserves as much again for its books."""
    connection, settings = file.connection, file.system.tcp.settings
    if connection is None:
        return settings.send_buffer if sending else settings.receive_buffer
    return connection.sender.limit if sending else connection.receiver.limit


def _controller(file: TcpSocket) -> str:
    if file.connection is not None:
        return file.connection.sender.congestion.name
    return file.congestion or file.system.tcp.settings.congestion_control


def apply_controller(file: TcpSocket) -> None:
    """A controller or pace was chosen, or there is a new listener or connection: let it have its effect."""
    if file.connection is not None:
        limit = 0 if file.pace == UNPACED else max(file.pace, 1)
        if limit != file.connection.sender.pacing_limit:
            file.connection.sender.limit_pace(limit)
    if not file.congestion:
        return
    if file.listener is not None:
        file.listener.preferences = replace(file.listener.preferences, congestion=file.congestion)
    if file.connection is not None:
        file.connection.sender.choose(file.congestion)


def apply(file: TcpSocket, key: Key) -> None:
    """An option has changed, or there is a new listener or connection: let it have its effect."""
    if key not in file.options.chosen:
        return
    value = file.options[key]
    if key == (SOL_SOCKET, socket.SO_RCVLOWAT):
        file.low_water = value
        file.changed()
    elif key == (IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT):
        file.unsent_limit = value & 0xFFFFFFFF
        file.changed()
    if file.listener is not None:
        _apply_to_listener(file.listener, key, value)
    connection = file.connection
    if connection is None:
        return
    level, name = key
    if level == IPPROTO_TCP:
        _apply_tcp(connection, name, value)
    elif level == SOL_SOCKET:
        if name == socket.SO_KEEPALIVE:
            connection.keepalive.turn(bool(value))
        elif name == socket.SO_SNDBUF:
            connection.fix_send_buffer(value // 2)
        elif name == socket.SO_RCVBUF:
            connection.fix_receive_buffer(value // 2)
        elif name == socket.SO_OOBINLINE:
            connection.urgent_inline = bool(value)
    elif level in (IPPROTO_IP, IPPROTO_IPV6) and (level == IPPROTO_IPV6) == (len(connection.local[0]) == 16):
        if name == (socket.IPV6_UNICAST_HOPS if level == IPPROTO_IPV6 else socket.IP_TTL):
            connection.flow.set(ttl=value or None)
        elif name == (socket.IPV6_TCLASS if level == IPPROTO_IPV6 else socket.IP_TOS):
            connection.flow.set(tos=value)


def _apply_to_listener(listener: Listener, key: Key, value: int) -> None:
    if key == _SNDBUF:
        listener.send_buffer = value // 2
    elif key == _RCVBUF:
        listener.receive_buffer = value // 2
    elif key[0] == IPPROTO_TCP:
        if key[1] == socket.TCP_FASTOPEN:
            listener.fast_open.limit = value
        elif key[1] == socket.TCP_DEFER_ACCEPT:
            listener.defer = value * _S
        elif key[1] == names.TCP_SAVE_SYN:
            listener.save_syn = value
        else:
            _prefer(listener, key[1], value)


def _prefer(where: Connection | Listener, name: int, value: int) -> None:
    change: dict[str, Any] = {}
    if name == socket.TCP_MAXSEG:
        change = {"mss": value}
    elif name == socket.TCP_SYNCNT:
        change = {"syn_retries": value}
    elif name == socket.TCP_LINGER2:
        change = {"fin_timeout": max(value, 0) * _S}
    elif name == names.TCP_FASTOPEN_NO_COOKIE:
        change = {"no_cookie": bool(value)}
    if change:
        where.preferences = replace(where.preferences, **change)


def _apply_tcp(connection: Connection, name: int, value: int) -> None:
    sender = connection.sender
    if name == socket.TCP_NODELAY:
        sender.nodelay = bool(value)
        if value and connection.established:
            # As Linux has it, what a cork holds back goes too.
            corked, sender.corked = sender.corked, False
            sender.push()
            sender.corked = corked
    elif name == socket.TCP_CORK:
        sender.corked = bool(value)
        if not value and connection.established:
            sender.push()
    elif name == socket.TCP_QUICKACK:
        connection.output.quick = bool(value)
        if value and connection.output.acks_due:
            connection.acknowledge()
    elif name == socket.TCP_KEEPIDLE:
        connection.keepalive.idle = value * _S
        if connection.established:
            connection.keepalive.start()  # as Linux: the new patience counts from now
    elif name == socket.TCP_KEEPINTVL:
        connection.keepalive.interval = value * _S
    elif name == socket.TCP_KEEPCNT:
        connection.keepalive.count = value
    elif name == socket.TCP_USER_TIMEOUT:
        connection.user_timeout = value * _MS
    elif name == socket.TCP_WINDOW_CLAMP and value:
        connection.receiver.limit = min(connection.receiver.limit, value)
    else:
        _prefer(connection, name, value)
        if name == socket.TCP_MAXSEG and value:
            sender.set_mss(min(sender.mss, value))
