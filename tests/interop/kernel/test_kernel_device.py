"""The TAP device itself: what becomes of it on the kernel's side, and of us."""

from __future__ import annotations

import os
import socket
import time

import pytest

import glassnet

OURS, THEIRS, DEVICE = "192.0.2.1", "192.0.2.2", "tap0"
PORT = 5001


def devices(kernel) -> list[str]:
    return [line.split()[0] for line in kernel.namespace.run("ip", "-brief", "link").splitlines()]


def send_datagrams() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            sock.sendto(b"x", (THEIRS, PORT))
            time.sleep(0.001)


def test_the_kernel_pings_our_host(kernel, program):
    ping = program("ping", "iputils-ping")
    there = kernel()
    for address in (OURS, "2001:db8::1"):
        for size in (56, 5000):
            process = there.namespace.start(
                ping, "-q", "-c", "3", "-i", "0.01", "-W", "10", "-s", str(size), address
            )
            assert "3 received" in there.ended(process)


def test_the_device_goes_with_the_network(kernel):
    there = kernel()
    assert DEVICE in devices(there)
    there.net.close()
    assert DEVICE not in devices(there)


def test_the_device_is_switched_off_and_on_again(kernel):
    there = kernel()
    there.host.start(send_datagrams)
    there.wait(lambda: there.tap.tx_frames > 10, "what our host sends")
    there.namespace.run("ip", "link", "set", DEVICE, "down")
    there.wait(lambda: "tap: device is down" in there.net.drops(), "the refusal")
    there.namespace.run("ip", "link", "set", DEVICE, "up")
    before = there.tap.tx_frames
    there.wait(lambda: there.tap.tx_frames > before + 10, "what our host sends")


def test_the_device_is_deleted(kernel):
    there = kernel()
    there.host.start(send_datagrams)
    there.wait(lambda: there.tap.tx_frames > 10, "what our host sends")
    there.namespace.run("ip", "link", "delete", DEVICE)
    there.wait(lambda: "tap: device is gone" in there.net.drops(), "word that it is gone")
    there.wait(lambda: "tap: closed" in there.net.drops(), "what our host sends after that")
    assert repr(there.tap) == "<Tap tap0 closed>"


def test_a_device_that_another_has_open(kernel):
    there = kernel()
    with pytest.raises(glassnet.GlassnetError, match=r"'tap0' in the network .* another program"):
        there.net.tap(there.net.host("second"), DEVICE, namespace=there.namespace.pid)


def test_an_interface_that_is_no_tap_device(kernel):
    there = kernel()
    there.namespace.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
    with pytest.raises(glassnet.GlassnetError, match=r"'veth0'.*it is no TAP device"):
        there.net.tap(there.net.host("second"), "veth0", namespace=there.namespace.pid)


def test_a_device_that_was_made_for_us_stays(kernel):
    there = kernel()
    there.namespace.run("ip", "tuntap", "add", "tap9", "mode", "tap", "user", str(os.geteuid()))
    path = f"/proc/{there.namespace.pid}/ns/net"
    cable = there.net.tap(there.net.host("second"), "tap9", namespace=path, prefix="198.51.100.0/24")
    assert cable.b.addresses == ("198.51.100.2/24",)
    there.net.close()
    assert "tap9" in devices(there)


def test_this_process_stays_in_its_own_namespace(kernel):
    before = os.readlink("/proc/self/ns/net")
    there = kernel()
    assert os.readlink("/proc/self/ns/net") == before
    assert os.readlink(f"/proc/{there.namespace.pid}/ns/net") != before
