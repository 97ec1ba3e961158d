"""A host's operating system, and what the operating systems of one network share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet.errors import GlassnetError
from glassnet.host.chance import patch_openssl
from glassnet.host.current import current, running_or_none
from glassnet.host.descriptors.files import FileTable
from glassnet.host.names.settings import Resolv
from glassnet.host.names.table import Names
from glassnet.host.process import Process
from glassnet.host.refusals import seal
from glassnet.host.sockets.unix.names import UnixNames
from glassnet.host.threads.workers import number_executors, work_follows_tasks
from glassnet.host.timekeeping import EPOCH, UPTIME, HostClock
from glassnet.host.tls.contexts import patch_ssl
from glassnet.host.trio import adapt_trio
from glassnet.transport.raw import Raw

if TYPE_CHECKING:
    import asyncio

    from glassnet.engine import Engine
    from glassnet.network.internet import Internet
    from glassnet.transport.tcp import Tcp
    from glassnet.transport.udp import Udp

__all__ = ["EPOCH", "UPTIME", "System", "World", "current"]

_FIRST_PID = 100

T = TypeVar("T")


class World:
    """What all hosts of one network share: the engine, the numbers of files and threads, names, each other.

    `threads` numbers the threads. Each network begins anew, as programs send these numbers too.
    """

    __slots__ = ("engine", "files", "names", "systems", "threads")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.files = FileTable()
        self.names = Names()
        self.systems: list[System] = []
        self.threads = count(1)

    def collect(self, _: None = None) -> bool:
        """Close what programs left open in reference cycles that nobody reaches; whether there was any.

        It is called at moments that only the run decides: when many files were opened, and
        before a deadlock is told.
        """
        gc.collect()
        lost, self.files.lost = self.files.lost, []
        for what in sorted(lost, key=lambda what: what[0]):
            self.files.close_if_open(what)
        return bool(lost)

    def close(self) -> None:
        """End all programs of all hosts at once. Python's `finally` blocks in them run, without effect."""
        for system in self.systems:
            system.close()


class System:
    """The operating system of one host: its programs, clock and names, above its transport."""

    def __init__(self, world: World, name: str, internet: Internet, udp: Udp, tcp: Tcp) -> None:
        self.world = world
        self.engine = world.engine
        self.name = name
        self.internet = internet
        self.udp = udp
        self.tcp = tcp
        self.raw = Raw(internet)
        self.clock = HostClock(world.engine)
        self.hosts = Names()
        """This host's own names, looked at before the network's."""
        self.resolv = Resolv()
        """Its name servers. While it has none, the network's names stand for the DNS."""
        self.unix = UnixNames(self)
        """What the AF_UNIX sockets here are called."""
        self.processes: dict[int, Process] = {}
        self.paused = False
        self.off = ""
        """Why no program can be started, or nothing."""
        self.uuid_state: dict[str, Any] | None = None
        """What `uuid` remembers of the identifiers made here."""
        self._pid = _FIRST_PID
        self._labels: dict[str, int] = {}
        world.systems.append(self)

    def __repr__(self) -> str:
        return f"<System {self.name!r}, {len(self.processes)} processes>"

    def next_pid(self) -> int:
        """A process number that was not used before."""
        self._pid += 1
        return self._pid - 1

    def next_label(self, name: str) -> str:
        """What to call a new process among all that there ever were here: its name, and a number."""
        number = self._labels[name] = self._labels.get(name, 0) + 1
        return f"{name}:{number}"

    # Programs

    def start(
        self, function: Callable[..., Any], *args: Any, name: str | None = None, **kwargs: Any
    ) -> Process:
        """Start `function(*args, **kwargs)` as a process here; it first runs when the network runs.

        A coroutine that it returns is run with `asyncio.run`. `name` is what
        reports call it; the function's own name if not given.
        """
        if not callable(function):
            raise GlassnetError(
                f"host {self.name!r} cannot start {function!r}: give it a function, then its arguments"
            )
        if self.off:
            raise GlassnetError(
                f"host {self.name!r} {self.off} and cannot start {function!r}: boot() it first"
            )
        seal()
        adapt_trio()
        patch_ssl()
        patch_openssl()
        number_executors()
        if name is None:
            name = getattr(function, "__name__", None) or type(function).__name__
        return Process(self, function, args, kwargs, name)

    def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> Any:
        """Start `function`, run the network until it ends, and return or raise what it did."""
        return self.start(function, *args, **kwargs).result()

    def task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `coroutine` as a task of the running asyncio loop, but on this host.

        The loop must itself run in a program of this network.
        """
        import asyncio

        strand = running_or_none()
        if strand is None or strand.process.system.world is not self.world:
            coroutine.close()
            raise GlassnetError(
                f"host {self.name!r} takes tasks only from an asyncio loop that runs on a host of its network"
            )
        work_follows_tasks()
        context = copy_context()
        context.run(current.set, self)
        return asyncio.get_running_loop().create_task(coroutine, context=context)

    async def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run `function` as a process here, and wait for it without holding up the running asyncio loop.

        If the waiting task is cancelled, the process is terminated.
        """
        import asyncio

        strand = running_or_none()
        if strand is None or strand.process.system.world is not self.world:
            raise GlassnetError(
                f"host {self.name!r} takes calls only from a coroutine on its network: "
                "run that with net.run(until=coroutine)"
            )
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        process = self.start(function, *args, **kwargs)

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        process.on_exit.append(tell)
        with process.collected():
            try:
                await done.wait()
            except asyncio.CancelledError:
                process.terminate()
                raise
            return process.result()

    def close(self) -> None:
        """End all programs here at once."""
        for process in tuple(self.processes.values()):
            process.abandon()
