"""A name server and its clients on three hosts, none of which knows of glassnet."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import struct
import subprocess
import time

import dns.asyncresolver
import dns.resolver
import pytest
from dns_server import Server

import glassnet

ZONE = """
both.example. A 192.0.2.101
both.example. AAAA 2001:db8::101
four.example. A 192.0.2.104
six.example. AAAA 2001:db8::106
empty.example. TXT hello
alias.example. CNAME both.example.
alias2.example. CNAME alias.example.
dangling.example. CNAME nowhere.example.
here.corp.example. A 192.0.2.105
slow.example. A 192.0.2.107
slow.example. AAAA 2001:db8::107
half.example. A 192.0.2.108
wrong.example. A 192.0.2.109
cut.example. A 192.0.2.110
101.2.0.192.in-addr.arpa. PTR both.example.
104.2.0.192.in-addr.arpa. CNAME moved.example.
moved.example. PTR four.example.
105.2.0.192.in-addr.arpa. PTR -no-host.example.
1.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR both.example.
""" + "\n".join(f"many.example. A 198.51.100.{number}" for number in range(1, 61))


def outcome(call, *args):
    """What a lookup gives: addresses in order, or the number and words of its error; and what it took."""
    began = time.monotonic()
    try:
        found = call(*args)
        if call is socket.getaddrinfo:
            found = [info[4][0] for info in found]
    except OSError as error:
        found = (error.errno, error.strerror)
    return found, round(time.monotonic() - began, 1)


def lookup(name, family=0):
    return outcome(socket.getaddrinfo, name, 80, family, socket.SOCK_STREAM)


UNKNOWN = (-2, "Name or service not known")
NO_DATA = (-5, "No address associated with hostname")
AGAIN = (-3, "Temporary failure in name resolution")


class Lab:
    """A client, and a name server for it."""

    def __init__(self, net, faults=None, **settings):
        self.net = net
        self.client, self.host = net.lan("client", "ns", delay="1ms")
        self.server = Server(ZONE, faults)
        self.host.start(self.server.run)
        self.client.resolv(["192.0.2.2"], **settings)

    def run(self, *args):
        self.server.log.clear()
        return self.client.run(*args)

    @property
    def asked(self):
        return [f"{over} {name} {kind}" for over, name, kind in self.server.log]


@pytest.fixture
def lab(net):
    return Lab(net)


@pytest.mark.parametrize(
    ("name", "any_family", "four", "six"),
    [
        ("both.example", ["2001:db8::101", "192.0.2.101"], ["192.0.2.101"], ["2001:db8::101"]),
        ("four.example", ["192.0.2.104"], ["192.0.2.104"], NO_DATA),
        ("six.example", ["2001:db8::106"], NO_DATA, ["2001:db8::106"]),
        ("alias2.example", ["2001:db8::101", "192.0.2.101"], ["192.0.2.101"], ["2001:db8::101"]),
        ("empty.example", NO_DATA, NO_DATA, NO_DATA),
        ("nowhere.example", UNKNOWN, UNKNOWN, UNKNOWN),
        ("dangling.example", UNKNOWN, UNKNOWN, UNKNOWN),
        ("x_y!.example", UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_names_as_glibc_finds_them(lab, name, any_family, four, six):
    for family, expected in ((0, any_family), (socket.AF_INET, four), (socket.AF_INET6, six)):
        assert lab.run(lookup, name, family)[0] == expected


def test_both_questions_go_out_at_once(lab):
    _, took = lab.run(lookup, "both.example")
    assert lab.asked == ["UDP both.example. A", "UDP both.example. AAAA"]
    assert took < 0.05


def test_official_names(lab):
    infos = lab.run(socket.getaddrinfo, "alias2.example", 80, 0, 1, 0, socket.AI_CANONNAME)
    assert [info[3] for info in infos] == ["both.example", ""]
    expected = ("both.example", ["alias2.example", "alias.example"], ["192.0.2.101"])
    assert lab.run(socket.gethostbyname_ex, "alias2.example") == expected


def test_what_the_tables_have_is_not_asked(lab):
    lab.client.hosts.add("own.example", "192.0.2.77")
    assert lab.run(lookup, "own.example")[0] == ["192.0.2.77"]
    assert lab.run(lookup, "localhost")[0] == ["::1", "127.0.0.1"]
    assert lab.asked == []
    # With a name server the network's names are those of another world.
    assert lab.run(lookup, "ns")[0] == UNKNOWN
    assert lab.host.run(lookup, "client")[0] == ["2001:db8::1", "192.0.2.1"]


@pytest.mark.parametrize(
    ("ndots", "name", "found", "tried"),
    [
        (1, "here", ["192.0.2.105"], ["here.dev.example.", "here.corp.example."]),
        (1, "here.", UNKNOWN, ["here."]),
        (1, "four.example", ["192.0.2.104"], ["four.example."]),
        (1, "a.b", UNKNOWN, ["a.b.", "a.b.dev.example.", "a.b.corp.example."]),
        (1, "no", UNKNOWN, ["no.dev.example.", "no.corp.example.", "no."]),
        (
            2,
            "four.example",
            ["192.0.2.104"],
            ["four.example.dev.example.", "four.example.corp.example.", "four.example."],
        ),
    ],
)
def test_the_search_list(net, ndots, name, found, tried):
    lab = Lab(net, search=["dev.example", "corp.example"], ndots=ndots)
    assert lab.run(lookup, name, socket.AF_INET)[0] == found
    assert lab.asked == [f"UDP {each} A" for each in tried]


def test_a_host_in_a_domain_searches_that(net):
    client, server = net.lan("client.corp.example", "ns")
    server.start(Server(ZONE).run)
    client.resolv(["192.0.2.2"])
    assert client.run(lookup, "here")[0] == ["192.0.2.105"]


def test_names_of_addresses(lab):
    def reverse(address):
        return (
            outcome(socket.gethostbyaddr, address)[0],
            outcome(socket.getnameinfo, (address, 80), 0)[0],
        )

    assert lab.run(reverse, "192.0.2.101") == (
        ("both.example", [], ["192.0.2.101"]),
        ("both.example", "http"),
    )
    assert lab.run(reverse, "2001:db8::101")[1] == ("both.example", "http")
    assert lab.run(reverse, "192.0.2.104")[1] == ("four.example", "http")
    assert lab.run(reverse, "192.0.2.199") == ((1, "Unknown host"), ("192.0.2.199", "http"))
    assert lab.run(reverse, "192.0.2.105") == ((0, "Resolver Error 0 (no error)"), ("192.0.2.105", "http"))
    lab.server.faults["199.2.0.192.in-addr.arpa."] = "SERVFAIL"
    assert lab.run(reverse, "192.0.2.199") == ((2, "Host name lookup failure"), AGAIN)


@pytest.mark.parametrize(
    ("fault", "expected", "asked"),
    [
        ("SERVFAIL", (AGAIN, 0.0), 4),
        ("REFUSED", (AGAIN, 0.0), 4),
        ("NOTIMP", (AGAIN, 0.0), 4),
        ("FORMERR", (UNKNOWN, 0.0), 2),
        ({"A": "SERVFAIL"}, (["2001:db8::107"], 0.0), 2),
        ("silent", (AGAIN, 10.0), 4),
        ("silent at first", (["2001:db8::107", "192.0.2.107"], 5.0), 4),
        ({"AAAA": "silent"}, (["192.0.2.107"], 15.0), 6),
        ({"AAAA": "silent at first"}, (["2001:db8::107", "192.0.2.107"], 5.0), 4),
        ("wrong ids", (["2001:db8::107", "192.0.2.107"], 0.0), 2),
        ("wrong questions", (["2001:db8::107", "192.0.2.107"], 0.0), 2),
        ("a query back", (AGAIN, 0.0), 4),
        ("loop", (UNKNOWN, 0.0), 2),
        (b"\x81\x80\0", (AGAIN, 0.0), None),
        (b"\x81\x83" + bytes(8), (AGAIN, 10.0), 4),
        (b"\x81\x82" + bytes(8), (AGAIN, 0.0), 4),
    ],
    ids=str,
)
def test_what_servers_do_wrong(net, fault, expected, asked):
    lab = Lab(net, {"slow.example.": fault})
    found, took = lab.run(lookup, "slow.example")
    assert (found, took) == expected
    if asked is not None:
        assert len(lab.asked) == asked


def test_truncated_answers_come_over_tcp(net):
    lab = Lab(net, {"cut.example.": "truncated"})
    assert lab.run(lookup, "cut.example")[0] == ["192.0.2.110"]
    assert lab.asked == [f"{over} cut.example. {kind}" for over in ("UDP", "TCP") for kind in ("A", "AAAA")]
    assert sorted(lab.run(lookup, "many.example")[0]) == sorted(
        f"198.51.100.{number}" for number in range(1, 61)
    )
    assert "TCP many.example. A" in lab.asked


def test_lost_questions_are_asked_again(net):
    lab = Lab(net)
    cable = net.cables[0]

    def program():
        cable.cut()
        return lookup("both.example")

    net.engine.after(3 * 10**9, lambda _: cable.mend())
    # Nobody answers an ARP request for the first seconds, and the kernel holds the questions until then.
    found, took = lab.run(program)
    assert found == ["2001:db8::101", "192.0.2.101"]
    assert 3 <= took <= 6


def three(net, *settings, **options):
    client, silent, server = net.lan("client", "silent", "ns", delay="1ms")
    held = Server(ZONE)
    server.start(held.run)
    client.resolv([*settings], **options)
    return client, silent, held


def test_a_server_that_is_not_there_is_left_for_the_next(net):
    client, _, server = three(net, "192.0.2.2", "192.0.2.3")
    # Its host answers that the port is closed, so there is nothing to wait for.
    assert client.run(lookup, "both.example") == (["2001:db8::101", "192.0.2.101"], 0.0)
    assert len(server.log) == 2


def test_a_silent_server_is_left_after_its_time(net):
    client, silent, _ = three(net, "192.0.2.2", "192.0.2.3", timeout="2s")
    silent.start(Server(ZONE, {"both.example.": "silent"}).run)
    assert client.run(lookup, "both.example") == (["2001:db8::101", "192.0.2.101"], 2.0)


def test_later_servers_get_their_share_of_a_longer_time(net):
    client, silent, _ = three(net, "192.0.2.3", "192.0.2.2", "192.0.2.2")
    silent.start(Server(ZONE, {"both.example.": "silent"}).run)
    assert client.run(lookup, "both.example")[1] == 0.0
    client.resolv(["192.0.2.2"] * 3)
    assert client.run(lookup, "both.example") == (AGAIN, 28.0)


def test_servers_take_turns(net):
    client, other, server = three(net, "192.0.2.3", "192.0.2.2", rotate=True)
    second = Server(ZONE)
    other.start(second.run)

    def program():
        for _ in range(4):
            lookup("four.example", socket.AF_INET)

    client.run(program)
    assert (len(server.log), len(second.log)) == (2, 2)


def test_over_ipv6(net):
    client, server = net.lan("client", "ns")
    server.start(Server(ZONE).run, socket.AF_INET6)
    client.resolv(["2001:db8::2"])
    assert client.run(lookup, "both.example")[0] == ["2001:db8::101", "192.0.2.101"]


def test_an_asyncio_program_waits_without_being_held_up(net):
    lab = Lab(net, {"slow.example.": "silent at first"})

    async def program():
        loop = asyncio.get_running_loop()
        ticks = []

        async def tick():
            while True:
                await asyncio.sleep(1)
                ticks.append(loop.time())

        ticking = asyncio.create_task(tick())
        infos = await loop.getaddrinfo("slow.example", 80, type=socket.SOCK_STREAM)
        ticking.cancel()
        return [info[4][0] for info in infos], len(ticks)

    assert lab.run(program) == (["2001:db8::107", "192.0.2.107"], 5)


def test_dnspython_reads_the_hosts_own_resolv_conf(lab):
    def sync():
        answer = dns.resolver.resolve("alias.example", "A")
        return answer.canonical_name.to_text(), [each.address for each in answer]

    async def with_asyncio():
        answer = await dns.asyncresolver.Resolver().resolve("both.example", "AAAA")
        return [each.address for each in answer]

    def missing():
        with pytest.raises(dns.resolver.NXDOMAIN):
            dns.resolver.Resolver().resolve("nowhere.example")
        return True

    assert lab.run(sync) == ("both.example.", ["192.0.2.101"])
    assert lab.run(with_asyncio) == ["2001:db8::101"]
    assert lab.run(missing)


def test_the_same_seed_asks_the_same(tmp_path):
    def run(seed, name):
        net = glassnet.Network(seed=seed)
        lab = Lab(net, {"slow.example.": "silent at first"})
        with net.capture(tmp_path / name):
            lab.run(lookup, "slow.example")
        net.close()
        return (tmp_path / name).read_bytes()

    assert run(1, "one") == run(1, "again")
    assert run(1, "one") != run(2, "two")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_finds_nothing_wrong(net, tmp_path):
    lab = Lab(net)
    path = tmp_path / "dns.pcapng"
    with net.capture(path):
        lab.run(lookup, "both.example")
        lab.run(lookup, "nowhere.example")
        lab.run(socket.gethostbyaddr, "192.0.2.101")

    def rows(*args):
        done = subprocess.run(["tshark", "-r", path, *args], capture_output=True, text=True, check=True)
        return done.stdout.split("\n")[:-1]

    assert rows("-Y", "_ws.malformed || _ws.expert.severity >= error") == []
    # Each packet is there once for each interface that it passes.
    seen = rows("-Y", "dns.flags.response == 0", "-T", "fields", "-e", "dns.qry.name", "-e", "dns.id")
    questions = [each.split()[0] for each in dict.fromkeys(seen)]
    assert questions == ["both.example"] * 2 + ["nowhere.example"] * 2 + ["101.2.0.192.in-addr.arpa"]
    assert len(set(rows("-Y", "dns", "-T", "fields", "-e", "dns.id"))) == 5


def noise(chance):
    """Something like a response: anything, or a right beginning and then anything."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randrange(40))
    question = b"\5noise\7example\0" + struct.pack("!HH", chance.choice((1, 28)), 1)
    header = struct.pack("!HHHHH", chance.choice((0x8180, 0x8580, 0x8183)), 1, chance.randrange(4), 0, 0)
    pieces = (b"\xc0\x0c", b"\xc0\x0a", b"\xc0\x1f", b"\xff", b"\0", struct.pack("!HHIH", 5, 1, 60, 2))
    pieces += (b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + chance.randbytes(4),) * 3
    pieces += (struct.pack("!HHIH", 1, 1, 60, 4), chance.randbytes(4), b"\x3f" + chance.randbytes(9))
    return header + question + b"".join(chance.choices(pieces, k=chance.randrange(12)))


def test_nothing_that_a_server_says_does_harm(net):
    chance = random.Random(53)
    lab = Lab(net, {"noise.example.": b""}, timeout="1s", attempts=1)
    seen = set()
    for _ in range(150):
        lab.server.faults["noise.example."] = noise(chance)
        found, took = lab.run(lookup, "noise.example")
        assert isinstance(found, list) or found in (UNKNOWN, NO_DATA, AGAIN)
        assert took <= 3
        seen.add(found if isinstance(found, tuple) else "found")
    assert seen == {UNKNOWN, NO_DATA, AGAIN, "found"}


def test_a_flood_of_forged_answers_does_not_keep_it_waiting(net):
    lab = Lab(net, timeout="1s", attempts=1)

    lab.server.answer = lambda wire, over: [wire[:1] + bytes([wire[1] ^ 1]) + wire[2:]] * 50
    assert lab.run(lookup, "slow.example") == (AGAIN, 1.0)
