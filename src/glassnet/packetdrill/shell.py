"""The commands in backticks: settings by sysctl(8), and nothing else."""

from __future__ import annotations

import re
import shlex

from glassnet.packetdrill.script import ScriptError, Shell

__all__ = ["read_command"]

_BETWEEN = re.compile(r"&&|;|\n")


def read_command(shell: Shell) -> list[tuple[str, str]]:
    """The names and values that a command sets. ScriptError for any other command."""
    found: list[tuple[str, str]] = []
    for part in _BETWEEN.split(shell.command):
        try:
            words = shlex.split(part, comments=True)
        except ValueError as error:
            raise ScriptError(shell.place, f"`{part.strip()}`: {error}") from None
        if words[:1] == ["sudo"]:
            words = words[1:]
        if not words:
            continue
        if words[0].rpartition("/")[2] != "sysctl":
            raise ScriptError(
                shell.place,
                f"`{part.strip()}`: only sysctl -q NAME=VALUE can be run here, on the host under test",
            )
        settings = [word for word in words[1:] if not word.startswith("-")]
        strange = [
            word for word in words[1:] if word.startswith("-") and word not in ("-q", "-w", "-e", "-qw")
        ]
        if strange or not settings:
            raise ScriptError(shell.place, f"`{part.strip()}`: expected sysctl -q NAME=VALUE")
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                raise ScriptError(shell.place, f"`{part.strip()}`: {name} has no =VALUE")
            found.append((name.replace("/", "."), value))
    return found
