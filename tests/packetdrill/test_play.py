"""Scripts at work: what passes, and what the first difference is said to be."""

from __future__ import annotations

import pytest

from glassnet.packetdrill import play
from glassnet.packetdrill.reading import parse_script
from glassnet.transport.tcp import Connection
from glassnet.transport.tcp.receiver import Receiver

SERVER = """
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 32792 <mss 1000>
+0  > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 32792
+0  accept(3, ..., ...) = 4
"""
WITH_STAMPS = SERVER.replace("<mss 1000>", "<mss 1000,sackOK,TS val 5 ecr 0>").replace(
    "<mss 1460>", "<mss 1460,sackOK,TS val 100 ecr 5>"
).replace("win 32792\n+0  accept", "win 32792 <nop,nop,TS val 6 ecr 100>\n+0  accept")  # fmt: skip


def outcome(text, **options):
    return play(parse_script(text, "it.pkt"), **options)


def problem(text):
    result = outcome(text)
    assert not result.passed
    return result.problem


def test_a_script_that_passes():
    result = outcome(SERVER + "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1")
    assert result.passed, result.problem
    assert result.file == "it.pkt"


@pytest.mark.parametrize("text", ["", "// nothing", "--mtu=1400"])
def test_an_empty_script_passes_for_nothing(text):
    assert problem(text) == "it.pkt: nothing happens in this script"


@pytest.mark.parametrize(
    "line", ["0.05 write(4, ..., 5) = 5", "0.05 < P. 1:11(10) ack 1 win 5", "0.05 %{ pass }%"]
)
def test_what_is_to_happen_in_the_past_fails(line):
    told = problem(SERVER + line)
    assert told == f"it.pkt:9:1: {line}\n  it was to happen at 0.050000, and it is 0.100000 already"


def test_a_call_may_return_at_its_very_end():
    waits = SERVER + "+0...+.2 read(4, ..., 10) = 10\n+.2 < P. 1:11(10) ack 1 win 9\n+0 > . 1:1(0) ack 11"
    assert outcome("--tolerance_usecs=0\n" + waits).passed
    told = problem("--tolerance_usecs=0\n" + waits.replace("\n+.2 <", "\n+.200001 <"))
    assert "was to return at 0.300000, and waits still at 0.300000" in told


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("+0 > . 1:11(10) ack 1", "flags: expected ., seen P."),
        ("+0 > P. 2:12(10) ack 1", "sequence number: expected 2, seen 1"),
        ("+0 > P. 1:10(9) ack 1", "octets: expected 9, seen 10"),
        ("+0 > P. 1:11(10) ack 2", "ack: expected 2, seen 1"),
        ("+0 > P. 1:11(10) ack 1 win 5", "window: expected 5, seen "),
        ("+0 > P. 1:11(10) ack 1 <nop>", "options: expected <nop>, seen <>"),
        ("+0 > P. 1:11(10) ack 1 urg 5", "urgent pointer: expected 5, seen 0"),
        ("+0 > [ce] P. 1:11(10) ack 1", "ECN: expected ce, seen noecn"),
        ("+0 > [tos 0x10] P. 1:11(10) ack 1", "TOS: expected 0x10, seen 0x00"),
        ("+0 > (ttl 65) P. 1:11(10) ack 1", "TTL: expected 65, seen 64"),
        ("+.1 > P. 1:11(10) ack 1", "time: 0.100000 s too early"),
        ("+.1~+.2 > P. 1:11(10) ack 1", "time: 0.100000 s too early"),
        ("+0 > udp (10)", "it is no UDP datagram"),
        ("+0 > icmp echo_request", "it is no ICMP message"),
        ("+0 > 8080 > 7 P. 1:11(10) ack 1", "ports: expected 8080 > 7, seen 8080 > 40000"),
    ],
)
def test_the_first_difference(line, what):
    told = problem(SERVER + f"+0 write(4, ..., 10) = 10\n{line}\n")
    assert told.startswith("it.pkt:10:1: " + line)
    assert what in told
    assert "expected  " in told
    assert "seen      " in told
    assert "P. 1:11(10) ack 1 win " in told


def test_a_packet_that_is_late():
    told = problem("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n0...9 connect(3, ..., ...) = 0\n"
                   "0 > S 0:0(0) <...>\n0.5 > S 0:0(0) <...>")  # fmt: skip
    assert "time: 0.500000 s too late" in told


