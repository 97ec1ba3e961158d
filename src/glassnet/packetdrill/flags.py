"""The `--name=value` lines of a script: addresses, ports, tolerances."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from glassnet.packetdrill.script import Place, ScriptError
from glassnet.transport.tcp.sysctl import PROFILES

__all__ = ["IGNORED", "Flags", "read_flags"]

IGNORED = {
    "speed": "the cable has no rate, so that nothing waits for it",
    "init_scripts": "each script begins on a new host, with the profile's settings",
    "non_fatal": "the first difference ends a script",
    "debug": "there is nothing more to tell than with --verbose",
    "strict_segments": "segments are always compared one by one",
    "send_omit_free": "sent data need not be kept",
    "dry_run": "give the option to the command instead",
    "verbose": "give the option to the command instead",
    "persistent_tun_dev": "there is no device",
    "mss": "segments arrive one by one, none put together",
    "code_command": "code is run by the Python that runs this",
    "code_format": "code is Python",
    "code_sockopt": "code sees TCP_INFO",
    "scratch_path": "no files are written",
}
"""Flags that have no effect, and why."""

_REFUSED = {
    "so_filename": "calls are made by this stack alone, not by a library",
    "wire_client": "there is no wire: the remote end is part of the command",
    "wire_server": "there is no wire: the remote end is part of the command",
    "define": "names cannot be defined: write the values into the script",
}

_V6 = ("ipv6", "ipv4-mapped-ipv6")


@dataclass(slots=True)
class Flags:
    """What a script is run with. Times are nanoseconds.

    `remote` and `gateway` are other hosts' addresses, `local` is the one of the host under
    test with its prefix length.
    """

    ip_version: str = "ipv4"
    local_ip: str = ""
    remote_ip: str = ""
    gateway_ip: str = ""
    netmask_ip: str = ""
    connect_port: int = 8080
    bind_port: int = 8080
    mtu: int = 1500
    tolerance: int = 4_000_000
    tolerance_percent: float = 0.0
    stamp_tick: int = 0
    profile: str = ""
    ignored: tuple[tuple[Place, str], ...] = ()

    @property
    def wire_v6(self) -> bool:
        """Whether packets are IPv6."""
        return self.ip_version == "ipv6"

    @property
    def family(self) -> int:
        """What `socket(...)` makes."""
        return socket.AF_INET6 if self.ip_version in _V6 else socket.AF_INET

    @property
    def local(self) -> str:
        """The address of the host under test, with its prefix length."""
        if self.wire_v6:
            return _with_length(self.local_ip or "fd3d:fa7b:d17d::1", self.netmask_ip or "64")
        return _with_length(self.local_ip or "192.168.0.1", self.netmask_ip or "255.255.0.0")

    @property
    def gateway(self) -> str:
        """The address of the router to the remote end."""
        return self.gateway_ip or ("fd3d:fa7b:d17d::2" if self.wire_v6 else "192.168.0.2")

    @property
    def remote(self) -> str:
        """The remote end's address."""
        return (self.remote_ip or ("2001:db8::1" if self.wire_v6 else "192.0.2.1")).partition("/")[0]

    @property
    def remote_host(self) -> str:
        """The remote end's address, as a program on the host under test connects to it."""
        return f"::ffff:{self.remote}" if self.ip_version == "ipv4-mapped-ipv6" else self.remote


def _with_length(address: str, mask: str) -> str:
    return ip_interface(address if "/" in address else f"{address}/{mask}").with_prefixlen


def _version(text: str) -> str:
    chosen = text.replace("_", "-")
    if chosen not in ("ipv4", *_V6):
        raise ValueError("expected ipv4, ipv6 or ipv4-mapped-ipv6")
    return chosen


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
            raise ValueError(f"expected a number from {least} to {most}")
        return int(text)

    return read


def _microseconds(text: str) -> int:
    return _whole(0, 10**9)(text) * 1000


def _address(text: str) -> str:
    ip_address(text)
    return text


def _interface(text: str) -> str:
    ip_interface(text)
    return text


def _mask(text: str) -> str:
    if not text.isdigit():
        ip_network(f"0.0.0.0/{text}")
    return text


def _percent(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 100:
        raise ValueError("expected a number from 0 to 100")
    return number


def _profile(text: str) -> str:
    if text not in PROFILES:
        raise ValueError(f"expected {' or '.join(PROFILES)}")
    return text


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "ip_version": ("ip_version", _version),
    "local_ip": ("local_ip", _interface),
    "remote_ip": ("remote_ip", _interface),
    "gateway_ip": ("gateway_ip", _address),
    "netmask_ip": ("netmask_ip", _mask),
    "connect_port": ("connect_port", _whole(1, 65535)),
    "bind_port": ("bind_port", _whole(1, 65535)),
    "mtu": ("mtu", _whole(576, 9216)),
    "tolerance_usecs": ("tolerance", _microseconds),
    "tolerance_percent": ("tolerance_percent", _percent),
    "tcp_ts_tick_usecs": ("stamp_tick", _microseconds),
    "profile": ("profile", _profile),
}


def read_flags(lines: Iterable[tuple[Place, str, str]]) -> Flags:
    """What the flags of a script say, the last of each. ScriptError for an unknown one, or a bad value."""
    flags = Flags()
    ignored = []
    place = None
    for place, name, value in lines:
        if name in IGNORED:
            ignored.append((place, name))
            continue
        if name in _REFUSED:
            raise ScriptError(place, f"--{name} cannot be had here: {_REFUSED[name]}")
        if name not in _READERS:
            raise ScriptError(place, f"there is no flag --{name}; there are {', '.join(_READERS)}")
        field, read = _READERS[name]
        try:
            setattr(flags, field, read(value))
        except ValueError as error:
            raise ScriptError(place, f"--{name}={value}: {error}") from None
    flags.ignored = tuple(ignored)
    if place is not None:
        _check(flags, place)
    return flags


def _check(flags: Flags, place: Place) -> None:
    version = 6 if flags.wire_v6 else 4
    try:
        for text in (str(ip_interface(flags.local).ip), flags.gateway, flags.remote):
            if ip_address(text).version != version:
                raise ValueError(f"{text} is no IPv{version} address, as --ip_version asks for")
    except ValueError as error:
        raise ScriptError(place, f"flags: {error}") from None
