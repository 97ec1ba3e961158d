"""The Python in scripts, between `%{` and `}%`: it sees TCP_INFO of the connection at hand."""

from __future__ import annotations

import textwrap
import traceback
from types import CodeType
from typing import Any

from glassnet.host.sockets.tcp_info import tcp_info
from glassnet.packetdrill.conversation import Conversation
from glassnet.packetdrill.script import Code, ScriptError
from glassnet.packetdrill.tcp_info import CONSTANTS, unpack_tcp_info
from glassnet.transport.tcp import Connection, Tcp

__all__ = ["Snippets", "compiled"]


def compiled(event: Code) -> CodeType:
    """The code of an event, with the line numbers of its file. ScriptError if it is no Python."""
    code = event.code if "\n" in event.code else event.code.strip()
    try:
        return compile(
            "\n" * (event.place.line - 1) + textwrap.dedent(code), event.place.file, "exec", dont_inherit=True
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(event.place, f"the code is no Python: {error}") from None


class Snippets:
    """Runs them, one after the other, with the same variables."""

    def __init__(self, tcp: Tcp) -> None:
        self._tcp = tcp
        self._variables: dict[str, Any] = dict(CONSTANTS)

    def run(self, event: Code, code: CodeType, talk: Conversation | None) -> list[str]:
        """Run one; returns lines that tell what it raised, none if it raised nothing."""
        self._variables.update(self._info(talk))
        try:
            exec(code, self._variables)
        except (Exception, SystemExit) as error:
            told = [traceback.format_exception_only(error)[-1].strip()]
            frames = traceback.extract_tb(error.__traceback__)
            lines = [each.lineno for each in frames if each.filename == event.place.file]
            if lines and lines[-1] is not None:
                told.append(f"line {lines[-1]}: {_line(event, lines[-1])}")
            names = [name for name in code.co_names if name in self._variables and name.startswith("tcpi_")]
            if names:
                told.append(", ".join(f"{name} = {self._variables[name]}" for name in names))
            return told
        return []

    def _info(self, talk: Conversation | None) -> dict[str, int]:
        if talk is None:
            return {}
        local, remote = talk.key
        key = talk.remote[0] + talk.local[0] + remote.to_bytes(2, "big") + local.to_bytes(2, "big")
        connection = self._tcp.connections.get(key)
        if isinstance(connection, Connection):
            return unpack_tcp_info(tcp_info(connection, None))
        state = "TCP_CLOSE" if connection is None else "TCP_TIME_WAIT"
        return {"tcpi_state": CONSTANTS[state]}


def _line(event: Code, line: int) -> str:
    lines = event.code.split("\n")
    at = line - event.place.line
    return lines[at].strip() if 0 <= at < len(lines) else ""
