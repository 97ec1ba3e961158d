"""The seam: which functions of the standard library ask for the host first.

Each is wrapped once, in place. On a host the wrapper serves the virtual operating
system; off host it calls the original. Names that other modules imported before
(`from time import sleep`) are rebound.
"""

from __future__ import annotations

import _thread
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from types import ModuleType
from typing import Any

from glassnet.host.calendar import patch_datetime
from glassnet.host.chance import chance, patch_random
from glassnet.host.clocks import Clocks
from glassnet.host.descriptors.calls import calls
from glassnet.host.descriptors.opening import opening
from glassnet.host.descriptors.paths import Paths
from glassnet.host.descriptors.selecting import Select, patch_selectors
from glassnet.host.exits import Exits
from glassnet.host.identity import Identity
from glassnet.host.names.etc_files import etc_functions
from glassnet.host.names.resolver import Resolver
from glassnet.host.rebinding import rebind
from glassnet.host.records import patch_logging
from glassnet.host.refusals import patch_imports, refused_functions
from glassnet.host.signals import Signals
from glassnet.host.sockets.functions import Sockets
from glassnet.host.sockets.virtual import patch_socket
from glassnet.host.threads import local
from glassnet.host.threads.locks import Lock, RLock, SimpleQueue
from glassnet.host.threads.starting import Threads, patch_thread

__all__ = ["install"]

_installed = False

# Which functions of `os` take what: programs look them up in these sets.
_ABLE: tuple[set[Any], ...] = (
    os.supports_dir_fd,
    os.supports_effective_ids,
    os.supports_fd,
    os.supports_follow_symlinks,
)


def _methods(replacements: Any, modules: dict[ModuleType, str]) -> list[tuple[ModuleType, str, Any]]:
    """The methods of `replacements` that stand for the functions named, by module."""
    return [
        (module, name, getattr(replacements, name))
        for module, names in modules.items()
        for name in names.split()
    ]


def _thread_table() -> list[tuple[ModuleType, str, Any]]:
    threads = Threads()
    names = ["get_ident", "get_native_id", "current_thread", "main_thread", "enumerate", "active_count"]
    table: list[tuple[ModuleType, str, Any]] = [
        (_thread, "start_new_thread", threads.start_new_thread),
        (_thread, "start_new", threads.start_new_thread),
        (threading, "_start_new_thread", threads.start_new_thread),
        (threading, "_start_joinable_thread", threads.start_joinable_thread),
        (threading, "_allocate_lock", Lock),
        (threading, "Lock", Lock),
        (threading, "RLock", RLock),
        (queue, "SimpleQueue", SimpleQueue),
        *((threading, name, getattr(threads, name)) for name in names),
    ]
    if local.NEEDED:
        table += [(threading, "local", local.Local), (_thread, "_local", local.Local)]
    return [entry for entry in table if hasattr(entry[0], entry[1])]


def _table() -> list[tuple[ModuleType, str, Any]]:
    """What is replaced: module, name, and by what."""
    return [
        *_methods(
            Clocks(),
            {
                time: "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep "
                "clock_gettime clock_gettime_ns clock_settime clock_settime_ns pthread_getcpuclockid "
                "localtime gmtime ctime asctime mktime strftime"
            },
        ),
        *_methods(
            Resolver(),
            {
                socket: "getaddrinfo getnameinfo gethostname gethostbyname gethostbyname_ex gethostbyaddr "
                "getservbyname getservbyport getprotobyname if_nameindex if_nametoindex if_indextoname"
            },
        ),
        *_methods(Sockets(), {socket: "socketpair fromfd dup close getdefaulttimeout setdefaulttimeout"}),
        *_methods(Select(), {select: "select poll epoll"}),
        *calls(),
        *opening(),
        *_methods(Paths(), {os: "stat lstat access chmod chown lchown unlink remove rename replace"}),
        *_thread_table(),
        *refused_functions(),
        *_methods(
            Signals(),
            {
                signal: Signals.NAMES,
                os: Signals.OS_NAMES,
                _thread: "interrupt_main",
            },
        ),
        *chance(),
        *Identity().table(),
        *Exits().table(),
    ]


def install() -> None:
    """Put the wrappers in place, once."""
    global _installed
    if _installed:
        return
    _installed = True
    localtime = time.localtime
    _replace(_table())
    # They stand before what has been put in place for paths just now.
    _replace(etc_functions())
    patch_socket()
    patch_selectors()
    patch_thread()
    patch_datetime()
    patch_random()
    patch_imports()
    if local.NEEDED:
        local.patch_asyncio()
    patch_logging(localtime)
    executors = sys.modules.get("concurrent.futures.thread")
    if executors is not None:
        # It is held while a thread starts, which is a wait.
        executors._global_shutdown_lock = Lock()  # type: ignore[attr-defined]


def _replace(table: list[tuple[ModuleType, str, Any]]) -> None:
    replaced: dict[int, tuple[Any, Any]] = {}
    for module, name, replacement in table:
        original = getattr(module, name)
        setattr(module, name, replacement)
        for able in _ABLE:
            if original in able:
                able.add(replacement)
        replaced[id(original)] = (original, replacement)
    rebind(replaced)
