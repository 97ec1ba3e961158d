from typing import Any

from glassnet.datalink import LoopbackInterface
from glassnet.engine import Drops, Engine

IPV4 = b"\x08\x00"
FRAME = bytes(12) + IPV4 + b"hello"


def make() -> tuple[Engine, LoopbackInterface, list[tuple[int, bytes, int]]]:
    engine = Engine()
    loopback = LoopbackInterface(engine, drops=Drops(engine, "web"), owner="web")
    got: list[tuple[int, bytes, int]] = []
    loopback.handlers[IPV4] = lambda frame, offset, interface: got.append((engine.now, frame, offset))
    return engine, loopback, got


def test_what_is_sent_is_received_as_the_next_event() -> None:
    engine, loopback, got = make()
    engine.run(until=50)
    loopback.send(FRAME)
    assert got == []
    engine.run()
    assert got == [(50, FRAME, 14)]
    assert got[0][1] is FRAME
    assert (loopback.tx_frames, loopback.tx_bytes, loopback.rx_frames, loopback.rx_bytes) == (1, 19, 1, 19)


def test_its_settings_are_those_of_linux() -> None:
    _, loopback, _ = make()
    assert (loopback.name, loopback.mtu, loopback.mac, loopback.up, loopback.carrier) == (
        "lo",
        65536,
        bytes(6),
        True,
        True,
    )


def test_any_destination_is_accepted() -> None:
    engine, loopback, got = make()
    loopback.send(b"\xff" * 6 + FRAME[6:])
    loopback.send(b"\x02" * 6 + FRAME[6:])
    engine.run()
    assert len(got) == 2


def test_switched_off_it_neither_sends_nor_receives() -> None:
    engine, loopback, got = make()
    loopback.send(FRAME)
    loopback.up = False
    assert not loopback.carrier
    loopback.send(FRAME)
    engine.run()
    assert got == []
    assert loopback.drops.counts == {"ethernet: no carrier": 1, "ethernet: interface down": 1}


def test_refusals_have_reasons() -> None:
    engine, loopback, got = make()
    loopback.send(b"")
    loopback.send(bytes(12) + b"\x12\x34")
    loopback.send(FRAME + bytes(65536))
    engine.run()
    assert got == []
    assert loopback.drops.counts == {
        "ethernet: runt": 1,
        "ethernet: unknown ethertype": 1,
        "ethernet: giant": 1,
    }


def test_taps_see_a_frame_once() -> None:
    engine, loopback, _ = make()
    seen: list[Any] = []
    loopback.taps.append(lambda *args: seen.append(args))
    loopback.send(FRAME)
    engine.run()
    assert seen == [(0, loopback, "rx", FRAME)]
