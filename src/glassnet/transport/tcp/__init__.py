"""TCP (RFC 9293): one file per idea, a connection being a state machine between a sender and a receiver."""

from glassnet.transport.tcp.connection import Connection
from glassnet.transport.tcp.layer import Tcp
from glassnet.transport.tcp.listener import Listener
from glassnet.transport.tcp.settings import TcpSettings
from glassnet.transport.tcp.state import State

__all__ = ["Connection", "Listener", "State", "Tcp", "TcpSettings"]
