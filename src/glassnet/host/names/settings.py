"""Whom a host asks for names, and how: what `/etc/resolv.conf` says, see resolv.conf(5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

from glassnet.engine.quantity import duration

__all__ = ["NameServer", "Resolv"]

_SECOND = 10**9
_MOST_SERVERS, _MOST_DOTS, _LONGEST, _MOST_ATTEMPTS = 3, 15, 30, 5


class NameServer(NamedTuple):
    """The address of a name server, and for a link-local one the interface it is on."""

    address: bytes
    zone: str = ""

    def __str__(self) -> str:
        text = inet_ntop(AF_INET if len(self.address) == 4 else AF_INET6, self.address)
        return f"{text}%{self.zone}" if self.zone else text


class Resolv:
    """What a host's stub resolver goes by.

    `nameservers` are up to three addresses, asked in this order, or each first in turn
    with `rotate`. A name with fewer dots than `ndots` is looked up in each of the domains
    of `search` before it is looked up as it is. A server that is silent for `timeout`,
    whole seconds, is left for the next; all are asked `attempts` times. ValueError for
    what resolv.conf(5) does not allow.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        search: Sequence[str] = (),
        ndots: int = 1,
        timeout: float | str = "5s",
        attempts: int = 2,
        rotate: bool = False,
    ) -> None:
        for name, given in (("nameservers", nameservers), ("search", search)):
            if isinstance(given, str):
                raise ValueError(f"{name}={given!r}: expected a list, such as {name}=[{given!r}]")
        if len(nameservers) > _MOST_SERVERS:
            raise ValueError(f"nameservers: at most {_MOST_SERVERS}, as in resolv.conf(5)")
        self.nameservers = tuple(_server(each) for each in nameservers)
        self.search = tuple(_domain(each) for each in search)
        self.ndots = _whole("ndots", ndots, 0, _MOST_DOTS)
        nanoseconds = duration(timeout)
        if nanoseconds % _SECOND or not _SECOND <= nanoseconds <= _LONGEST * _SECOND:
            raise ValueError(f"timeout={timeout!r}: expected whole seconds, from '1s' to '{_LONGEST}s'")
        self.timeout = nanoseconds
        self.attempts = _whole("attempts", attempts, 1, _MOST_ATTEMPTS)
        self.rotate = rotate
        self._turns = count()

    def in_turn(self) -> tuple[NameServer, ...]:
        """The name servers, in the order for the next question."""
        servers = self.nameservers
        if not self.rotate or not servers:
            return servers
        first = next(self._turns) % len(servers)
        return servers[first:] + servers[:first]

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        if not self.nameservers:
            yield "# No name server: names come from /etc/hosts alone."
        for server in self.nameservers:
            yield f"nameserver {server}"
        if self.search:
            yield "search " + " ".join(self.search)
        options = []
        if self.ndots != 1:
            options.append(f"ndots:{self.ndots}")
        if self.timeout != 5 * _SECOND:
            options.append(f"timeout:{self.timeout // _SECOND}")
        if self.attempts != 2:
            options.append(f"attempts:{self.attempts}")
        if self.rotate:
            options.append("rotate")
        if options:
            yield "options " + " ".join(options)


def _server(text: str) -> NameServer:
    address, _, zone = text.partition("%")
    try:
        return NameServer(inet_pton(AF_INET6 if ":" in address else AF_INET, address), zone)
    except OSError:
        raise ValueError(f"nameserver {text!r}: expected an address, such as '192.0.2.53'") from None


def _domain(text: str) -> str:
    labels = text.rstrip(".").split(".")
    if not all(0 < len(label) < 64 and label.isascii() and not label.isspace() for label in labels):
        raise ValueError(f"search domain {text!r}: expected a domain, such as 'corp.example'")
    return ".".join(labels)


def _whole(name: str, value: int, least: int, most: int) -> int:
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}={value!r}: expected a whole number from {least} to {most}")
    return value
