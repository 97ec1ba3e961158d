"""Names and reachability."""

from __future__ import annotations

import dns_clients
import ping
import ping3
import pytest
import traceroute
from dns_server import Server
from probes import probe

ZONE = """
example.       SOA   ns.example. root.example. 1 3600 600 86400 60
www.example.   CNAME web.example.
web.example.   A     192.0.2.80
web.example.   AAAA  2001:db8::80
mail.example.  AAAA  2001:db8::25
"""


@probe(
    "dnspython",
    did="the resolver, sync and asyncio, asked a name server on another host over UDP; so did getaddrinfo",
)
def test_dnspython(server, client):
    server.start(Server(ZONE).run)
    client.resolv([server.ip_address()], timeout="2s", attempts=5)
    assert client.run(dns_clients.look_up, "www.example") == ("web.example.", ["192.0.2.80"])
    assert "does not exist" in client.run(dns_clients.look_up_nobody, "nobody.example")
    found = client.run(dns_clients.look_up_all, ["web.example", "mail.example"])
    assert found == [["2001:db8::80"], ["2001:db8::25"]]
    assert client.run(dns_clients.get_address, "www.example") == ["2001:db8::80", "192.0.2.80"]


@probe("ping3", did="echo requests over a raw ICMP socket, and one that nobody answered", loss=None)
def test_ping3(server, client):
    times = [client.run(ping3.ping, server.ip_address()) for _ in range(2)]
    assert times == [pytest.approx(0.08, abs=0.001), pytest.approx(0.04, abs=0.001)]  # ARP goes first
    assert client.run(ping3.ping, "192.0.2.99", 1) is None


@probe("socket", did="a ping and a traceroute in pure Python, by raw, ping and UDP sockets", loss=None)
def test_ping_and_traceroute(server, client):
    address = server.ip_address()
    for raw in (False, True):
        assert all(client.run(ping.ping, address, 3, raw))
    assert client.run(traceroute.trace, address) == [address]
