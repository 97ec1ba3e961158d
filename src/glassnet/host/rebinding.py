"""Names that modules have for what is replaced elsewhere (`from time import sleep`)."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["rebind"]

# Their own use of clocks and locks must stay real: they run the engine, or Python itself.
_LEFT_ALONE = frozenset(
    ("glassnet", "_thread", "importlib", "_frozen_importlib", "_frozen_importlib_external", "reprlib")
)


def rebind(replaced: dict[int, tuple[Any, Any]]) -> None:
    """Give modules that hold an original under a name of their own the wrapper instead."""
    for module_name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or module_name.split(".", 1)[0] in _LEFT_ALONE:
            continue
        names = module.__dict__
        for name, value in list(names.items()):
            found = replaced.get(id(value))
            if found is not None and found[0] is value:
                names[name] = found[1]
