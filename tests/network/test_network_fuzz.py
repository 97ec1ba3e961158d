"""Hostile frames into a host and into a router: nothing but counted drops, and bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from glassnet.network import parse_address
from glassnet.network.addresses import solicited_node
from glassnet.wire.arp import ArpPacket
from glassnet.wire.checksum import internet_checksum, ones_sum, pseudo_sum
from glassnet.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6
from glassnet.wire.nd import NeighborAdvertisement, NeighborSolicitation
from glassnet.wire.nd_options import NdOption
from glassnet.wire.options import Option

FRAMES = 20_000
MAC = bytes((2, 0, 0, 0, 7, 7))
ME4, PEER4, FAR4 = "192.0.2.1", "192.0.2.7", "198.51.100.9"
ME6, PEER6, FAR6 = "2001:db8:1::1", "2001:db8:1::7", "2001:db8:2::9"
GROUP6 = b"\x33\x33\0\0\0\1"


def corpus(tools: Any, mac: bytes) -> list[bytes]:
    """Frames that make sense, of every kind that the network layer looks into."""
    a = parse_address
    packets = []
    for me, peer, far in ((ME4, PEER4, FAR4), (ME6, PEER6, FAR6)):
        v4 = ":" not in me
        echo, unreachable, big = (8, 3, 3) if v4 else (128, 1, 2)
        mine = tools.packet(me, far, 17, bytes(40))
        packets += [
            tools.packet(peer, me, 17, bytes(30)),
            tools.packet(peer, far, 17, bytes(700)),
            tools.packet(peer, me, 99, bytes(30)),
            tools.icmp_packet(peer, me, echo, rest=5, payload=b"x" * 20),
            tools.icmp_packet(peer, me, unreachable, 3, payload=mine),
            tools.icmp_packet(peer, me, big, 4 if v4 else 0, 1300, payload=mine),
            tools.icmp_packet(peer, me, 11 if v4 else 3, payload=mine),
        ]
    packets += [
        tools.packet(PEER4, ME4, 17, bytes(8), options=(Option(7, b"\4" + bytes(8)), Option(148, b"\0\0"))),
        tools.packet(PEER4, ME4, 17, bytes(64), more_fragments=True, identification=1),
        tools.packet(PEER4, ME4, 17, bytes(64), fragment_offset=8, identification=1),
        tools.packet(PEER6, ME6, 44, b"\x11\0\0\1\0\0\0\1" + bytes(64)),
        tools.packet(PEER6, ME6, 44, b"\x11\0\0\x40\0\0\0\1" + bytes(64)),
        tools.packet(PEER6, ME6, 0, b"\x3c\0\5\2\0\0\1\0" + b"\x11\0\1\4\0\0\0\0" + bytes(30)),
        tools.packet(PEER6, ME6, 43, b"\x11\0\0\1\0\0\0\0" + bytes(30)),
    ]
    frames = [tools.framed(mac, MAC, packet) for packet in packets]
    for operation in (1, 2):
        arp = ArpPacket(
            operation=operation, sender_hardware=MAC, sender_protocol=a(PEER4), target_protocol=a(ME4)
        )
        frames.append((mac + MAC + ETHERTYPE_ARP + arp.build()).ljust(60, b"\0"))
    group = solicited_node(a(ME6))
    for message, to in (
        (NeighborSolicitation(target=a(ME6), options=(NdOption(1, MAC),)), group),
        (NeighborAdvertisement(target=a(PEER6), solicited=True, options=(NdOption(2, MAC),)), a(ME6)),
    ):
        built = message.build(pseudo_sum(a(PEER6), to, 58))
        frames.append(tools.framed(mac, MAC, tools.packet(PEER6, to, 58, built, hop_limit=255)))
    return frames


def repaired(frame: bytes) -> bytes:
    """The same frame with right checksums, as far as it has any, so that it gets further in."""
    fixed = bytearray(frame)
    if frame[12:14] == ETHERTYPE_IPV4 and len(frame) >= 34:
        size = (frame[14] & 15) * 4
        fixed[24:26] = b"\0\0"
        fixed[24:26] = internet_checksum(bytes(fixed[14 : 14 + size])).to_bytes(2, "big")
        start, end = 14 + size, 14 + int.from_bytes(frame[16:18], "big")
        if frame[23] == 1 and start + 8 <= end <= len(frame):
            fixed[start + 2 : start + 4] = b"\0\0"
            fixed[start + 2 : start + 4] = internet_checksum(bytes(fixed[start:end])).to_bytes(2, "big")
    elif frame[12:14] == ETHERTYPE_IPV6 and len(frame) >= 62 and frame[20] == 58:
        end = 54 + int.from_bytes(frame[18:20], "big")
        if 62 <= end <= len(frame):
            fixed[56:58] = b"\0\0"
            pseudo = pseudo_sum(frame[22:38], frame[38:54], 58, end - 54)
            checksum = -(ones_sum(bytes(fixed[54:end])) + pseudo) % 0xFFFF
            fixed[56:58] = checksum.to_bytes(2, "big")
    return bytes(fixed)


def hostile(random: Random, frames: list[bytes], mac: bytes) -> Iterator[bytes]:
    """Random bytes, and sense with bits inverted, cut off, made longer or spliced."""
    for _ in range(FRAMES):
        kind = random.random()
        if kind < 0.1:
            yield random.randbytes(random.randrange(120))
            continue
        if kind < 0.2:
            ethertype = random.choice((ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP))
            yield mac + MAC + ethertype + random.randbytes(random.randrange(120))
            continue
        frame = bytearray(random.choice(frames))
        for _ in range(random.choice((0, 1, 1, 1, 2, 5))):
            frame[random.randrange(14, len(frame))] = random.choice(
                (0, 1, 58, 127, 128, 255, random.randrange(256))
            )
        if random.random() < 0.15:
            del frame[random.randrange(14, len(frame)) :]
        if random.random() < 0.1:
            frame += random.randbytes(random.randrange(64))
        if random.random() < 0.05:
            other = random.choice(frames)
            at = random.randrange(14, len(other))
            frame[at:] = other[at:]
        if random.random() < 0.05:
            frame[:6] = random.choice((b"\xff" * 6, GROUP6, random.randbytes(6)))
        yield repaired(bytes(frame)) if random.random() < 0.7 else bytes(frame)


@pytest.mark.parametrize("forwarding", [False, True], ids=["host", "router"])
@pytest.mark.parametrize("trusted", [False, True], ids=["foreign", "trusted"])
def test_hostile_frames(lab: Any, tools: Any, forwarding: bool, trusted: bool) -> None:
    random = Random(f"{forwarding} {trusted}")
    station = lab.station("victim")
    internet = station.internet
    internet.forwarding = forwarding
    one = station.port(f"{ME4}/24", f"{ME6}/64")
    two = station.port("198.51.100.1/24", "2001:db8:2::1/64", mtu=600)
    for interface in (one, two):
        for size in (4, 16):
            internet.attachment(interface).neighbours(size).limit = 200
    internet.routes.add("0.0.0.0/0", via="198.51.100.9")
    internet.routes.add("::/0", via="2001:db8:2::9")
    for far in (FAR4, FAR6):
        internet.flow(parse_address(far), 17)
    frames = corpus(tools, one.mac)
    for frame in frames:
        assert repaired(frame) == frame
        one.inject(frame)
    for count, frame in enumerate(hostile(random, frames, one.mac)):
        (one.receive if trusted else one.inject)(frame)
        one.lane.sent.clear()
        two.lane.sent.clear()
        if count % 10 == 0:
            lab.run(0.02)
        assert len(lab.engine.heap) < 3000
    assert internet.fragments_v4.size <= internet.fragments_v4.limit
    assert internet.fragments_v6.size <= internet.fragments_v6.limit
    for interface in (one, two):
        for size in (4, 16):
            cache = internet.attachment(interface).neighbours(size)
            assert len(cache) <= 200
            assert cache.waiting <= 1024 * 1024
    assert len(internet.destinations) <= internet.destinations.limit
    assert len(station.counts) > 40  # it got into every corner
    assert len(station.counts) < 200
    lab.run()
    assert lab.engine.heap == []
    assert internet.fragments_v4.size == internet.fragments_v6.size == 0
    # And it still works.
    for address, kind in ((PEER4, 8), (PEER6, 128)):
        station.know(one, address, MAC)
        one.lane.sent.clear()
        own = ME4 if kind == 8 else ME6
        one.inject(tools.framed(one.mac, MAC, tools.icmp_packet(address, own, kind, rest=9, payload=b"ok")))
        assert tools.message(one.lane.sent[-1]).payload == b"ok"
