"""Traceroute in pure Python, in four ways: `trace(host, how)` gives the address of each hop."""

import os
import select
import socket
import struct
import sys
import time

from ping import checksum

IP_RECVERR, IPV6_RECVERR = 11, 25
PORT = 33434


def trace(host, how="udp", most=10, family=0, timeout=1.0):
    """The routers on the way, then the host: `how` is udp, errors, icmp or tcp. None: no answer."""
    family, _, _, _, address = socket.getaddrinfo(host, PORT, family, socket.SOCK_DGRAM)[0]
    probe = {"udp": _by_udp, "errors": _by_errors, "icmp": _by_icmp, "tcp": _by_tcp}[how]
    hops = []
    for ttl in range(1, most + 1):
        hops.append(probe(family, address, ttl, timeout))
        if hops[-1] == address[0]:
            break
    return hops


def _limit(s, family, ttl):
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)


def _listener(family):
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    return socket.socket(family, socket.SOCK_RAW, protocol)


def _error_from(listener, family, timeout, ours):
    """Who reports an error about a packet whose transport header begins as `ours` says."""
    deadline = time.monotonic() + timeout
    kinds, inner = ((3, 11), 20) if family == socket.AF_INET else ((1, 3), 40)
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([listener], [], [], left)[0]:
            break
        packet, source = listener.recvfrom(4096)
        if family == socket.AF_INET:
            packet = packet[(packet[0] & 15) * 4 :]
        if packet[0] in kinds and ours(packet[8 + inner :]):
            return source[0]
        if ours(packet):
            return source[0]
    return None


def _by_udp(family, address, ttl, timeout):
    port = address[1] + ttl
    with _listener(family) as listener, socket.socket(family, socket.SOCK_DGRAM) as s:
        _limit(s, family, ttl)
        s.sendto(b"", (address[0], port, *address[2:]))
        return _error_from(listener, family, timeout, lambda head: head[2:4] == struct.pack("!H", port))


def _by_errors(family, address, ttl, timeout):
    """Without privileges, as tracepath does it: the error queue of the socket itself."""
    four = family == socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        _limit(s, family, ttl)
        if four:
            s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        s.sendto(b"probe", address)
        poll = select.poll()
        poll.register(s, select.POLLIN)
        if not poll.poll(timeout * 1000):
            return None
        data, control, flags, destination = s.recvmsg(512, 512, socket.MSG_ERRQUEUE)
        assert (data, flags, destination[:2]) == (b"probe", socket.MSG_ERRQUEUE, address[:2])
        for level, kind, value in control:
            if (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
                offender = value[16 + 4 : 16 + 8] if four else value[16 + 8 : 16 + 24]
                return socket.inet_ntop(family, offender)
    return None


def _by_icmp(family, address, ttl, timeout):
    request, reply = (8, 0) if family == socket.AF_INET else (128, 129)
    rest = struct.pack("!HH", os.getpid() & 0xFFFF, ttl)
    with _listener(family) as listener:
        _limit(listener, family, ttl)
        head = struct.pack("!BBH", request, 0, checksum(struct.pack("!BBH", request, 0, 0) + rest))
        listener.sendto(head + rest, (address[0], 0))
        return _error_from(
            listener, family, timeout, lambda head: head[0] in (request, reply) and head[4:8] == rest
        )


def _by_tcp(family, address, ttl, timeout):
    """A connect that gets further with each hop; the last is told by SYN-ACK or RST."""
    with _listener(family) as listener, socket.socket(family, socket.SOCK_STREAM) as s:
        _limit(s, family, ttl)
        s.bind(("", 0))
        s.setblocking(False)
        s.connect_ex(address)
        deadline = time.monotonic() + timeout
        port = struct.pack("!H", s.getsockname()[1])
        while (left := deadline - time.monotonic()) > 0:
            readable, writable, _ = select.select([listener], [s], [], left)
            if readable:
                return _error_from(listener, family, left, lambda head: head[:2] == port)
            if writable:
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                return address[0] if error in (0, 111) else None
    return None


def main(arguments):
    for number, hop in enumerate(trace(arguments[0], *arguments[1:2]), 1):
        print(f"{number}: {hop or '*'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
