from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from glassnet.physical.framing import FCS, GAP, OVERHEAD, PREAMBLE, fcs_holds, with_fcs


def test_the_numbers_of_802_3() -> None:
    assert (PREAMBLE, FCS, GAP, OVERHEAD) == (8, 4, 12, 24)


def test_the_check_sequence_of_a_known_frame() -> None:
    # The CRC-32 of "123456789" is 0xCBF43926 (the check value of its catalogue entry).
    assert crc32(b"123456789") == 0xCBF43926
    padded = b"123456789" + bytes(51)
    assert with_fcs(b"123456789") == padded + crc32(padded).to_bytes(4, "little")


def test_the_residue_is_that_of_802_3() -> None:
    # Over frame and check sequence together the CRC comes to one value (0x2144DF1C, reflected and inverted).
    for frame in (b"", b"x" * 60, bytes(1514)):
        assert crc32(with_fcs(frame)) == 0x2144DF1C


@given(st.binary(max_size=200), st.data())
def test_up_to_three_wrong_bits_are_always_found(frame: bytes, data: st.DataObject) -> None:
    bits = bytearray(with_fcs(frame))
    assert fcs_holds(bytes(bits))
    positions = data.draw(st.sets(st.integers(0, len(bits) * 8 - 1), min_size=1, max_size=3))
    for position in positions:
        bits[position >> 3] ^= 1 << (position & 7)
    assert not fcs_holds(bytes(bits))
