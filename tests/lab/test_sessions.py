"""Labs at work: plain programs that know nothing of glassnet, events, ends and exit statuses."""

from __future__ import annotations

import sys

import pytest

from glassnet.host.deadlock import Deadlock

PAIR = '[lan.home]\nhosts = ["web", "pc"]\ndelay = "1ms"\n'

ECHO = """
    import signal, socket, sys
    import shared

    shared.who = "server"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.create_server(("", 7)) as server:
        print("listening", sys.argv, __name__)
        while True:
            peer, address = server.accept()
            with peer:
                peer.sendall(peer.recv(100))
"""
CLIENT = """
    import argparse, socket, sys, time
    import shared

    assert shared.who == "nobody"
    time.sleep(0.5)
    parser = argparse.ArgumentParser()
    parser.add_argument("word")
    word = parser.parse_args().word
    with socket.create_connection(("web", 7)) as sock:
        sock.sendall(word.encode())
        print(sock.recv(100).decode(), end="")
    assert sys.modules["__main__"].__dict__ is globals()
"""
SHARED = 'who = "nobody"\n'


def test_scripts_have_interpreters_of_their_own(run):
    before = sys.argv, sys.path, sys.stdout, sys.modules["__main__"], set(sys.modules) & {"shared"}
    lab = (
        'until = "pc"\n'
        + PAIR
        + (
            '[host.web]\nrun = "python echo.py"\n'
            "[[host.pc.program]]\nrun = \"python client.py 'one word'\"\n"
            '[[host.pc.program]]\nrun = "python client.py two"\nat = "1s"\n'
        )
    )
    session, said = run(lab_toml=lab, echo_py=ECHO, client_py=CLIENT, shared_py=SHARED)
    assert [(host, text) for _, host, text in said] == [
        ("web", "listening ['echo.py'] __main__"),
        ("pc", "one word"),
        ("pc", "two"),
    ]
    assert [time for time, *_ in said[1:]] == pytest.approx([0.52, 1.512], abs=0.001)
    assert [(each.program.name, each.how, each.failed) for each in session.ended] == [
        ("echo.py", "stopped: ended", False),
        ("client.py", "ended", False),
        ("client.py-2", "ended", False),
    ]
    assert before == (
        sys.argv, sys.path, sys.stdout, sys.modules["__main__"], set(sys.modules) & {"shared"}
    )  # fmt: skip


def test_every_kind_of_command(run):
    lab = PAIR + (
        '[[host.web.program]]\nrun = "python -m package.tool -x"\n'
        '[[host.web.program]]\nrun = "package.tool:function a b"\n'
        "[[host.web.program]]\nrun = '''python -c \"import sys; print(sys.argv)\" 1'''\n"
        '[[host.web.program]]\nrun = "python package"\nenv = { COLOUR = "red" }\n'
    )
    tool = """
        import sys
        async def function(*words):
            print("function", words)
        if __name__ == "__main__":
            print("module", sys.argv[1:])
    """
    main = "import os; print('folder', os.environ['COLOUR'])"
    _, said = run(
        lab_toml=lab, **{"package/tool.py": tool, "package/__main__.py": main, "package/__init__.py": ""}
    )
    assert [text for _, _, text in said] == [
        "module ['-x']",
        "function ('a', 'b')",
        "['-c', '1']",
        "folder red",
    ]


def test_exit_statuses_and_tracebacks(run):
    lab = PAIR + (
        "[[host.web.program]]\nrun = \"python -c 'import sys; sys.exit(3)'\"\n"
        '[[host.web.program]]\nrun = "python -c \'import sys; sys.exit(\\"so long\\")\'"\n'
        '[[host.pc.program]]\nrun = "python bad.py"\nat = "2s"\n'
    )
    session, said = run(lab_toml=lab, bad_py="def fail():\n    return 1 / 0\nfail()\n")
    assert [each.returncode for each in session.ended] == [3, 1, 1]
    assert all(each.failed for each in session.ended)
    lines = [(time, text) for time, host, text in said if host == "pc"]
    assert {time for time, _ in lines} == {2.0}
    assert lines[0][1] == "Traceback (most recent call last):"
    assert sum("Traceback" in text for _, text in lines) == 1
    assert lines[1][1].endswith('bad.py", line 3, in <module>')
    assert lines[-1][1] == "ZeroDivisionError: division by zero"
    assert ("web", "so long") in [(host, text) for _, host, text in said]


