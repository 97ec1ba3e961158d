"""glassnet: a whole network in one Python process.

Importing it installs the seam by which programs on virtual hosts meet the virtual
network; code outside every host keeps the real operating system.
"""

from glassnet._version import __version__
from glassnet.host.patches import install

install()  # before anything else, so that names taken from patched modules are the patched ones

from glassnet.engine import Drop  # noqa: E402
from glassnet.errors import GlassnetError, ProcessEnded, Refused  # noqa: E402
from glassnet.host.deadlock import Deadlock  # noqa: E402
from glassnet.host.process import Process  # noqa: E402
from glassnet.physical import CoDel, FqCoDel, Red, TailDrop, Threshold  # noqa: E402
from glassnet.topology import Cable, Host, Network, Router  # noqa: E402
from glassnet.topology.power import HostStateChanged  # noqa: E402
from glassnet.transport.tcp.events import (  # noqa: E402
    Paced,
    ReceiveWindow,
    RecoveryEntered,
    RecoveryLeft,
    Retransmission,
    RoundTripMeasured,
    StateChange,
    WindowChange,
)

__all__ = [
    "Cable",
    "CoDel",
    "Deadlock",
    "Drop",
    "FqCoDel",
    "GlassnetError",
    "Host",
    "HostStateChanged",
    "Network",
    "Paced",
    "Process",
    "ProcessEnded",
    "ReceiveWindow",
    "RecoveryEntered",
    "RecoveryLeft",
    "Red",
    "Refused",
    "Retransmission",
    "RoundTripMeasured",
    "Router",
    "StateChange",
    "TailDrop",
    "Threshold",
    "WindowChange",
    "__version__",
]
