"""What is wrong with a lab file is told with line, column, key and remedy: all of it, at once."""

from __future__ import annotations

import pytest

from glassnet.lab.checking import load
from glassnet.lab.problems import LabError

PAIR = '[lan.home]\nhosts = ["web", "pc"]\n'

BAD = {
    "not TOML": ("seed = \n", ["1:8: error: not TOML: Invalid value"]),
    "a text without quotes": (
        PAIR + "delay = 10ms\n",
        [
            "3:11: error: not TOML: Expected newline or end of document after a statement; "
            'texts and quantities stand in quotes: delay = "10ms"'
        ],
    ),
    "given twice": (
        'capture = "a.pcapng"\n[[capture]]\nfile = "b.pcapng"\n',
        [
            "2:10: error: not TOML: Cannot overwrite a value: what '[[capture]]' "
            "gives is in the file already; keep one of them"
        ],
    ),
    "an MTU that cannot be": (
        PAIR + "mtu = 20\n",
        ["3:1: error: lan.home.mtu: 20: expected 68 to 65535 bytes"],
    ),
    "a bad value to set, and nothing else": (
        PAIR + '[[event]]\nat = "1s"\nset = "home"\nloss = "x"\n[host.web]\nrun = ""\n',
        [
            "6:1: error: event[0].loss: 'x': expected a probability from 0 to 1, "
            "or a percentage such as '1%'",
            "8:1: error: host.web.run: it is empty",
        ],
    ),
    "a host that is a router too": (
        PAIR + "[router.web]\n[host.web]\nadress = '192.0.2.1'\n",
        [
            "4:7: error: host.web: there is a router 'web' already",
            "5:1: error: host.web.adress: there is no such key here; did you mean 'address'?",
        ],
    ),
    "unknown key": (
        PAIR + '[host.web]\nrnu = "python x.py"\n',
        ["4:1: error: host.web.rnu: there is no such key here; did you mean 'run'?"],
    ),
    "unknown table": (
        PAIR + "[hots.web]\n",
        ["3:2: error: hots: there is no such key here; did you mean 'host'?"],
    ),
    "bad quantity": (
        PAIR + 'delay = "5 parsec"\nloss = 2\n',
        [
            "3:1: error: lan.home.delay: '5 parsec': no unit 'parsec'; expected a duration such as '20ms', "
            "or a number with one of ns, us, µs, μs, ms, s, min, h, d",
            "4:1: error: lan.home.loss: 2: expected a probability from 0 to 1, or a percentage such as '1%'",
        ],
    ),
    "wrong types": (
        'seed = true\nfor = []\nuntil = 3\n[lan.home]\nhosts = "web"\n',
        [
            "1:1: error: seed: True: expected a whole number",
            "2:1: error: for: []: expected a duration such as '20ms', or a number",
            "3:1: error: until: 3: expected a text, or a list of texts",
            "5:1: error: lan.home.hosts: 'web': expected a list of names, such as ['web', 'laptop']",
        ],
    ),
    "unknown end of a cable": (
        PAIR + '[cable.up]\nbetween = ["pc", "wbe"]\n',
        ["4:18: error: cable.up.between[1]: there is no host or switch 'wbe'; did you mean 'web'?"],
    ),
    "a member twice": (
        '[lan.home]\nhosts = ["web", "pc", "web"]\n',
        ["2:23: error: lan.home.hosts[2]: 'web' is on this LAN already"],
    ),
    "address twice": (
        PAIR + '[host.web]\naddress = "192.0.2.9"\n[host.pc]\naddress = ["192.0.2.9"]\n',
        ["6:12: error: host.pc.address[0]: 192.0.2.9 is the address of host web already"],
    ),
    "address elsewhere": (
        PAIR + '[host.web]\naddress = "10.0.0.1"\n',
        [
            "4:1: error: host.web.address: 10.0.0.1 is in none of the networks of host web: "
            "it is on 192.0.2.0/24, 2001:db8::/64"
        ],
    ),
    "no script": (
        PAIR + '[host.web]\nrun = "python nowhere.py"\n',
        ["4:1: error: host.web.run: there is no file 'nowhere.py' in {folder}"],
    ),
    "no module": (
        PAIR + '[host.web]\nrun = "python -m json.nothing"\n[host.pc]\nrun = "nothing_here:main"\n',
        [
            "4:1: error: host.web.run: there is no module 'json.nothing', neither in {folder} "
            "nor among the installed packages",
            "6:1: error: host.pc.run: there is no module 'nothing_here', neither in {folder} "
            "nor among the installed packages",
        ],
    ),
    "syntax": (
        PAIR + '[host.web]\nrun = "python bad.py"\n',
        ["4:1: error: host.web.run: '(' was never closed (bad.py, line 2)"],
    ),
    "not Python": (
        PAIR + '[host.web]\nrun = "nginx -g"\n',
        [
            "4:1: error: host.web.run: 'nginx' is no Python program: expected 'python SCRIPT ...', "
            "'python -m MODULE ...', 'python -c CODE', 'MODULE:FUNCTION ...' or a command that an installed "
            "Python package brings"
        ],
    ),
    "quoting": (
        PAIR + "[host.web]\nrun = 'python \"x'\n",
        ["4:1: error: host.web.run: 'python \"x': no closing quotation"],
    ),
    "events": (
        PAIR + '[[event]]\nat = "1s"\ncut = "hoem"\n[[event]]\nat = "2s"\ncrash = "wbe"\nloss = "1%"\n'
        '[[event]]\nkill = "web"\n[[event]]\nat = "3s"\n',
        [
            "5:1: error: event[0].cut: there is no cable or LAN 'hoem'; did you mean 'home'?",
            "8:1: error: event[1].crash: there is no host 'wbe'; did you mean 'web'?",
            "9:1: error: event[1].loss: this goes with set, and not with crash",
            '10:3: error: event[2]: when it happens is missing: at = "5s"',
            "12:3: error: event[3]: it does nothing: give exactly one of cut, mend, set, crash, stop, boot, "
            "restart, pause, resume, terminate, kill",
        ],
    ),
    "captures": (
        '[capture]\nfile = "none/x.pcapng"\nhosts = ["wbe"]\n' + PAIR,
        [
            "1:2: error: capture: there is no folder {folder}/none for the file 'none/x.pcapng': "
            "make it first",
            "3:10: error: capture.hosts[0]: there is no host 'wbe'; did you mean 'web'?",
        ],
    ),
    "until": (
        'until = ["pc"]\n' + PAIR,
        ["1:10: error: until[0]: host 'pc' runs no program"],
    ),
    "name": (
        '[lan.home]\nhosts = ["web", "my pc"]\n',
        [
            "2:17: error: lan.home.hosts[1]: name 'my pc': expected a host name of letters, digits and "
            "hyphens, such as 'web-1', other than 'localhost'"
        ],
    ),
    "names with dots": (
        PAIR + '[names]\nwww.shop.test = "web"\n',
        ["3:2: error: names: 'www': a name with dots needs quotes: \"www.shop\" = ..."],
    ),
    "route": (
        PAIR + '[host.pc]\nroute = ["default via 10.0.0.1", "x"]\n',
        [
            "4:1: error: host.pc.route: 'x': expected 'NETWORK via ROUTER', such as 'default via 192.0.2.1' "
            "or '10.0.0.0/8 via 192.0.2.2'"
        ],
    ),
    "clock": (
        'clock = "fast"\n' + PAIR,
        [
            "1:1: error: clock: 'fast': expected 'virtual', 'real', or how much faster than real time, "
            "such as '10x' or '0.5x'"
        ],
    ),
}


