"""Congestion control: exchangeable, pure objects, by the names that TCP_CONGESTION uses."""

from __future__ import annotations

from glassnet.transport.tcp.congestion.bbr import Bbr
from glassnet.transport.tcp.congestion.control import UNLIMITED, CongestionControl, RateSample
from glassnet.transport.tcp.congestion.cubic import Cubic
from glassnet.transport.tcp.congestion.dctcp import Dctcp
from glassnet.transport.tcp.congestion.reno import Reno

__all__ = ["CONTROLLERS", "UNLIMITED", "Bbr", "CongestionControl", "Cubic", "Dctcp", "RateSample", "Reno"]

CONTROLLERS: dict[str, type[CongestionControl]] = {each.name: each for each in (Reno, Cubic, Bbr, Dctcp)}
"""What can be chosen, by name."""
