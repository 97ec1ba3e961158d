"""Chance as programs on a host see it: `random`, `os.urandom` and what is built on them.

Every program draws from streams of its own, named after its host and its own name, so
that the same seed gives it the same numbers, and one more program or host moves nothing
else. What OpenSSL draws for itself (keys, nonces) stays real, and so does what other
compiled packages, NumPy for one, draw by themselves.
"""

from __future__ import annotations

import os
import random
import sys
import uuid
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from glassnet.engine.randomness import Streams
from glassnet.host.current import here, running, running_or_none
from glassnet.host.unseeded import patch_unseeded

if TYPE_CHECKING:
    from random import Random

    from glassnet.host.system import System

__all__ = ["chance", "patch_openssl", "patch_random"]

# All functions of `random` are methods of one hidden object.
_inst: Any = random._inst
_stock_seed: Any = random.Random.seed

_SEED_BYTES = 32
_UUID_STATE = ("_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7", "_last_counter_v7")


def _streams(system: System) -> tuple[Streams, str]:
    """The streams of the network, and under which name the running program draws from them."""
    strand = running_or_none()
    name = f"host:{system.name}"
    if strand is not None:
        process = strand.process
        name = f"host:{process.system.name}:process:{process.label}"
    return system.engine.random, name


def _entropy(system: System) -> Random:
    streams, name = _streams(system)
    return streams[f"{name}:urandom"]


def _own(system: System) -> Random:
    """The generator behind the functions of `random` in the running program."""
    streams, name = _streams(system)
    return streams[f"{name}:random"]


def _function(name: str) -> MethodType:
    """A replacement for the function `name` of `random`: a bound method of the same hidden object."""
    stock = getattr(_inst, name)

    def draw(hidden: Any, *args: Any, **kwargs: Any) -> Any:
        if running:
            system = here()
            if system is not None:
                return getattr(_own(system), name)(*args, **kwargs)
        return stock(*args, **kwargs)

    update_wrapper(draw, stock)
    return MethodType(draw, _inst)


def _random() -> MethodType:
    """The replacement for `random.random`, by far the most frequent one."""
    stock = _inst.random

    def random(hidden: Any) -> float:
        """As `random.random`."""
        if running:
            system = here()
            if system is not None:
                return _own(system).random()
        drawn: float = stock()
        return drawn

    return MethodType(random, _inst)


def _fresh_seed(system: System) -> int:
    return int.from_bytes(_entropy(system).randbytes(_SEED_BYTES), "big")


def _seed(self: Random, a: Any = None, version: int = 2) -> None:
    """As `Random.seed`: without a seed, inside a program, from its own stream."""
    if a is None and running:
        system = here()
        if system is not None:
            a = _fresh_seed(system)
    _stock_seed(self, a, version)


def patch_random() -> None:
    """Let generators without a seed draw from the host's chance on hosts."""
    random.Random.seed = _seed  # type: ignore[method-assign]
    patch_unseeded(_fresh_seed)


class _Bytes:
    """Replacements for functions that give random bytes."""

    def __init__(self) -> None:
        self._urandom = os.urandom
        self._getrandom = os.getrandom

    def urandom(self, size: int, /) -> bytes:
        """As `os.urandom`."""
        system = here()
        if system is None or not isinstance(size, int) or size < 0:
            return self._urandom(size)
        return _entropy(system).randbytes(size)

    def getrandom(self, size: int, flags: int = 0) -> bytes:
        """As `os.getrandom`."""
        system = here()
        if system is None or not isinstance(size, int) or size < 0:
            return self._getrandom(size, flags)
        return _entropy(system).randbytes(size)


class _Identifiers:
    """Replacements for functions of `uuid`."""

    def __init__(self) -> None:
        self._getnode = uuid.getnode
        self._stock = {name: getattr(uuid, name, None) for name in ("uuid1", "uuid6", "uuid7")}

    def getnode(self) -> int:
        """As `uuid.getnode`: the MAC address of the host's first interface."""
        system = here()
        if system is None:
            return self._getnode()
        for interface in system.internet.interfaces.values():
            if any(interface.mac):
                return int.from_bytes(interface.mac, "big")
        # RFC 9562, 6.10: without an address, a random number with the group bit set.
        streams, _ = _streams(system)
        return streams[f"host:{system.name}:node"].getrandbits(48) | 1 << 40

    def uuid1(self, *args: Any, **kwargs: Any) -> Any:
        """As `uuid.uuid1`."""
        return self._in_order("uuid1", args, kwargs)

    def uuid6(self, *args: Any, **kwargs: Any) -> Any:
        """As `uuid.uuid6`."""
        return self._in_order("uuid6", args, kwargs)

    def uuid7(self) -> Any:
        """As `uuid.uuid7`."""
        return self._in_order("uuid7", (), {})

    def _in_order(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        stock: Any = self._stock[name]
        system = here()
        if system is None:
            return stock(*args, **kwargs)
        # `uuid` remembers its last time stamp, so that no two are alike: each host has its own.
        # It would also rather ask libuuid, which knows neither host nor clock.
        module: Any = uuid
        outer = {each: getattr(module, each) for each in _UUID_STATE if hasattr(module, each)}
        outer["_generate_time_safe"] = module._generate_time_safe
        vars(module).update(system.uuid_state or dict.fromkeys(outer))
        module._generate_time_safe = None
        try:
            return stock(*args, **kwargs)
        finally:
            system.uuid_state = {each: getattr(module, each) for each in outer}
            vars(module).update(outer)


def chance() -> list[tuple[ModuleType, str, Callable[..., Any]]]:
    """What is replaced: module, name, and by what."""
    table: list[tuple[ModuleType, str, Callable[..., Any]]] = [(random, "random", _random())]
    for name, value in vars(random).items():
        if name != "random" and not name.startswith("_") and getattr(value, "__self__", None) is _inst:
            table.append((random, name, _function(name)))
    random_bytes, identifiers = _Bytes(), _Identifiers()
    names = ("getnode", "uuid1", "uuid6", "uuid7")
    return [
        *table,
        (os, "urandom", random_bytes.urandom),
        (os, "getrandom", random_bytes.getrandom),
        *((uuid, name, getattr(identifiers, name)) for name in names if hasattr(uuid, name)),
    ]


class _Openssl:
    """Replacement for `ssl.RAND_bytes`."""

    def __init__(self, stock: Callable[[int], bytes]) -> None:
        self._stock = stock

    def rand_bytes(self, num: int, /) -> bytes:
        """As `ssl.RAND_bytes`."""
        if here() is None or not isinstance(num, int) or num < 0:
            return self._stock(num)
        return os.urandom(num)


def patch_openssl() -> None:
    """Let `ssl.RAND_bytes` draw from the host, once `ssl` is there."""
    ssl = sys.modules.get("ssl")
    if ssl is not None and not isinstance(getattr(ssl.RAND_bytes, "__self__", None), _Openssl):
        vars(ssl)["RAND_bytes"] = _Openssl(ssl.RAND_bytes).rand_bytes
