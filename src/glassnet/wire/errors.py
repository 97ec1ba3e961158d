"""The one error of this room: bytes that do not mean what they should, or values that no bytes can say."""

from __future__ import annotations

__all__ = ["WireError"]


class WireError(ValueError):
    """Bytes that cannot be parsed, or values that cannot be built.

    `what` starts with the format that refused (`"ipv4: total length"`). From `parse` it
    is one of a fixed set of phrases, and so may serve as the reason of a drop. `offset`
    is the byte at fault, counted from the start of the data given to `parse`, or of
    the bytes that `build` was to make; for data that ends too early it is their end.
    """

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what, offset)
        self.what = what
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.what} (at byte {self.offset})"
