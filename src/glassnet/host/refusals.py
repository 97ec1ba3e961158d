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
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from glassnet.errors import Refused
from glassnet.host.current import here
from glassnet.host.rebinding import rebind

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["patch_imports", "refused_functions", "seal"]

_COMPILED = "does its networking in compiled code"
_OWN_WORLD = "puts sockets, threads and a loop of its own in the place of Python's"


class _Refusal(NamedTuple):
    """What to use instead of a package, where everything in it begins, and what it does."""

    instead: str
    begins: tuple[str, ...]
    does: str = _COMPILED


# Packages that cannot even be imported on a host.
_REFUSED = {
    "uvloop": _Refusal("asyncio's own event loop", ("new_event_loop", "Loop", "install")),
    "grpc": _Refusal("grpclib", ("insecure_channel", "secure_channel", "server")),
    "pycurl": _Refusal("requests or httpx", ("Curl", "CurlMulti")),
    "curl_cffi": _Refusal("requests or httpx", ("Curl", "AsyncCurl")),
    "psycopg2": _Refusal("pg8000", ("connect",)),
    "psycopg": _Refusal("pg8000", ("connect", "Connection.connect", "AsyncConnection.connect")),
    "MySQLdb": _Refusal("PyMySQL", ("connect", "Connect", "Connection")),
    "pymssql": _Refusal("python-tds", ("connect",)),
    "pycares": _Refusal("socket.getaddrinfo() or dnspython", ("Channel",)),
    "aiodns": _Refusal("loop.getaddrinfo() or dnspython", ("DNSResolver",)),
    "zmq": _Refusal("sockets or asyncio's streams", ("Context",)),
    "pynng": _Refusal("sockets or asyncio's streams", ("Socket",)),
    "gevent": _Refusal("threads or asyncio", ("spawn", "sleep", "wait", "Greenlet"), _OWN_WORLD),
    "eventlet": _Refusal(
        "threads or asyncio", ("spawn", "sleep", "listen", "connect", "monkey_patch"), _OWN_WORLD
    ),
}

# Modules that other packages import without harm, and what in them cannot work.
_REFUSED_IN_PART = {
    "OpenSSL.SSL": _Refusal("the ssl module", ("Connection",), "gives sockets to compiled code"),
    "gunicorn.arbiter": _Refusal(
        "uvicorn, hypercorn or waitress", ("Arbiter.run",), "serves from processes that it forks"
    ),
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
    refusal = _REFUSED.get(name) or _REFUSED_IN_PART[name]
    return (
        f"{name} {refusal.does}, which cannot run on the virtual host {host!r}: use {refusal.instead} instead"
    )


class _Refusals:
    """On a host it says so for the packages that cannot work there.

    It finds nothing itself, and has what others find sealed where that works in part.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ImportError on a host for a package that is refused."""
        if fullname in _REFUSED:
            system = here()
            if system is not None:
                raise ImportError(_complaint(fullname, system.name), name=fullname)
        elif fullname in _REFUSED_IN_PART:
            return self._sealed(fullname, path, target)
        return None

    def _sealed(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                vars(spec.loader)["exec_module"] = _sealing(spec.loader.exec_module)
                return spec
        return None


def _sealing(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def exec_module(module: ModuleType) -> None:
        execute(module)
        _seal(module.__name__, module)

    return exec_module


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
    for name in (*_REFUSED, *_REFUSED_IN_PART):
        module = sys.modules.get(name)
        if module is not None:
            _seal(name, module)


def _seal(name: str, module: ModuleType) -> None:
    """Refuse on hosts everything with which a package begins."""
    if name in _sealed:
        return
    _sealed.add(name)
    refusal = _REFUSED.get(name) or _REFUSED_IN_PART[name]
    for path in refusal.begins:
        outer, _, attribute = path.rpartition(".")
        owner: Any = getattr(module, outer, None) if outer else module
        if owner is None:
            continue
        stock = vars(owner).get(attribute) or getattr(owner, attribute, None)
        if isinstance(stock, type):
            _seal_class(name, stock, owner, attribute)
        elif isinstance(stock, classmethod):
            setattr(owner, attribute, classmethod(_sealed_function(name, stock.__func__)))
        elif stock is not None:
            sealed = _sealed_function(name, stock)
            setattr(owner, attribute, sealed)
            if not outer:
                rebind({id(stock): (stock, sealed)})


def _seal_class(package: str, stock: Any, owner: Any, attribute: str) -> None:
    make = stock.__new__

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        return make(cls) if make is object.__new__ else make(cls, *args, **kwargs)

    sealed = staticmethod(_sealed_function(package, new))
    try:
        stock.__new__ = sealed
    except TypeError:  # it is compiled, and cannot be changed
        replacement = type(stock.__name__, (stock,), {"__new__": sealed})
        setattr(owner, attribute, replacement)
        rebind({id(stock): (stock, replacement)})


def _sealed_function(package: str, stock: Any) -> Any:
    """A function that is refused on hosts."""

    @functools.wraps(stock)
    def sealed(*args: Any, **kwargs: Any) -> Any:
        system = here()
        if system is not None and (package != "OpenSSL.SSL" or _has_socket(*args, **kwargs)):
            raise Refused(_complaint(package, system.name))
        return stock(*args, **kwargs)

    return sealed


def _has_socket(cls: object, context: object, socket: object = None) -> bool:
    """Whether an `OpenSSL.SSL.Connection` is made for a socket, and not for memory."""
    return socket is not None
