"""iperf3's protocol as programs on a virtual host: bulk to or from a kernel's `iperf3`, in either role.

A control connection carries one-octet states and JSON with its length before it; data
go over connections of their own. Each begins with the same cookie.
"""

from __future__ import annotations

import json
import random
import select
import socket
import string
from typing import Any

TEST_START, TEST_RUNNING, TEST_END = 1, 2, 4
PARAM_EXCHANGE, CREATE_STREAMS, EXCHANGE_RESULTS, DISPLAY_RESULTS, IPERF_DONE = 9, 10, 13, 14, 16
COOKIE = 36
BLOCK = 1 << 17


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError(f"{size} octets were to come, and only {len(data)} did")
        data += more
    return data


def _await(control: socket.socket, *states: int) -> None:
    for state in states:
        (came,) = _exactly(control, 1)
        if came != state:
            raise ValueError(f"iperf3 says state {came} instead of {state}")


def _tell(control: socket.socket, what: Any) -> None:
    text = json.dumps(what).encode()
    control.sendall(len(text).to_bytes(4, "big") + text)


def _heard(control: socket.socket) -> Any:
    return json.loads(_exactly(control, int.from_bytes(_exactly(control, 4), "big")))


def _results(moved: int, sending: bool) -> dict[str, Any]:
    stream = {"id": 1, "bytes": moved, "retransmits": 0, "jitter": 0, "errors": 0, "packets": 0,
              "start_time": 0, "end_time": 1}  # fmt: skip
    return {"cpu_util_total": 0, "cpu_util_user": 0, "cpu_util_system": 0,
            "sender_has_retransmits": int(sending), "streams": [stream]}  # fmt: skip


def client(address: str, port: int, size: int, reverse: bool) -> dict[str, Any]:
    """Send about `size` bytes, or with `reverse` receive them; what the server says of it, and we."""
    cookie = "".join(random.choices(string.ascii_lowercase + "234567", k=COOKIE)).encode() + b"\0"
    moved = 0
    with socket.create_connection((address, port)) as control:
        control.sendall(cookie)
        _await(control, PARAM_EXCHANGE)
        wanted = {"tcp": True, "omit": 0, "num": size, "parallel": 1, "len": BLOCK, "time": 0}
        _tell(control, wanted | ({"reverse": True} if reverse else {}))  # that it is there is what counts
        _await(control, CREATE_STREAMS)
        with socket.create_connection((address, port)) as data:
            data.sendall(cookie)
            _await(control, TEST_START, TEST_RUNNING)
            if reverse:
                while moved < size:
                    moved += len(data.recv(BLOCK))
            else:
                block = random.randbytes(BLOCK)
                while moved < size:
                    data.sendall(block)
                    moved += BLOCK
            control.sendall(bytes((TEST_END,)))
            # What is still on its way must not stand in the way of the end.
            data.setblocking(False)
            _await(control, EXCHANGE_RESULTS)
            _tell(control, _results(moved, not reverse))
            theirs = _heard(control)
            _await(control, DISPLAY_RESULTS)
            control.sendall(bytes((IPERF_DONE,)))
    return {"ours": moved, "theirs": theirs["streams"][0]["bytes"]}


def server(address: str, port: int) -> dict[str, Any]:
    """Serve one client, which says how much goes which way; what it says of that, and we."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as listener:
        control, _ = listener.accept()
        with control:
            cookie = _exactly(control, COOKIE + 1)
            control.sendall(bytes((PARAM_EXCHANGE,)))
            wanted = _heard(control)
            control.sendall(bytes((CREATE_STREAMS,)))
            data, _ = listener.accept()
            with data:
                if _exactly(data, COOKIE + 1) != cookie:
                    raise ValueError("a connection of another client")
                control.sendall(bytes((TEST_START, TEST_RUNNING)))
                reverse = bool(wanted.get("reverse"))
                moved = _send(control, data) if reverse else _receive(data, wanted["num"])
                _await(control, TEST_END)
            # Only now: before it answers the client waits for what it is sent, and that may end in the midst.
            control.sendall(bytes((EXCHANGE_RESULTS,)))
            theirs = _heard(control)
            _tell(control, _results(moved, reverse))
            control.sendall(bytes((DISPLAY_RESULTS,)))
            _await(control, IPERF_DONE)
    return {"ours": moved, "theirs": theirs["streams"][0]["bytes"]}


def _send(control: socket.socket, data: socket.socket) -> int:
    """Send until the client has enough; how much."""
    moved = 0
    block = random.randbytes(BLOCK)
    data.setblocking(False)
    while True:
        readable, writable, _ = select.select([control], [data], [])
        if readable:
            return moved
        if writable:
            moved += data.send(block)


def _receive(data: socket.socket, size: int) -> int:
    """Receive at least so many bytes, which the word that the test is over may overtake; how many."""
    moved = 0
    while moved < size:
        more = data.recv(BLOCK)
        if not more:
            raise EOFError(f"{size} octets were to come, and only {moved} did")
        moved += len(more)
    return moved
