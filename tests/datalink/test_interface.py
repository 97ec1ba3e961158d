from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.datalink import Interface
from glassnet.engine import Drops, Engine
from glassnet.physical import Cable
from glassnet.physical.framing import with_fcs
from glassnet.wire.foreign import Foreign

Make = Callable[..., Interface]

OWN = b"\x02\x00\x00\x00\x00\x01"
PEER = b"\x02\x00\x00\x00\x00\x02"
BROADCAST = b"\xff" * 6
GROUP = b"\x33\x33\x00\x00\x00\x01"
IPV4 = b"\x08\x00"


def frame_to(destination: bytes = OWN, ethertype: bytes = IPV4, payload: bytes = bytes(46)) -> bytes:
    return destination + PEER + ethertype + payload


def receiving(make: Make, **settings: Any) -> tuple[Interface, list[tuple[bytes, int]]]:
    interface = make(**settings)
    got: list[tuple[bytes, int]] = []

    def handler(frame: bytes, offset: int, arrived: Interface) -> None:
        assert arrived is interface
        got.append((frame, offset))

    interface.handlers[IPV4] = handler
    return interface, got


# --- sending


def test_frames_go_to_the_lane_untouched(interface: Make, wire: Any) -> None:
    sender = interface()
    sender.lane = lane = wire()
    frame = frame_to(PEER, payload=bytes(100))
    sender.send(frame)
    assert lane.sent[0] is frame
    assert (sender.tx_frames, sender.tx_bytes) == (1, 114)


@pytest.mark.parametrize("size", [0, 1, 14, 59, 60, 61])
@pytest.mark.parametrize("kind", [bytes, Foreign])
@pytest.mark.parametrize("tapped", [False, True])
def test_short_frames_are_padded_and_stay_what_they_are(
    interface: Make, wire: Any, size: int, kind: type[bytes], tapped: bool
) -> None:
    sender = interface()
    sender.lane = lane = wire()
    seen: list[bytes] = []
    if tapped:
        sender.taps.append(lambda time, interface, direction, frame: seen.append(frame))
    sender.send(kind(b"x" * size))
    assert lane.sent == [b"x" * size + bytes(max(60 - size, 0))]
    assert type(lane.sent[0]) is kind
    assert seen == (lane.sent if tapped else [])
    assert sender.tx_bytes == max(size, 60)


def test_without_cable_or_switched_off_there_is_no_carrier(interface: Make, wire: Any) -> None:
    sender = interface()
    sender.send(bytes(60))
    assert not sender.carrier
    sender.lane = lane = wire()
    assert sender.carrier
    sender.up = False
    assert not sender.carrier
    sender.send(bytes(60))
    assert lane.sent == []
    assert sender.drops.counts == {"ethernet: no carrier": 2}
    sender.up = True
    sender.send(bytes(60))
    assert len(lane.sent) == 1
    lane.up = False
    assert not sender.carrier


def test_counts_go_on_over_a_change_of_cable(interface: Make) -> None:
    engine = Engine()
    a, b, c = (interface(last, engine=engine) for last in (1, 2, 3))
    first, second = Cable(engine, "first"), Cable(engine, "second")
    first.plug(a, b)
    a.send(bytes(100))
    a.send(bytes(100))
    first.unplug()
    assert (a.tx_frames, a.tx_bytes) == (2, 200)
    second.plug(a, c)
    a.send(bytes(60))
    assert (a.tx_frames, a.tx_bytes) == (3, 260)
    assert (b.tx_frames, c.tx_frames) == (0, 0)
    second.unplug()
    first.plug(c, a)
    assert (a.tx_frames, c.tx_frames) == (3, 0), "what others sent over the cable before is not counted"


def test_what_the_queue_refuses_is_not_counted_as_sent(interface: Make) -> None:
    engine = Engine()
    a, b = interface(1, engine=engine), interface(2, engine=engine)
    Cable(engine, "c", rate=10**6, queue=0).plug(a, b)
    a.send(bytes(60))
    a.send(bytes(60))
    assert a.tx_frames == 1


# --- receiving


