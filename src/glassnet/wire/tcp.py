"""The Transmission Control Protocol (RFC 9293; options: RFC 7323, RFC 2018; ECN: RFC 3168)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from glassnet.wire.checksum import internet_checksum
from glassnet.wire.layout import Field, Layout
from glassnet.wire.options import Option, build_options, parse_options

__all__ = [
    "ACK",
    "CWR",
    "ECE",
    "FIN",
    "HEADER",
    "LAYOUT",
    "MAXIMUM_SEGMENT_SIZE",
    "MSS_LAYOUT",
    "OPTION_LAYOUTS",
    "PSH",
    "RST",
    "SACK",
    "SACK_BLOCK_LAYOUT",
    "SACK_PERMITTED",
    "SACK_PERMITTED_LAYOUT",
    "SYN",
    "TIMESTAMPS",
    "TIMESTAMPS_LAYOUT",
    "URG",
    "WINDOW_SCALE",
    "WINDOW_SCALE_LAYOUT",
    "TcpSegment",
]

LAYOUT = Layout(
    "TCP",
    "RFC 9293",
    Field("source_port", 16, "port that sent the segment", "tcp.srcport"),
    Field("destination_port", 16, "port that the segment is for", "tcp.dstport"),
    Field("sequence", 32, "number of the first byte of data; of the SYN, if there is one", "tcp.seq_raw"),
    Field(
        "acknowledgment", 32, "number of the next byte that the sender expects, if ACK is set", "tcp.ack_raw"
    ),
    Field("data_offset", 4, "header length in units of 4 bytes, options included; at least 5", "tcp.hdr_len"),
    Field("reserved", 4, "0", "tcp.flags.res"),
    Field("cwr", 1, "congestion window reduced", "tcp.flags.cwr"),
    Field("ece", 1, "ECN echo: congestion was experienced", "tcp.flags.ece"),
    Field("urg", 1, "the urgent pointer counts", "tcp.flags.urg"),
    Field("ack", 1, "the acknowledgment number counts", "tcp.flags.ack"),
    Field("psh", 1, "push: give the data to the program now", "tcp.flags.push"),
    Field("rst", 1, "reset the connection", "tcp.flags.reset"),
    Field("syn", 1, "synchronize sequence numbers", "tcp.flags.syn"),
    Field("fin", 1, "no more data from the sender", "tcp.flags.fin"),
    Field("window", 16, "bytes that the sender will take, before scaling", "tcp.window_size_value"),
    Field("checksum", 16, "over pseudo header, header and data", "tcp.checksum"),
    Field(
        "urgent_pointer", 16, "where urgent data end, counted from the sequence number", "tcp.urgent_pointer"
    ),
)
HEADER = LAYOUT.struct

# Within the unit of flags.
FIN = 1
SYN = 2
RST = 4
PSH = 8
ACK = 16
URG = 32
ECE = 64
CWR = 128

# Kinds of option.
MAXIMUM_SEGMENT_SIZE = 2
WINDOW_SCALE = 3
SACK_PERMITTED = 4
SACK = 5
TIMESTAMPS = 8

MSS_LAYOUT = Layout(
    "TCP MSS",
    "RFC 9293 3.7.1",
    Field("kind", 8, "2", "tcp.option_kind"),
    Field("length", 8, "4", "tcp.option_len"),
    Field("mss", 16, "most bytes of data that the sender takes in one segment", "tcp.options.mss_val"),
)
WINDOW_SCALE_LAYOUT = Layout(
    "TCP window scale",
    "RFC 7323 2",
    Field("kind", 8, "3", "tcp.option_kind"),
    Field("length", 8, "3", "tcp.option_len"),
    Field(
        "shift", 8, "bits by which the sender's windows are to be shifted left", "tcp.options.wscale.shift"
    ),
)
SACK_PERMITTED_LAYOUT = Layout(
    "TCP SACK permitted",
    "RFC 2018 2",
    Field("kind", 8, "4", "tcp.option_kind"),
    Field("length", 8, "2", "tcp.option_len"),
)
SACK_BLOCK_LAYOUT = Layout(
    "TCP SACK block",
    "RFC 2018 3",
    Field("left_edge", 32, "number of the first byte of the block", "tcp.options.sack_le"),
    Field("right_edge", 32, "number of the byte after its last", "tcp.options.sack_re"),
)
TIMESTAMPS_LAYOUT = Layout(
    "TCP timestamps",
    "RFC 7323 3",
    Field("kind", 8, "8", "tcp.option_kind"),
    Field("length", 8, "10", "tcp.option_len"),
    Field("value", 32, "the sender's timestamp clock", "tcp.options.timestamp.tsval"),
    Field("echo_reply", 32, "the timestamp received of late, if ACK is set", "tcp.options.timestamp.tsecr"),
)

OPTION_LAYOUTS = {
    MAXIMUM_SEGMENT_SIZE: MSS_LAYOUT,
    WINDOW_SCALE: WINDOW_SCALE_LAYOUT,
    SACK_PERMITTED: SACK_PERMITTED_LAYOUT,
    TIMESTAMPS: TIMESTAMPS_LAYOUT,
}
"""The diagram of each option but SACK, which is a kind and a length followed by blocks."""


@dataclass(slots=True, kw_only=True)
class TcpSegment:
    """A segment. `checksum` is worked out by `build` where it is None.

    `options` keeps every option in order. `mss`, `window_scale`, `sack_permitted`, `sack` and
    `timestamps` read the first of its kind, if it has the length that its RFC gives it.
    """

    source_port: int
    destination_port: int
    sequence: int = 0
    acknowledgment: int = 0
    reserved: int = 0
    flags: int = 0
    window: int = 0
    checksum: int | None = field(default=None, compare=False)
    urgent_pointer: int = 0
    options: tuple[Option, ...] = ()
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, end: int | None = None) -> Self:
        """The segment between `offset` and `end`. Raises `WireError`."""
        end = LAYOUT.within(data, offset, end)
        (
            source_port,
            destination_port,
            sequence,
            acknowledgment,
            offset_reserved,
            flags,
            window,
            checksum,
            urgent_pointer,
        ) = HEADER.unpack_from(data, offset)
        start = offset + (offset_reserved >> 4) * 4
        if start < offset + LAYOUT.size or start > end:
            raise LAYOUT.error("data offset", "data_offset", offset)
        return cls(
            source_port=source_port,
            destination_port=destination_port,
            sequence=sequence,
            acknowledgment=acknowledgment,
            reserved=offset_reserved & 15,
            flags=flags,
            window=window,
            checksum=checksum,
            urgent_pointer=urgent_pointer,
            options=parse_options("tcp", data, offset + LAYOUT.size, start),
            payload=data[start:end],
        )

    def build(self, pseudo: int | None = None) -> bytes:
        """The bytes of header and payload. Raises `WireError`.

        `pseudo` is `pseudo_sum(source, destination, TCP)`, without the length; it is needed
        unless `checksum` is given.
        """
        options = build_options("tcp", self.options)
        flags = self.flags
        if not 0 <= flags <= 255:
            raise LAYOUT.error(f"flags {flags} are not in 0..255", "cwr")
        header = (
            LAYOUT.pack(
                self.source_port,
                self.destination_port,
                self.sequence,
                self.acknowledgment,
                (LAYOUT.size + len(options)) // 4,
                self.reserved,
                *[flags >> bit & 1 for bit in range(7, -1, -1)],
                self.window,
                self.checksum or 0,
                self.urgent_pointer,
            )
            + options
        )
        if self.checksum is None:
            if pseudo is None:
                raise LAYOUT.error("a checksum needs the pseudo header", "checksum")
            length = len(header) + len(self.payload)
            checksum = internet_checksum(header + self.payload, pseudo + length).to_bytes(2, "big")
            at = LAYOUT.offset("checksum")
            header = b"".join((header[:at], checksum, header[at + 2 :]))
        return header + self.payload

    @property
    def header_length(self) -> int:
        """Bytes before the payload."""
        return LAYOUT.size + len(build_options("tcp", self.options))

    def option(self, kind: int, length: int) -> bytes | None:
        """The data of the first option of this kind with `length` bytes of data; None without one."""
        for option in self.options:
            if option.kind == kind and len(option.data) == length:
                return option.data
        return None

    @property
    def mss(self) -> int | None:
        """The maximum segment size that the sender takes (RFC 9293 3.7.1)."""
        data = self.option(MAXIMUM_SEGMENT_SIZE, 2)
        return None if data is None else int.from_bytes(data, "big")

    @property
    def window_scale(self) -> int | None:
        """The shift of the sender's windows (RFC 7323 2); more than 14 counts as 14."""
        data = self.option(WINDOW_SCALE, 1)
        return None if data is None else data[0]

    @property
    def sack_permitted(self) -> bool:
        """Whether the sender understands selective acknowledgments (RFC 2018 2)."""
        return self.option(SACK_PERMITTED, 0) is not None

    @property
    def sack(self) -> tuple[tuple[int, int], ...]:
        """The blocks received beyond the acknowledgment: first byte, byte after the last (RFC 2018 3)."""
        for option in self.options:
            if option.kind == SACK and option.data and len(option.data) % 8 == 0:
                return tuple(SACK_BLOCK_LAYOUT.struct.iter_unpack(option.data))
        return ()

    @property
    def timestamps(self) -> tuple[int, int] | None:
        """The sender's timestamp and the one it echoes (RFC 7323 3)."""
        data = self.option(TIMESTAMPS, 8)
        if data is None:
            return None
        return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
