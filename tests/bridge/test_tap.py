"""The TAP device without a kernel: the other end of its descriptor is ours."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

import glassnet
from glassnet.bridge import Tap, tap
from glassnet.bridge.virtio import HEADER, completed, split_order
from glassnet.wire.checksum import is_valid, ones_sum, pseudo_sum
from glassnet.wire.errors import WireError
from glassnet.wire.foreign import Foreign
from glassnet.wire.large import LARGEST, large

PREFIXES = ("192.0.2.0/24", "2001:db8::/64")
NEEDS_CSUM, DATA_VALID = 1, 2


class Kernel:
    """Where the kernel would be."""

    def __init__(self) -> None:
        self.opened: list[Any] = []
        self.ends: list[socket.socket] = []

    def open(self, *arguments: Any) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.opened.append(arguments)
        self.ends.append(theirs)
        return ours.detach()

    @property
    def theirs(self) -> socket.socket:
        return self.ends[-1]

    def close(self) -> None:
        for end in self.ends:
            end.close()

    def take(self) -> list[tuple[tuple[int, ...], bytes]]:
        found = []
        while True:
            try:
                data = self.theirs.recv(1 << 17)
            except BlockingIOError:
                return found
            found.append((HEADER.unpack_from(data), data[HEADER.size :]))

    def give(self, header: tuple[int, ...], frame: bytes) -> None:
        self.theirs.send(HEADER.pack(*header) + frame)


@pytest.fixture
def kernel(monkeypatch):
    made = Kernel()
    monkeypatch.setattr(tap, "open_device", made.open)
    yield made
    made.close()


@pytest.fixture
def net():
    with glassnet.Network(seed=1, clock="real") as net:
        yield net


def ipv4_frame(host: bytes, segment: bytes, protocol: int = 6) -> bytes:
    source, destination = bytes((192, 0, 2, 2)), bytes((192, 0, 2, 1))
    header = bytearray(
        b"\x45\0" + (20 + len(segment)).to_bytes(2, "big") + bytes((0, 0, 0, 0, 64, protocol, 0, 0))
    )
    header += source + destination
    header[10:12] = (-ones_sum(bytes(header)) % 0xFFFF).to_bytes(2, "big")
    return host + b"\x02\0\0\0\0\x09" + b"\x08\0" + bytes(header) + segment


def tcp_segment(payload: bytes, checksum: int = 0, flags: int = 0x10) -> bytes:
    return bytes((0x13, 0x88, 0x13, 0x89, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0xFF, 0xFF)) + (
        checksum.to_bytes(2, "big") + b"\0\0" + payload
    )


def test_a_checksum_left_to_us_is_completed():
    payload = bytes(range(201))
    pseudo = pseudo_sum(b"\xc0\0\x02\x02", b"\xc0\0\x02\x01", 6, 20 + len(payload)) % 0xFFFF
    frame = ipv4_frame(b"\x02\0\0\0\0\x01", tcp_segment(payload, pseudo))
    whole = completed(frame, 34, 16)
    assert type(whole) is bytes
    assert whole[:50] + whole[52:] == frame[:50] + frame[52:]
    assert is_valid(whole[34:], pseudo)


@pytest.mark.parametrize(("offset", "written"), [(16, 0), (6, 0xFFFF)], ids=["TCP", "UDP"])
def test_a_checksum_of_zero_is_another_for_udp(offset, written):
    """RFC 1624 for TCP, RFC 768 for UDP, where zero says that there is none."""
    frame = bytearray(100)
    frame[60:62] = b"\xff\xff"  # all that is covered adds up to minus zero
    whole = completed(bytes(frame), 34, offset)
    assert int.from_bytes(whole[34 + offset : 36 + offset], "big") == written


@pytest.mark.parametrize(("start", "offset"), [(0, 16), (34, 30), (60, 0), (65535, 65535)])
def test_a_checksum_beyond_the_frame_is_refused(start, offset):
    with pytest.raises(WireError, match="checksum beyond the frame"):
        completed(bytes(60), start, offset)


def test_a_run_over_ipv4_is_ordered_to_be_cut():
    frame = large(ipv4_frame(b"\x02\0\0\0\0\x01", tcp_segment(bytes(3000))), 1448)
    header, place, pseudo = split_order(frame)
    assert HEADER.unpack(header) == (NEEDS_CSUM, 1, 54, 1448, 34, 16)
    assert place == 50
    assert int.from_bytes(pseudo, "big") == pseudo_sum(b"\xc0\0\x02\x02", b"\xc0\0\x02\x01", 6, 3020) % 0xFFFF


def test_a_run_over_ipv6_with_cwr_is_ordered_to_be_cut():
    segment = tcp_segment(bytes(3000), flags=0x90)
    addresses = bytes(range(32))
    packet = b"\x60\0\0\0" + len(segment).to_bytes(2, "big") + bytes((6, 64)) + addresses + segment
    header, place, pseudo = split_order(large(bytes(12) + b"\x86\xdd" + packet, 1428))
    assert HEADER.unpack(header) == (NEEDS_CSUM, 4 | 0x80, 74, 1428, 54, 16)
    assert place == 70
    expected = pseudo_sum(addresses[:16], addresses[16:], 6, len(segment)) % 0xFFFF
    assert int.from_bytes(pseudo, "big") == expected


def test_a_run_of_something_else_is_refused():
    with pytest.raises(WireError, match="unknown protocol"):
        split_order(large(bytes(12) + b"\x08\x06" + bytes(100), 10))


@pytest.mark.parametrize("clock", ["virtual", "scaled"])
def test_a_kernel_keeps_real_time(kernel, clock):
    with glassnet.Network(clock=clock) as net:
        host = net.host("a")
        with pytest.raises(glassnet.GlassnetError, match="clock='real'"):
            net.tap(host, namespace="lab")
        assert kernel.opened == []


def test_a_host_and_the_kernel_get_addresses_of_one_network(net, kernel):
    host = net.host("a")
    cable = net.tap(host, "tap7", namespace="lab", prefix=PREFIXES)
    assert host.addresses == ["192.0.2.1", "2001:db8::1"]
    assert isinstance(cable.b, Tap)
    assert cable.b.addresses == ("192.0.2.2/24", "2001:db8::2/64")
    assert kernel.opened == [("tap7", "lab", HEADER.size, 7)]
    assert cable.name == "a-tap7"


def test_runs_are_only_for_a_host_at_a_cable_that_does_nothing(net, kernel):
    def offload(node, **conditions):
        return net.tap(node, namespace="lab", **conditions).b.offload

    assert offload(net.host("a")) == LARGEST
    assert offload(net.host("b"), loss="1%") == 0
    assert offload(net.host("c"), rate="1Gbps") == 0
    assert offload(net.router("d")) == 0
    assert offload(net.switch("e")) == 0


def test_a_cable_that_turns_bad_carries_no_runs(net, kernel):
    cable = net.tap(net.host("a"), namespace="lab")
    interface = cable.a
    assert interface.large == LARGEST
    cable.set(loss="1%")
    assert interface.large == 0
    cable.set(loss=0, rate="1Gbps")
    assert interface.large == 0
    cable.set(rate=None)
    assert interface.large == LARGEST
    cable.cut()
    assert interface.large == 0


def test_what_the_kernel_vouches_for_is_trusted_and_nothing_else(net, kernel):
    host = net.host("a")
    cable = net.tap(host, namespace="lab", prefix=PREFIXES)
    seen: list[bytes] = []
    cable.a.taps.append(lambda time, interface, direction, frame: seen.append(frame))
    frame = ipv4_frame(cable.a.mac, tcp_segment(bytes(100), 0x1234))
    kernel.give((0, 0, 0, 0, 0, 0), frame)
    kernel.give((DATA_VALID, 0, 0, 0, 0, 0), frame)
    pseudo = pseudo_sum(b"\xc0\0\x02\x02", b"\xc0\0\x02\x01", 6, 120) % 0xFFFF
    partial = ipv4_frame(cable.a.mac, tcp_segment(bytes(100), pseudo))
    kernel.give((NEEDS_CSUM, 0, 0, 0, 34, 16), partial)
    kernel.give((NEEDS_CSUM, 0, 0, 0, 340, 16), partial)
    kernel.give((0, 0, 0, 0, 0, 0), frame[:40])
    net.run(for_="5ms")
    came = [each for each in seen if each[6:12] == b"\x02\0\0\0\0\x09"]
    assert [type(each) for each in came] == [Foreign, bytes, bytes, Foreign]
    assert is_valid(came[2][34:], pseudo)
    assert len(came[3]) == 60
    assert net.drops()["tcp: checksum"] == 1, "the first, which nobody vouches for"
    assert net.drops()["tap: checksum beyond the frame"] == 1


def test_a_run_from_the_kernel_is_longer_than_the_mtu(net, kernel):
    cable = net.tap(net.host("a"), namespace="lab", prefix=PREFIXES)
    frame = ipv4_frame(cable.a.mac, tcp_segment(bytes(60000)))
    kernel.give((NEEDS_CSUM, 1, 54, 1448, 34, 16), frame)
    net.run(for_="5ms")
    assert net.drops() == {"tcp: no such connection": 1}, "and so it came up to TCP"


def test_frames_go_to_the_kernel_as_they_are(net, kernel):
    host = net.host("a")
    cable = net.tap(host, namespace="lab", prefix=PREFIXES)

    def speak() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("192.0.2.2", 9))

    host.run(speak)
    net.run(for_="5ms")
    (header, frame), *_ = [each for each in kernel.take() if each[1][12:14] == b"\x08\x06"]
    assert header == (0, 0, 0, 0, 0, 0)
    assert frame[:12] == b"\xff" * 6 + cable.a.mac
    assert len(frame) == 60


def test_a_damaged_frame_is_for_the_kernel_to_judge(net, kernel):
    device = net.tap(net.host("a"), namespace="lab").b
    device.receive_damaged(bytes(70) + b"fcs!")
    assert kernel.take() == [((0, 0, 0, 0, 0, 0), bytes(70))]


def test_what_the_kernel_does_not_take_is_counted(net, kernel):
    device = net.tap(net.host("a"), namespace="lab").b
    for _ in range(20000):
        device.receive(bytes(1000))
    taken = len(kernel.take())
    assert device.drops.counts == {"tap: the kernel has no room": 20000 - taken}
    device.close()
    device.close()
    device.receive(bytes(60))
    assert device.drops.counts["tap: closed"] == 1
    assert device not in net.engine.outside.awaiting


def test_closing_the_network_lets_go_of_the_device(kernel):
    with glassnet.Network(clock="real") as net:
        net.tap(net.host("a"), namespace="lab")
    assert kernel.theirs.recv(1) == b""


@pytest.mark.parametrize("name", ["", "a/b", "a b", "sixteen-letters!"])
def test_a_bad_name_is_refused(net, name):
    with pytest.raises(ValueError, match="expected a name"):
        net.tap(net.host("a"), name, namespace="lab")


@pytest.mark.parametrize("namespace", ["no-such-namespace", "/no/such/namespace", 4194305])
def test_a_namespace_that_is_not_there(net, namespace):
    with pytest.raises(glassnet.GlassnetError, match="network namespace"):
        net.tap(net.host("a"), namespace=namespace)


def failing(code: int) -> Any:
    def fail(*arguments: object) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOENT, "No such file or directory: as root: modprobe tun"),
        (errno.EACCES, "Permission denied: be root"),
        (errno.EPERM, "Operation not permitted: this container may not use it"),
        (errno.ENODEV, "No such device: the kernel has no tun driver"),
        (errno.ENXIO, "No such device or address: the kernel has no tun driver"),
        (errno.ENOTDIR, "Not a directory: it takes Linux with the tun driver"),
    ],
)
def test_without_the_driver_the_remedy_is_told(net, monkeypatch, code, remedy):
    monkeypatch.setattr("glassnet.bridge.device.os.open", failing(code))
    with pytest.raises(glassnet.GlassnetError, match=f"TAP device 'tap3': /dev/net/tun: {remedy}"):
        net.tap(net.host("a"), "tap3", namespace=None)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EPERM, "Operation not permitted: be root, or .*: ip tuntap add tap3 mode tap user YOU"),
        (errno.EBUSY, "Device or resource busy: another program has it open"),
        (errno.EINVAL, "Invalid argument: there is an interface of that name, and it is no TAP device"),
        (errno.ENOMEM, "Cannot allocate memory: the kernel will not have it"),
    ],
)
def test_a_device_that_the_kernel_refuses(net, monkeypatch, code, remedy):
    """And what was opened for it is closed again."""
    opened: list[int] = []

    def open_(*arguments: object) -> int:
        opened.append(os.memfd_create("tun"))
        return opened[-1]

    monkeypatch.setattr("glassnet.bridge.device.os.open", open_)
    monkeypatch.setattr("glassnet.bridge.device.ioctl", failing(code))
    with pytest.raises(glassnet.GlassnetError, match=f"TAP device 'tap3': {remedy}"):
        net.tap(net.host("a"), "tap3", namespace=None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
    assert [cable.name for cable in net.cables] == []


def test_a_namespace_that_may_not_be_entered(net, monkeypatch, tmp_path):
    """A file that is no namespace: setns(2) refuses it, with or without root."""
    other = tmp_path / "file"
    other.touch()
    with pytest.raises(glassnet.GlassnetError, match=r"/file'?: (Invalid argument|Operation not permitted)"):
        net.tap(net.host("a"), namespace=str(other))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EIO, "tap: device is down"),
        (errno.EINVAL, "tap: the kernel finds it malformed"),
        (errno.ENOBUFS, "tap: the kernel has no room"),
    ],
)
def test_each_refusal_has_its_reason(net, kernel, monkeypatch, code, reason):
    device = net.tap(net.host("a"), namespace="lab").b
    monkeypatch.setattr("glassnet.bridge.tap.os.writev", failing(code))
    device.receive(bytes(60))
    assert device.drops.counts == {reason: 1}
    assert device.tx_frames == 0


def test_a_refusal_that_cannot_be_is_not_hidden(net, kernel, monkeypatch):
    device = net.tap(net.host("a"), namespace="lab").b
    monkeypatch.setattr("glassnet.bridge.tap.os.writev", failing(errno.EFAULT))
    with pytest.raises(OSError, match="Bad address"):
        device.receive(bytes(60))


@pytest.mark.parametrize("code", [errno.EIO, errno.EBADFD])
def test_a_device_that_is_deleted_is_let_go(net, kernel, monkeypatch, code):
    cable = net.tap(net.host("a"), namespace="lab", prefix=PREFIXES)
    monkeypatch.setattr("glassnet.bridge.tap.os.read", failing(code))
    kernel.give((0, 0, 0, 0, 0, 0), bytes(60))
    net.run(for_="5ms")
    assert net.drops() == {"tap: device is gone": 1}
    assert repr(cable.b) == "<Tap tap0 closed>"
    assert cable.b not in net.engine.outside.awaiting
