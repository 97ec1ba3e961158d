"""The scripts that this stack passes, played against the machine's kernel: it is their judge.

Those of a few seconds, and not those that ask for what only this stack can do. Where Linux does
otherwise, the script shows what the RFC says, and stands in `OTHERWISE` with the difference.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
SCRIPTS = TESTS / "packetdrill" / "scripts"
PLAYER = Path(__file__).parent / "on_the_kernel.py"
NOT_FOR_THE_KERNEL = 2
LONGEST = 6  # seconds

_HALF = "Linux keeps segments below half of the largest window that the peer has offered"
_PROBE = "Linux probes a closed window with a segment that has no data"
_SMALLER = "Linux takes a segment with a smaller window for a duplicate; RFC 5681, 2 does not"
_BUFFER = "Linux charges its books to SO_RCVBUF, and offers other windows"
_RACK = "Linux 6.17 and later cannot switch RACK off"
_WRITE = "the machine's tcp_wmem does not take all of the data at once"
OTHERWISE = {
    "handshake_client.pkt": "the program's data are compared by the file number of the client",
    "linux/timeout-spares-what-was-reported.pkt": _RACK,
    "linux/tcp-info-after-a-timeout.pkt": "the figures are compared to the microsecond",
    "linux/tcp-info-of-a-new-connection.pkt": "the figures are compared to the microsecond",
    "linux/tcp-info-of-waiting.pkt": "the figures are of real time",
    "rfc1122/persist_backs_off.pkt": _PROBE,
    "rfc1122/sender_uses_half_the_largest_window.pkt": _HALF,
    "rfc1122/window_update_after_reading.pkt": _BUFFER,
    "rfc1122/zero_window_probe.pkt": _PROBE,
    "rfc4015/older-retransmission-does-not-undo.pkt": "Linux counts cwnd, not FlightSize",
    "rfc4821/begins-small.pkt": "Linux searches only once something was lost, with other sizes",
    "rfc5681/congestion_avoidance.pkt": "Linux halves cwnd, RFC 5681, equation 4, FlightSize",
    "rfc5681/window_update_is_no_duplicate.pkt": _SMALLER,
    "rfc5961/ack_of_the_distant_past_gets_challenge.pkt": _HALF,
    "rfc5961/ack_of_the_recent_past_is_fine.pkt": _HALF,
    "rfc6093/window-probe-is-urgent.pkt": _HALF,
    "rfc6582/another-window-is-no-duplicate.pkt": _SMALLER,
    "rfc6582/partial-ack-shows-the-next-gap.pkt": "Linux's PRR holds this retransmission back",
    "rfc6675/two-duplicates-are-none.pkt": _RACK,
    "rfc6928/lost_syn_acks_shrink_it_to_one.pkt": "Linux sends a segment more, once it is answered",
    "rfc7323/scale_beyond_14_counts_as_14.pkt": "Linux sends the last, small segment too",
    "rfc7323/segment_without_stamp_is_dropped.pkt": "Linux takes a segment without timestamps",
    "rfc7413/client-asks-for-a-cookie.pkt": "the machine's tcp_rmem makes another window scale",
    "rfc8985/window-grows-on-dsack.pkt": "Linux heeds no D-SACK while nothing is on its way",
    "rfc9293/bad_ack_in_syn_sent_is_reset.pkt": "the machine's tcp_rmem makes another window scale",
    "rfc9293/data_beyond_the_window_are_cut.pkt": _BUFFER,
    "rfc9293/duplicate_ack_may_open_the_window.pkt": _HALF,
    "rfc9293/urg_is_heeded_though_the_window_is_closed.pkt": _BUFFER,
    "rfc9406/slow-start-goes-on.pkt": _WRITE,
    "rfc9406/slow-start-turns-conservative.pkt": _WRITE,
}


def length(path: Path) -> float:
    """About how many seconds a script takes."""
    return sum(map(float, re.findall(r"^\s*\+(\d*\.?\d+)", path.read_text("utf-8"), re.MULTILINE)))


SHORT = {
    str(path.relative_to(SCRIPTS)): path for path in sorted(SCRIPTS.rglob("*.pkt")) if length(path) <= LONGEST
}


def test_what_stands_in_the_list_exists() -> None:
    assert all((SCRIPTS / name).is_file() for name in OTHERWISE)


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun"), reason="a namespace and a TUN device are root's"
)
@pytest.mark.parametrize("name", [name for name in SHORT if name not in OTHERWISE])
def test_the_kernel_does_what_the_script_says(name: str) -> None:
    words = ["unshare", "--net", sys.executable, str(PLAYER), str(SHORT[name])]
    for attempt in range(3):
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode == NOT_FOR_THE_KERNEL:
            pytest.skip("it asks for what the kernel does not have")
        if not done.returncode:
            return
        assert attempt < 2, done.stdout + done.stderr  # a busy machine is late once, but not always
