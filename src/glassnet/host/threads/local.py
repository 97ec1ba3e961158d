"""`threading.local` for strands, where swapping the interpreter's thread dictionary does not give it.

Until Python 3.12 all thread-local data hang on that dictionary, and `ThreadState`
swaps it. Since 3.13 they do not; there this class takes the place of the built-in
one. It is the slower of the two, and objects made before it was put in place stay
shared among strands.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Self
from weakref import WeakKeyDictionary

from glassnet.host.current import running_or_none

__all__ = ["NEEDED", "Local", "patch_asyncio"]

NEEDED = sys.version_info >= (3, 13)

_KEEP = "_glassnet_local"
_RealLocal = threading.local


class _Keep:
    """What a `Local` holds itself: how to initialize it, and its state in each real thread."""

    __slots__ = ("__weakref__", "args", "kwargs", "real")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.real = _RealLocal()

    def find(self) -> dict[str, Any] | None:
        """The state of whoever runs now."""
        strand = running_or_none()
        if strand is None:
            state: dict[str, Any] | None = getattr(self.real, "state", None)
            return state
        return None if strand.local_data is None else strand.local_data.get(self)

    def make(self) -> dict[str, Any]:
        """A state for whoever runs now, which has none yet."""
        state: dict[str, Any] = {}
        strand = running_or_none()
        if strand is None:
            self.real.state = state
        else:
            if strand.local_data is None:
                strand.local_data = WeakKeyDictionary()
            strand.local_data[self] = state
        return state


class Local:
    """What `threading.local()` gives."""

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Self:
        """A new one; `__init__` is called again in each strand and thread that uses it."""
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        made = object.__new__(cls)
        keep = _Keep(args, kwargs)
        object.__setattr__(made, _KEEP, keep)
        keep.make()  # `__init__` comes next, by itself
        return made

    def __getattribute__(self, name: str) -> Any:
        state = _state(self)
        if name == "__dict__":
            return state
        if name in state and not _is_data(type(self), name):
            return state[name]
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        state = _state(self)
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        if _is_data(type(self), name):
            object.__setattr__(self, name, value)
        else:
            state[name] = value

    def __delattr__(self, name: str) -> None:
        state = _state(self)
        if name == "__dict__":
            raise AttributeError(f"{type(self).__name__!r} object attribute '__dict__' is read-only")
        if _is_data(type(self), name):
            object.__delattr__(self, name)
        elif name in state:
            del state[name]
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _state(local: Local) -> dict[str, Any]:
    keep: _Keep = object.__getattribute__(local, _KEEP)
    state = keep.find()
    if state is None:
        state = keep.make()
        if keep.args or keep.kwargs or type(local).__init__ is not object.__init__:
            type(local).__init__(local, *keep.args, **keep.kwargs)
    return state


def _is_data(cls: type, name: str) -> bool:
    """Whether the class has a data descriptor of this name, which goes before what the object holds."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return hasattr(type(base.__dict__[name]), "__set__")
    return False


def patch_asyncio() -> None:
    """Where asyncio was imported before: its policy keeps the current event loop in thread-local data."""
    events: Any = sys.modules.get("asyncio.events")
    policy = getattr(
        events, "_BaseDefaultEventLoopPolicy", getattr(events, "BaseDefaultEventLoopPolicy", None)
    )
    if policy is None or not issubclass(policy._Local, _RealLocal):
        return

    class PolicyLocal(Local):
        _loop = None
        _set_called = False

    policy._Local = PolicyLocal
    present = events._event_loop_policy
    if present is not None and isinstance(getattr(present, "_local", None), _RealLocal):
        present._local = PolicyLocal()
