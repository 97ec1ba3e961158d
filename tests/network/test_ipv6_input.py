from __future__ import annotations

from typing import Any

import pytest

from glassnet.network import parse_address
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv6 import Ipv6Packet

ME, PEER = "2001:db8::5", "2001:db8::6"
GROUP = "ff02::1"
NODES = b"\x33\x33\0\0\0\1"
DATA = b"12345678"


@pytest.fixture
def station(lab: Any, tools: Any, sent: Any) -> Any:
    made = lab.station("host")
    interface = made.port("2001:db8::5/64")
    made.know(interface, PEER, tools.mac_of(9))
    sent(made)
    return made


@pytest.fixture
def take(station: Any, tools: Any) -> Any:
    """Lets the station receive a packet from outside."""
    interface = station.internet.interfaces["eth0"]

    def receive(packet: bytes, to: bytes | None = None) -> None:
        interface.inject(tools.framed(to or interface.mac, tools.mac_of(9), packet))

    return receive


def made(
    next_header: int, payload: bytes, source: str = PEER, destination: str = ME, hop_limit: int = 64
) -> bytes:
    return Ipv6Packet(
        source=parse_address(source),
        destination=parse_address(destination),
        next_header=next_header,
        hop_limit=hop_limit,
        payload=payload,
    ).build()


def options(next_header: int, *content: int) -> bytes:
    """An options header, filled up with Pad1."""
    body = bytes(content)
    body += bytes(-(2 + len(body)) % 8)
    return bytes((next_header, (len(body) - 6) // 8)) + body


def fragment(next_header: int, offset: int, more: int, data: bytes, number: int = 1) -> bytes:
    return bytes((next_header, 0)) + (offset | more).to_bytes(2, "big") + number.to_bytes(4, "big") + data


def problem(frames: list[bytes], tools: Any) -> tuple[int, int, int]:
    (frame,) = frames
    found = tools.message(frame)
    assert tools.parsed(frame).destination == parse_address(PEER)
    return found.type, found.code, found.rest


def test_a_handler_finds_its_segment_and_no_padding(station: Any, take: Any) -> None:
    take(made(17, b"1"))
    ((frame, network, start, end),) = station.calls
    assert (network, start, end, type(frame)) == (14, 54, 55, Foreign)
    assert station.counts == {}


def test_extension_headers_are_walked(station: Any, take: Any) -> None:
    chain = options(60, 5, 2, 0, 0) + options(43, 1, 3, 0, 0, 0) + bytes((60, 0, 0, 0, 0, 0, 0, 0))
    chain += options(44, 0x1E, 1, 9) + fragment(17, 0, 0, DATA)  # an atomic fragment
    take(made(0, chain))
    ((frame, network, start, end),) = station.calls
    assert (network, frame[start:end]) == (14, DATA)
    assert start == 54 + len(chain) - 8
    assert station.counts == {}


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\x75" + made(17, DATA)[1:], "ipv6: version"),
        (made(17, DATA)[:4] + b"\1\0" + made(17, DATA)[6:], "ipv6: payload length"),
        (made(17, DATA, source=GROUP), "ipv6: source is not unicast"),
        (made(17, DATA, source="::1"), "ipv6: loopback address on the wire"),
        (made(17, DATA, destination="::1"), "ipv6: loopback address on the wire"),
        (made(17, DATA, source="::ffff:192.0.2.1"), "ipv6: mapped address on the wire"),
        (made(17, DATA, destination="::ffff:192.0.2.1"), "ipv6: mapped address on the wire"),
        (made(17, DATA, destination="ff01::1"), "ipv6: group of one interface on the wire"),
        (made(17, DATA, destination="::"), "ipv6: destination is unspecified"),
        (made(17, DATA, source="::"), "ipv6: source is unspecified"),
        (made(17, DATA, source=ME), "ipv6: source is our own"),
        (made(17, DATA, destination="2001:db8::99"), "ipv6: not our address"),
        (made(17, DATA, destination="fe80::99"), "ipv6: not our address"),
        (made(17, DATA, destination="ff02::99"), "ipv6: group not joined"),
        (made(59, DATA), "ipv6: no next header"),
        (made(60, b"\x11"), "ipv6: extension header length"),
        (made(60, b"\x11\x01" + bytes(6)), "ipv6: extension header length"),
        (made(44, b"\x11" + bytes(6)), "ipv6: extension header length"),
        (made(60, options(17, 1, 9)), "ipv6: option length"),
        (made(60, options(17, 0x42, 0)), "ipv6: unknown option"),  # 01: drop without a word
        (made(44, fragment(44, 0, 0, fragment(17, 0, 1, DATA))), "ipv6: fragment within a fragment"),
        (made(44, fragment(17, 8, 1, b"")), "ipv6: fragment length"),
        (made(60, options(60) * 16 + options(17) + DATA), "ipv6: too many extension headers"),
    ],
)
def test_what_makes_no_sense_is_dropped(
    station: Any, take: Any, sent: Any, packet: bytes, reason: str
) -> None:
    take(packet)
    assert station.counts == {reason: 1}
    assert station.got == []
    assert sent(station) == []


