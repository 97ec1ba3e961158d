import pytest

from glassnet.network import addresses as a


def test_text_and_bytes_of_both_families() -> None:
    assert a.parse_address("192.0.2.1") == bytes((192, 0, 2, 1))
    assert a.parse_address("2001:db8::1") == bytes.fromhex("20010db8000000000000000000000001")
    assert a.parse_address(b"\1\2\3\4") == b"\1\2\3\4"
    assert a.address_text(bytes(15) + b"\1") == "::1"


@pytest.mark.parametrize("bad", ["", "192.0.2", "192.0.2.256", "2001:db8::g", "example", "192.0.2.1/24"])
def test_no_address(bad: str) -> None:
    with pytest.raises(ValueError, match="expected an address"):
        a.parse_address(bad)


def test_addresses_have_4_or_16_bytes() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        a.parse_address(b"12345")


def test_prefixes() -> None:
    assert a.parse_prefix("192.0.2.0/24") == (bytes((192, 0, 2, 0)), 24)
    with pytest.raises(ValueError, match="host bits"):
        a.parse_prefix("192.0.2.1/24")
    assert a.interface_address("2001:db8::1/64")[1] == 64
    for bad in ("192.0.2.1", "192.0.2.1/", "192.0.2.1/x", "x/24", "192.0.2.1/-1"):
        with pytest.raises(ValueError, match="prefix length"):
            a.interface_address(bad)
    with pytest.raises(ValueError, match="at most 32"):
        a.interface_address("192.0.2.1/33")


def test_kinds() -> None:
    p = a.parse_address
    assert a.is_multicast(p("224.0.0.1"))
    assert a.is_multicast(p("239.255.255.255"))
    assert not a.is_multicast(p("240.0.0.1"))
    assert a.is_multicast(p("ff02::1"))
    assert a.is_link_local(p("169.254.3.4"))
    assert a.is_link_local(p("febf::1"))
    assert not a.is_link_local(p("fec0::1"))
    assert a.is_loopback(p("127.9.9.9"))
    assert a.is_loopback(p("::1"))
    assert a.is_unspecified(p("::"))
    assert a.is_mapped(p("::ffff:192.0.2.1"))
    assert not a.is_mapped(p("192.0.2.1"))
    assert [a.scope(p(x)) for x in ("ff01::1", "ff02::1", "ff05::2", "fe80::1", "::1", "2001:db8::1")] == [
        1,
        2,
        5,
        2,
        2,
        14,
    ]
    assert [a.scope(p(x)) for x in ("169.254.0.1", "127.0.0.1", "10.0.0.1")] == [2, 2, 14]


def test_modified_eui_64_as_in_rfc_4291_appendix_a() -> None:
    mac = bytes.fromhex("3456789abcde")
    assert a.link_local_from_mac(mac)[8:].hex() == "365678fffe9abcde"
    assert a.address_text(a.link_local_from_mac(mac)) == "fe80::3656:78ff:fe9a:bcde"


def test_groups_on_ethernet() -> None:
    # RFC 4291 section 2.7.1 and RFC 2464 section 7; RFC 1112 section 6.4 uses 23 bits.
    node = a.parse_address("4037::01:800:200e:8c6c")
    assert a.address_text(a.solicited_node(node)) == "ff02::1:ff0e:8c6c"
    assert a.multicast_mac(a.solicited_node(node)).hex() == "3333ff0e8c6c"
    assert a.multicast_mac(a.parse_address("239.129.2.3")).hex() == "01005e010203"


def test_networks() -> None:
    p = a.parse_address
    assert a.network_prefix(p("192.0.2.77"), 26) == p("192.0.2.64")
    assert a.broadcast_address(p("192.0.2.77"), 26) == p("192.0.2.127")
    assert a.network_prefix(p("2001:db8::1"), 0) == bytes(16)
