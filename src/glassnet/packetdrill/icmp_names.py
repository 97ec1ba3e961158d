"""What scripts call the types and codes of ICMP messages (RFC 792, RFC 1122, RFC 4443)."""

from __future__ import annotations

from glassnet.wire import icmp, icmpv6

__all__ = ["ICMP_V4", "ICMP_V6"]

ICMP_V4: dict[str, tuple[int, dict[str, int]]] = {
    "unreachable": (
        icmp.DESTINATION_UNREACHABLE,
        {
            "net_unreachable": icmp.NET_UNREACHABLE,
            "host_unreachable": icmp.HOST_UNREACHABLE,
            "protocol_unreachable": icmp.PROTOCOL_UNREACHABLE,
            "port_unreachable": icmp.PORT_UNREACHABLE,
            "frag_needed": icmp.FRAGMENTATION_NEEDED,
            "source_route_failed": icmp.SOURCE_ROUTE_FAILED,
            "net_unknown": 6,
            "host_unknown": 7,
            "source_host_isolated": 8,
            "net_prohibited": icmp.NET_PROHIBITED,
            "host_prohibited": icmp.HOST_PROHIBITED,
            "net_unreachable_for_tos": 11,
            "host_unreachable_for_tos": 12,
            "packet_filtered": icmp.ADMINISTRATIVELY_PROHIBITED,
            "precedence_violation": 14,
            "precedence_cutoff": 15,
        },
    ),
    "time_exceeded": (
        icmp.TIME_EXCEEDED,
        {"exceeded_in_transit": icmp.TTL_EXCEEDED, "exceeded_reassembly": icmp.REASSEMBLY_TIME_EXCEEDED},
    ),
    "source_quench": (icmp.SOURCE_QUENCH, {}),
    "echo_request": (icmp.ECHO_REQUEST, {}),
    "echo_reply": (icmp.ECHO_REPLY, {}),
}
ICMP_V6: dict[str, tuple[int, dict[str, int]]] = {
    "unreachable": (
        icmpv6.DESTINATION_UNREACHABLE,
        {
            "no_route": icmpv6.NO_ROUTE,
            "admin_prohibited": icmpv6.ADMINISTRATIVELY_PROHIBITED,
            "not_neighbour": icmpv6.BEYOND_SCOPE,
            "address_unreachable": icmpv6.ADDRESS_UNREACHABLE,
            "port_unreachable": icmpv6.PORT_UNREACHABLE,
        },
    ),
    "packet_too_big": (icmpv6.PACKET_TOO_BIG, {}),
    "time_exceeded": (
        icmpv6.TIME_EXCEEDED,
        {
            "exceeded_in_transit": icmpv6.HOP_LIMIT_EXCEEDED,
            "exceeded_reassembly": icmpv6.REASSEMBLY_TIME_EXCEEDED,
        },
    ),
    "echo_request": (icmpv6.ECHO_REQUEST, {}),
    "echo_reply": (icmpv6.ECHO_REPLY, {}),
}
