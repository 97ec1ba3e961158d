"""A client of iperf3's protocol, as a program on a virtual host: bulk to or from a kernel's `iperf3 -s`.

A control connection carries one-octet states and JSON with its length before it; data
go over connections of their own. Each begins with the same cookie.
"""

from __future__ import annotations

import json
import random
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
            ours = {"id": 1, "bytes": moved, "retransmits": 0, "jitter": 0, "errors": 0, "packets": 0,
                    "start_time": 0, "end_time": 1}  # fmt: skip
            _tell(control, {"cpu_util_total": 0, "cpu_util_user": 0, "cpu_util_system": 0,
                            "sender_has_retransmits": 0 if reverse else 1, "streams": [ours]})  # fmt: skip
            theirs = json.loads(_exactly(control, int.from_bytes(_exactly(control, 4), "big")))
            _await(control, DISPLAY_RESULTS)
            control.sendall(bytes((IPERF_DONE,)))
    return {"ours": moved, "theirs": theirs["streams"][0]["bytes"]}
