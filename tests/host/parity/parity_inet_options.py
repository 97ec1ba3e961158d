"""Every option of Internet sockets: at first, in other sizes, set to many values, and refused."""

from __future__ import annotations

import socket
import struct
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from parity_kit import attempt, connected, failing, listening, program

KINDS = {
    "tcp4": (AF_INET, SOCK_STREAM),
    "tcp6": (AF_INET6, SOCK_STREAM),
    "udp4": (AF_INET, SOCK_DGRAM),
    "udp6": (AF_INET6, SOCK_DGRAM),
}
SOL, IP, IP6, TCP = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.IPPROTO_TCP
OPTIONS = {
    "SO_DEBUG": (SOL, 1), "SO_REUSEADDR": (SOL, 2), "SO_TYPE": (SOL, 3), "SO_ERROR": (SOL, 4),
    "SO_DONTROUTE": (SOL, 5), "SO_BROADCAST": (SOL, 6), "SO_KEEPALIVE": (SOL, 9), "SO_OOBINLINE": (SOL, 10),
    "SO_NO_CHECK": (SOL, 11), "SO_PRIORITY": (SOL, 12), "SO_LINGER": (SOL, 13), "SO_BSDCOMPAT": (SOL, 14),
    "SO_REUSEPORT": (SOL, 15), "SO_RCVLOWAT": (SOL, 18), "SO_SNDLOWAT": (SOL, 19), "SO_RCVTIMEO": (SOL, 20),
    "SO_SNDTIMEO": (SOL, 21), "SO_BINDTODEVICE": (SOL, 25), "SO_TIMESTAMP": (SOL, 29),
    "SO_ACCEPTCONN": (SOL, 30), "SO_TIMESTAMPNS": (SOL, 35), "SO_MARK": (SOL, 36), "SO_PROTOCOL": (SOL, 38),
    "SO_DOMAIN": (SOL, 39), "SO_RXQ_OVFL": (SOL, 40), "SO_BUSY_POLL": (SOL, 46), "SO_INCOMING_CPU": (SOL, 49),
    "IP_TOS": (IP, 1), "IP_TTL": (IP, 2), "IP_HDRINCL": (IP, 3), "IP_RECVOPTS": (IP, 6),
    "IP_PKTINFO": (IP, 8),
    "IP_MTU_DISCOVER": (IP, 10), "IP_RECVERR": (IP, 11), "IP_RECVTTL": (IP, 12), "IP_RECVTOS": (IP, 13),
    "IP_MTU": (IP, 14), "IP_FREEBIND": (IP, 15), "IP_TRANSPARENT": (IP, 19), "IP_MINTTL": (IP, 21),
    "IP_BIND_ADDRESS_NO_PORT": (IP, 24), "IP_MULTICAST_TTL": (IP, 33), "IP_MULTICAST_LOOP": (IP, 34),
    "IP_MULTICAST_ALL": (IP, 49),
    "IPV6_UNICAST_HOPS": (IP6, 16), "IPV6_MULTICAST_HOPS": (IP6, 18), "IPV6_MULTICAST_LOOP": (IP6, 19),
    "IPV6_MTU_DISCOVER": (IP6, 23), "IPV6_RECVERR": (IP6, 25), "IPV6_V6ONLY": (IP6, 26),
    "IPV6_MULTICAST_ALL": (IP6, 29), "IPV6_RECVPKTINFO": (IP6, 49), "IPV6_RECVHOPLIMIT": (IP6, 51),
    "IPV6_DONTFRAG": (IP6, 62), "IPV6_RECVTCLASS": (IP6, 66), "IPV6_TCLASS": (IP6, 67),
    "IPV6_MINHOPCOUNT": (IP6, 73),
    "TCP_NODELAY": (TCP, 1), "TCP_MAXSEG": (TCP, 2), "TCP_CORK": (TCP, 3), "TCP_KEEPIDLE": (TCP, 4),
    "TCP_KEEPINTVL": (TCP, 5), "TCP_KEEPCNT": (TCP, 6), "TCP_SYNCNT": (TCP, 7), "TCP_LINGER2": (TCP, 8),
    "TCP_DEFER_ACCEPT": (TCP, 9), "TCP_WINDOW_CLAMP": (TCP, 10), "TCP_QUICKACK": (TCP, 12),
    "TCP_USER_TIMEOUT": (TCP, 18), "TCP_NOTSENT_LOWAT": (TCP, 25), "TCP_unknown": (TCP, 99),
}  # fmt: skip
VALUES = (-2, -1, 0, 1, 2, 3, 4, 5, 64, 87, 88, 127, 128, 255, 256, 300, 32767, 32768, 40000, 1 << 30)
OCTETS = (b"", b"\1", b"\1\0", b"\1\0\0\0", b"\1\0\0\0\0\0\0\0", b"\1" + bytes(15))


