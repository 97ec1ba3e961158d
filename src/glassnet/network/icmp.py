"""ICMP (RFC 792, RFC 1122 section 3.2.2): echo, and errors sent and received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.echo import EchoReply
from glassnet.network.errors import IcmpError, errno_v4
from glassnet.network.rate_limit import RateLimit
from glassnet.wire import icmp
from glassnet.wire.checksum import is_valid
from glassnet.wire.icmp import IcmpMessage
from glassnet.wire.ipv4 import FRAGMENT_OFFSET
from glassnet.wire.numbers import ICMP

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["ERRORS_AT_ONCE", "ERRORS_PER_SECOND", "Icmp"]

ERRORS_PER_SECOND = 1000
ERRORS_AT_ONCE = 50
_LONGEST_QUOTE = 576 - 20 - 8  # RFC 1812 section 4.3.2.3
_INTERNETWORK_CONTROL = 0xC0  # precedence of errors: RFC 1812 section 4.3.2.5
_TOS_WITHOUT_PRECEDENCE = 0x1C
_TOS_WITHOUT_ECN = 0xFC  # no control message is ECN-capable transport: RFC 3168 section 5
_IGNORED = {
    icmp.SOURCE_QUENCH: "icmp: source quench ignored",  # RFC 6633
    icmp.REDIRECT: "icmp: redirect ignored",
    icmp.ROUTER_ADVERTISEMENT: "icmp: router advertisement ignored",
    icmp.ROUTER_SOLICITATION: "icmp: router solicitation ignored",
    icmp.TIMESTAMP_REQUEST: "icmp: timestamp request ignored",
    icmp.TIMESTAMP_REPLY: "icmp: timestamp reply ignored",
}


class Icmp:
    """ICMP of one host. Errors that it sends are limited in number by `limit`."""

    __slots__ = ("_drops", "_internet", "limit")

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._drops = internet.drops
        self.limit = RateLimit(internet.engine, ERRORS_PER_SECOND, ERRORS_AT_ONCE)

    # --- receiving

    def receive(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        """Take an ICMP message to this host."""
        if frame[network] >> 4 != 4 or end - start < 8:
            self._drops("icmp: truncated" if end - start < 8 else "icmp: over ipv6", frame)
            return
        if type(frame) is not bytes and not is_valid(frame[start:end]):
            self._drops("icmp: checksum", frame)
            return
        kind = frame[start]
        if kind == icmp.ECHO_REQUEST:
            self._reply(frame, network, start, end)
        elif kind == icmp.ECHO_REPLY:
            self._replied(frame, network, start, end, interface)
        elif kind in (icmp.DESTINATION_UNREACHABLE, icmp.TIME_EXCEEDED, icmp.PARAMETER_PROBLEM):
            self._error_received(frame, network, start, end, interface)
        else:
            self._drops(_IGNORED.get(kind, "icmp: unknown type"), frame)

    def _reply(self, frame: bytes, network: int, start: int, end: int) -> None:
        source, destination = frame[network + 12 : network + 16], frame[network + 16 : network + 20]
        if not self._internet.is_local(destination):
            self._drops("icmp: echo request to a group", frame)  # RFC 1122 section 3.2.2.6 lets hosts
            return
        rest = int.from_bytes(frame[start + 4 : start + 8], "big")
        message = IcmpMessage(type=icmp.ECHO_REPLY, rest=rest, payload=frame[start + 8 : end])
        self._send(message, source, destination, frame[network + 1] & _TOS_WITHOUT_ECN)

    def _replied(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        identifier = int.from_bytes(frame[start + 4 : start + 6], "big")
        listener = self._internet.echo_listeners.get(identifier)
        if listener is None:
            self._drops("icmp: unexpected echo reply", frame)
            return
        listener(
            EchoReply(
                source=frame[network + 12 : network + 16],
                destination=frame[network + 16 : network + 20],
                identifier=identifier,
                sequence=int.from_bytes(frame[start + 6 : start + 8], "big"),
                data=frame[start + 8 : end],
                hops=frame[network + 8],
                interface=interface,
            )
        )

    def _error_received(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        kind, code = frame[start], frame[start + 1]
        quoted = frame[start + 8 : end]
        if len(quoted) < 20 or quoted[0] >> 4 != 4 or quoted[0] & 0x0F < 5:
            self._drops("icmp: quoted packet", frame)
            return
        if not self._internet.is_local(quoted[12:16]):
            self._drops("icmp: quoted packet is not ours", frame)
            return
        mtu = None
        if kind == icmp.DESTINATION_UNREACHABLE and code == icmp.FRAGMENTATION_NEEDED:
            reported = int.from_bytes(frame[start + 6 : start + 8], "big")
            length = int.from_bytes(quoted[2:4], "big")
            mtu = self._internet.destinations.narrow(quoted[16:20], interface, reported, length)
            if mtu is None:
                self._drops("icmp: path MTU not believed", frame)
                return
        problem = self._tell(quoted, kind, code, mtu, frame[network + 12 : network + 16])
        if problem is not None:
            self._drops(problem, frame)

    def _tell(self, quoted: bytes, kind: int, code: int, mtu: int | None, reporter: bytes) -> str | None:
        """Tell the transport what became of its packet; the reason if that cannot be done."""
        meaning = errno_v4(kind, code)
        if meaning is None:
            return "icmp: unknown code"
        if int.from_bytes(quoted[6:8], "big") & FRAGMENT_OFFSET:
            return "icmp: quoted packet is a later fragment"
        segment = quoted[(quoted[0] & 0x0F) * 4 : int.from_bytes(quoted[2:4], "big")]
        if len(segment) < 8:
            return "icmp: quoted packet"
        handler = self._internet.error_handlers.get(quoted[9])
        if handler is None:
            return "icmp: error for an unknown protocol"
        errno, fatal = meaning
        handler(
            IcmpError(
                quoted[9], quoted[12:16], quoted[16:20], segment, errno, fatal, kind, code, mtu, reporter
            )
        )
        return None

    # --- sending

    def unreachable(self, packet: bytes, forwarded: bool) -> None:
        """A neighbour did not answer: tell the source of `packet`, or our own transport."""
        if forwarded:
            self._error(packet, 0, len(packet), icmp.DESTINATION_UNREACHABLE, icmp.HOST_UNREACHABLE)
        else:
            self._tell(packet, icmp.DESTINATION_UNREACHABLE, icmp.HOST_UNREACHABLE, None, packet[12:16])

    def port_unreachable(self, frame: bytes, offset: int, end: int) -> None:
        """No one listens on the port that a packet is for."""
        self._error(frame, offset, end, icmp.DESTINATION_UNREACHABLE, icmp.PORT_UNREACHABLE)

    def protocol_unreachable(self, frame: bytes, offset: int, end: int) -> None:
        """This host does not speak the protocol of a packet."""
        self._error(frame, offset, end, icmp.DESTINATION_UNREACHABLE, icmp.PROTOCOL_UNREACHABLE)

    def network_unreachable(self, frame: bytes, offset: int, end: int) -> None:
        """There is no route to where a packet should go."""
        self._error(frame, offset, end, icmp.DESTINATION_UNREACHABLE, icmp.NET_UNREACHABLE)

    def fragmentation_needed(self, frame: bytes, offset: int, end: int, mtu: int) -> None:
        """A packet that must not be fragmented is longer than the next link's `mtu` (RFC 1191 section 4)."""
        self._error(frame, offset, end, icmp.DESTINATION_UNREACHABLE, icmp.FRAGMENTATION_NEEDED, mtu)

    def time_exceeded(self, frame: bytes, offset: int, end: int) -> None:
        """A packet has no more hops to live."""
        self._error(frame, offset, end, icmp.TIME_EXCEEDED, icmp.TTL_EXCEEDED)

    def reassembly_time_exceeded(self, frame: bytes, offset: int, interface: Interface) -> None:
        """The rest of a packet did not arrive in time; `frame` has its first fragment."""
        end = offset + int.from_bytes(frame[offset + 2 : offset + 4], "big")
        self._error(frame, offset, end, icmp.TIME_EXCEEDED, icmp.REASSEMBLY_TIME_EXCEEDED)

    def parameter_problem(self, frame: bytes, offset: int, end: int, pointer: int) -> None:
        """Byte `pointer` of a packet makes no sense."""
        self._error(frame, offset, end, icmp.PARAMETER_PROBLEM, 0, pointer << 24)

    def _error(self, frame: bytes, offset: int, end: int, kind: int, code: int, rest: int = 0) -> None:
        """Send an error about a packet to its source, unless there must be none (RFC 1122 section 3.2.2)."""
        internet = self._internet
        source, destination = frame[offset + 12 : offset + 16], frame[offset + 16 : offset + 20]
        start = offset + (frame[offset] & 0x0F) * 4
        if (
            (offset and frame[0] & 1)  # a broadcast of the link
            or frame[offset + 6] & 0x1F or frame[offset + 7]  # not the first fragment
            or source[0] == 0 or source[0] >= 224 or internet.is_broadcast(source)
            or destination[0] >= 224 or internet.is_broadcast(destination)
            or (frame[offset + 9] == ICMP and (start >= end or frame[start] in icmp.ERRORS))
        ):  # fmt: skip
            return
        quote = frame[offset : min(end, offset + _LONGEST_QUOTE)]
        message = IcmpMessage(type=kind, code=code, rest=rest, payload=quote)
        tos = frame[offset + 1] & _TOS_WITHOUT_PRECEDENCE | _INTERNETWORK_CONTROL
        self._send(message, source, destination, tos, limited=True)

    def _send(self, message: IcmpMessage, to: bytes, asked: bytes, tos: int, limited: bool = False) -> None:
        """Send a message to `to`, from the address `asked` about if that is ours."""
        internet = self._internet
        source = asked if internet.is_local(asked) else None
        try:
            flow = internet.flow(to, ICMP, source=source, tos=tos, dont_fragment=False)
            if limited and not flow.is_loopback and not self.limit.allow():
                self._drops("icmp: rate limit")
                return
            flow.send(message.build(), b"")
        except OSError:
            self._drops("icmp: no route")
