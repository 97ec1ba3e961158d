"""Layouts: every declaration adds up, and every way of reading one agrees."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet.wire
from glassnet.wire import (
    Field,
    Foreign,
    Layout,
    WireError,
    arp,
    ethernet,
    icmp,
    icmpv6,
    ipv4,
    ipv6,
    nd,
    nd_options,
    tcp,
    udp,
)
from glassnet.wire import ipv6_extensions as extensions

MODULES = [
    importlib.import_module(f"glassnet.wire.{module.name}")
    for module in pkgutil.iter_modules(glassnet.wire.__path__)
]
LAYOUTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Layout)
}

# Fields that follow from the rest of a header, and so are not attributes of its class.
DERIVED = {
    "version",
    "ihl",
    "data_offset",
    "type",
    "code",
    "length",
    "hardware_type",
    "protocol_type",
    "hardware_length",
    "protocol_length",
}
FLAGS = {"cwr", "ece", "urg", "ack", "psh", "rst", "syn", "fin"}

CLASSES: list[tuple[Layout, Any]] = [
    (ethernet.LAYOUT, ethernet.EthernetFrame),
    (ethernet.TAG_LAYOUT, ethernet.VlanTag),
    (ethernet.LLC_LAYOUT, ethernet.Llc),
    (arp.LAYOUT, arp.ArpPacket),
    (ipv4.LAYOUT, ipv4.Ipv4Packet),
    (ipv6.LAYOUT, ipv6.Ipv6Packet),
    (extensions.OPTIONS_LAYOUT, extensions.OptionsHeader),
    (extensions.ROUTING_LAYOUT, extensions.RoutingHeader),
    (extensions.FRAGMENT_LAYOUT, extensions.FragmentHeader),
    (extensions.AUTHENTICATION_LAYOUT, extensions.AuthenticationHeader),
    (icmp.LAYOUT, icmp.IcmpMessage),
    (icmpv6.LAYOUT, icmpv6.Icmpv6Message),
    (nd.ROUTER_SOLICITATION_LAYOUT, nd.RouterSolicitation),
    (nd.ROUTER_ADVERTISEMENT_LAYOUT, nd.RouterAdvertisement),
    (nd.NEIGHBOR_SOLICITATION_LAYOUT, nd.NeighborSolicitation),
    (nd.NEIGHBOR_ADVERTISEMENT_LAYOUT, nd.NeighborAdvertisement),
    (nd.REDIRECT_LAYOUT, nd.Redirect),
    (nd_options.PREFIX_INFORMATION_LAYOUT, nd_options.PrefixInformation),
    (udp.LAYOUT, udp.UdpDatagram),
    (tcp.LAYOUT, tcp.TcpSegment),
]


def test_layouts_are_found() -> None:
    assert len(LAYOUTS) > 30


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_adds_up(layout: Layout) -> None:
    position = 0
    for field in layout.fields:
        assert layout.ranges[field.name] == (position, position + field.bits)
        assert layout.offset(field.name) == position // 8
        assert field.name.isidentifier()
        assert field.meaning
        assert "\n" not in field.meaning
        position += field.bits
    assert position == 8 * layout.size == 8 * layout.struct.size
    assert len(layout.ranges) == len(layout.fields)
    assert layout.struct.format.startswith("!")
    assert layout.name
    assert layout.rfc.startswith(("RFC ", "IEEE "))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(st.data())
def test_fields_lie_where_the_ranges_say(layout: Layout, data: st.DataObject) -> None:
    header = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    before, after = data.draw(st.binary(max_size=9)), data.draw(st.binary(max_size=9))
    values = layout.unpack(before + header + after, len(before), len(before) + layout.size)
    number, width = int.from_bytes(header, "big"), 8 * layout.size
    for field, value in zip(layout.fields, values, strict=True):
        start, end = layout.ranges[field.name]
        bits = number >> (width - end) & (1 << end - start) - 1
        assert bits == (int.from_bytes(value, "big") if isinstance(value, bytes) else value)
    assert layout.pack(*values) == header
    assert layout.struct.pack(*layout.struct.unpack(header)) == header


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_values_that_do_not_fit_are_refused(layout: Layout) -> None:
    fitting = list(layout.unpack(bytes(layout.size)))
    for index, field in enumerate(layout.fields):
        bad: list[Any]
        if isinstance(fitting[index], bytes):
            bad = [bytes(field.bits // 8 + 1), b"", 0, None]
        else:
            bad = [-1, 1 << field.bits, None, b"", 0.5]
        for value in bad:
            with pytest.raises(WireError, match=field.name) as caught:
                layout.pack(*fitting[:index], value, *fitting[index + 1 :])
            assert caught.value.offset == layout.offset(field.name)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_data_too_short(layout: Layout) -> None:
    for size in range(layout.size):
        with pytest.raises(WireError, match="truncated") as caught:
            layout.unpack(bytes(size))
        assert caught.value.offset == size
        with pytest.raises(WireError, match="truncated") as caught:
            layout.unpack(bytes(99), 7, 7 + size)
        assert caught.value.offset == 7 + size
    for offset, end in ((-1, None), (100, None), (100, 200), (0, -5), (50, 10)):
        with pytest.raises(WireError, match="truncated") as caught:
            layout.unpack(bytes(99), offset, end)
        assert 0 <= caught.value.offset <= 99


@pytest.mark.parametrize(("layout", "kind"), CLASSES, ids=[kind.__name__ for _, kind in CLASSES])
def test_attributes_have_the_names_of_the_fields(layout: Layout, kind: Any) -> None:
    attributes = [attribute.name for attribute in dataclasses.fields(kind)]
    names = [field.name for field in layout.fields]
    if kind is tcp.TcpSegment:
        names = [name for name in names if name not in FLAGS or name == "cwr"]
        names[names.index("cwr")] = "flags"
    missing = [name for name in names if name not in attributes]
    assert set(missing) <= DERIVED, missing
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    if kind is not ethernet.VlanTag:
        shared = [name for name in attributes if name in names]
        # Tags lie between the fields of a frame; elsewhere the order is the diagram's.
        assert shared == [name for name in names if name in attributes]
        assert "header_length" in dir(kind)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_hot_path_has_its_struct(module: Any) -> None:
    if hasattr(module, "LAYOUT"):
        assert module.HEADER is module.LAYOUT.struct
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_units_of_the_hot_path() -> None:
    assert ethernet.HEADER.format == "!6s6s2s"
    assert arp.HEADER.format == "!HHBBH6s4s6s4s"
    assert ipv4.HEADER.format == "!BBHHHBBH4s4s"
    assert ipv6.HEADER.format == "!IHBB16s16s"
    assert udp.HEADER.format == "!HHHH"
    assert tcp.HEADER.format == "!HHIIBBHHH"
    assert extensions.FRAGMENT_HEADER.format == "!BBHI"


@pytest.mark.parametrize(
    "fields",
    [
        [("a", 4)],
        [("a", 7), ("b", 8)],
        [("a", 4), ("b", 32)],
        [("a", 60), ("b", 16)],
        [("a", 0)],
        [("a", 8), ("a", 8)],
    ],
)
def test_a_layout_that_does_not_add_up_is_refused(fields: list[tuple[str, int]]) -> None:
    with pytest.raises(ValueError, match="Odd"):
        Layout("Odd", "RFC 0", *[Field(name, bits) for name, bits in fields])


def test_octets_must_begin_on_a_byte() -> None:
    with pytest.raises(ValueError, match="address"):
        Layout("Odd", "RFC 0", Field("flags", 4), Field("address", 32, octets=True), Field("more", 4))


def test_repr_and_errors_speak_plainly() -> None:
    assert repr(udp.LAYOUT) == "<Layout UDP, RFC 768: 8 bytes>"
    with pytest.raises(WireError) as caught:
        udp.LAYOUT.unpack(b"\0\1\2")
    assert str(caught.value) == "udp: truncated (at byte 3)"
    assert (caught.value.what, caught.value.offset) == ("udp: truncated", 3)
    assert isinstance(caught.value, ValueError)


def test_what_is_made_of_a_foreign_frame_is_plain() -> None:
    frame = Foreign(b"abc")
    assert frame == b"abc"
    assert type(frame[:]) is bytes
    assert type(b"".join((frame, b""))) is bytes


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_knows_the_display_names() -> None:
    fields = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout
    known = {line.split("\t")[2] for line in fields.splitlines() if line.startswith("F\t")}
    named = {field.wireshark for layout in LAYOUTS.values() for field in layout.fields if field.wireshark}
    assert named - known == set()
