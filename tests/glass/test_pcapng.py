from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import __version__
from glassnet.glass.pcapng import CapturedInterface, Direction, Packet, Reader, Writer
from glassnet.wire import WireError
from glassnet.wire.foreign import Foreign

EPOCH = 1_735_689_600 * 10**9

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
interfaces = st.lists(
    st.builds(
        CapturedInterface,
        name=text,
        description=text,
        mac=st.none() | st.binary(min_size=6, max_size=6),
        speed=st.none() | st.integers(0, 2**64 - 1),
    ),
    min_size=1,
    max_size=4,
)
frames = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 2**62), st.sampled_from(["rx", "tx"]), st.binary(max_size=200)
    )
)
names = st.dictionaries(
    st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
    st.lists(text.filter(bool), min_size=1, max_size=3).map(tuple),
    max_size=3,
)


@given(interfaces, frames, names)
def test_what_was_written_is_read_again(
    described: list[CapturedInterface],
    recorded: list[tuple[int, int, Direction, bytes]],
    named: dict[bytes, tuple[str, ...]],
) -> None:
    file = io.BytesIO()
    writer = Writer(file)
    for interface in described:
        writer.interface(
            interface.name, description=interface.description, mac=interface.mac, speed=interface.speed
        )
    writer.names(list(named.items()))
    expected = []
    for number, time, direction, data in recorded:
        number %= len(described)
        writer.frame(number, time, direction, data)
        expected.append(Packet(time, described[number], direction, data, len(data)))
    writer.flush()
    file.seek(0)
    reader = Reader(file)
    assert list(reader) == expected
    assert reader.interfaces == described
    assert reader.names == named
    assert reader.application == f"glassnet {__version__}"


def test_a_tap_records_from_the_epoch_on_and_in_batches() -> None:
    file = io.BytesIO()
    writer = Writer(file)
    tap = writer.tap(writer.interface("host.eth0"), EPOCH)
    for number in range(5000):
        tap(number, object(), "tx", Foreign(b"frame"))
    assert file.tell() > 0
    writer.flush()
    file.seek(0)
    packets = list(Reader(file))
    assert [packet.time for packet in packets] == [EPOCH + number for number in range(5000)]
    assert {packet.data for packet in packets} == {b"frame"}


def test_the_same_input_gives_the_same_bytes_and_they_name_no_machine() -> None:
    def write() -> bytes:
        file = io.BytesIO()
        writer = Writer(file, "test")
        writer.frame(writer.interface("host.eth0", mac=b"\2\0\0\0\0\1"), 1, "rx", b"x")
        writer.flush()
        return file.getvalue()

    assert write() == write()
    assert write() == bytes.fromhex(
        "0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0400 74657374 0000 0000 28000000"
        "01000000 3c000000 0100 0000 00000000"
        " 0200 0900 686f73742e65746830 000000  0600 0600 020000000001 0000  0900 0100 09 000000  0000 0000"
        " 3c000000"
        "06000000 30000000 00000000 00000000 01000000 01000000 01000000 78 000000"
        " 0200 0400 01000000 0000 0000 30000000"
    )


def block(order: str, kind: int, body: bytes) -> bytes:
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHQ", 0x1A2B3C4D, 1, 0, 2**64 - 1))


def read(data: bytes) -> list[Packet]:
    return list(Reader(io.BytesIO(data)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_writers_files_are_read_too(order: str) -> None:
    def option(code: int, value: bytes) -> bytes:
        return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) & 3)

    micro = block(order, 1, struct.pack(order + "HHI", 1, 0, 3))
    binary = block(
        order,
        1,
        struct.pack(order + "HHI", 1, 0, 0)
        + option(9, b"\x81")  # half seconds
        + option(14, struct.pack(order + "q", 100)),
    )
    stamp = struct.pack(order + "II", 0, 3)
    data = (
        section(order)
        + micro
        + binary
        + block(order, 0x0BAD, b"some unknown block..")
        + block(order, 6, struct.pack(order + "I", 0) + stamp + struct.pack(order + "II", 2, 9) + b"ab\0\0")
        + block(order, 6, struct.pack(order + "I", 1) + stamp + struct.pack(order + "II", 0, 0))
        + block(
            order, 2, struct.pack(order + "HH", 1, 0) + stamp + struct.pack(order + "II", 1, 1) + b"c\0\0\0"
        )
        + block(order, 3, struct.pack(order + "I", 5) + b"xyz\0")
    )
    # A second section numbers its interfaces anew.
    data += section(order) + binary + block(order, 6, bytes(4) + stamp + struct.pack(order + "II", 0, 0))
    plain = CapturedInterface()
    assert read(data) == [
        Packet(3_000, plain, None, b"ab", 9),
        Packet(101_500_000_000, plain, None, b"", 0),
        Packet(101_500_000_000, plain, None, b"c", 1),
        Packet(None, plain, None, b"xyz", 5),
        Packet(101_500_000_000, plain, None, b"", 0),
    ]


HEAD = section("<")
INTERFACE = block("<", 1, struct.pack("<HHI", 1, 0, 0))


@pytest.mark.parametrize(
    ("data", "what", "offset"),
    [
        (b"", "too short for a section header", 0),
        (b"\xd4\xc3\xb2\xa1" + bytes(20), "does not start with a section header", 0),
        (HEAD[:8] + bytes(20), "byte-order magic", 8),
        (HEAD[:-2], "ends within a block", 0),
        (HEAD + b"\6\0", "ends within a block", len(HEAD)),
        (HEAD + struct.pack("<III", 6, 13, 0), "a block of 13 bytes", len(HEAD) + 4),
        (HEAD + struct.pack("<III", 6, 0xFFFFFFFC, 0), "a block of 4294967292 bytes", len(HEAD) + 4),
        (HEAD + struct.pack("<IIII", 9, 16, 0, 20), "lengths of a block differ", len(HEAD) + 12),
        (HEAD + block("<", 1, b""), "too short for its kind", len(HEAD)),
        (HEAD + block("<", 1, bytes(8) + b"\2\0\5\0" + bytes(4)), "reaches beyond its block", len(HEAD) + 16),
        (HEAD + block("<", 6, bytes(20)), "interface 0, which no block describes", len(HEAD)),
        (
            HEAD + INTERFACE + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 5, 5) + bytes(4)),
            "reaches beyond its block",
            len(HEAD) + len(INTERFACE),
        ),
        (HEAD + block("<", 4, b"\1\0\2\0abcd"), "too short for its address", len(HEAD)),
    ],
)
def test_a_broken_file_is_an_error_that_says_where(data: bytes, what: str, offset: int) -> None:
    with pytest.raises(WireError, match=what) as raised:
        read(data)
    assert raised.value.offset == offset


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(noise: bytes, headed: bool) -> None:
    try:
        read((HEAD + INTERFACE if headed else b"") + noise)
    except WireError:
        pass


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    file = io.BytesIO()
    writer = Writer(file)
    number = writer.interface("host.eth0", mac=bytes(6), speed=10**9)
    writer.names([(bytes(4), ["a"]), (bytes(16), ["b", "c"])])
    writer.frame(number, EPOCH, "tx", b"frame")
    writer.flush()
    damaged = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    except WireError:
        pass
