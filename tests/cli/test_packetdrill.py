"""`glassnet packetdrill` and the shell's `sysctl`, as a user types them."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from glassnet.cli.command import app
from glassnet.transport.tcp import layer, opening

runner = CliRunner()
SCRIPTS = Path(__file__).parents[1] / "packetdrill" / "scripts"
GOOD = SCRIPTS / "handshake_server.pkt"


def run(*words):
    done = runner.invoke(app, ["packetdrill", *map(str, words)])
    return done.exit_code, done.output


def test_it_passes():
    assert run(GOOD) == (0, f"PASS {GOOD}\n")


def test_packets_are_shown():
    status, shown = run("--verbose", GOOD)
    assert status == 0
    assert shown.startswith("0.000000 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>\n")


def test_failures_are_counted(tmp_path):
    bad, wrong = tmp_path / "bad.pkt", tmp_path / "wrong.pkt"
    bad.write_text("0 < S 0:0(0) win 1000\n+0 > S. 0:0(0) ack 1")
    wrong.write_text("what is this")
    status, shown = run(GOOD, bad, wrong, tmp_path / "none.pkt")
    assert status == 1
    assert shown.splitlines() == [
        f"PASS {GOOD}",
        f"FAIL {bad}",
        f"{bad}:2:1: +0 > S. 0:0(0) ack 1",
        "  expected  0.000000 > S. 0:0(0) ack 1",
        "  seen      0.000000 > R. 0:0(0) ack 1 win 0",
        "  flags: expected S., seen R.",
        "  dropped   1 tcp: port closed",
        f"FAIL {wrong}",
        f"{wrong}:1:1: expected a time in seconds such as 0.1, +.1 or *, found 'what'",
        f"FAIL {tmp_path / 'none.pkt'}",
        f"[Errno 2] No such file or directory: '{tmp_path / 'none.pkt'}'",
        "1 of 4 passed",
    ]


def test_a_fault_of_the_stack_ends_one_script_and_not_the_command(tmp_path, monkeypatch):
    bad = tmp_path / "bad.pkt"
    bad.write_text(GOOD.read_text().replace("< S 0:0(0) win 32792", "< S 0:0(0) win 111"))
    right = opening.accept_syn

    def wrong(connection, sequence, options, window, *others):
        assert window != 111, "broken on purpose"
        right(connection, sequence, options, window, *others)

    monkeypatch.setattr(layer, "accept_syn", wrong)
    status, shown = run(bad, GOOD)
    assert status == 1
    assert shown.startswith(f"FAIL {bad}\n{bad}:")
    assert "  the stack raised an exception:\n" in shown
    assert "    AssertionError: broken on purpose\n" in shown
    assert shown.endswith(f"PASS {GOOD}\n1 of 2 passed\n")


def test_flags_of_the_command_go_before_those_of_scripts(tmp_path):
    script = tmp_path / "it.pkt"
    script.write_text(
        "--mtu=1400\n`sysctl -q tcp_sack=0 tcp_timestamps=0`\n"
        "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
        "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
        "+0 > S 0:0(0) <mss 1360,nop,wscale 7>\n"
    )
    assert run(script) == (0, f"PASS {script}\n")
    status, shown = run("--mtu=1500", script)
    assert status == 1
    assert "expected mss 1360, seen mss 1460" in shown
    status, shown = run(script, "--nothing=5")
    assert status == 1
    assert "command:1:1: there is no flag --nothing" in shown


def test_words_that_are_no_flags(tmp_path):
    assert run("-D", GOOD) == (2, "-D: expected --NAME=VALUE, as in --tolerance_usecs=10000\n")
    assert run("--mtu", GOOD) == (2, "--mtu: expected --NAME=VALUE, as in --tolerance_usecs=10000\n")
    assert run("--mtu=1500") == (2, "there is no script to run\n")


def test_an_unknown_profile():
    status, shown = run("--profile", "windows", GOOD)
    assert status == 2
    assert "expected one of linux, rfc" in shown


def test_sysctl_in_the_shell_and_in_lab_files(tmp_path):
    lab = tmp_path / "lab.toml"
    lab.write_text('tcp = { tcp_sack = 0 }\n[lan.home]\nhosts = ["a", "b"]\n[host.b]\ntcp = "rfc"\n')
    words = [
        "-c",
        "sysctl tcp_sack net.ipv4.tcp_timestamps",
        "-c",
        "sysctl tcp_sack=1",
        "-c",
        "sysctl tcp_sack=9",
    ]
    done = runner.invoke(app, ["shell", str(lab), "a", *words])
    assert "net.ipv4.tcp_sack = 0\nnet.ipv4.tcp_timestamps = 1\nnet.ipv4.tcp_sack = 1\n" in done.output
    assert "9: expected a number from 0 to 1" in done.output
    done = runner.invoke(app, ["shell", str(lab), "b", "-c", "sysctl -a"])
    assert "net.ipv4.tcp_congestion_control = reno\n" in done.output
    lab.write_text('tcp = { tcp_sakc = 0 }\n[lan.home]\nhosts = ["a"]\n')
    done = runner.invoke(app, ["check", str(lab)])
    assert done.exit_code == 2
    assert "is it net.ipv4.tcp_sack?" in done.output
