"""DNS messages as a stub resolver makes and reads them (RFC 1035 section 4).

Of an answer only what was asked for is read; `dnspython` does the names, and raises
nothing but `FormError` for what cannot be.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.wire

__all__ = ["AAAA", "PTR", "A", "Answer", "Message", "encode", "is_host_name", "make_query", "read"]

A = int(dns.rdatatype.A)
AAAA = int(dns.rdatatype.AAAA)
PTR = int(dns.rdatatype.PTR)
_CNAME = int(dns.rdatatype.CNAME)
_IN = 1
_SIZES = {A: 4, AAAA: 16}
_LONGEST_CHAIN = 16

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]*")


class Circle(dns.exception.FormError):
    """CNAME records that lead nowhere."""


class Answer(NamedTuple):
    """What a response says: the last name of the chain, those before it, and the data of the records."""

    name: str
    aliases: tuple[str, ...]
    data: list[bytes]
    """Addresses; of PTR records the names, as text in ASCII."""


def is_host_name(name: str) -> bool:
    """Whether programs may have this as the name of a host, as glibc judges (res_hnok)."""
    return _HOST_NAME.fullmatch(name) is not None


def encode(name: str) -> dns.name.Name | None:
    """The name as the DNS has it; None if it cannot be one there."""
    if not is_host_name(name):
        return None
    try:
        return dns.name.from_text(name)
    except dns.exception.DNSException:
        return None


def make_query(name: dns.name.Name, kind: int, number: int) -> bytes:
    """A question with this number, recursion desired."""
    return dns.message.make_query(name, dns.rdatatype.RdataType(kind), id=number).to_wire()


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


def _next_name(parser: dns.wire.Parser) -> dns.name.Name:
    name, used = dns.name.from_wire(parser.wire, parser.current)
    parser.get_bytes(used)
    return name


class Message:
    """A response, header and question read; FormError if they cannot be."""

    __slots__ = ("_answers", "_parser", "kind", "lame", "name", "number", "questions", "rcode", "truncated")

    def __init__(self, wire: bytes) -> None:
        self._parser = parser = dns.wire.Parser(wire)
        self.number, flags, self.questions, self._answers, _, additional = parser.get_struct("!HHHHHH")
        self.rcode = flags & 0x0F
        self.truncated = bool(flags & 0x0200)
        # Neither an answer nor a way to one: of a server that does not do recursion, or no response at all.
        self.lame = not flags & 0x8000 or not (self.rcode or self._answers or flags & 0x0480 or additional)
        self.name: dns.name.Name | None = None
        self.kind = 0
        if self.questions == 1:
            self.name = _next_name(parser)
            self.kind, _ = parser.get_struct("!HH")

    def answers(self, name: dns.name.Name, kind: int) -> bool:
        """Whether this is about that question."""
        return self.name == name and self.kind == kind

    def answer(self) -> Answer:
        """Follow the chain of CNAME records from the question; FormError if that cannot be done."""
        held: dict[dns.name.Name, list[bytes]] = {}
        aliases: dict[dns.name.Name, dns.name.Name] = {}
        parser = self._parser
        for _ in range(self._answers):
            owner = _next_name(parser)
            kind, category, _, length = parser.get_struct("!HHIH")
            start = parser.current
            data = parser.get_bytes(length)
            if category != _IN:
                continue
            if kind in (_CNAME, PTR):
                target, _ = dns.name.from_wire(parser.wire, start)
                if kind == _CNAME:
                    aliases.setdefault(owner, target)
                    continue
                data = _text(target).encode("ascii")
            elif len(data) != _SIZES.get(kind):
                continue
            if kind == self.kind:
                held.setdefault(owner, []).append(data)
        name = self.name
        assert name is not None
        before: list[str] = []
        while name not in held and name in aliases:
            before.append(_text(name))
            if len(before) > _LONGEST_CHAIN:
                raise Circle
            name = aliases[name]
        return Answer(_text(name), tuple(before), held.get(name, []))


def read(wire: bytes) -> Message | None:
    """The response in these bytes; None if they are none."""
    try:
        return Message(wire)
    except dns.exception.FormError:
        return None
