"""Ping in pure Python: `ping(host)` and `python ping.py HOST [COUNT]`."""

import os
import socket
import struct
import sys
import time

ECHO = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129)}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(host, count=3, raw=False, timeout=1.0, family=0):
    """Round-trip times in seconds, None for each request without a reply."""
    family, _, _, _, address = socket.getaddrinfo(host, None, family, socket.SOCK_DGRAM)[0]
    protocol, request, reply = ECHO[family]
    times = []
    with socket.socket(family, socket.SOCK_RAW if raw else socket.SOCK_DGRAM, protocol) as s:
        identifier = os.getpid() & 0xFFFF
        for sequence in range(1, count + 1):
            header = struct.pack("!BBHHH", request, 0, 0, identifier, sequence)
            data = struct.pack("!d", time.perf_counter()) + bytes(48)
            header = struct.pack("!BBHHH", request, 0, checksum(header + data), identifier, sequence)
            started = time.perf_counter()
            s.sendto(header + data, address)
            times.append(None)
            deadline = started + timeout
            while (left := deadline - time.perf_counter()) > 0:
                s.settimeout(left)
                try:
                    packet, source = s.recvfrom(2048)
                except TimeoutError:
                    break
                if raw and family == socket.AF_INET:
                    packet = packet[(packet[0] & 15) * 4 :]
                kind, _, _, who, which = struct.unpack("!BBHHH", packet[:8])
                ours = which == sequence and (who == identifier or not raw)
                if kind == reply and ours and source[0] == address[0]:
                    times[-1] = time.perf_counter() - started
                    break
    return times


def main(arguments):
    times = ping(arguments[0], int(arguments[1]) if len(arguments) > 1 else 3)
    for sequence, taken in enumerate(times, 1):
        print(f"{sequence}: " + ("no reply" if taken is None else f"{taken * 1000:.1f} ms"))
    return 0 if any(taken is not None for taken in times) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
