"""MSS clamping on routers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.network import parse_address
from glassnet.network.mss import clamped
from glassnet.wire.checksum import is_valid, pseudo_sum
from glassnet.wire.foreign import Foreign
from glassnet.wire.options import Option
from glassnet.wire.tcp import ACK, SYN, TcpSegment

LEFT, RIGHT = b"\xc0\x00\x02\x01", b"\xc6\x33\x64\x01"


def syn(mss: int, *, before: int = 0, flags: int = SYN, payload: bytes = b"") -> bytes:
    padding = tuple(Option(1, b"") for _ in range(before))
    return TcpSegment(
        source_port=1,
        destination_port=2,
        flags=flags,
        options=(*padding, Option(2, mss.to_bytes(2, "big"))),
        payload=payload,
    ).build(pseudo_sum(LEFT, RIGHT, 6))


@given(
    st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 5), st.binary(max_size=50), st.integers(0, 9)
)
def test_the_option_and_the_checksum_change_together(
    mss: int, most: int, before: int, payload: bytes, head: int
) -> None:
    segment = syn(mss, before=before, payload=payload)
    frame = bytes(head) + segment
    result = clamped(frame, head, len(frame), most)
    found = TcpSegment.parse(result, head)
    assert found.mss == min(mss, most)
    assert is_valid(result[head:], pseudo_sum(LEFT, RIGHT, 6, len(segment)))
    if mss <= most:
        assert result is frame


def test_a_wrong_checksum_stays_wrong_and_a_foreign_frame_foreign() -> None:
    segment = bytearray(syn(1460))
    segment[17] ^= 1
    frame = Foreign(segment)
    result = clamped(frame, 0, len(frame), 1000)
    assert type(result) is Foreign
    assert TcpSegment.parse(result).mss == 1000
    assert not is_valid(result, pseudo_sum(LEFT, RIGHT, 6, len(result)))


@pytest.mark.parametrize("cut", [0, 13, 20, 22, 23])
def test_what_cannot_be_read_is_left_alone(cut: int) -> None:
    frame = syn(1460)[:cut]
    assert clamped(frame, 0, len(frame), 500) is frame


def test_only_syns_are_rewritten() -> None:
    frame = syn(1460, flags=ACK)
    assert clamped(frame, 0, len(frame), 500) is frame


@given(st.binary(max_size=80))
def test_no_bytes_break_it(data: bytes) -> None:
    assert len(clamped(data, 0, len(data), 500)) == len(data)


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("clamp", [False, 1000, True])
def test_a_router_clamps(router: Any, family: Any, tools: Any, sent: Any, clamp: Any, foreign: bool) -> None:
    router.internet.forwarder.clamp_mss = clamp
    pseudo = pseudo_sum(parse_address(family.host1), parse_address(family.host2), 6)
    segment = TcpSegment(
        source_port=1, destination_port=2, flags=SYN, options=(Option(2, b"\x20\x00"),)
    ).build(pseudo)
    interface = router.internet.interfaces["eth0"]
    packet = tools.packet(family.host1, family.host2, 6, segment)
    frame = tools.framed(interface.mac, tools.mac_of(8, 1), packet)
    interface.receive(Foreign(frame) if foreign else frame)
    (onward,) = sent(router, "eth1")
    assert type(onward) is (Foreign if foreign else bytes)
    payload = tools.parsed(onward).payload
    fits = 1500 - family.header - 20
    assert TcpSegment.parse(payload).mss == {False: 8192, True: fits, 1000: 1000}[clamp]
    assert is_valid(payload, pseudo + len(payload))
