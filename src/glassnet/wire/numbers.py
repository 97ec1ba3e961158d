"""IP protocol numbers, which are IPv6 next header values as well (IANA; RFC 5237, RFC 8200 4)."""

from __future__ import annotations

__all__ = [
    "AH",
    "DCCP",
    "DESTINATION_OPTIONS",
    "EIGRP",
    "ESP",
    "EXPERIMENT_1",
    "EXPERIMENT_2",
    "FRAGMENT",
    "GRE",
    "HIP",
    "HOP_BY_HOP",
    "ICMP",
    "ICMPV6",
    "IGMP",
    "IPV4",
    "IPV6",
    "L2TP",
    "MOBILITY",
    "NAMES",
    "NO_NEXT_HEADER",
    "OSPF",
    "PIM",
    "ROUTING",
    "SCTP",
    "SHIM6",
    "TCP",
    "UDP",
    "UDPLITE",
    "VRRP",
]

HOP_BY_HOP = 0
ICMP = 1
IGMP = 2
IPV4 = 4
TCP = 6
UDP = 17
DCCP = 33
IPV6 = 41
ROUTING = 43
FRAGMENT = 44
GRE = 47
ESP = 50
AH = 51
ICMPV6 = 58
NO_NEXT_HEADER = 59
DESTINATION_OPTIONS = 60
EIGRP = 88
OSPF = 89
PIM = 103
VRRP = 112
L2TP = 115
SCTP = 132
MOBILITY = 135
UDPLITE = 136
HIP = 139
SHIM6 = 140
EXPERIMENT_1 = 253
EXPERIMENT_2 = 254

NAMES = {
    HOP_BY_HOP: "IPv6 Hop-by-Hop Options",
    ICMP: "ICMP",
    IGMP: "IGMP",
    IPV4: "IPv4",
    TCP: "TCP",
    UDP: "UDP",
    DCCP: "DCCP",
    IPV6: "IPv6",
    ROUTING: "IPv6 Routing",
    FRAGMENT: "IPv6 Fragment",
    GRE: "GRE",
    ESP: "ESP",
    AH: "AH",
    ICMPV6: "ICMPv6",
    NO_NEXT_HEADER: "IPv6 No Next Header",
    DESTINATION_OPTIONS: "IPv6 Destination Options",
    EIGRP: "EIGRP",
    OSPF: "OSPF",
    PIM: "PIM",
    VRRP: "VRRP",
    L2TP: "L2TP",
    SCTP: "SCTP",
    MOBILITY: "IPv6 Mobility",
    UDPLITE: "UDP-Lite",
    HIP: "HIP",
    SHIM6: "Shim6",
    EXPERIMENT_1: "experiment 1",
    EXPERIMENT_2: "experiment 2",
}