def test_the_tolerance_is_the_scripts():
    script = SERVER + "+.01 write(4, ..., 10) = 10\n+.003 > P. 1:11(10) ack 1"
    assert outcome(script).passed
    assert "0.003000 s too early" in problem("--tolerance_usecs=2000\n" + script)
    far = script.replace("+.003 ", "+.9 ")
    assert "too early" in problem(far)
    assert outcome("--tolerance_percent=100\n" + far).passed


def test_a_packet_that_does_not_come():
    told = problem(SERVER + "+0 > P. 1:11(10) ack 1")
    assert "expected  0.100000 > P. 1:11(10) ack 1" in told
    assert "seen      nothing until " in told


def test_a_packet_too_many():
    told = problem(SERVER + "+0 write(4, ..., 10) = 10")
    assert "the script is over, and one more packet was sent" in told
    assert "> P. 1:11(10) ack 1" in told


def test_what_the_host_dropped_is_told():
    told = problem(SERVER + "+0 < . 90000:90010(10) ack 1 win 5\n+0 > . 2:2(0) ack 1")
    assert "dropped   1 tcp: " in told


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("+0 read(4, ..., 10) = 10", "the call waits, at 0.100000"),
        ("+0 write(4, ..., 10) = 9", "expected  = 9\n  seen      = 10 at 0.100000"),
        ("+0 accept(4, ..., ...) = 5", "expected  = 5\n  seen      = -1 EINVAL"),
        ("+0 read(9, ..., 10) = -1 ENOTCONN (...)", "expected  = -1 ENOTCONN\n  seen      = -1 EBADF"),
        ("+0...0.1 read(4, ..., 10) = 0", "was to return at 0.200000, and waits still at 0.204000"),
        ("+0...1 write(4, ..., 10) = 10", "was to return at 1.100000, and returned at 0.100000"),
        ("+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [5], [4]) = 0", "the option: expected 5, seen 0"),
        ("+0 getsockopt(4, SOL_TCP, TCP_CONGESTION, \"x\", [16]) = 0", "expected b'x', seen b'"),
        ("+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1", "revents of 4: expected 1, seen 4"),
        ("+0 fcntl(4, F_GETFL) = 0x802", "expected  = 2050\n  seen      = 2"),
        ("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4", "the script has a file 4 already"),
        ("+0 %{ assert tcpi_state == 7 }%", "AssertionError"),
        ("+0 %{ nothing }%", "NameError"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_call_or_code(line, what):
    told = problem(SERVER + line)
    assert told.startswith("it.pkt:9:1: " + line)
    assert what in told


def test_code_tells_line_and_values():
    told = problem(SERVER + "+0 %{\nx = 1\nassert tcpi_snd_mss == 7\n}%")
    assert "line 11: assert tcpi_snd_mss == 7" in told
    assert "tcpi_snd_mss = 1000" in told


def test_code_keeps_its_variables():
    assert outcome(SERVER + "+0 %{ x = tcpi_state }%\n+1 %{ assert x == TCP_ESTABLISHED }%").passed


def test_timestamps_are_those_of_the_script():
    later = "+.1 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <nop,nop,TS val {} ecr 6>"
    assert outcome(WITH_STAMPS + later.format(9999)).passed
    tick = "--tcp_ts_tick_usecs=1000\n"
    assert outcome(tick + WITH_STAMPS + later.format(300)).passed
    assert "TS val: expected 9999, seen 300" in problem(tick + WITH_STAMPS + later.format(9999))
    assert "TS ecr: expected 7, seen 6" in problem(WITH_STAMPS + later.format(300).replace("ecr 6", "ecr 7"))


def test_octets_are_those_that_the_program_wrote():
    # The script says that the SYN-ACK has number 10, so data that begin at 1 are not those at 11.
    told = problem(
        SERVER.replace("S. 0:0(0)", "S. 10:10(0)").replace("ack 1 win", "ack 11 win")
        + "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1"
    )
    assert "sequence number: expected 1, seen 11" in told


def test_what_is_read_is_what_came():
    data = "+0 < P. 1:11(10) ack 1 win 5\n+0 > . 1:1(0) ack 11\n"
    assert outcome(SERVER + data + "+0 read(4, ..., 100) = 10").passed
    twice = data + "+0 recv(4, ..., 4, MSG_PEEK) = 4\n+0 recv(4, ..., 4, 0) = 4\n+0 read(4, ..., 100) = 6"
    assert outcome(SERVER + twice).passed


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("0 mmap(3) = 0", "the system call mmap() is not implemented"),
        ("0 close() = 0", "close() takes 1 arguments, not 0"),
        ("0 socket(..., SOCK_STRAEM, 0) = 3", "there is no constant 'SOCK_STRAEM'"),
        ("0 bind(3, htons(\"x\"), 0) = 3", "htons()"),
        ("`reboot`", "only sysctl -q NAME=VALUE can be run here"),
        ("`sysctl -p`", "expected sysctl -q NAME=VALUE"),
        ("`sysctl -q net.ipv4.tcp_sack`", "has no =VALUE"),
        ("`sysctl -q net.ipv4.tcp_sakc=1`", "is it net.ipv4.tcp_sack?"),
        ("`sysctl -q net.ipv4.tcp_sack=7`", "expected a number from 0 to 1"),
        ("`sysctl 'x`", "No closing quotation"),
        ("--nothing=1", "there is no flag --nothing"),
        ("--mtu=5", "expected a number from 576 to 9216"),
        ("--local_ip=x", "does not appear to be an IPv4 or IPv6 "),
        ("--ip_version=ipv6\n--local_ip=192.0.2.1", "'192.0.2.1/64' does not appear to be an"),
        ("--ip_version=ipv6\n--remote_ip=192.0.2.1", "192.0.2.1 is no IPv6 address, as --ip_version asks"),
        ("--gateway_ip=2001:db8::1", "2001:db8::1 is no IPv4 address, as --ip_version asks"),
        ("--so_filename=./lib.so", "--so_filename cannot be had here: calls are made by this stack alone"),
        ("--define=A=1", "names cannot be defined"),
        ("`sleep 1`", "only sysctl -q NAME=VALUE can be run here"),
        ("`tc qdisc add dev tun0 root netem delay 10ms`", "only sysctl -q NAME=VALUE can be run here"),
        ("`./more.sh`", "`./more.sh` cannot be read"),
        ("`echo 1 > /tmp/x`", "only sysctl -q NAME=VALUE can be run here"),
        ("`sysctl -q net.core.somaxconn=5`", "there is no such setting here"),
        ("--profile=windows", "expected linux or rfc"),
        ("0 close(3) = -1 ENOSUCH", "there is no error 'ENOSUCH'"),
        ("0 %{ 1 + }%", "the code is no Python"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_its_place(text, what):
    told = problem(text)
    assert told.startswith("it.pkt:")
    assert what in told


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("epoll_wait(5, {events=EPOLLIN, ptr=7}, 1, 0) = 1", "events of 4: expected 1, seen 4"),
        ("epoll_wait(5, [{events=EPOLLIN, ptr=7}], 1, 0) = 1", "events of 4: expected 1, seen 4"),
        ("epoll_wait(5, {events=EPOLLOUT, ptr=8}, 1, 0) = 1", "the data of the event: expected 8, seen 7"),
        ("epoll_wait(5, 3, 1, 0) = 1", "the events are '...' or [{events=EPOLLIN, fd=4}]"),
        ("epoll_wait(5, {events=EPOLLOUT, ptr=7}, 1, 0) = 1", ""),
        ("epoll_wait(5, {events=EPOLLOUT}, 1, 0) = 1", ""),
        ("epoll_wait(5, ..., 1, 0) = 1", ""),
    ],
)
def test_what_epoll_says_is_compared(line, what):
    watch = "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, ptr=7}) = 0\n+0 "
    result = outcome(SERVER + watch + line)
    assert (what in result.problem) if what else result.passed, result.problem


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('getsockname(4, {AF_INET, htons(8080), inet_addr("192.168.0.1")}, [16]) = 0', ""),
        ("getsockname(4, {sa_family=AF_INET, sin_port=htons(81), sin_addr=...}, [16]) = 0", "the port: "),
        ('getpeername(4, {sa_family=AF_INET, sin_port=..., sin_addr=inet_addr("192.0.2.1")}, [16]) = 0', ""),
        ('getpeername(4, {sa_family=AF_INET, sin_port=..., sin_addr=inet_addr("192.0.2.2")}, [16]) = 0',
         "the address: expected '192.0.2.2', seen '192.0.2.1'"),
        ("getpeername(4, {sa_family=AF_INET, port=1}, [16]) = 0", "an address has no field 'port'"),
        ('connect(4, {sa_family=AF_INET, sin_port=htons(1), sin_addr="x"}, 16) = 0', "an address is inet_"),
    ],
)  # fmt: skip
def test_addresses_are_compared(line, what):
    result = outcome(SERVER + "+0 " + line)
    assert (what in result.problem) if what else result.passed, result.problem


