from __future__ import annotations

from typing import Any

import pytest

from glassnet.network import NeighbourState, parse_address
from glassnet.network.addresses import ALL_NODES, solicited_node
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.foreign import Foreign
from glassnet.wire.nd import NeighborAdvertisement, NeighborSolicitation
from glassnet.wire.nd_options import NdOption

ME, PEER, OTHER = (parse_address(f"2001:db8::{n}") for n in (1, 2, 3))
UNSPECIFIED = bytes(16)
PEER_MAC = bytes((2, 0, 0, 0, 5, 5))
SOLICITED = b"\x33\x33\xff\0\0\1"


@pytest.fixture
def station(lab: Any) -> Any:
    made = lab.station("host")
    made.port("2001:db8::1/64")
    return made


def neighbour(station: Any, address: bytes = PEER) -> Any:
    return station.internet.attachment(station.internet.interfaces["eth0"]).neighbours(16).known(address)


def nd(
    message: NeighborSolicitation | NeighborAdvertisement,
    source: bytes,
    destination: bytes,
    mac: bytes = SOLICITED,
    hop_limit: int = 255,
    change: dict[int, int] | None = None,
) -> bytes:
    payload = message.build(pseudo_sum(source, destination, 58))
    header = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes((58, hop_limit)) + source + destination
    frame = bytearray(mac + PEER_MAC + b"\x86\xdd" + header + payload)
    for at, value in (change or {}).items():
        frame[54 + at] = value
    return bytes(frame)


SOURCE_MAC = NdOption(1, PEER_MAC)


def solicitation(target: bytes = ME, option: NdOption | None = SOURCE_MAC) -> NeighborSolicitation:
    return NeighborSolicitation(target=target, options=() if option is None else (option,))


def advertisement(target: bytes = PEER, mac: bytes | None = PEER_MAC, **flags: bool) -> NeighborAdvertisement:
    return NeighborAdvertisement(target=target, options=() if mac is None else (NdOption(2, mac),), **flags)


def receive(station: Any, frame: bytes) -> None:
    station.internet.interfaces["eth0"].receive(frame)


def test_the_exchange_of_rfc_4861(station: Any, sent: Any, tools: Any) -> None:
    interface = station.internet.interfaces["eth0"]
    station.internet.flow(PEER, 17).send(b"question", b"")
    (request,) = sent(station)
    packet = tools.parsed(request)
    tools.message(request)  # its checksum
    group = solicited_node(PEER)
    assert request[:6] == b"\x33\x33" + group[12:]
    assert (packet.destination, packet.hop_limit) == (group, 255)
    assert packet.source == ME  # as of the packet that waits
    asked = NeighborSolicitation.parse(request, 54, 54 + len(packet.payload))
    assert (asked.target, asked.options) == (PEER, (NdOption(1, interface.mac),))
    receive(station, nd(advertisement(solicited=True, override=True), PEER, packet.source, interface.mac))
    (released,) = sent(station)
    assert released[:14] == PEER_MAC + interface.mac + b"\x86\xdd"
    assert tools.parsed(released).payload == b"question"
    assert neighbour(station).state is NeighbourState.REACHABLE
    assert station.counts == {}


def test_a_router_asks_from_an_address_of_that_link(lab: Any, sent: Any, tools: Any) -> None:
    router = lab.station("router")
    router.internet.forwarding = True
    one = router.port("2001:db8:1::1/64")
    router.port("2001:db8:2::1/64")
    packet = tools.packet("2001:db8:1::5", "2001:db8:2::5", 17, b"12345678")
    one.inject(tools.framed(one.mac, PEER_MAC, packet))
    assert tools.parsed(sent(router, "eth1")[0]).source == parse_address("2001:db8:2::1")


