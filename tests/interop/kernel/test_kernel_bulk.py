"""Bulk between our TCP and the real kernel's: both roles, both versions of IP, on bad paths."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from glassnet.wire.foreign import Foreign

BYTES = int(os.environ.get("GLASSNET_INTEROP_BYTES", "2000000"))
"""Each way. The proof is run with 50 MB."""

PORT = 5001
HOST_SEED, KERNEL_SEED = 1, 2


@dataclass(frozen=True)
class Path:
    """What lies between: conditions of the cable, the same in netem's words, and each end's buffer."""

    cable: dict[str, Any] = field(default_factory=dict)
    netem: str = ""
    buffer: int = 0
    corruption: float = 0.0


PATHS = {
    "clean": Path(),
    "segments": Path({"delay": "20us"}),  # nothing offloaded: frame by frame
    "loss of 1 %": Path({"loss": "1%"}, "loss 1%"),
    "loss of 5 %": Path({"loss": "5%"}, "loss 5%"),
    "20 ms, reordered": Path(
        {"delay": "10ms", "jitter": "20ms", "reordering": "10%", "reordering_delay": "10ms"},
        "delay 20ms 10ms",
    ),
    "duplication": Path({"duplication": "1%"}, "duplicate 1%"),
    "corruption": Path({"delay": "20us"}, "corrupt 1%", corruption=0.01),
    "small buffers": Path(buffer=8192),
}


class Corrupting:
    """Stands for a lane, and inverts a bit in some of the frames, behind the link header."""

    def __init__(self, lane: Any, probability: float, seed: int) -> None:
        self._lane = lane
        self._probability = probability
        self._chance = random.Random(seed)
        self.corrupted = 0

    def send(self, frame: bytes) -> None:
        if self._chance.random() < self._probability:
            bits = bytearray(frame)
            bits[self._chance.randrange(14, len(bits))] ^= 1 << self._chance.randrange(8)
            frame = Foreign(bits)
            self.corrupted += 1
        self._lane.send(frame)


def impair(kernel, path, has_netem):
    """The kernel at the end of such a path."""
    if has_netem and path.netem:
        # The kernel's side impairs what it sends, and the cable what comes to it.
        there = kernel(delay=0)
        there.cable.towards("tap0").set(**path.cable)
        there.namespace.run("tc", "qdisc", "add", "dev", "tap0", "root", "netem", *path.netem.split())
    else:
        there = kernel(**path.cable)
    return there


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("name", PATHS)
def test_bulk_both_ways(kernel, peer_module, tshark, tmp_path, has_netem, name, role, version):
    path = PATHS[name]
    there = impair(kernel, path, has_netem)
    corrupting = None
    if path.corruption:
        there.cable.towards("tap0").set(bit_errors=path.corruption / 12000)
        if not has_netem:
            corrupting = there.tap.lane = Corrupting(there.tap.lane, path.corruption, 7)
    ours, theirs = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}[version]
    agent = there.agent()

    def prepare(sock: socket.socket) -> None:
        if path.buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, path.buffer)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, path.buffer)

    def client() -> str:
        with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6) as sock:
            prepare(sock)
            sock.connect((theirs, PORT))
            return peer_module.exchange(sock, BYTES, HOST_SEED)

    def server() -> str:
        with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6) as listener:
            prepare(listener)
            listener.bind((ours, PORT))
            listener.listen()
            sock, _ = listener.accept()
            with sock:
                return peer_module.exchange(sock, BYTES, HOST_SEED)

    capture = tmp_path / "host.pcapng"
    with there.net.capture(capture, there.host):
        if role == "client":
            agent("listen", PORT, path.buffer)
            process = there.host.start(client)
            agent.tell("accept")
        else:
            process = there.host.start(server)
            there.net.run(for_="1ms")
            agent.tell("connect", ours, PORT, path.buffer, 0)
        agent.tell("exchange", BYTES, KERNEL_SEED)
        opened = agent.hear()
        assert not isinstance(opened, dict), opened
        received_here = there.result(process)
        received_there = agent.hear()
    assert received_here == peer_module.digest(BYTES, KERNEL_SEED)
    assert received_there == peer_module.digest(BYTES, HOST_SEED)
    drops = there.net.drops()
    # What we sent: summing in software, Linux itself writes 0xFFFF for a TCP checksum of zero (RFC 1624).
    mine = there.host.interfaces[0].mac.hex(":")
    assert tshark.faults(capture, among=f"eth.src == {mine}", opaque=PORT) == []
    if path.corruption:
        assert corrupting is None or corrupting.corrupted > 0
        refused = {"tcp: checksum", "ipv4: header checksum", "tcp: out of window"}
        assert corrupting is None or refused & set(drops), "something was corrupted, and nothing noticed"
    else:
        assert not {reason for reason in drops if "checksum" in reason or "malformed" in reason}, drops
    if name.startswith("loss"):
        assert has_netem or drops["cable: loss"] > 0
    capture.unlink()  # with 50 MB they are many
