"""What bytes mean: one file per header format, no behaviour, no state.

Every file has the same shape. Its docstring names the RFC. `LAYOUT` declares the header once, in the
order and words of the RFC's diagram, to single bits (further diagrams in a file are `ECHO_LAYOUT` and
so on). `HEADER` is `LAYOUT.struct`, for the hot path. Constants follow, and last a typed class:

- `parse(data, offset=0, end=None)` reads what begins at byte `offset` and does not reach beyond `end`.
- `build()` makes bytes of it. Both raise `WireError`, with the byte at fault, and nothing else.
- `payload` is what the header carries, cut to the length that the header gives it: it lies at
  `data[offset + header_length : offset + header_length + len(payload)]`, and `build` puts it last.
  Whatever has no payload has no such attribute, and its `header_length` is all of it.
- The attributes have the names of the fields. Fields that follow from others (header lengths, reserved
  types) are not attributes. Lengths and checksums are: `parse` gives what it found, `build` works out
  those that are None, and equality does not look at them. To change a parsed header, set them to None:
  `dataclasses.replace(packet, ttl=1, checksum=None)`. Those given are written as given, right or wrong.
- A checksum that covers a pseudo header needs `build(pseudo_sum(source, destination, protocol))`.
- `parse` checks lengths and formats, but no checksums: that is `checksum.is_valid`, on the bytes.

`build` and `parse` are each other's inverse: what was built parses to an equal object, and what was
parsed builds to the same bytes. Unknown options and types are kept as they are.
"""

from glassnet.wire.errors import WireError
from glassnet.wire.foreign import Foreign
from glassnet.wire.layout import Field, Layout

__all__ = ["Field", "Foreign", "Layout", "WireError"]
