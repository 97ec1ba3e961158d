"""Cutting packets into fragments (RFC 791 section 3.2; RFC 8200 section 4.5: only the source does)."""

from __future__ import annotations

from struct import Struct

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.ipv4 import FRAGMENT_OFFSET, MORE_FRAGMENTS
from glassnet.wire.numbers import FRAGMENT

__all__ = ["fragments_v4", "fragments_v6"]

_END_OF_OPTIONS = 0
_NO_OPERATION = 1
_COPIED = 0x80
_fragment_header = Struct("!BxHI")  # RFC 8200 section 4.5


def fragments_v4(packet: bytes, mtu: int) -> list[bytes]:
    """The fragments, none longer than `mtu`, of a valid IPv4 packet (or of a fragment)."""
    header_length = (packet[0] & 0x0F) * 4
    flags_offset = int.from_bytes(packet[6:8], "big")
    first = packet[:header_length]
    later = first[:20] + _copied_options(first[20:])
    flags, offset = flags_offset & ~(FRAGMENT_OFFSET | MORE_FRAGMENTS), flags_offset & FRAGMENT_OFFSET
    fragments = []
    position, end = header_length, len(packet)
    header = first
    while position < end:
        room = (mtu - len(header)) & ~7
        data = packet[position : position + room]
        position += len(data)
        more = flags_offset & MORE_FRAGMENTS if position >= end else MORE_FRAGMENTS
        fragments.append(_fragment_v4(header, flags | more | offset, data))
        offset += len(data) >> 3
        header = later
    return fragments


def _fragment_v4(header: bytes, flags_offset: int, data: bytes) -> bytes:
    fresh = bytearray(header)
    fresh[0] = 0x40 | len(header) >> 2
    fresh[2:4] = (len(header) + len(data)).to_bytes(2, "big")
    fresh[6:8] = flags_offset.to_bytes(2, "big")
    fresh[10:12] = b"\0\0"
    fresh[10:12] = internet_checksum(bytes(fresh)).to_bytes(2, "big")
    return bytes(fresh) + data


def _copied_options(options: bytes) -> bytes:
    """Those options that belong into every fragment, filled up to whole units of 4 bytes."""
    copied = b""
    position = 0
    while position < len(options) and options[position] != _END_OF_OPTIONS:
        if options[position] == _NO_OPERATION:
            position += 1
            continue
        length = options[position + 1]
        if options[position] & _COPIED:
            copied += options[position : position + length]
        position += length
    return copied + bytes(-len(copied) % 4)


def fragments_v6(header: bytes, segment: bytes, mtu: int, identification: int) -> list[bytes]:
    """The fragments of a packet with this IPv6 header (40 bytes, its payload length ignored) and payload."""
    room = (mtu - 48) & ~7
    fragments = []
    for position in range(0, len(segment), room):
        data = segment[position : position + room]
        more = 1 if position + room < len(segment) else 0
        fragments.append(
            b"".join(
                (
                    header[:4],
                    (8 + len(data)).to_bytes(2, "big"),
                    bytes((FRAGMENT,)),
                    header[7:40],
                    _fragment_header.pack(header[6], position | more, identification),
                    data,
                )
            )
        )
    return fragments
