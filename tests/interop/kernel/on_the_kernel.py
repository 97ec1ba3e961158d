"""Plays one packetdrill script against the machine's kernel, over a TUN device: `on_the_kernel.py FILE`.

For a network namespace of its own. Prints what is not as the script says, and nothing if all
is. The exit status is 2 if the script asks for what a kernel does not have.

Time is real: a packet may be as late as a busy machine is, or by a tick of the kernel's clock too
early. PSH is not compared: the kernel sets it on segments in the middle of what was written too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from ipaddress import ip_address
from select import select

from glassnet.packetdrill import read_script
from glassnet.packetdrill.building import build_packet
from glassnet.packetdrill.calls import Calls
from glassnet.packetdrill.constants import errno_named
from glassnet.packetdrill.flags import read_flags
from glassnet.packetdrill.matching import differences
from glassnet.packetdrill.script import Call, Code, Packet, Segment, Shell
from glassnet.packetdrill.seen import Seen, show
from glassnet.packetdrill.shell import read_command
from glassnet.packetdrill.snippets import compiled
from glassnet.packetdrill.talks import Talks
from glassnet.packetdrill.tcp_info import CONSTANTS, unpack_tcp_info
from glassnet.wire.tcp import PSH, SYN, TcpSegment

S = 10**9
TICK = 4 * 10**6
EARLY, LATE = 3 * TICK, 60 * 10**6  # rounded three times; and the scheduler
SLACK = 8  # the kernel's timers are as much as an eighth of the time too late
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
NOT_FOR_THE_KERNEL = 2


def run(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode


def open_tun(flags):
    number = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(number, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    for each in ("default", "tun0"):
        run("sysctl", "-qw", f"net.ipv6.conf.{each}.accept_dad=0", f"net.ipv6.conf.{each}.addr_gen_mode=1")
    run("sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic")
    for words in (
        ["link", "set", "lo", "up"],
        ["addr", "add", flags.local, "dev", "tun0", *(["nodad"] if flags.wire_v6 else [])],
        ["link", "set", "tun0", "mtu", str(flags.mtu), "up"],
        ["-6" if flags.wire_v6 else "-4", "route", "add", "default", "dev", "tun0"],
    ):
        assert run("ip", *words) == 0, words
    return number


class Judge:
    def __init__(self, script):
        self.script = script
        self.flags = read_flags(script.flags)
        self.flags.stamp_tick = 0
        self.calls = Calls(self.flags)
        self.acts = {id(each): self.calls.prepare(each) for each in script.events if isinstance(each, Call)}
        local = ip_address(self.flags.local.partition("/")[0]).packed
        self.talks = Talks(local, ip_address(self.flags.remote).packed, self.flags)
        self.calls.listened, self.calls.bound = self.talks.listened, self.talks.bound
        self.variables = dict(CONSTANTS)
        self.sent = []
        for event in script.events:
            if isinstance(event, Shell):
                self.set(event)
        self.tun = open_tun(self.flags)
        for event in script.events:
            if isinstance(event, Shell):
                self.set(event)  # those that the device has of its own
        self.start = self.last = time.monotonic_ns()

    def set(self, event):
        for name, value in read_command(event).settings:
            name = name if name.startswith("net.") else f"net.ipv4.{name}"
            if run("sysctl", "-qw", f"{name}={value}"):
                sys.exit(NOT_FOR_THE_KERNEL)

    def listen(self, until):
        """Take what the kernel sends, until then or the first packet."""
        while not self.sent:
            left = until - time.monotonic_ns()
            if not select([self.tun], [], [], max(left, 0) / S)[0]:
                return
            self.take()

    def take(self):
        while True:
            try:
                packet = os.read(self.tun, 65536)
            except BlockingIOError:
                return
            seen = Seen.parse(time.monotonic_ns(), packet)
            if seen is not None and seen.ip.destination == self.talks._remote:
                self.sent.append(seen)

    def pause(self, until):
        while (left := until - time.monotonic_ns()) > 0:
            select([self.tun], [], [], left / S)
            self.take()

    def play(self):
        for event in self.script.events:
            base = self.last if event.when.relative else self.start
            first, last = base + event.when.first, base + event.when.last
            at = first
            if isinstance(event, Packet) and not event.inbound:
                at = self.expect(event, first, last)
            elif not isinstance(event, Shell):
                self.pause(first)
                if isinstance(event, Packet):
                    self.inject(event)
                    self.pause(time.monotonic_ns() + 10**6)  # the kernel takes it in
                elif isinstance(event, Call):
                    self.call(event)
                elif isinstance(event, Code):
                    self.run_code(event)
            # What follows a packet that a timer of the kernel sent counts from when it came.
            exact = first == last and not event.when.any and abs(at - first) < TICK
            self.last = first if exact else at
        self.take()
        if self.sent:
            self.fail(event, f"one more packet: {show(self.sent[0], self.talks.of(self.sent[0]))}")

    def fail(self, event, *lines):
        print(f"{event.place}: {event.text}", *lines, sep="\n  ")
        sys.exit(1)

    def inject(self, packet):
        talk = self.talks.arriving(packet)
        content = packet.content
        if isinstance(content, Segment) and content.flags & SYN:
            talk.remote_start = content.sequence
        built = build_packet(packet, talk)
        if talk.urgent:
            self.calls.check_data = False
        os.write(self.tun, built)

    def expect(self, packet, first, last):
        self.listen(max(last, time.monotonic_ns()) + S // 2)
        if not self.sent:
            self.fail(packet, "no packet")
        seen = self.sent.pop(0)
        want = packet
        if isinstance(packet.content, Segment) and isinstance(seen.content, TcpSegment):
            want = replace(
                packet, content=replace(packet.content, flags=packet.content.flags & ~PSH, window=None)
            )
            seen.content.flags &= ~PSH
        talk, _ = self.talks.matching(packet, seen)
        found = differences(want, seen, talk, self.flags)
        late = LATE + (last - self.last) // SLACK
        if not packet.when.any and not first - EARLY <= seen.time <= last + late:
            found.append(f"at {(seen.time - self.start) / S:.3f} s")
        if found:
            self.fail(packet, show(seen, talk), *found)
        return seen.time

    def call(self, event):
        value, code = -1, 0
        try:
            value = self.acts[id(event)]()
        except OSError as error:
            code = error.errno
        wanted = event.result
        if wanted.value is None:
            return
        right = value == wanted.value and (not wanted.error or code == errno_named(wanted.error))
        if not right:
            self.fail(event, f"= {value} {errno.errorcode.get(code, '')}")

    def run_code(self, event):
        talk = self.talks.current
        for stream in self.calls._streams.values():
            if talk is not None and stream.remote_port == talk.remote[1]:
                told = stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 248)
                self.variables.update(unpack_tcp_info(told))
        try:
            exec(compiled(event), self.variables)
        except AssertionError as error:
            self.fail(event, repr(error))


def main(path):
    script = read_script(path)
    if any(isinstance(each, Call) and each.until is not None for each in script.events):
        sys.exit(NOT_FOR_THE_KERNEL)  # a call that waits would need a thread of its own
    signal.alarm(60)
    Judge(script).play()


if __name__ == "__main__":
    main(sys.argv[1])
