"""ICMPv6 (RFC 4443): echo, and errors sent and received; neighbour discovery is passed on to `nd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.datalink.interface import Interface
from glassnet.network.addresses import is_link_local, is_unspecified
from glassnet.network.echo import EchoReply
from glassnet.network.errors import IcmpError, errno_v6
from glassnet.network.icmp import ERRORS_AT_ONCE, ERRORS_PER_SECOND
from glassnet.network.rate_limit import RateLimit
from glassnet.wire import icmpv6
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.errors import WireError
from glassnet.wire.icmpv6 import Icmpv6Message
from glassnet.wire.ipv6_extensions import EXTENSIONS, walk
from glassnet.wire.numbers import ICMPV6

if TYPE_CHECKING:
    from glassnet.network.internet import Internet

__all__ = ["Icmpv6"]

_LONGEST_QUOTE = 1280 - 40 - 8  # RFC 4443 section 2.4 (c)
_MLD = (icmpv6.MLD_QUERY, icmpv6.MLD_REPORT, icmpv6.MLD_DONE, icmpv6.MLD2_REPORT)
_NEIGHBOUR_DISCOVERY = range(icmpv6.ROUTER_SOLICITATION, icmpv6.REDIRECT + 1)


class Icmpv6:
    """ICMPv6 of one host. Errors that it sends are limited in number by `limit` (RFC 4443 section 2.4 f)."""

    __slots__ = ("_drops", "_internet", "limit")

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._drops = internet.drops
        self.limit = RateLimit(internet.engine, ERRORS_PER_SECOND, ERRORS_AT_ONCE)

    # --- receiving

    def receive(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        """Take an ICMPv6 message to this host."""
        if frame[network] >> 4 != 6 or end - start < 8:
            self._drops("icmpv6: truncated" if end - start < 8 else "icmpv6: over ipv4", frame)
            return
        if type(frame) is not bytes:
            message = frame[start:end]
            pseudo = pseudo_sum(frame[network + 8 : network + 24], frame[network + 24 : network + 40], ICMPV6)
            if (ones_sum(message) + pseudo + len(message)) % 0xFFFF:
                self._drops("icmpv6: checksum", frame)
                return
        kind = frame[start]
        if kind in _NEIGHBOUR_DISCOVERY:
            attachment = self._internet.attachments.get(interface.name)
            if attachment is None or interface is self._internet.loopback:
                self._drops("nd: on the loopback interface", frame)
                return
            attachment.nd.receive(kind, frame, network, start, end)
        elif kind == icmpv6.ECHO_REQUEST:
            self._reply(frame, network, start, end, interface)
        elif kind == icmpv6.ECHO_REPLY:
            self._replied(frame, network, start, end, interface)
        elif icmpv6.DESTINATION_UNREACHABLE <= kind <= icmpv6.PARAMETER_PROBLEM:
            self._error_received(frame, network, start, end, interface)
        else:
            self._drops(
                "icmpv6: listener discovery ignored" if kind in _MLD else "icmpv6: unknown type", frame
            )

    def _reply(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        source, destination = frame[network + 8 : network + 24], frame[network + 24 : network + 40]
        if is_unspecified(source):
            self._drops("icmpv6: echo request without a source", frame)
            return
        rest = int.from_bytes(frame[start + 4 : start + 8], "big")
        message = Icmpv6Message(type=icmpv6.ECHO_REPLY, rest=rest, payload=frame[start + 8 : end])
        traffic_class = int.from_bytes(frame[network : network + 2], "big") >> 4 & 0xFC  # without ECN
        self._send(message, source, destination, interface, traffic_class)

    def _replied(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        identifier = int.from_bytes(frame[start + 4 : start + 6], "big")
        listener = self._internet.echo_listeners.get(identifier)
        if listener is None:
            self._drops("icmpv6: unexpected echo reply", frame)
            return
        listener(
            EchoReply(
                source=frame[network + 8 : network + 24],
                destination=frame[network + 24 : network + 40],
                identifier=identifier,
                sequence=int.from_bytes(frame[start + 6 : start + 8], "big"),
                data=frame[start + 8 : end],
                hops=frame[network + 7],
                interface=interface,
            )
        )

    def _error_received(self, frame: bytes, network: int, start: int, end: int, interface: Interface) -> None:
        kind, code = frame[start], frame[start + 1]
        quoted = frame[start + 8 : end]
        if len(quoted) < 40 or quoted[0] >> 4 != 6:
            self._drops("icmpv6: quoted packet", frame)
            return
        if not self._internet.is_local(quoted[8:24]):
            self._drops("icmpv6: quoted packet is not ours", frame)
            return
        mtu = None
        if kind == icmpv6.PACKET_TOO_BIG:
            reported = int.from_bytes(frame[start + 4 : start + 8], "big")
            mtu = self._internet.destinations.narrow(quoted[24:40], interface, reported, 0)
            if mtu is None:
                self._drops("icmpv6: path MTU not believed", frame)
                return
        problem = self._tell(quoted, kind, code, mtu, frame[network + 8 : network + 24])
        if problem is not None:
            self._drops(problem, frame)

    def _tell(self, quoted: bytes, kind: int, code: int, mtu: int | None, reporter: bytes) -> str | None:
        """Tell the transport what became of its packet; the reason if that cannot be done."""
        meaning = errno_v6(kind, code)
        if meaning is None:
            return "icmpv6: unknown code"
        try:
            headers = walk(quoted, quoted[6], 40)
        except WireError:
            return "icmpv6: quoted packet"
        if headers.protocol is None:
            return "icmpv6: quoted packet is a later fragment"
        segment = quoted[headers.offset : 40 + int.from_bytes(quoted[4:6], "big")]
        if len(segment) < 8:
            return "icmpv6: quoted packet"
        handler = self._internet.error_handlers.get(headers.protocol)
        if handler is None:
            return "icmpv6: error for an unknown protocol"
        errno, fatal = meaning
        handler(
            IcmpError(
                headers.protocol,
                quoted[8:24],
                quoted[24:40],
                segment,
                errno,
                fatal,
                kind,
                code,
                mtu,
                reporter,
            )
        )
        return None

    # --- sending

    def unreachable(self, packet: bytes, forwarded: bool) -> None:
        """A neighbour did not answer: tell the source of `packet`, or our own transport."""
        kind, code = icmpv6.DESTINATION_UNREACHABLE, icmpv6.ADDRESS_UNREACHABLE
        if forwarded:
            self._error(packet, 0, len(packet), None, kind, code)
        else:
            self._tell(packet, kind, code, None, packet[8:24])

    def port_unreachable(self, frame: bytes, offset: int, end: int, interface: Interface) -> None:
        """No one listens on the port that a packet is for."""
        kind, code = icmpv6.DESTINATION_UNREACHABLE, icmpv6.PORT_UNREACHABLE
        self._error(frame, offset, end, interface, kind, code)

    def no_route(self, frame: bytes, offset: int, end: int, interface: Interface) -> None:
        """There is no route to where a packet should go."""
        self._error(frame, offset, end, interface, icmpv6.DESTINATION_UNREACHABLE, icmpv6.NO_ROUTE)

    def beyond_scope(self, frame: bytes, offset: int, end: int, interface: Interface) -> None:
        """A packet with a link-local source would have to leave its link."""
        self._error(frame, offset, end, interface, icmpv6.DESTINATION_UNREACHABLE, icmpv6.BEYOND_SCOPE)

    def packet_too_big(self, frame: bytes, offset: int, end: int, mtu: int) -> None:
        """A packet is longer than the next link's `mtu` (RFC 4443 section 3.2)."""
        self._error(frame, offset, end, None, icmpv6.PACKET_TOO_BIG, 0, mtu)

    def time_exceeded(self, frame: bytes, offset: int, end: int) -> None:
        """A packet has no more hops to go."""
        self._error(frame, offset, end, None, icmpv6.TIME_EXCEEDED, icmpv6.HOP_LIMIT_EXCEEDED)

    def reassembly_time_exceeded(self, frame: bytes, offset: int, interface: Interface) -> None:
        """The rest of a packet did not arrive in time; `frame` has its first fragment."""
        end = offset + 40 + int.from_bytes(frame[offset + 4 : offset + 6], "big")
        kind, code = icmpv6.TIME_EXCEEDED, icmpv6.REASSEMBLY_TIME_EXCEEDED
        self._error(frame, offset, end, interface, kind, code)

    def parameter_problem(
        self, frame: bytes, offset: int, end: int, interface: Interface, code: int, pointer: int
    ) -> None:
        """Byte `pointer` of a packet makes no sense here."""
        self._error(frame, offset, end, interface, icmpv6.PARAMETER_PROBLEM, code, pointer)

    def _error(
        self,
        frame: bytes,
        offset: int,
        end: int,
        interface: Interface | None,
        kind: int,
        code: int,
        rest: int = 0,
    ) -> None:
        """Send an error about a packet to its source, unless there must be none (RFC 4443 section 2.4 e)."""
        source, destination = frame[offset + 8 : offset + 24], frame[offset + 24 : offset + 40]
        if source[0] == 0xFF or is_unspecified(source):
            return
        # Even to a group, a source must learn of the path MTU and of options that matter.
        for_groups = kind == icmpv6.PACKET_TOO_BIG or (
            kind == icmpv6.PARAMETER_PROBLEM and code == icmpv6.UNRECOGNIZED_OPTION
        )
        if not for_groups and (destination[0] == 0xFF or (offset and frame[0] & 1)):
            return
        if _may_be_error(frame, offset, end):
            return
        message = Icmpv6Message(
            type=kind, code=code, rest=rest, payload=frame[offset : min(end, offset + _LONGEST_QUOTE)]
        )
        self._send(message, source, destination, interface, 0, limited=True)

    def _send(
        self,
        message: Icmpv6Message,
        to: bytes,
        asked: bytes,
        interface: Interface | None,
        traffic_class: int,
        limited: bool = False,
    ) -> None:
        """Send a message to `to`, from the address `asked` about if that is ours."""
        internet = self._internet
        source = asked if asked[0] != 0xFF and internet.is_local(asked) else None
        via = interface if is_link_local(to) else None
        try:
            flow = internet.flow(
                to, ICMPV6, source=source, interface=via, tos=traffic_class, dont_fragment=False
            )
            if limited and not flow.is_loopback and not self.limit.allow():
                self._drops("icmpv6: rate limit")
                return
            flow.send(message.build(flow.pseudo), b"")
        except OSError:
            self._drops("icmpv6: no route")


def _may_be_error(frame: bytes, offset: int, end: int) -> bool:
    """Whether a packet is an ICMPv6 error, or a part of one for all we know."""
    try:
        headers = walk(frame, frame[offset + 6], offset + 40, end)
    except WireError:
        return False
    if headers.protocol is None:  # a later fragment, of which only the kind is known
        kind = frame[headers.headers[-1].offset]
        return kind == ICMPV6 or kind in EXTENSIONS
    return headers.protocol == ICMPV6 and (headers.offset >= end or icmpv6.is_error(frame[headers.offset]))
