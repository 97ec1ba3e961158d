"""Queueing disciplines by their names, as lab files and short calls give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from glassnet.physical.queues.codel import CoDel
from glassnet.physical.queues.discipline import Discipline
from glassnet.physical.queues.fifo import TailDrop, Threshold
from glassnet.physical.queues.fq_codel import FqCoDel
from glassnet.physical.queues.red import Red

__all__ = ["NAMES", "discipline"]

NAMES: Mapping[str, type[Discipline]] = {
    "tail_drop": TailDrop,
    "threshold": Threshold,
    "red": Red,
    "codel": CoDel,
    "fq_codel": FqCoDel,
}
"""Each discipline by its name."""


def discipline(value: object) -> Discipline:
    """A discipline from its name, `"codel"`, or with parameters `{"name": "codel", "target": "10ms"}`.

    An object of a discipline is returned as it is. ValueError says what was expected.
    """
    if isinstance(value, Discipline):
        return value
    given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"name": value}
    name = given.pop("name", None)
    kind = NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{value!r}: expected one of {', '.join(NAMES)}, or a table with such a name")
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # they are dataclasses, all of them
    for parameter in given:
        if parameter not in known:
            raise ValueError(f"{name} has no {parameter!r}; it has {', '.join(known) or 'no parameters'}")
    return kind(**given)
