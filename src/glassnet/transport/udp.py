"""UDP (RFC 768, 8085): datagrams between ports, and the errors that come back."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from glassnet.engine import Drops
from glassnet.transport.errors import LOCAL, ErrorQueue, PacketError
from glassnet.transport.groups import Groups
from glassnet.transport.ports import ANY4, ANY6, Binding, Ports
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.udp import HEADER

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.network.errors import IcmpError
    from glassnet.network.flow import Flow
    from glassnet.network.internet import Internet

__all__ = ["PROTOCOL", "Datagram", "MappedHeader", "Udp", "UdpEndpoint"]

PROTOCOL = 17

Endpoint = tuple[bytes, int]

_PACK = HEADER.pack
_UNPACK = HEADER.unpack_from
_BROADCAST = b"\xff\xff\xff\xff"
# What a datagram costs the receive buffer beyond its bytes.
_OVERHEAD = 256
_FLOWS_KEPT = 64


def _failure(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def is_group(address: bytes) -> bool:
    """Whether packets to this address may have several takers: multicast, or limited broadcast."""
    if len(address) == 16:
        return address[0] == 0xFF
    return address[0] & 0xF0 == 0xE0 or address == _BROADCAST


class Datagram(NamedTuple):
    """A datagram as received; `destination` is the local address that it was sent to.

    `head` is the beginning of its Internet header, `time` when it came.
    """

    data: bytes
    source: Endpoint
    destination: bytes
    interface: Interface
    head: bytes
    time: int


class MappedHeader:
    """What goes into the IPv4 headers of an IPv6 endpoint, whose own choices are for IPv6."""

    __slots__ = ("dont_fragment", "multicast_loop", "multicast_ttl", "tos", "ttl")

    def __init__(self) -> None:
        self.dont_fragment = False
        self.multicast_loop = True
        self.multicast_ttl = 1
        self.tos = 0
        self.ttl: int | None = None


class UdpEndpoint:
    """One UDP socket's end of the stack. `on_change()` is called when it may have become readable."""

    __slots__ = (
        "_flows",
        "_queue",
        "_queued",
        "binding",
        "broadcast",
        "closed",
        "dont_fragment",
        "dropped",
        "error",
        "errors",
        "groups",
        "interface",
        "mapped",
        "multicast_interface",
        "multicast_loop",
        "multicast_ttl",
        "on_change",
        "receive_buffer",
        "receive_shut",
        "remote",
        "reuse_address",
        "reuse_port",
        "send_shut",
        "source",
        "tos",
        "ttl",
        "udp",
        "v6",
        "v6only",
    )

    def __init__(self, udp: Udp, v6: bool, v6only: bool) -> None:
        self.udp = udp
        self.v6 = v6
        self.v6only = v6only
        self.binding: Binding | None = None
        self.remote: Endpoint | None = None
        self.source: bytes | None = None  # the local address that `connect` settled
        self.interface: Interface | None = None
        self.error = 0
        self.errors = ErrorQueue()
        self.groups = Groups()
        self.dropped = 0
        self.mapped = MappedHeader() if v6 else None
        self.dont_fragment = False
        self.on_change: Callable[[], None] | None = None
        self.receive_buffer = 212992
        self.broadcast = False
        self.reuse_address = False
        self.reuse_port = False
        self.ttl: int | None = None
        self.tos = 0
        self.multicast_ttl = 1
        self.multicast_loop = True
        self.multicast_interface: Interface | None = None
        self.receive_shut = self.send_shut = self.closed = False
        self._queue: deque[Datagram] = deque()
        self._queued = 0
        self._flows: dict[bytes, Flow] = {}

    @property
    def local(self) -> Endpoint | None:
        """The local address and port, once there is one."""
        if self.binding is None:
            return None
        return self.source or self.binding.address, self.binding.port

    @property
    def filled(self) -> bool:
        """Whether a packet waits to be received."""
        return bool(self._queue)

    @property
    def next_size(self) -> int:
        """How many octets the next datagram has, 0 if none waits."""
        return len(self._queue[0].data) if self._queue else 0

    @property
    def readable(self) -> bool:
        """Whether `receive` has something to say: a datagram, or an error to raise."""
        return bool(self._queue) or bool(self.error) or self.receive_shut

    def bind(self, address: bytes, port: int, foreign: bool = False) -> None:
        """Take a local address and port (0: any free one).

        Raises OSError: EADDRINUSE, EADDRNOTAVAIL unless it may be `foreign`, or EINVAL
        when bound already.
        """
        if self.binding is not None:
            raise _failure(errno.EINVAL)
        udp = self.udp
        if any(address) and not foreign and not is_group(address):
            internet = udp.internet
            if not internet.is_local(address) and not internet.is_broadcast(address):
                raise _failure(errno.EADDRNOTAVAIL)
        self.binding = udp.ports.bind(
            address,
            port,
            v6only=self.v6only,
            reuse_address=self.reuse_address,
            reuse_port=self.reuse_port,
        )
        udp.endpoints.setdefault(self.binding.port, []).append(self)

    def connect(self, address: bytes, port: int) -> None:
        """Set the only peer to send to and hear from. Raises OSError, such as ENETUNREACH or EACCES."""
        if not any(address):
            address = b"\x7f\0\0\1" if len(address) == 4 else bytes(15) + b"\1"
        self._check_broadcast(address)
        if self.binding is None:
            self.bind(ANY6 if self.v6 else ANY4, 0)
        assert self.binding is not None
        self._flows.clear()
        bound = self.binding.address
        flow = self._open_flow(address, bound if any(bound) else None)
        self.source = flow.source
        self.remote = (address, port)

    def forget_flows(self) -> None:
        """An option that goes into the IP header has changed."""
        self._flows.clear()

    def _check_broadcast(self, address: bytes) -> None:
        if not self.broadcast and len(address) == 4 and self.udp.internet.is_broadcast(address):
            raise _failure(errno.EACCES)

    def _open_flow(self, address: bytes, source: bytes | None) -> Flow:
        multicast = address[0] == 0xFF if len(address) == 16 else address[0] & 0xF0 == 0xE0
        if source is not None and is_group(source):
            source = None  # bound to a group to hear it; one cannot send from it
        chosen = self.mapped if self.mapped is not None and len(address) == 4 else self
        flow = self.udp.internet.flow(
            address,
            PROTOCOL,
            source=source,
            interface=self.interface or (self.multicast_interface if multicast else None),
            ttl=chosen.multicast_ttl if multicast else chosen.ttl,
            tos=chosen.tos,
            dont_fragment=chosen.dont_fragment,
        )
        if multicast and not chosen.multicast_loop:
            flow.set(multicast_loop=False)
        if len(self._flows) >= _FLOWS_KEPT:
            self._flows.clear()
        self._flows[address] = flow
        return flow

    def send(self, data: bytes, to: Endpoint | None = None) -> int:
        """Send one datagram; returns its size.

        Raises OSError: EDESTADDRREQ without a peer, EMSGSIZE above 65507 (65527 over
        IPv6) bytes, EACCES to a broadcast address without `broadcast`, EPIPE after
        shutdown, or the pending error of an earlier datagram.
        """
        if self.error:
            raise _failure(self.take_error())
        if self.send_shut:
            raise _failure(errno.EPIPE)
        if to is None:
            if self.remote is None:
                raise _failure(errno.EDESTADDRREQ)
            address, port = self.remote
        else:
            address, port = to
            if port == 0:
                raise _failure(errno.EINVAL)
            if not any(address):
                address = b"\x7f\0\0\1" if len(address) == 4 else bytes(15) + b"\1"
        size = 8 + len(data)
        if size > (65515 if len(address) == 4 else 65535):
            raise _failure(errno.EMSGSIZE)
        if self.binding is None:
            self.bind(ANY6 if self.v6 else ANY4, 0)
        assert self.binding is not None
        flow = self._flows.get(address)
        if flow is None:
            self._check_broadcast(address)
            source = self.source or self.binding.address
            flow = self._open_flow(address, source if any(source) and len(source) == len(address) else None)
        local = self.binding.port
        checksum = -(flow.pseudo + size + local + port + size + ones_sum(data)) % 0xFFFF
        # RFC 768: a checksum of zero is sent as all ones; zero would mean that there is none.
        try:
            flow.send(_PACK(local, port, size, checksum or 0xFFFF), data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE and self.errors.wants(address):
                mtu = flow.mtu
                self.errors.put(PacketError(errno.EMSGSIZE, LOCAL, 0, 0, mtu, (address, port), b"", data))
            raise
        return len(data)

    def mtu(self) -> int:
        """The path MTU to the peer; OSError(ENOTCONN) without one."""
        if self.remote is None:
            raise _failure(errno.ENOTCONN)
        flow = self._flows.get(self.remote[0]) or self._open_flow(self.remote[0], self.source)
        return flow.mtu

    def send_as(
        self,
        data: bytes,
        to: Endpoint | None,
        *,
        source: bytes | None,
        interface: Interface | None,
        ttl: int | None,
        tos: int | None,
    ) -> int:
        """`send` one datagram with what is given here instead of the endpoint's own; OSError likewise."""
        before = self.source, self.interface, self.ttl, self.multicast_ttl, self.tos
        self._flows.clear()
        self.source = source or self.source
        self.interface = interface or self.interface
        self.tos = self.tos if tos is None else tos
        if ttl is not None:
            self.ttl = self.multicast_ttl = ttl
        try:
            return self.send(data, to)
        finally:
            self.source, self.interface, self.ttl, self.multicast_ttl, self.tos = before
            self._flows.clear()

    def receive(self, peek: bool = False) -> Datagram | None:
        """The next datagram, or None. Raises the pending error first."""
        if self.error:
            raise _failure(self.take_error())
        if not self._queue:
            return None
        if peek:
            return self._queue[0]
        datagram = self._queue.popleft()
        self._queued -= len(datagram.data) + _OVERHEAD
        return datagram

    def take_error(self) -> int:
        """The pending error's errno, or 0; taking clears it (SO_ERROR)."""
        error, self.error = self.error, 0
        return error

    def deliver(self, datagram: Datagram) -> None:
        """Queue a datagram for this endpoint, if there is room."""
        cost = len(datagram.data) + _OVERHEAD
        if self._queued + cost > self.receive_buffer and self._queue:
            self.dropped += 1
            self.udp.drops("udp: receive buffer full", datagram.data)
            return
        if self.receive_shut:
            self.udp.drops("udp: shut down for reading", datagram.data)
            return
        self._queue.append(datagram)
        self._queued += cost
        if self.on_change:
            self.on_change()

    def fail(self, error: int) -> None:
        """An ICMP error answers what this endpoint sent."""
        self.error = error
        if self.on_change:
            self.on_change()

    def shutdown(self, read: bool, write: bool) -> None:
        """Stop receiving, sending, or both. Raises OSError(ENOTCONN) without a peer."""
        self.receive_shut |= read
        self.send_shut |= write
        if self.on_change:
            self.on_change()
        if self.remote is None:
            raise _failure(errno.ENOTCONN)

    def close(self) -> None:
        """Free the port; what is queued is lost."""
        self.closed = True
        self.on_change = None
        self._queue.clear()
        self._flows.clear()
        if self.binding is not None:
            self.udp.release(self)

    def covers(self, local: bytes) -> bool:
        """Whether packets to or from this local address may be this endpoint's."""
        return self.source == local or (self.binding is not None and self.binding.covers(local))

    def fits(self, local: bytes, source: Endpoint, interface: Interface) -> int:
        """How well a datagram from `source` to `local` fits this endpoint; 0 for not at all."""
        assert self.binding is not None
        if not self.binding.covers(local) and not (self.source is not None and self.source == local):
            return 0
        if self.interface is not None and self.interface is not interface:
            return 0
        score = 1 + (self.binding.address == local) + (len(self.binding.address) == len(local))
        if self.remote is not None:
            if self.remote != source or (self.source is not None and self.source != local):
                return 0
            score += 8
        return score


class Udp:
    """The UDP layer of one host."""

    __slots__ = ("drops", "endpoints", "internet", "ports")

    def __init__(self, internet: Internet, drops: Drops) -> None:
        self.internet = internet
        self.drops = drops
        self.ports = Ports(internet.engine.random[f"host:{drops.where}:udp ports"])
        self.endpoints: dict[int, list[UdpEndpoint]] = {}
        internet.handlers[PROTOCOL] = self.receive
        internet.error_handlers[PROTOCOL] = self._icmp_error

    def open(self, v6: bool = False, v6only: bool = False) -> UdpEndpoint:
        """A new endpoint, not yet bound."""
        return UdpEndpoint(self, v6, v6only)

    def release(self, endpoint: UdpEndpoint) -> None:
        """`endpoint` has closed: free its port."""
        binding = endpoint.binding
        assert binding is not None
        left = [other for other in self.endpoints[binding.port] if other is not endpoint]
        if left:
            self.endpoints[binding.port] = left
        else:
            del self.endpoints[binding.port]
        self.ports.release(binding)

    def receive(self, frame: bytes, network: int, transport: int, end: int, interface: Interface) -> None:
        """Take in one datagram from the network layer."""
        if end - transport < 8:
            self.drops("udp: truncated", frame)
            return
        source_port, port, size, checksum = _UNPACK(frame, transport)
        if size < 8 or transport + size > end:
            self.drops("udp: length", frame)
            return
        if frame[network] >> 4 == 4:
            source, local = frame[network + 12 : network + 16], frame[network + 16 : network + 20]
        else:
            source, local = frame[network + 8 : network + 24], frame[network + 24 : network + 40]
            if not checksum:
                self.drops("udp: no checksum over IPv6", frame)  # RFC 8200, 8.1
                return
        if type(frame) is not bytes and checksum:
            total = pseudo_sum(source, local, PROTOCOL, size)
            if (total + ones_sum(frame[transport : transport + size])) % 0xFFFF:
                self.drops("udp: checksum", frame)
                return
        datagram = Datagram(
            frame[transport + 8 : transport + size],
            (source, source_port),
            local,
            interface,
            frame[network : network + 9],
            self.internet.engine.now,
        )
        endpoints = self.endpoints.get(port, ())
        internet = self.internet
        if is_group(local) or (len(local) == 4 and internet.is_broadcast(local)):
            found = False
            for endpoint in endpoints:
                if endpoint.fits(local, datagram.source, interface) and endpoint.groups.admit(
                    local, interface, source
                ):
                    endpoint.deliver(datagram)
                    found = True
            if not found:
                self.drops("udp: no taker for a group", frame)
            return
        best: UdpEndpoint | None = None
        best_score = 0
        for endpoint in endpoints:
            score = endpoint.fits(local, datagram.source, interface)
            if score and score >= best_score:  # of equals the last that came, as on Linux
                best, best_score = endpoint, score
        if best is None:
            self.drops("udp: port closed", frame)
            internet.port_unreachable(frame, network, interface)
            return
        if best.reuse_port and len(endpoints) > 1:
            sharing = [
                each
                for each in endpoints
                if each.reuse_port and each.fits(local, datagram.source, interface) == best_score
            ]
            # The same 4-tuple always finds the same socket.
            best = sharing[crc32(frame[transport : transport + 4], crc32(source + local)) % len(sharing)]
        best.deliver(datagram)

    def _icmp_error(self, error: IcmpError) -> None:
        quoted = error.quoted
        if len(quoted) < 4:
            self.drops("udp: ICMP error quotes too little", quoted)
            return
        local, remote = int.from_bytes(quoted[:2], "big"), int.from_bytes(quoted[2:4], "big")
        for endpoint in self.endpoints.get(local, ()):
            connected = endpoint.remote == (error.destination, remote)
            if endpoint.errors.wants(error.destination):
                if connected or (endpoint.remote is None and endpoint.covers(error.source)):
                    endpoint.errors.put_icmp(error, remote, 8)
                    endpoint.fail(error.errno)
            elif connected and error.fatal:
                # As on Linux, only a connected socket hears of it, and only of what is final.
                endpoint.fail(error.errno)
