"""What the commands in backticks do to the host under test."""

from __future__ import annotations

import pytest

from glassnet.packetdrill import play, read_script
from glassnet.packetdrill.reading import parse_script

SYN = """
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) win 65535 """
USUAL = "<mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>"
NO_SACK = "<mss 1460,nop,nop,TS val 100 ecr 0,nop,wscale 7>"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("true", USUAL),
        ("sysctl -q net.ipv4.tcp_sack=0", NO_SACK),
        ("sudo /sbin/sysctl -w net/ipv4/tcp_sack=0 > /dev/null 2>&1", NO_SACK),
        ("../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0", NO_SACK),
        ("echo 0 > /proc/sys/net/ipv4/tcp_sack", NO_SACK),
        ("sysctl -q tcp_ecn=0; sysctl -q tcp_sack=0", NO_SACK),
        ('sysctl -q net.ipv4.tcp_rmem="4096 131072 $((15*1024*1024))"', USUAL.replace("7", "8")),
    ],
)
def test_settings(command, options):
    result = play(parse_script(f"`{command}`{SYN}{options}"))
    assert result.passed, result.problem


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ip tcp_metrics flush all > /dev/null 2>&1", "no metrics outlive a script"),
        ("ethtool -K tun0 tso off gso off", "there is no device with offloads: segments pass one by one"),
        ("tc qdisc replace dev tun0 root fq", "nothing queues on the way to the cable"),
        ("/tmp/sysctl_restore_${PPID}.sh",
         "each script begins on a new host, with the profile's settings"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_told(command, why):
    result = play(parse_script(f"`{command}`{SYN}{USUAL}", "it.pkt"))
    assert result.passed, result.problem
    assert result.notes == [f"it.pkt:1:1: `{command}` has no effect: {why}"]


@pytest.fixture
def tests(tmp_path):
    """A folder of scripts beside one that has what they begin with."""
    (tmp_path / "common").mkdir()
    (tmp_path / "tcp").mkdir()
    return tmp_path


def run(tests, command, options):
    script = tests / "tcp" / "it.pkt"
    script.write_text(f"`{command}`{SYN}{options}")
    return play(read_script(script))


def test_a_file_of_commands_is_read(tests):
    defaults = tests / "common" / "defaults.sh"
    defaults.write_text(
        "#!/bin/sh\n# Nothing; of $(this) counts\nsysctl -q net.ipv4.tcp_sack=0 net.core.x=5\n\n"
    )
    result = run(tests, "../common/defaults.sh", NO_SACK)
    assert result.passed, result.problem
    shown = tests / "tcp" / ".." / "common" / "defaults.sh"
    assert result.notes == [f"{shown}:3:1: net.core.x has no effect: there is no such setting here"]


def test_what_a_file_cannot_do_is_told_with_its_place(tests):
    (tests / "common" / "defaults.sh").write_text("true\nif true\n")
    result = run(tests, "../common/defaults.sh", USUAL)
    assert "defaults.sh:2:1: `if true`: only sysctl" in result.problem


def test_a_file_that_runs_itself_ends(tests):
    (tests / "common" / "again.sh").write_text("../common/again.sh\n")
    assert "files that run files, more than 4 deep" in run(tests, "../common/again.sh", USUAL).problem


def test_defaults_that_are_not_there_are_the_profiles(tests):
    result = run(tests, "../common/defaults.sh", USUAL)
    assert result.passed, result.problem
    assert "the profile's settings are the defaults" in result.notes[0]
    assert "cannot be read" in run(tests, "../common/others.sh", USUAL).problem