TALK = """
    import socket, time
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 9))
        while True:
            print(sock.recv(10).decode())
"""
BEAT = """
    import socket, time
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        for number in range(8):
            sock.sendto(str(number).encode(), ("web", 9))
            time.sleep(1)
"""


def test_events_happen_at_their_times(run):
    lab = (
        'until = "pc"\n'
        + PAIR
        + (
            '[host.web]\nrun = "python talk.py"\n[host.pc]\nrun = "python beat.py"\nat = "0.5s"\n'
            '[[event]]\nat = "1s"\ncut = "pc-home"\n[[event]]\nat = "2s"\nmend = "home"\n'
            '[[event]]\nat = "4s"\nset = "home"\nloss = 1\n[[event]]\nat = "5s"\nset = "home"\nloss = 0\n'
        )
    )
    session, said = run(lab_toml=lab, talk_py=TALK, beat_py=BEAT)
    assert [text for *_, text in said] == ["0", "2", "3", "5", "6", "7"]
    drops = session.network.drops()
    assert drops["cable: cut"] >= 1
    assert drops["cable: loss"] >= 1


def test_a_host_that_crashes_starts_its_programs_when_it_boots(run):
    lab = (
        'until = "pc"\n'
        + PAIR
        + (
            '[host.web]\nrun = "python talk.py"\n[host.pc]\nrun = "python beat.py"\nat = "0.5s"\n'
            '[[event]]\nat = "2s"\ncrash = "web"\n[[event]]\nat = "4s"\nboot = "web"\n'
        )
    )
    session, said = run(lab_toml=lab, talk_py=TALK, beat_py=BEAT)
    heard = [text for *_, text in said]
    assert heard[:2] == ["0", "1"]
    assert heard[-1] == "7"
    assert "2" not in heard
    assert not any(each.failed for each in session.ended)


def test_terminating_a_program_is_no_failure(run):
    lab = PAIR + (
        "[host.pc]\nrun = \"python -c 'import time; time.sleep(100)'\"\n"
        '[[event]]\nat = "3s"\nterminate = "pc"\n'
    )
    session, _ = run(lab_toml=lab)
    [ended] = session.ended
    assert (ended.returncode, ended.asked, ended.failed) == (-15, True, False)
    assert 3 <= session.network.now < 5


def test_a_time_limit(run):
    sleep = "run = \"python -c 'import time; time.sleep(100)'\"\n"
    session, _ = run(lab_toml=f'for = "10s"\n{PAIR}[host.pc]\n{sleep}')
    assert not session.ended[0].failed
    session, _ = run(lab_toml=f'for = "10s"\nuntil = "pc"\n{PAIR}[host.pc]\n{sleep}')
    assert session.ended[0].failed
    assert session.ended[0].how == "still running when the time was up; ended by SIGTERM"


def test_a_deadlock_is_raised(run):
    with pytest.raises(Deadlock) as caught:
        run(lab_toml=PAIR + '[host.web]\nrun = "python talk.py"\n', talk_py=TALK)
    assert "talk.py" in str(caught.value)


