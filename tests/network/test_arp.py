from __future__ import annotations

from typing import Any

import pytest

from glassnet.network import NeighbourState, parse_address
from glassnet.wire.arp import ArpPacket
from glassnet.wire.ethernet import BROADCAST, ETHERTYPE_ARP

ME, PEER, OTHER = (parse_address(f"192.0.2.{n}") for n in (1, 2, 3))
PEER_MAC = bytes((2, 0, 0, 0, 5, 5))


@pytest.fixture
def station(lab: Any) -> Any:
    made = lab.station("host")
    made.port("192.0.2.1/24")
    return made


def arp(operation: int, sender: bytes, target: bytes, mac: bytes = PEER_MAC, to: bytes = BROADCAST) -> bytes:
    packet = ArpPacket(
        operation=operation, sender_hardware=mac, sender_protocol=sender, target_protocol=target
    )
    return (to + mac + ETHERTYPE_ARP + packet.build()).ljust(60, b"\0")


def neighbour(station: Any, address: bytes = PEER) -> Any:
    return station.internet.attachment(station.internet.interfaces["eth0"]).neighbours(4).known(address)


def receive(station: Any, frame: bytes) -> None:
    station.internet.interfaces["eth0"].receive(frame)


def test_the_exchange_of_rfc_826(station: Any, sent: Any) -> None:
    mac = station.internet.interfaces["eth0"].mac
    station.internet.flow(PEER, 17).send(b"question", b"")
    (request,) = sent(station)
    assert request[:6] == BROADCAST
    assert request[6:12] == mac
    found = ArpPacket.parse(request, 14)
    assert (found.operation, found.sender_hardware, found.sender_protocol) == (1, mac, ME)
    assert (found.target_hardware, found.target_protocol) == (bytes(6), PEER)
    receive(station, arp(2, PEER, ME, to=mac))
    (released,) = sent(station)
    assert released[:14] == PEER_MAC + mac + b"\x08\0"
    assert released.endswith(b"question".ljust(26, b"\0"))
    assert neighbour(station).state is NeighbourState.REACHABLE
    station.internet.flow(PEER, 17).send(b"another-", b"")
    assert sent(station)[0][:6] == PEER_MAC
    assert station.counts == {}


def test_the_question_comes_from_the_source_of_what_waits(station: Any, sent: Any) -> None:
    station.internet.add_address("eth0", "192.0.2.77/24")
    station.internet.flow(PEER, 17, source=parse_address("192.0.2.77")).send(b"12345678", b"")
    assert ArpPacket.parse(sent(station)[0], 14).sender_protocol == parse_address("192.0.2.77")


def test_a_request_is_answered_and_its_sender_learnt(station: Any, sent: Any) -> None:
    receive(station, arp(1, PEER, ME))
    (reply,) = sent(station)
    assert reply[:6] == PEER_MAC
    found = ArpPacket.parse(reply, 14)
    assert (found.operation, found.sender_protocol, found.target_protocol) == (2, ME, PEER)
    assert found.target_hardware == PEER_MAC
    assert neighbour(station).state is NeighbourState.STALE


def test_requests_for_others_are_neither_answered_nor_learnt_from(station: Any, sent: Any) -> None:
    receive(station, arp(1, PEER, OTHER))
    assert sent(station) == []
    assert neighbour(station) is None


def test_a_known_sender_is_updated_by_any_packet(station: Any) -> None:
    receive(station, arp(1, PEER, ME))
    moved = bytes((2, 0, 0, 0, 6, 6))
    receive(station, arp(1, PEER, PEER, moved))  # gratuitous
    assert neighbour(station).mac == moved
    receive(station, arp(2, PEER, PEER))  # and as a reply
    assert neighbour(station).mac == PEER_MAC
    assert neighbour(station).state is NeighbourState.STALE


def test_a_probe_is_answered_but_not_learnt_from(station: Any, sent: Any) -> None:
    receive(station, arp(1, bytes(4), ME))
    assert len(sent(station)) == 1
    assert neighbour(station, bytes(4)) is None


def test_an_interface_answers_for_its_own_addresses_alone(station: Any, sent: Any) -> None:
    station.port("198.51.100.1/24")
    receive(station, arp(1, PEER, parse_address("198.51.100.1")))
    assert sent(station) == []


def test_announcing(station: Any, sent: Any) -> None:
    station.internet.announce(station.internet.interfaces["eth0"])
    frames = [frame for frame in sent(station) if frame[12:14] == ETHERTYPE_ARP]
    found = ArpPacket.parse(frames[0], 14)
    assert (found.operation, found.sender_protocol, found.target_protocol) == (1, ME, ME)


def test_an_interface_without_an_address_asks_under_another_of_the_host(station: Any, sent: Any) -> None:
    bare = station.port()
    station.internet.routes.add("203.0.113.0/24", interface=bare)
    station.internet.flow(parse_address("203.0.113.9"), 17).send(b"12345678", b"")
    assert ArpPacket.parse(sent(station, "eth1")[0], 14).sender_protocol == ME


GOOD = arp(1, PEER, ME)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (arp(1, ME, ME), "arp: address conflict"),
        (arp(3, PEER, ME), "arp: operation"),
        (arp(2, OTHER, ME), "arp: unexpected reply"),
        (arp(1, PEER, ME, b"\1\0\0\0\0\1"), "arp: sender's MAC address"),
        (arp(1, PEER, ME, bytes(6)), "arp: sender's MAC address"),
        (arp(1, parse_address("224.0.0.1"), ME), "arp: sender's address"),
        (arp(1, parse_address("192.0.2.255"), ME), "arp: sender's address"),
        (arp(1, parse_address("127.0.0.1"), ME), "arp: sender's address"),
        (GOOD[:14] + b"\0\6" + GOOD[16:], "arp: hardware type"),
        (GOOD[:16] + b"\x86\xdd" + GOOD[18:], "arp: protocol type"),
        (GOOD[:18] + b"\5" + GOOD[19:], "arp: hardware address length"),
        (GOOD[:19] + b"\5" + GOOD[20:], "arp: protocol address length"),
        (GOOD[:41], "arp: truncated"),
    ],
)
def test_what_makes_no_sense_is_dropped(station: Any, sent: Any, frame: bytes, reason: str) -> None:
    receive(station, frame)
    assert station.counts == {reason: 1}
    assert sent(station) == []
    assert neighbour(station) is None
