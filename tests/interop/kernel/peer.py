"""A program on the kernel's side that does as it is told: `python peer.py`, then lines of JSON.

A line in is `[command, argument...]`, a line out what came of it: a value, or
`{"error": NAME}` with the name of the errno. It knows nothing of glassnet, and
`exchange` is what the programs on virtual hosts run as well.
"""

from __future__ import annotations

import errno
import hashlib
import json
import random
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

BLOCK = 1 << 16
LISTEN = "0A"
PATIENCE = 60.0  # seconds: more than any of this takes


def blocks(size: int, seed: int) -> Iterator[bytes]:
    """`size` bytes that depend on the seed and on their place."""
    base = random.Random(seed).randbytes(BLOCK - 8)
    for number in range(-(-size // BLOCK)):
        yield (number.to_bytes(8, "big") + base)[: size - number * BLOCK]


def digest(size: int, seed: int) -> str:
    """The SHA-256 of what `blocks` gives."""
    total = hashlib.sha256()
    for block in blocks(size, seed):
        total.update(block)
    return total.hexdigest()


def exchange(sock: socket.socket, size: int, seed: int) -> str:
    """Send `size` bytes of `seed`, receive until the end at the same time; the SHA-256 of what came."""
    faults: list[OSError] = []

    def send() -> None:
        try:
            for block in blocks(size, seed):
                sock.sendall(block)
            sock.shutdown(socket.SHUT_WR)
        except OSError as fault:
            faults.append(fault)

    sending = threading.Thread(target=send)
    sending.start()
    received = hashlib.sha256()
    while data := sock.recv(1 << 18):
        received.update(data)
    sending.join()
    if faults:
        raise faults[0]
    return received.hexdigest()


class Peer:
    """One listener and one connection. Each method is a command."""

    def __init__(self) -> None:
        self.listener: socket.socket | None = None
        self.sock: socket.socket | None = None

    def listen(self, port: int, buffer: int) -> int:
        """Take connections over both versions of IP; `buffer` sets both buffers, 0 leaves them."""
        self.listener = socket.socket(socket.AF_INET6)
        self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._shrink(self.listener, buffer)
        self.listener.bind(("::", port))
        self.listener.listen()
        self.listener.settimeout(PATIENCE)
        return int(self.listener.getsockname()[1])

    def accept(self) -> None:
        """Take the next connection."""
        assert self.listener is not None
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(PATIENCE)

    def connect(self, address: str, port: int, buffer: int, own_port: int) -> int:
        """Connect; the port of this end."""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._shrink(self.sock, buffer)
        self.sock.bind(("", own_port))
        self.sock.settimeout(PATIENCE)
        self.sock.connect((address, port))
        return int(self.sock.getsockname()[1])

    def begin(self, address: str, port: int) -> None:
        """Connect, and do not wait for it."""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.sock.setblocking(False)
        code = self.sock.connect_ex((address, port))
        assert code == errno.EINPROGRESS, errno.errorcode[code]

    def outcome(self) -> str:
        """What becomes of a connection that was begun: the name of the errno, or nothing."""
        assert self.sock is not None
        looking = select.poll()
        looking.register(self.sock, select.POLLOUT)
        assert looking.poll(PATIENCE * 1000), "nothing became of it"
        return errno.errorcode.get(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "")

    @staticmethod
    def _shrink(sock: socket.socket, buffer: int) -> None:
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)

    def exchange(self, size: int, seed: int) -> str:
        """Bulk both ways at once, then the end."""
        assert self.sock is not None
        with self.sock:
            return exchange(self.sock, size, seed)

    def send(self, size: int) -> None:
        """Send zeros."""
        assert self.sock is not None
        self.sock.sendall(bytes(size))

    def recv(self) -> int:
        """How many bytes come next; 0 is the end."""
        assert self.sock is not None
        return len(self.sock.recv(1 << 16))

    def shutdown(self) -> None:
        """Send FIN."""
        assert self.sock is not None
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection in order."""
        assert self.sock is not None
        self.sock.close()

    def abort(self) -> None:
        """Close the connection with a reset."""
        assert self.sock is not None
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def deaf(self) -> None:
        """Listen no more."""
        assert self.listener is not None
        self.listener.close()

    def listening(self, port: int) -> list[str]:
        """The listeners on a port, as states of the kernel's numbers."""
        return [state for state in self._states(port) if state == LISTEN]

    def states(self, port: int) -> list[str]:
        """The states of this side's connections from or to a port, as the kernel numbers them."""
        return [state for state in self._states(port) if state != LISTEN]

    @staticmethod
    def _states(port: int) -> list[str]:
        found = []
        for name in ("tcp", "tcp6"):
            with open(f"/proc/net/{name}") as table:
                for line in list(table)[1:]:
                    _, local, remote, state, *_ = line.split()
                    if f":{port:04X}" in (local[-5:], remote[-5:]):
                        found.append(state)
        return sorted(found)


def main() -> None:
    peer = Peer()
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer: Any
        try:
            answer = getattr(peer, command)(*arguments)
        except TimeoutError as error:
            answer = {"error": errno.errorcode.get(error.errno or 0, "timed out")}
        except OSError as error:
            answer = {"error": errno.errorcode[error.errno or 0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
