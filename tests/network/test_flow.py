from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL, EMSGSIZE, ENETUNREACH
from os import strerror
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.network import Kind, parse_address
from glassnet.wire.checksum import pseudo_sum


def test_the_header_that_is_sent(host: Any, family: Any, sent: Any, tools: Any) -> None:
    there = parse_address(family.elsewhere)
    flow = host.internet.flow(there, 17, ttl=9, tos=0xB9)
    flow.send(b"headhead", b"data")
    flow.send(b"headhead", b"")
    one, two = (tools.parsed(frame) for frame in sent(host))
    assert (one.source, one.destination) == (parse_address(family.host1), there)
    assert (flow.source, flow.destination, flow.protocol) == (one.source, there, 17)
    assert (one.payload, two.payload) == (b"headheaddata", b"headhead")
    assert (one.dscp, one.ecn) == (0xB9 >> 2, 1)
    if family.version == 4:
        assert (one.ttl, one.protocol, one.dont_fragment) == (9, 17, True)
        assert two.identification == (one.identification + 1) & 0xFFFF
    else:
        assert (one.hop_limit, one.next_header, one.flow_label) == (9, 17, 0)
    assert flow.pseudo % 0xFFFF == pseudo_sum(flow.source, there, 17) % 0xFFFF
    assert not flow.is_loopback
    assert flow.interface.name == "eth0"


@given(
    data=st.binary(max_size=60),
    tos=st.integers(0, 255),
    ttl=st.integers(1, 255),
    number=st.integers(0, 1 << 32),
)
def test_the_header_checksum_is_always_right(
    new_lab: Any, tools: Any, data: bytes, tos: int, ttl: int, number: int
) -> None:
    station = new_lab().station()
    interface = station.port("192.0.2.1/24")
    station.know(interface, "192.0.2.2", tools.mac_of(9))
    flow = station.internet.flow(parse_address("192.0.2.2"), 17, tos=tos, ttl=ttl)
    station.internet.destinations.lookup(flow.destination).identification = number
    flow.send(b"", data)
    assert tools.parsed(interface.lane.sent[-1]).payload == data


def test_changing_a_flow(host: Any, family: Any, sent: Any, tools: Any) -> None:
    flow = host.internet.flow(parse_address(family.elsewhere), 17)
    flow.set(ttl=3, tos=0x10, dont_fragment=False)
    flow.send(b"headhead", b"")
    packet = tools.parsed(sent(host)[0])
    assert packet.dscp == 4
    assert (packet.ttl if family.version == 4 else packet.hop_limit) == 3
    if family.version == 4:
        assert not packet.dont_fragment
    for bad in ({"ttl": 0}, {"ttl": 256}, {"tos": 256}, {"tos": -1}):
        with pytest.raises(OSError, match=strerror(EINVAL)):
            flow.set(**bad)


def test_too_long_for_the_path(host: Any, family: Any, sent: Any) -> None:
    flow = host.internet.flow(parse_address(family.elsewhere), 17)
    assert flow.mtu == 1500
    flow.send(bytes(8), bytes(1500 - family.header - 8))
    assert len(sent(host)[0]) == 1514
    with pytest.raises(OSError, match=strerror(EMSGSIZE)):
        flow.send(bytes(8), bytes(1500 - family.header - 7))
    assert sent(host) == []
    assert host.counts == {}


def test_fragmented_when_that_is_allowed(host: Any, family: Any, sent: Any, tools: Any) -> None:
    flow = host.internet.flow(parse_address(family.elsewhere), 17, dont_fragment=False)
    data = bytes(range(256)) * 20
    flow.send(data[:8], data[8:])
    frames = sent(host)
    assert len(frames) == 4
    assert all(len(frame) <= 1514 for frame in frames)
    for frame in frames:
        tools.parsed(frame)
    longest = 65515 if family.version == 4 else 65535
    flow.send(bytes(8), bytes(longest - 8))
    assert sum(len(frame) for frame in sent(host)) > 65535
    with pytest.raises(OSError, match=strerror(EMSGSIZE)):
        flow.send(bytes(8), bytes(longest - 7))


def test_no_route(lab: Any, family: Any) -> None:
    station = lab.station()
    station.port(family.cidr(family.host1))
    with pytest.raises(OSError, match=strerror(ENETUNREACH)) as caught:
        station.internet.flow(parse_address(family.elsewhere), 17)
    assert caught.value.errno == ENETUNREACH


def test_a_source_that_is_not_ours(host: Any, family: Any) -> None:
    with pytest.raises(OSError, match=strerror(EADDRNOTAVAIL)):
        host.internet.flow(parse_address(family.elsewhere), 17, source=parse_address(family.other1))


def test_a_source_that_is_given(host: Any, family: Any, sent: Any, tools: Any) -> None:
    host.internet.add_address("eth0", family.cidr(family.other2))
    host.know(host.internet.interfaces["eth0"], family.router1, tools.mac_of(9, 1))
    flow = host.internet.flow(parse_address(family.elsewhere), 17, source=parse_address(family.other2))
    flow.send(b"headhead", b"")
    assert tools.parsed(sent(host)[-1]).source == parse_address(family.other2)
    wildcard = host.internet.flow(parse_address(family.elsewhere), 17, source=bytes(family.bytes))
    assert wildcard.source == parse_address(family.host1)


