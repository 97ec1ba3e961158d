"""`docs/reference/supported.md` says what is so: each of its rows is compared with the modules."""

from __future__ import annotations

import asyncio
import enum
import re
import select
import selectors
import signal
import socket
import ssl
import sys
import threading
import time
import types
from pathlib import Path
from typing import NamedTuple

import pytest

import glassnet
from glassnet.host.sockets.virtual import VirtualSocket
from glassnet.host.threads import locks
from glassnet.host.tls.engine import TlsEngine

sys.path.insert(0, str(Path(__file__).parent / "scenarios"))

from loop_methods import uses

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "supported.md"
MODULES = {module.__name__: module for module in (socket, select, selectors, ssl, threading, signal, time)}
CLASSES = {
    "socket.socket": socket.socket,
    "ssl.SSLSocket": ssl.SSLSocket,
    "ssl.SSLContext": ssl.SSLContext,
    "threading.Thread": threading.Thread,
}
LOOP = "asyncio event loops"


class Row(NamedTuple):
    """One line of a table of the page."""

    section: str
    name: str
    status: str
    remark: str

    @property
    def through(self):
        """What it is said to be made of."""
        found = re.match(r"through ((?:`\w+`(?:, | or )?)+)", self.remark)
        names = found[1].split(", ") if found else []
        return [re.findall(r"`(\w+)`", each) for each in names]

    @property
    def like(self):
        """Where the same name stands whose row says all there is to say."""
        found = re.match(r"as in `([\w.]+)`", self.remark)
        return found[1] if found else None

    @property
    def versions(self):
        """Whether this Python has it, as far as the page says."""
        since = re.search(r"since 3\.(\d+)", self.remark)
        until = re.search(r"until 3\.(\d+)", self.remark)
        here = sys.version_info[1]
        return (not since or here >= int(since[1])) and (not until or here <= int(until[1]))


def _rows():
    rows, section = [], ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:].strip().strip("`")
        found = re.fullmatch(r"\| `([\w.]+)` \| (\w+) \| (.*?) ?\|", line)
        if found:
            rows.append(Row(section, *found.groups()))
    return rows


ROWS = [row for row in _rows() if row.versions]
BY_SECTION = {section: [row for row in ROWS if row.section == section] for section, *_ in ROWS}


def _start_a_program():
    net = glassnet.Network()
    net.host("first").run(len, "")
    net.close()


_start_a_program()  # some modules are imported, and changed, when there is a program that could use them


def _public(module):
    """The functions and classes that are the module's own, without exceptions and enumerations."""
    names = []
    for name in dir(module):
        value = getattr(module, name)
        if name.startswith("_") or not callable(value) or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type):
            if issubclass(value, BaseException | tuple | enum.Enum):
                continue
            if value.__module__ in ("abc", "collections", "collections.abc", "_weakrefset", "enum"):
                continue
        if name in ("namedtuple", "abstractmethod", "Mapping"):
            continue
        names.append(name)
    return names


def _ours(value):
    """Whether glassnet has put it there."""
    owner = getattr(value, "__self__", None)
    if value in (locks.Lock, locks.RLock):
        return True  # they bear the stock names
    homes = (
        getattr(value, "__module__", None),
        type(owner).__module__,
        type(value).__module__,
        getattr(getattr(value, "__func__", None), "__module__", None),
    )
    return any(isinstance(home, str) and home.startswith("glassnet") for home in homes)


def _mentions(thing, seen=None):
    """The names that the Python code of a function, or of a class' methods, uses."""
    seen = set() if seen is None else seen
    code = getattr(getattr(thing, "__func__", thing), "__code__", None)
    if isinstance(thing, property):
        for each in filter(None, (thing.fget, thing.fset)):
            _mentions(each, seen)
    elif isinstance(thing, type):
        for base in thing.__mro__[:-1]:
            seen.update(vars(base))
            for value in vars(base).values():
                if isinstance(value, types.FunctionType | property):
                    _mentions(value, seen)
    elif code is not None:
        codes = [code]
        while codes:
            each = codes.pop()
            seen.update(each.co_names, each.co_varnames)
            codes.extend(const for const in each.co_consts if isinstance(const, types.CodeType))
    return seen


def _all_ours():
    """Every name that glassnet replaces somewhere, functions and methods."""
    found = {name for module in MODULES.values() for name in dir(module) if _ours(getattr(module, name))}
    beneath = {
        "_sslobj",
        "_start_new_thread",
        "_allocate_lock",
        "_wait_for_tstate_lock",
        "_handle",
        "sslobject_class",
        "sslsocket_class",
    }
    return found | set(vars(VirtualSocket)) | set(dir(TlsEngine)) | beneath


@pytest.mark.parametrize("section", [*MODULES, *CLASSES, LOOP])
def test_the_page_has_every_name_and_no_other(section):
    if section in MODULES:
        expected = _public(MODULES[section])
    elif section in CLASSES:
        expected = [name for name in dir(CLASSES[section]) if not name.startswith("_")]
    else:
        expected = [name for name in dir(asyncio.AbstractEventLoop) if not name.startswith("_")]
    listed = [row.name for row in BY_SECTION[section]]
    assert sorted(listed) == sorted(expected)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}.{row.name}")
def test_a_row_says_what_is_so(row, a):
    if row.section == LOOP:
        assert (row.status == "unchanged") == (row.name not in uses)
        return
    home = MODULES.get(row.section) or CLASSES[row.section]
    value = getattr(home, row.name)
    if row.status == "refused":
        said = re.match(r"`(\w+)`", row.remark)[1]
        error = getattr(glassnet, said, None) or getattr(__builtins__, said, None) or __builtins__[said]
        with pytest.raises(error):
            a.run(value)
    elif row.status == "unchanged":
        assert not _ours(value)
    else:
        assert row.status == "virtual"
        if row.through:
            known = _all_ours() | {
                each.name for each in ROWS if each.status == "virtual" and each.name != row.name
            }
            used = _mentions(value)
            if row.section in CLASSES:
                for name in tuple(used):
                    if name.startswith("_") and isinstance(vars(home).get(name), types.FunctionType):
                        _mentions(vars(home)[name], used)
            for names in row.through:
                assert any(name in known for name in names), f"{names} are not virtual"
                assert any(name in used for name in names), f"{row.name} does not use {names}"
        elif row.like:
            assert any(each.section == row.like and each.name == row.name for each in ROWS)
            original = getattr(MODULES.get(row.like) or CLASSES[row.like], row.name)
            inherited = vars(home).get(row.name) if row.section in CLASSES else value
            assert value is original or "super" in _mentions(inherited) or inherited is None
        elif row.section == "socket.socket":
            between = VirtualSocket.__mro__[: VirtualSocket.__mro__.index(socket.socket)]
            assert any(row.name in vars(each) for each in between)
        else:
            assert _ours(value) or (isinstance(value, type) and _ours(value.__new__))


@pytest.mark.parametrize("name", sorted(uses))
def test_a_method_of_the_event_loop_does_on_a_host_what_it_is_for(name, a):
    if not any(row.name == name for row in BY_SECTION[LOOP]):
        pytest.fail(f"{name} is not on the page")

    async def program():
        await uses[name](asyncio.get_running_loop())

    a.run(program)
