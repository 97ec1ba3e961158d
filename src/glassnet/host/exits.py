"""How programs on a host end themselves: `atexit`, `os._exit`, `os.abort`; and that they have no children."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from glassnet.host.current import here, running_or_none
from glassnet.host.process import Process

__all__ = ["Exits"]


def _process() -> Process | None:
    strand = running_or_none()
    return None if strand is None or here() is None else strand.process


class Exits:
    """Replacements for functions of `atexit` and `os`."""

    def __init__(self) -> None:
        self._register = atexit.register
        self._unregister = atexit.unregister
        self._ncallbacks = atexit._ncallbacks
        self._run_exitfuncs = atexit._run_exitfuncs
        self._os = {name: getattr(os, name) for name in ("_exit", "abort", *self.WAITS)}
        # It registers itself once, with the interpreter: all programs share it.
        weakref.finalize(self, int).detach()

    WAITS = ("wait", "wait3", "wait4", "waitid", "waitpid")

    def register(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """As `atexit.register`: called when the program ends.

        What the standard library registers belongs to the interpreter, which all programs share.
        """
        process = _process()
        module = (getattr(func, "__module__", None) or "").split(".", 1)[0]
        if process is None or not callable(func) or module in sys.stdlib_module_names - {"__main__"}:
            return self._register(func, *args, **kwargs)
        process.at_exit.append((func, args, kwargs))
        return func

    def unregister(self, func: Callable[..., Any], /) -> None:
        """As `atexit.unregister`."""
        process = _process()
        if process is None:
            self._unregister(func)
        else:
            process.at_exit = [entry for entry in process.at_exit if entry[0] != func]

    def ncallbacks(self) -> int:
        """As `atexit._ncallbacks`."""
        process = _process()
        return self._ncallbacks() if process is None else len(process.at_exit)

    def run_exitfuncs(self) -> None:
        """As `atexit._run_exitfuncs`."""
        process = _process()
        if process is None:
            self._run_exitfuncs()
        else:
            process.call_at_exit()

    def exit(self, status: int) -> NoReturn:
        """As `os._exit`: the program ends at once; what it leaves unfinished has no effect."""
        process = _process()
        if process is not None:
            process.end(status & 0xFF)
        self._os["_exit"](status)
        raise AssertionError("os._exit() returned")

    def abort(self) -> NoReturn:
        """As `os.abort`: the program ends by SIGABRT, whatever its handler."""
        process = _process()
        if process is not None:
            process.end(-signal.SIGABRT)
        self._os["abort"]()
        raise AssertionError("os.abort() returned")

    def _childless(self, name: str) -> Callable[..., Any]:
        stock = self._os[name]

        def wait(*args: Any, **kwargs: Any) -> Any:
            if _process() is None:
                return stock(*args, **kwargs)
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))

        wait.__name__ = name
        return wait

    def table(self) -> list[tuple[Any, str, Any]]:
        """What is replaced: module, name, and by what."""
        return [
            (atexit, "register", self.register),
            (atexit, "unregister", self.unregister),
            (atexit, "_ncallbacks", self.ncallbacks),
            (atexit, "_run_exitfuncs", self.run_exitfuncs),
            (os, "_exit", self.exit),
            (os, "abort", self.abort),
            *((os, name, self._childless(name)) for name in self.WAITS),
        ]
