"""Names: the table, and what `socket` makes of it."""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

import pytest

from glassnet.host.names.table import Names


def test_the_table():
    names = Names()
    names.add("Web.Example", "192.0.2.1", "2001:db8::1")
    names.add("www.example.", "192.0.2.1", b"\xc0\0\x02\x02")
    assert names.addresses("web.example.") == (b"\xc0\0\x02\x01", b"\x20\x01\r\xb8" + bytes(11) + b"\1")
    assert names.addresses("WWW.EXAMPLE") == (b"\xc0\0\x02\x01", b"\xc0\0\x02\x02")
    assert names.addresses("nobody") == ()
    assert names.names("192.0.2.1") == ("Web.Example", "www.example.")
    assert names.names("192.0.2.9") == ()
    assert list(names) == ["web.example", "www.example"]
    assert "WEB.example" in names


def test_adding_twice_and_removing():
    names = Names()
    names.add("a", "192.0.2.1")
    names.add("a", "192.0.2.1", "192.0.2.2")
    names.add("b", "192.0.2.1")
    names.remove("a", ["192.0.2.1"])
    assert names.addresses("a") == (b"\xc0\0\x02\x02",)
    assert names.names("192.0.2.1") == ("b",)
    names.remove("A")
    assert "a" not in names
    assert names.names("192.0.2.2") == ()
    with pytest.raises(KeyError):
        names.remove("a")


@pytest.mark.parametrize("wrong", ["192.0.2", "192.0.2.256", "2001:db8::g", "name", "", b"abc"])
def test_what_is_no_address(wrong):
    with pytest.raises(ValueError, match="expected"):
        Names().add("a", wrong)


def test_a_name_is_not_empty():
    with pytest.raises(ValueError, match="at least one character"):
        Names().add(".", "192.0.2.1")


def test_ipv6_goes_first_where_both_ends_have_it(hosts, b):
    def program(host, port=80, **hints):
        return [info[4][0] for info in socket.getaddrinfo(host, port, type=SOCK_STREAM, **hints)]

    assert b.run(program, "a") == ["2001:db8::1", "192.0.2.1"]
    assert b.run(program, "A.") == ["2001:db8::1", "192.0.2.1"]
    assert b.run(program, "a", family=AF_INET) == ["192.0.2.1"]
    assert b.run(program, b"a", family=AF_INET6) == ["2001:db8::1"]


def test_ipv4_goes_first_where_there_is_no_way_for_ipv6(net):
    one, _ = net.lan("one", "two", prefix="198.51.100.0/24")
    net.names.add("both", "2001:db8:5::5", "198.51.100.2")
    infos = one.run(socket.getaddrinfo, "both", 80, 0, SOCK_STREAM)
    assert [info[4][0] for info in infos] == ["198.51.100.2", "2001:db8:5::5"]


def test_kinds_and_protocols(hosts, b):
    infos = b.run(socket.getaddrinfo, "192.0.2.1", "domain")
    assert [(info[1], info[2]) for info in infos] == [(SOCK_STREAM, 6), (SOCK_DGRAM, 17)]
    infos = b.run(socket.getaddrinfo, "192.0.2.1", 53)
    assert [(int(info[1]), info[2]) for info in infos] == [(1, 6), (2, 17), (3, 0)]
    assert [info[2] for info in b.run(socket.getaddrinfo, "192.0.2.1", 53, 0, 0, 17)] == [17]


@pytest.mark.parametrize(
    "args",
    [
        ("127.0.0.1", 80),
        ("127.0.0.1", "http"),
        ("127.0.0.1", "8080", AF_INET, SOCK_STREAM),
        ("::1", 80, 0, SOCK_DGRAM),
        (None, 80, 0, SOCK_STREAM),
        (None, 80, 0, SOCK_STREAM, 0, socket.AI_PASSIVE),
        ("", 80, AF_INET, SOCK_STREAM),
        ("127.0.0.1", 80, AF_INET6, SOCK_STREAM, 0, socket.AI_V4MAPPED),
        ("127.0.0.1", 80, 0, SOCK_STREAM, 0, socket.AI_CANONNAME),
        ("127.0.0.1", 80, AF_INET6),
        ("::1", 80, AF_INET),
        ("127.0.0.1", "no-such-service"),
        ("127.0.0.1", "http", 0, 0, 0, socket.AI_NUMERICSERV),
        ("nowhere.invalid", 80, 0, 0, 0, socket.AI_NUMERICHOST),
        (None, None),
        ("127.0.0.1", 80, 999),
        ("127.0.0.1", 80, 0, 999),
        ("127.1", 80, AF_INET, SOCK_STREAM),
        (5, 80),
        ("127.0.0.1", 1.5),
    ],
)
def test_lookups_without_names_are_as_on_the_machine(hosts, a, args):
    def outcome():
        try:
            return socket.getaddrinfo(*args)
        except (OSError, TypeError) as error:
            return type(error).__name__, getattr(error, "errno", None), str(error)

    assert a.run(outcome) == outcome()


