"""`glassnet run`, `check` and `shell` as a user types them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "parcels" / "lab.toml"
GLASSNET = [sys.executable, "-m", "glassnet"]


def glassnet(*words, cwd=None, stdin="", **environment):
    done = subprocess.run(
        [*GLASSNET, *map(str, words)],
        cwd=cwd,
        input=stdin,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_run_shows_lines_with_time_and_host_and_a_summary(tmp_path):
    capture = tmp_path / "out.pcapng"
    status, shown, errors = glassnet("run", EXAMPLE, "--capture", capture, cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert "\x1b" not in shown
    assert shown.startswith("  0.000000  office │ INFO open on port 8000\n")
    assert re.search(r"^ +1\.\d{6}  north  │ P-0001 after 0\.\d{3} s$", shown, re.MULTILINE)
    assert re.search(r"^ +\d+\.\d{6}  south  │ P-0003 after 1\.\d{3} s$", shown, re.MULTILINE)
    for line in (
        r" office  server.py: stopped: ended",
        r" +north  client.py: ended",
        r" +frames  \d+ on all cables, [\d,]+ bytes",
        r"dropped  \d+ cable: cut",
        r" +time  \d+\.\d{6} s on the network, \d+\.\d{3} s here",
        rf"capture  {re.escape(str(capture))}, [\d,]+ bytes",
    ):
        assert re.search(f"^{line}$", shown, re.MULTILINE), line
    assert capture.stat().st_size > 1000


def test_the_same_seed_gives_the_same_capture_whatever_is_shown(tmp_path):
    for name, seed, options, hash_seed in (
        ("a", "3", ("--quiet",), "1"),
        ("b", "3", (), "2"),
        ("c", "4", (), "1"),
    ):
        status, *_ = glassnet(
            "run",
            EXAMPLE,
            "--seed",
            seed,
            "--capture",
            name,
            *options,
            cwd=tmp_path,
            PYTHONHASHSEED=hash_seed,
        )
        assert status == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def lab(folder, text):
    path = folder / "lab.toml"
    path.write_text(text)
    return path


PAIR = '[lan.home]\nhosts = ["web", "pc"]\n'


def test_a_failed_program_gives_status_1(tmp_path):
    path = lab(tmp_path, PAIR + "[host.pc]\nrun = \"python -c 'import sys; sys.exit(7)'\"\n")
    status, shown, _ = glassnet("run", path)
    assert status == 1
    assert "    pc  python -c: exit status 7\n" in shown
    assert glassnet("run", path, "--quiet") == (1, "", "pc: exit status 7\n")


def test_a_deadlock_gives_status_1_and_its_table(tmp_path):
    path = lab(
        tmp_path,
        PAIR + "[host.pc]\nrun = \"python -c 'import socket; socket.create_server((str(), 9)).accept()'\"\n",
    )
    status, _, errors = glassnet("run", path)
    assert status == 1
    assert "nothing is left to happen" in errors
    assert re.search(r"pc +python -c .* accept", errors)
    assert "until = [...]" in errors


@pytest.mark.parametrize("command", [("run",), ("check",), ("shell",)])
def test_errors_in_the_file_give_status_2(tmp_path, command):
    path = lab(tmp_path, PAIR + 'dealy = "5ms"\nloss = "x"\n')
    status, shown, errors = glassnet(*command, path, *(["pc"] if command == ("shell",) else []))
    assert (status, shown) == (2, "")
    assert [line.removeprefix(f"{path}:") for line in errors.splitlines()] == [
        "3:1: error: lan.home.dealy: there is no such key here; did you mean 'delay'?",
        "4:1: error: lan.home.loss: 'x': expected a probability from 0 to 1, or a percentage such as '1%'",
    ]


def test_check_counts_what_is_there():
    status, shown, errors = glassnet("check", EXAMPLE)
    assert (status, errors) == (0, "")
    assert shown == f"{EXAMPLE}: no errors: 4 hosts, 2 switches, 5 cables, 3 programs, 2 events\n"


def test_a_bad_option_gives_status_2():
    assert glassnet("run", EXAMPLE, "--clock", "slow")[0] == 2
    assert glassnet("run", EXAMPLE, "--for", "3 parsec")[0] == 2


SHELL = """
    [lan.a]
    hosts = ["pc", "gate"]
    delay = "10ms"
    [lan.b]
    hosts = ["gate", "web"]
    [router.gate]
    [host.web]
    run = "python -m http.server 80"
