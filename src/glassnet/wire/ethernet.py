"""Ethernet II and IEEE 802.3 frames (RFC 894, RFC 1042, IEEE 802.3 3.1), 802.1Q tags, 802.2 LLC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from glassnet.wire.errors import WireError
from glassnet.wire.layout import Field, Layout

__all__ = [
    "BROADCAST",
    "ETHERTYPE_ARP",
    "ETHERTYPE_IPV4",
    "ETHERTYPE_IPV6",
    "HEADER",
    "LAYOUT",
    "LLC_LAYOUT",
    "MINIMUM",
    "MTU",
    "TAG_LAYOUT",
    "TPID_CUSTOMER",
    "TPID_SERVICE",
    "EthernetFrame",
    "Llc",
    "VlanTag",
    "mac_bytes",
    "mac_text",
    "payload_start",
]

LAYOUT = Layout(
    "Ethernet",
    "IEEE 802.3",
    Field("destination", 48, "who the frame is for; the lowest bit of byte 0 means a group", "eth.dst"),
    Field("source", 48, "the interface that sent it", "eth.src"),
    Field("ethertype", 16, "what the payload is; up to 1500, its length instead", "eth.type", octets=True),
)
HEADER = LAYOUT.struct

TAG_LAYOUT = Layout(
    "802.1Q",
    "IEEE 802.1Q",
    Field("tpid", 16, "says that a tag follows: 0x8100 customer, 0x88A8 service", "eth.type", octets=True),
    Field("pcp", 3, "priority code point: 0 best effort to 7 network control", "vlan.priority"),
    Field("dei", 1, "drop eligible indicator: drop this frame first", "vlan.dei"),
    Field("vid", 12, "VLAN identifier; 0 means a priority only", "vlan.id"),
)

LLC_LAYOUT = Layout(
    "LLC",
    "IEEE 802.2",
    Field("dsap", 8, "destination service access point", "llc.dsap"),
    Field("ssap", 8, "source service access point", "llc.ssap"),
    Field("control", 8, "kind of LLC frame; 3 is unnumbered information", "llc.control"),
)

ETHERTYPE_IPV4 = b"\x08\x00"
ETHERTYPE_ARP = b"\x08\x06"
ETHERTYPE_IPV6 = b"\x86\xdd"
TPID_CUSTOMER = b"\x81\x00"
TPID_SERVICE = b"\x88\xa8"

BROADCAST = b"\xff\xff\xff\xff\xff\xff"
MTU = 1500
"""The most payload that a standard frame carries, in bytes."""
MINIMUM = 60
"""The least length of a frame on the cable, without its frame check sequence; shorter ones are padded."""

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}")


def mac_text(mac: bytes) -> str:
    """A MAC address as people write it: `"02:00:00:00:00:01"`."""
    return mac.hex(":")


def mac_bytes(text: str) -> bytes:
    """A MAC address from text with colons or hyphens. Raises `ValueError` for anything else."""
    if _MAC.fullmatch(text) is None:
        raise ValueError(f"{text!r}: expected a MAC address such as '02:00:00:00:00:01'")
    return bytes.fromhex(text.replace(text[2], ""))


def payload_start(frame: bytes) -> tuple[bytes, int]:
    """What the payload of a frame is and where it begins, behind all its tags.

    The type is cut short or empty, and the start beyond the end, if the frame ends before them.
    """
    at = 12
    ethertype = frame[12:14]
    while ethertype in (TPID_CUSTOMER, TPID_SERVICE):
        at += 4
        ethertype = frame[at : at + 2]
    return ethertype, at + 2


@dataclass(frozen=True, slots=True)
class VlanTag:
    """An 802.1Q tag: VLAN, priority, drop eligibility, and the tag protocol identifier."""

    vid: int
    pcp: int = 0
    dei: int = 0
    tpid: bytes = TPID_CUSTOMER

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The tag at `offset`. Raises `WireError`."""
        tpid, pcp, dei, vid = TAG_LAYOUT.unpack(data, offset, end)
        if tpid not in (TPID_CUSTOMER, TPID_SERVICE):
            raise TAG_LAYOUT.error("tag protocol identifier", "tpid", offset)
        return cls(vid, pcp, dei, tpid)

    def build(self) -> bytes:
        """The four bytes of the tag. Raises `WireError`."""
        if self.tpid not in (TPID_CUSTOMER, TPID_SERVICE):
            raise TAG_LAYOUT.error("tag protocol identifier", "tpid")
        return TAG_LAYOUT.pack(self.tpid, self.pcp, self.dei, self.vid)


