"""`dig`: asks name servers, as the one of BIND; needs dnspython."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Sequence

__all__ = ["dig", "parser"]

_MOST = 5.0  # seconds for each try
_TRIES = 3


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="dig", description="Ask a name server.")
    options.add_argument("-x", dest="reverse", metavar="ADDRESS", help="look for the name of an address")
    options.add_argument("-p", dest="port", type=int, default=53, help="port of the server (53)")
    options.add_argument("words", nargs="*", help="@SERVER, NAME, TYPE, +short, +tcp")
    return options


def dig(servers: Sequence[str], *words: str) -> int:
    """Run it; `servers` are asked where none is named. 0 if an answer came, 9 if not, as dig has it."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.reversename

    options = parser().parse_args(words)
    name, kind, short, tcp = "", "A", False, False
    asked = list(servers)
    for word in options.words:
        if word.startswith("@"):
            asked = [str(socket.getaddrinfo(word[1:], None)[0][4][0])]
        elif word.startswith("+"):
            short, tcp = short or word == "+short", tcp or word == "+tcp"
        elif name:
            kind = word.upper()
        else:
            name = word
    if options.reverse:
        name, kind = str(dns.reversename.from_address(options.reverse)), "PTR"
    if not name:
        raise ValueError("usage: dig [@SERVER] NAME [TYPE] [+short] [+tcp], or dig -x ADDRESS")
    if not asked:
        return _from_the_table(name, kind, short)
    query = dns.message.make_query(name, kind)
    query.id = 0x1234 if short else int(time.time_ns() // 1000) & 0xFFFF
    for server in [each for each in asked for _ in range(_TRIES)]:
        began = time.monotonic()
        try:
            if tcp:
                answer = dns.query.tcp(query, server, _MOST, options.port)
            else:
                answer, tcp = dns.query.udp_with_fallback(query, server, _MOST, options.port)
        except dns.exception.Timeout:
            print(f";; communications error to {server}#{options.port}: timed out")
            continue
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            print(f";; communications error to {server}#{options.port}: {reason}")
            continue
        took = (time.monotonic() - began) * 1000
        if short:
            for rrset in answer.answer:
                for record in rrset:
                    print(record)
            return 0
        flags = dns.flags.to_text(answer.flags).lower()
        print(f";; ->>HEADER<<- opcode: QUERY, status: {dns.rcode.to_text(answer.rcode())}, id: {answer.id}")
        print(f";; flags: {flags}; QUERY: {len(answer.question)}, ANSWER: {len(answer.answer)}")
        for heading, section in (
            ("QUESTION", answer.question),
            ("ANSWER", answer.answer),
            ("AUTHORITY", answer.authority),
            ("ADDITIONAL", answer.additional),
        ):
            if section:
                print(f"\n;; {heading} SECTION:")
                for rrset in section:
                    print(f";{rrset.to_text()}" if heading == "QUESTION" else rrset.to_text())
        print(f"\n;; Query time: {took:.0f} msec")
        print(f";; SERVER: {server}#{options.port} ({'TCP' if tcp else 'UDP'})")
        return 0
    print(";; no servers could be reached")
    return 9


def _from_the_table(name: str, kind: str, short: bool) -> int:
    """Where no name server is set, a host's names come from tables: say so, and what they hold."""
    families = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
    if not short:
        print(";; this host asks no name server (dns = [...] in the lab file): from its table of names")
    if kind not in families:
        print(f";; a table of names has no {kind} records")
        return 9
    try:
        found = socket.getaddrinfo(name, None, families[kind], socket.SOCK_STREAM)
    except socket.gaierror as error:
        print(f";; {name}: {error.strerror}")
        return 9
    for each in found:
        print(each[4][0] if short else f"{name}.\t0\tIN\t{kind}\t{each[4][0]}")
    return 0
