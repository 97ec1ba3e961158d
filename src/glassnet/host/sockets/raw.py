"""Raw and ping sockets: raw(7), and the datagram sockets of icmp(7)."""

from __future__ import annotations

import errno
import socket
from socket import AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_IPV6, SocketKind
from struct import Struct
from typing import TYPE_CHECKING, Any

from glassnet.host.descriptors.files import ERR, IN, OUT
from glassnet.host.sockets import addresses as socket_addresses
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets.addresses import ANY4, ANY6, is_link_local, show
from glassnet.host.sockets.file import failure
from glassnet.host.sockets.inet import DatagramFile
from glassnet.host.sockets.options import Key, Options, number_of
from glassnet.transport.groups import Groups
from glassnet.transport.raw import PROTOCOL_RAW, RawEndpoint

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.sockets.inet_control import Outgoing
    from glassnet.host.system import System

__all__ = ["RawSocket"]

_ICMP_FILTER = (names.SOL_RAW, names.ICMP_FILTER)
_ICMPV6_FILTER = (names.SOL_ICMPV6, names.ICMPV6_FILTER)
_CHECKSUM = (IPPROTO_IPV6, socket.IPV6_CHECKSUM)
_words = Struct("8I")
_TYPES_OF_FILTER = 32


class RawSocket(DatagramFile):
    """Sends and receives packets of one protocol; with `ping`, echo requests and their replies only.

    A packet that was received over IPv4 begins with its header, one over IPv6 does not,
    nor does what a ping socket receives.
    """

    __slots__ = ("_endpoint", "_filter", "_peer_port", "_shut")

    def __init__(self, system: System, v6: bool, protocol: int, ping: bool) -> None:
        family, kind = AF_INET6 if v6 else AF_INET, SocketKind.SOCK_DGRAM if ping else SocketKind.SOCK_RAW
        name = "ping" if ping else "raw"
        super().__init__(system, family, kind, protocol, Options(name + ("6" if v6 else "4")))
        self.v6 = v6
        self.device = None
        self.groups = Groups()
        self._endpoint = system.raw.open(v6, protocol, ping)
        self._endpoint.on_change = self.changed
        self._filter = bytes(32)
        self._shut = False
        self._peer_port = 0
        if self._endpoint.header_included:
            self.options.chosen[IPPROTO_IP, names.IP_HDRINCL] = 1

    @property
    def endpoint(self) -> RawEndpoint:
        """Its end of the stack."""
        return self._endpoint

    def mask(self) -> int:
        """What is ready: a packet always may be sent."""
        endpoint = self._endpoint
        mask = OUT
        if endpoint.filled or self._shut:
            mask |= IN
        if endpoint.error or endpoint.errors:
            mask |= ERR
        return mask

    def describe(self) -> str:
        """What it is for."""
        return "a ping socket" if self._endpoint.ping else f"a raw socket for protocol {self.protocol}"

    # Naming

    def _parse(self, address: Any, caller: str) -> tuple[bytes, int, Interface | None]:
        packed, port, interface = socket_addresses.parse(self.system, self.v6, address, caller)
        if self.v6 and len(packed) == 4:
            raise failure(errno.ENETUNREACH if caller != "bind" else errno.EADDRNOTAVAIL)
        return packed, port, interface

    def bind(self, address: Any) -> None:
        """Take a local address; a ping socket an identifier too, as others take a port."""
        packed, port, interface = self._parse(address, "bind")
        if is_link_local(packed) and interface is None:
            raise failure(errno.EINVAL)
        foreign = bool(self.options.chosen.get((IPPROTO_IP, names.IP_FREEBIND)))
        self._endpoint.bind(packed, port, foreign)
        if interface is not None:
            self._endpoint.interface = interface

    def connect(self, address: Any) -> bool:
        """Set the peer; over at once."""
        packed, port, interface = self._parse(address, "connect")
        if is_link_local(packed):
            if interface is None and self._endpoint.interface is None:
                raise failure(errno.EINVAL)
            self._endpoint.interface = interface or self._endpoint.interface
        self._endpoint.connect(packed)
        self._peer_port = port
        return True

    def local(self) -> Any:
        """The local address; a ping socket's identifier, or a raw socket's protocol, as its port."""
        endpoint = self._endpoint
        address = endpoint.local or (ANY6 if self.v6 else ANY4)
        return show(self.v6, address, endpoint.identifier if endpoint.ping else self.protocol)

    def peer(self) -> Any:
        """The address connected to."""
        if self._endpoint.remote is None:
            raise failure(errno.ENOTCONN)
        return show(self.v6, self._endpoint.remote, self._peer_port, self._endpoint.interface)

    def shutdown(self, read: bool, write: bool) -> None:
        """Wait for packets no more; only of a connected socket."""
        if self._endpoint.remote is None:
            raise failure(errno.ENOTCONN)
        self._shut |= read
        self.changed()

    @property
    def ended(self) -> bool:
        """Whether reading was shut down."""
        return self._shut

    def release(self) -> None:
        """Close: receive no more."""
        self.leave_all()
        self._endpoint.close()

    # Data

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The next packet's first `size` octets."""
        packet = self._endpoint.receive(peek)
        return None if packet is None else packet.data[:size]

    def receive_from(self, size: int, peek: bool) -> tuple[bytes, Any, bool] | None:
        """The next packet, and who sent it."""
        packet = self._endpoint.receive(peek)
        if packet is None:
            return None
        return packet.data[:size], self.source_of(packet), len(packet.data) > size

    def source_of(self, came: Any) -> Any:
        """Who sent a packet: there is no port."""
        return show(self.v6, came.source, 0, came.interface)

    def send(self, data: Any) -> int:
        """Send to the peer."""
        return self._endpoint.send(bytes(data))

    def send_to(self, data: Any, address: Any, caller: str) -> int:
        """Send to an address, or to the peer if that is None; its port means nothing."""
        if address is None:
            return self.send(data)
        packed, interface = self._destination(address, caller)
        return self._endpoint.send(bytes(data), packed, interface=interface)

    def send_as(self, data: bytes, address: Any, asked: Outgoing) -> int:
        """Send one packet with what its control data ask for."""
        packed = interface = None
        if address is not None:
            packed, interface = self._destination(address, "sendmsg")
        return self._endpoint.send(
            data,
            packed,
            source=asked.source,
            interface=asked.interface or interface,
            ttl=asked.ttl,
            tos=asked.tos,
        )

    def _destination(self, address: Any, caller: str) -> tuple[bytes, Interface | None]:
        packed, port, interface = self._parse(address, caller)
        if self.v6 and not self._endpoint.ping and port not in (0, self.protocol, PROTOCOL_RAW):
            raise failure(errno.EINVAL)
        if is_link_local(packed) and interface is None:
            interface = self._endpoint.interface
            if interface is None and packed[0] == 0xFF:
                interface = self._endpoint.multicast_interface
            if interface is None:
                raise failure(errno.EINVAL)
        return packed, interface

    # Options

    def take_error(self) -> int:
        """The pending error."""
        return self._endpoint.take_error()

    def path_mtu(self) -> int:
        """The path MTU to the peer."""
        endpoint = self._endpoint
        if endpoint.remote is None:
            raise failure(errno.ENOTCONN)
        return self.system.internet.flow(
            endpoint.remote, self.protocol, source=endpoint.local, interface=endpoint.interface
        ).mtu

    def _has_filter(self, key: Key) -> bool:
        if self._endpoint.ping:
            return False
        return (key == _ICMP_FILTER and self.protocol == IPPROTO_ICMP and not self.v6) or (
            key == _ICMPV6_FILTER and self.protocol == IPPROTO_ICMPV6 and self.v6
        )

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        if self._has_filter(key):
            return self._filter[: 32 if self.v6 else 4]
        if key == _CHECKSUM and self.v6 and not self._endpoint.ping:
            return -1 if self._endpoint.checksum is None else self._endpoint.checksum
        return super().get_option(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if self._has_filter(key):
            if isinstance(value, int):
                value = value.to_bytes(4, "little", signed=True)
            size = 32 if self.v6 else 4
            self._filter = (value[:size] + self._filter[len(value) : size]).ljust(32, b"\0")
            self._endpoint.refuses = _refuses6(self._filter) if self.v6 else _refuses4(self._filter)
        elif key == _CHECKSUM and self.v6 and not self._endpoint.ping:
            offset = number_of(value)
            if self.protocol == IPPROTO_ICMPV6 or (offset > 0 and offset & 1):
                raise failure(errno.EINVAL)
            self._endpoint.checksum = None if offset < 0 else offset
        else:
            super().set_option(key, value)

    def apply(self, key: Key) -> None:
        """Hand an option on to the endpoint."""
        if key == (IPPROTO_IP, names.IP_HDRINCL):
            self._endpoint.header_included = bool(self.options[key])
        else:
            super().apply(key)


def _refuses4(given: bytes) -> Any:
    """ICMP_FILTER: a bit for each of the first 32 types that is not wanted."""
    (bits,) = Struct("I").unpack(given[:4])
    return lambda kind: kind < _TYPES_OF_FILTER and bool(bits >> kind & 1)


def _refuses6(given: bytes) -> Any:
    """ICMP6_FILTER (RFC 3542 section 3.2): a bit for each type that is not wanted, as Linux has it."""
    words = _words.unpack(given)
    return lambda kind: bool(words[kind >> 5] >> (kind & 31) & 1)
