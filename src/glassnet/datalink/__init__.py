"""Layer 2: Ethernet interfaces and switches."""

from glassnet.datalink.interface import Interface, LoopbackInterface
from glassnet.datalink.switch import Port, Switch

__all__ = ["Interface", "LoopbackInterface", "Port", "Switch"]