def test_the_peers_address_is_compared():
    peer = '{sa_family=AF_INET, sin_port=..., sin_addr=inet_addr("192.0.2.7")}'
    told = "the address: expected '192.0.2.7', seen '192.0.2.1'"
    assert told in problem(SERVER.replace("accept(3, ...", f"accept(3, {peer}"))
    datagram = "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 bind(3, ..., ...) = 0\n+0 < udp (9)\n+0 "
    assert told in problem(f"{datagram}recvfrom(3, ..., 9, 0, {peer}, [16]) = 9")
    assert told in problem(f"{datagram}recvmsg(3, {{msg_name(...)={peer}, msg_iov(1)=[{{..., 9}}]}}, 0) = 9")


def test_addresses_of_ipv6():
    where = '{sa_family=AF_INET6, sin6_port=htons(81), sin6_flowinfo=0, sin6_addr=inet_pton(AF_INET6, "::")}'
    short = '{AF_INET6, htons(81), 0, inet_pton("::"), 0}'
    make = "--ip_version=ipv6\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    for wrote, read in ((where, short), (short, where)):
        assert outcome(f"{make}+0 bind(3, {wrote}, 28) = 0\n+0 getsockname(3, {read}, [28]) = 0").passed
    other = where.replace("81", "82")
    assert "the port: expected 82, seen 81" in problem(
        f"{make}+0 bind(3, {where}, 28) = 0\n+0 getsockname(3, {other}, [28]) = 0"
    )


