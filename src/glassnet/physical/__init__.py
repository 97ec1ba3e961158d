"""Layer 1: cables and what they do to frames."""

from glassnet.physical.cable import Cable
from glassnet.physical.conditions import Changes, Conditions
from glassnet.physical.lane import FrameImpaired, Lane, LaneChanged, Receiver

__all__ = ["Cable", "Changes", "Conditions", "FrameImpaired", "Lane", "LaneChanged", "Receiver"]
