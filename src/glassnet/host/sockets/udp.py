"""A UDP socket."""

from __future__ import annotations

import errno
import socket
from socket import AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET, SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, RDHUP
from glassnet.host.sockets import addresses as socket_addresses
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.addresses import ANY4, ANY6, is_link_local, is_multicast, show
from glassnet.host.sockets.file import failure
from glassnet.host.sockets.inet import DatagramFile
from glassnet.host.sockets.options import Key, Options

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.sockets.inet_control import Outgoing
    from glassnet.host.system import System
    from glassnet.transport.udp import MappedHeader, UdpEndpoint

__all__ = ["UdpSocket"]

_V6ONLY = (IPPROTO_IPV6, socket.IPV6_V6ONLY)
_FOREIGN = (
    (IPPROTO_IP, names.IP_FREEBIND),
    (IPPROTO_IP, socket.IP_TRANSPARENT),
    (IPPROTO_IPV6, names.IPV6_FREEBIND),
    (IPPROTO_IPV6, names.IPV6_TRANSPARENT),
)


class UdpSocket(DatagramFile):
    """A datagram socket over UDP, of either family."""

    __slots__ = ("_endpoint", "_read_shut")

    def __init__(self, system: System, v6: bool, protocol: int) -> None:
        options = Options("udp6" if v6 else "udp4")
        super().__init__(system, AF_INET6 if v6 else AF_INET, SocketKind.SOCK_DGRAM, protocol, options)
        self.v6 = v6
        self.device = None
        self._endpoint = system.udp.open(v6, False)
        self._endpoint.on_change = self.changed
        self.groups = self._endpoint.groups
        self.groups.everything4 = not v6
        self._read_shut = False

    @property
    def endpoint(self) -> UdpEndpoint:
        """Its end of the stack."""
        return self._endpoint

    def mask(self) -> int:
        """What is ready: a datagram always may be sent."""
        endpoint = self.endpoint
        mask = OUT
        if endpoint.filled:
            mask |= IN
        if endpoint.error or endpoint.errors:
            mask |= ERR
        if self._read_shut:
            mask |= IN | RDHUP | HUP if endpoint.send_shut else IN | RDHUP
        return mask

    def describe(self) -> str:
        """Both ends, or the one there is."""
        endpoint = self.endpoint
        show_endpoint = self.system.tcp.show
        if endpoint.local is None:
            return "an unbound UDP socket"
        if endpoint.remote is None:
            return f"UDP {show_endpoint(endpoint.local)}"
        return f"UDP {show_endpoint(endpoint.local)} -> {show_endpoint(endpoint.remote)}"

    # Naming

    def bind(self, address: Any) -> None:
        """Claim a local address and port."""
        packed, port, interface = socket_addresses.parse(self.system, self.v6, address, "bind")
        if len(packed) == 4 and self.v6 and self.options[_V6ONLY]:
            raise failure(errno.EINVAL)
        if is_link_local(packed) and interface is None:
            raise failure(errno.EINVAL)
        if interface is not None:
            self.endpoint.interface = interface
        chosen = self.options.chosen
        self.endpoint.bind(packed, port, foreign=any(chosen.get(key) for key in _FOREIGN))

    def connect(self, address: Any) -> bool:
        """Set the peer; over at once."""
        packed, port, interface = self._remote(address, "connect")
        if interface is not None:
            self.endpoint.interface = interface
        self.endpoint.connect(packed, port)
        return True

    def _remote(self, address: Any, caller: str) -> tuple[bytes, int, Interface | None]:
        packed, port, interface = socket_addresses.parse(self.system, self.v6, address, caller)
        if len(packed) == 4 and self.v6 and self.options[_V6ONLY]:
            raise failure(errno.ENETUNREACH)
        if is_link_local(packed) and interface is None:
            interface = self.endpoint.interface
            if is_multicast(packed):
                interface = interface or self.endpoint.multicast_interface
            if interface is None:
                raise failure(errno.EINVAL)
        return packed, port, interface

    def local(self) -> Any:
        """The local address, of zeros while there is none."""
        local = self.endpoint.local
        if local is None:
            return show(self.v6, ANY6 if self.v6 else ANY4, 0)
        return show(self.v6, *local, self.endpoint.interface)

    def peer(self) -> Any:
        """The address connected to."""
        if self.endpoint.remote is None:
            raise failure(errno.ENOTCONN)
        return show(self.v6, *self.endpoint.remote, self.endpoint.interface)

    # Data

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The next datagram's first `size` bytes."""
        datagram = self.endpoint.receive(peek)
        if datagram is None:
            return None
        return datagram.data[:size]

    def receive_from(self, size: int, peek: bool) -> tuple[bytes, Any, bool] | None:
        """The next datagram, and who sent it."""
        datagram = self.endpoint.receive(peek)
        if datagram is None:
            return None
        source = show(self.v6, *datagram.source, datagram.interface)
        return datagram.data[:size], source, len(datagram.data) > size

    def _have_port(self) -> None:
        # Linux takes a port before it looks at anything else that may be wrong.
        if self.endpoint.binding is None:
            self.endpoint.bind(ANY6 if self.v6 else ANY4, 0)

    def send(self, data: Any) -> int:
        """Send to the peer."""
        self._have_port()
        if self.endpoint.remote is None:
            raise failure(errno.EDESTADDRREQ)
        return self.endpoint.send(data if type(data) is bytes else bytes(data))

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """Send to an address, or to the peer if that is None."""
        if address is None:
            return self.send(data)
        packed, port, interface = self._remote(address, caller)
        self._have_port()
        endpoint = self.endpoint
        data = data if type(data) is bytes else bytes(data)
        if interface is None or interface is endpoint.interface:
            return endpoint.send(data, (packed, port))
        before, endpoint.interface = endpoint.interface, interface
        endpoint.forget_flows()
        try:
            return endpoint.send(data, (packed, port))
        finally:
            endpoint.interface = before
            endpoint.forget_flows()

    def send_as(self, data: bytes, address: Any, asked: Outgoing) -> int:
        """Send one datagram with what its control data ask for."""
        to = interface = None
        if address is not None:
            packed, port, interface = self._remote(address, "sendmsg")
            to = (packed, port)
        self._have_port()
        return self.endpoint.send_as(
            data,
            to,
            source=asked.source,
            interface=asked.interface or interface,
            ttl=asked.ttl,
            tos=asked.tos,
        )

    def source_of(self, came: Any) -> Any:
        """Who sent a datagram."""
        address, port = came.source
        return show(self.v6, address, port, came.interface)

    @property
    def ended(self) -> bool:
        """Whether reading was shut down."""
        return self._read_shut

    # Ending

    def shutdown(self, read: bool, write: bool) -> None:
        """Neither receive nor send any more."""
        # Datagrams still arrive and can be read, as on Linux: only waiting for them is over.
        self._read_shut |= read
        self.endpoint.shutdown(False, write)

    def release(self) -> None:
        """Close: leave all groups, free the port."""
        self.leave_all()
        self.endpoint.close()

    # Options

    def take_error(self) -> int:
        """The pending error."""
        return self.endpoint.take_error()

    def path_mtu(self) -> int:
        """The path MTU to the peer."""
        return self.endpoint.mtu()

    def header_for(self, level: int) -> UdpEndpoint | MappedHeader:
        """What keeps the choices for packets that options of this level are about."""
        mapped = self._endpoint.mapped
        return mapped if level == IPPROTO_IP and mapped is not None else self._endpoint

    def forget_flows(self) -> None:
        """An option that goes into the IP header has changed."""
        self.endpoint.forget_flows()

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key == _V6ONLY and self.endpoint.local is not None:
            raise failure(errno.EINVAL)
        super().set_option(key, value)

    def apply(self, key: Key) -> None:
        """Hand an option on to the endpoint."""
        endpoint = self.endpoint
        if key == (SOL_SOCKET, socket.SO_REUSEADDR):
            endpoint.reuse_address = bool(self.options[key])
        elif key == (SOL_SOCKET, socket.SO_REUSEPORT):
            endpoint.reuse_port = bool(self.options[key])
        elif key == _V6ONLY:
            endpoint.v6only = bool(self.options[key])
        else:
            super().apply(key)
