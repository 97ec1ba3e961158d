"""What a lab file lets run, as one would type it: `python script.py`, `module:function` and others."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

__all__ = ["Command", "fault", "parse"]

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_EXPECTED = (
    "expected 'python SCRIPT ...', 'python -m MODULE ...', 'python -c CODE', 'MODULE:FUNCTION ...' "
    "or a command that an installed Python package brings"
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command line taken apart: what kind it is, what it names, and the arguments after that."""

    kind: Literal["script", "module", "code", "function", "installed"]
    target: str
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call a program that runs it, in a few characters."""
        if self.kind == "script":
            return Path(self.target).name
        if self.kind == "code":
            return "python -c"
        return self.target.partition(":")[2] or self.target


def parse(text: str) -> Command:
    """Take a command line apart, with the quoting of a shell. ValueError says what is wrong with it."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {str(error).lower()}") from None
    if not words:
        raise ValueError(f"nothing to run: {_EXPECTED}")
    first, *rest = words
    if _PYTHON.fullmatch(first):
        return _python(text, rest)
    if first.endswith(".py"):
        return Command("script", first, tuple(rest))
    if _FUNCTION.fullmatch(first):
        return Command("function", first, tuple(rest))
    if installed(first) is not None:
        return Command("installed", first, tuple(rest))
    raise ValueError(f"{first!r} is no Python program: {_EXPECTED}")


def _python(text: str, words: list[str]) -> Command:
    while words and words[0] == "-u":  # output is never held back here
        words = words[1:]
    if not words:
        raise ValueError(f"{text!r}: nothing to run: there is no terminal to type a program into")
    first, *rest = words
    if first in ("-m", "-c"):
        if not rest:
            raise ValueError(f"{text!r}: {'a module' if first == '-m' else 'code'} is missing after {first}")
        return Command("module" if first == "-m" else "code", rest[0], tuple(rest[1:]))
    if first.startswith("-"):
        raise ValueError(f"{text!r}: option {first} is not known here: there are -m, -c and -u")
    return Command("script", first, tuple(rest))


def installed(name: str) -> EntryPoint | None:
    """The command that an installed Python package brings under this name."""
    return next(iter(entry_points(group="console_scripts", name=name)), None)


def fault(command: Command, folder: Path) -> str | None:
    """Why `command` cannot run with its files in `folder`; nothing is run or imported to find out."""
    if command.kind == "script":
        return _script_fault(folder / command.target, command.target)
    if command.kind == "code":
        return _syntax_fault(command.target.encode(), "<string>")
    if command.kind in ("module", "function"):
        return _module_fault(command.target.partition(":")[0], folder)
    return None


def _script_fault(path: Path, name: str) -> str | None:
    if path.is_dir():
        return None if (path / "__main__.py").is_file() else f"folder {name!r} has no __main__.py to run"
    if not path.is_file():
        return f"there is no file {name!r} in {path.parent}"
    if path.suffix == ".py":
        return _syntax_fault(path.read_bytes(), name)
    return None


def _syntax_fault(source: bytes, name: str) -> str | None:
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None


def _module_fault(name: str, folder: Path) -> str | None:
    path: list[str] | None = [str(folder), *sys.path]
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        partial = ".".join(parts[:end])
        spec = _spec(partial, path, first=end == 1)
        if spec is None:
            return f"there is no module {partial!r}, neither in {folder} nor among the installed packages"
        if end < len(parts):
            if spec.submodule_search_locations is None:
                return f"{partial!r} is a module and not a package: it has no {parts[end]!r}"
            path = list(spec.submodule_search_locations)
    return None


def _spec(name: str, path: list[str] | None, first: bool) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is None:
            continue
        # Built-in and frozen modules are found only where no path is given, the others by the path.
        for where in (path, None) if first else (path,):
            spec: ModuleSpec | None = find_spec(name, where)
            if spec is not None:
                return spec
    return None
