from __future__ import annotations

from typing import Any

import pytest

from glassnet.network import parse_address
from glassnet.wire.checksum import internet_checksum
from glassnet.wire.foreign import Foreign
from glassnet.wire.ipv4 import Ipv4Packet
from glassnet.wire.options import Option

ME, PEER = "192.0.2.5", "192.0.2.6"
DATA = b"12345678"


@pytest.fixture
def station(lab: Any, tools: Any) -> Any:
    made = lab.station("host")
    interface = made.port("192.0.2.5/24")
    made.know(interface, PEER, tools.mac_of(9))
    return made


@pytest.fixture
def take(station: Any, tools: Any) -> Any:
    """Lets the station receive a packet (from outside, unless said otherwise)."""
    interface = station.internet.interfaces["eth0"]

    def receive(packet: bytes, to: bytes | None = None, foreign: bool = True) -> None:
        frame = tools.framed(to or interface.mac, tools.mac_of(9), packet)
        interface.receive(Foreign(frame) if foreign else frame)

    return receive


def changed(packet: bytes, at: int, value: int, checksum: bool = True) -> bytes:
    """A packet with another byte in its header, and a checksum to match."""
    made = bytearray(packet)
    made[at] = value
    if checksum:
        made[10:12] = b"\0\0"
        length = max((made[0] & 15) * 4, 20)
        made[10:12] = internet_checksum(bytes(made[:length])).to_bytes(2, "big")
    return bytes(made)


def test_a_handler_finds_its_segment_and_no_padding(station: Any, take: Any, tools: Any) -> None:
    take(tools.packet(PEER, ME, 17, DATA))
    ((frame, network, start, end),) = station.calls
    assert (network, start, end) == (14, 34, 42)
    assert frame[start:end] == DATA
    assert type(frame) is Foreign
    take(tools.packet(PEER, ME, 17, DATA), foreign=False)
    assert type(station.calls[1][0]) is bytes
    assert station.counts == {}


def test_behind_a_priority_tag(station: Any, tools: Any) -> None:
    interface = station.internet.interfaces["eth0"]
    frame = tools.framed(interface.mac, tools.mac_of(9), tools.packet(PEER, ME, 17, DATA))
    interface.inject(frame[:12] + b"\x81\0\xe0\0" + frame[12:])
    assert station.got == [(DATA, interface)]


def test_options_are_passed_over(station: Any, take: Any, tools: Any) -> None:
    take(tools.packet(PEER, ME, 17, DATA, options=(Option(148, b"\0\0"), Option(7, b"\4" + bytes(8)))))
    ((_, network, start, end),) = station.calls
    assert (network, start, end - start) == (14, 14 + 36, 8)
    assert station.counts == {}


PLAIN = Ipv4Packet(
    source=parse_address(PEER), destination=parse_address(ME), protocol=17, payload=DATA
).build()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (PLAIN[:19], "ipv4: total length"),  # the padding hides that
        (changed(PLAIN, 0, 0x55), "ipv4: version"),
        (changed(PLAIN, 0, 0x44), "ipv4: header length"),
        (changed(PLAIN, 0, 0x4F), "ipv4: total length"),
        (changed(PLAIN, 3, 19), "ipv4: total length"),
        (changed(PLAIN, 2, 1), "ipv4: total length"),
        (changed(PLAIN, 8, 63, checksum=False), "ipv4: header checksum"),
        (changed(PLAIN, 12, 224), "ipv4: source is not unicast"),
        (changed(PLAIN, 12, 255), "ipv4: source is not unicast"),
        (changed(PLAIN, 15, 255), "ipv4: source is not unicast"),
        (changed(PLAIN, 12, 127), "ipv4: loopback address on the wire"),
        (changed(PLAIN, 16, 127), "ipv4: loopback address on the wire"),
        (changed(PLAIN, 12, 0), "ipv4: source is unspecified"),
        (changed(PLAIN, 15, 5), "ipv4: source is our own"),
        (changed(PLAIN, 19, 9), "ipv4: not our address"),
        (changed(PLAIN, 16, 239), "ipv4: group not joined"),
        (changed(PLAIN, 9, 99), "ipv4: unknown protocol"),
    ],
)
def test_what_makes_no_sense_is_dropped(station: Any, take: Any, packet: bytes, reason: str) -> None:
    if packet == PLAIN[:19]:
        packet = PLAIN[:2] + b"\0\x13" + PLAIN[4:19]
    take(packet, foreign="checksum" in reason)
    assert station.counts == {reason: 1}
    assert station.got == []
    assert "Ipv4" not in reason


