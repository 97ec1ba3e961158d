"""tshark, an independent reader of packets, asked whether it sees anything wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

CHECKS = ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum")
PROTOCOLS = ("ip", "tcp", "udp", "icmp", "icmpv6")
ERROR = 8388608  # Wireshark's PI_ERROR: `_ws.expert.severity` of what it is sure to be wrong
BAD, GOOD = 0, 1  # values of Wireshark's `*.checksum.status` fields


class Tshark:
    """Reads a capture file with every checksum check switched on."""

    def __init__(self, program: str) -> None:
        self._program = program

    def rows(self, capture: Path, *fields: str, where: str = "", opaque: int = 0) -> list[list[str]]:
        """The values of `fields` in each packet that `where` (a display filter) lets through.

        What a connection of the port `opaque` carries is not looked at: it means nothing.
        """
        options = [part for check in CHECKS for part in ("-o", f"{check}:TRUE")]
        options += ["-Y", where] if where else []
        options += ["-d", f"tcp.port=={opaque},data"] if opaque else []
        columns = [part for field in fields for part in ("-e", field)]
        command = [self._program, "-n", "-r", str(capture), *options, "-T", "fields", *columns]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
        assert complaints == [], "tshark complains about the file itself"
        return [line.split("\t") for line in done.stdout.splitlines()]

    def faults(self, capture: Path, among: str = "", opaque: int = 0) -> list[str]:
        """What tshark finds wrong: malformed or cut packets, bad checksums, expert errors.

        `among` is a display filter for the packets in question; `opaque` is as for `rows`.
        """
        bad = " || ".join(f"{protocol}.checksum.status == {BAD}" for protocol in PROTOCOLS)
        wrong = f"_ws.malformed || _ws.short || _ws.expert.severity == {ERROR} || {bad}"
        if among:
            wrong = f"({among}) && ({wrong})"
        fields = ("frame.number", "frame.protocols", "_ws.col.Info", "_ws.expert.message")
        return ["  ".join(row) for row in self.rows(capture, *fields, where=wrong, opaque=opaque)]

    def verified(self, capture: Path) -> Counter[str]:
        """How many checksums tshark has found right, by protocol."""
        found: Counter[str] = Counter()
        for row in self.rows(capture, *(f"{protocol}.checksum.status" for protocol in PROTOCOLS)):
            for protocol, status in zip(PROTOCOLS, row, strict=False):
                found[protocol] += status.split(",").count(str(GOOD))
        return found


@pytest.fixture(scope="session")
def tshark() -> Tshark:
    """The oracle. Where tshark is missing the test is skipped, but not in CI."""
    program = shutil.which("tshark")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tshark is not installed, and CI must not go without it")
        pytest.skip("tshark is not installed: apt-get install tshark")
    return Tshark(program)
