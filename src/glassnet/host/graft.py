"""Virtual versions of classes that programs know and subclass."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["graft"]

_grafted: WeakKeyDictionary[type, dict[type, type]] = WeakKeyDictionary()


def graft(cls: type, virtual: type) -> type:
    """What to make on a host where a program asks for `cls`, whose virtual version is `virtual`.

    For a program's own subclass that is a class with the program's methods first,
    then the virtual ones, then the stock ones.
    """
    if issubclass(virtual, cls):
        return virtual
    if issubclass(cls, virtual):
        return cls
    known = _grafted.setdefault(cls, {})
    made: Any = known.get(virtual)
    if made is None:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        metaclass: Any = type(cls)
        made = known[virtual] = metaclass(cls.__name__, (cls, virtual), names)
    result: type = made
    return result
