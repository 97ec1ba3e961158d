"""The commands in backticks: settings of the host, and what changes nothing here."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from glassnet.packetdrill.script import Place, ScriptError, Shell
from glassnet.transport.tcp.sysctl import NAMES

__all__ = ["Command", "read_command"]

_BETWEEN = re.compile(r"&&|;|\n")
_KNOWN = "only sysctl -q NAME=VALUE can be run here, on the host under test"
_SYSCTL = "/proc/sys/"
_PREFIX = "net.ipv4."
_REDIRECTION = re.compile(r"(?:[0-9]|&)?>{1,2}\s*(?:&[0-9]|/dev/null\b)")
_ECHO = re.compile(r"echo\s+(.*?)\s*>\s*(/proc/sys/[a-z0-9_./]+)")
_PRODUCT = re.compile(r"\$\(\(\s*([0-9]{1,9}(?:\s*\*\s*[0-9]{1,9}){0,3})\s*\)\)")
_QUEUES = ("fq", "fq_codel", "mq", "noqueue", "pfifo", "pfifo_fast")
_DEPTH = 4


@dataclass(slots=True)
class Command:
    """What commands come to: the names and values that they set, and notes about what has no effect."""

    settings: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_command(shell: Shell) -> Command:
    """What a command in backticks does. ScriptError for one that cannot be run here.

    A file that it names is read as a list of such commands; it is looked for where the script is.
    """
    found = Command()
    for part in _BETWEEN.split(shell.command):
        _read(part, shell.place, found, Path(shell.place.file).parent, 0)
    return found


def _read(part: str, place: Place, found: Command, folder: Path, depth: int) -> None:
    shown = f"`{part.strip()}`"
    part = _REDIRECTION.sub("", _PRODUCT.sub(lambda each: str(math.prod(map(int, each[1].split("*")))), part))
    written = _ECHO.fullmatch(part.strip())
    if written is not None:
        part = f"sysctl {_path_name(written[2])}={written[1]}"
    try:
        words = shlex.split(part, comments=True)
    except ValueError as error:
        raise ScriptError(place, f"{shown}: {error}") from None
    if words[:1] == ["sudo"]:
        words = words[1:]
    if not words or words[0] in ("true", "set", "sync"):
        return
    program = words[0].rpartition("/")[2]
    if program == "sysctl":
        _sysctl(words[1:], shown, place, found, depth)
    elif program == "set_sysctls.py":
        # One of the scripts that come with packetdrill's; it takes /proc/sys/NAME=VALUE.
        _sysctl([_path_name(word) for word in words[1:]], shown, place, found, depth)
    elif why := _without_effect(program, words[1:]):
        found.notes.append(f"{place}: {shown} has no effect: {why}")
    elif program.endswith(".sh") and len(words) == 1:
        _file(words[0], place, found, folder, depth)
    else:
        raise ScriptError(place, f"{shown}: {_KNOWN}")


def _path_name(word: str) -> str:
    """`net.ipv4.tcp_sack=0` for `/proc/sys/net/ipv4/tcp_sack=0`."""
    name, equals, value = word.partition("=")
    return name.removeprefix(_SYSCTL).replace("/", ".") + equals + value


def _sysctl(words: list[str], shown: str, place: Place, found: Command, depth: int) -> None:
    settings = [word for word in words if not word.startswith("-")]
    strange = [word for word in words if word.startswith("-") and word not in ("-q", "-w", "-e", "-qw")]
    if strange or not settings:
        raise ScriptError(place, f"{shown}: expected sysctl -q NAME=VALUE")
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.replace("/", ".")
        if not equals:
            raise ScriptError(place, f"{shown}: {name} has no =VALUE")
        if depth and name.removeprefix(_PREFIX) not in NAMES:
            found.notes.append(f"{place}: {name} has no effect: there is no such setting here")
        else:
            found.settings.append((name, value))


def _without_effect(program: str, words: list[str]) -> str:
    """Why a command of a well-known kind changes nothing here; empty for others."""
    if program.startswith("sysctl_restore"):
        return "each script begins on a new host, with the profile's settings"
    if program == "ip" and words[:2] == ["tcp_metrics", "flush"]:
        return "no metrics outlive a script"
    if program == "ethtool":
        return "there is no device with offloads: segments pass one by one"
    if program == "tc" and words[:1] == ["qdisc"] and any(word in _QUEUES for word in words[-1:]):
        return "nothing queues on the way to the cable"
    return ""


def _file(name: str, place: Place, found: Command, folder: Path, depth: int) -> None:
    path = folder / name
    if not path.is_file() and path.name == "defaults.sh":
        found.notes.append(f"{place}: there is no file {path}: the profile's settings are the defaults")
        return
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ScriptError(place, f"`{name}` cannot be read: {error}") from None
    if depth == _DEPTH:
        raise ScriptError(place, f"`{name}`: files that run files, more than {_DEPTH} deep")
    for number, line in enumerate(lines, 1):
        if not line.lstrip().startswith("#"):
            for part in _BETWEEN.split(line):
                _read(part, Place(str(path), number), found, path.parent, depth + 1)