LOOP = """0 socket(..., SOCK_DGRAM, 0) = 3
+0 bind(3, {AF_INET, htons(5), inet_addr("127.0.0.1")}, ...) = 0
+0 socket(..., SOCK_DGRAM, 0) = 4
+0 connect(4, {AF_INET, htons(5), inet_addr("127.0.0.1")}, ...) = 0
"""


@pytest.mark.parametrize(
    "read", ["read(3, {}, 99)", "recv(3, {}, 99, 0)", "recvfrom(3, {}, 99, 0, ..., ...)"]
)
def test_the_text_of_buffers_is_sent_and_compared(read):
    parts = '[{"abc", 3}, {..., 2}, {"defg", 2}]'
    for call in (f"writev(4, {parts}, 3)", f"sendmsg(4, {{msg_iov(3)={parts}}}, 0)"):
        sent = f"{LOOP}+0 {call} = 7\n+0 "
        assert outcome(f"{sent}{read} = 7".replace("{}", '"abc\\x04\\x05de"')).passed
        told = problem(f"{sent}{read} = 7".replace("{}", '"abcde"'))
        assert "the data: expected b'abcde', seen b'abc\\x04\\x05de'" in told


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("icmp echo_reply id 5 seq 1", ""),
        ("icmp echo_reply", ""),
        ("icmp echo_reply id 5 seq 2", "expected 0x50002, seen 0x50001"),
    ],
)
def test_echoes_are_compared(line, what):
    result = outcome(f"0 < icmp echo_request id 5 seq 1\n0 > {line}")
    assert (what in result.problem) if what else result.passed, result.problem


@pytest.mark.parametrize(
    ("quoted", "what"),
    [
        ("[udp (5)]", ""),
        ("[udp (6)]", "octets of the quoted packet: expected 6, seen 5"),
        ("[1:2(1)]", "it quotes no TCP segment"),
    ],
)
@pytest.mark.parametrize("six", [False, True])
def test_what_icmp_messages_quote_is_compared(quoted, what, six):
    name = "icmpv6" if six else "icmp"
    result = outcome(
        f"--ip_version=ipv{6 if six else 4}\n0 < udp (5)\n0 > {name} unreachable port_unreachable {quoted}"
    )
    assert (what in result.problem) if what else result.passed, result.problem


def test_control_messages_are_refused():
    message = "{msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_control=[{cmsg_level=SOL_SOCKET}], msg_flags=0}"
    for call in ("sendmsg", "recvmsg"):
        assert "control messages (msg_control) cannot" in problem(f"{SERVER}+0 {call}(4, {message}, 0) = 9")


