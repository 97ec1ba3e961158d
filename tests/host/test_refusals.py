"""Packages with compiled networking are refused on hosts, and only there."""

from __future__ import annotations

import _lsprof
import asyncio
import concurrent.futures
import ctypes.util
import errno
import importlib
import multiprocessing
import os
import pickle
import platform
import pty
import socket
import subprocess
import sys
import types
import uuid

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


STAND_INS = {
    "zmq.py": """
class Context:
    def __init__(self, threads=1):
        self.threads = threads
    def __del__(self):
        self.threads  # which fails where `__init__` has not run
""",
    "psycopg.py": """
class Connection:
    @classmethod
    def connect(cls, host):
        return cls, host
connect = Connection.connect
""",
    "pycurl.py": "from _lsprof import Profiler as Curl\n",  # a class in C
    "OpenSSL/__init__.py": "",
    "OpenSSL/SSL.py": """
class Connection:
    def __init__(self, context, socket=None):
        self.socket = socket
""",
    "gunicorn/__init__.py": "",
    "gunicorn/arbiter.py": """
class Arbiter:
    def run(self):
        return "it runs"
""",
}


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Modules that go by the names of packages that are refused."""
    for path, text in STAND_INS.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(refusals, "_sealed", set())
    monkeypatch.setattr(_lsprof, "Profiler", _lsprof.Profiler)  # it is given back
    roots = {path.removesuffix(".py").split("/")[0] for path in STAND_INS}

    for name in [name for name in sys.modules if name.split(".")[0] in roots]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in roots]:
        del sys.modules[name]


def test_classes_are_refused_and_stay_classes(stand_ins, a):
    zmq, pycurl = importlib.import_module("zmq"), importlib.import_module("pycurl")

    class Own(zmq.Context):
        pass

    for make in (lambda: zmq.Context(2), lambda: zmq.Context(threads=3), Own, lambda: pycurl.Curl()):
        with pytest.raises(glassnet.Refused, match="does its networking in compiled code"):
            a.run(make)

    class Later(zmq.Context):
        pass

    assert [zmq.Context(2).threads, Own(3).threads, Later().threads] == [2, 3, 1]
    assert isinstance(pycurl.Curl(), pycurl.Curl)
    assert pycurl.Curl().getstats() == []


def test_methods_of_classes_are_refused(stand_ins, a):
    psycopg = importlib.import_module("psycopg")

    class Own(psycopg.Connection):
        pass

    elsewhere = sys.modules["elsewhere"] = types.ModuleType("elsewhere")
    elsewhere.connect = psycopg.connect  # from psycopg import connect
    try:
        for connect in (
            lambda: psycopg.connect("b"),
            lambda: psycopg.Connection.connect("b"),
            lambda: Own.connect("b"),
            lambda: elsewhere.connect("b"),
        ):
            with pytest.raises(glassnet.Refused, match=r"psycopg .* use pg8000 instead"):
                a.run(connect)
    finally:
        del sys.modules["elsewhere"]
    assert psycopg.connect("b") == (psycopg.Connection, "b")
    assert Own.connect("b") == (Own, "b")


@pytest.mark.parametrize("early", [True, False], ids=["imported before", "imported on the host"])
def test_openssl_is_refused_a_socket_only(stand_ins, a, early):
    if early:
        importlib.import_module("OpenSSL.SSL")

    def program(*sockets):
        from OpenSSL import SSL

        return SSL.Connection(None, *[make() for make in sockets]).socket

    assert a.run(program) is None
    with pytest.raises(glassnet.Refused, match=r"OpenSSL\.SSL gives sockets .* use the ssl module instead"):
        a.run(program, object)
    assert program(list) == []


@pytest.mark.parametrize("early", [True, False], ids=["imported before", "imported on the host"])
def test_gunicorn_is_refused_where_it_would_fork(stand_ins, a, early):
    if early:
        importlib.import_module("gunicorn.arbiter")

    def program():
        from gunicorn.arbiter import Arbiter

        return Arbiter().run()

    with pytest.raises(
        glassnet.Refused, match=r"processes that it forks.*use uvicorn, hypercorn or waitress instead"
    ):
        a.run(program)
    assert program() == "it runs"


def test_what_looks_for_tools_of_the_machine_goes_on_without(a):
    def program():
        return ctypes.util.find_library("no such library"), platform.processor(), uuid.getnode()

    assert a.run(program)[0] is None


def test_a_refusal_is_an_error_of_the_system_too(a):
    with pytest.raises(PermissionError) as caught:
        a.run(os.fork)
    error = caught.value
    assert isinstance(error, glassnet.GlassnetError)
    assert error.errno == errno.EPERM
    assert str(error) == error.strerror == error.args[0]
    assert str(error).startswith("os.fork() would act on the real machine")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.errno) == (glassnet.Refused, str(error), errno.EPERM)


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
    with pytest.raises(glassnet.Refused, match="would act on the real machine, not on the virtual host 'a'"):
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
