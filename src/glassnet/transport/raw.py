"""Packets of any protocol, and echo requests and replies, for the sockets of raw(7) and icmp(7)."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from glassnet.transport.errors import LOCAL, ErrorQueue, PacketError
from glassnet.wire import icmp, icmpv6
from glassnet.wire.checksum import internet_checksum, ones_sum, pseudo_sum
from glassnet.wire.numbers import ICMP, ICMPV6

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.engine import Drops
    from glassnet.network.errors import IcmpError
    from glassnet.network.flow import Flow
    from glassnet.network.internet import ErrorHandler, Handler, Internet

__all__ = ["PROTOCOL_RAW", "Packet", "Raw", "RawEndpoint"]

PROTOCOL_RAW = 255
"""IPPROTO_RAW: sends packets with headers of the program's own making, receives nothing."""
_OVERHEAD = 256


def _failure(code: int) -> OSError:
    return OSError(code, os.strerror(code))


class Packet(NamedTuple):
    """A packet as received: over IPv4 with its header, unless it is for a ping socket.

    `head` is the beginning of its Internet header, `time` when it came.
    """

    data: bytes
    source: bytes
    destination: bytes
    interface: Interface
    head: bytes
    time: int


class RawEndpoint:
    """One raw or ping socket's end of the stack. `on_change()` tells that it may have become readable.

    A `ping` endpoint sends echo requests and receives the replies to them: `identifier`
    is what it puts in the first and looks for in the others, and plays the part of a port.
    `checksum` is where the transport's checksum stands, for the stack to fill in.
    `refuses(type)` is ICMP_FILTER or ICMP6_FILTER.
    """

    __slots__ = (
        "_bound",
        "_queue",
        "_queued",
        "broadcast",
        "checksum",
        "dont_fragment",
        "dropped",
        "error",
        "errors",
        "header_included",
        "identifier",
        "interface",
        "local",
        "multicast_interface",
        "multicast_loop",
        "multicast_ttl",
        "on_change",
        "ping",
        "protocol",
        "raw",
        "receive_buffer",
        "refuses",
        "remote",
        "tos",
        "ttl",
        "v6",
    )

    def __init__(self, raw: Raw, v6: bool, protocol: int, ping: bool) -> None:
        self.raw = raw
        self.v6 = v6
        self.protocol = protocol
        self.ping = ping
        self.identifier = 0
        self.local: bytes | None = None
        self._bound = False
        self.remote: bytes | None = None
        self.interface: Interface | None = None
        self.error = 0
        self.errors = ErrorQueue()
        self.on_change: Callable[[], None] | None = None
        self.receive_buffer = 212992
        self.broadcast = False
        self.header_included = protocol == PROTOCOL_RAW and not v6
        self.checksum: int | None = 2 if v6 and protocol == ICMPV6 else None
        self.refuses: Callable[[int], bool] | None = None
        self.dont_fragment = False
        self.ttl: int | None = None
        self.tos = 0
        self.multicast_ttl = 1
        self.multicast_loop = True
        self.multicast_interface: Interface | None = None
        self.dropped = 0
        self._queue: deque[Packet] = deque()
        self._queued = 0

    @property
    def filled(self) -> bool:
        """Whether a packet waits to be received."""
        return bool(self._queue)

    @property
    def next_size(self) -> int:
        """How many octets the next packet has, 0 if none waits."""
        return len(self._queue[0].data) if self._queue else 0

    def bind(self, address: bytes, identifier: int, foreign: bool = False) -> None:
        """Take a local address; a ping endpoint also an identifier (0: any free one).

        OSError: EADDRNOTAVAIL for an address that is not ours unless `foreign`,
        EADDRINUSE for an identifier in use, EINVAL when it has one already.
        """
        if any(address) and not foreign and not self.raw.internet.is_local(address):
            group = address[0] == 0xFF if self.v6 else address[0] & 0xF0 == 0xE0
            if self.ping or not (group or self.raw.internet.is_broadcast(address)):
                raise _failure(errno.EADDRNOTAVAIL)
        if self.ping:
            if self.identifier:
                raise _failure(errno.EINVAL)
            self.identifier = self.raw.identify(self, identifier)
        self.local = address if any(address) else None
        self._bound = self.local is not None

    def connect(self, address: bytes) -> None:
        """Hear from this address only, and send there. OSError as from `Internet.flow`."""
        if not any(address):
            address = b"\x7f\0\0\1" if len(address) == 4 else bytes(15) + b"\1"
        if self.ping and not self.identifier:
            self.identifier = self.raw.identify(self, 0)
        flow = self._flow(address, self.local if self._bound else None, self.interface, None, None)
        self.local = flow.source
        self.remote = address

    def disconnect(self) -> None:
        """Hear from everyone again."""
        self.remote = None
        if not self._bound:
            self.local = None

    def _flow(
        self,
        address: bytes,
        source: bytes | None,
        interface: Interface | None,
        ttl: int | None,
        tos: int | None,
    ) -> Flow:
        internet = self.raw.internet
        four = len(address) == 4
        group = address[0] & 0xF0 == 0xE0 if four else address[0] == 0xFF
        if four and not self.broadcast and internet.is_broadcast(address):
            raise _failure(errno.EACCES)
        if ttl is None:
            ttl = self.multicast_ttl if group else self.ttl
        flow = internet.flow(
            address,
            self.protocol,
            source=source,
            interface=interface or (self.multicast_interface if group else None),
            ttl=ttl,
            tos=self.tos if tos is None else tos,
            dont_fragment=self.dont_fragment,
        )
        if group and not self.multicast_loop:
            flow.set(multicast_loop=False)
        return flow

    def send(
        self,
        data: bytes,
        address: bytes | None = None,
        *,
        source: bytes | None = None,
        interface: Interface | None = None,
        ttl: int | None = None,
        tos: int | None = None,
    ) -> int:
        """Send one packet; returns the size of `data`. What is given goes before the endpoint's own.

        OSError: EDESTADDRREQ without a destination, EMSGSIZE, EINVAL for what is no
        echo request (ping) or no IP packet (`header_included`), EACCES to a broadcast
        address without `broadcast`, and those of `Internet.flow`.
        """
        if self.error:
            raise _failure(self.take_error())
        if address is None:
            address = self.remote
            if address is None:
                raise _failure(errno.EDESTADDRREQ)
        if len(data) > 65535:
            raise _failure(errno.EMSGSIZE)
        if not any(address):
            address = b"\x7f\0\0\1" if len(address) == 4 else bytes(15) + b"\1"
        interface = interface or self.interface
        if self.header_included:
            self._send_packet(data, address, source or self.local, interface)
            return len(data)
        if self.ping:
            self._check_request(data)
        flow = self._flow(address, source or self.local, interface, ttl, tos)
        if self.ping:
            if not self.identifier:
                self.identifier = self.raw.identify(self, 0)
            sent = self._request(data, flow)
        elif self.checksum is not None:
            sent = _checked(data, self.checksum, flow)
        else:
            sent = data
        try:
            flow.send(sent, b"")
        except OSError as error:
            if error.errno == errno.EMSGSIZE and self.errors.wants(address):
                local = PacketError(errno.EMSGSIZE, LOCAL, 0, 0, flow.mtu, (address, 0), b"", b"")
                self.errors.put(local)
            raise
        return len(data)

    def _check_request(self, data: bytes) -> None:
        if len(data) < 8:
            raise _failure(errno.EINVAL)
        if data[0] != (icmpv6.ECHO_REQUEST if self.v6 else icmp.ECHO_REQUEST) or data[1]:
            raise _failure(errno.EINVAL)

    def _request(self, data: bytes, flow: Flow) -> bytes:
        """An echo request with this endpoint's identifier and a right checksum."""
        identifier = self.identifier.to_bytes(2, "big")
        whole = b"".join((data[:2], b"\0\0", identifier, data[6:]))
        covered = flow.pseudo + len(whole) if self.v6 else 0
        return b"".join((whole[:2], internet_checksum(whole, covered).to_bytes(2, "big"), whole[4:]))

    def _send_packet(
        self, data: bytes, address: bytes, source: bytes | None, interface: Interface | None
    ) -> None:
        """Send a packet with the program's own IPv4 header; what raw(7) says the kernel fills in is."""
        header = (data[0] & 0x0F) * 4 if data else 0
        if len(data) < 20 or header < 20 or header > len(data):
            raise _failure(errno.EINVAL)
        internet = self.raw.internet
        flow = internet.flow(address, self.protocol, source=source, interface=interface)
        if len(data) > flow.mtu:
            raise _failure(errno.EMSGSIZE)
        packet = bytearray(data)
        packet[2:4] = len(data).to_bytes(2, "big")
        if not any(packet[4:6]):
            packet[4:6] = self.raw.next_identification().to_bytes(2, "big")
        if not any(packet[12:16]):
            packet[12:16] = flow.source
        packet[10:12] = b"\0\0"
        packet[10:12] = internet_checksum(bytes(packet[:header])).to_bytes(2, "big")
        flow.send_packet(bytes(packet))

    def receive(self, peek: bool = False) -> Packet | None:
        """The next packet, or None. Raises the pending error first."""
        if self.error:
            raise _failure(self.take_error())
        if not self._queue:
            return None
        if peek:
            return self._queue[0]
        packet = self._queue.popleft()
        self._queued -= len(packet.data) + _OVERHEAD
        return packet

    def take_error(self) -> int:
        """The pending error's errno, or 0; taking clears it."""
        error, self.error = self.error, 0
        return error

    def fits(self, source: bytes, destination: bytes, interface: Interface) -> bool:
        """Whether a packet with these addresses is for this endpoint."""
        return not (
            (self.remote is not None and self.remote != source)
            or (self.local is not None and self.local != destination)
            or (self.interface is not None and self.interface is not interface)
        )

    def deliver(self, packet: Packet) -> None:
        """Queue a packet, if there is room."""
        cost = len(packet.data) + _OVERHEAD
        if self._queued + cost > self.receive_buffer and self._queue:
            self.dropped += 1
            self.raw.drops("raw: receive buffer full", packet.data)
            return
        self._queue.append(packet)
        self._queued += cost
        if self.on_change:
            self.on_change()

    def fail(self, error: IcmpError) -> None:
        """ICMP reports what became of a packet that this endpoint may have sent."""
        wanted = self.errors.wants(error.destination)
        if wanted:
            self.errors.put_icmp(error, 0, 0)
        elif self.remote is None or not error.fatal:
            return
        self.error = error.errno
        if self.on_change:
            self.on_change()

    def close(self) -> None:
        """Receive no more; what is queued is lost."""
        self.on_change = None
        self._queue.clear()
        self.raw.release(self)


