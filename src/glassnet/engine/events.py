"""Observation: what happened, told to whoever asked.

An event is a small frozen dataclass, declared beside the code that tells it.
Nothing is built for an event that nobody observes:

    if TcpStateChanged in events.wanted:
        events.tell(TcpStateChanged(...))

Observers look; they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Events"]

E = TypeVar("E")


class Events:
    """The observers of one network, by kind of event."""

    __slots__ = ("wanted",)

    def __init__(self) -> None:
        self.wanted: dict[type[Any], tuple[Callable[[Any], object], ...]] = {}

    def on(self, kind: type[E], observer: Callable[[E], object]) -> Callable[[], None]:
        """Call `observer(event)` for each event of this kind; returns a function that ends it.

        TypeError unless `kind` is a class of events and `observer` can be called.
        """
        if not isinstance(kind, type) or not callable(observer):
            raise TypeError(
                f"on({kind!r}, {observer!r}): expected a class of events and a function of one event"
            )

        def told(event: E) -> None:  # an object of its own, so that `off` ends this and no equal one
            observer(event)

        def off() -> None:
            left = tuple(other for other in self.wanted.get(kind, ()) if other is not told)
            if left:
                self.wanted[kind] = left
            else:
                self.wanted.pop(kind, None)

        self.wanted[kind] = (*self.wanted.get(kind, ()), told)
        return off

    def tell(self, event: object) -> None:
        """Give `event` to the observers of its kind."""
        for observer in self.wanted.get(type(event), ()):
            observer(event)
