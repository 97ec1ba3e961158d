"""The Address Resolution Protocol, for IPv4 over Ethernet (RFC 826, RFC 5227)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from glassnet.wire.layout import Field, Layout

__all__ = ["HARDWARE_ETHERNET", "HEADER", "LAYOUT", "PROTOCOL_IPV4", "REPLY", "REQUEST", "ArpPacket"]

LAYOUT = Layout(
    "ARP",
    "RFC 826",
    Field("hardware_type", 16, "kind of link; 1 is Ethernet", "arp.hw.type"),
    Field("protocol_type", 16, "kind of address resolved, as an EtherType; 0x0800 is IPv4", "arp.proto.type"),
    Field("hardware_length", 8, "bytes of a hardware address", "arp.hw.size"),
    Field("protocol_length", 8, "bytes of a protocol address", "arp.proto.size"),
    Field("operation", 16, "1 asks (request), 2 answers (reply)", "arp.opcode"),
    Field("sender_hardware", 48, "MAC address of the sender", "arp.src.hw_mac"),
    Field(
        "sender_protocol",
        32,
        "IPv4 address of the sender; all zero while probing",
        "arp.src.proto_ipv4",
        True,
    ),
    Field("target_hardware", 48, "MAC address asked for; not yet known in a request", "arp.dst.hw_mac"),
    Field("target_protocol", 32, "IPv4 address asked about", "arp.dst.proto_ipv4", True),
)
HEADER = LAYOUT.struct

HARDWARE_ETHERNET = 1
PROTOCOL_IPV4 = 0x0800

REQUEST = 1
REPLY = 2


@dataclass(slots=True, kw_only=True)
class ArpPacket:
    """An ARP packet; those for other links or protocols than Ethernet and IPv4 do not parse."""

    operation: int
    sender_hardware: bytes
    sender_protocol: bytes
    target_hardware: bytes = b"\0\0\0\0\0\0"
    target_protocol: bytes

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The packet at `offset`. Raises `WireError`."""
        hardware, protocol, hardware_length, protocol_length, *rest = LAYOUT.unpack(data, offset, end)
        if hardware != HARDWARE_ETHERNET:
            raise LAYOUT.error("hardware type", "hardware_type", offset)
        if protocol != PROTOCOL_IPV4:
            raise LAYOUT.error("protocol type", "protocol_type", offset)
        if hardware_length != 6:
            raise LAYOUT.error("hardware address length", "hardware_length", offset)
        if protocol_length != 4:
            raise LAYOUT.error("protocol address length", "protocol_length", offset)
        operation, sender_hardware, sender_protocol, target_hardware, target_protocol = rest
        return cls(
            operation=operation,
            sender_hardware=sender_hardware,
            sender_protocol=sender_protocol,
            target_hardware=target_hardware,
            target_protocol=target_protocol,
        )

    def build(self) -> bytes:
        """The bytes of the packet. Raises `WireError`."""
        return LAYOUT.pack(
            HARDWARE_ETHERNET,
            PROTOCOL_IPV4,
            6,
            4,
            self.operation,
            self.sender_hardware,
            self.sender_protocol,
            self.target_hardware,
            self.target_protocol,
        )

    @property
    def header_length(self) -> int:
        """Bytes of the packet, which has no payload."""
        return LAYOUT.size