def test_the_same_seed_gives_the_same_capture(run, tmp_path):
    lab = (
        'seed = {}\nuntil = "pc"\n'
        + PAIR
        + 'loss = "10%"\n'
        + ('[host.web]\nrun = "python talk.py"\n[host.pc]\nrun = "python beat.py"\n')
    )
    captures = []
    for seed in (1, 1, 2):
        path = tmp_path / "x.pcapng"
        run(path, lab_toml=lab.format(seed), talk_py=TALK, beat_py=BEAT)
        captures.append(path.read_bytes())
    assert captures[0] == captures[1] != captures[2]


def test_addresses_given_and_chosen(run):
    lab = """
        names = { "www.shop.test" = "web", "out.test" = "203.0.113.99" }
        [router.gate]
        address = "10.1.0.254"
        [lan.inner]
        hosts = ["web", "pc", "gate"]
        prefix = "10.1.0.0/24"
        [cable.up]
        between = ["gate", "far"]
        prefix = "10.9.0.0/30"
        delay = "5ms"
        towards.far = { delay = "20ms" }
        [host.web]
        address = ["10.1.0.1", "10.1.0.77/24"]
        names = { db = "far" }
        skew = "-2s"
        [host.far]
        run = "python ask.py"
    """
    ask = """
        import socket
        print(socket.gethostbyname("www.shop.test"), socket.gethostbyname("out.test"))
    """
    session, said = run(lab_toml=lab, ask_py=ask)
    hosts = session.network.hosts
    assert hosts["web"].addresses == ["10.1.0.1", "10.1.0.77"]
    assert hosts["pc"].addresses == ["10.1.0.2"]
    assert hosts["gate"].addresses == ["10.1.0.254", "10.9.0.1"]
    assert hosts["web"].skew == -2
    assert [text for *_, text in said] == ["10.1.0.1 203.0.113.99"]


def test_logging_of_one_program_is_not_that_of_another(run):
    log = """
        import logging, sys, time
        logging.basicConfig(level=sys.argv[1], format=f"{sys.argv[2]} %(message)s")
        time.sleep(1)
        logging.info("info")
        logging.warning("warning")
    """
    lab = PAIR + '[host.web]\nrun = "python log.py INFO a"\n[host.pc]\nrun = "python log.py WARNING b"\n'
    _, said = run(lab_toml=lab, log_py=log)
    assert [(host, text) for _, host, text in said] == [
        ("web", "a info"),
        ("web", "a warning"),
        ("pc", "b warning"),
    ]


BLACK_HOLE = """
    until = "client"
    tcp = { tcp_mtu_probing = %d }
    [router.near]
    [router.far]
    [cable.a]
    between = ["client", "near"]
    [cable.b]
    between = ["near", "far"]
    [cable.c]
    between = ["far", "server"]
    [[event]]
    at = "0s"
    set = "b"
    towards = "far"
    mtu = 1300
    [host.server]
    run = "python take.py"
    [host.client]
    run = "python give.py"
    at = "1s"
"""
TAKE = """
    import socket
    with socket.create_server(("", 80)) as server, server.accept()[0] as peer:
        while peer.recv(65536):
            pass
        peer.sendall(b"all of it")
"""
GIVE = """
    import socket
    with socket.create_connection(("server", 80), timeout=20) as sock:
        sock.sendall(bytes(100_000))
        sock.shutdown(socket.SHUT_WR)
        try:
            print(sock.recv(100).decode())
        except TimeoutError:
            print("stuck")
"""


@pytest.mark.parametrize(("mode", "outcome"), [(0, "stuck"), (1, "all of it"), (2, "all of it")])
def test_the_mtu_of_one_end_makes_a_black_hole(run, mode, outcome):
    session, said = run(lab_toml=BLACK_HOLE % mode, take_py=TAKE, give_py=GIVE)
    assert [text for *_, text in said] == [outcome]
    hosts = session.network.hosts
    assert [each.mtu for each in hosts["far"].interfaces] == [1300, 1500]
    assert [each.mtu for each in hosts["near"].interfaces] == [1500, 1500]
    assert list(hosts["far"].drops.counts) == ["ethernet: giant"]
