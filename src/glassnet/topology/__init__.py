"""What a user builds with: networks of hosts, routers, switches and cables."""

from glassnet.topology.cable import Cable
from glassnet.topology.host import Host, Router
from glassnet.topology.network import Network

__all__ = ["Cable", "Host", "Network", "Router"]