def test_a_frame_that_ends_within_the_header(station: Any, tools: Any) -> None:
    interface = station.internet.interfaces["eth0"]
    interface.inject(tools.framed(interface.mac, tools.mac_of(9), PLAIN)[:33])
    assert station.counts == {"ipv4: truncated": 1}


def test_the_checksum_of_a_trusted_frame_is_not_looked_at(station: Any, take: Any) -> None:
    take(changed(PLAIN, 8, 63, checksum=False), foreign=False)
    assert len(station.got) == 1


@pytest.mark.parametrize("kind", [131, 137])
def test_source_routes_are_refused(station: Any, take: Any, tools: Any, kind: int) -> None:
    take(tools.packet(PEER, ME, 17, DATA, options=(Option(kind, b"\4" + parse_address(PEER)),)))
    assert station.counts == {"ipv4: source route": 1}


def test_a_bad_option_is_reported(station: Any, take: Any, tools: Any, sent: Any) -> None:
    good = tools.packet(PEER, ME, 17, DATA, options=(Option(7, b"\4\0\0\0\0\0"),))
    sent(station)
    take(changed(good, 21, 60))
    assert station.counts == {"ipv4: option length": 1}
    (frame,) = sent(station)
    found = tools.message(frame)
    assert (found.type, found.code, found.pointer) == (12, 0, 21)


def test_broadcasts_and_groups_are_heard(station: Any, take: Any, tools: Any) -> None:
    everyone = b"\xff" * 6
    take(tools.packet(PEER, "255.255.255.255", 17, b"limited-"), everyone)
    take(tools.packet(PEER, "192.0.2.255", 17, b"directed"), everyone)
    take(tools.packet("0.0.0.0", "255.255.255.255", 17, b"asking--"), everyone)
    take(tools.packet(PEER, "239.1.2.3", 17, b"too soon"), b"\x01\0\x5e\1\2\3")
    station.internet.join(parse_address("239.1.2.3"), station.internet.interfaces["eth0"])
    take(tools.packet(PEER, "239.1.2.3", 17, b"to group"), b"\x01\0\x5e\1\2\3")
    station.internet.leave(parse_address("239.1.2.3"), station.internet.interfaces["eth0"])
    take(tools.packet(PEER, "239.1.2.3", 17, b"too late"), b"\x01\0\x5e\1\2\3")
    assert [data for data, _ in station.got] == [b"limited-", b"directed", b"asking--", b"to group"]


def test_verdicts_are_forgotten_when_addresses_change(station: Any, take: Any, tools: Any) -> None:
    packet = tools.packet(PEER, "192.0.2.77", 17, DATA)
    take(packet)
    assert station.got == []
    station.internet.add_address("eth0", "192.0.2.77/24")
    take(packet)
    assert len(station.got) == 1
    station.internet.remove_address("eth0", "192.0.2.77/24")
    take(packet)
    assert len(station.got) == 1


def test_verdicts_are_bounded(station: Any, take: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnet.network import verdicts

    monkeypatch.setattr(verdicts, "PAIRS_LIMIT", 10)
    for number in range(100):
        take(tools.packet(f"198.51.100.{number}", ME, 17, DATA))
    attachment = station.internet.attachment(station.internet.interfaces["eth0"])
    assert len(attachment.ipv4._pairs) <= 10
    assert len(station.got) == 100


def test_what_is_on_the_loopback_is_this_hosts(station: Any, tools: Any) -> None:
    lo = station.internet.loopback
    lo.receive(tools.framed(bytes(6), bytes(6), tools.packet(PEER, ME, 17, DATA)))
    lo.receive(tools.framed(bytes(6), bytes(6), tools.packet(ME, PEER, 17, DATA)))
    assert station.counts == {"ipv4: source is not ours": 1, "ipv4: not our address": 1}