@dataclass(slots=True, kw_only=True)
class EthernetFrame:
    """A frame without its frame check sequence.

    `ethertype` says what the payload is. Values up to 1500 are the length of an 802.3
    payload (an `Llc`), and bytes beyond it are padding; with Ethernet II, padding cannot
    be told from payload here and is part of it.
    """

    destination: bytes
    source: bytes
    tags: tuple[VlanTag, ...] = ()
    ethertype: bytes
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The frame between `offset` and `end`. Raises `WireError`."""
        end = LAYOUT.within(data, offset, end)
        destination, source, ethertype = LAYOUT.unpack(data, offset)
        at = offset + LAYOUT.offset("ethertype")
        tags = []
        while ethertype in (TPID_CUSTOMER, TPID_SERVICE):
            tags.append(VlanTag.parse(data, at, end))
            at += TAG_LAYOUT.size
            ethertype = data[at : min(at + 2, end)]
            if len(ethertype) < 2:
                raise WireError("ethernet: truncated", end)
        start = at + 2
        length = int.from_bytes(ethertype, "big")
        if length <= MTU:
            if start + length > end:
                raise WireError("ethernet: length", at)
            end = start + length
        elif length < 0x0600:
            raise WireError("ethernet: neither a type nor a length", at)
        return cls(
            destination=destination,
            source=source,
            tags=tuple(tags),
            ethertype=ethertype,
            payload=data[start:end],
        )

    def build(self) -> bytes:
        """The bytes of the frame, without padding. Raises `WireError`."""
        header = LAYOUT.pack(self.destination, self.source, self.ethertype)
        length = self.length
        if self.ethertype in (TPID_CUSTOMER, TPID_SERVICE):
            raise LAYOUT.error("a tag's identifier as type", "ethertype")
        if length is None:
            if self.ethertype < b"\x06\x00":
                raise LAYOUT.error("neither a type nor a length", "ethertype")
        elif length != len(self.payload):
            raise LAYOUT.error(f"length {length} of {len(self.payload)} bytes of payload", "ethertype")
        return b"".join((header[:12], *[tag.build() for tag in self.tags], self.ethertype, self.payload))

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size + TAG_LAYOUT.size * len(self.tags)

    @property
    def length(self) -> int | None:
        """The length that an 802.3 frame gives its payload; None for Ethernet II."""
        number = int.from_bytes(self.ethertype, "big")
        return number if number <= MTU else None


@dataclass(slots=True, kw_only=True)
class Llc:
    """An 802.2 header with an 8-bit control field (unnumbered), as spanning tree and SNAP use."""

    dsap: int
    ssap: int
    control: int = 3
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The LLC frame between `offset` and `end`. Raises `WireError`."""
        end = LLC_LAYOUT.within(data, offset, end)
        dsap, ssap, control = LLC_LAYOUT.unpack(data, offset)
        return cls(dsap=dsap, ssap=ssap, control=control, payload=data[offset + LLC_LAYOUT.size : end])

    def build(self) -> bytes:
        """The bytes of header and payload. Raises `WireError`."""
        return LLC_LAYOUT.pack(self.dsap, self.ssap, self.control) + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LLC_LAYOUT.size
