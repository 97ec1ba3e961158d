"""The names that a network knows, and the addresses behind them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

__all__ = ["Names"]


def _fold(name: str) -> str:
    return name.rstrip(".").lower()


class Names:
    """A table of names like /etc/hosts: each name has addresses, in the order in which they were added.

    Names are compared without case and without a final dot (RFC 4343). Addresses
    are text or packed bytes going in, and packed bytes (4 or 16) coming out.
    """

    __slots__ = ("_addresses", "_names")

    def __init__(self) -> None:
        self._addresses: dict[str, list[bytes]] = {}
        self._names: dict[bytes, list[str]] = {}

    def add(self, name: str, *addresses: str | bytes) -> None:
        """Let `name` stand for these addresses as well; ValueError for what is not an address."""
        if not _fold(name):
            raise ValueError(f"{name!r}: a name has at least one character")
        known = self._addresses.setdefault(_fold(name), [])
        for address in addresses:
            packed = _packed(address)
            if packed not in known:
                known.append(packed)
            names = self._names.setdefault(packed, [])
            if name not in names:
                names.append(name)

    def remove(self, name: str, addresses: Iterable[str | bytes] | None = None) -> None:
        """Forget a name, or some of its addresses; KeyError if it is not known."""
        folded = _fold(name)
        known = self._addresses[folded]
        for packed in [_packed(each) for each in addresses] if addresses is not None else list(known):
            known.remove(packed)
            left = [each for each in self._names[packed] if _fold(each) != folded]
            if left:
                self._names[packed] = left
            else:
                del self._names[packed]
        if not known:
            del self._addresses[folded]

    def addresses(self, name: str) -> tuple[bytes, ...]:
        """The addresses of `name`; empty if it is not known."""
        return tuple(self._addresses.get(_fold(name), ()))

    def names(self, address: str | bytes) -> tuple[str, ...]:
        """The names of an address, the first one that was given to it first."""
        return tuple(self._names.get(_packed(address), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses)

    def __contains__(self, name: str) -> bool:
        return _fold(name) in self._addresses


def _packed(address: str | bytes) -> bytes:
    if isinstance(address, bytes):
        if len(address) not in (4, 16):
            raise ValueError(f"{address!r}: expected 4 or 16 bytes")
        return address
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.inet_pton(family, address)
    except OSError:
        raise ValueError(f"{address!r}: expected an IPv4 or IPv6 address") from None