"""


@pytest.fixture
def shell(tmp_path):
    """Run commands at a prompt on `pc`; gives the status and what was shown, but for the web server's."""
    path = lab(tmp_path, SHELL)

    def run_commands(*commands, stdin=None, mistakes=False):
        words = [word for command in commands for word in ("-c", command)]
        status, shown, errors = glassnet("shell", path, "pc", *words, cwd=tmp_path, stdin=stdin or "")
        assert errors == "" or mistakes
        return status, [line for line in shown.splitlines() if " web │ " not in line]

    return run_commands


def test_ping(shell):
    status, lines = shell("ping -c 2 -s 100 web", "ping -c 1 -6 web")
    assert status == 0
    assert lines[:3] == [
        "PING web (198.51.100.2) 100(128) bytes of data.",
        "108 bytes from 198.51.100.2: icmp_seq=1 ttl=63 time=80.0 ms",
        "108 bytes from 198.51.100.2: icmp_seq=2 ttl=63 time=40.0 ms",
    ]
    assert "2 packets transmitted, 2 received, 0% packet loss, time 1040ms" in lines
    assert any(
        line.startswith("108 bytes from") or "2001:db8:0:1::2: icmp_seq=1" in line for line in lines[7:]
    )
    assert shell("ping -c 1 -t 1 web")[0] == 1
    assert shell("ping nowhere") == (1, ["ping: nowhere: Name or service not known"])


def test_traceroute(shell):
    status, lines = shell("traceroute web")
    assert status == 0
    assert lines[0] == "traceroute to web (198.51.100.2), 30 hops max, 60 byte packets"
    assert [line.split()[1] for line in lines[1:]] == ["gate", "web"]


def test_looking_around(shell):
    _, lines = shell(
        "ip addr", "ping -c 1 web", "ip neigh", "ip route", "ip link eth0", "hosts", "on web ss -lp"
    )
    text = "\n".join(lines)
    for part in (
        "    inet 192.0.2.1/24 scope global",
        "192.0.2.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE",
        "default via 192.0.2.2 dev eth0 metric 1024",
        "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP",
        'users:(("http.server",pid=100))',
    ):
        assert part in text, part


def test_get_watch_and_dig(shell):
    status, lines = shell("watch tcp port 80 -- get -i http://web/", "dig web +short", "watch 100ms icmp")
    assert status == 0
    assert "HTTP/1.0 200 OK" in lines
    assert any(re.match(r"\d+\.\d{6} eth0 > IP6? .*\.80: Flags \[S\]", line) for line in lines)
    assert "198.51.100.2" in lines
    assert lines[-1] == "0 frames"


def test_python_keeps_what_it_opened(shell):
    _, lines = shell(
        "python import socket",
        "python s = socket.create_connection(('web', 80))",
        "python s.getpeername()[1], socket.gethostname()",
        "ss -t",
        "ss -ti",
        "python 1/0",
        "python s",
    )
    assert "(80, 'pc')" in lines
    assert sum(line.startswith("tcp") and "ESTAB" in line for line in lines) == 2
    (details,) = (line.split() for line in lines if " pmtu:1500 " in line)
    assert details[:4] == ["ts", "sack", "cubic", "wscale:7,7"]
    assert "ZeroDivisionError: division by zero" in lines


def test_leaving_python_while_others_never_rest(shell):
    _, lines = shell(
        stdin="on web\npython\nexit()\non pc\npython 1/0\npython a b\npython -c pass\nget web:9\n"
    )
    text = "\n".join(lines)
    assert "ZeroDivisionError: division by zero" in text
    assert "code.py" not in text
    assert "SyntaxError: " in text
    assert "python takes a statement" in text
    assert "get: web port 9: Connection refused" in text


def test_mistakes_do_not_end_the_shell(shell):
    status, lines = shell(
        mistakes=True,
        stdin="pnig x\nwait never\non nobody\nwatch foo\nip foo\nget ftp://x\nping\nss -z\n\n"
        "wait 1s\non gate\nip route\n",
    )
    assert status == 0
    assert "pnig: no such command; did you mean 'ping'?" in lines
    assert "on: there is no host 'nobody'; there is gate, web, pc" in lines
    assert "192.0.2.0/24 dev eth0" in lines


def test_a_prompt_on_a_terminal(tmp_path):
    path = lab(tmp_path, SHELL)
    main, side = pty.openpty()
    child = subprocess.Popen(
        [*GLASSNET, "shell", str(path), "pc"],
        stdin=side,
        stdout=side,
        stderr=side,
        env=os.environ | {"TERM": "dumb"},
    )
    os.close(side)
    seen = b""
    try:
        for expected, typed in ((b"pc 0.000 s> ", b"wait 2s\n"), (b"pc 2.000 s> ", b"exit\n")):
            while expected not in seen:
                seen += os.read(main, 1000)
            os.write(main, typed)
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()
        os.close(main)
