"""TCP settings under the names of Linux's sysctl(8), and whole profiles of them.

`net.ipv4.tcp_fin_timeout` is in seconds there, `tcp_invalid_ratelimit` in milliseconds; what
Linux has no name for has one here that begins with `tcp_` all the same. The prefix
`net.ipv4.` may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import NamedTuple

from glassnet.transport.tcp.congestion import CONTROLLERS
from glassnet.transport.tcp.settings import TcpSettings

__all__ = ["NAMES", "PROFILES", "SYSCTLS", "Choice", "get_sysctl", "profile", "set_sysctl", "tcp_settings"]

Value = int | str
Choice = str | Mapping[str, Value] | None

_PREFIX = "net.ipv4."
_US = 1000
_MS = 1000 * _US
_S = 1000 * _MS
_MOST = (1 << 31) - 1

PROFILES: dict[str, TcpSettings] = {
    "linux": TcpSettings(),
    "rfc": TcpSettings(
        congestion_control="reno",
        window_scaling=False,
        timestamps=False,
        sack=False,
        dsack=False,
        ecn=0,
        frto=False,
        rack=False,
        tlp=False,
        send_buffer=0xFFFF,
        send_buffer_max=0xFFFF,
        receive_buffer=0xFFFF,
        receive_buffer_max=0xFFFF,
        initial_window=3,  # RFC 5681, 3.1, for segments of 1095 to 2190 octets
        rto_min=1 * _S,  # RFC 6298, 2.4
        rto_max=60 * _S,  # RFC 6298, 2.5
        syn_retries=7,  # RFC 9293, 3.8.3: R2 for a SYN is at least three minutes
        synack_retries=7,
        delayed_ack=200 * _MS,
        quick_acks=0,
        time_wait=240 * _S,  # RFC 9293, 3.4.2: an MSL is two minutes
        fast_open=0,
        syn_cookies=0,
        mtu_probing=0,
    ),
}
"""`linux`: what Linux does by default. `rfc`: no more than RFC 9293, 5681 and 6298 ask for."""


class _Knob(NamedTuple):
    """One setting: its field, what one unit of the sysctl is there, and its bounds in those units."""

    field: str
    unit: int = 1
    least: int = 0
    most: int = _MOST


def _flag(field: str) -> _Knob:
    return _Knob(field, 1, 0, 1)


SYSCTLS: dict[str, _Knob] = {
    "tcp_window_scaling": _flag("window_scaling"),
    "tcp_timestamps": _Knob("timestamps", 1, 0, 2),
    "tcp_sack": _flag("sack"),
    "tcp_dsack": _flag("dsack"),
    "tcp_ecn": _Knob("ecn", 1, 0, 2),
    "tcp_frto": _Knob("frto", 1, 0, 2),
    "tcp_recovery": _Knob("rack", 1, 0, 1),
    "tcp_early_retrans": _Knob("tlp", 1, 0, 4),
    "tcp_reordering": _Knob("reordering", 1, 1, 300),
    "tcp_slow_start_after_idle": _flag("slow_start_after_idle"),
    "tcp_syn_retries": _Knob("syn_retries", 1, 1, 127),
    "tcp_synack_retries": _Knob("synack_retries", 1, 0, 255),
    "tcp_retries1": _Knob("retries_r1", 1, 0, 255),
    "tcp_retries2": _Knob("retries", 1, 0, 255),
    "tcp_orphan_retries": _Knob("orphan_retries", 1, 0, 255),
    "tcp_max_orphans": _Knob("max_orphans"),
    "tcp_max_tw_buckets": _Knob("max_time_wait"),
    "tcp_max_syn_backlog": _Knob("syn_backlog", 1, 1),
    "tcp_syncookies": _Knob("syn_cookies", 1, 0, 2),
    "tcp_fastopen": _Knob("fast_open"),
    "tcp_mtu_probing": _Knob("mtu_probing", 1, 0, 2),
    "tcp_base_mss": _Knob("base_mss", 1, 48, 32767),
    "tcp_min_snd_mss": _Knob("least_mss", 1, 48, 65535),
    "tcp_mtu_probe_floor": _Knob("probe_floor", 1, 48, 65535),
    "tcp_probe_threshold": _Knob("probe_threshold"),
    "tcp_probe_interval": _Knob("probe_interval", _S),
    "tcp_fin_timeout": _Knob("fin_timeout", _S),
    "tcp_keepalive_time": _Knob("keepalive_time", _S, 1, 32767),
    "tcp_keepalive_intvl": _Knob("keepalive_interval", _S, 1, 32767),
    "tcp_keepalive_probes": _Knob("keepalive_probes", 1, 1, 127),
    "tcp_invalid_ratelimit": _Knob("invalid_ratelimit", _MS),
    "tcp_challenge_ack_limit": _Knob("challenge_ack_limit"),
    "tcp_rfc1337": _flag("rfc1337"),
    "tcp_rto_min_us": _Knob("rto_min", _US, 1),
    "tcp_rto_max_ms": _Knob("rto_max", _MS, 1000, 120_000),
    # Linux has these as constants, or per route.
    "tcp_initial_rto": _Knob("rto_initial", _MS, 1),
    "tcp_initial_window": _Knob("initial_window", 1, 1, 1000),
    "tcp_delayed_ack_ms": _Knob("delayed_ack", _MS, 0, 500),
    "tcp_quick_acks": _Knob("quick_acks", 1, 0, 1000),
    "tcp_time_wait_ms": _Knob("time_wait", _MS),
}
"""The settings that are one number."""

_BUFFERS = {"tcp_rmem": "receive_buffer", "tcp_wmem": "send_buffer"}
_LEAST_BUFFER = 4096
_CONGESTION = "tcp_congestion_control"
NAMES = tuple(sorted((*SYSCTLS, *_BUFFERS, _CONGESTION)))
"""All settings that there are."""
_TYPES = {each.name: each.type for each in fields(TcpSettings)}


def profile(name: str) -> TcpSettings:
    """A fresh copy of a profile: `linux` or `rfc`. ValueError for another name."""
    if name not in PROFILES:
        raise ValueError(f"TCP profile {name!r}: expected {' or '.join(map(repr, PROFILES))}")
    return replace(PROFILES[name])


def tcp_settings(choice: Choice, base: TcpSettings | None = None) -> TcpSettings:
    """Fresh settings from the name of a profile, or from `{"tcp_sack": 0, ...}`.

    Those go before what is in `base`, or in the profile that `{"profile": "rfc", ...}`
    names. ValueError for what does not exist or is out of bounds.
    """
    if choice is None:
        choice = {}
    if isinstance(choice, str):
        return profile(choice)
    if not isinstance(choice, Mapping):
        raise ValueError(
            f"tcp={choice!r}: expected a profile, 'linux' or 'rfc', or settings such as {{'tcp_sack': 0}}"
        )
    settings = replace(base) if base is not None else profile("linux")
    if "profile" in choice:
        settings = profile(str(choice["profile"]))
    for name, value in choice.items():
        if name != "profile":
            set_sysctl(settings, name, value)
    return settings


def _known(name: str) -> str:
    short = name.removeprefix(_PREFIX)
    if short in NAMES:
        return short
    near = get_close_matches(short, NAMES, 1)
    hint = f"; is it {_PREFIX}{near[0]}?" if near else ""
    raise ValueError(f"sysctl {name!r}: there is no such setting here{hint}")


def get_sysctl(settings: TcpSettings, name: str) -> Value:
    """What a setting is, in its own unit: a number, `"cubic"` or `"4096 131072 6291456"`. ValueError."""
    short = _known(name)
    if short == _CONGESTION:
        return settings.congestion_control
    if short in _BUFFERS:
        field = _BUFFERS[short]
        sizes = (getattr(settings, field), getattr(settings, f"{field}_max"))
        return " ".join(map(str, (_LEAST_BUFFER, *(size * 2 for size in sizes))))
    knob = SYSCTLS[short]
    return int(getattr(settings, knob.field)) // knob.unit


def set_sysctl(settings: TcpSettings, name: str, value: Value) -> None:
    """Change a setting, for connections made from now on. ValueError says what it may be."""
    short = _known(name)
    text = str(value).strip()
    if short == _CONGESTION:
        if text not in CONTROLLERS:
            raise ValueError(f"sysctl {name}: {text!r}: expected one of {', '.join(CONTROLLERS)}")
        settings.congestion_control = text
    elif short in _BUFFERS:
        _set_buffers(settings, name, _BUFFERS[short], text)
    else:
        knob = SYSCTLS[short]
        number = _number(name, text)
        if not knob.least <= number <= knob.most:
            raise ValueError(f"sysctl {name}: {number}: expected a number from {knob.least} to {knob.most}")
        setattr(settings, knob.field, bool(number) if _TYPES[knob.field] == "bool" else number * knob.unit)


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"sysctl {name}: {text!r}: expected a number")
    return int(text)


def _set_buffers(settings: TcpSettings, name: str, field: str, text: str) -> None:
    sizes = [_number(name, each) for each in text.split()]
    if len(sizes) != 3 or not sizes[0] <= sizes[1] <= sizes[2] or sizes[1] < _LEAST_BUFFER:
        raise ValueError(
            f"sysctl {name}: {text!r}: expected least, default and greatest size in bytes, "
            "such as '4096 131072 6291456'"
        )
    # Half is for the books, as Linux has it (tcp_adv_win_scale = 1).
    setattr(settings, field, sizes[1] // 2)
    setattr(settings, f"{field}_max", sizes[2] // 2)
