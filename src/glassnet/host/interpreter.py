"""What a program takes for its interpreter's own: arguments, `__main__`, streams, its own modules.

All programs of a network run in one interpreter. A process with an `Interpreter` finds,
whenever one of its strands runs, a `sys` that looks as if the program were alone:
`sys.argv`, `sys.path`, the three streams, `os.environ`, `sys.modules["__main__"]`, the
handlers and the level of the root logger, and every pure Python module that it imported
from below its own folder. All other modules are shared by all programs.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

__all__ = ["Interpreter"]

_ENVIRON: Any = os.environ
_SHARED_FOLDERS = ("site-packages", "dist-packages")


class Interpreter:
    """One program's view. `folder` is where its own modules are: it is `sys.path[0]`.

    `environment` is what is added to the real one. `stdin` is empty.
    """

    __slots__ = (
        "_environment",
        "_folder",
        "_hidden",
        "_log_handlers",
        "_log_level",
        "_modules",
        "_names",
        "_size",
        "main",
    )

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        stdout: TextIO,
        stderr: TextIO,
        environment: Mapping[str, str],
    ) -> None:
        self._folder = folder.resolve()
        self._names: dict[str, Any] = {
            "argv": list(arguments),
            "path": [str(folder), *(each for each in sys.path if each not in ("", str(folder)))],
            "stdin": io.StringIO(),
            "stdout": stdout,
            "stderr": stderr,
        }
        self._environment: dict[Any, Any] = dict(_ENVIRON._data)
        for name, value in environment.items():
            self._environment[_ENVIRON.encodekey(name)] = _ENVIRON.encodevalue(value)
        self.main = ModuleType("__main__")
        self._modules: dict[str, ModuleType] = {"__main__": self.main}
        self._hidden: dict[str, ModuleType] = {}
        self._log_handlers: list[logging.Handler] = []
        self._log_level = logging.WARNING
        self._size = 0

    def enter(self) -> None:
        """Put the program's view in place: one of its strands is about to run."""
        self._exchange()
        modules, hidden = sys.modules, self._hidden
        self._size = len(modules)
        for name, module in self._modules.items():
            if name in modules:
                hidden[name] = modules[name]
            modules[name] = module

    def leave(self) -> None:
        """Take it away again, and keep what the program changed in it."""
        modules, hidden, own = sys.modules, self._hidden, self._modules
        for name in tuple(own):
            module = modules.pop(name, None)
            if module is None:
                del own[name]
            else:
                own[name] = module
        modules.update(hidden)
        hidden.clear()
        if len(modules) != self._size:
            for name, module in tuple(modules.items()):
                if self._is_own(module):
                    own[name] = modules.pop(name)
        self._exchange()

    def _exchange(self) -> None:
        names, outer = self._names, sys.__dict__
        for name, value in names.items():
            names[name] = outer[name]
            outer[name] = value
        _ENVIRON._data, self._environment = self._environment, _ENVIRON._data
        root = logging.root
        root.handlers, self._log_handlers = self._log_handlers, root.handlers
        if root.level != self._log_level:
            # Loggers remember what is worth telling: `setLevel` makes them forget.
            level, self._log_level = self._log_level, root.level
            root.setLevel(level)

    def _is_own(self, module: Any) -> bool:
        """Whether the program imported it from its own folder, and it can be imported once more."""
        spec = getattr(module, "__spec__", None)
        if spec is None:
            return False
        if isinstance(spec.loader, SourceFileLoader | SourcelessFileLoader):
            places = [spec.origin]
        else:  # a namespace package has no file, only folders
            places = [] if spec.origin else list(spec.submodule_search_locations or ())
        return bool(places) and all(self._is_below(place) for place in places)

    def _is_below(self, place: str | None) -> bool:
        path = Path(place or "/").resolve()
        return path.is_relative_to(self._folder) and not any(
            part in _SHARED_FOLDERS for part in path.relative_to(self._folder).parts
        )
