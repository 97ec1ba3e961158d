"""Addresses: text to bytes and back, and what kind an address is.

Inside the stack an address is `bytes`: 4 for IPv4, 16 for IPv6. Text exists only
where people write and read it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

__all__ = [
    "ALL_HOSTS",
    "ALL_NODES",
    "ALL_NODES_INTERFACE",
    "ALL_ROUTERS",
    "ALL_ROUTERS_V4",
    "LIMITED_BROADCAST",
    "LOOPBACK_V4",
    "LOOPBACK_V6",
    "UNSPECIFIED_V4",
    "UNSPECIFIED_V6",
    "Addressable",
    "address_text",
    "broadcast_address",
    "interface_address",
    "is_link_local",
    "is_loopback",
    "is_mapped",
    "is_multicast",
    "is_unspecified",
    "link_local_from_mac",
    "multicast_mac",
    "network_prefix",
    "parse_address",
    "parse_prefix",
    "scope",
    "solicited_node",
]

Addressable = str | bytes | IPv4Address | IPv6Address
Prefix = str | IPv4Network | IPv6Network

UNSPECIFIED_V4: Final = bytes(4)
UNSPECIFIED_V6: Final = bytes(16)
LOOPBACK_V4: Final = b"\x7f\0\0\x01"
LOOPBACK_V6: Final = bytes(15) + b"\x01"
LIMITED_BROADCAST: Final = b"\xff\xff\xff\xff"
ALL_HOSTS: Final = b"\xe0\0\0\x01"
"""224.0.0.1, every IPv4 host on the link (RFC 1112)."""
ALL_ROUTERS_V4: Final = b"\xe0\0\0\x02"
ALL_NODES_INTERFACE: Final = b"\xff\x01" + bytes(13) + b"\x01"
ALL_NODES: Final = b"\xff\x02" + bytes(13) + b"\x01"
"""ff02::1, every IPv6 node on the link (RFC 4291 section 2.7.1)."""
ALL_ROUTERS: Final = b"\xff\x02" + bytes(13) + b"\x02"

_MAPPED = bytes(10) + b"\xff\xff"
_SOLICITED_NODE = b"\xff\x02" + bytes(9) + b"\x01\xff"


def parse_address(value: Addressable) -> bytes:
    """The bytes of an address given as text, bytes or an `ipaddress` object; ValueError if it is none."""
    if isinstance(value, bytes):
        if len(value) not in (4, 16):
            raise ValueError(f"{value!r}: an address has 4 bytes (IPv4) or 16 (IPv6), not {len(value)}")
        return value
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r}: expected an address such as '192.0.2.1' or '2001:db8::1'") from None
    return address.packed


def parse_prefix(value: Prefix) -> tuple[bytes, int]:
    """The address and length of a route's prefix: `"192.0.2.0/24"`; ValueError if host bits are set."""
    try:
        network = ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r}: expected a prefix such as '192.0.2.0/24' ({error})") from None
    return network.network_address.packed, network.prefixlen


def interface_address(text: str) -> tuple[bytes, int]:
    """The address and prefix length of `"192.0.2.1/24"`; ValueError unless both are there."""
    address, slash, length = text.partition("/")
    expected = f"{text!r}: expected an address with its prefix length, such as '192.0.2.1/24'"
    if not slash or not (length.isascii() and length.isdigit()):
        raise ValueError(expected)
    try:
        packed = ip_address(address).packed
    except ValueError:
        raise ValueError(expected) from None
    if int(length) > len(packed) * 8:
        raise ValueError(f"{text!r}: a prefix length is at most {len(packed) * 8} here")
    return packed, int(length)


def address_text(address: bytes) -> str:
    """An address as people write it (RFC 5952 for IPv6)."""
    return str(ip_address(address))


def network_prefix(address: bytes, length: int) -> bytes:
    """The address with all bits after the first `length` cleared."""
    bits = len(address) * 8
    number = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    return number.to_bytes(len(address), "big")


def broadcast_address(address: bytes, length: int) -> bytes:
    """The IPv4 address with all bits after the first `length` set (RFC 919)."""
    return (int.from_bytes(address, "big") | (1 << 32 - length) - 1).to_bytes(4, "big")


def is_multicast(address: bytes) -> bool:
    """Whether this is a group: 224.0.0.0/4 or ff00::/8."""
    return address[0] == 0xFF if len(address) == 16 else 0xE0 <= address[0] < 0xF0


def is_link_local(address: bytes) -> bool:
    """Whether this is a unicast address of one link only: 169.254.0.0/16 (RFC 3927) or fe80::/10."""
    if len(address) == 16:
        return address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return address[0] == 169 and address[1] == 254


def is_loopback(address: bytes) -> bool:
    """Whether this never leaves the host: 127.0.0.0/8 or ::1."""
    return address == LOOPBACK_V6 if len(address) == 16 else address[0] == 127


def is_unspecified(address: bytes) -> bool:
    """Whether this is 0.0.0.0 or ::."""
    return not any(address)


def is_mapped(address: bytes) -> bool:
    """Whether this is an IPv4-mapped IPv6 address, which must not appear on a wire."""
    return len(address) == 16 and address.startswith(_MAPPED)


def scope(address: bytes) -> int:
    """The scope of an address (RFC 6724 section 3.1): 1 interface, 2 link, 5 site, 14 global."""
    if len(address) == 4:
        return 2 if is_link_local(address) or address[0] == 127 else 14
    if address[0] == 0xFF:
        return address[1] & 0x0F
    return 2 if is_link_local(address) or address == LOOPBACK_V6 else 14


def link_local_from_mac(mac: bytes) -> bytes:
    """The fe80:: address with the modified EUI-64 of a MAC address (RFC 4291 appendix A)."""
    return b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def solicited_node(address: bytes) -> bytes:
    """The solicited-node group of an IPv6 address (RFC 4291 section 2.7.1)."""
    return _SOLICITED_NODE + address[13:]


def multicast_mac(group: bytes) -> bytes:
    """The Ethernet group address of an IP group (RFC 1112 section 6.4, RFC 2464 section 7)."""
    if len(group) == 16:
        return b"\x33\x33" + group[12:]
    return b"\x01\x00\x5e" + bytes((group[1] & 0x7F,)) + group[2:]