def test_as_many_extension_headers_as_there_may_be(station: Any, take: Any) -> None:
    take(made(60, options(60) * 14 + options(17) + DATA))
    assert station.counts == {}
    assert len(station.got) == 1


def test_a_frame_that_ends_within_the_header(station: Any, tools: Any) -> None:
    interface = station.internet.interfaces["eth0"]
    interface.inject(tools.framed(interface.mac, tools.mac_of(9), made(17, DATA))[:53])
    assert station.counts == {"ipv6: truncated": 1}


@pytest.mark.parametrize(
    ("packet", "reason", "answer"),
    [
        # RFC 4443 section 3.4: 0 erroneous field, 1 unrecognized next header, 2 unrecognized option.
        (made(99, DATA), "ipv6: unknown next header", (4, 1, 6)),
        (made(60, options(99) + DATA), "ipv6: unknown next header", (4, 1, 40)),
        (made(60, options(0) + options(17) + DATA), "ipv6: unknown next header", (4, 1, 40)),
        (made(51, bytes(16)), "ipv6: unknown next header", (4, 1, 6)),
        (made(43, bytes((17, 0, 0, 1, 0, 0, 0, 0)) + DATA), "ipv6: routing header", (4, 0, 42)),
        (made(60, options(17, 0x80, 0) + DATA), "ipv6: unknown option", (4, 2, 42)),
        (made(60, options(17, 1, 0, 0xC2, 4, 0, 0, 0, 0) + DATA), "ipv6: unknown option", (4, 2, 44)),
        (made(44, fragment(17, 0, 1, b"1234567")), "ipv6: fragment length", (4, 0, 4)),
        (
            made(44, fragment(17, 65528, 1, DATA)),
            "ipv6: fragment beyond the longest packet",
            (4, 0, 42),
        ),
        (
            made(44, fragment(60, 0, 1, options(6) + DATA)),
            "ipv6: first fragment without all headers",
            (4, 3, 0),
        ),
        (
            made(44, fragment(60, 0, 1, bytes((17, 9)) + bytes(6))),
            "ipv6: first fragment without all headers",
            (4, 3, 0),
        ),
    ],
)
def test_what_the_source_must_know_is_reported(
    station: Any, take: Any, sent: Any, tools: Any, packet: bytes, reason: str, answer: tuple[int, int, int]
) -> None:
    take(packet)
    assert station.counts == {reason: 1}
    assert problem(sent(station), tools) == answer
    assert station.got == []


def test_an_option_to_a_group_is_reported_only_if_it_says_so(
    station: Any, take: Any, sent: Any, tools: Any
) -> None:
    take(made(60, options(17, 0xC0, 0) + DATA, destination=GROUP), NODES)
    assert sent(station) == []
    take(made(60, options(17, 0x80, 0) + DATA, destination=GROUP), NODES)
    assert problem(sent(station), tools) == (4, 2, 42)
    assert station.counts == {"ipv6: unknown option": 2}


def test_groups_are_heard(station: Any, take: Any) -> None:
    take(made(17, DATA, destination=GROUP), NODES)
    take(made(17, DATA, source="fe80::77", destination=GROUP), NODES)
    assert len(station.got) == 2


def test_a_link_local_address_belongs_to_its_link(lab: Any, station: Any, tools: Any) -> None:
    first = station.internet.attachment(station.internet.interfaces["eth0"]).link_local
    other = station.port()
    packet = made(17, DATA, source="fe80::77", destination=str(parse_address_text(first)))
    other.inject(tools.framed(other.mac, tools.mac_of(9), packet))
    assert station.counts == {"ipv6: not our address": 1}
    station.counts.clear()
    interface = station.internet.interfaces["eth0"]
    interface.inject(tools.framed(interface.mac, tools.mac_of(9), packet))
    assert station.got == [(DATA, interface)]


def parse_address_text(address: bytes) -> str:
    from glassnet.network import address_text

    return address_text(address)


def test_icmp_belongs_to_its_family(station: Any, take: Any, tools: Any) -> None:
    take(made(1, bytes(8)))
    assert station.counts == {"icmp: over ipv6": 1}
    station.internet.add_address("eth0", "192.0.2.5/24")
    take(tools.packet("192.0.2.6", "192.0.2.5", 58, bytes(8)))
    assert station.counts["icmpv6: over ipv4"] == 1
