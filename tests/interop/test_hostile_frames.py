"""A host under a storm of hostile frames: nothing raises, its connections live, its memory has a bound.

The frames are made here, with a checksum of the test's own, so that most are wrong in one
place alone and get as deep into the stack as a stranger's frame can. One connection of each
family must live through it. RFC 9293 and RFC 7323 say which segments may harm a connection:
those inside the receive window with an acceptable acknowledgment and timestamp, and a RST at
exactly RCV.NXT. No such segment is aimed at those two; a second pair, which may die of them,
gets everything.
"""

from __future__ import annotations

import contextlib
import gc
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

import glassnet

FRAMES = 220_000
GAP = 40e-6
ECHO, SACRIFICE, DATAGRAMS, ERRORS = 7, 8, 9, 10
PORTS = (ECHO, SACRIFICE, DATAGRAMS, ERRORS, 1, 65535)
MEBIBYTE = 1 << 20

Ports = dict[int, tuple[int, ...]]

IPV4, IPV6, ARP = b"\x08\x00", b"\x86\xdd", b"\x08\x06"
FIN, SYN, RST, ACK = 1, 2, 4, 16


# --- making frames


def checksum(data: bytes) -> bytes:
    """RFC 1071, word by word."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", total ^ 0xFFFF)


def ipv4(source: bytes, target: bytes, protocol: int, data: bytes, **changed: int) -> bytes:
    field = {"version": 0x45, "length": 20 + len(data), "id": 7, "fragment": 0, "ttl": 64} | changed
    head = struct.pack(
        "!BBHHHBBH4s4s",
        field["version"], 0, field["length"] & 0xFFFF, field["id"], field["fragment"],
        field["ttl"], protocol, 0, source, target,
    )  # fmt: skip
    return head[:10] + checksum(head) + head[12:] + data


def ipv6(source: bytes, target: bytes, protocol: int, data: bytes, **changed: int) -> bytes:
    field = {"version": 6 << 28, "length": len(data), "ttl": 64} | changed
    length = field["length"] & 0xFFFF
    return struct.pack("!IHBB16s16s", field["version"], length, protocol, field["ttl"], source, target) + data


def packet(source: bytes, target: bytes, protocol: int, data: bytes, **changed: int) -> bytes:
    return (ipv4 if len(source) == 4 else ipv6)(source, target, protocol, data, **changed)


def transport(source: bytes, target: bytes, protocol: int, data: bytes, at: int) -> bytes:
    """`data` with the checksum of it and its pseudo-header at octet `at`."""
    pseudo = source + target + struct.pack("!I", len(data)) + bytes((0, 0, 0, protocol))
    return data[:at] + checksum(pseudo + data) + data[at + 2 :]


def tcp(
    source: bytes,
    target: bytes,
    ports: tuple[int, int],
    numbers: tuple[int, int],
    flags: int,
    *,
    window: int = 500,
    options: bytes = b"",
    data: bytes = b"",
    offset: int | None = None,
) -> bytes:
    """A segment; `numbers` are its sequence and acknowledgment numbers."""
    seq, ack = numbers
    size = 5 + len(options) // 4 if offset is None else offset
    head = struct.pack("!HHIIBBHHH", *ports, seq % 2**32, ack % 2**32, size << 4 & 0xFF, flags, window, 0, 0)
    return packet(source, target, 6, transport(source, target, 6, head + options + data, 16))


def udp(
    source: bytes, target: bytes, ports: tuple[int, int], data: bytes, length: int | None = None
) -> bytes:
    head = struct.pack("!HHHH", *ports, len(data) + 8 if length is None else length, 0)
    return packet(source, target, 17, transport(source, target, 17, head + data, 6))


# --- who is stormed, and what is known of it


class Observed:
    """What a tap on the victim's interface tells: real frames, and how far each connection is.

    `numbers` are, by remote and local address and port, the sequence number that the victim
    expects and that of its last segment.
    """

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.numbers: dict[tuple[bytes, bytes, int, int], tuple[int, int]] = {}

    def tap(self, _time: int, _interface: object, direction: str, frame: bytes) -> None:
        if direction == "rx":
            if type(frame) is bytes and len(self.frames) < 4000:
                self.frames.append(frame)  # from the cable: what is injected is of another type
            return
        if frame[12:14] == IPV4 and frame[23] == 6:
            source, target, at = frame[26:30], frame[30:34], 34
        elif frame[12:14] == IPV6 and frame[20] == 6:
            source, target, at = frame[22:38], frame[38:54], 54
        else:
            return
        ours, theirs, seq, ack, _, flags = struct.unpack_from("!HHIIBB", frame, at)
        if flags & ACK and not flags & (SYN | RST):
            self.numbers[target, source, theirs, ours] = (ack, seq)


class Storm:
    """Makes hostile frames for one victim."""

    def __init__(
        self, seed: int, victim: glassnet.Host, peer: glassnet.Host, live: Ports, seen: Observed
    ) -> None:
        self.random = random.Random(seed)
        self.victim, self.peer = (
            {version: ip_address(host.ip_address(version)).packed for version in (4, 6)}
            for host in (victim, peer)
        )
        self.mac, self.peer_mac = victim.interfaces[0].mac, peer.interfaces[0].mac
        self.live = live
        self.seen = seen
        self.real = list(seen.frames)
        self.guarded = [frame for frame in self.real if frame[12:14] != ARP]
        self.kinds: Counter[str] = Counter()
        self.makers: list[Callable[[], bytes]] = [
            self.noise,
            self.noise_in_a_packet,
            self.truncated,
            self.flipped,
            self.wrong_length,
            self.fragment,
            self.any_segment,
            self.segment_to_the_sacrificed,
            self.segment_that_must_not_harm,
            self.any_datagram,
            self.false_error,
            self.false_neighbour,
        ]

    def __iter__(self) -> Iterator[bytes]:
        while True:
            make = self.random.choice(self.makers)
            self.kinds[make.__name__] += 1
            yield make()

    def ethernet(self, payload: bytes) -> bytes:
        kind = ARP if payload[:2] == b"\0\x01" else IPV6 if payload[:1] >= b"\x60" else IPV4
        return self.mac + self.peer_mac + kind + payload

    def addresses(self) -> tuple[bytes, bytes]:
        """From whom, most often the peer, and to the victim."""
        family = self.random.choice((4, 6))
        size = len(self.victim[family])
        strangers = [self.random.randbytes(size), self.victim[family], bytes(size), b"\xff" * size]
        source = self.peer[family] if self.random.random() < 0.6 else self.random.choice(strangers)
        return source, self.victim[family]

    def options(self) -> bytes:
        raw = self.random.randbytes(self.random.randrange(41))
        return raw + bytes(-len(raw) % 4)

    # each of these makes one frame

    def noise(self) -> bytes:
        data = self.random.randbytes(int(1600 * self.random.random() ** 3))
        if self.random.random() < 0.8:
            kind = self.random.choice((IPV4, IPV6, ARP, b"\x81\x00", b"\x00\x20"))
            return (
                self.random.choice((self.mac, b"\xff" * 6, b"\x33\x33\x00\x00\x00\x01"))
                + data[:6]
                + kind
                + data
            )
        return data

    def noise_in_a_packet(self) -> bytes:
        protocol = self.random.choice(
            (0, 1, 2, 6, 17, 43, 44, 50, 51, 58, 59, 60, self.random.randrange(256))
        )
        return self.ethernet(
            packet(*self.addresses(), protocol, self.random.randbytes(self.random.randrange(120)))
        )

    def truncated(self) -> bytes:
        frame = self.random.choice(self.real)
        return frame[: self.random.randrange(len(frame))]

    def flipped(self) -> bytes:
        """A burst of at most 15 bits: no checksum misses it. ARP has none, and would believe the lie."""
        frame = self.random.choice(self.guarded)
        burst = self.random.getrandbits(15) | 1
        bits = int.from_bytes(frame, "big") ^ burst << self.random.randrange(len(frame) * 8 - 15)
        return bits.to_bytes(len(frame), "big")

    def wrong_length(self) -> bytes:
        source, target = self.addresses()
        data, ports = self.random.randbytes(self.random.randrange(64)), (40000, self.random.choice(PORTS))
        wrong = self.random.choice((0, 1, 7, 8, 19, 20, 27, 28, 39, 40, 65535, self.random.randrange(65536)))
        match self.random.randrange(4):
            case 0:
                return self.ethernet(udp(source, target, ports, data, length=wrong))
            case 1:
                return self.ethernet(tcp(source, target, ports, (1, 1), ACK, data=data, offset=wrong % 16))
            case 2:
                version = 0x40 + wrong % 16 if len(source) == 4 else wrong << 16
                return self.ethernet(packet(source, target, 17, data, version=version))
        return self.ethernet(packet(source, target, 17, data, length=wrong))

    def fragment(self) -> bytes:
        """Few datagrams at a time, so that fragments meet; any offset, so that they overlap."""
        source, target = self.addresses()
        identification = self.random.randrange(40)
        offset = self.random.choice((0, 1, 2, 8190, 8191, self.random.randrange(200)))
        more = self.random.randrange(2)
        data = self.random.randbytes(
            8 * self.random.randrange(100) + (0 if more else self.random.randrange(8))
        )
        protocol = self.random.choice((6, 17, 1, 58))
        if len(source) == 4:
            return self.ethernet(
                ipv4(source, target, protocol, data, id=identification, fragment=more << 13 | offset)
            )
        header = struct.pack("!BBHI", protocol, 0, offset << 3 | more, identification)
        return self.ethernet(ipv6(source, target, 44, header + data))

    def any_segment(self) -> bytes:
        """Any flags, numbers and options, to a real port, but not on a connection that must live."""
        source, target = self.addresses()
        ports = (self.random.randrange(65536), self.random.choice(PORTS))
        if ports[0] in self.live[ECHO]:
            ports = (0, ports[1])
        return self.ethernet(self.segment(source, target, ports, (self.word(), self.word()), self.flags()))

    def segment_to_the_sacrificed(self) -> bytes:
        """Inside the window, and acknowledging what fits: it may reset the connection or feed it nonsense."""
        source, target, ports, expected, sent = self.connection(SACRIFICE)
        numbers = (
            expected + self.random.randrange(-3, 60000) * self.random.randrange(2),
            sent + self.random.randrange(-2, 3),
        )
        flags = self.flags()
        if self.random.random() < 0.98:
            flags &= ~(RST | FIN)  # or it would be over at once
        stamps = struct.pack("!BBBBII", 1, 1, 8, 10, self.word(), self.word())
        options = self.random.choice((stamps, self.options(), b""))
        return self.ethernet(self.segment(source, target, ports, numbers, flags, options, size=1400))

    def segment_that_must_not_harm(self) -> bytes:
        """On a connection that must live; each is one that the RFCs say to drop or to answer with an ACK."""
        source, target, ports, expected, sent = self.connection(ECHO)
        inside = expected + self.random.randrange(6000, 20000)  # beyond what waits for a delayed ACK
        match self.random.randrange(4):
            case 0:  # outside the window: RFC 9293 section 3.10.7.4, first check
                seq = expected + 2**31 + self.random.randrange(-(2**30), 2**30)
                return self.ethernet(self.segment(source, target, ports, (seq, self.word()), self.flags()))
            case 1:  # RST inside the window, but not where it must be (RFC 5961 section 3.2)
                flags = self.flags() | RST
            case 2:  # SYN inside the window (RFC 5961 section 4.2)
                flags = (self.flags() | SYN) & ~RST
            case _:  # without the timestamps that were agreed on (RFC 7323 section 3.2)
                flags = (self.flags() | ACK) & ~(RST | SYN)
        return self.ethernet(self.segment(source, target, ports, (inside, sent), flags, b""))

    def connection(self, port: int) -> tuple[bytes, bytes, tuple[int, int], int, int]:
        """A live connection of `port`: addresses, ports, and what the victim expects and has sent."""
        version = self.random.randrange(2)
        family = (4, 6)[version]
        source, target, ports = self.peer[family], self.victim[family], (self.live[port][version], port)
        return source, target, ports, *self.seen.numbers[source, target, *ports]

    def segment(
        self,
        source: bytes,
        target: bytes,
        ports: tuple[int, int],
        numbers: tuple[int, int],
        flags: int,
        options: bytes | None = None,
        size: int = 80,
    ) -> bytes:
        return tcp(
            source,
            target,
            ports,
            numbers,
            flags,
            window=self.random.getrandbits(16),
            options=self.options() if options is None else options,
            data=self.random.randbytes(self.random.randrange(size)),
        )

    def word(self) -> int:
        return self.random.getrandbits(32)

    def flags(self) -> int:
        return self.random.getrandbits(8)

    def any_datagram(self) -> bytes:
        # Not from the echo port: an echo server that gets its own datagrams would never stop.
        ports = (self.random.randrange(1024, 65536), self.random.choice(PORTS))
        return self.ethernet(udp(*self.addresses(), ports, self.random.randbytes(self.random.randrange(100))))

    def false_error(self) -> bytes:
        """ICMP of any type and code, some of it quoting a packet that the victim may have sent."""
        source, target = self.addresses()
        peer = self.peer[4 if len(target) == 4 else 6]
        if self.random.random() < 0.5:
            port = self.random.choice((DATAGRAMS, ERRORS))
            quoted = udp(target, peer, (port, 40000), bytes(20))
        else:
            theirs, _, ports, expected, sent = self.connection(SACRIFICE)
            quoted = tcp(
                target, theirs if len(theirs) == len(target) else peer, ports[::-1], (sent, expected), ACK
            )
        quoted = quoted[: self.random.randrange(len(quoted) + 1)]
        kind = self.random.choice((self.random.randrange(256), 1, 2, 3, 4, 8, 11, 12, 128, 133, 137))
        message = (
            struct.pack("!BBHI", kind, self.random.randrange(16), 0, self.random.getrandbits(32)) + quoted
        )
        if len(source) == 16:
            return self.ethernet(ipv6(source, target, 58, transport(source, target, 58, message, 2)))
        return self.ethernet(ipv4(source, target, 1, message[:2] + checksum(message) + message[4:]))

    def false_neighbour(self) -> bytes:
        """ARP and neighbour discovery from strangers; none takes the peer's name."""
        stranger = self.random.randbytes(6)
        if self.random.random() < 0.5:
            operation, size = self.random.randrange(5), self.random.choice((4, 4, 4, 16))
            addresses = self.random.randbytes(4) + self.random.randbytes(6) + self.victim[4]
            return self.ethernet(struct.pack("!HHBBH", 1, 0x0800, 6, size, operation) + stranger + addresses)
        kind, target = self.random.randrange(133, 138), self.victim[6]
        source = self.random.choice((self.peer[6][:8] + self.random.randbytes(8), bytes(16), b"\xff" * 16))
        option = bytes((self.random.randrange(1, 6), self.random.choice((0, 1, 1, 1, 2, 255)))) + stranger
        message = struct.pack("!BBHI", kind, 0, 0, self.random.getrandbits(32)) + target + option
        whole = ipv6(source, target, 58, transport(source, target, 58, message, 2), ttl=255)
        return self.ethernet(whole)