def _everything_about(level, name):
    out = []
    for kind in KINDS.values():
        with socket.socket(*kind) as s:
            out.append(attempt(s.getsockopt, level, name))
            out.append([failing(s.getsockopt, level, name, size) for size in (1, 2, 3, 4, 8)])
        for value in VALUES + OCTETS:
            with socket.socket(*kind) as s:
                out.append((value, failing(s.setsockopt, level, name, value)))
                out.append(failing(s.getsockopt, level, name))
    return out


def _register(label, level, name):
    def checked():
        return _everything_about(level, name)

    checked.__name__ = f"all_values_of_{label}"
    program(checked)


for _label, (_level, _name) in OPTIONS.items():
    _register(_label, _level, _name)


@program
def timeouts_act_on_blocking_sockets():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.setsockopt(SOL, 20, struct.pack("qq", 0, 40000))
        return failing(s.recv, 10), s.getsockopt(SOL, 20, 16), failing(s.recvmsg, 10)


@program
def bad_timeouts():
    with socket.socket() as s:
        return [
            failing(s.setsockopt, SOL, 20, struct.pack("qq", 1, 1_000_000)),
            failing(s.setsockopt, SOL, 20, struct.pack("qq", 1, -1)),
            failing(s.setsockopt, SOL, 20, struct.pack("qq", -5, 0)),
            s.getsockopt(SOL, 20, 16),
        ]


@program
def a_device_by_name():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        out = [s.getsockopt(SOL, socket.SO_BINDTODEVICE, 16), s.getsockopt(SOL, 62)]
        s.setsockopt(SOL, socket.SO_BINDTODEVICE, b"lo")
        out += [s.getsockopt(SOL, socket.SO_BINDTODEVICE, 16), s.getsockopt(SOL, 62)]
        s.setsockopt(SOL, 62, 0)
        out += [s.getsockopt(SOL, socket.SO_BINDTODEVICE, 16)]
        out += [failing(s.setsockopt, SOL, socket.SO_BINDTODEVICE, b"nothere")]
        return out


@program
def congestion_control():
    with socket.socket() as s:
        out = [failing(s.setsockopt, TCP, socket.TCP_CONGESTION, b"nosuch")]
        s.setsockopt(TCP, socket.TCP_CONGESTION, b"reno")
        out += [s.getsockopt(TCP, socket.TCP_CONGESTION, size) for size in (2, 16, 64)]
        return out


@program
def info_of_sockets_without_connection():
    with socket.socket() as s, listening(backlog=7) as server:
        out = []
        for each in (s, server):
            info = struct.unpack("8B18I", each.getsockopt(TCP, socket.TCP_INFO, 104)[:80])
            out.append((info[0], info[1:6], info[8:17], info[26 - 1]))
        return out, [len(s.getsockopt(TCP, socket.TCP_INFO, size)) for size in (1, 8, 104, 200)]


@program
def info_of_a_connection():
    client, peer = connected()
    with client, peer:
        client.sendall(b"x" * 1000)
        peer.recv(2000)
        states = [each.getsockopt(TCP, socket.TCP_INFO, 8)[0] for each in (client, peer)]
        received = struct.unpack_from("Q", peer.getsockopt(TCP, socket.TCP_INFO, 248), 128)
        client.shutdown(socket.SHUT_WR)
        peer.recv(10)
        return states, received, peer.getsockopt(TCP, socket.TCP_INFO, 8)[0]


@program
def mtu_of_a_connected_socket():
    with socket.socket(AF_INET, SOCK_DGRAM) as s:
        out = [failing(s.getsockopt, IP, 14)]
        s.connect(("127.0.0.1", 9))
        return [*out, s.getsockopt(IP, 14) > 1000]


@program
def joining_groups_badly():
    with socket.socket(AF_INET, SOCK_DGRAM) as s, socket.socket() as t:
        group, lo = socket.inet_aton("239.1.2.3"), socket.inet_aton("127.0.0.1")
        return [
            failing(s.setsockopt, IP, socket.IP_ADD_MEMBERSHIP, lo + lo),
            failing(s.setsockopt, IP, socket.IP_ADD_MEMBERSHIP, group),
            failing(s.setsockopt, IP, socket.IP_DROP_MEMBERSHIP, group + lo),
            failing(s.setsockopt, IP, socket.IP_ADD_MEMBERSHIP, group + lo),
            failing(s.setsockopt, IP, socket.IP_ADD_MEMBERSHIP, group + lo),
            failing(s.setsockopt, IP, socket.IP_DROP_MEMBERSHIP, group + lo),
            failing(t.setsockopt, IP, socket.IP_ADD_MEMBERSHIP, group + lo),
        ]


@program
def binding_to_an_address_of_others():
    out = []
    for free in (0, 1):
        with socket.socket(AF_INET, SOCK_DGRAM) as s:
            s.setsockopt(IP, 15, free)
            out.append(failing(s.bind, ("198.51.100.77", 0)))
    return out
