"""The options of IPv4 and TCP headers, which share one format (RFC 791 3.1, RFC 9293 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.wire.errors import WireError

__all__ = ["END_OF_OPTIONS", "MAXIMUM_LENGTH", "NO_OPERATION", "Option", "build_options", "parse_options"]

END_OF_OPTIONS = 0
NO_OPERATION = 1

MAXIMUM_LENGTH = 40
"""The most bytes of options that a header has room for: its length is at most 15 units of 4 bytes."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of any kind, known or not; `data` is what follows its length octet.

    `NO_OPERATION` has none. For `END_OF_OPTIONS`, `data` is all that comes after it.
    """

    kind: int
    data: bytes = b""


def parse_options(name: str, data: bytes, offset: int, end: int) -> tuple[Option, ...]:
    """The options between `offset` and `end` of a header called `name` in errors.

    Up to three zeros at the end are the filling that `build_options` makes, and not
    listed. Raises `WireError` for an option whose length is below 2 or leads beyond `end`.
    """
    end = min(end, len(data))
    options = []
    while offset < end:
        kind = data[offset]
        if kind == END_OF_OPTIONS:
            if end - offset > 3 or any(data[offset:end]):
                options.append(Option(kind, data[offset + 1 : end]))
            break
        if kind == NO_OPERATION:
            options.append(Option(kind))
            offset += 1
            continue
        length = data[offset + 1] if offset + 1 < end else 0
        if length < 2 or offset + length > end:
            raise WireError(f"{name}: option length", min(offset + 1, end))
        options.append(Option(kind, data[offset + 2 : offset + length]))
        offset += length
    return tuple(options)


def build_options(name: str, options: tuple[Option, ...]) -> bytes:
    """The bytes of `options`, filled up with zeros to a multiple of 4. Raises `WireError`."""
    built = b""
    ended = False
    for option in options:
        kind, size = option.kind, len(option.data)
        if ended:
            raise WireError(f"{name}: an option after the end of options", len(built))
        head = 1 if kind <= NO_OPERATION else 2
        if not 0 <= kind <= 255 or head + size > MAXIMUM_LENGTH or (kind == NO_OPERATION and size):
            raise WireError(f"{name}: option {kind} with {size} bytes of data", len(built))
        ended = kind == END_OF_OPTIONS
        built += bytes((kind, size + 2)[:head]) + option.data
    built += bytes(-len(built) % 4)
    if len(built) > MAXIMUM_LENGTH:
        raise WireError(f"{name}: {len(built)} bytes of options in {MAXIMUM_LENGTH}", MAXIMUM_LENGTH)
    return built
