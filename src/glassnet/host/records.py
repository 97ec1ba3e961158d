"""What `logging` remembers of the machine's clock when it is imported."""

from __future__ import annotations

import logging
import time
from typing import Any

from glassnet.host.current import here

__all__ = ["patch_logging"]

# In seconds; since Python 3.13 in nanoseconds.
_start: Any = logging._startTime  # type: ignore[attr-defined]
_kind: Any = type(_start)


def _in_units(nanoseconds: int) -> Any:
    return nanoseconds if _kind is int else nanoseconds / 1e9


class _Start(_kind):  # type: ignore[misc]
    """When logging began: on a host when the host was started, so that `relativeCreated` is its uptime."""

    def __rsub__(self, created: Any) -> Any:
        """What `relativeCreated` is made of."""
        system = here()
        if system is None:
            return created - _start
        clock = system.clock
        return created - _in_units(clock.time() - clock.uptime())


def patch_logging(localtime: Any) -> None:
    """Let records tell the host's time; `localtime` is the stock function, which `logging` may hold."""
    vars(logging)["_startTime"] = _Start(_start)
    if logging.Formatter.converter is localtime:
        logging.Formatter.converter = time.localtime
