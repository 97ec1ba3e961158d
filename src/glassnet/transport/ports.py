"""Which local ports are taken, and by whom (RFC 6056, and Linux's rules for sharing)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

__all__ = ["Binding", "Ports"]

ANY4 = bytes(4)
ANY6 = bytes(16)


@dataclass(slots=True, eq=False)
class Binding:
    """A claim on a local port.

    `address` is 4 or 16 bytes, all zero for any address; one of 16 zero bytes
    without `v6only` claims the port for IPv4 as well. `holders` counts who uses
    the claim: a listener and each connection that it accepted share one.
    """

    address: bytes
    port: int
    v6only: bool = True
    reuse_address: bool = False
    reuse_port: bool = False
    automatic: bool = False
    listening: bool = False
    holders: int = 1

    def covers(self, address: bytes) -> bool:
        """Whether packets to this local address belong to this claim."""
        mine = self.address
        if mine == address or (mine == ANY4 and len(address) == 4):
            return True
        return mine == ANY6 and (len(address) == 16 or not self.v6only)

    def overlaps(self, other: Binding) -> bool:
        """Whether some local address belongs to both claims."""
        return self.covers(other.address) or other.covers(self.address)


class Ports:
    """The ports of one protocol on one host. `low` to `high` is the ephemeral range, inclusive."""

    __slots__ = ("_bound", "_random", "high", "low")

    def __init__(self, random: Random, low: int = 32768, high: int = 60999) -> None:
        self.low = low
        self.high = high
        self._random = random
        self._bound: dict[int, list[Binding]] = {}

    def bind(
        self,
        address: bytes,
        port: int,
        *,
        v6only: bool = True,
        reuse_address: bool = False,
        reuse_port: bool = False,
    ) -> Binding:
        """Claim a port; 0 asks for a free ephemeral one. Raises OSError(EADDRINUSE)."""
        binding = Binding(address, port, v6only, reuse_address, reuse_port)
        if port == 0:
            binding.port = self._search(lambda candidate: candidate not in self._bound)
            if binding.port == 0:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        elif any(self._conflict(binding, other) for other in self._bound.get(port, ())):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._bound.setdefault(binding.port, []).append(binding)
        return binding

    def bind_for(self, address: bytes, free: Callable[[int], bool]) -> Binding:
        """Claim an ephemeral port for a connection, where `free(port)` says that its 4-tuple is unused.

        Such claims share a port among themselves: what must be unique is the
        4-tuple. Raises OSError(EADDRNOTAVAIL) when none is left.
        """

        def usable(port: int) -> bool:
            return all(other.automatic for other in self._bound.get(port, ())) and free(port)

        port = self._search(usable)
        if port == 0:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        binding = Binding(address, port, automatic=True)
        self._bound.setdefault(port, []).append(binding)
        return binding

    def check_listen(self, binding: Binding) -> None:
        """Raise OSError(EADDRINUSE) if another listener stands where `binding` is to listen."""
        for other in self._bound.get(binding.port, ()):
            if (
                other is not binding
                and other.listening
                and other.overlaps(binding)
                and not (other.reuse_port and binding.reuse_port)
            ):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def release(self, binding: Binding) -> None:
        """Give up one hold on the claim; the last one frees the port."""
        binding.holders -= 1
        if binding.holders:
            return
        left = [other for other in self._bound[binding.port] if other is not binding]
        if left:
            self._bound[binding.port] = left
        else:
            del self._bound[binding.port]

    def _search(self, usable: Callable[[int], bool]) -> int:
        # RFC 6056, 3.3.1: a random start, then the next ones in turn.
        size = self.high - self.low + 1
        start = self._random.randrange(size)
        for step in range(size):
            port = self.low + (start + step) % size
            if usable(port):
                return port
        return 0

    @staticmethod
    def _conflict(new: Binding, old: Binding) -> bool:
        if not new.overlaps(old):
            return False
        if new.reuse_port and old.reuse_port:
            return False
        return not (new.reuse_address and old.reuse_address and not old.listening)
