"""What sockets over IP have in common: their options of both levels, the device they are bound to."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from socket import IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET
from struct import Struct
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import OpenFile
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.addresses import ANY4, interface_by_index, is_multicast, show
from glassnet.host.sockets.file import Message, SocketFile, failure
from glassnet.host.sockets.inet_control import Outgoing, error_control, incoming, outgoing
from glassnet.host.sockets.options import Key, number_of
from glassnet.transport.groups import Groups, Membership

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.sockets.ancillary import Control
    from glassnet.host.system import System
    from glassnet.transport.raw import Packet, RawEndpoint
    from glassnet.transport.udp import Datagram, MappedHeader, UdpEndpoint

__all__ = ["DatagramFile", "InternetFile", "device_named"]

_BIND_TO_DEVICE = (SOL_SOCKET, socket.SO_BINDTODEVICE)
_BIND_TO_INDEX = (SOL_SOCKET, names.SO_BINDTOIFINDEX)
_OPTIONS = (IPPROTO_IP, names.IP_OPTIONS)
_MTU4 = (IPPROTO_IP, names.IP_MTU)
_MTU6 = (IPPROTO_IPV6, names.IPV6_MTU)
_MULTICAST_IF = (IPPROTO_IP, socket.IP_MULTICAST_IF)
_MULTICAST_IF6 = (IPPROTO_IPV6, socket.IPV6_MULTICAST_IF)
_NAME_SIZE = 16  # IFNAMSIZ
_MSG_ERRQUEUE = int(socket.MSG_ERRQUEUE)
_MSG_PEEK = int(socket.MSG_PEEK)
_MSG_TRUNC = int(socket.MSG_TRUNC)

_JOIN = {
    (IPPROTO_IP, socket.IP_ADD_MEMBERSHIP),
    (IPPROTO_IPV6, socket.IPV6_JOIN_GROUP),
    (IPPROTO_IP, names.MCAST_JOIN_GROUP),
    (IPPROTO_IPV6, names.MCAST_JOIN_GROUP),
}
_LEAVE = {
    (IPPROTO_IP, socket.IP_DROP_MEMBERSHIP),
    (IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP),
    (IPPROTO_IP, names.MCAST_LEAVE_GROUP),
    (IPPROTO_IPV6, names.MCAST_LEAVE_GROUP),
}
_SOURCES = {
    (IPPROTO_IP, names.IP_ADD_SOURCE_MEMBERSHIP),
    (IPPROTO_IP, names.IP_DROP_SOURCE_MEMBERSHIP),
    (IPPROTO_IP, names.IP_BLOCK_SOURCE),
    (IPPROTO_IP, names.IP_UNBLOCK_SOURCE),
}
_MEMBERSHIP = _JOIN | _LEAVE | _SOURCES
_mreqn = Struct("4s4si")
_mreq6 = Struct("16si")
_group_request = Struct("I4xH2x124s")  # struct group_req: an interface and a sockaddr


def device_named(system: System, value: int | bytes) -> Interface | None:
    """The interface that SO_BINDTODEVICE names, None for an empty name; OSError(ENODEV) for another."""
    given = value.to_bytes(4, "little", signed=True) if isinstance(value, int) else value
    name = given[: _NAME_SIZE - 1].partition(b"\0")[0].decode("latin-1")
    if not name:
        return None
    interface = system.internet.interfaces.get(name)
    if interface is None:
        raise failure(errno.ENODEV)
    return interface


class InternetFile(SocketFile):
    """A socket over IPv4 or IPv6 (`v6`). `device` is the interface it was bound to."""

    __slots__ = ("device", "v6")

    v6: bool
    device: Interface | None

    def path_mtu(self) -> int:
        """The path MTU to the peer; OSError(ENOTCONN) without one."""
        raise failure(errno.ENOTCONN)

    def bind_to(self, device: Interface | None) -> None:
        """Send and receive through `device` alone."""
        self.device = device

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        if key == _BIND_TO_DEVICE:
            return b"" if self.device is None else self.device.name.encode() + b"\0"
        if key == _BIND_TO_INDEX:
            return 0 if self.device is None else self.device.index
        if key[0] == IPPROTO_IP and self.has_level(IPPROTO_IP):
            if key == _OPTIONS:
                return b""
            if key == _MTU4:
                return self.path_mtu()
        elif key == _MTU6 and self.v6:
            return self.path_mtu()
        return super().get_option(key)

    def has_level(self, level: int) -> bool:
        """Whether the socket knows options of this level: an IPv6 socket knows both."""
        return (level, socket.IP_TTL) in self.options if level == IPPROTO_IP else self.v6

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key == _BIND_TO_DEVICE:
            self.bind_to(device_named(self.system, value))
        elif key == _BIND_TO_INDEX:
            number = number_of(value)
            if number < 0:
                raise failure(errno.EINVAL)
            self.bind_to(interface_by_index(self.system, number) if number else None)
        elif key == _OPTIONS and self.has_level(IPPROTO_IP):
            # Packets with options of the program's are not sent; asking for none is no request.
            if isinstance(value, int) or any(value):
                raise failure(errno.EINVAL)
        else:
            super().set_option(key, value)


class DatagramFile(InternetFile):
    """A socket that sends and receives packet by packet: UDP, raw or ping."""

    __slots__ = ("groups",)

    groups: Groups

    @property
    def endpoint(self) -> UdpEndpoint | RawEndpoint:
        """Its end of the stack."""
        raise NotImplementedError

    def header_for(self, level: int) -> UdpEndpoint | RawEndpoint | MappedHeader:
        """What keeps the choices for packets that options of this level are about."""
        return self.endpoint

    def forget_flows(self) -> None:
        """An option that goes into the IP header has changed."""

    def bind_to(self, device: Interface | None) -> None:
        """Send and receive through `device` alone."""
        self.device = self.endpoint.interface = device
        self.forget_flows()

    # Messages

    def source_of(self, came: Any) -> Any:
        """What `recvfrom` gives as the source of a packet."""
        raise NotImplementedError

    def error_source(self, address: bytes, port: int) -> Any:
        """What `recvmsg` gives as the address of an entry of the error queue."""
        return show(self.v6, address, port)

    def readable(self) -> int:
        """The size of the next packet."""
        return self.endpoint.next_size

    def take_packet(self, peek: bool) -> Datagram | Packet | None:
        """The next packet, or None; raises the pending error."""
        return self.endpoint.receive(peek)

    def receive_message(self, size: int, flags: int) -> Message | None:
        """The next packet with the control data that the options ask for, or the next error."""
        if flags & _MSG_ERRQUEUE:
            return self._next_error(size)
        came = self.take_packet(bool(flags & _MSG_PEEK))
        if came is None:
            return None
        control = incoming(self.system, self.v6, self.options, came, self.endpoint.dropped)
        cut = _MSG_TRUNC if len(came.data) > size else 0
        return Message(came.data[:size], self.source_of(came), cut, control)

    def _next_error(self, size: int) -> Message | None:
        endpoint = self.endpoint
        error = endpoint.errors.take()
        if error is None:
            return None
        endpoint.error = endpoint.errors.next_errno
        flags = _MSG_ERRQUEUE | (_MSG_TRUNC if len(error.data) > size else 0)
        source = self.error_source(*error.destination)
        return Message(error.data[:size], source, flags, (error_control(error),))

    def send_message(
        self, data: bytes, address: Any, control: Sequence[Control], files: Sequence[OpenFile], flags: int
    ) -> int:
        """Send one packet as `control` asks."""
        if control:
            asked = outgoing(self.system, self.v6, control)
            if asked != Outgoing():
                return self.send_as(data, address, asked)
        return self.send(data) if address is None else self.send_to(data, address, "sendmsg")

    def send_as(self, data: bytes, address: Any, asked: Outgoing) -> int:
        """Send one packet with what its control data ask for."""
        raise NotImplementedError

    # Options

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        if key == _MULTICAST_IF and self.has_level(IPPROTO_IP):
            interface = self.endpoint.multicast_interface
            address = interface and self._address_of(interface)
            return int.from_bytes(address or ANY4, "little", signed=True)
        if key == _MULTICAST_IF6 and self.v6:
            interface = self.endpoint.multicast_interface
            return interface.index if interface is not None else 0
        return super().get_option(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key in _MEMBERSHIP and self.has_level(key[0]):
            self._membership(key, value)
        elif key == _MULTICAST_IF and self.has_level(IPPROTO_IP):
            if isinstance(value, int):
                value = value.to_bytes(4, "little", signed=True)
            if len(value) < 4:
                raise failure(errno.EINVAL)
            address, index = _local_interface(value)
            try:
                self.endpoint.multicast_interface = self._interface(address, index)
            except OSError:
                raise failure(errno.EADDRNOTAVAIL) from None
            self.forget_flows()
        elif key == _MULTICAST_IF6 and self.v6:
            number = number_of(value)
            self.endpoint.multicast_interface = interface_by_index(self.system, number) if number else None
            self.forget_flows()
        else:
            super().set_option(key, value)

    def apply(self, key: Key) -> None:
        """Hand an option on to the endpoint."""
        endpoint, groups = self.endpoint, self.groups
        value = self.options.chosen.get(key, 0)
        header = self.header_for(key[0])
        if key == (SOL_SOCKET, socket.SO_BROADCAST):
            endpoint.broadcast = bool(value)
        elif key[0] == SOL_SOCKET:
            endpoint.receive_buffer = self.options[SOL_SOCKET, socket.SO_RCVBUF]
            return
        elif key in ((IPPROTO_IP, socket.IP_TTL), (IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)):
            header.ttl = value
        elif key in ((IPPROTO_IP, socket.IP_TOS), (IPPROTO_IPV6, socket.IPV6_TCLASS)):
            header.tos = value
        elif key in ((IPPROTO_IP, socket.IP_MULTICAST_TTL), (IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)):
            header.multicast_ttl = value
        elif key in ((IPPROTO_IP, socket.IP_MULTICAST_LOOP), (IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP)):
            header.multicast_loop = bool(value)
        elif key in ((IPPROTO_IP, names.IP_RECVERR), (IPPROTO_IPV6, names.IPV6_RECVERR)):
            endpoint.errors.want(key[0] == IPPROTO_IP, bool(value))
        elif key == (IPPROTO_IP, names.IP_MULTICAST_ALL):
            groups.everything4 = bool(value)
        elif key == (IPPROTO_IPV6, names.IPV6_MULTICAST_ALL):
            groups.everything6 = bool(value)
        elif key in (
            (IPPROTO_IP, names.IP_MTU_DISCOVER),
            (IPPROTO_IPV6, names.IPV6_MTU_DISCOVER),
        ):
            header.dont_fragment = value in (names.PMTUDISC_DO, names.PMTUDISC_PROBE)
        elif key == (IPPROTO_IPV6, socket.IPV6_DONTFRAG):
            endpoint.dont_fragment = bool(value)
        self.forget_flows()

    # Groups

    def _membership(self, key: Key, value: int | bytes) -> None:
        if isinstance(value, int):
            raise failure(errno.EINVAL)
        if key in _SOURCES:
            self._source_membership(key[1], value)
            return
        group, address, index = _request(key, value)
        if not is_multicast(group):
            raise failure(errno.EINVAL)
        interface = self._interface(address, index) or self._default_interface(group)
        if key in _LEAVE:
            self.leave(group, interface)
            return
        if (group, interface) in self.groups.joined:
            raise failure(errno.EADDRINUSE)
        self._join(group, interface)

    def _join(self, group: bytes, interface: Interface) -> None:
        self.system.internet.join(group, interface)
        self.groups.joined[group, interface] = Membership()

    def leave(self, group: bytes, interface: Interface) -> None:
        """Leave a group; OSError(EADDRNOTAVAIL) if this socket is not in it."""
        self.groups.find(group, interface)
        del self.groups.joined[group, interface]
        self.system.internet.leave(group, interface)

    def leave_all(self) -> None:
        """Leave every group: the socket closes."""
        for group, interface in list(self.groups.joined):
            self.leave(group, interface)

    def _source_membership(self, name: int, value: bytes) -> None:
        """Hear one source of a group, or hear it no more (RFC 3678 section 4.1)."""
        if len(value) < 12:
            raise failure(errno.EINVAL)
        group, address, source = value[:4], value[4:8], value[8:12]
        if not is_multicast(group):
            raise failure(errno.EINVAL)
        interface = self._interface(address, 0) or self._default_interface(group)
        joined = self.groups.joined
        if name == names.IP_ADD_SOURCE_MEMBERSHIP and (group, interface) not in joined:
            self._join(group, interface)
            joined[group, interface].excluding = False
        membership = joined.get((group, interface))
        if membership is None:
            raise failure(errno.EINVAL)
        excluding = name in (names.IP_BLOCK_SOURCE, names.IP_UNBLOCK_SOURCE)
        if membership.excluding is not excluding:
            raise failure(errno.EINVAL)
        if name in (names.IP_ADD_SOURCE_MEMBERSHIP, names.IP_BLOCK_SOURCE):
            if source in membership.sources:
                raise failure(errno.EADDRNOTAVAIL)
            membership.sources[source] = None
            return
        if source not in membership.sources:
            raise failure(errno.EADDRNOTAVAIL)
        del membership.sources[source]
        if name == names.IP_DROP_SOURCE_MEMBERSHIP and not membership.sources:
            self.leave(group, interface)

    def _interface(self, address: bytes, index: int) -> Interface | None:
        """The interface with this number, or with this address; None if neither is given."""
        if index:
            return interface_by_index(self.system, index)
        if not any(address):
            return None
        if address[0] == 127 and len(address) == 4:
            return self.system.internet.loopback
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


def _request(key: Key, value: bytes) -> tuple[bytes, bytes, int]:
    """Group, and address or number of the interface, of a request to join or leave; OSError(EINVAL)."""
    if key[1] in (names.MCAST_JOIN_GROUP, names.MCAST_LEAVE_GROUP):
        if len(value) < _group_request.size:
            raise failure(errno.EINVAL)
        index, family, rest = _group_request.unpack_from(value)
        four = key[0] == IPPROTO_IP
        if family != (socket.AF_INET if four else socket.AF_INET6):
            raise failure(errno.EADDRNOTAVAIL)
        return (rest[:4] if four else rest[4:20]), ANY4, index
    if key[0] == IPPROTO_IPV6:
        if len(value) < _mreq6.size:
            raise failure(errno.EINVAL)
        group, index = _mreq6.unpack_from(value)
        return group, ANY4, index
    if len(value) < 8:
        raise failure(errno.EINVAL)
    address, index = _local_interface(value)
    return value[:4], address, index
