"""Which flow a frame belongs to: addresses, protocol and ports, as far as it has them."""

from __future__ import annotations

from glassnet.wire.errors import WireError
from glassnet.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, payload_start
from glassnet.wire.ipv6_extensions import walk
from glassnet.wire.numbers import DCCP, FRAGMENT, SCTP, TCP, UDP, UDPLITE

__all__ = ["flow_key"]

_WITH_PORTS = frozenset((TCP, UDP, DCCP, SCTP, UDPLITE))
_IPV4_HEADER = 20
_IPV6_HEADER = 40
_LINK_HEADER = 14


def flow_key(frame: bytes) -> bytes:
    """Bytes that are the same for all frames of a flow, and others for other flows.

    Of an IP packet: protocol, both addresses, and both ports if its protocol has some. All fragments
    of a packet are of one flow, which the ports, in the first alone, cannot tell: none of
    them counts them. Of any other frame: both MAC addresses and the EtherType.
    """
    ethertype, start = payload_start(frame)
    size = len(frame)
    if ethertype == ETHERTYPE_IPV4 and size >= start + _IPV4_HEADER and frame[start] >> 4 == 4:
        protocol = frame[start + 9]
        addresses = frame[start + 12 : start + 20]
        ports = start + (frame[start] & 15) * 4
        fragment = bool(frame[start + 6] & 0x3F or frame[start + 7])
    elif ethertype == ETHERTYPE_IPV6 and size >= start + _IPV6_HEADER and frame[start] >> 4 == 6:
        protocol = frame[start + 6]
        addresses = frame[start + 8 : start + 40]
        ports = start + _IPV6_HEADER
        fragment = False
        if protocol not in _WITH_PORTS:
            try:
                found = walk(frame, protocol, ports)
            except WireError:
                return bytes((protocol,)) + addresses
            # The later fragments of a packet do not know its protocol.
            fragment = any(header.number == FRAGMENT for header in found.headers)
            protocol, ports = FRAGMENT if fragment or found.protocol is None else found.protocol, found.offset
    else:
        return frame[:_LINK_HEADER]
    if fragment or protocol not in _WITH_PORTS:
        return bytes((protocol,)) + addresses
    return bytes((protocol,)) + addresses + frame[ports : ports + 4]