def complaints(path):
    with pytest.raises(LabError) as caught:
        load(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.mark.parametrize("name", BAD)
def test_bad_file(write, tmp_path, name):
    text, expected = BAD[name]
    path = write(lab_toml=text, bad_py="x = 1\nprint(\n")
    assert complaints(path) == [line.replace("{folder}", str(tmp_path)) for line in expected]


def test_a_file_that_is_not_there(tmp_path):
    assert complaints(tmp_path / "lab.toml") == [" error: cannot read it: No such file or directory"]


def warnings(path):
    checked = load(path)
    checked.built.network.close()
    return [str(problem).removeprefix(f"{path}:") for problem in checked.warnings]


def test_warns_of_a_loop_of_switches(write):
    path = write(lab_toml=PAIR + '[lan.other]\nhosts = ["tv"]\n[cable.a]\nbetween = ["home", "other"]\n'
                 '[cable.b]\nbetween = ["other", "home"]\n')  # fmt: skip
    assert warnings(path) == [
        "7:8: warning: cable.b: it closes a loop of switches, without a spanning tree: floods never end"
    ]


def test_warns_of_hosts_without_a_way_or_a_network(write):
    path = write(lab_toml='[lan.a]\nhosts = ["one"]\n[lan.b]\nhosts = ["twoo"]\n[host.two]\n')
    assert warnings(path) == [
        "2:10: warning: lan.a.hosts[0]: there is no way from it to twoo",
        "4:10: warning: lan.b.hosts[0]: there is no way from it to one",
        "5:7: warning: host.two: it is on no LAN and no cable; did you mean 'twoo'?",
    ]
