"""Layer 1: cables and what they do to frames."""

from glassnet.physical.cable import Cable
from glassnet.physical.conditions import Changes, Conditions
from glassnet.physical.lane import FrameImpaired, Lane, LaneChanged, Receiver
from glassnet.physical.queues import CoDel, Discipline, FqCoDel, Red, TailDrop, Threshold

__all__ = [
    "Cable",
    "Changes",
    "CoDel",
    "Conditions",
    "Discipline",
    "FqCoDel",
    "FrameImpaired",
    "Lane",
    "LaneChanged",
    "Receiver",
    "Red",
    "TailDrop",
    "Threshold",
]