def _checked(data: bytes, position: int, flow: Flow) -> bytes:
    """`data` with the transport's checksum at `position`; OSError(EINVAL) if there is no room for it."""
    if position + 2 > len(data):
        raise _failure(errno.EINVAL)
    whole = b"".join((data[:position], b"\0\0", data[position + 2 :]))
    checksum = internet_checksum(whole, flow.pseudo + len(whole)) or 0xFFFF
    return b"".join((whole[:position], checksum.to_bytes(2, "big"), whole[position + 2 :]))


class Raw:
    """The raw and ping endpoints of one host.

    Only while there are some for a protocol do they stand in the way of its packets, in
    front of the protocol's own handler.
    """

    __slots__ = ("_endpoints", "_identification", "_random", "drops", "internet")

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.drops: Drops = internet.drops
        self._endpoints: dict[int, list[RawEndpoint]] = {}
        self._random = internet.engine.random[f"host:{internet.name}:ping identifiers"]
        self._identification = 0

    def open(self, v6: bool, protocol: int, ping: bool = False) -> RawEndpoint:
        """A new endpoint, which receives at once."""
        endpoint = RawEndpoint(self, v6, protocol, ping)
        endpoints = self._endpoints.get(protocol)
        if endpoints is None:
            endpoints = self._endpoints[protocol] = []
            if protocol != PROTOCOL_RAW:
                self._stand_before(protocol)
        endpoints.append(endpoint)
        return endpoint

    def release(self, endpoint: RawEndpoint) -> None:
        """`endpoint` has closed."""
        endpoints = self._endpoints[endpoint.protocol]
        endpoints.remove(endpoint)
        if not endpoints:
            del self._endpoints[endpoint.protocol]
            if endpoint.protocol != PROTOCOL_RAW:
                self._step_aside(endpoint.protocol)

    def next_identification(self) -> int:
        """A number for a packet whose maker left it to us."""
        self._identification = self._identification % 0xFFFF + 1
        return self._identification

    def identify(self, endpoint: RawEndpoint, wanted: int) -> int:
        """An identifier for a ping endpoint: `wanted`, or for 0 any. OSError(EADDRINUSE) if it is taken."""
        taken = {other.identifier for other in self._endpoints[endpoint.protocol] if other.ping}
        if wanted:
            if wanted in taken:
                raise _failure(errno.EADDRINUSE)
            return wanted
        start = self._random.randrange(0xFFFF)
        for step in range(0xFFFF):
            candidate = (start + step) % 0xFFFF + 1
            if candidate not in taken and candidate not in self.internet.echo_listeners:
                return candidate
        raise _failure(errno.EADDRINUSE)

    def _stand_before(self, protocol: int) -> None:
        internet = self.internet
        handlers, error_handlers = internet.handlers, internet.error_handlers
        handlers[protocol] = _Tee(self, protocol, handlers.get(protocol))
        error_handlers[protocol] = _ErrorTee(self, protocol, error_handlers.get(protocol))

    def _step_aside(self, protocol: int) -> None:
        internet = self.internet
        for table in (internet.handlers, internet.error_handlers):
            tee = table.pop(protocol)
            assert isinstance(tee, _Tee | _ErrorTee)
            if tee.behind is not None:
                table[protocol] = tee.behind  # type: ignore[assignment]

    def deliver(
        self, protocol: int, frame: bytes, network: int, transport: int, end: int, interface: Interface
    ) -> bool:
        """Give a packet to all endpoints that it fits; whether there was one."""
        v6 = frame[network] >> 4 == 6
        if v6:
            source, destination = frame[network + 8 : network + 24], frame[network + 24 : network + 40]
            head, data = frame[network : network + 9], frame[transport:end]
            if protocol == ICMPV6 and type(frame) is not bytes:
                total = pseudo_sum(source, destination, ICMPV6, len(data)) + ones_sum(data)
                if total % 0xFFFF:
                    return False
        else:
            source, destination = frame[network + 12 : network + 16], frame[network + 16 : network + 20]
            head, data = frame[network : network + 9], frame[network:end]
        now = self.internet.engine.now
        found = False
        for endpoint in tuple(self._endpoints.get(protocol, ())):
            if endpoint.v6 is not v6 or not endpoint.fits(source, destination, interface):
                continue
            if endpoint.ping:
                if not _is_reply(frame, transport, end, endpoint):
                    continue
                given = frame[transport:end]
            else:
                if endpoint.refuses is not None and transport < end and endpoint.refuses(frame[transport]):
                    continue
                given = data
            endpoint.deliver(Packet(given, source, destination, interface, head, now))
            found = True
        return found

    def tell(self, error: IcmpError) -> bool:
        """Give an error to all endpoints that may have sent the packet; whether there was one."""
        v6 = len(error.destination) == 16
        found = False
        for endpoint in tuple(self._endpoints.get(error.protocol, ())):
            if (
                endpoint.v6 is not v6
                or endpoint.remote not in (None, error.destination)
                or endpoint.local not in (None, error.source)
                or (endpoint.ping and int.from_bytes(error.quoted[4:6], "big") != endpoint.identifier)
            ):
                continue
            endpoint.fail(error)
            found = True
        return found


