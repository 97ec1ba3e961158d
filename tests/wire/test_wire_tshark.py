"""What is built here is what Wireshark reads: no malformed packet, no bad checksum, the same values."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from glassnet.wire import icmp, icmpv6, numbers
from glassnet.wire.arp import REPLY, ArpPacket
from glassnet.wire.checksum import pseudo_sum
from glassnet.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame, VlanTag
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv4 import ROUTER_ALERT, Ipv4Packet
from glassnet.wire.ipv6 import Ipv6Packet
from glassnet.wire.ipv6_extensions import FragmentHeader, OptionsHeader
from glassnet.wire.nd import (
    NeighborAdvertisement,
    NeighborSolicitation,
    Redirect,
    RouterAdvertisement,
    RouterSolicitation,
)
from glassnet.wire.nd_options import MTU, NdOption, PrefixInformation
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, PSH, SYN, TcpSegment
from glassnet.wire.udp import UdpDatagram

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

MAC_1, MAC_2 = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
V4_1, V4_2 = bytes.fromhex("c0000201"), bytes.fromhex("c0000202")
V6_1 = bytes.fromhex("fe800000000000000000000000000001")
V6_2 = bytes.fromhex("fe800000000000000000000000000002")

SYN_OPTIONS = (Option(2, b"\x05\xb4"), Option(4), Option(8, bytes(range(8))), Option(1), Option(3, b"\7"))
DATA_OPTIONS = (Option(1), Option(1), Option(5, bytes.fromhex("00000010 00000020")))
# As Wireshark numbers them.
EXPERT_ERROR = "8388608"
BAD, GOOD = "0", "1"

ECHO = 0x1234 << 16 | 7


def frame(ethertype: bytes, payload: bytes, tags: tuple[VlanTag, ...] = ()) -> bytes:
    built = EthernetFrame(destination=MAC_2, source=MAC_1, tags=tags, ethertype=ethertype, payload=payload)
    return built.build().ljust(60, b"\0")


def over4(protocol: int, payload: bytes, **fields: Any) -> bytes:
    packet = Ipv4Packet(protocol=protocol, source=V4_1, destination=V4_2, payload=payload, **fields)
    return frame(ETHERTYPE_IPV4, packet.build())


def over6(protocol: int, payload: bytes, **fields: Any) -> bytes:
    packet = Ipv6Packet(next_header=protocol, source=V6_1, destination=V6_2, payload=payload, **fields)
    return frame(ETHERTYPE_IPV6, packet.build())


def neighbor(message: Any) -> bytes:
    return over6(
        numbers.ICMPV6, message.build(pseudo_sum(V6_1, V6_2, numbers.ICMPV6)), hop_limit=255, dscp=48
    )


def frames() -> list[tuple[bytes, dict[str, str]]]:
    """Frames of all kinds, and what Wireshark must find in them."""
    tcp4, tcp6 = pseudo_sum(V4_1, V4_2, numbers.TCP), pseudo_sum(V6_1, V6_2, numbers.TCP)
    udp4, udp6 = pseudo_sum(V4_1, V4_2, numbers.UDP), pseudo_sum(V6_1, V6_2, numbers.UDP)
    icmp6 = pseudo_sum(V6_1, V6_2, numbers.ICMPV6)
    syn = TcpSegment(
        source_port=50000, destination_port=9, sequence=99, flags=SYN, window=64240, options=SYN_OPTIONS
    )
    data = TcpSegment(
        source_port=50000,
        destination_port=9,
        sequence=100,
        acknowledgment=7,
        flags=PSH | ACK,
        window=500,
        options=DATA_OPTIONS,
        payload=b"odd",
    )
    datagram = UdpDatagram(source_port=50000, destination_port=9, payload=b"hello")
    quoted = Ipv4Packet(
        protocol=numbers.UDP, source=V4_2, destination=V4_1, dont_fragment=True, payload=datagram.build(udp4)
    ).build()
    prefix = PrefixInformation(prefix_length=64, prefix=V6_1[:8] + bytes(8), valid_lifetime=7200)
    padding = OptionsHeader(
        next_header=numbers.UDP, options=(Option(1, bytes(4)),), payload=datagram.build(udp6)
    )
    fragment = FragmentHeader(
        next_header=numbers.UDP, more_fragments=True, identification=0xABCD, payload=datagram.build(udp6)[:8]
    )
    return [
        (
            frame(
                ETHERTYPE_ARP,
                ArpPacket(
                    operation=REPLY,
                    sender_hardware=MAC_1,
                    sender_protocol=V4_1,
                    target_hardware=MAC_2,
                    target_protocol=V4_2,
                ).build(),
                (VlanTag(42, pcp=5),),
            ),
            {"vlan.id": "42", "vlan.priority": "5", "arp.opcode": "2", "arp.src.proto_ipv4": "192.0.2.1"},
        ),
        (
            over4(numbers.TCP, syn.build(tcp4), dscp=10, ecn=1, ttl=3, identification=77, dont_fragment=True),
            {
                "ip.dsfield.dscp": "10",
                "ip.dsfield.ecn": "1",
                "ip.ttl": "3",
                "ip.id": "0x004d",
                "tcp.seq_raw": "99",
                "tcp.options.mss_val": "1460",
                "tcp.options.wscale.shift": "7",
                "tcp.options.timestamp.tsecr": str(0x04050607),
            },
        ),
        (over6(numbers.TCP, syn.build(tcp6), flow_label=0xABCDE), {"ipv6.flow": "0x0abcde"}),
        (
            over4(numbers.TCP, data.build(tcp4)),
            {"tcp.ack_raw": "7", "tcp.len": "3", "tcp.options.sack_le": "16", "tcp.options.sack_re": "32"},
        ),
        (over6(numbers.TCP, data.build(tcp6)), {"tcp.window_size_value": "500", "tcp.hdr_len": "32"}),
        (over4(numbers.UDP, datagram.build(udp4)), {"udp.length": "13", "udp.srcport": "50000"}),
        (over6(numbers.UDP, datagram.build(udp6)), {"udp.length": "13", "ipv6.plen": "13"}),
        (
            over4(numbers.UDP, datagram.build(udp4), options=(Option(ROUTER_ALERT, b"\0\0"),)),
            {"ip.hdr_len": "24", "ip.opt.ra": "0"},
        ),
        (over6(numbers.HOP_BY_HOP, padding.build()), {"ipv6.hopopts.nxt": "17", "udp.length": "13"}),
        (
            over6(numbers.FRAGMENT, fragment.build()),
            {"ipv6.fraghdr.ident": "0x0000abcd", "ipv6.fraghdr.more": "1"},
        ),
        (
            over4(numbers.ICMP, IcmpMessage(type=icmp.ECHO_REQUEST, rest=ECHO, payload=b"x").build()),
            {"icmp.ident": "4660", "icmp.seq": "7"},
        ),
        (
            over4(
                numbers.ICMP,
                IcmpMessage(
                    type=icmp.DESTINATION_UNREACHABLE,
                    code=icmp.FRAGMENTATION_NEEDED,
                    rest=1280,
                    payload=quoted[:28],
                ).build(),
            ),
            {"icmp.code": "4", "icmp.mtu": "1280"},
        ),
        (
            over6(
                numbers.ICMPV6,
                Icmpv6Message(type=icmpv6.ECHO_REQUEST, rest=ECHO, payload=b"x").build(icmp6),
            ),
            {"icmpv6.echo.identifier": "0x1234", "icmpv6.echo.sequence_number": "7"},
        ),
        (
            over6(
                numbers.ICMPV6,
                Icmpv6Message(type=icmpv6.PACKET_TOO_BIG, rest=1280, payload=over6(17, b"x" * 8)[14:]).build(
                    icmp6
                ),
            ),
            {"icmpv6.mtu": "1280"},
        ),
        (
            neighbor(RouterSolicitation(options=(NdOption(1, MAC_1),))),
            {"icmpv6.opt.linkaddr": "02:00:00:00:00:01"},
        ),
        (
            neighbor(
                RouterAdvertisement(
                    hop_limit=64,
                    other=True,
                    preference=1,
                    router_lifetime=1800,
                    retrans_timer=1000,
                    options=(
                        NdOption(MTU, bytes(2) + (1400).to_bytes(4, "big")),
                        NdOption(3, prefix.build()[2:]),
                    ),
                )
            ),
            {
                "icmpv6.nd.ra.cur_hop_limit": "64",
                "icmpv6.nd.ra.flag.o": "1",
                "icmpv6.nd.ra.flag.prf": "1",
                "icmpv6.nd.ra.router_lifetime": "1800",
                "icmpv6.nd.ra.retrans_timer": "1000",
                "icmpv6.opt.mtu": "1400",
                "icmpv6.opt.prefix": "fe80::",
                "icmpv6.opt.prefix.valid_lifetime": "7200",
            },
        ),
        (
            neighbor(NeighborSolicitation(target=V6_2, options=(NdOption(1, MAC_1),))),
            {"icmpv6.nd.ns.target_address": "fe80::2"},
        ),
        (
            neighbor(NeighborAdvertisement(target=V6_1, solicited=True, options=(NdOption(2, MAC_1),))),
            {
                "icmpv6.nd.na.flag.s": "1",
                "icmpv6.nd.na.flag.o": "0",
                "icmpv6.nd.na.target_address": "fe80::1",
            },
        ),
        (
            neighbor(Redirect(target=V6_2, destination=V6_1)),
            {"icmpv6.nd.rd.target_address": "fe80::2", "icmpv6.rd.na.destination_address": "fe80::1"},
        ),
    ]


def truth(value: str) -> str:
    return {"True": "1", "False": "0"}.get(value, value)


def test_wireshark_agrees(tmp_path: Path) -> None:
    expected = frames()
    capture = tmp_path / "built.pcap"
    records = [struct.pack("<IIII", 0, 0, len(data), len(data)) + data for data, _ in expected]
    capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    names = sorted({name for _, wanted in expected for name in wanted})
    faults = ["_ws.malformed", "_ws.expert.severity", "ip.checksum.status", "tcp.checksum.status"]
    faults += ["udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"]
    command = ["tshark", "-r", str(capture), "-T", "json"]
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        command += ["-o", f"{option}:TRUE"]
    command += ["-o", "tcp.relative_sequence_numbers:FALSE"]
    for name in names + faults:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    packets = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert len(packets) == len(expected)
    good: Counter[str] = Counter()
    for number, (layers, (_, wanted)) in enumerate(zip(packets, expected, strict=True), 1):
        found = {name: truth(layers.get(name, ["absent"])[0]) for name in wanted}
        assert found == wanted, f"frame {number}"
        assert "_ws.malformed" not in layers, f"frame {number}"
        assert EXPERT_ERROR not in layers.get("_ws.expert.severity", []), f"frame {number}"
        for fault in faults[2:]:
            status = layers.get(fault, [])
            good[fault] += status.count(GOOD)
            assert BAD not in status, f"frame {number}: {fault}"
    # Wireshark did verify them: those of packets quoted and cut short are all that it cannot.
    assert good == {
        "ip.checksum.status": 7,
        "tcp.checksum.status": 4,
        "udp.checksum.status": 4,
        "icmp.checksum.status": 2,
        "icmpv6.checksum.status": 7,
    }
