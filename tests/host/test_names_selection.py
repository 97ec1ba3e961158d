"""Which address of a name is tried first (RFC 6724)."""

from __future__ import annotations

import socket

import pytest

from glassnet.host.names.selection import Candidate, by_preference


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


# Destinations best first, each with its source: the examples of RFC 6724 section 10.2, each given in
# either order. Those of deprecated and of home addresses have no counterpart here.
EXAMPLES = [
    # Prefer matching scope.
    [("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78")],
    [("198.51.100.121", "198.51.100.117"), ("2001:db8:1::1", "fe80::1")],
    # Prefer higher precedence.
    [("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4")],
    # Prefer smaller scope.
    [("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2")],
    # Prefer matching label.
    [("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2002:c633:6401::2")],
    # Prefer higher precedence, where the labels match.
    [("2001:db8:1::1", "2001:db8:1::2"), ("2002:c633:6401::1", "2002:c633:6401::2")],
    # Beyond the examples: avoid unusable destinations (rule 1); a unique local address without a source
    # of its kind goes last (rule 5); the longest matching prefix (rule 9), for IPv4 in one network only.
    [("192.0.2.1", "192.0.2.9"), ("2001:db8:1::1", None)],
    [("192.0.2.1", "192.0.2.9"), ("fd00::1", "2001:db8::1")],
    [("2001:db8:1::1", "2001:db8:1::9"), ("2001:db8:3fff::1", "2001:db8:1::9")],
    [("192.0.2.8", "192.0.2.9"), ("198.51.100.1", "192.0.2.9")],
    [("::1", "::1"), ("127.0.0.1", "127.0.0.1")],
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_better_destination_goes_first(example):
    candidates = [
        Candidate(packed(to), packed(source) if source else None, 24 if source and "." in source else 64)
        for to, source in example
    ]
    expected = [candidate.destination for candidate in candidates]
    assert by_preference(candidates) == expected
    assert by_preference(candidates[::-1]) == expected


def test_equals_stay_in_order():
    """Rule 10; two of one far network are equal to rule 9, as is all that differs behind the prefix."""
    for source, length, names in (
        ("192.0.2.9", 24, ["198.51.100.7", "198.51.100.200", "203.0.113.1"]),
        ("2001:db8::9", 64, ["2001:db8::f", "2001:db8::8"]),
    ):
        destinations = [packed(each) for each in names]
        held = [Candidate(each, packed(source), length) for each in destinations]
        assert by_preference(held) == destinations
        assert by_preference(held[::-1]) == destinations[::-1]


def test_a_host_prefers_what_is_on_its_own_network(net, hosts, a):
    net.names.add("many", "203.0.113.1", "192.0.2.2", "2001:db8:9::1", "2001:db8::2", "fd00::2")
    infos = a.run(socket.getaddrinfo, "many", 80, 0, socket.SOCK_STREAM)
    # There is no way to the others: among those it is precedence that counts.
    assert [info[4][0] for info in infos] == [
        "2001:db8::2", "192.0.2.2", "2001:db8:9::1", "203.0.113.1", "fd00::2"
    ]  # fmt: skip
