"""Control data beside a message, cut to the room that its receiver has, as recvmsg(2) and cmsg(3) do it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from socket import MSG_CTRUNC, SCM_RIGHTS, SOL_SOCKET
from struct import Struct

from glassnet.host.descriptors.files import OpenFile

__all__ = ["HEADER", "MOST_FILES", "Control", "fit", "numbers_in"]

Control = tuple[int, int, bytes]
"""A control message: cmsg_level, cmsg_type, cmsg_data."""

HEADER = socket.CMSG_LEN(0)
"""Octets of a control message before its data."""

MOST_FILES = 253
"""How many descriptors one message may pass (SCM_MAX_FD of Linux)."""

_INT = Struct("i")
_ALIGNED = socket.CMSG_SPACE(1) - HEADER


def _space(size: int) -> int:
    """What a control message of `size` octets of data occupies: CMSG_SPACE."""
    return HEADER + -(-size // _ALIGNED) * _ALIGNED


def fit(
    control: Sequence[Control], files: Sequence[OpenFile], space: int, number: Callable[[OpenFile], int]
) -> tuple[list[Control], int]:
    """What of the control data goes into `space` octets, and MSG_CTRUNC if that is not all of it.

    A message that does not fit is cut; of passed files come as many as there is
    room for, each with a descriptor that `number` gives it, after all other data.
    """
    found: list[Control] = []
    cut = 0
    for level, kind, data in control:
        if space < HEADER:
            cut = MSG_CTRUNC
            continue
        if space < HEADER + len(data):
            cut = MSG_CTRUNC
            data = data[: space - HEADER]
        found.append((level, kind, data))
        space -= min(_space(len(data)), space)
    if files:
        room = max(space - HEADER, 0) // _INT.size
        if room < len(files):
            cut = MSG_CTRUNC
        if room:
            numbers = b"".join(_INT.pack(number(file)) for file in files[:room])
            found.append((SOL_SOCKET, SCM_RIGHTS, numbers))
    return found, int(cut)


def numbers_in(data: bytes) -> list[int]:
    """The descriptors that the data of an SCM_RIGHTS message names; an incomplete last one is left out."""
    return [_INT.unpack_from(data, at)[0] for at in range(0, len(data) - _INT.size + 1, _INT.size)]
