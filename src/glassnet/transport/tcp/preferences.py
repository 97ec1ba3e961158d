"""What the owner of one connection has chosen otherwise than the host's settings: tcp(7)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "Preferences"]


@dataclass(slots=True, frozen=True)
class Preferences:
    """Choices that seldom differ from the host's; connections without any share one object.

    `mss` is TCP_MAXSEG (0: what the path allows), `syn_retries` TCP_SYNCNT (0: the
    host's), `fin_timeout` TCP_LINGER2 in nanoseconds (None: the host's; 0: do not wait),
    `congestion` TCP_CONGESTION (empty: the host's), `no_cookie` TCP_FASTOPEN_NO_COOKIE.
    """

    mss: int = 0
    syn_retries: int = 0
    fin_timeout: int | None = None
    congestion: str = ""
    no_cookie: bool = False


DEFAULT = Preferences()
