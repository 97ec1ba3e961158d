"""Layer 3: IPv4 and IPv6, their neighbours, routes, fragments and errors."""

from glassnet.network.addresses import address_text, parse_address
from glassnet.network.destinations import Destination, Kind
from glassnet.network.echo import EchoReply
from glassnet.network.errors import IcmpError
from glassnet.network.flow import Flow
from glassnet.network.internet import ErrorHandler, Handler, Internet
from glassnet.network.neighbours import Neighbour, NeighbourChanged, NeighbourState
from glassnet.network.routes import Route, Routes
from glassnet.network.source_address import InterfaceAddress

__all__ = [
    "Destination",
    "EchoReply",
    "ErrorHandler",
    "Flow",
    "Handler",
    "IcmpError",
    "InterfaceAddress",
    "Internet",
    "Kind",
    "Neighbour",
    "NeighbourChanged",
    "NeighbourState",
    "Route",
    "Routes",
    "address_text",
    "parse_address",
]
