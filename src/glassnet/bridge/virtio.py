"""The header that a TAP device has before each frame: what of its work is left to do (virtio 1.2, 5.1.6).

It is that of the kernel's `IFF_VNET_HDR`: ten octets in the machine's own order.
"""

from __future__ import annotations

from struct import Struct

from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6
from glassnet.wire.large import Large

__all__ = ["HEADER", "PLAIN", "completed", "split_order"]

HEADER = Struct("=BBHHHH")
"""Flags, GSO type, length of all headers, payload of a segment, where the sum begins, where it goes."""

PLAIN = bytes(HEADER.size)
"""A frame that is complete."""

NEEDS_CSUM = 1
"""The checksum field holds the sum of the pseudo header, and the rest is to be added."""

DATA_VALID = 2
"""The checksum has been verified."""

_GSO_TCPV4, _GSO_TCPV6, _GSO_ECN = 1, 4, 0x80
_ETHERNET = 14
_TCP = 6
_CHECKSUM = 16  # in a TCP header
_UDP_CHECKSUM = 6
_CWR = 0x80


def completed(frame: bytes, start: int, offset: int) -> bytes:
    """The frame with the checksum in it that covers all from `start` on and stands `offset` beyond.

    There stands the sum of the pseudo header. WireError if that is not within the frame.
    """
    place = start + offset
    if not 0 < start < place + 2 <= len(frame):
        raise WireError("tap: checksum beyond the frame", place)
    checksum = -ones_sum(frame[start:]) % 0xFFFF
    if not checksum and offset == _UDP_CHECKSUM:
        checksum = 0xFFFF  # zero means that there is none (RFC 768)
    return b"".join((frame[:place], checksum.to_bytes(2, "big"), frame[place + 2 :]))


def split_order(frame: Large) -> tuple[bytes, int, bytes]:
    """How to have the kernel cut a run of TCP segments: header, place of the checksum, what goes there."""
    ethertype = frame[12:14]
    if ethertype == ETHERTYPE_IPV4:
        kind = _GSO_TCPV4
        transport = _ETHERNET + (frame[_ETHERNET] & 0x0F) * 4
        addresses = frame[26:34]
        end = _ETHERNET + int.from_bytes(frame[16:18], "big")
    elif ethertype == ETHERTYPE_IPV6:
        kind = _GSO_TCPV6
        transport = _ETHERNET + 40
        addresses = frame[22:54]
        end = transport + int.from_bytes(frame[18:20], "big")
    else:
        raise WireError("tap: a run of segments of an unknown protocol", 12)
    if frame[transport + 13] & _CWR:
        kind |= _GSO_ECN
    headers = transport + (frame[transport + 12] >> 4) * 4
    half = len(addresses) // 2
    pseudo = pseudo_sum(addresses[:half], addresses[half:], _TCP, end - transport) % 0xFFFF
    header = HEADER.pack(NEEDS_CSUM, kind, headers, frame.segment, transport, _CHECKSUM)
    return header, transport + _CHECKSUM, pseudo.to_bytes(2, "big")
