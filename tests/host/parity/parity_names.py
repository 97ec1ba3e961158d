"""Lookups whose answers do not depend on how the machine is set up."""

from __future__ import annotations

import socket

from parity_kit import attempt, program

SERVICES = [
    (53, 0, 0, 17), (53, 0, 0, 6), (53, 0, 0, 1), (None, 0, 0, 1), (53, 0, 3, 0), (None, 0, 3, 0),
    (53, 0, 1, 17), ("http", 0, 2), ("domain", 0, 0, 17), ("ntp", 0, 1), (53, 0, 5), (53, 0, 0, 132),
    (53, 0, 0, 136), (53, 0, 2, 136), ("http", 0, 0), ("https", 0, 0), ("domain", 0, 0), (-1,), (70000,),
    ("-1",), (" 80",), ("+80",), ("080",), ("0x50",), ("99999999999999999999",), (1 << 70,), ("80x",),
    ("*",), (b"http",), (True,), (bytearray(b"80"),), (80, 999), (80, 0, 999), (80, 0, 0, 999),
    (None, 0, 0, 999), ("http", 0, 0, 0, socket.AI_NUMERICSERV), (80, 0, 0, 0, socket.AI_NUMERICSERV),
    ("", 0, 1), (80, 0, 3, 255), ("ftp", 0, 6), (2**32 + 80, 0, 1), (2**31, 0, 1), ("80 ", 0, 1),
]  # fmt: skip

HOSTS = [
    ("*", 80), ("*", "*"), ("", None), (None, ""), (None, None), ("fe80::1%lo", 80, 0, 1),
    ("fe80::1%1", 80, 0, 1), ("fe80::1%99", 80, 0, 1), ("fe80::1%nope", 80, 0, 1), ("fe80::1%", 80, 0, 1),
    ("2001:db8::1%lo", 80, 0, 1), ("2001:db8::1%1", 80, 0, 1), ("2001:db8::1%99999999999", 80, 0, 1),
    ("ff02::1%lo", 80, 0, 1), ("::ffff:192.0.2.4", 80, 2, 1), ("192.0.2.4", 80, 10, 1, 0, 8),
    ("192.0.2.4", 80, 10, 1), ("2001:db8::1", 80, 2, 1), ("2001:db8::1", 80, 2, 1, 0, 8),
    (None, 80, 0, 1, 0, 1 << 14), (None, 80, 0, 0, 0, 1), (None, 80, 10, 0, 0, 1), (None, 80, 2, 1, 0, 2),
    (None, 80, 10, 1), ("0177.1", 80, 0, 1), ("0x7f.1", 80, 0, 1), ("127.0.0.1.", 80, 0, 1, 0, 4),
    ("1.2.3.4 ", 80, 0, 1, 0, 4), ("256.1.1.1", 80, 0, 1, 0, 4), ("192.0.2.1%lo", 80, 0, 1, 0, 4),
    ("192.0.2.4", 80, 0, 1, 0, 2), ("2001:DB8::1", 80, 0, 1, 0, 2), ("::1", 80, 0, 1, 0, 6),
    (b"192.0.2.4", 80, 0, 1), (b"::1\0x", 80, 0, 1), ("192.0.2.4\0x", 80, 0, 1), (5, 80), (["::1"], 80),
    ("a..b", 80), ("x" * 64, 80), ("\ud800", 80), ("127.0.0.1", 80, 0, 1, 0, 0x40), ("::", 80, 0, 1),
    ("localhost", 80, 2, 1, 0, 4), (b"-x.example", 80), (b"sp ace.example", 80), (b"\xff.example", 80),
    (b"a!b", 80),
]  # fmt: skip

NAMES = [
    (("fe80::1%lo", 80), 1), (("fe80::1", 80, 0, 1), 1), (("fe80::1", 80, 0, 77), 1),
    (("2001:db8::1", 80, 5, 1), 1), (("2001:db8::1", 80, 5, 0), 1), (("192.0.2.1", 80, 0, 0), 1),
    (("192.0.2.1", 80), 1 << 20), (("192.0.2.1", 70000), 3), (("192.0.2.1", -1), 3),
    (("192.0.2.1", "80"), 3), (["192.0.2.1", 80], 3), (("192.0.2.1",), 3), (("192.0.2.1", 53), 1 | 16),
    (("192.0.2.1", 64999), 1), (("192.0.2.1", 80), 1), (("192.0.2.1", 80), 1 | 16), (("::1", 443), 1),
    (("nobody.invalid", 80), 0), (("::1", 80, 1 << 20), 1), ((5, 80), 1), (("192.0.2.1", 80), 1 | 8),
    (("ff02::1", 80, 0, 1), 1), (("::ffff:192.0.2.1", 80), 1), (("192.0.2.1", 0), 1),
    (("127.0.0.1", 80), 0), (("127.0.0.1", 80), 2), (("127.0.0.1", 22), 8), ("::1", 1), (("127.1", 25), 1),
]  # fmt: skip


@program
def services_of_an_address():
    return [attempt(socket.getaddrinfo, "192.0.2.1", *args) for args in SERVICES]


@program
def hosts_in_numbers():
    return [attempt(socket.getaddrinfo, *args) for args in HOSTS]


@program
def names_in_numbers():
    return [attempt(socket.getnameinfo, *args) for args in NAMES]


OLDER = [
    (socket.gethostbyname, "", "127.1", "192.0.2.4", "<broadcast>", "255.255.255.255", "::1", "a..b", "a\0b"),
    (socket.gethostbyname, 5, None, b"192.0.2.4"),
    (socket.gethostbyname_ex, "127.1", "192.0.2.4", "a..b", "a\0b", 5, b"192.0.2.4", bytearray(b"192.0.2.4")),
    (socket.gethostbyaddr, "", "127.0.0.1", "127.1", "a..b", 5),
]


@program
def older_functions_in_numbers():
    return [attempt(call, each) for call, *given in OLDER for each in given]


@program
def services_by_name():
    names = [
        "http",
        "https",
        "domain",
        "ntp",
        "ssh",
        "smtp",
        "imap",
        "postgresql",
        "redis",
        "mysql",
        "HTTP",
        "no-such-service",
        "www",
    ]
    protocols = ((), ("tcp",), ("udp",), ("sctp",))
    return [attempt(socket.getservbyname, name, *protocol) for name in names for protocol in protocols]


@program
def services_by_port():
    ports = (80, 443, 53, 123, 22, 25, 64999, 0, -1, 65536, 514)
    protocols = ((), ("tcp",), ("udp",))
    return [attempt(socket.getservbyport, port, *protocol) for port in ports for protocol in protocols]


@program
def protocols_by_name():
    names = ["tcp", "udp", "icmp", "ipv6-icmp", "TCP", "sctp", "no-such-protocol", "ip"]
    return [attempt(socket.getprotobyname, name) for name in names]


@program
def services_that_are_no_names():
    return [
        attempt(socket.getservbyname, 5),
        attempt(socket.getservbyport, "80"),
        attempt(socket.getprotobyname, 5),
    ]
