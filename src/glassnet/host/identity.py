"""Who a program on a host is, and where: the names of the host, the numbers of processes.

Users and groups, the environment, the working directory and files are the real machine's.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
from typing import Any

from glassnet.host.current import here, running_or_none
from glassnet.host.process import Process
from glassnet.host.system import System

__all__ = ["CPUS", "RELEASE", "Identity"]

RELEASE = "6.1.0"
"""What hosts say of their kernel, wherever they run: glassnet behaves as Linux of that age."""

_VERSION = "#1 SMP glassnet"

CPUS = 4
"""How many processors a host says it has: how many threads a pool starts depends on it."""

_MACHINE = os.uname().machine


def _failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _process() -> Process | None:
    strand = running_or_none()
    return None if strand is None or here() is None else strand.process


class Identity:
    """Replacements for functions of `os`, `platform` and `socket`."""

    def __init__(self) -> None:
        self._uname = os.uname
        self._platform_uname = platform.uname
        self._platform_platform = platform.platform
        self._sethostname = socket.sethostname
        self._getpid = os.getpid
        self._getppid = os.getppid
        self._getpgid = os.getpgid
        self._getpgrp = os.getpgrp
        self._getsid = os.getsid
        self._setsid = os.setsid
        self._setpgid = os.setpgid
        self._cpu_count = os.cpu_count
        self._process_cpu_count = getattr(os, "process_cpu_count", None)
        self._sched_getaffinity = os.sched_getaffinity

    def uname(self) -> os.uname_result:
        """As `os.uname`: the node is the host. The machine is the real one."""
        system = here()
        if system is None:
            return self._uname()
        return os.uname_result(("Linux", system.name, RELEASE, _VERSION, _MACHINE))

    def platform_uname(self) -> platform.uname_result:
        """As `platform.uname`."""
        system = here()
        if system is None:
            return self._platform_uname()
        made = platform.uname_result("Linux", system.name, RELEASE, _VERSION, _MACHINE)
        vars(made)["processor"] = ""  # found out by a program, `uname -p`, which says nothing on Linux
        return made

    def platform_platform(self, aliased: bool = False, terse: bool = False) -> str:
        """As `platform.platform`."""
        if here() is None:
            return self._platform_platform(aliased, terse)
        module: Any = platform
        outer, module._platform_cache = module._platform_cache, {}
        try:
            return self._platform_platform(aliased, terse)
        finally:
            module._platform_cache = outer

    def sethostname(self, name: str, /) -> None:
        """As `socket.sethostname` without the right to: the network knows the host by its name."""
        if here() is None:
            self._sethostname(name)
        else:
            raise _failure(errno.EPERM)

    # Every program is a child of the host's first process, and leads a session and a group.

    def getpid(self) -> int:
        """As `os.getpid`."""
        process = _process()
        return self._getpid() if process is None else process.pid

    def getppid(self) -> int:
        """As `os.getppid`."""
        return self._getppid() if _process() is None else 1

    def getpgid(self, pid: int) -> int:
        """As `os.getpgid`."""
        process = _process()
        return self._getpgid(pid) if process is None else self._known(process.system, pid or process.pid)

    def getpgrp(self) -> int:
        """As `os.getpgrp`."""
        process = _process()
        return self._getpgrp() if process is None else process.pid

    def getsid(self, pid: int, /) -> int:
        """As `os.getsid`."""
        process = _process()
        return self._getsid(pid) if process is None else self._known(process.system, pid or process.pid)

    def setsid(self) -> None:
        """As `os.setsid` in the leader of a session."""
        if _process() is None:
            self._setsid()
        else:
            raise _failure(errno.EPERM)

    def setpgid(self, pid: int, pgrp: int, /) -> None:
        """As `os.setpgid` for the leader of a session."""
        process = _process()
        if process is None:
            self._setpgid(pid, pgrp)
        else:
            self._known(process.system, pid or process.pid)
            raise _failure(errno.EPERM)

    def _known(self, system: System, pid: int) -> int:
        if pid not in system.processes:
            raise _failure(errno.ESRCH)
        return pid

    def cpu_count(self) -> int | None:
        """As `os.cpu_count`."""
        return self._cpu_count() if here() is None else CPUS

    def process_cpu_count(self) -> int | None:
        """As `os.process_cpu_count`."""
        if here() is None and self._process_cpu_count is not None:
            count: int | None = self._process_cpu_count()
            return count
        return CPUS

    def sched_getaffinity(self, pid: int, /) -> set[int]:
        """As `os.sched_getaffinity`."""
        return self._sched_getaffinity(pid) if here() is None else set(range(CPUS))

    def table(self) -> list[tuple[Any, str, Any]]:
        """What is replaced: module, name, and by what."""
        names = (
            "uname getpid getppid getpgid getpgrp getsid setsid setpgid cpu_count process_cpu_count "
            "sched_getaffinity"
        )
        return [
            *((os, name, getattr(self, name)) for name in names.split() if hasattr(os, name)),
            (platform, "uname", self.platform_uname),
            (platform, "platform", self.platform_platform),
            (socket, "sethostname", self.sethostname),
        ]
