"""The files in which programs look for names: what `/etc/hosts` and its like say on a host.

Each is made when it is opened, and cannot be written there. All other files, and these
off host, are the real machine's.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import stat
from types import ModuleType
from typing import TYPE_CHECKING, Any

from glassnet.host.current import here
from glassnet.host.names import lookup
from glassnet.host.names.numeric import show
from glassnet.host.timekeeping import EPOCH

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["etc_functions"]


def _hosts(system: System) -> str:
    return "".join(f"{show(address)}\t{' '.join(names)}\n" for address, names in lookup.entries(system))


def _resolv(system: System) -> str:
    return "".join(f"{line}\n" for line in system.resolv.lines())


def _hostname(system: System) -> str:
    return f"{system.name}\n"


_FILES = {"/etc/hosts": _hosts, "/etc/resolv.conf": _resolv, "/etc/hostname": _hostname}
_NUMBERS = {path: 0xE7C00 + place for place, path in enumerate(_FILES)}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = "remove unlink rename replace truncate chmod chown link symlink utime"


def _ours(path: Any) -> str | None:
    """The path, if it is one of these files on a host."""
    if type(path) is not str:
        if type(path) is int or not isinstance(path, str | bytes | os.PathLike):
            return None
        path = os.fsdecode(path)
    return path if path in _FILES and here() is not None else None


def _content(path: str) -> bytes:
    system = here()
    assert system is not None
    return _FILES[path](system).encode()


def _denied(path: str) -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


class EtcFiles:
    """Replacements for functions of `os` and `io` that take paths."""

    def __init__(self) -> None:
        self._io_open = io.open
        self._open = os.open
        self._stat = os.stat
        self._lstat = os.lstat
        self._access = os.access

    def io_open(self, file: Any, *args: Any, **kwargs: Any) -> Any:
        """As `open`."""
        if _ours(file) is not None and len(args) < 7 and kwargs.get("opener") is None:
            kwargs["opener"] = self.open
        return self._io_open(file, *args, **kwargs)

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """As `os.open`."""
        ours = _ours(path)
        if ours is None:
            return self._open(path, flags, mode, dir_fd=dir_fd)
        if flags & _WRITING:
            raise _denied(ours)
        # A file of the machine that only this number has, so that all of `os` works on it.
        written = os.memfd_create(os.path.basename(ours))
        try:
            os.write(written, _content(ours))
            return self._open(f"/proc/self/fd/{written}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(written)

    def stat(self, path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        """As `os.stat`."""
        ours = _ours(path)
        if ours is None:
            return self._stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        return _status(ours)

    def lstat(self, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        """As `os.lstat`: none of them is a link."""
        ours = _ours(path)
        return self._lstat(path, dir_fd=dir_fd) if ours is None else _status(ours)

    def access(
        self,
        path: Any,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        """As `os.access`: they may be read."""
        if _ours(path) is not None:
            return not mode & (os.W_OK | os.X_OK)
        return self._access(
            path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks
        )


class _Unchanged:
    """A function that changes files, and no file of these."""

    def __init__(self, stock: Any) -> None:
        self._stock = stock
        self.__name__ = stock.__name__
        self.__doc__ = stock.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for path in (*args[:2], kwargs.get("path"), kwargs.get("src"), kwargs.get("dst")):
            ours = _ours(path)
            if ours is not None:
                raise _denied(ours)
        return self._stock(*args, **kwargs)


def _status(path: str) -> os.stat_result:
    seconds = EPOCH // 10**9
    size = len(_content(path))
    return os.stat_result((stat.S_IFREG | 0o644, _NUMBERS[path], 1, 1, 0, 0, size, seconds, seconds, seconds))


def etc_functions() -> list[tuple[ModuleType, str, Any]]:
    """What to replace: module, name, and by what. What is there now goes on serving all other files."""
    files = EtcFiles()
    return [
        (builtins, "open", files.io_open),
        (io, "open", files.io_open),
        *((os, name, getattr(files, name)) for name in ("open", "stat", "lstat", "access")),
        *((os, name, _Unchanged(getattr(os, name))) for name in _CHANGES.split()),
    ]
