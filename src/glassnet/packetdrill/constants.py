"""The constants of C that scripts name in system calls, with Linux's values."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import socket
import struct
from ipaddress import ip_address
from socket import htonl, htons, ntohl, ntohs
from types import EllipsisType

from glassnet.host.sockets import option_names
from glassnet.packetdrill.script import Expression, Place, Record, ScriptError, Symbols, Term

__all__ = ["Value", "constant", "errno_named", "resolve"]

Value = int | bytes | EllipsisType | Record | list["Value"]

_MORE = {
    "NULL": 0,
    "AF_UNSPEC": 0,
    "SIOCINQ": 0x541B,
    "FIONREAD": 0x541B,
    "SIOCOUTQ": 0x5411,
    "FIONBIO": 0x5421,
    "SOL_IP": socket.IPPROTO_IP,
    "SOL_IPV6": socket.IPPROTO_IPV6,
    "SOL_TCP": socket.IPPROTO_TCP,
    "SOL_UDP": socket.IPPROTO_UDP,
    "MSG_FASTOPEN": 0x20000000,
    "MSG_ZEROCOPY": 0x4000000,
    "MSG_MORE": 0x8000,
    "TCP_THIN_LINEAR_TIMEOUTS": 16,
    "TCP_THIN_DUPACK": 17,
    "TCP_FASTOPEN": 23,
    "TCP_TIMESTAMP": 24,
    "TCP_CC_INFO": 26,
    "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_INQ": 36,
    "TCP_TX_DELAY": 37,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "INADDR_ANY": 0,
    "INADDR_LOOPBACK": 0x7F000001,
}
_MODULES = (socket, option_names, select, fcntl, os, errno)
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


def constant(name: str) -> int | None:
    """The value of a constant; None if there is none of that name."""
    if name in _MORE:
        return _MORE[name]
    if _CONSTANT.fullmatch(name):
        for module in _MODULES:
            value = getattr(module, name, None)
            if isinstance(value, int):
                return int(value)
    return None


def errno_named(name: str) -> int | None:
    """The number of an error, from `ECONNREFUSED`; None if there is none of that name."""
    value = getattr(errno, name, None)
    return value if isinstance(value, int) else None


def resolve(expression: Expression, place: Place) -> Value:
    """An argument with numbers for its names. ScriptError for an unknown one."""
    if isinstance(expression, Symbols):
        total = 0
        for name in expression.names:
            value = constant(name)
            if value is None:
                raise ScriptError(place, f"there is no constant {name!r}")
            total |= value
        return total
    if isinstance(expression, list):
        return [resolve(each, place) for each in expression]
    if isinstance(expression, Record):
        return Record(tuple((name, _number_free(resolve(value, place))) for name, value in expression.fields))
    if isinstance(expression, Term):
        return _function(expression, place)
    return expression


def _number_free(value: Value) -> Expression:
    assert not isinstance(value, Symbols | Term)
    return value  # type: ignore[return-value]  # a list of values is a list of expressions, to be read only


_ORDERS = {"htons": htons, "htonl": htonl, "ntohs": ntohs, "ntohl": ntohl}


def _function(term: Term, place: Place) -> Value:
    arguments = [resolve(each, place) for each in term.arguments]
    try:
        if term.name in _ORDERS:
            (number,) = arguments
            return _ORDERS[term.name](number)  # type: ignore[arg-type]
        if term.name in ("inet_addr", "inet_pton"):
            text = arguments[-1]
            assert isinstance(text, bytes)
            packed = ip_address(text.decode()).packed
            return struct.unpack("=I", packed)[0] if term.name == "inet_addr" else packed
    except (ValueError, TypeError, OverflowError, AssertionError, struct.error) as error:
        raise ScriptError(place, f"{term.name}(): {error}") from None
    raise ScriptError(place, f"there is no function {term.name!r} here")
