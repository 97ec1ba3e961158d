"""What the stack puts on the wire is right, says Wireshark, who shares no code with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parent / "scenario.py"
ESSENTIAL = (
    "tcp.flags.syn == 1",
    "tcp.flags.fin == 1",
    "tcp.analysis.retransmission",
    "tcp.options.timestamp.tsval",
)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """The capture of a lossy transfer and much else over both IP versions."""
    path = tmp_path_factory.mktemp("scenario") / "capture.pcapng"
    done = subprocess.run([sys.executable, SCENARIO, "7", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def test_lossy_transfer_has_no_fault(tshark, lossy):
    assert tshark.faults(lossy) == []


def test_lossy_transfer_is_all_that_it_should_be(tshark, lossy):
    """Without this, an empty capture would pass."""
    verified = tshark.verified(lossy)
    assert verified["tcp"] > 2000
    assert verified["ip"] > 1000
    assert min(verified[protocol] for protocol in ("udp", "icmp", "icmpv6")) > 0
    for version in ("ip", "ipv6"):
        for condition in ESSENTIAL:
            assert tshark.rows(lossy, "frame.number", where=f"{version} && {condition}"), (version, condition)
    for condition in ("arp", "icmpv6.type == 135", "ip.flags.mf == 1", "ipv6.fraghdr", "icmp.type == 3"):
        assert tshark.rows(lossy, "frame.number", where=condition), condition


def test_reassembled_datagrams_are_whole(tshark, lossy):
    for version in ("ip", "ipv6"):
        assert tshark.rows(lossy, "udp.length", where=f"{version} && udp.length == 5008")


def test_demo_has_no_fault(tshark, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "glassnet", "demo", "--seed", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [capture] = tmp_path.rglob("*.pcapng")
    assert tshark.faults(capture) == []
    assert tshark.verified(capture)["tcp"] > 50
    assert tshark.rows(capture, "http.request.uri", where="http.request")
    assert tshark.rows(capture, "http.response.code", where="http.response.code == 200")


def test_the_oracle_notices(tshark, lossy, tmp_path):
    """One inverted bit of one segment's data in the file is one bad checksum."""
    whole = lossy.read_bytes()
    at = whole.index(b"client 3 says 2")
    broken = tmp_path / "broken.pcapng"
    broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    [fault] = tshark.faults(broken)
    assert "checksum" in fault.lower()
