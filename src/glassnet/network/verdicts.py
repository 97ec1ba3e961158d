"""What becomes of packets from one address to another, decided once and remembered.

The hot path of both families asks with a single dict lookup. Whatever an answer
depends on (addresses, groups, routes) makes the `Internet` forget all answers when
it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.network.destinations import Destination

if TYPE_CHECKING:
    from glassnet.network.attachment import Attachment

__all__ = ["Verdicts"]

PAIRS_LIMIT = 16384


class Verdicts:
    """The verdicts on pairs of source and destination that came in through one interface.

    `pairs` maps both addresses, as they stand in the header, to the destination to
    forward to, or to None: deliver to this host. Dropped pairs are not remembered.
    """

    __slots__ = ("_attachment", "_drops", "_handlers", "_internet", "_pairs")

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._internet = attachment.internet
        self._drops = attachment.internet.drops
        self._handlers = attachment.internet.handlers
        self._pairs: dict[bytes, Destination | None] = {}

    def forget(self) -> None:
        """Decide anew about every pair of addresses."""
        self._pairs.clear()

    def _remember(self, pair: bytes, way: Destination | None) -> None:
        pairs = self._pairs
        if not pairs:
            self._internet.remembering(self)
        elif len(pairs) >= PAIRS_LIMIT:
            pairs.clear()  # costs nothing on average, and no bookkeeping per packet
        pairs[pair] = way
