"""Certificates are judged by the host's clock.

OpenSSL compares a certificate's validity with the real time, unless it is told
another (X509_VERIFY_PARAM_set_time(3)), for which `ssl` has no function. So it is told
through `ctypes`, in the very library that `_ssl` uses, for each connection by itself.

That is done only where it is certain to be right: the interpreter is CPython, and the
connection is laid out in memory as it is in CPython 3.11 to 3.13, which shows in
where it refers to its context. Elsewhere certificates are judged by the real time,
and `judges_by_host_clock` says so.
"""

from __future__ import annotations

import _ssl
import ctypes
import ssl
import sys
import time
from typing import Any

__all__ = ["judge_by_host_clock", "judges_by_host_clock"]

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: whoever set it wants no time at all."""

_WORD = ctypes.sizeof(ctypes.c_void_p)


def _library() -> ctypes.CDLL | None:
    """The OpenSSL that `_ssl` uses, or None where its functions cannot be had."""
    path = getattr(_ssl, "__file__", None)
    if sys.implementation.name != "cpython" or path is None:
        return None
    try:
        library = ctypes.CDLL(path)
        library.OpenSSL_version_num.restype = ctypes.c_ulong
        if library.OpenSSL_version_num() != ssl.OPENSSL_VERSION_NUMBER:
            return None
        library.SSL_get0_param.restype = ctypes.c_void_p
        library.SSL_get0_param.argtypes = [ctypes.c_void_p]
        library.X509_VERIFY_PARAM_set_time.restype = None
        library.X509_VERIFY_PARAM_set_time.argtypes = [ctypes.c_void_p, ctypes.c_long]
    except (OSError, AttributeError):
        return None
    return library


_OPENSSL = _library()


def _pointer(connection: Any) -> int | None:
    """OpenSSL's own object behind an `_ssl._SSLSocket`, or None if that is laid out in another way."""
    begin = id(connection) + object.__basicsize__
    socket, pointer, context = (ctypes.c_void_p.from_address(begin + i * _WORD).value for i in range(3))
    return pointer if socket is None and context == id(connection.context) else None


def judges_by_host_clock() -> bool:
    """Whether certificates are judged by the clock of the host; else it is by the real time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection: Any = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="host.test")
    return _OPENSSL is not None and _pointer(connection._sslobj) is not None


def judge_by_host_clock(connection: Any) -> None:
    """Let `connection`, an `_ssl._SSLSocket` on two buffers, take the host's present time for the time."""
    if _OPENSSL is None or connection.context.verify_flags & _NO_CHECK_TIME:
        return
    pointer = _pointer(connection)
    if pointer is not None:
        _OPENSSL.X509_VERIFY_PARAM_set_time(_OPENSSL.SSL_get0_param(pointer), int(time.time()))