def _is_reply(frame: bytes, transport: int, end: int, endpoint: RawEndpoint) -> bool:
    kind = icmpv6.ECHO_REPLY if endpoint.v6 else icmp.ECHO_REPLY
    return (
        end - transport >= 8
        and frame[transport] == kind
        and int.from_bytes(frame[transport + 4 : transport + 6], "big") == endpoint.identifier
    )


class _Tee:
    """Takes the packets of a protocol for the endpoints here, then for who stands behind."""

    def __init__(self, raw: Raw, protocol: int, behind: Handler | None) -> None:
        self._raw = raw
        self._protocol = protocol
        self.behind = behind

    def __call__(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        found = self._raw.deliver(self._protocol, frame, network, start, end, interface)
        internet = self._raw.internet
        if self.behind is not None:
            if found and self._protocol in (ICMP, ICMPV6) and end - start >= 8:
                reply = icmp.ECHO_REPLY if self._protocol == ICMP else icmpv6.ECHO_REPLY
                identifier = int.from_bytes(frame[start + 4 : start + 6], "big")
                if frame[start] == reply and identifier not in internet.echo_listeners:
                    return
            self.behind(frame, network, start, end, interface)
        elif not found:
            self._raw.drops("raw: no taker", frame)
            if frame[network] >> 4 == 4:
                internet.icmp.protocol_unreachable(frame, network, end)


class _ErrorTee:
    """Takes what ICMP reports of a protocol's packets, for the endpoints here and who stands behind."""

    def __init__(self, raw: Raw, protocol: int, behind: ErrorHandler | None) -> None:
        self._raw = raw
        self.behind = behind

    def __call__(self, error: IcmpError) -> None:
        self._raw.tell(error)
        if self.behind is not None:
            self.behind(error)
