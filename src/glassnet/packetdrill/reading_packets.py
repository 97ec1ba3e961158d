"""Lines with packets: `< S 0:0(0) win 32792 <mss 1000,sackOK>`, `> udp (10)`, `< icmp unreachable ...`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from glassnet.packetdrill.icmp_names import ICMP_V4, ICMP_V6
from glassnet.packetdrill.scanner import Scanner
from glassnet.packetdrill.script import Event, Icmp, Ip, Packet, Segment, TextOption, Udp
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG

__all__ = ["FLAG_LETTERS", "read_packet"]

FLAG_LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR}

_WORD32 = (1 << 32) - 1
_MOST_PAYLOAD = 65495
_MOST_OPTIONS = 40
_FLAGS = re.compile(r"(?:[FSRPUEW.]{1,8}(?![A-Za-z0-9_])|-(?=\s))")
_PORTS = re.compile(r"[0-9]+\s*>\s*[0-9]")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_KIND = re.compile(r"kind\s*[0-9]")
_KNOWN = "mss N, wscale N, sackOK, TS val N ecr N, sack N:N, FO HEX, FOEXP HEX, kind N HEX, nop or eol"
_ECN = {"noecn": (0,), "ect1": (1,), "ect0": (2,), "ect01": (1, 2), "ce": (3,)}


def read_packet(scanner: Scanner, event: Event, inbound: bool) -> Packet:
    """What stands behind `<` or `>`."""
    quoted: Segment | Udp | None = None
    ip = Ip()
    while scanner.sees("[") or scanner.sees("("):
        before = scanner.position
        close = "]" if scanner.take("[") else ")"
        if close == ")":
            scanner.need("(")
        content = _quoted(scanner) if close == "]" else None
        if content is not None:
            quoted = content
        else:
            ip = _ip(scanner, ip, before)
        scanner.need(close)
    ports = None
    if scanner.look(_PORTS):
        source = scanner.integer("a port", 65535)
        scanner.need(">")
        ports = source, scanner.integer("a port", 65535)
    parsed: Segment | Udp | Icmp
    if scanner.take_word("udp"):
        parsed = _udp(scanner)
    elif scanner.take_word("icmp"):
        parsed = _icmp(scanner, ICMP_V4, quoted)
        quoted = None
    elif scanner.take_word("icmpv6"):
        parsed = _icmp(scanner, ICMP_V6, quoted)
        quoted = None
    else:
        parsed = _segment(scanner, inbound)
    if quoted is not None:
        scanner.fail("only an ICMP message quotes a packet in [ ]")
    return Packet(event.place, event.when, event.text, inbound=inbound, ip=ip, content=parsed, ports=ports)


def _ip(scanner: Scanner, ip: Ip, before: int) -> Ip:
    """`ect0`, `tos 0x10`, `ttl 64`, `flowlabel 0x1`, with commas between them."""
    changes: dict[str, Any] = {}
    while True:
        word = scanner.word()
        if word in _ECN:
            changes["ecn"] = _ECN[word]
        elif word == "tos":
            changes["tos"] = scanner.integer("a TOS octet", 255)
        elif word in ("ttl", "hoplimit"):
            changes["ttl"] = scanner.integer("a TTL", 255)
        elif word == "flowlabel":
            changes["flow_label"] = scanner.integer("a flow label", 0xFFFFF)
        else:
            scanner.position = before + 1
            scanner.skip()
            scanner.expected(f"one of {', '.join(_ECN)}, tos N, ttl N, flowlabel N")
        if not scanner.take(","):
            return replace(ip, **changes)


def _quoted(scanner: Scanner) -> Segment | Udp | None:
    """The packet that an ICMP message is about: `1:1001(1000)`, `S 0:0(0)`, `udp (100)`."""
    if scanner.take_word("udp"):
        return _udp(scanner)
    flags = 0
    letters = scanner.look(_FLAGS)
    if letters is not None:
        flags = _flags(scanner)
    elif not scanner.text[scanner.position : scanner.position + 1].isdigit():
        return None
    sequence, length = _range(scanner)
    acknowledgment = scanner.integer("a number", _WORD32) if scanner.take_word("ack") else None
    return Segment(flags, sequence, length, acknowledgment)


def _udp(scanner: Scanner) -> Udp:
    scanner.need("(")
    length = scanner.integer("a number of octets", 65507)
    scanner.need(")")
    return Udp(length)


def _icmp(
    scanner: Scanner, kinds: dict[str, tuple[int, dict[str, int]]], quoted: Segment | Udp | None
) -> Icmp:
    before = scanner.position
    word = scanner.word()
    if word not in kinds:
        scanner.position = before
        scanner.expected(f"one of {', '.join(kinds)}")
    kind, codes = kinds[word]
    name, code = word, 0
    if codes:
        before = scanner.position
        second = scanner.word()
        if second not in codes:
            scanner.position = before
            scanner.expected(f"one of {', '.join(codes)}")
        name, code = f"{word} {second}", codes[second]
    rest = 0
    if scanner.take_word("mtu"):
        rest = scanner.integer("an MTU", 0xFFFF if kinds is ICMP_V4 else _WORD32)
    elif scanner.take_word("id"):
        rest = scanner.integer("an identifier", 0xFFFF) << 16
        if scanner.take_word("seq"):
            rest |= scanner.integer("a sequence number", 0xFFFF)
    if scanner.take("["):
        before = scanner.position
        quoted = _quoted(scanner)
        if quoted is None:
            scanner.position = before
            scanner.expected("a packet such as 1:1001(1000)")
        scanner.need("]")
    return Icmp(kind, code, rest, name, quoted)


def _flags(scanner: Scanner) -> int:
    before = scanner.position
    letters = scanner.match(_FLAGS)
    if letters is None:
        scanner.expected("TCP flags (F S R P . U E W, or -), udp, icmp or icmpv6")
    flags = 0
    for letter in letters if letters != "-" else "":
        if flags & FLAG_LETTERS[letter]:
            scanner.fail(f"the flag {letter!r} stands twice", before)
        flags |= FLAG_LETTERS[letter]
    return flags


def _range(scanner: Scanner) -> tuple[int, int]:
    """`1:1001(1000)`: the first number, and how many octets."""
    before = scanner.position
    first = scanner.integer("a sequence number", _WORD32)
    scanner.need(":")
    last = scanner.integer("a sequence number", _WORD32)
    scanner.need("(")
    length = scanner.integer("a number of octets", _MOST_PAYLOAD)
    scanner.need(")")
    if (first + length) & _WORD32 != last:
        scanner.fail(
            f"{first} and {length} octets end at {(first + length) & _WORD32}, not at {last} "
            "(SYN and FIN do not count here)",
            before,
        )
    return first, length


def _segment(scanner: Scanner, inbound: bool) -> Segment:
    start = scanner.position
    flags = _flags(scanner)
    sequence, length = _range(scanner)
    acknowledgment = window = urgent = None
    if scanner.take_word("ack"):
        acknowledgment = scanner.integer("an acknowledgment number", _WORD32)
    elif flags & ACK:
        scanner.expected("'ack' and its number, as the flags have a '.'")
    if scanner.take_word("win"):
        window = scanner.integer("a window", 0xFFFF)
    elif inbound and not flags & RST:
        scanner.fail("a packet that arrives needs its window: win N", start)
    if scanner.take_word("urg"):
        urgent = scanner.integer("an urgent pointer", 0xFFFF)
    options = _options(scanner, inbound)
    return Segment(flags, sequence, length, acknowledgment, window, urgent, options)


def _options(scanner: Scanner, inbound: bool) -> tuple[TextOption, ...] | None:
    if not scanner.sees("<"):
        return ()
    start = scanner.position
    scanner.need("<")
    if scanner.take("..."):
        if inbound:
            scanner.fail("a packet that arrives needs its options: <...> is for expected ones", start)
        scanner.need(">")
        return None
    options: list[TextOption] = []
    if scanner.take(">"):
        return ()
    while True:
        options.append(_option(scanner))
        if scanner.take(">"):
            break
        if not scanner.take(","):
            scanner.expected("',' or '>'")
    size = sum(map(_size, options))
    if size > _MOST_OPTIONS:
        scanner.fail(f"these options have {size} octets, and a header has room for {_MOST_OPTIONS}", start)
    return tuple(options)


def _size(option: TextOption) -> int:
    fixed = {"nop": 1, "eol": 1, "mss": 4, "wscale": 3, "sackOK": 2, "TS": 10}.get(option.name)
    if fixed is not None:
        return fixed
    head = 4 if option.name == "FOEXP" else 2
    return head + 4 * len(option.values) * (option.name == "sack") + len(option.cookie)


def _option(scanner: Scanner) -> TextOption:
    before = scanner.position
    if scanner.look(_KIND):
        scanner.word()
        kind = scanner.integer("the kind of an option", 255, 2)
        return TextOption(f"kind {kind}", (), _octets(scanner))
    word = scanner.word()
    if word == "mss":
        return TextOption(word, (scanner.integer("an MSS", 0xFFFF),))
    if word == "wscale":
        return TextOption(word, (scanner.integer("a window scale", 255),))
    if word in ("sackOK", "nop", "eol"):
        return TextOption(word)
    if word == "TS":
        if not scanner.take_word("val"):
            scanner.expected("'val'")
        value = scanner.integer("a timestamp", _WORD32)
        if not scanner.take_word("ecr"):
            scanner.expected("'ecr'")
        return TextOption(word, (value, scanner.integer("a timestamp", _WORD32)))
    if word == "sack":
        edges: list[int] = []
        while scanner.text[scanner.position : scanner.position + 1].isdigit():
            edges.append(scanner.integer("a sequence number", _WORD32))
            scanner.need(":")
            edges.append(scanner.integer("a sequence number", _WORD32))
        if not edges:
            scanner.expected("a block such as 1001:2001")
        return TextOption(word, tuple(edges))
    if word == "md5":
        scanner.fail("the option md5 (RFC 2385) is not implemented", before)
    if word not in ("FO", "FOEXP"):
        scanner.position = before
        scanner.expected(f"a TCP option: {_KNOWN}")
    return TextOption(word, (), _octets(scanner))


def _octets(scanner: Scanner) -> bytes:
    before = scanner.position
    digits = scanner.match(_HEX) or ""
    if len(digits) % 2:
        scanner.fail("an odd number of hexadecimal digits", before)
    return bytes.fromhex(digits)