@pytest.mark.parametrize("destination", [OWN, BROADCAST, GROUP])
@pytest.mark.parametrize("tapped", [False, True])
def test_frames_for_this_host_reach_the_handler(interface: Make, destination: bytes, tapped: bool) -> None:
    receiver, got = receiving(interface)
    receiver.join(GROUP)
    if tapped:
        receiver.taps.append(lambda *_: None)
    frame = frame_to(destination)
    receiver.receive(frame)
    assert got == [(frame, 14)]
    assert got[0][0] is frame
    assert (receiver.rx_frames, receiver.rx_bytes) == (1, 60)
    assert receiver.drops.counts == {}


def test_frames_for_others_are_counted_and_left(interface: Make) -> None:
    receiver, got = receiving(interface)
    for destination in (PEER, GROUP, b"\x01\x00\x5e\x00\x00\x01"):
        receiver.receive(frame_to(destination))
    assert got == []
    assert receiver.rx_other_host == 3
    assert receiver.rx_frames == 3
    assert receiver.drops.counts == {}


def test_groups_are_joined_and_left_as_often(interface: Make) -> None:
    receiver, got = receiving(interface)
    receiver.join(GROUP)
    receiver.join(GROUP)
    receiver.leave(GROUP)
    receiver.receive(frame_to(GROUP))
    assert len(got) == 1
    receiver.leave(GROUP)
    receiver.receive(frame_to(GROUP))
    assert len(got) == 1
    assert receiver.groups == {}
    with pytest.raises(KeyError):
        receiver.leave(GROUP)


def test_a_priority_tag_is_unwrapped(interface: Make) -> None:
    receiver, got = receiving(interface)
    frame = frame_to(ethertype=b"\x81\x00\xe0\x00" + IPV4)
    receiver.receive(frame)
    assert got == [(frame, 18)]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "ethernet: runt"),
        (OWN, "ethernet: runt"),
        (OWN + PEER + b"\x08", "ethernet: runt"),
        (frame_to(ethertype=b"\x81\x00", payload=b""), "ethernet: runt"),
        (frame_to(ethertype=b"\x81\x00\x00\x00\x08", payload=b""), "ethernet: runt"),
        (frame_to(ethertype=b"\x81\x00\x00\x07" + IPV4), "ethernet: unknown VLAN"),
        (frame_to(ethertype=b"\x81\x00\x01\x00" + IPV4), "ethernet: unknown VLAN"),
        (frame_to(ethertype=b"\x00\x26"), "ethernet: 802.3 length"),
        (frame_to(ethertype=b"\x05\xdc"), "ethernet: 802.3 length"),
        (frame_to(ethertype=b"\x88\xa8\x00\x00" + IPV4), "ethernet: unknown ethertype"),
        (frame_to(ethertype=b"\x86\xdd"), "ethernet: unknown ethertype"),
        (frame_to(payload=bytes(1501)), "ethernet: giant"),
        (frame_to(BROADCAST, payload=bytes(1504)), "ethernet: giant"),
        (frame_to(ethertype=b"\x81\x00\x00\x00" + IPV4, payload=bytes(1501)), "ethernet: giant"),
    ],
)
def test_what_is_refused_and_why(interface: Make, frame: bytes, reason: str) -> None:
    receiver, got = receiving(interface)
    receiver.receive(frame)
    assert got == []
    assert receiver.drops.counts == {reason: 1}
    assert receiver.rx_frames == 1


def test_the_longest_payload_is_the_mtu_beside_a_tag(interface: Make) -> None:
    receiver, got = receiving(interface)
    receiver.receive(frame_to(payload=bytes(1500)))
    receiver.receive(frame_to(ethertype=b"\x81\x00\x00\x00" + IPV4, payload=bytes(1500)))
    receiver.mtu = 9000
    receiver.receive(frame_to(payload=bytes(9000)))
    receiver.mtu = 1280
    receiver.receive(frame_to(payload=bytes(1281)))
    assert len(got) == 3
    assert receiver.drops.counts == {"ethernet: giant": 1}


def test_switched_off_nothing_is_received_or_counted(interface: Make) -> None:
    receiver, got = receiving(interface)
    seen: list[Any] = []
    receiver.taps.append(lambda *args: seen.append(args))
    receiver.up = False
    for destination in (OWN, BROADCAST):
        receiver.receive(frame_to(destination))
    assert (got, seen, receiver.rx_frames) == ([], [], 0)
    assert receiver.drops.counts == {"ethernet: interface down": 2}
    receiver.up = True
    receiver.receive(frame_to())
    assert len(got) == len(seen) == 1


