from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops, Engine
from glassnet.glass.capture import Capture
from glassnet.glass.pcapng import Reader, Writer
from glassnet.glass.recording import Recording
from glassnet.network.internet import Internet
from glassnet.physical.cable import Cable

EPOCH = 1_735_689_600 * 10**9


class Pair:
    """Two hosts and a cable."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.a, self.b = (Internet(self.engine, name, Drops(self.engine, name)) for name in ("alpha", "beta"))
        self.ends = [self.plug(host, number) for number, host in enumerate((self.a, self.b), 1)]
        self.cable = Cable(self.engine, "alpha-beta", ends=("alpha", "beta"), rate=10**9, delay=1000)
        self.cable.plug(*self.ends)

    def plug(self, host: Internet, number: int) -> Interface:
        mac = bytes([2, 0, 0, 0, 0, number])
        interface = Interface(self.engine, "eth0", mac, drops=host.drops, owner=host.name, index=2)
        host.attach(interface)
        host.add_address(interface, f"192.0.2.{number}/24")
        host.add_address(interface, f"2001:db8::{number}/64")
        return interface

    def send(self, payload: bytes) -> None:
        a, b = self.ends
        a.send(b.mac + a.mac + b"\x88\xb5" + payload)
        self.engine.run()

    def talk_to_itself(self) -> None:
        self.a.loopback.send(bytes(12) + b"\x88\xb5" + bytes(60))
        self.engine.run()


def test_a_frame_is_recorded_where_it_was_sent_and_where_it_came_in(tmp_path: Path) -> None:
    net = Pair()
    with Capture(tmp_path / "x.pcapng", [net.a, net.b], epoch=EPOCH) as capture:
        net.send(b"one")
        net.cable.cut()
        net.send(b"two")
    net.send(b"three")
    with capture.path.open("rb") as file:
        reader = Reader(file)
        packets = list(reader)
    assert [(p.interface.name, p.direction, p.data[14:17]) for p in packets] == [
        ("alpha.eth0", "tx", b"one"),
        ("beta.eth0", "rx", b"one"),
        ("alpha.eth0", "tx", b"two"),
    ]
    assert [p.time for p in packets[:2]] == [EPOCH, EPOCH + 1000 + (60 + 12) * 8]
    assert [(i.name, i.mac, i.speed) for i in reader.interfaces] == [
        ("alpha.eth0", net.ends[0].mac, 10**9),
        ("beta.eth0", net.ends[1].mac, 10**9),
    ]
    assert reader.interfaces[0].description == "interface eth0 of host alpha"
    assert {str(ip_address(address)): names for address, names in reader.names.items()} == {
        "192.0.2.1": ("alpha",),
        "2001:db8::1": ("alpha",),
        "fe80::ff:fe00:1": ("alpha",),
        "192.0.2.2": ("beta",),
        "2001:db8::2": ("beta",),
        "fe80::ff:fe00:2": ("beta",),
    }


def test_loopback_is_there_only_if_it_was_used(tmp_path: Path) -> None:
    net = Pair()
    with Capture(tmp_path / "x.pcapng", [net.a]) as capture:
        net.talk_to_itself()
        net.talk_to_itself()
    with capture.path.open("rb") as file:
        reader = Reader(file)
        packets = list(reader)
    assert [interface.name for interface in reader.interfaces] == ["alpha.eth0", "alpha.lo"]
    assert [packet.interface.name for packet in packets] == ["alpha.lo"] * 2


def test_hosts_interfaces_and_addresses_that_come_later(tmp_path: Path) -> None:
    net = Pair()
    with Capture(tmp_path / "x.pcapng", [net.a]) as capture:
        capture.add(net.b)
        capture.add(net.b)
        net.b.add_address(net.ends[1], "192.0.2.77/24")
        net.send(b"one")
    with capture.path.open("rb") as file:
        reader = Reader(file)
        assert len(list(reader)) == 2
    assert reader.names[bytes([192, 0, 2, 77])] == ("beta",)
    assert reader.names[bytes([192, 0, 2, 2])] == ("beta",)


def test_closing_ends_it_and_twice_is_once(tmp_path: Path) -> None:
    net = Pair()
    capture = Capture(tmp_path / "x.pcapng", [net.a, net.b])
    capture.close()
    capture.close()
    net.send(b"x")
    assert net.ends[0].taps == []
    assert repr(capture) == f"<Capture {tmp_path / 'x.pcapng'} closed>"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Capture(tmp_path / "nowhere" / "x.pcapng")


def test_the_same_frames_make_the_same_file(tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        net = Pair()
        with Capture(tmp_path / f"{number}.pcapng", [net.a, net.b], epoch=EPOCH) as capture:
            net.send(b"x")
        digests.add(hashlib.sha256(capture.path.read_bytes()).hexdigest())
    assert len(digests) == 1


def tshark(*arguments: str | Path) -> str:
    program = shutil.which("tshark")
    if program is None:
        message = "tshark is not installed: apt install tshark"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=True)
    complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    assert complaints == []
    return done.stdout


def test_wireshark_reads_it(tmp_path: Path) -> None:
    net = Pair()
    with Capture(tmp_path / "x.pcapng", [net.a, net.b], epoch=EPOCH) as capture:
        net.send(b"one")
        net.talk_to_itself()
    fields = (
        "frame.interface_name",
        "frame.interface_description",
        "frame.packet_flags_direction",
        "frame.time_epoch",
        "frame.len",
        "eth.src",
    )
    options = [part for field in fields for part in ("-e", field)]
    printed = tshark("-r", capture.path, "-T", "fields", "-E", "separator=|", *options)
    assert printed.splitlines() == [
        "alpha.eth0|interface eth0 of host alpha|0x00000002|1735689600.000000000|60|02:00:00:00:00:01",
        "beta.eth0|interface eth0 of host beta|0x00000001|1735689600.000001576|60|02:00:00:00:00:01",
        "alpha.lo|interface lo of host alpha|0x00000001|1735689600.000001576|74|00:00:00:00:00:00",
    ]


def test_wireshark_finds_the_names_and_nothing_wrong(tmp_path: Path, page: Any) -> None:
    path = tmp_path / "page.pcapng"
    with path.open("wb") as file:
        writer = Writer(file)
        interfaces = {name: writer.interface(f"{name}.eth0", speed=10**9) for name in ("client", "server")}
        writer.names([(bytes([192, 0, 2, 1]), ["client"]), (bytes([198, 51, 100, 7]), ["server"])])
        for sighting in sorted(page.seen, key=lambda seen: seen.time):
            time = EPOCH + sighting.time
            writer.frame(interfaces[sighting.host], time, sighting.direction, sighting.frame)
        writer.flush()
    checks = [part for layer in ("ip", "tcp") for part in ("-o", f"{layer}.check_checksum:TRUE")]
    client = 'frame.interface_name == "client.eth0"'
    one_side: list[str | Path] = ["-r", path, *checks, "-N", "n", "-Y", client]
    printed = tshark(*one_side, "-T", "fields", "-e", "ip.src_host", "-e", "tcp.checksum.status")
    assert set(printed.splitlines()) == {"client\t1", "server\t1"}
    assert tshark("-r", path, *checks, "-Y", "_ws.malformed || _ws.expert.severity == error") == ""


def test_a_recording_keeps_what_was_seen() -> None:
    net = Pair()
    with Recording([net.a, net.b]) as recording:
        net.send(b"one")
    net.send(b"two")
    assert recording.watched == ("alpha", "beta")
    assert recording.names[bytes([192, 0, 2, 2])] == "beta"
    assert [(s.time, s.host, s.interface, s.direction) for s in recording.sightings] == [
        (0, "alpha", "eth0", "tx"),
        (1576, "beta", "eth0", "rx"),
    ]
    assert {s.frame[14:17] for s in recording.sightings} == {b"one"}
    assert net.ends[0].taps == []