def test_a_solicitation_is_answered_and_its_sender_learnt(station: Any, sent: Any, tools: Any) -> None:
    interface = station.internet.interfaces["eth0"]
    receive(station, nd(solicitation(), PEER, solicited_node(ME)))
    (reply,) = sent(station)
    tools.message(reply)
    assert reply[:6] == PEER_MAC
    packet = tools.parsed(reply)
    assert (packet.source, packet.destination, packet.hop_limit) == (ME, PEER, 255)
    told = NeighborAdvertisement.parse(reply, 54, 54 + len(packet.payload))
    assert (told.router, told.solicited, told.override) == (False, True, True)
    assert told.options == (NdOption(2, interface.mac),)
    assert neighbour(station).state is NeighbourState.STALE


def test_routers_say_that_they_are(station: Any, sent: Any) -> None:
    station.internet.forwarding = True
    receive(station, nd(solicitation(), PEER, solicited_node(ME)))
    reply = sent(station)[0]
    assert NeighborAdvertisement.parse(reply, 54).router


def test_a_solicitation_without_a_mac_address_is_answered_when_that_is_found(
    station: Any, sent: Any, tools: Any
) -> None:
    interface = station.internet.interfaces["eth0"]
    receive(station, nd(solicitation(option=None), PEER, ME, interface.mac))
    (question,) = sent(station)
    assert NeighborSolicitation.parse(question, 54).target == PEER
    receive(station, nd(advertisement(solicited=True, override=True), PEER, ME, interface.mac))
    (reply,) = sent(station)
    assert NeighborAdvertisement.parse(reply, 54).target == ME
    assert tools.parsed(reply).hop_limit == 255


def test_duplicate_address_detection_is_answered_to_all(station: Any, sent: Any, tools: Any) -> None:
    receive(station, nd(solicitation(option=None), UNSPECIFIED, solicited_node(ME)))
    (reply,) = sent(station)
    packet = tools.parsed(reply)
    assert packet.destination == ALL_NODES
    told = NeighborAdvertisement.parse(reply, 54)
    assert (told.solicited, told.target) == (False, ME)


def test_announcing(station: Any, sent: Any, tools: Any) -> None:
    station.internet.announce(station.internet.interfaces["eth0"])
    told = [NeighborAdvertisement.parse(frame, 54) for frame in sent(station)]
    assert ME in [one.target for one in told]
    assert not any(one.solicited for one in told)


def test_the_router_flag_is_kept(station: Any) -> None:
    receive(station, nd(solicitation(), PEER, solicited_node(ME)))
    receive(station, nd(advertisement(router=True), PEER, ALL_NODES, b"\x33\x33\0\0\0\1"))
    assert neighbour(station).router


MOVED = bytes((2, 0, 0, 0, 6, 6))


@pytest.mark.parametrize(
    ("start", "flags", "mac", "state", "kept"),
    [
        # RFC 4861 section 7.2.5, line by line.
        ("INCOMPLETE", {"solicited": True}, MOVED, "REACHABLE", MOVED),
        ("INCOMPLETE", {}, MOVED, "DELAY", MOVED),  # STALE, and at once used for what waited
        ("INCOMPLETE", {"solicited": True}, None, "INCOMPLETE", None),
        ("REACHABLE", {}, MOVED, "STALE", PEER_MAC),
        ("REACHABLE", {"solicited": True}, MOVED, "STALE", PEER_MAC),
        ("STALE", {}, MOVED, "STALE", PEER_MAC),
        ("STALE", {"solicited": True}, MOVED, "STALE", PEER_MAC),
        ("REACHABLE", {"override": True}, MOVED, "STALE", MOVED),
        ("STALE", {"override": True, "solicited": True}, MOVED, "REACHABLE", MOVED),
        ("STALE", {"solicited": True}, PEER_MAC, "REACHABLE", PEER_MAC),
        ("STALE", {"solicited": True}, None, "REACHABLE", PEER_MAC),
        ("STALE", {"override": True}, PEER_MAC, "STALE", PEER_MAC),
        ("DELAY", {"solicited": True}, PEER_MAC, "REACHABLE", PEER_MAC),
        ("FAILED", {"solicited": True}, MOVED, "STALE", MOVED),  # late, but better than to ask again
    ],
)
def test_what_an_advertisement_changes(
    station: Any, start: str, flags: dict[str, bool], mac: bytes | None, state: str, kept: bytes | None
) -> None:
    interface = station.internet.interfaces["eth0"]
    entry = station.internet.attachment(interface).neighbours(16).get(PEER)
    if start == "INCOMPLETE":
        entry.send(bytes(40), False)
    elif start != "FAILED":
        entry.heard(PEER_MAC)
        if start == "DELAY":
            entry.send(bytes(40), False)
        if start == "REACHABLE":
            entry.advertised(PEER_MAC, solicited=True, override=True)
    assert entry.state.name == start
    receive(station, nd(advertisement(mac=mac, **flags), PEER, ME, interface.mac))
    assert (entry.state.name, entry.mac) == (state, kept)
    assert station.counts == {}


