"""The real kernel in a network namespace of its own, at the other end of a cable."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import glassnet
from glassnet.bridge import Tap

HERE = Path(__file__).parent
ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
PREFIXES = ("192.0.2.0/24", "2001:db8::/64")
DEVICE = "tap0"
BYTES = int(os.environ.get("GLASSNET_INTEROP_BYTES", "2000000"))
# Scripts show one version of Linux beside ours, to whoever asks: another version does some things otherwise.
collect_ignore = [] if os.environ.get("GLASSNET_KERNEL_SCRIPTS") else ["test_kernel_scripts.py"]
PATIENCE = 20.0 + BYTES / 100_000  # real seconds: more than anything here takes


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"kernel_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def peer_module() -> ModuleType:
    """`peer.py`, whose `exchange` runs on both sides."""
    return _load("peer")


@pytest.fixture(scope="session")
def iperf_module() -> ModuleType:
    """`iperf.py`, a client of iperf3's protocol."""
    return _load("iperf")


class Namespace:
    """A network namespace: that of a process that ends with this one, whatever becomes of it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n"
        self.pid = self._holder.pid
        self._started: list[subprocess.Popen[str]] = []

    def command(self, *words: str | Path) -> list[str]:
        """A command that runs in there."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Run a command in there to its end; what it printed."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command in there, which ends with the namespace."""
        process = subprocess.Popen(
            self.command(*words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End all that was started."""
        for process in (*self._started, self._holder):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


class Agent:
    """`peer.py` on the kernel's side. The network runs while its answer is awaited."""

    def __init__(self, net: glassnet.Network, process: subprocess.Popen[str]) -> None:
        self._net = net
        self._process = process

    def tell(self, *command: Any) -> None:
        """Have something done; the answer is asked for with `hear`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The answer to the first command that has none."""
        assert self._process.stdout is not None
        out = self._process.stdout
        deadline = time.monotonic() + PATIENCE
        while not select.select([out], [], [], 0)[0]:
            assert time.monotonic() < deadline, f"the kernel's side is silent; drops: {self._net.drops()}"
            self._net.run(for_="1ms")
        line = out.readline()
        assert line, self._process.stderr.read() if self._process.stderr else ""
        return json.loads(line)

    def __call__(self, *command: Any) -> Any:
        """Have something done, and wait for it."""
        self.tell(*command)
        return self.hear()


class Kernel:
    """A virtual host `host` of network `net`, and the real kernel at the other end of `cable`."""

    def __init__(self, net: glassnet.Network, namespace: Namespace, **conditions: Any) -> None:
        self.net = net
        self.namespace = namespace
        self.host = net.host("virtual")
        self.cable = net.tap(self.host, DEVICE, namespace=namespace.pid, prefix=PREFIXES, **conditions)
        assert isinstance(self.cable.b, Tap)
        self.tap = self.cable.b
        ipv4, ipv6 = self.tap.addresses
        namespace.run("ip", "addr", "add", ipv4, "dev", DEVICE)
        namespace.run("ip", "addr", "add", ipv6, "dev", DEVICE, "nodad")
        namespace.run("ip", "link", "set", DEVICE, "up")

    def agent(self) -> Agent:
        """A new program on the kernel's side."""
        return Agent(self.net, self.namespace.start(sys.executable, "-I", HERE / "peer.py"))

    def wait(self, condition: Callable[[], bool], what: str = "") -> None:
        """Run the network until `condition()`."""
        deadline = time.monotonic() + PATIENCE
        self.net.run(until=lambda: condition() or time.monotonic() > deadline)
        assert condition(), f"{what or 'it'} did not come; drops: {self.net.drops()}"

    def result(self, process: glassnet.Process) -> Any:
        """What a program on the virtual host returns."""
        with process.collected():
            self.wait(lambda: process.returncode is not None, f"the end of {process.name}")
            return process.result()

    def await_listener(self, agent: Agent, port: int) -> None:
        """Run the network until someone listens on the kernel's side."""
        deadline = time.monotonic() + PATIENCE
        while not agent("listening", port):
            assert time.monotonic() < deadline, f"nobody listens on port {port}"

    def ended(self, process: subprocess.Popen[str]) -> str:
        """Run the network until a program on the kernel's side has ended; what it printed."""
        self.wait(lambda: process.poll() is not None, "the end of the kernel's program")
        assert process.stdout is not None
        assert process.stderr is not None
        out, errors = process.stdout.read(), process.stderr.read()
        assert process.returncode == 0, f"status {process.returncode}: {out}{errors}"
        return out


def _lacking() -> str:
    """What someone has to install or to be before there can be a namespace here, or nothing."""
    for program in ("ip", "tc", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed: apt-get install iproute2 util-linux"
    return "" if os.geteuid() == 0 else "network namespaces and TAP devices take root"


def _refused() -> str:
    """What the kernel of this machine refuses even to root, as in a sandbox; or nothing."""
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"root may not make a network namespace here: {done.stderr.strip()}"
    namespace = Namespace()
    try:
        with glassnet.Network(clock="real") as net:
            net.tap(net.host("tried"), DEVICE, namespace=namespace.pid)
    except glassnet.GlassnetError as fault:
        return f"root may not make a TAP device here: {fault}"
    finally:
        namespace.close()
    return ""


def skip(reason: str) -> None:
    """Skip the test and say why; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must not go without it")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _possible() -> None:
    if reason := _lacking():
        skip(reason)
    # What a sandbox keeps from root nobody can install: that is no fault of what is tested, in CI neither.
    if reason := _refused():
        pytest.skip(reason)


@pytest.fixture
def program() -> Callable[[str, str], str]:
    """The path of a program that is needed, from a Debian package."""

    def find(name: str, package: str) -> str:
        # Some of them are in directories for administrators.
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if found is None:
            skip(f"{name} is not installed: apt-get install {package}")
        assert found is not None
        return found

    return find


@pytest.fixture
def kernel(_possible: None) -> Iterator[Callable[..., Kernel]]:
    """Makes the one kernel of a test: `kernel(loss="1%")`."""
    namespace = Namespace()
    with glassnet.Network(seed=4, clock="real") as net:
        yield lambda **conditions: Kernel(net, namespace, **conditions)
    namespace.close()


@pytest.fixture(scope="session")
def has_netem(_possible: None) -> bool:
    """Whether this kernel has netem. Where it has not, our cable does to frames what netem would."""
    namespace = Namespace()
    try:
        tried = subprocess.run(
            namespace.command("tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", "1%"),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        namespace.close()
    if tried.returncode:
        print(f"netem: {tried.stderr.strip()}: the cable impairs both directions instead")
    return tried.returncode == 0
