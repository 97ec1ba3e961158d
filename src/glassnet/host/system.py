"""A host's operating system, and what the operating systems of one network share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet.errors import GlassnetError
from glassnet.host.clocks import EPOCH, UPTIME
from glassnet.host.current import current, running_or_none
from glassnet.host.descriptors.files import FileTable
from glassnet.host.names.table import Names
from glassnet.host.process import Process
from glassnet.host.refusals import seal
from glassnet.host.threads.workers import work_follows_tasks

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
    """What all hosts of one network share: the engine, file numbers, names, and each other."""

    __slots__ = ("engine", "files", "names", "systems")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.files = FileTable()
        self.names = Names()
        self.systems: list[System] = []

    def close(self) -> None:
        """End all programs of all hosts at once. Python's `finally` blocks in them run, without effect."""
        for system in self.systems:
            system.close()


class System:
    """The operating system of one host: its programs, clock and names, above its transport.

    `skew` is how far its clock is ahead of the others', in nanoseconds.
    """

    def __init__(
        self, world: World, name: str, internet: Internet, udp: Udp, tcp: Tcp, *, skew: int = 0
    ) -> None:
        self.world = world
        self.engine = world.engine
        self.name = name
        self.internet = internet
        self.udp = udp
        self.tcp = tcp
        self.skew = skew
        self.hosts = Names()
        """This host's own names, looked at before the network's."""
        self.processes: dict[int, Process] = {}
        self._pid = _FIRST_PID
        world.systems.append(self)

    def __repr__(self) -> str:
        return f"<System {self.name!r}, {len(self.processes)} processes>"

    def next_pid(self) -> int:
        """A process number that was not used before."""
        self._pid += 1
        return self._pid - 1

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
        seal()
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
