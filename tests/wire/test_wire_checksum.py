"""The Internet checksum against the examples of the RFCs and a plain reference."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glassnet.wire.checksum import internet_checksum, is_valid, ones_sum, pseudo_sum

# The numbers of RFC 1071, section 3.
RFC1071 = bytes.fromhex("0001f203f4f5f6f7")


def reference(data: bytes) -> int:
    """The ones' complement sum by its definition: add the words, and carry round."""
    total = 0
    for index in range(0, len(data), 2):
        total += int.from_bytes(data[index : index + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_example_of_rfc_1071() -> None:
    assert ones_sum(RFC1071) == 0xDDF2
    assert internet_checksum(RFC1071) == 0xFFFF - 0xDDF2
    assert is_valid(RFC1071 + (0xFFFF - 0xDDF2).to_bytes(2, "big"))


def test_an_ipv4_header() -> None:
    header = bytes.fromhex("450000730000400040110000c0a80001c0a800c7")
    assert internet_checksum(header) == 0xB861


def test_incremental_update_as_in_rfc_1624() -> None:
    # RFC 1624, section 4: word 0x5555 becomes 0x3285 under checksum 0xDD2F.
    assert -(-0xDD2F - 0x5555 + 0x3285) % 0xFFFF == 0x0000


def test_zero_has_two_forms() -> None:
    assert internet_checksum(bytes(8)) == 0xFFFF
    assert internet_checksum(b"") == 0xFFFF
    assert internet_checksum(b"\xff\xff") == 0
    assert internet_checksum(b"", 0xFFFF) == 0
    assert is_valid(b"\xff\xff")
    assert not is_valid(bytes(8))
    assert is_valid(bytes(8), 0xFFFF)


# Sizes about which the computation changes: nothing, odd, first fold, long data, whole pieces.
SIZES = (
    0,
    1,
    2,
    3,
    19,
    20,
    21,
    40,
    399,
    400,
    401,
    402,
    719,
    720,
    721,
    1439,
    1440,
    1441,
    1447,
    1448,
    1460,
    1500,
)
LONG = (1535, 1536, 1537, 1538, 2159, 2160, 2879, 2880, 2881, 4319, 4320, 4321, 9000, 65534, 65535)


@pytest.mark.parametrize("size", SIZES + LONG)
def test_all_sizes(size: int) -> None:
    pattern = bytes((index * 167 + index // 251) & 255 for index in range(size))
    for data in (pattern, bytes(size), b"\xff" * size):
        assert ones_sum(data) == reference(data) % 0xFFFF
        checksum = internet_checksum(data)
        assert checksum == 0xFFFF - reference(data)
        if size % 2 == 0:
            assert is_valid(data + checksum.to_bytes(2, "big"))


@given(st.binary(max_size=3100), st.integers(0, 0xFFFF))
@example(b"", 0)
def test_any_data(data: bytes, word: int) -> None:
    assert ones_sum(data) == reference(data) % 0xFFFF
    whole = data + b"\0" * (len(data) % 2) + word.to_bytes(2, "big")
    assert internet_checksum(whole) == 0xFFFF - reference(whole)
    assert internet_checksum(data, word) == 0xFFFF - reference(whole)
    assert is_valid(whole) == (reference(whole) == 0xFFFF)
    assert is_valid(data, word) == (reference(whole) == 0xFFFF)


@given(st.binary(max_size=1500), st.binary(max_size=1500))
def test_sums_of_parts_add_up(first: bytes, second: bytes) -> None:
    first += b"\0" * (len(first) % 2)
    assert (ones_sum(first) + ones_sum(second)) % 0xFFFF == ones_sum(first + second)


@given(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=4, max_size=4),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
)
def test_the_pseudo_header_of_ipv4(source: bytes, destination: bytes, protocol: int, length: int) -> None:
    header = source + destination + bytes((0, protocol)) + length.to_bytes(2, "big")
    assert pseudo_sum(source, destination, protocol, length) % 0xFFFF == ones_sum(header)
    assert pseudo_sum(source, destination, protocol) + length == pseudo_sum(
        source, destination, protocol, length
    )


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 255),
    st.integers(0, 0xFFFFFFFF),
)
def test_the_pseudo_header_of_ipv6(source: bytes, destination: bytes, protocol: int, length: int) -> None:
    header = source + destination + length.to_bytes(4, "big") + bytes((0, 0, 0, protocol))
    assert pseudo_sum(source, destination, protocol, length) % 0xFFFF == ones_sum(header)
