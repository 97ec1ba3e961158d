"""`python`: an interpreter whose code runs on a host, line by line."""

from __future__ import annotations

import code
import sys
import traceback
from typing import TYPE_CHECKING, Any

from glassnet.host.current import running_strand
from glassnet.host.interpreter import Interpreter

if TYPE_CHECKING:
    from glassnet.cli.shell.prompt import Prompt

__all__ = ["PythonConsole"]


class _Statements(code.InteractiveInterpreter):
    """Shows of a traceback what was typed and what that called, and nothing of the console itself."""

    def showtraceback(self) -> None:
        """Show the exception at hand from the statement on."""
        kind, error, trace = sys.exc_info()
        traceback.print_exception(kind, error, trace and trace.tb_next)

    def showsyntaxerror(self, filename: str | None = None, **more: Any) -> None:
        """Show what cannot be compiled."""
        kind, error, _ = sys.exc_info()
        traceback.print_exception(kind, error, None)


class PythonConsole:
    """One process of a host that runs statements as they are typed; what they open stays open."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._network = prompt.network
        self._source: str | None = None
        self._lines: list[str] = []
        self.status = 0
        output = prompt.session.output
        process = prompt.host.system.start(self._loop, name="python")
        process.interpreter = Interpreter(
            ("",),
            prompt.session.folder,
            output.stream(process, error=False),
            output.stream(process, error=True),
            {},
        )
        process.on_exit.append(lambda: output.finish(process))
        process.on_exit.append(self._network.pause)
        self._process = process
        prompt.settle()

    @property
    def alive(self) -> bool:
        """Whether it still takes statements."""
        return self._process.alive

    # On the host

    def _loop(self) -> None:
        strand = running_strand()
        interpreter = _Statements({"__name__": "__main__", "__doc__": None})
        while True:
            while self._source is None:
                strand.settle("a statement")
                strand.park()
            interpreter.runsource(self._source, "<shell>", "single")
            self._source = None
            self._network.pause()

    # At the prompt

    def feed(self, line: str) -> bool:
        """Take a line, and run the statement when it is complete; True if there must be more."""
        self._lines.append(line)
        source = "\n".join(self._lines)
        try:
            complete = code.compile_command(source, "<shell>", "single")
        except (SyntaxError, ValueError, OverflowError):
            pass  # running it tells what is wrong
        else:
            if complete is None:
                return True
        self._lines.clear()
        self._run(source)
        return False

    def _run(self, source: str) -> None:
        process, engine = self._process, self._network.engine
        self._source = source
        process.main.wake()
        self._prompt.run_until(lambda: self._source is None or not process.alive)
        self._prompt.session.output.drain()
        if not process.alive:
            self.status = process.returncode or 0
        elif self._source is not None and not engine.heap:
            self._prompt.tell_waiting(process)

    def interact(self) -> None:
        """Read statements from standard input until it ends, or until exit() ends the process."""
        more = False
        while self.alive:
            try:
                prompt = "... " if more else f"{self._prompt.host.name} >>> "
                line = input(prompt) if sys.stdin.isatty() else sys.stdin.readline()
                if not line and not sys.stdin.isatty():
                    break
            except EOFError:
                break
            except KeyboardInterrupt:
                self._lines.clear()
                more = False
                continue
            more = self.feed(line.rstrip("\n"))
        if self._lines:
            self.feed("")
