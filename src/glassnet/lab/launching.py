"""Running a command in a process as `python` would: its own `__main__`, arguments and exit status."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import io
import os
import runpy
import sys
from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from glassnet.host.interpreter import Interpreter
from glassnet.lab.commands import Command, installed

if TYPE_CHECKING:
    from glassnet.host.process import Process
    from glassnet.host.system import System
    from glassnet.lab.output import Output

__all__ = ["launch"]


def launch(
    system: System, command: Command, name: str, folder: Path, environment: Mapping[str, str], output: Output
) -> Process:
    """Start `command` on a host. Its files and modules are in `folder`; it prints to `output`."""
    if command.kind == "script" and not (folder / command.target).is_dir():
        script = folder / command.target
        program, first, own = _script, command.target, script.parent
    elif command.kind == "script":
        program, first, own = _folder, command.target, folder / command.target
    elif command.kind == "module":
        program, first, own = _module, command.target, folder
    elif command.kind == "code":
        program, first, own = _code, "-c", folder
    else:
        program = _function if command.kind == "function" else _installed
        first, own = command.target, folder
    process = system.start(_as_python_does, program, command, folder, name=name)
    process.interpreter = Interpreter(
        (first, *command.arguments),
        own,
        output.stream(process, error=False),
        output.stream(process, error=True),
        environment,
    )
    process.on_exit.append(lambda: output.finish(process))
    return process


def _as_python_does(program: Any, command: Command, folder: Path) -> Any:
    """Run it; an exception is printed by `sys.excepthook`, and makes the exit status 1."""
    try:
        return program(command, folder)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        if type(error).__name__ == "GreenletExit":
            raise
        error.__traceback__ = _from_the_program_on(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


def _from_the_program_on(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead to the program."""
    whole = traceback
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename not in (__file__, runpy.__file__, "<frozen runpy>"):
            return traceback
        traceback = traceback.tb_next
    return whole


def _main_module() -> Any:
    main: Any = sys.modules["__main__"]
    main.__builtins__ = builtins
    return main


def _script(command: Command, folder: Path) -> None:
    path = str(folder / command.target)
    main = _main_module()
    main.__file__ = path
    main.__cached__ = None
    main.__loader__ = SourceFileLoader("__main__", path)
    with io.open_code(os.path.abspath(path)) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _folder(command: Command, folder: Path) -> None:
    runpy.run_path(str(folder / command.target), run_name="__main__")


def _module(command: Command, folder: Path) -> None:
    runpy.run_module(command.target, run_name="__main__", alter_sys=True)


def _code(command: Command, folder: Path) -> None:
    exec(compile(command.target, "<string>", "exec", dont_inherit=True), _main_module().__dict__)


def _function(command: Command, folder: Path) -> None:
    module, _, name = command.target.partition(":")
    function: Any = reduce(getattr, name.split("."), import_module(module))
    value = function(*command.arguments)
    if inspect.iscoroutine(value):
        asyncio.run(value)


def _installed(command: Command, folder: Path) -> None:
    entry = installed(command.target)
    assert entry is not None
    sys.exit(entry.load()())
