"""`selectors` and `select` on a host."""

from __future__ import annotations

import errno
import os
import select
import selectors
from collections.abc import Iterable
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from types import TracebackType
from typing import Any

from glassnet.host.current import here, running_or_none, running_strand
from glassnet.host.descriptors.files import ERR, FIRST_NUMBER, HUP, IN, NVAL, OUT, PRI
from glassnet.host.descriptors.readiness import ReadySet
from glassnet.host.graft import graft
from glassnet.host.system import System

__all__ = ["Select", "VirtualEpoll", "VirtualPoll", "VirtualSelector", "patch_selectors"]

_READABLE = IN | HUP | ERR | NVAL
_WRITABLE = OUT | ERR | NVAL
_TO_BITS = {0: 0, EVENT_READ: IN, EVENT_WRITE: OUT, EVENT_READ | EVENT_WRITE: IN | OUT}


def _here() -> System:
    system = here()
    assert system is not None
    return system


# The bookkeeping of keys that all stock selectors share. A virtual one stands before a
# stock one in the order of inheritance, so `super()` would find the real poll object.
_Keys: Any = selectors._BaseSelectorImpl


class VirtualSelector(_Keys):  # type: ignore[misc]
    """A selector over virtual file numbers; the bookkeeping of keys is the standard library's."""

    _fd_to_key: dict[int, SelectorKey]

    def __init__(self) -> None:
        _Keys.__init__(self)
        self._ready = ReadySet(_here().world.files, "select")

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """As `BaseSelector.register`."""
        key: SelectorKey = _Keys.register(self, fileobj, events, data)
        try:
            self._ready.add(key.fd, _TO_BITS[events])
        except OSError:
            _Keys.unregister(self, fileobj)
            raise
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """As `BaseSelector.unregister`."""
        key: SelectorKey = _Keys.unregister(self, fileobj)
        self._ready.remove(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """As `BaseSelector.modify`."""
        try:
            key = self._fd_to_key[self._fileobj_lookup(fileobj)]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None
        if events != key.events:
            if not events or events & ~(EVENT_READ | EVENT_WRITE):
                raise ValueError(f"Invalid events: {events!r}")
            self._ready.modify(key.fd, _TO_BITS[events])
        key = self._fd_to_key[key.fd] = key._replace(events=events, data=data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """As `BaseSelector.select`; timeouts are exact to the nanosecond."""
        keys = self._fd_to_key
        found = []
        for number, bits in self._ready.wait(timeout):
            # An error or a hang-up shows as whatever was asked for, as with epoll.
            events = (EVENT_READ if bits & ~OUT else 0) | (EVENT_WRITE if bits & ~IN else 0)
            key = keys[number]
            found.append((key, events & key.events))
        return found

    def close(self) -> None:
        """As `BaseSelector.close`."""
        self._ready.clear()
        _Keys.close(self)


def patch_selectors() -> None:
    """Make the selector classes give virtual ones on a host, those made by subclassing too."""
    for name in ("EpollSelector", "PollSelector", "SelectSelector"):
        stock: Any = getattr(selectors, name, None)
        if stock is None:
            continue
        virtual = type(stock)(name, (VirtualSelector, stock), {"__module__": __name__})

        def make(cls: type, *args: Any, _virtual: type = virtual, **kwargs: Any) -> Any:
            return object.__new__(cls if here() is None else graft(cls, _virtual))

        stock.__new__ = staticmethod(make)


class VirtualPoll:
    """What `select.poll()` gives on a host."""

    def __init__(self) -> None:
        self._files = _here().world.files
        self._wanted: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = IN | PRI | OUT, /) -> None:
        """As poll objects have it."""
        self._wanted[_number(fd)] = eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """As poll objects have it."""
        number = _number(fd)
        if number not in self._wanted:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._wanted[number] = eventmask

    def unregister(self, fd: Any, /) -> None:
        """As poll objects have it."""
        del self._wanted[_number(fd)]

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """As poll objects have it; `timeout` is in milliseconds, None or negative for none."""
        ready_set = ReadySet(self._files, "poll")
        found: list[tuple[int, int]] = []
        for number, events in self._wanted.items():
            try:
                ready_set.add(number, events)
            except OSError:
                found.append((number, NVAL))
        if found:
            timeout = 0
        try:
            seconds = None if timeout is None or timeout < 0 else timeout / 1000
            ready = dict(found + ready_set.wait(seconds))
        finally:
            ready_set.clear()
        return [(number, ready[number]) for number in self._wanted if number in ready]


class VirtualEpoll:
    """What `select.epoll()` gives on a host: level-triggered, edge-triggered and one-shot."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._set: ReadySet | None = ReadySet(_here().world.files, "epoll")

    def _open(self) -> ReadySet:
        if self._set is None:
            raise ValueError("I/O operation on closed epoll object")
        return self._set

    @property
    def closed(self) -> bool:
        """As epoll objects have it."""
        return self._set is None

    def register(self, fd: Any, eventmask: int = IN | PRI | OUT) -> None:
        """As epoll objects have it."""
        ready_set = self._open()
        number = _number(fd)
        if self._has(ready_set, number):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        ready_set.add(number, eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        """As epoll objects have it."""
        self._change(self._open(), fd, eventmask)

    def unregister(self, fd: Any) -> None:
        """As epoll objects have it."""
        self._change(self._open(), fd, None)

    def _change(self, ready_set: ReadySet, fd: Any, eventmask: int | None) -> None:
        number = _number(fd)
        if not self._has(ready_set, number):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if eventmask is None:
            ready_set.remove(number)
        else:
            ready_set.modify(number, eventmask)

    def _has(self, ready_set: ReadySet, number: int) -> bool:
        """Whether the file that has this number is in the set; OSError(EBADF) if none has it.

        The kernel knows members by number and file: one that has got the number of a
        closed file is a new one.
        """
        file = ready_set.file_at(number)
        member = ready_set.members.get(number)
        if member is not None and member.file is not file:
            ready_set.remove(number)
            member = None
        return member is not None

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """As epoll objects have it; `timeout` is in seconds, None or negative for none."""
        if maxevents == 0 or maxevents < -1:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        ready_set = self._open()
        seconds = None if timeout is None or timeout < 0 else timeout
        return ready_set.wait(seconds, None if maxevents == -1 else maxevents)

    def close(self) -> None:
        """As epoll objects have it."""
        if self._set is not None:
            self._set.clear()
            self._set = None

    def __enter__(self) -> VirtualEpoll:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _number(fd: Any) -> int:
    number: int = fd if isinstance(fd, int) else fd.fileno()
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return number


class Select:
    """Replacements for functions of `select`."""

    def __init__(self) -> None:
        self._select = select.select
        self._poll = select.poll
        self._epoll = select.epoll

    def poll(self) -> Any:
        """As `select.poll`."""
        return self._poll() if here() is None else VirtualPoll()

    def epoll(self, sizehint: int = -1, flags: int = 0) -> Any:
        """As `select.epoll`."""
        return self._epoll(sizehint, flags) if here() is None else VirtualEpoll(sizehint, flags)

    def select(
        self,
        rlist: Iterable[Any],
        wlist: Iterable[Any],
        xlist: Iterable[Any],
        timeout: float | None = None,
        /,
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """As `select.select`."""
        system = here()
        if system is None:
            return self._select(rlist, wlist, xlist, timeout)
        lists = [[(_number(each), each) for each in files] for files in (rlist, wlist, xlist)]
        wanted: dict[int, int] = {}
        for files, bits in zip(lists, (_READABLE, _WRITABLE, PRI), strict=True):
            for number, _ in files:
                wanted[number] = wanted.get(number, 0) | bits
        if running_or_none() is None and all(number < FIRST_NUMBER for number in wanted):
            return self._select(rlist, wlist, xlist, timeout)
        if timeout is not None and timeout < 0:
            raise ValueError("timeout must be non-negative")
        if not wanted and timeout is not None:
            running_strand().sleep(round(timeout * 1e9))
            return [], [], []
        ready_set = ReadySet(system.world.files, "select")
        try:
            for number, bits in wanted.items():
                ready_set.add(number, bits)
            ready = dict(ready_set.wait(timeout))
        finally:
            ready_set.clear()
        readable, writable, urgent = (
            [each for number, each in files if ready.get(number, 0) & bits]
            for files, bits in zip(lists, (_READABLE, _WRITABLE, PRI), strict=True)
        )
        return readable, writable, urgent
