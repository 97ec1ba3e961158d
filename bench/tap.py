"""How many megabits a second does one TCP transfer move between our stack and the real kernel?

The kernel is in a network namespace of its own, at the other end of a TAP device; the
programs are the simplest: blocking sockets, `sendall` on one side and `recv` on the other.
Beside it in the same run: the kernel with itself, `iperf3` over a veth pair.

It takes root, or at least the right to make network namespaces.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

PORT = 5001
PIECE = 1 << 20
AIM = 500
ADDRESSES = {4: "192.0.2.2", 6: "2001:db8::2"}
PREFIXES = ("192.0.2.0/24", "2001:db8::/64")

# The kernel's side: a letter says which way the bytes go, and then they do.
PEER = f"""
import os, socket
with socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
    print("up", flush=True)
    piece = os.urandom({PIECE})
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(1) == b"R":
                total = 0
                while data := connection.recv({PIECE}):
                    total += len(data)
                connection.sendall(b"%d" % total)
            else:
                left = int(connection.recv(20))
                while left > 0:
                    connection.sendall(piece[:left])
                    left -= len(piece)
"""


class Namespace:
    """A network namespace, which ends with the process that holds it."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None
        if self.holder.stdout.readline() != "up\n":
            sys.exit("no network namespace can be made: be root, and have iproute2")
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        self.started: list[subprocess.Popen[str]] = []

    def run(self, words: str) -> str:
        return subprocess.run(
            [*self.enter, *words.split()], stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self.enter, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in (*self.started, self.holder):
            process.terminate()
            process.wait()


def ours(total: int, repeat: int) -> dict[str, list[float]]:
    """Megabits a second of each way and version of IP."""
    import glassnet
    from glassnet.bridge import Tap

    def send(address: str) -> int:
        piece = bytes(range(256)) * (PIECE // 256)
        with socket.create_connection((address, PORT)) as connection:
            connection.sendall(b"R")
            left = total
            while left > 0:
                connection.sendall(piece[:left])
                left -= PIECE
            connection.shutdown(socket.SHUT_WR)
            return int(connection.recv(20))

    def receive(address: str) -> int:
        with socket.create_connection((address, PORT)) as connection:
            connection.sendall(b"S%d" % total)
            received = 0
            while data := connection.recv(PIECE):
                received += len(data)
            return received

    namespace = Namespace()
    found: dict[str, list[float]] = {}
    with glassnet.Network(seed=1, clock="real") as net:
        host = net.host("virtual")
        tap = net.tap(host, "tap0", namespace=namespace.holder.pid, prefix=PREFIXES).b
        assert isinstance(tap, Tap)
        ipv4, ipv6 = tap.addresses
        namespace.run(f"ip addr add {ipv4} dev tap0")
        namespace.run(f"ip addr add {ipv6} dev tap0 nodad")
        namespace.run("ip link set tap0 up")
        peer = namespace.start(sys.executable, "-I", "-c", PEER)
        assert peer.stdout is not None
        assert peer.stdout.readline() == "up\n"
        ways: dict[str, Callable[[str], int]] = {"to the kernel": send, "from the kernel": receive}
        for _ in range(repeat):
            for name, program in ways.items():
                for version, address in ADDRESSES.items():
                    started = time.perf_counter()
                    moved = host.run(program, address)
                    real = time.perf_counter() - started
                    assert moved == total, f"{moved} bytes of {total} arrived"
                    found.setdefault(f"glassnet, {name}, IPv{version}", []).append(moved * 8 / real / 1e6)
        # On a busy machine a segment comes twice, when the kernel has not heard of it for too long.
        assert set(net.drops()) <= {"tcp: out of window"}, net.drops()
    namespace.close()
    return found


def kernels(seconds: int, repeat: int) -> list[float]:
    """Megabits a second of iperf3 between two namespaces joined by a veth pair."""
    here, there = Namespace(), Namespace()
    here.run(f"ip link add veth0 type veth peer name veth1 netns {there.holder.pid}")
    for namespace, device, address in ((here, "veth0", "192.0.2.1/24"), (there, "veth1", "192.0.2.2/24")):
        namespace.run(f"ip addr add {address} dev {device}")
        namespace.run(f"ip link set {device} up")
    there.start("iperf3", "--server", "--port", str(PORT))
    found = []
    while len(found) < repeat:
        client = subprocess.run(
            [*here.enter, *f"iperf3 --client 192.0.2.2 --port {PORT} --json --time {seconds}".split()],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        report = json.loads(client.stdout)
        if "error" in report:
            assert "refused" in report["error"], report["error"]
            time.sleep(0.05)  # the server is not up yet
            continue
        found.append(report["end"]["sum_received"]["bits_per_second"] / 1e6)
    for namespace in (here, there):
        namespace.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=200_000_000)
    parser.add_argument(
        "--repeat", type=int, default=5, metavar="N", help="runs of each; the median is shown"
    )
    options = parser.parse_args()
    rows = ours(options.bytes, options.repeat)
    if shutil.which("iperf3"):
        rows["the kernel with itself, iperf3, veth"] = kernels(1, options.repeat)
    else:
        print("iperf3 is not installed: apt-get install iperf3")
    print(f"{options.bytes:,} bytes, MTU 1500, segments in runs; Mbit/s, medians of {options.repeat}")
    for name, figures in rows.items():
        print(f"{name:<40}{median(figures):>9,.0f}   ({min(figures):,.0f}..{max(figures):,.0f})")
    slowest = min(median(figures) for name, figures in rows.items() if name.startswith("glassnet"))
    print(f"aim: {AIM} Mbit/s each way: {'reached' if slowest >= AIM else 'MISSED'}, at least {slowest:,.0f}")
    if importlib.util.find_spec("pytcp") is None:
        print("PyTCP is not installed: not measured")
    else:
        print("PyTCP is installed, but this bench does not drive it")


if __name__ == "__main__":
    main()