NODES = b"\x33\x33\0\0\0\1"
GROUP = parse_address("ff02::99")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (nd(solicitation(), PEER, solicited_node(ME), hop_limit=254), "nd: hop limit"),
        (nd(solicitation(GROUP), PEER, ME, NODES), "nd: group as target or sender"),
        (nd(solicitation(option=NdOption(1, b"\1" * 6)), PEER, ME, NODES), "nd: group as target or sender"),
        (nd(solicitation(), UNSPECIFIED, solicited_node(ME)), "nd: solicitation without a source"),
        (nd(solicitation(option=None), UNSPECIFIED, ALL_NODES, NODES), "nd: solicitation without a source"),
        (nd(solicitation(OTHER), PEER, ALL_NODES, NODES), "nd: target is not ours"),
        (nd(solicitation(), PEER, ME, NODES, change={1: 1}), "neighbor solicitation: code"),
        (nd(solicitation(), PEER, ME, NODES, change={25: 0}), "nd: option length"),
        (nd(solicitation(), PEER, ME, NODES, change={25: 2}), "nd: option length"),
        (nd(advertisement(), PEER, ME, NODES, hop_limit=1), "nd: hop limit"),
        (nd(advertisement(GROUP), PEER, ME, NODES), "nd: group as target or sender"),
        (nd(advertisement(solicited=True), PEER, ALL_NODES, NODES), "nd: solicited advertisement to a group"),
        (nd(advertisement(ME), PEER, ALL_NODES, NODES), "nd: address conflict"),
        (nd(advertisement(), PEER, ALL_NODES, NODES), "nd: unexpected advertisement"),
        (nd(advertisement(), PEER, ME, NODES, change={1: 9}), "neighbor advertisement: code"),
        (nd(advertisement(), PEER, ME, NODES, change={0: 133}), "nd: router solicitation ignored"),
        (nd(advertisement(), PEER, ME, NODES, change={0: 134}), "nd: router advertisement ignored"),
        (nd(advertisement(), PEER, ME, NODES, change={0: 137}), "nd: redirect ignored"),
        (Foreign(nd(solicitation(), PEER, ME, NODES, change={2: 0, 3: 0})), "icmpv6: checksum"),
    ],
)
def test_what_makes_no_sense_is_dropped(station: Any, sent: Any, frame: bytes, reason: str) -> None:
    receive(station, frame)
    assert station.counts == {reason: 1}
    assert sent(station) == []
    assert neighbour(station) is None


def test_a_truncated_message(station: Any, sent: Any) -> None:
    whole = nd(solicitation(option=None), PEER, ME, NODES)
    short = whole[:18] + (20).to_bytes(2, "big") + whole[20:74]
    receive(station, short)
    assert station.counts == {"neighbor solicitation: truncated": 1}
    assert sent(station) == []
