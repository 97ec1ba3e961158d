"""Packages with compiled networking are refused on hosts, and only there."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import multiprocessing
import os
import pty
import socket
import subprocess
import sys

import pytest

import glassnet
from glassnet.host import refusals


@pytest.fixture
def uvloop(tmp_path, monkeypatch):
    """Something that goes by that name."""
    (tmp_path / "uvloop.py").write_text("def new_event_loop():\n    return 'a loop'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(refusals, "_sealed", set())
    monkeypatch.delitem(sys.modules, "uvloop", raising=False)
    yield
    sys.modules.pop("uvloop", None)


def test_an_import_is_refused_on_a_host(uvloop, a):
    def program():
        try:
            import uvloop
        except ImportError as error:
            return str(error)
        return uvloop

    assert a.run(program) == (
        "uvloop does its networking in compiled code, which cannot run on the virtual host 'a': "
        "use asyncio's own event loop instead"
    )
    assert importlib.import_module("uvloop").new_event_loop() == "a loop"


def test_a_package_imported_before_is_refused_when_it_is_used(uvloop, a):
    module = importlib.import_module("uvloop")
    with pytest.raises(glassnet.GlassnetError, match="use asyncio's own event loop"):
        a.run(lambda: module.new_event_loop())
    assert module.new_event_loop() == "a loop"


def test_uvicorn_does_without(uvloop, a):
    from uvicorn.loops.auto import auto_loop_factory

    kind = a.run(lambda: auto_loop_factory().__module__)
    assert kind.startswith("asyncio.")


@pytest.mark.parametrize(
    "call",
    [
        os.fork,
        lambda: os.system("true"),
        lambda: subprocess.run(["true"], check=True),
        lambda: subprocess.Popen(["true"]),
        lambda: os.popen("true"),
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        pty.fork,
        lambda: asyncio.run(asyncio.create_subprocess_exec("true")),
        lambda: asyncio.run(asyncio.create_subprocess_shell("true")),
        lambda: multiprocessing.Process(target=print).start(),
        lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
        lambda: multiprocessing.get_context("forkserver").Process(target=print).start(),
        lambda: multiprocessing.Pool(2),
        multiprocessing.Manager,
        concurrent.futures.ProcessPoolExecutor,
    ],
)
def test_what_would_act_on_the_real_machine_is_refused(a, call):
    with pytest.raises(
        glassnet.GlassnetError, match="would act on the real machine, not on the virtual host 'a'"
    ):
        a.run(call)


def test_a_pool_of_threads_is_none_of_processes(a):
    from multiprocessing.pool import ThreadPool

    def program():
        with ThreadPool(3) as pool:
            return pool.map(abs, range(-5, 0)), socket.gethostname()

    assert a.run(program) == ([5, 4, 3, 2, 1], "a")


def test_off_host_processes_are_made_as_ever():
    assert (
        subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    )


def test_a_call_needs_a_coroutine_on_the_network(a):
    with pytest.raises(glassnet.GlassnetError, match=r"net\.run\(until=coroutine\)"):
        asyncio.run(a.call(print))
