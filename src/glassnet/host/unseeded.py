"""Generators of `random` that were made without a seed, on hosts.

Packages make them when they are imported, and often before any host is there. Whoever
made one, on a host it draws from a generator that the running program has for it, so
that the same seed gives the same numbers. Once it is given a seed or a state it is an
ordinary one, and repeats what that seed gives everywhere.

A class of a program's own that is derived from `random.Random` is left as it is.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from glassnet.host.current import here, running, running_or_none

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["patch_unseeded"]

# Packages that make one when they are imported, which may have been before glassnet was.
_MAKERS = ("aiohttp._websocket.writer", "more_itertools.recipes", "trio._core._run")

_make: Any = random.Random.__new__
_reseed: Callable[[System], int]

# By program, or by host for what runs outside of its programs.
_drawn: WeakKeyDictionary[Any, WeakKeyDictionary[random.Random, random.Random]] = WeakKeyDictionary()


def _own(unseeded: random.Random) -> random.Random | None:
    """What the running program has for this generator; None off host."""
    if not running:
        return None
    system = here()
    if system is None:
        return None
    strand = running_or_none()
    owner = system if strand is None else strand.process
    generators = _drawn.get(owner)
    if generators is None:
        generators = _drawn[owner] = WeakKeyDictionary()
    own = generators.get(unseeded)
    if own is None:
        own = generators[unseeded] = random.Random(_reseed(system))
    return own


def _method(name: str) -> Any:
    """A method that asks the running program's generator first."""
    stock: Any = getattr(random.Random, name)

    def method(self: random.Random, *args: Any, **kwargs: Any) -> Any:
        own = _own(self)
        return stock(self, *args, **kwargs) if own is None else stock(own, *args, **kwargs)

    method.__name__, method.__doc__ = name, stock.__doc__
    return method


class _Unseeded(random.Random):
    """A generator without a seed."""

    __slots__ = ()

    random = _method("random")
    getrandbits = _method("getrandbits")
    gauss = _method("gauss")
    getstate = _method("getstate")

    def seed(self, a: Any = None, version: int = 2) -> None:
        """As `Random.seed`: with a seed, this is an ordinary generator from now on."""
        if a is not None:
            self.__class__ = random.Random  # type: ignore[assignment]
        else:
            for generators in _drawn.values():
                generators.pop(self, None)
        random.Random.seed(self, a, version)

    def setstate(self, state: Any) -> None:
        """As `Random.setstate`, and an ordinary generator from now on."""
        self.__class__ = random.Random  # type: ignore[assignment]
        self.setstate(state)

    def __reduce__(self) -> Any:
        return random.Random, (), self.getstate()


# What `repr` shows.
_Unseeded.__module__, _Unseeded.__qualname__, _Unseeded.__name__ = "random", "Random", "Random"


def _new(cls: type, *args: Any, **kwargs: Any) -> Any:
    if cls is random.Random and (args or (kwargs.get("x"),)) == (None,):
        return _make(_Unseeded)
    return _make(cls, *args, **kwargs)


def patch_unseeded(reseed: Callable[[System], int]) -> None:
    """Let `random.Random()` make them; `reseed` gives a seed from the running program's chance."""
    global _reseed
    _reseed = reseed
    random.Random.__new__ = staticmethod(_new)  # type: ignore[method-assign]
    for name in _MAKERS:
        for made in _held_by(sys.modules.get(name)):
            made.__class__ = _Unseeded


def _held_by(module: Any) -> list[random.Random]:
    """The generators in a module: under a name, as a method of one, or as an argument's default."""
    names = list(vars(module).values()) if module is not None else []
    for cls in [each for each in names if isinstance(each, type)]:
        for method in vars(cls).values():
            names += getattr(method, "__defaults__", None) or ()
            names += (getattr(method, "__kwdefaults__", None) or {}).values()
    names += [getattr(each, "__self__", None) for each in names]
    return [each for each in names if type(each) is random.Random and each is not _hidden]


# The one behind the functions of `random`, which ask by themselves.
_hidden: Any = vars(random)["_inst"]
