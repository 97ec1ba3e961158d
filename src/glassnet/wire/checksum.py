"""The Internet checksum (RFC 1071) and the pseudo headers that it covers (RFC 9293 3.1, RFC 8200 8.1).

2^16 is 1 modulo 0xFFFF, so the ones' complement sum of a string of 16-bit words is the string itself,
read as one number, modulo 0xFFFF. Zero has two forms in ones' complement: a sum is 0 only if every
word is 0, and otherwise 0xFFFF. Numbers here are residues, for which the two are the same; only
`internet_checksum` and `is_valid` have to tell them apart.
"""

from __future__ import annotations

__all__ = ["internet_checksum", "is_valid", "ones_sum", "pseudo_sum"]

# The remainder costs time for each digit of the number, a shift and a mask much less: data of more than
# a few hundred bytes are first folded upon themselves, at multiples of 16 bits.
_FOLD_ABOVE = 400
_FOLD_5760 = (1 << 5760) - 1
_FOLD_2880 = (1 << 2880) - 1
_FOLD_1440 = (1 << 1440) - 1
# Data beyond an Ethernet frame are added up in pieces as long as one fold takes in.
_LONG = 1536
_PIECE = 1440

_from_bytes = int.from_bytes


def ones_sum(data: bytes) -> int:
    """The ones' complement sum of the 16-bit words of `data`, modulo 0xFFFF.

    Data of an odd length count as if a zero byte followed.
    """
    size = len(data)
    if size > _LONG:
        return _long_sum(data, size)
    total = _from_bytes(data, "big")
    if size > _FOLD_ABOVE:
        total = (total >> 5760) + (total & _FOLD_5760)
        total = (total >> 2880) + (total & _FOLD_2880)
        total = (total >> 1440) + (total & _FOLD_1440)
    if size & 1:
        return (total % 0xFFFF << 8) % 0xFFFF
    return total % 0xFFFF


def _long_sum(data: bytes, size: int) -> int:
    last = size - size % _PIECE
    total = _from_bytes(data[last:], "big")
    if size & 1:
        total <<= 8
    for start in range(0, last, _PIECE):
        total += _from_bytes(data[start : start + _PIECE], "big")
    total = (total >> 5760) + (total & _FOLD_5760)
    total = (total >> 2880) + (total & _FOLD_2880)
    total = (total >> 1440) + (total & _FOLD_1440)
    return total % 0xFFFF


def internet_checksum(data: bytes, initial: int = 0) -> int:
    """The checksum to send: the complement of the sum of `data` and `initial` (RFC 1071).

    `initial` is a sum of what is covered besides, such as `pseudo_sum`.
    """
    checksum = -(ones_sum(data) + initial) % 0xFFFF
    if checksum == 0 and initial == 0 and not any(data):
        return 0xFFFF
    return checksum


def is_valid(data: bytes, initial: int = 0) -> bool:
    """Whether `data`, with the checksum in them, and `initial` add up to minus zero."""
    return (ones_sum(data) + initial) % 0xFFFF == 0 and (initial != 0 or any(data))


def pseudo_sum(source: bytes, destination: bytes, protocol: int, length: int = 0) -> int:
    """The sum of a pseudo header, for IPv4 and IPv6 addresses alike, to use as `initial`.

    `length` is that of the transport header and its data. It is a plain addend: a sum made
    without it may be kept, and the length added for each segment.
    """
    return ones_sum(source + destination) + protocol + length