def test_code_that_ends_the_interpreter_fails_the_script():
    assert "SystemExit: 0" in problem(SERVER + "+0 %{ raise SystemExit(0) }%")


def test_a_gateway_outside_of_the_network():
    six = (
        "--ip_version=ipv6\n--local_ip=2001:db8:1::1\n--gateway_ip=2001:db8:2::1\n--remote_ip=2001:db8:3::1\n"
    )
    assert outcome(six + SERVER.replace("1460", "1440")).passed
    assert outcome("--gateway_ip=192.168.0.1\n" + SERVER).passed
    assert outcome("--gateway_ip=198.51.100.1\n" + SERVER).passed


def test_flags_without_effect_are_told():
    result = outcome("--speed=100\n" + SERVER)
    assert result.passed
    assert result.notes == [
        "it.pkt:1:1: --speed has no effect: the cable has no rate, so that nothing waits for it"
    ]


def test_the_profile_is_the_commands_or_the_scripts():
    options = "<mss 1460,nop,nop,sackOK>"
    script = SERVER.replace("<mss 1000>", "<mss 1000,sackOK>")
    assert outcome(script.replace("<mss 1460>", options)).passed
    assert outcome(script, tcp="rfc").passed
    assert outcome("--profile=rfc\n" + script).passed


def test_packets_are_told_as_they_pass():
    lines = []
    assert outcome(SERVER, tell=lines.append).passed
    assert lines[0] == "0.000000 < S 0:0(0) win 32792 <mss 1000>"
    assert lines[1].startswith("0.000000 > S. 0:0(0) ack 1 win ")
    assert lines[2] == "0.100000 < . 1:1(0) ack 1 win 32792"


def test_the_same_script_gives_the_same_packets():
    told = [[], []]
    for lines in told:
        outcome(SERVER + "+0 write(4, ..., 100000) = 100000\n+0 > . 1:2(1) ack 1", tell=lines.append)
    assert told[0] == told[1]
    assert len(told[0]) > 5


def test_ipv4_mapped():
    assert outcome("--ip_version=ipv4-mapped-ipv6\n" + SERVER).passed
    client = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n0...0.1 connect(3, ..., ...) = 0\n"
    packets = "0 > S 0:0(0) <...>\n0.1 < S. 0:0(0) ack 1 win 9 <mss 1460>\n0.1 > . 1:1(0) ack 1"
    assert outcome("--ip_version=ipv4-mapped-ipv6\n" + client + packets).passed


def test_errors_of_two_names_are_the_same():
    assert outcome(SERVER + "+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EWOULDBLOCK (...)").passed
    assert outcome(SERVER + "+0 recv(4, ..., 10, MSG_DONTWAIT) = -1").passed
    assert outcome(SERVER + "+0 recv(4, ..., 10, MSG_DONTWAIT) = ...").passed


@pytest.fixture
def broken(monkeypatch):
    """A stack with a fault: it cannot take data in."""

    def take_in(*_):
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr(Receiver, "accept", take_in)


def test_a_fault_of_the_stack_fails_the_script(broken):
    told = problem(SERVER + "+.1 < P. 1:11(10) ack 1 win 5\n+0 > . 1:1(0) ack 11")
    lines = told.splitlines()
    assert lines[:2] == [
        "it.pkt:9:1: +.1 < P. 1:11(10) ack 1 win 5",
        "  the stack raised an exception:",
    ]
    assert lines[-1] == "    ZeroDivisionError: broken on purpose"
    assert ", in take_in" in lines[-3]
    assert len(lines) == 12
    assert outcome(SERVER).passed  # and no other


def test_a_fault_in_a_call_fails_the_script(monkeypatch):
    def send(*_):
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr(Connection, "send", send)
    told = problem(SERVER + "+0 write(4, ..., 10) = 10")
    assert told.startswith(
        "it.pkt:9:1: +0 write(4, ..., 10) = 10\n  at 0.100000: the call raised an exception:\n"
    )
    assert "    ZeroDivisionError: broken on purpose" in told
    assert ", in send" in told


def test_an_interrupt_is_no_fault(monkeypatch):
    def take_in(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Receiver, "accept", take_in)
    with pytest.raises(KeyboardInterrupt):
        outcome(SERVER + "+.1 < P. 1:11(10) ack 1 win 5")