# --- the programs


def serve(port: int) -> None:
    """Echo on TCP, IPv4 and IPv6, to any number of clients that come and go as they like."""

    def echo(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def serve_datagrams(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", DATAGRAMS))
        while True:
            with contextlib.suppress(OSError):  # an ICMP error, or a sender that cannot be answered
                data, address = sock.recvfrom(65536)
                sock.sendto(data, address)


class Overhearing:
    """Sockets that hear what is for nobody else: raw, ping, and UDP with a queue of errors.

    Of each there is one that is read, and one that is not until the end; each wants all
    control data there is. `heard` counts by kind what was read, `kept` what waited at the end.
    """

    def __init__(self, peer: dict[int, str]) -> None:
        self.peer = peer
        self.heard: Counter[str] = Counter()
        self.kept: dict[str, tuple[int, int]] = {}

    def open(self) -> list[tuple[str, socket.socket]]:
        found = []
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            icmp = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
            kinds = [("ping", socket.SOCK_DGRAM, icmp), ("errors", socket.SOCK_DGRAM, 0)]
            kinds += [(f"raw {each}", socket.SOCK_RAW, each) for each in (icmp, 6, 17, 44, 60, 50)]
            for name, kind, protocol in kinds:
                sock = socket.socket(family, kind, protocol)
                if name == "errors":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if version == 6:
                    if name == "errors":
                        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    for option in (25, 49, 51, 66):  # IPV6_RECVERR, -PKTINFO, -HOPLIMIT, -TCLASS
                        sock.setsockopt(socket.IPPROTO_IPV6, option, 1)
                else:
                    for option in (8, 11, 12, 13):  # IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_RECVTOS
                        sock.setsockopt(socket.IPPROTO_IP, option, 1)
                sock.setsockopt(socket.SOL_SOCKET, 29, 1)  # SO_TIMESTAMP
                if name == "errors":
                    sock.bind(("", ERRORS))
                elif name == "ping":
                    sock.connect((self.peer[version], 0))
                sock.setblocking(False)
                found.append((f"{name} over IPv{version}", sock))
        return found

    def read(self, name: str, sock: socket.socket) -> tuple[int, int]:
        """Read all there is: how many packets and how many errors."""
        found = [0, 0]
        for which, flags in enumerate((0, socket.MSG_ERRQUEUE)):
            while True:
                try:
                    sock.recvmsg(65536, 512, flags)
                except BlockingIOError:
                    break
                except OSError:
                    continue  # the pending error
                found[which] += 1
                self.heard[name] += 1
        return found[0], found[1]

    def __call__(self, over: threading.Event) -> None:
        read, unread = self.open(), self.open()
        while not over.is_set():
            for name, sock in read:
                self.read(name, sock)
            time.sleep(0.02)
        for name, sock in unread:
            self.kept[name] = self.read(name, sock)
        for _, sock in read + unread:
            sock.close()


def dial(addresses: dict[int, str], port: int) -> list[socket.socket]:
    return [socket.create_connection((addresses[family], port)) for family in (4, 6)]


def round_trip(connection: socket.socket, data: bytes) -> bool:
    connection.sendall(data)
    got = b""
    while len(got) < len(data):
        piece = connection.recv(65536)
        if not piece:
            return False
        got += piece
    return got == data


def local_ports(connections: list[socket.socket]) -> tuple[int, ...]:
    return tuple(connection.getsockname()[1] for connection in connections)


def live_through_it(addresses: dict[int, str], ports: Ports, over: threading.Event) -> dict[str, bool]:
    """Hold connections through the storm, using them all the while; then try everything anew."""
    chance = random.Random(99)
    lasting = dial(addresses, ECHO)
    ports[ECHO] = local_ports(lasting)
    for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        with socket.socket(kind, socket.SOCK_DGRAM) as sock:
            sock.sendto(bytes(5000), (addresses[family], DATAGRAMS))  # real fragments
    rounds, sacrificed = 0, []
    while not over.is_set():
        fresh = dial(addresses, SACRIFICE)
        for connection in lasting + fresh:
            assert round_trip(connection, chance.randbytes(5000)), f"round {rounds}"
        ports[SACRIFICE] = local_ports(fresh)
        for connection in sacrificed:
            connection.close()
        sacrificed = fresh
        rounds += 1
        time.sleep(0.05)
    time.sleep(300)  # half-open connections and half datagrams of the storm time out
    works = {"it was used all the while": rounds > 100}
    anew = dial(addresses, ECHO)
    for number, family in enumerate((4, 6)):
        works[f"the connection over IPv{family}"] = round_trip(lasting[number], chance.randbytes(300_000))
        works[f"a new connection over IPv{family}"] = round_trip(anew[number], b"after")
    for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        with socket.socket(kind, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((addresses[family], DATAGRAMS))
            sock.send(b"after")
            works[f"UDP over IPv{family}"] = sock.recv(100) == b"after"
    for connection in lasting + anew + sacrificed:
        connection.close()
    return works


def resident() -> int:
    """Bytes of memory that this process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_a_host_survives_a_storm_of_hostile_frames():
    net = glassnet.Network(seed=11)
    victim, peer = net.lan("victim", "peer", delay="50us")
    seen = Observed()
    interface = victim.interfaces[0]
    interface.taps.append(seen.tap)
    servers = [victim.start(serve, port) for port in (ECHO, SACRIFICE)]
    over = threading.Event()
    overhearing = Overhearing({version: peer.ip_address(version) for version in (4, 6)})
    listening = victim.start(overhearing, over)
    servers += [victim.start(serve_datagrams, family) for family in (socket.AF_INET, socket.AF_INET6)]
    addresses = {version: victim.ip_address(version) for version in (4, 6)}
    ports: Ports = {}
    living = peer.start(live_through_it, addresses, ports, over)
    net.run(for_="2s")

    sent = interface.tx_frames
    storm = Storm(3, victim, peer, ports, seen)
    memory = []
    for number, frame in enumerate(islice(storm, FRAMES)):
        if number % (FRAMES // 10) == 0:
            memory.append(resident())
            assert interface.tx_frames - sent <= 2 * number, "two hosts answer one another for ever"
        interface.inject(frame)
        net.run(for_=GAP)
    memory.append(resident())
    over.set()
    works = living.result()
    listening.result()
    ended = [server.returncode for server in servers]
    net.close()

    assert works == dict.fromkeys(works, True)
    assert ended == [None] * 4, "a server has ended"
    assert min(storm.kinds.values()) > FRAMES / 20, storm.kinds
    assert sum(victim.drops.counts.values()) > FRAMES / 2
    refused = {reason.partition(":")[0] for reason in victim.drops.counts}
    assert refused >= {"ethernet", "arp", "ipv4", "ipv6", "icmp", "icmpv6", "udp", "tcp"}
    kinds = ("raw 6", "raw 17", "raw 60", "raw 50", "errors")
    assert {f"{kind} over IPv{version}" for kind in kinds for version in (4, 6)} - set(
        overhearing.heard
    ) == set()
    # A packet costs a receive buffer of 212992 octets 256 at least.
    assert max(packets for packets, _ in overhearing.kept.values()) <= 212992 // 256
    assert max(errors for _, errors in overhearing.kept.values()) <= 64
    assert max(memory[3:]) - memory[2] < 16 * MEBIBYTE, [size // MEBIBYTE for size in memory]
