from __future__ import annotations

from typing import Any

import pytest

from glassnet.network import InterfaceAddress, parse_address
from glassnet.network.source_address import choose_source


def choose(station: Any, destination: str, out: Any, *candidates: tuple[str, int, Any]) -> str | None:
    from glassnet.network import address_text

    listing = [
        InterfaceAddress(interface, parse_address(text), length) for text, length, interface in candidates
    ]
    there = parse_address(destination)
    best = choose_source(listing, there, there, out)
    return None if best is None else address_text(best)


@pytest.fixture
def ports(lab: Any) -> Any:
    station = lab.station()
    return station.port(), station.port()


@pytest.mark.parametrize(
    ("destination", "candidates", "best"),
    [
        # RFC 6724 section 10.1, where it needs neither home nor temporary addresses.
        ("2001:db8:1::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("ff05::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("2001:db8:1::1", ["2001:db8:1::1", "2001:db8:2::1"], "2001:db8:1::1"),
        ("fe80::1", ["fe80::2", "2001:db8:1::1"], "fe80::2"),
        ("2001:db8:1::1", ["2001:db8:1::2", "2001:db8:3::2"], "2001:db8:1::2"),
        (
            "2002:c633:6401::1",
            ["2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2"],
            "2002:c633:6401:0:d5e3:7953:13eb:22e8",
        ),
        # Labels: unique local addresses to each other.
        ("fd00::9", ["2001:db8::1", "fd11::1"], "fd11::1"),
        ("203.0.113.9", ["192.0.2.1", "169.254.1.1"], "192.0.2.1"),
        ("169.254.1.9", ["192.0.2.1", "169.254.1.1"], "169.254.1.1"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_as_in_rfc_6724(ports: Any, destination: str, candidates: list[str], best: str, turned: bool) -> None:
    listing = [(text, 64 if ":" in text else 24, ports[0]) for text in candidates]
    assert choose(None, destination, ports[0], *(listing[::-1] if turned else listing)) == best


def test_the_outgoing_interface_is_preferred(ports: Any) -> None:
    one, two = ports
    assert (
        choose(None, "203.0.113.1", two, ("192.0.2.1", 24, one), ("198.51.100.1", 24, two)) == "198.51.100.1"
    )
    assert choose(None, "203.0.113.1", two, ("192.0.2.1", 24, one)) == "192.0.2.1"
    assert choose(None, "fe80::1", two, ("2001:db8::1", 64, one), ("fe80::2", 64, one)) is None
    assert choose(None, "2001:db8::1", two, ("::1", 128, one), ("192.0.2.1", 24, two)) is None


def test_the_network_of_the_next_hop_decides_for_ipv4(lab: Any) -> None:
    station = lab.station()
    station.port("192.0.2.1/24", "198.51.100.1/24")
    station.internet.routes.add("203.0.113.0/24", via="198.51.100.9")
    assert station.internet.source_for(parse_address("203.0.113.5")) == parse_address("198.51.100.1")
    assert station.internet.source_for(parse_address("192.0.2.7")) == parse_address("192.0.2.1")


def test_a_wider_scope_on_another_interface_beats_a_link_local_address(lab: Any) -> None:
    station = lab.station()
    station.port("2001:db8::1/64")
    bare = station.port()
    station.internet.routes.add("2001:db8:9::/48", interface=bare)
    assert station.internet.source_for(parse_address("2001:db8:9::1")) == parse_address("2001:db8::1")
