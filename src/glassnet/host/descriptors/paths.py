"""Functions of `os` on paths, where a path may name a socket of the host."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from glassnet.host.current import here
from glassnet.host.descriptors.files import FIRST_NUMBER

if TYPE_CHECKING:
    from glassnet.host.sockets.unix.names import Key, Node, UnixNames

__all__ = ["Paths"]

_Found = tuple["UnixNames", "Key", "Node"]


def _find(path: Any, follow: bool = True, options: Any = None) -> _Found | None:
    """The node of the running program's host at a path, unless that is relative to a descriptor."""
    system = here()
    if system is None or not system.unix.nodes or (options and options.get("dir_fd") is not None):
        return None
    found = system.unix.find(path, follow)
    return None if found is None else (system.unix, *found)


class Paths:
    """Replacements for functions of `os`: a host's sockets first, then the machine's files."""

    def __init__(self) -> None:
        self._stat = os.stat
        self._lstat = os.lstat
        self._access = os.access
        self._chmod = os.chmod
        self._chown = os.chown
        self._lchown = os.lchown
        self._unlink = os.unlink
        self._remove = os.remove
        self._rename = os.rename
        self._replace = os.replace

    def stat(self, path: Any, **options: Any) -> os.stat_result:
        """As `os.stat`."""
        if type(path) is int:
            return os.fstat(path) if path >= FIRST_NUMBER else self._stat(path, **options)
        found = _find(path, options.get("follow_symlinks", True), options)
        return self._stat(path, **options) if found is None else found[2].status()

    def lstat(self, path: Any, **options: Any) -> os.stat_result:
        """As `os.lstat`."""
        found = _find(path, False, options)
        return self._lstat(path, **options) if found is None else found[2].status()

    def access(self, path: Any, mode: int, **options: Any) -> bool:
        """As `os.access`."""
        found = _find(path, options.get("follow_symlinks", True), options)
        if found is None:
            return self._access(path, mode, **options)
        bits = found[2].mode
        if not os.getuid():
            return not mode & os.X_OK or bool(bits & 0o111)
        return mode & (bits >> 6) & 7 == mode

    def chmod(self, path: Any, mode: int, **options: Any) -> None:
        """As `os.chmod`."""
        found = _find(path, options.get("follow_symlinks", True), options)
        if found is None:
            self._chmod(path, mode, **options)
        else:
            names, _, node = found
            node.mode = stat.S_IFSOCK | mode & 0o7777
            names.touch(node)

    def chown(self, path: Any, uid: int, gid: int, **options: Any) -> None:
        """As `os.chown`."""
        found = _find(path, options.get("follow_symlinks", True), options)
        if found is None:
            self._chown(path, uid, gid, **options)
        else:
            _own(found, uid, gid)

    def lchown(self, path: Any, uid: int, gid: int) -> None:
        """As `os.lchown`."""
        found = _find(path, False)
        if found is None:
            self._lchown(path, uid, gid)
        else:
            _own(found, uid, gid)

    def unlink(self, path: Any, **options: Any) -> None:
        """As `os.unlink`."""
        found = _find(path, False, options)
        if found is None:
            self._unlink(path, **options)
        else:
            del found[0].nodes[found[1]]

    def remove(self, path: Any, **options: Any) -> None:
        """As `os.remove`."""
        self.unlink(path, **options)

    def rename(self, src: Any, dst: Any, **options: Any) -> None:
        """As `os.rename`."""
        found = _find(src, False, options)
        if found is None:
            self._rename(src, dst, **options)
            covered = _find(dst, False, options)
            if covered is not None:
                del covered[0].nodes[covered[1]]
            return
        if os.path.isdir(dst):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), src, None, dst)
        names, key, node = found
        names.move(key, node, dst)
        try:
            self._unlink(dst)
        except FileNotFoundError:
            pass  # there was nothing to replace

    def replace(self, src: Any, dst: Any, **options: Any) -> None:
        """As `os.replace`."""
        self.rename(src, dst, **options)


def _own(found: _Found, uid: int, gid: int) -> None:
    names, _, node = found
    owner = (node.owner[0] if uid == -1 else uid, node.owner[1] if gid == -1 else gid)
    if os.getuid() and owner != node.owner:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
    node.owner = owner
    names.touch(node)
