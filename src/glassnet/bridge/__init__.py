"""The real world at the end of a cable: kernels that take and give frames."""

from glassnet.bridge.tap import Tap

__all__ = ["Tap"]
