"""What AF_UNIX sockets of one host are called: paths and abstract names.

A path names a node of the host's own, laid over the machine's file system: nothing
is made there, and two hosts may use the same path. Directories are the machine's.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glassnet.host.sockets.file import failure
from glassnet.host.sockets.unix.flights import Flights

if TYPE_CHECKING:
    from glassnet.host.sockets.unix.base import UnixSocket
    from glassnet.host.system import System

__all__ = ["Key", "Node", "UnixNames", "name_of", "show"]

# Bound before any is replaced: they ask the machine's file system.
_stat, _lstat, _access, _readlink = os.stat, os.lstat, os.access, os.readlink

_LONGEST = 108
_FIRST_NODE = 1 << 40
_DEVICE = 1 << 20
_AUTOMATIC = 1 << 20
_MOST_LINKS = 40

Key = tuple[int, int, str]
"""A path whatever its spelling: device and number of its directory, and the name in it."""


def name_of(address: Any) -> bytes:
    """The name in a program's address: b"" for none, NUL and more for an abstract one, else a path.

    TypeError, and OSError without an errno if it is too long, as Python has them.
    """
    if isinstance(address, str):
        name = os.fsencode(address)
    else:
        try:
            name = bytes(memoryview(address).cast("B"))
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not {type(address).__name__!r}") from None
    abstract = name[:1] in (b"", b"\0")
    if len(name) > _LONGEST - (not abstract):
        raise OSError("AF_UNIX path too long")
    return name if abstract else name.split(b"\0", 1)[0]


def show(name: bytes) -> str | bytes:
    """A name as programs see it: text, or octets if it is abstract."""
    return name if name[:1] == b"\0" else os.fsdecode(name)


class Node:
    """A path that a socket was bound to. It stays when the socket is closed, until it is removed."""

    __slots__ = ("changed", "made", "mode", "number", "owner", "socket")

    def __init__(self, socket: UnixSocket, number: int, now: int) -> None:
        mask = os.umask(0o077)
        os.umask(mask)
        self.socket: UnixSocket | None = socket
        self.number = number
        self.mode = stat.S_IFSOCK | 0o777 & ~mask
        self.owner = (os.geteuid(), os.getegid())
        self.made = self.changed = now

    def status(self) -> os.stat_result:
        """What stat(2) says of it."""
        made, changed = self.made, self.changed
        seconds = (made // 10**9, made // 10**9, changed // 10**9)
        return os.stat_result(
            (self.mode, self.number, _DEVICE, 1, *self.owner, 0, *seconds),
            {
                "st_atime": made / 1e9,
                "st_mtime": made / 1e9,
                "st_ctime": changed / 1e9,
                "st_atime_ns": made,
                "st_mtime_ns": made,
                "st_ctime_ns": changed,
                "st_blksize": 4096,
                "st_blocks": 0,
                "st_rdev": 0,
            },
        )


class UnixNames:
    """The names of one host's sockets."""

    __slots__ = ("_automatic", "_next_node", "_system", "abstract", "flights", "nodes")

    def __init__(self, system: System) -> None:
        self._system = system
        self.abstract: dict[bytes, UnixSocket] = {}
        self.nodes: dict[Key, Node] = {}
        self.flights = Flights()
        self._next_node = _FIRST_NODE
        self._automatic = 0

    def _now(self) -> int:
        return self._system.clock.time()

    def find(self, path: Any, follow: bool = True) -> tuple[Key, Node] | None:
        """The node at a path, by way of symbolic links if `follow`; None if there is none."""
        if not self.nodes or isinstance(path, int):
            return None
        name = os.fsdecode(path)
        for _ in range(_MOST_LINKS):
            key = _key(name)
            node = None if key is None else self.nodes.get(key)
            if key is not None and node is not None:
                return key, node
            if not follow:
                return None
            try:
                name = os.path.join(os.path.dirname(name), _readlink(name))
            except OSError:
                return None
        return None

    def touch(self, node: Node) -> None:
        """Its mode, owner or name has changed."""
        node.changed = self._now()

    def bind(self, socket: UnixSocket, name: bytes) -> bytes:
        """Give a socket a name, b"" for any abstract one; returns it.

        OSError: EADDRINUSE if it is taken, EINVAL if the socket has one, or what is wrong
        with the path.
        """
        if not name:
            name = self._automatic_name()
        if name[:1] == b"\0":
            if socket.name:
                raise failure(errno.EINVAL)
            if name in self.abstract:
                raise failure(errno.EADDRINUSE)
            self.abstract[name] = socket
            return name
        path = os.fsdecode(name)
        directory = os.path.dirname(path) or "."
        status = _ask(_stat, directory)
        if not stat.S_ISDIR(status.st_mode):
            raise failure(errno.ENOTDIR)
        key = (status.st_dev, status.st_ino, os.path.basename(path))
        if key in self.nodes or _exists(path):
            raise failure(errno.EADDRINUSE)
        if not _access(directory, os.W_OK | os.X_OK):
            raise failure(errno.EACCES)
        if socket.name:
            raise failure(errno.EINVAL)
        socket.node = self.nodes[key] = Node(socket, self._next_node, self._now())
        self._next_node += 1
        return name

    def _automatic_name(self) -> bytes:
        for _ in range(_AUTOMATIC):
            name = b"\0%05x" % self._automatic
            self._automatic = (self._automatic + 1) % _AUTOMATIC
            if name not in self.abstract:
                return name
        raise failure(errno.ENOSPC)

    def release(self, socket: UnixSocket) -> None:
        """A socket is closed: its abstract name is free, its path leads nowhere."""
        if socket.node is not None:
            socket.node.socket = None
        elif self.abstract.get(socket.name) is socket:
            del self.abstract[socket.name]

    def reach(self, name: bytes, kind: int) -> UnixSocket:
        """The socket that a program sends or connects to.

        OSError: EINVAL (no name), ENOENT, EACCES, ECONNREFUSED (nobody listens there),
        EPROTOTYPE (a socket of another kind).
        """
        if not name:
            raise failure(errno.EINVAL)
        if name[:1] == b"\0":
            socket = self.abstract.get(name)
        else:
            path = os.fsdecode(name)
            found = self.find(path)
            if found is None:
                _ask(_stat, path)
                raise failure(errno.ECONNREFUSED)
            node = found[1]
            if os.geteuid() and not node.mode & stat.S_IWUSR:
                raise failure(errno.EACCES)
            socket = node.socket
        if socket is None:
            raise failure(errno.ECONNREFUSED)
        if socket.kind != kind:
            raise failure(errno.EPROTOTYPE)
        return socket

    def move(self, key: Key, node: Node, target: Any) -> None:
        """Give a node another path, in place of what node may be there; OSError(ENOENT) if it cannot."""
        new = _key(os.fsdecode(target))
        if new is None:
            raise failure(errno.ENOENT)
        del self.nodes[key]
        self.nodes[new] = node
        self.touch(node)


def _key(path: str) -> Key | None:
    """Which path this is; None if its directory is not there."""
    directory, name = os.path.split(path)
    try:
        status = _stat(directory or ".")
    except OSError:
        return None
    return status.st_dev, status.st_ino, name


def _ask(question: Callable[[str], os.stat_result], path: str) -> os.stat_result:
    """What the machine's file system says of a path; failures without its name, as sockets have them."""
    try:
        return question(path)
    except OSError as error:
        raise failure(error.errno or errno.EIO) from None


def _exists(path: str) -> bool:
    try:
        _lstat(path)
    except FileNotFoundError:
        return False
    return True
