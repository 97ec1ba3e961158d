"""The keys of a lab file: for each table which keys it has, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from glassnet.engine.quantity import drift, duration, offset
from glassnet.lab import commands
from glassnet.topology.cable import UNITS
from glassnet.transport.tcp.sysctl import tcp_settings

__all__ = ["CABLE_ACTIONS", "HOST_ACTIONS", "PROGRAM_ACTIONS", "SCHEMA", "TABLES", "Reads"]

Reads = Callable[[Any], Any]
"""Reads the value of a key; ValueError says what it should have been."""

UNLIMITED = "unlimited"
LEAST_MTU, MOST_MTU = 68, 65535


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r}: expected a text in quotes")
    if not value:
        raise ValueError("it is empty")
    return value


def _flag_free_integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r}: expected a whole number")
    return value


def _mtu(value: Any) -> int:
    number = _flag_free_integer(value)
    if not LEAST_MTU <= number <= MOST_MTU:
        raise ValueError(f"{number}: expected {LEAST_MTU} to {MOST_MTU} bytes")
    return number


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [_text(value)]
    if not isinstance(value, list):
        raise ValueError(f"{value!r}: expected a text, or a list of texts")
    return [_text(each) for each in value]


def _list_of_texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r}: expected a list of names, such as ['web', 'laptop']")
    return [_text(each) for each in value]


def _two_names(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{value!r}: expected the names of two ends, such as ['router', 'web']")
    return [_text(each) for each in value]


def _seed(value: Any) -> int | str:
    if isinstance(value, str):
        return value
    return _flag_free_integer(value)


def _clock(value: Any) -> tuple[str, float]:
    if value in ("virtual", "real"):
        return value, 1.0
    if isinstance(value, str) and value.endswith("x"):
        try:
            speed = float(value[:-1])
        except ValueError:
            speed = 0.0
        if 0 < speed < float("inf"):
            return "scaled", speed
    raise ValueError(
        f"{value!r}: expected 'virtual', 'real', or how much faster than real time, such as '10x' or '0.5x'"
    )


def _as_written(unit: Callable[[Any], Any]) -> Reads:
    """Checks a quantity and leaves it as it is."""

    def read(value: Any) -> Any:
        unit(value)
        return value

    return read


def _prefixes(value: Any) -> tuple[str, ...]:
    prefixes = tuple(_texts(value))
    for prefix in prefixes:
        try:
            ip_network(prefix)
        except ValueError as error:
            raise ValueError(f"{prefix!r}: expected a network such as '192.0.2.0/24' ({error})") from None
    return prefixes


def _addresses(value: Any) -> list[str]:
    addresses = _texts(value)
    for address in addresses:
        try:
            ip_interface(address)
        except ValueError:
            raise ValueError(
                f"{address!r}: expected an address such as '192.0.2.1' or '192.0.2.1/24'"
            ) from None
    return addresses


def _servers(value: Any) -> list[str]:
    servers = _texts(value)
    for server in servers:
        try:
            ip_address(server)
        except ValueError:
            raise ValueError(f"{server!r}: expected the address of a DNS server") from None
    return servers


def _routes(value: Any) -> list[tuple[str, str]]:
    routes = []
    for text in _texts(value):
        words = text.split()
        if len(words) != 3 or words[1] != "via":
            raise ValueError(
                f"{text!r}: expected 'NETWORK via ROUTER', such as 'default via 192.0.2.1' "
                "or '10.0.0.0/8 via 192.0.2.2'"
            )
        try:
            router = ip_address(words[2])
            prefix = {4: "0.0.0.0/0", 6: "::/0"}[router.version] if words[0] == "default" else words[0]
            ip_network(prefix)
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
        routes.append((prefix, words[2]))
    return routes


def _environment(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f'{value!r}: expected a table of names and values, such as {{ DEBUG = "1" }}')
    for name, content in value.items():
        if not isinstance(content, str) or "\0" in content or "=" in name or "\0" in name or not name:
            raise ValueError(f"{name} = {content!r}: expected a text in quotes")
    return dict(value)


def _names(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        raise ValueError(f'{value!r}: expected a table of names, such as {{ "www.shop.test" = "web" }}')
    for name, target in value.items():
        if isinstance(target, dict):
            raise ValueError(
                f'{name!r}: a name with dots needs quotes: "{name}.{next(iter(target), "")}" = ...'
            )
    return {_text(name): _texts(target) for name, target in value.items()}


def _command(value: Any) -> commands.Command:
    return commands.parse(_text(value))


def _tcp(value: Any) -> str | dict[str, Any]:
    tcp_settings(value)
    return value  # type: ignore[no-any-return]


def _quality(unit: Callable[[Any], Any], may_be_unlimited: bool) -> Reads:
    def read(value: Any) -> Any:
        if may_be_unlimited and value == UNLIMITED:
            return None
        unit(value)
        return value

    return read


_QUALITY: dict[str, Reads] = {name: _quality(unit, name in ("rate", "queue")) for name, unit in UNITS.items()}

CABLE_ACTIONS: dict[str, Reads] = {"cut": _texts, "mend": _texts, "set": _texts}
HOST_ACTIONS: dict[str, Reads] = dict.fromkeys(
    ("crash", "stop", "boot", "restart", "pause", "resume"), _texts
)
PROGRAM_ACTIONS: dict[str, Reads] = {"terminate": _texts, "kill": _texts}

_PROGRAM: dict[str, Reads] = {"run": _command, "name": _text, "at": duration, "env": _environment}

_HOST: dict[str, Reads] = {
    **_PROGRAM,
    "address": _addresses,
    "route": _routes,
    "names": _names,
    "dns": _servers,
    "search": _texts,
    "skew": _as_written(offset),
    "drift": _as_written(drift),
    "tcp": _tcp,
}

SCHEMA: Mapping[str, Mapping[str, Reads]] = {
    "top": {
        "seed": _seed,
        "clock": _clock,
        "for": duration,
        "until": _texts,
        "names": _names,
        "tcp": _tcp,
    },
    "lan": {"hosts": _list_of_texts, "prefix": _prefixes, "mtu": _mtu, **_QUALITY},
    "cable": {"between": _two_names, "prefix": _prefixes, "mtu": _mtu, **_QUALITY},
    "switch": {"prefix": _prefixes},
    "host": _HOST,
    "router": _HOST,
    "program": _PROGRAM,
    "towards": _QUALITY,
    "capture": {"file": _text, "hosts": _list_of_texts},
    "event": {
        "at": duration,
        **CABLE_ACTIONS,
        **HOST_ACTIONS,
        **PROGRAM_ACTIONS,
        "towards": _text,
        "mtu": _mtu,
        **_QUALITY,
    },
}
"""Keys with plain values, by table. Keys that hold tables themselves are in `TABLES`."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "top": {
        "lan": "lan",
        "cable": "cable",
        "switch": "switch",
        "host": "host",
        "router": "router",
        "capture": "capture",
        "event": "event",
    },
    "cable": {"towards": "towards"},
    "host": {"program": "program"},
    "router": {"program": "program"},
}
"""Keys that hold tables, by table: key, and which table of `SCHEMA` it holds."""
