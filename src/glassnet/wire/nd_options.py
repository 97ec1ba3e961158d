"""The options of Neighbor Discovery messages (RFC 4861 4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from glassnet.wire.errors import WireError
from glassnet.wire.layout import Field, Layout

__all__ = [
    "LAYOUTS",
    "LINK_LAYER_ADDRESS_LAYOUT",
    "MTU",
    "MTU_LAYOUT",
    "PREFIX_INFORMATION",
    "PREFIX_INFORMATION_LAYOUT",
    "REDIRECTED_HEADER",
    "REDIRECTED_HEADER_LAYOUT",
    "SOURCE_LINK_LAYER_ADDRESS",
    "TARGET_LINK_LAYER_ADDRESS",
    "NdOption",
    "PrefixInformation",
    "build_options",
    "link_layer_address",
    "parse_options",
]

_OPTION_HEAD = (
    Field("type", 8, "kind of option", "icmpv6.opt.type"),
    Field("length", 8, "of the whole option in units of 8 bytes", "icmpv6.opt.length"),
)

LINK_LAYER_ADDRESS_LAYOUT = Layout(
    "Link-Layer Address",
    "RFC 4861 4.6.1",
    *_OPTION_HEAD,
    Field("address", 48, "MAC address of the source (type 1) or the target (type 2)", "icmpv6.opt.linkaddr"),
)
PREFIX_INFORMATION_LAYOUT = Layout(
    "Prefix Information",
    "RFC 4861 4.6.2",
    *_OPTION_HEAD,
    Field("prefix_length", 8, "bits of the prefix that count", "icmpv6.opt.prefix.length"),
    Field("on_link", 1, "addresses of the prefix are on this link", "icmpv6.opt.prefix.flag.l"),
    Field("autonomous", 1, "hosts may make addresses of it", "icmpv6.opt.prefix.flag.a"),
    Field("reserved_1", 6, "0", "icmpv6.opt.prefix.flag.reserved"),
    Field("valid_lifetime", 32, "seconds; all ones for ever", "icmpv6.opt.prefix.valid_lifetime"),
    Field("preferred_lifetime", 32, "seconds; all ones for ever", "icmpv6.opt.prefix.preferred_lifetime"),
    Field("reserved_2", 32, "0", "icmpv6.opt.reserved"),
    Field("prefix", 128, "the prefix, followed by zeros", "icmpv6.opt.prefix"),
)
REDIRECTED_HEADER_LAYOUT = Layout(
    "Redirected Header",
    "RFC 4861 4.6.3",
    *_OPTION_HEAD,
    Field("reserved", 48, "0", "icmpv6.opt.reserved"),
)
MTU_LAYOUT = Layout(
    "MTU",
    "RFC 4861 4.6.4",
    *_OPTION_HEAD,
    Field("reserved", 16, "0", "icmpv6.opt.reserved"),
    Field("mtu", 32, "MTU that hosts on this link should use", "icmpv6.opt.mtu"),
)

# Types of option.
SOURCE_LINK_LAYER_ADDRESS = 1
TARGET_LINK_LAYER_ADDRESS = 2
PREFIX_INFORMATION = 3
REDIRECTED_HEADER = 4
MTU = 5

LAYOUTS = {
    SOURCE_LINK_LAYER_ADDRESS: LINK_LAYER_ADDRESS_LAYOUT,
    TARGET_LINK_LAYER_ADDRESS: LINK_LAYER_ADDRESS_LAYOUT,
    PREFIX_INFORMATION: PREFIX_INFORMATION_LAYOUT,
    REDIRECTED_HEADER: REDIRECTED_HEADER_LAYOUT,
    MTU: MTU_LAYOUT,
}


@dataclass(frozen=True, slots=True)
class NdOption:
    """An option of any type, known or not; `data` is what follows its length octet (6, 14, 22... bytes).

    A link-layer address of six bytes is all the data of its option.
    """

    type: int
    data: bytes


def parse_options(data: bytes, offset: int = 0, end: int | None = None) -> tuple[NdOption, ...]:
    """The options between `offset` and `end`. Raises `WireError` for a length of 0 or beyond `end`."""
    end = len(data) if end is None else min(end, len(data))
    options = []
    while offset < end:
        length = data[offset + 1] * 8 if offset + 1 < end else 0
        if length == 0 or offset + length > end:
            raise WireError("nd: option length", min(offset + 1, end))
        options.append(NdOption(data[offset], data[offset + 2 : offset + length]))
        offset += length
    return tuple(options)


def build_options(options: tuple[NdOption, ...]) -> bytes:
    """The bytes of `options`. Raises `WireError` for one that does not fill units of 8 bytes."""
    built = b""
    for option in options:
        length, rest = divmod(len(option.data) + 2, 8)
        if rest or not 1 <= length <= 255 or not 0 <= option.type <= 255:
            raise WireError(f"nd: option {option.type} with {len(option.data)} bytes of data", len(built))
        built += bytes((option.type, length)) + option.data
    return built


def link_layer_address(options: tuple[NdOption, ...], kind: int) -> bytes | None:
    """The MAC address in the first option of type `kind` (source or target); None without one."""
    for option in options:
        if option.type == kind and len(option.data) == 6:
            return option.data
    return None


@dataclass(slots=True, kw_only=True)
class PrefixInformation:
    """The option of router advertisements that tells of a prefix; lifetimes are in seconds."""

    prefix_length: int
    on_link: bool = True
    autonomous: bool = True
    reserved_1: int = 0
    valid_lifetime: int = 0xFFFFFFFF
    preferred_lifetime: int = 0xFFFFFFFF
    reserved_2: int = 0
    prefix: bytes

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The option at `offset`, with its type and length. Raises `WireError`."""
        kind, length, prefix_length, on_link, autonomous, *rest = PREFIX_INFORMATION_LAYOUT.unpack(
            data, offset, end
        )
        if kind != PREFIX_INFORMATION:
            raise PREFIX_INFORMATION_LAYOUT.error("type", "type", offset)
        if length * 8 != PREFIX_INFORMATION_LAYOUT.size:
            raise PREFIX_INFORMATION_LAYOUT.error("length", "length", offset)
        reserved_1, valid_lifetime, preferred_lifetime, reserved_2, prefix = rest
        return cls(
            prefix_length=prefix_length,
            on_link=on_link == 1,
            autonomous=autonomous == 1,
            reserved_1=reserved_1,
            valid_lifetime=valid_lifetime,
            preferred_lifetime=preferred_lifetime,
            reserved_2=reserved_2,
            prefix=prefix,
        )

    def build(self) -> bytes:
        """The bytes of the option. Raises `WireError`."""
        return PREFIX_INFORMATION_LAYOUT.pack(
            PREFIX_INFORMATION,
            PREFIX_INFORMATION_LAYOUT.size // 8,
            self.prefix_length,
            self.on_link,
            self.autonomous,
            self.reserved_1,
            self.valid_lifetime,
            self.preferred_lifetime,
            self.reserved_2,
            self.prefix,
        )

    @property
    def header_length(self) -> int:
        """Bytes of the option."""
        return PREFIX_INFORMATION_LAYOUT.size
