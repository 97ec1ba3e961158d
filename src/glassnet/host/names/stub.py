"""The stub resolver of a host: names looked up in the DNS over the virtual network (RFC 1034 section 5.3.1).

It does what glibc's does: no cache, no EDNS, the search list of resolv.conf(5), and its
judgement of what came of a lookup.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import dns.exception
import dns.name
import dns.rcode
import dns.reversename

from glassnet.host.names.exchange import Exchange, Question
from glassnet.host.names.messages import AAAA, PTR, A, Answer, Message, encode, is_host_name
from glassnet.host.names.numeric import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glassnet.host.system import System

__all__ = ["Fault", "Found", "addresses", "names"]


class Fault(IntEnum):
    """What came of a lookup that found nothing: the values of h_errno."""

    NONE = 0
    """A PTR record with what is no name of a host: glibc finds nothing, and has no error for it."""
    NOT_FOUND = 1
    TRY_AGAIN = 2
    NO_RECOVERY = 3
    NO_DATA = 4


class Found(NamedTuple):
    """The official name, the other names met on the way, and what they stand for."""

    name: str
    aliases: tuple[str, ...]
    data: list[bytes]


def addresses(system: System, name: str, sizes: Sequence[int]) -> Found | Fault:
    """The addresses of `name`, of 4 and 16 bytes as `sizes` has it."""
    settings = system.resolv
    kinds = [kind for kind, size in ((A, 4), (AAAA, 16)) if size in sizes]
    dots, absolute = name.count("."), name.endswith(".")
    as_it_is: Found | Fault | None = None
    if dots >= settings.ndots or absolute:
        as_it_is, _ = _query(system, name, kinds)
        if absolute or isinstance(as_it_is, Found):
            return as_it_is
    no_data = failing = False
    outcome: Found | Fault = Fault.NOT_FOUND
    for domain in _search(system):
        outcome, refused = _query(system, f"{name}.{domain}", kinds)
        if isinstance(outcome, Found):
            return outcome
        no_data = no_data or outcome is Fault.NO_DATA
        failing = failing or refused
        if outcome is Fault.NO_RECOVERY or (outcome is Fault.TRY_AGAIN and not refused):
            break
    if as_it_is is not None:
        return as_it_is
    outcome, _ = _query(system, name, kinds)
    if isinstance(outcome, Found):
        return outcome
    return Fault.NO_DATA if no_data else Fault.TRY_AGAIN if failing else outcome


def _search(system: System) -> tuple[str, ...]:
    """The search list, by default the domain that the host's own name is in."""
    domain = system.name.partition(".")[2]
    return system.resolv.search or ((domain,) if domain else ())


def names(system: System, address: bytes) -> Found | Fault:
    """The names of an address (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    name = dns.reversename.from_address(show(address))
    found, _ = _ask(system, name, [PTR])
    if isinstance(found, Fault):
        return found
    text = found.data[0].decode("ascii")
    return Found(text, (), [address]) if is_host_name(text) else Fault.NONE


def _query(system: System, name: str, kinds: list[int]) -> tuple[Found | Fault, bool]:
    encoded = encode(name)
    if encoded is None:
        return Fault.NO_RECOVERY, False
    return _ask(system, encoded, kinds)


def _ask(system: System, name: dns.name.Name, kinds: list[int]) -> tuple[Found | Fault, bool]:
    """What the DNS has for a name, and if it has nothing, whether a server refused to say."""
    exchange = Exchange(system, system.resolv, [Question(name, kind) for kind in kinds])
    responses = exchange.run()
    if not responses:
        return Fault.TRY_AGAIN, exchange.refused
    outcomes = [_judge(message) for _, message in sorted(responses.items())]
    answers = [each for each in outcomes if isinstance(each, Answer)]
    if answers:
        data = [each for answer in answers for each in answer.data]
        return Found(answers[0].name, answers[0].aliases, data), False
    faults = [each for each in outcomes if isinstance(each, Fault)]
    return (Fault.NO_DATA if Fault.NO_DATA in faults else faults[0]), False


def _judge(message: Message) -> Answer | Fault:
    if message.rcode == dns.rcode.NXDOMAIN:
        return Fault.NOT_FOUND
    if message.rcode != dns.rcode.NOERROR:
        return Fault.NO_RECOVERY
    try:
        answer = message.answer()
    except dns.exception.FormError:
        return Fault.NO_RECOVERY
    if not answer.data:
        return Fault.NO_DATA
    return answer if is_host_name(answer.name) or message.kind == PTR else Fault.NO_RECOVERY