def test_to_this_host_itself(host: Any, family: Any, lab: Any, sent: Any) -> None:
    for text in (family.loopback, family.host1, "0.0.0.0" if family.version == 4 else "::"):
        flow = host.internet.flow(parse_address(text), 17)
        assert flow.is_loopback
        assert flow.interface is host.internet.loopback
        assert flow.source == flow.destination
        assert flow.mtu >= 65535
        flow.send(b"headhead", text.encode())
        assert host.got == []  # not before this event is over
        lab.run()
        assert host.got == [(b"headhead" + text.encode(), host.internet.loopback)]
        host.got.clear()
    assert sent(host) == []
    assert host.counts == {}


def test_loopback_addresses_stay_inside(lab: Any) -> None:
    station = lab.station()
    station.port("192.0.2.1/24")
    flow = station.internet.flow(parse_address("127.9.8.7"), 17)
    flow.send(b"headhead", b"")
    lab.run()
    assert len(station.got) == 1


def test_a_link_local_destination_needs_an_interface(lab: Any, sent: Any, tools: Any) -> None:
    station = lab.station()
    one, two = station.port("2001:db8:1::1/64"), station.port("2001:db8:2::1/64")
    peer = parse_address("fe80::99")
    with pytest.raises(OSError, match=strerror(EINVAL)):
        station.internet.flow(peer, 17)
    for interface, name in ((one, "eth0"), (two, "eth1")):
        station.know(interface, peer, tools.mac_of(9))
        flow = station.internet.flow(peer, 17, interface=interface)
        assert flow.source == station.internet.attachment(interface).link_local
        sent(station, name)
        flow.send(b"headhead", b"")
        assert len(sent(station, name)) == 1
    own = station.internet.attachment(one).link_local
    assert station.internet.flow(own, 17, interface=one).is_loopback
    assert station.internet.flow(own, 17).is_loopback
    # On the other link, that address may be someone else's.
    assert not station.internet.flow(own, 17, interface=two).is_loopback


def test_broadcasts(lab: Any, sent: Any, tools: Any) -> None:
    station = lab.station()
    interface = station.port("192.0.2.1/24")
    for text in ("255.255.255.255", "192.0.2.255"):
        flow = station.internet.flow(parse_address(text), 17)
        assert flow.kind is Kind.BROADCAST
        flow.send(b"headhead", b"all")
        (frame,) = sent(station)
        assert frame[:6] == b"\xff" * 6
        assert tools.parsed(frame).source == parse_address("192.0.2.1")
        lab.run()
        assert station.got == [(b"headheadall", interface)]  # the sender hears it too
        station.got.clear()
    assert station.counts == {}


def test_a_broadcast_of_a_host_without_an_address(lab: Any, sent: Any, tools: Any) -> None:
    station = lab.station()
    interface = station.port()
    flow = station.internet.flow(b"\xff" * 4, 17, interface=interface)
    flow.send(b"headhead", b"")
    assert tools.parsed(sent(station)[0]).source == bytes(4)


def test_multicast(lab: Any, family: Any, sent: Any, tools: Any) -> None:
    station = lab.station()
    station.port(family.cidr(family.host1))
    other = station.port(family.cidr(family.host2))
    group = parse_address(family.group)
    flow = station.internet.flow(group, 17, interface=other)
    flow.send(b"headhead", b"1")
    (frame,) = sent(station, "eth1")
    packet = tools.parsed(frame)
    assert frame[:6].hex() == ("01005e010203" if family.version == 4 else "333300004321")
    assert (packet.ttl if family.version == 4 else packet.hop_limit) == 1
    lab.run()
    assert station.got == []  # not joined
    station.internet.join(group, other)
    flow.send(b"headhead", b"2")
    lab.run()
    assert station.got == [(b"headhead2", other)]
    flow.set(multicast_loop=False)
    flow.send(b"headhead", b"3")
    lab.run()
    assert len(station.got) == 1
    assert station.internet.flow(group, 17).interface.name == "eth0"
    station.internet.routes.add(f"{family.group}/{family.bits}", interface=other)
    assert station.internet.flow(group, 17).interface is other
    with pytest.raises(OSError, match=strerror(ENETUNREACH)):
        lab.station().internet.flow(group, 17)


def test_the_path_mtu_follows_the_interface(host: Any, family: Any) -> None:
    flow = host.internet.flow(parse_address(family.elsewhere), 17)
    interface = host.internet.interfaces["eth0"]
    interface.mtu = 1400
    assert flow.mtu == 1400


def test_a_cut_off_interface_is_no_error_of_the_flow(host: Any, family: Any) -> None:
    host.internet.interfaces["eth0"].up = False
    host.internet.flow(parse_address(family.elsewhere), 17).send(b"headhead", b"")
    assert host.counts == {"ethernet: no carrier": 1}
