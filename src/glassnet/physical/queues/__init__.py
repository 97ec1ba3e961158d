"""Queueing disciplines: what waits for a transmitter, in which order, and what is dropped or marked."""

from glassnet.physical.queues.codel import CoDel
from glassnet.physical.queues.discipline import Discipline, Line, Queue, Waiting
from glassnet.physical.queues.fifo import TailDrop, Threshold
from glassnet.physical.queues.fq_codel import FqCoDel
from glassnet.physical.queues.named import discipline
from glassnet.physical.queues.red import Red

__all__ = [
    "CoDel",
    "Discipline",
    "FqCoDel",
    "Line",
    "Queue",
    "Red",
    "TailDrop",
    "Threshold",
    "Waiting",
    "discipline",
]
