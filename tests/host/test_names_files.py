"""What programs read in /etc on a host."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

HOSTS = "/etc/hosts"


def test_the_hosts_file_is_the_hosts_own(hosts, a, b):
    a.hosts.add("db.example", "192.0.2.77", "2001:db8::77")
    a.hosts.add("alias.example", "192.0.2.77")

    def program():
        with open(HOSTS) as file:
            return file.read()

    assert a.run(program).splitlines() == [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "192.0.2.77\tdb.example alias.example",
        "2001:db8::77\tdb.example",
        "192.0.2.1\ta",
        "2001:db8::1\ta",
        "192.0.2.2\tb",
        "2001:db8::2\tb",
    ]
    assert "db.example" not in b.run(program)
    a.resolv(["192.0.2.2"])
    assert "192.0.2.2\tb" not in a.run(program)


def test_resolv_conf_says_what_was_set(hosts, a):
    def program():
        return Path("/etc/resolv.conf").read_text(), Path("/etc/hostname").read_bytes()

    assert a.run(program) == ("# No name server: names come from /etc/hosts alone.\n", b"a\n")
    a.resolv(["192.0.2.53", "fe80::1%eth0"], ["corp.example"], 2, "3s", 4, True)
    assert a.run(program)[0].splitlines() == [
        "nameserver 192.0.2.53",
        "nameserver fe80::1%eth0",
        "search corp.example",
        "options ndots:2 timeout:3 attempts:4 rotate",
    ]


def test_every_way_to_read_it(hosts, a):
    def program():
        number = os.open(HOSTS, os.O_RDONLY)
        with os.fdopen(number, "rb") as file:
            low = file.read()
        with open(os.fsencode(HOSTS), "rb") as file:
            name, high = file.name, file.read()
        with open(HOSTS, opener=lambda path, flags: os.open(path, flags)) as file:
            opened = file.read().encode()
        size = os.stat(HOSTS).st_size
        return low == high == opened == Path(HOSTS).read_bytes(), name, size == len(low), low[:9]

    assert a.run(program) == (True, b"/etc/hosts", True, b"127.0.0.1")


def test_it_is_a_file_that_nobody_may_write(hosts, a):
    before = Path(HOSTS).read_bytes()

    def refused(call, *args):
        with pytest.raises(PermissionError) as caught:
            call(*args)
        return caught.value.errno, caught.value.filename

    def program():
        status = os.stat(HOSTS)
        assert stat.S_ISREG(status.st_mode)
        assert os.lstat(HOSTS) == status
        assert os.path.exists(HOSTS)
        assert os.path.realpath(HOSTS) == HOSTS
        assert os.access(HOSTS, os.R_OK)
        assert not os.access(HOSTS, os.W_OK)
        return [
            refused(open, HOSTS, "w"),
            refused(open, HOSTS, "a"),
            refused(open, HOSTS, "r+"),
            refused(os.open, HOSTS, os.O_RDWR),
            refused(os.remove, HOSTS),
            refused(os.replace, "/nowhere", HOSTS),
            refused(Path(HOSTS).unlink),
            refused(os.truncate, HOSTS, 0),
        ]

    assert a.run(program) == [(13, HOSTS)] * 8
    assert Path(HOSTS).read_bytes() == before


def test_all_else_is_the_machines(hosts, a, tmp_path):
    path = tmp_path / "file"

    def program():
        path.write_text("kept")
        with open(path) as file:
            text = file.read()
        with pytest.raises(FileNotFoundError):
            (tmp_path / "no" / "such").read_text()
        os.rename(path, path.with_suffix(".new"))
        return text, os.stat(path.with_suffix(".new")).st_size

    assert a.run(program) == ("kept", 4)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"nameservers": ["ns.example"]}, "expected an address"),
        ({"nameservers": "192.0.2.1"}, "expected a list"),
        ({"nameservers": ["192.0.2.1"] * 4}, "at most 3"),
        ({"search": ["a..b"]}, "expected a domain"),
        ({"search": "example"}, "expected a list"),
        ({"ndots": 16}, "from 0 to 15"),
        ({"timeout": "0.5s"}, "whole seconds"),
        ({"timeout": 31}, "whole seconds"),
        ({"attempts": 0}, "from 1 to 5"),
    ],
)
def test_what_resolv_conf_does_not_allow(hosts, a, wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        a.resolv(**wrong)