def test_unknown_names(hosts, a):
    for call, args in (
        (socket.getaddrinfo, ("nobody.example", 80)),
        (socket.gethostbyname, ("nobody.example",)),
        (socket.gethostbyname_ex, ("nobody.example",)),
        (socket.create_connection, (("nobody.example", 80),)),
        (socket.getnameinfo, (("nobody.example", 80), 0)),
    ):
        with pytest.raises(socket.gaierror, match="Name or service not known") as caught:
            a.run(call, *args)
        assert caught.value.errno == socket.EAI_NONAME
    with pytest.raises(socket.herror, match="Unknown host"):
        a.run(socket.gethostbyaddr, "192.0.2.99")


def test_a_name_without_addresses_of_the_family(net, hosts, a):
    net.names.add("old", "192.0.2.1")
    with pytest.raises(socket.gaierror, match="No address associated with hostname"):
        a.run(socket.getaddrinfo, "old", 80, AF_INET6)


def test_forward_and_reverse(hosts, a, b):
    assert a.run(socket.gethostname) == "a"
    assert a.run(socket.getfqdn) == "a"
    assert a.run(socket.gethostbyname, "b") == "192.0.2.2"
    assert a.run(socket.gethostbyname, "") == "0.0.0.0"
    assert a.run(socket.gethostbyname_ex, "b") == ("b", [], ["192.0.2.2"])
    assert a.run(socket.gethostbyaddr, "192.0.2.2") == ("b", [], ["192.0.2.2"])
    assert a.run(socket.gethostbyaddr, "2001:db8::2") == ("b", [], ["2001:db8::2"])
    assert a.run(socket.getnameinfo, ("192.0.2.2", 80), 0) == ("b", "http")
    assert a.run(socket.getnameinfo, ("192.0.2.2", 80), socket.NI_NUMERICSERV) == ("b", "80")
    assert a.run(socket.getnameinfo, ("192.0.2.9", 80), 0) == ("192.0.2.9", "http")
    with pytest.raises(socket.gaierror):
        a.run(socket.getnameinfo, ("192.0.2.9", 80), socket.NI_NAMEREQD)


def test_localhost_is_the_host_itself(hosts, a):
    def program():
        address = ("localhost", 80)
        with socket.create_server(address), socket.create_connection(address) as client:
            return client.getpeername()[0]

    assert a.run(program) == "127.0.0.1"
    infos = a.run(socket.getaddrinfo, "www.localhost", 80, 0, SOCK_STREAM)
    assert [info[4][0] for info in infos] == ["::1", "127.0.0.1"]


def test_a_host_has_names_of_its_own(hosts, a, b):
    a.system.hosts.add("b", "192.0.2.77")
    a.system.hosts.add("nickname", "192.0.2.2")
    assert a.run(socket.gethostbyname, "b") == "192.0.2.77"
    assert a.run(socket.gethostbyname, "nickname") == "192.0.2.2"
    assert b.run(socket.gethostbyname, "b") == "192.0.2.2"


def test_interfaces(hosts, a):
    index = {name: number for number, name in a.run(socket.if_nameindex)}
    assert list(index) == ["lo", "eth0"]
    assert a.run(socket.if_nametoindex, "eth0") == index["eth0"]
    assert a.run(socket.if_indextoname, index["lo"]) == "lo"
    with pytest.raises(OSError, match="no interface"):
        a.run(socket.if_nametoindex, "wlan7")
