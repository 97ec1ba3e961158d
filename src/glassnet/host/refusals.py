"""What cannot work on a host, and says so instead of reaching for the real machine.

Some packages do their networking in compiled code, where no host can be put under
them. On a host they cannot be imported, so that programs which try fall back, as uvicorn
does without uvloop. Where such a package was imported off host already, what it
offers is refused when a program on a host calls it.

Functions that make real processes, or send real signals, are refused there too.
"""

from __future__ import annotations

import _posixsubprocess
import functools
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from glassnet.errors import Refused
from glassnet.host.current import here

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["patch_imports", "refused_functions", "seal"]

# What to use instead, and the functions with which everything begins.
_REFUSED: dict[str, tuple[str, tuple[str, ...]]] = {
    "uvloop": ("asyncio's own event loop", ("new_event_loop", "Loop", "run", "install")),
    "grpc": ("grpclib", ("insecure_channel", "secure_channel", "server")),
    "pycurl": ("requests or httpx", ("Curl", "CurlMulti")),
    "curl_cffi": ("requests or httpx", ("Curl", "AsyncCurl")),
    "psycopg2": ("pg8000", ("connect",)),
    "psycopg": ("pg8000", ("connect",)),
    "MySQLdb": ("PyMySQL", ("connect", "Connect", "Connection")),
    "pymssql": ("python-tds", ("connect",)),
    "pycares": ("dnspython", ("Channel",)),
    "aiodns": ("dnspython", ("DNSResolver",)),
    "zmq": ("sockets or asyncio's streams", ("Context",)),
    "pynng": ("sockets or asyncio's streams", ("Socket",)),
    "gevent": ("threads or asyncio", ("spawn", "sleep", "wait")),
    "eventlet": ("threads or asyncio", ("spawn", "sleep", "listen", "connect", "monkey_patch")),
}
_sealed: set[str] = set()

_NO_PROCESSES = "start a program on a host with host.start() or host.run(), or use threads"
_REFUSED_FUNCTIONS = {
    (os, "fork"): _NO_PROCESSES,
    (os, "forkpty"): _NO_PROCESSES,
    (os, "posix_spawn"): _NO_PROCESSES,
    (os, "system"): _NO_PROCESSES,
    (os, "posix_spawnp"): _NO_PROCESSES,
    (_posixsubprocess, "fork_exec"): _NO_PROCESSES,
    (os, "execv"): _NO_PROCESSES,
    (os, "execve"): _NO_PROCESSES,
}


def refused_functions() -> list[tuple[ModuleType, str, Any]]:
    """Functions of the standard library that no program on a host may call, by module."""
    return [
        (module, name, _refuse(f"{module.__name__}.{name}", getattr(module, name), instead))
        for (module, name), instead in _REFUSED_FUNCTIONS.items()
    ]


def _refuse(name: str, stock: Any, instead: str) -> Any:
    @functools.wraps(stock)
    def refused(*args: Any, **kwargs: Any) -> Any:
        system = here()
        if system is None:
            return stock(*args, **kwargs)
        raise Refused(
            f"{name}() would act on the real machine, not on the virtual host {system.name!r}: {instead}"
        )

    return refused


def _complaint(name: str, host: str) -> str:
    return (
        f"{name} does its networking in compiled code, which cannot run on the virtual host {host!r}: "
        f"use {_REFUSED[name][0]} instead"
    )


class _Refusals:
    """Finds nothing; on a host it says so for the packages that cannot work there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ImportError on a host for a package that is refused."""
        if fullname in _REFUSED:
            system = here()
            if system is not None:
                raise ImportError(_complaint(fullname, system.name), name=fullname)
        return None


def patch_imports() -> None:
    """Refuse to import on a host what cannot work on one."""
    sys.meta_path.insert(0, _Refusals())


def _start_of_processes() -> list[tuple[str, str, str]]:
    """Where real processes begin, before anything is made for them: module, class, and method."""
    return [
        ("subprocess", "Popen", "__init__"),
        ("multiprocessing.process", "BaseProcess", "start"),
        ("multiprocessing.pool", "Pool", "_setup_queues"),  # which a ThreadPool has of its own
        ("multiprocessing.managers", "BaseManager", "start"),
        ("concurrent.futures.process", "ProcessPoolExecutor", "__init__"),
    ]


def seal() -> None:
    """Refuse what was imported off host; called when a program starts."""
    if "multiprocessing" in sys.modules:
        # It imports these when they are asked for, which would be on a host.
        import_module("multiprocessing.pool")
        import_module("multiprocessing.managers")
    for module_name, class_name, method in _start_of_processes():
        cls = getattr(sys.modules.get(module_name), class_name, None)
        if cls is not None and f"{module_name}.{class_name}" not in _sealed:
            _sealed.add(f"{module_name}.{class_name}")
            stock = getattr(cls, method)
            setattr(cls, method, _refuse(f"{module_name}.{class_name}", stock, _NO_PROCESSES))
    for name in _REFUSED:
        module = sys.modules.get(name)
        if module is not None and name not in _sealed:
            _sealed.add(name)
            for function in _REFUSED[name][1]:
                stock = getattr(module, function, None)
                if stock is not None:
                    setattr(module, function, _Sealed(name, stock))


class _Sealed:
    """A function that is refused on hosts."""

    def __init__(self, package: str, stock: Any) -> None:
        self._package = package
        self._stock = stock

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        system = here()
        if system is not None:
            raise Refused(_complaint(self._package, system.name))
        return self._stock(*args, **kwargs)
