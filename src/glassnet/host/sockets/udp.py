"""A UDP socket."""

from __future__ import annotations

import errno
import socket
from socket import AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET, SocketKind
from struct import Struct
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, RDHUP
from glassnet.host.sockets import addresses as socket_addresses
from glassnet.host.sockets.addresses import ANY4, ANY6, interface_by_index, is_link_local, is_multicast, show
from glassnet.host.sockets.file import SocketFile, failure
from glassnet.host.sockets.options import Key, Options

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.system import System

__all__ = ["UdpSocket"]

_V6ONLY = (IPPROTO_IPV6, socket.IPV6_V6ONLY)
_MEMBERSHIP = {
    (IPPROTO_IP, socket.IP_ADD_MEMBERSHIP): (4, True),
    (IPPROTO_IP, socket.IP_DROP_MEMBERSHIP): (4, False),
    (IPPROTO_IPV6, socket.IPV6_JOIN_GROUP): (16, True),
    (IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP): (16, False),
}
_MULTICAST_IF = (IPPROTO_IP, socket.IP_MULTICAST_IF)
_mreqn = Struct("4s4si")
_mreq6 = Struct("16si")


class UdpSocket(SocketFile):
    """A datagram socket over UDP, of either family."""

    __slots__ = ("_groups", "_read_shut", "endpoint", "v6")

    def __init__(self, system: System, v6: bool, protocol: int) -> None:
        options = Options("udp6" if v6 else "udp4")
        super().__init__(system, AF_INET6 if v6 else AF_INET, SocketKind.SOCK_DGRAM, protocol, options)
        self.v6 = v6
        self.endpoint = system.udp.open(v6, False)
        self.endpoint.on_change = self.changed
        self._read_shut = False
        self._groups: dict[tuple[bytes, Interface], None] = {}

    def mask(self) -> int:
        """What is ready: a datagram always may be sent."""
        endpoint = self.endpoint
        mask = OUT
        if endpoint.readable:
            mask |= IN
            if endpoint.error:
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
        self.endpoint.bind(packed, port)

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
        for group, interface in self._groups:
            self.system.internet.leave(group, interface)
        self._groups.clear()
        self.endpoint.close()

    # Options

    def take_error(self) -> int:
        """The pending error."""
        return self.endpoint.take_error()

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        if key == _MULTICAST_IF:
            interface = self.endpoint.multicast_interface
            address = interface and self._address_of(interface)
            return int.from_bytes(address or ANY4, "little")
        return super().get_option(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key in _MEMBERSHIP:
            self._membership(key, value)
        elif key == _MULTICAST_IF:
            if not isinstance(value, bytes) or len(value) < 4:
                raise failure(errno.EINVAL)
            address, index = _local_interface(value)
            self.endpoint.multicast_interface = self._interface(address, index)
            self.endpoint.forget_flows()
        elif key == _V6ONLY and self.endpoint.local is not None:
            raise failure(errno.EINVAL)
        else:
            super().set_option(key, value)

    def apply(self, key: Key) -> None:
        """Hand an option on to the endpoint."""
        endpoint = self.endpoint
        value = self.options[key]
        level, name = key
        if level == SOL_SOCKET:
            if name == socket.SO_BROADCAST:
                endpoint.broadcast = bool(value)
            elif name == socket.SO_REUSEADDR:
                endpoint.reuse_address = bool(value)
            elif name == socket.SO_REUSEPORT:
                endpoint.reuse_port = bool(value)
            elif name == socket.SO_RCVBUF:
                endpoint.receive_buffer = value
            return
        if key == _V6ONLY:
            endpoint.v6only = bool(value)
        elif key in ((IPPROTO_IP, socket.IP_TTL), (IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)):
            endpoint.ttl = value
        elif key in ((IPPROTO_IP, socket.IP_TOS), (IPPROTO_IPV6, socket.IPV6_TCLASS)):
            endpoint.tos = value
        elif key in ((IPPROTO_IP, socket.IP_MULTICAST_TTL), (IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)):
            endpoint.multicast_ttl = value
        elif key in ((IPPROTO_IP, socket.IP_MULTICAST_LOOP), (IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP)):
            endpoint.multicast_loop = bool(value)
        elif key == (IPPROTO_IPV6, socket.IPV6_MULTICAST_IF):
            endpoint.multicast_interface = interface_by_index(self.system, value) if value else None
        endpoint.forget_flows()

    def _membership(self, key: Key, value: int | bytes) -> None:
        size, join = _MEMBERSHIP[key]
        if not isinstance(value, bytes) or len(value) < size + 4:
            raise failure(errno.EINVAL)
        group = value[:size]
        if not is_multicast(group):
            raise failure(errno.EINVAL)
        if size == 4:
            address, index = _local_interface(value)
        else:
            address, index = ANY4, _mreq6.unpack_from(value)[1]
        interface = self._interface(address, index) or self._default_interface(group)
        internet = self.system.internet
        if join:
            if (group, interface) in self._groups:
                raise failure(errno.EADDRINUSE)
            internet.join(group, interface)
            self._groups[group, interface] = None
        elif (group, interface) in self._groups:
            del self._groups[group, interface]
            internet.leave(group, interface)
        else:
            raise failure(errno.EADDRNOTAVAIL)

    def _interface(self, address: bytes, index: int) -> Interface | None:
        """The interface with this number, or with this address; None if neither is given."""
        if index:
            return interface_by_index(self.system, index)
        if not any(address):
            return None
        for held in self.system.internet.addresses():
            if held.address == address:
                return held.interface
        raise failure(errno.ENODEV)

    def _default_interface(self, group: bytes) -> Interface:
        internet = self.system.internet
        for interface in internet.interfaces.values():
            if interface is not internet.loopback:
                return interface
        raise failure(errno.ENODEV)

    def _address_of(self, interface: Interface) -> bytes | None:
        for held in self.system.internet.addresses():
            if held.interface is interface and len(held.address) == 4:
                return held.address
        return None


def _local_interface(value: bytes) -> tuple[bytes, int]:
    """Address and number of an interface, of an in_addr, ip_mreq or ip_mreqn."""
    if len(value) >= _mreqn.size:
        _, address, index = _mreqn.unpack_from(value)
        return address, index
    return (value[4:8] if len(value) >= 8 else value[:4]), 0