def test_taps_see_all_that_comes_and_goes(interface: Make, wire: Any) -> None:
    engine = Engine()
    receiver, got = receiving(interface, engine=engine)
    receiver.lane = wire()
    seen: list[Any] = []
    receiver.taps.append(lambda *args: seen.append(args))
    engine.run(until=77)
    sent, other, runt = bytes(60), frame_to(PEER), b"short"
    receiver.send(sent)
    receiver.receive(other)
    receiver.receive(runt)
    assert seen == [(77, receiver, "tx", sent), (77, receiver, "rx", other), (77, receiver, "rx", runt)]
    assert got == []


def test_a_changed_address_holds_at_once(interface: Make) -> None:
    receiver, got = receiving(interface)
    receiver.mac = PEER
    receiver.receive(frame_to(OWN))
    receiver.receive(frame_to(PEER))
    assert [frame[:6] for frame, _ in got] == [PEER]


def test_injected_frames_are_foreign(interface: Make) -> None:
    receiver, got = receiving(interface)
    receiver.inject(frame_to())
    assert type(got[0][0]) is Foreign


# --- bit errors


def test_a_failing_check_sequence_is_counted_and_dropped(interface: Make) -> None:
    receiver, got = receiving(interface)
    bits = bytearray(with_fcs(frame_to()))
    bits[20] ^= 4
    receiver.receive_damaged(bytes(bits))
    assert got == []
    assert receiver.rx_crc_errors == 1
    assert receiver.rx_frames == 0
    assert receiver.drops.counts == {"ethernet: frame check sequence": 1}


def test_a_touched_frame_that_passes_is_foreign(interface: Make) -> None:
    receiver, got = receiving(interface)
    receiver.receive_damaged(with_fcs(frame_to()))
    assert [(bytes(frame), offset) for frame, offset in got] == [(frame_to(), 14)]
    assert type(got[0][0]) is Foreign
    assert receiver.rx_crc_errors == 0


def test_bit_errors_on_a_cable_end_in_the_counters(interface: Make) -> None:
    engine = Engine(3)
    a, b = interface(1, engine=engine), interface(2, engine=engine)
    cable = Cable(engine, "c", rate=10**9, bit_errors=1e-4)
    cable.plug(a, b)
    for _ in range(2000):
        a.send(PEER + OWN + IPV4 + bytes(200))
    engine.run()
    assert b.rx_crc_errors == cable.towards("b").damaged > 200
    assert b.rx_frames == 2000 - b.rx_crc_errors
    assert b.drops.counts == {"ethernet: frame check sequence": b.rx_crc_errors}


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda rest: OWN + PEER + rest)))
def test_any_bytes_are_handled_dropped_or_left(interface: Make, data: bytes) -> None:
    for tapped in (False, True):
        receiver, got = receiving(interface)
        if tapped:
            receiver.taps.append(lambda *_: None)
        receiver.inject(data)
        assert len(got) + sum(receiver.drops.counts.values()) + receiver.rx_other_host == 1
        receiver.receive_damaged(data)


# --- settings


@pytest.mark.parametrize("mac", [b"", b"\x02" * 5, b"\x02" * 7, b"\x01\x00\x5e\x00\x00\x01", BROADCAST])
def test_an_address_is_six_octets_and_no_group(mac: bytes) -> None:
    engine = Engine()
    with pytest.raises(ValueError, match=r"web eth0.*mac=.*expected 6 octets"):
        Interface(engine, "eth0", mac, drops=Drops(engine, "web"), owner="web")


@pytest.mark.parametrize("mtu", [0, 67, 65537, -1])
def test_an_mtu_is_between_68_and_65536(interface: Make, mtu: int) -> None:
    with pytest.raises(ValueError, match=rf"host1 eth0.*mtu={mtu}: expected 68 to 65536"):
        interface(mtu=mtu)


def test_a_tap_may_end_itself(interface: Make) -> None:
    receiver, _ = receiving(interface)
    seen: list[str] = []

    def once(*_: object) -> None:
        seen.append("once")
        receiver.taps.remove(once)

    receiver.taps += [once, lambda *_: seen.append("always")]
    receiver.receive(frame_to())
    receiver.receive(frame_to())
    assert seen == ["once", "always", "always"]
