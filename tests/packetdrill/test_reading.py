"""Scripts as text: what is understood, and what is said about the rest."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.packetdrill.reading import parse_script, read_script
from glassnet.packetdrill.script import (
    Call,
    Code,
    Icmp,
    Packet,
    Record,
    ScriptError,
    Segment,
    Shell,
    Span,
    Symbols,
    Term,
    TextOption,
    Udp,
)
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, PSH, SYN, URG

SCRIPTS = sorted((Path(__file__).parent / "scripts").rglob("*.pkt"))
MS = 10**6


def only(text):
    (event,) = parse_script(text).events
    return event


def packet(text):
    event = only(text)
    assert isinstance(event, Packet)
    return event


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0 `sysctl -q a=1`", Span(0, 0, relative=False)),
        ("0.25 `true`", Span(250 * MS, 250 * MS, relative=False)),
        ("+.1 `true`", Span(100 * MS, 100 * MS)),
        ("+0 `true`", Span(0, 0)),
        ("`true`", Span(0, 0)),
        ("0.1~0.2 > udp (1)", Span(100 * MS, 200 * MS, relative=False)),
        ("+0.1~+0.2 > udp (1)", Span(100 * MS, 200 * MS)),
        ("+0.1~0.2 > udp (1)", Span(100 * MS, 200 * MS)),
        ("* > udp (1)", Span(any=True)),
        ("0.000001 `true`", Span(1000, 1000, relative=False)),
    ],
)
def test_times(text, when):
    assert only(text).when == when


def test_a_call_that_waits():
    call = only("0.1...0.3 connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)")
    assert isinstance(call, Call)
    assert (call.when.first, call.until) == (100 * MS, 300 * MS)
    assert (call.name, call.arguments) == ("connect", (3, ..., ...))
    assert (call.result.value, call.result.error) == (-1, "ECONNREFUSED")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x10", 16),
        ("-1", -1),
        ("...", ...),
        ('"cubic"', b"cubic"),
        (r'"a\n\"\x41"', b'a\n"A'),
        ("POLLIN|POLLOUT", Symbols(("POLLIN", "POLLOUT"))),
        ("(O_RDWR|O_NONBLOCK)", Symbols(("O_RDWR", "O_NONBLOCK"))),
        ("[4]", [4]),
        ("{onoff=1, linger=0}", Record((("onoff", 1), ("linger", 0)))),
        ("{1, 0}", Record((("", 1), ("", 0)))),
        ("htons(80)", Term("htons", (80,))),
        ("{msg_name(...)=..., msg_iov(1)=[{..., 9}]}",
         Record((("msg_name", ...), ("msg_iov", [Record((("", ...), ("", 9)))])))),
    ],
)  # fmt: skip
def test_arguments(text, value):
    call = only(f"0 f({text}) = 0")
    assert isinstance(call, Call)
    assert call.arguments == (value,)


def test_a_segment():
    read = packet("+0 < [ect0] SFPEWU. 1:1001(1000) ack 5 win 32792 urg 3 <mss 1000,sackOK,TS val 7 ecr 8>")
    assert read.inbound
    assert read.ip.ecn == (2,)
    assert read.content == Segment(
        flags=SYN | FIN | PSH | ECE | CWR | URG | ACK,
        sequence=1,
        length=1000,
        acknowledgment=5,
        window=32792,
        urgent=3,
        options=(TextOption("mss", (1000,)), TextOption("sackOK"), TextOption("TS", (7, 8))),
    )


def test_what_a_segment_does_not_say():
    read = packet("+0 > . 1:1(0) ack 5 <...>")
    assert read.content == Segment(flags=ACK, sequence=1, length=0, acknowledgment=5, options=None)
    assert packet("+0 > - 1:1(0)").content == Segment(flags=0, sequence=1, length=0)


def test_options():
    text = "<nop,nop,sack 1001:2001 3001:4001,wscale 7,FO a1b2,FO,FOEXP 00ff,kind 253 0102,eol>"
    content = packet(f"+0 > . 1:1(0) ack 1 {text}").content
    assert isinstance(content, Segment)
    assert content.options == (
        TextOption("nop"),
        TextOption("nop"),
        TextOption("sack", (1001, 2001, 3001, 4001)),
        TextOption("wscale", (7,)),
        TextOption("FO", (), b"\xa1\xb2"),
        TextOption("FO"),
        TextOption("FOEXP", (), b"\0\xff"),
        TextOption("kind 253", (), b"\1\2"),
        TextOption("eol"),
    )
    assert f"<{','.join(map(str, content.options))}>" == text


def test_ports_and_address_fields():
    read = packet("+0 > [tos 0x10, flowlabel 5] (ttl 64) . 1:1(0) ack 1")
    assert (read.ip.tos, read.ip.ttl, read.ip.flow_label) == (16, 64, 5)
    assert packet("+0 > 8080 > 1001 . 1:1(0) ack 1").ports == (8080, 1001)
    assert packet("+0 > . 1:1(0) ack 1").ports is None


def test_datagrams_and_icmp():
    assert packet("+0 < udp (10)").content == Udp(10)
    quoted = Segment(0, 1, 1000)
    for text in (
        "+0 < [1:1001(1000)] icmp unreachable frag_needed mtu 1400",
        "+0 < icmp unreachable frag_needed mtu 1400 [1:1001(1000)]",
    ):
        assert packet(text).content == Icmp(3, 4, 1400, "unreachable frag_needed", quoted)
    assert packet("+0 < icmpv6 packet_too_big mtu 1280 [1:1001(1000)]").content == Icmp(
        2, 0, 1280, "packet_too_big", quoted
    )


def test_flags_comments_code_and_commands():
    script = parse_script(
        """
        // a comment
        --ip_version=ipv6   # another one
        --tolerance_usecs=1000
        /* and one
           over lines */
        `sysctl -q a=1 && sysctl -q b=2`
        0 %{
        assert tcpi_state == 1   # // no comment of the script
        }%
        """
    )
    assert [(name, value) for _, name, value in script.flags] == [
        ("ip_version", "ipv6"),
        ("tolerance_usecs", "1000"),
    ]
    shell, code = script.events
    assert isinstance(shell, Shell)
    assert shell.command == "sysctl -q a=1 && sysctl -q b=2"
    assert isinstance(code, Code)
    assert "// no comment" in code.code


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("0 socket(..., SOCK_STREAM", "1:26", "expected ',' or ')', found the end of the script"),
        ("\n  +0 > S. 0:0(0) ak 1", "2:18", "expected 'ack' and its number"),
        ("0 < S 0:0(0)", "1:5", "a packet that arrives needs its window"),
        ("0 < S 0:1(0) win 5", "1:7", "0 and 0 octets end at 0, not at 1"),
        ("0 < S 0:0(0) win 65536", "1:18", "65536 is not in 0..65535"),
        ("0 < SS 0:0(0) win 1", "1:5", "the flag 'S' stands twice"),
        ("0 < S 0:0(0) win 1 <...>", "1:20", "<...> is for expected ones"),
        ("0 < S 0:0(0) win 1 <md5 5>", "1:21", "md5 (RFC 2385) is not implemented"),
        ("0 < S 0:0(0) win 1 <mss>", "1:24", "expected an MSS, found '>'"),
        ("0 > . 1:1(0) ack 1 <" + ",".join(["sack 1:2 3:4 5:6 7:8"] * 2) + ">", "1:20", "room for 40"),
        ("0 < icmp unreachable nowhere", "1:22", "expected one of net_unreachable"),
        ("0 <> 5", "1:4", "expected TCP flags"),
        ("0 wait", "1:3", "expected '<', '>', '%{', '`' or a system call"),
        ("--what is this", "1:8", "expected a time"),
        ("-1 close(3) = 0", "1:1", "expected a time"),
        ("0.3...0.1 close(3) = 0", "1:7", "cannot return before it begins"),
        ("0.2~0.1 > . 1:1(0) ack 1", "1:5", "ends before it begins"),
        ("0 `sysctl", "1:4", "has no `"),
        ("\n 0~1 `sysctl -q tcp_sack=1`", "2:2", "only a packet that is expected has a range of time"),
        ("0~1 close(3) = 0", "1:1", "only a packet that is expected has a range of time"),
        ("* < udp (1)", "1:1", "only a packet that is expected has a range of time, or any"),
        ("* %{ pass }%", "1:1", "only a packet that is expected has a range of time, or any"),
        ("0 %{ assert", "1:5", "has no }%"),
        ("/* for ever", "1:1", "has no */"),
        ("0 close(3) = 5 EBADF", "1:21", "EBADF goes with the result -1"),
        ('0 write(3, "abc, 3) = 3', "1:12", "a string has no end"),
        ("0 f(" + "[" * 50 + ") = 0", "1:26", "more than 20 deep"),
        ("0 [udp (5)] > 5", "1:3", "expected '<'"),
        ("0 < [1:2(1)] udp (5)", "1:21", "only an ICMP message quotes"),
    ],
)
def test_errors_name_the_place(text, where, what):
    with pytest.raises(ScriptError) as caught:
        parse_script(text, "it.pkt")
    line, column = map(int, where.split(":"))
    assert what in caught.value.problem
    assert (caught.value.place.line, caught.value.place.column) == (line, column)
    assert str(caught.value).startswith(f"it.pkt:{line}:{column}: ")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "it.pkt").write_bytes(b"\xff\xfe")
    with pytest.raises(ScriptError, match="no text in UTF-8"):
        read_script(tmp_path / "it.pkt")


WORDS = """0 +.1 * 0.1...0.3 ~ ... < > S. P. . 0:0(0) 1:1001(1000) ack 1 win 5 <mss 1000> <...> sackOK ,
( ) [ ] { } udp icmp unreachable frag_needed socket( connect(3,...,...) = -1 ECONNREFUSED %{ }% `
/* */ // # | " -- --mtu=1500 99999999999999999999999 0x FO TS val ecr sack [ce] [tos (ttl "a\\x4" kind"""
SOME = st.sampled_from([*WORDS.split(), "\n"])


@given(st.lists(SOME, max_size=30).map(" ".join) | st.text(max_size=80))
def test_any_text_is_a_script_or_a_script_error(text):
    with suppress(ScriptError):
        parse_script(text)


@given(st.data())
def test_damaged_scripts_are_scripts_or_script_errors(data):
    text = data.draw(st.sampled_from(SCRIPTS)).read_text()
    chance = random.Random(data.draw(st.integers(0, 1 << 32)))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(text))
        piece = chance.choice(["", chr(chance.randrange(1, 0x250)), text[chance.randrange(len(text)) :][:9]])
        text = text[:at] + piece + text[at + chance.randrange(5) :]
    with suppress(ScriptError):
        parse_script(text)
