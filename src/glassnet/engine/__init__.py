"""The clockwork: time, events, randomness, observation."""

from glassnet.engine.clock import Clock, Engine
from glassnet.engine.drops import Drop, Drops
from glassnet.engine.events import Events
from glassnet.engine.randomness import Streams
from glassnet.engine.timer import Timer

__all__ = ["Clock", "Drop", "Drops", "Engine", "Events", "Streams", "Timer"]
