"""Packages with compiled networking are refused on hosts, and only there."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import subprocess
import sys
import threading

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
        lambda: signal.alarm(1),
        lambda: signal.setitimer(signal.ITIMER_REAL, 1),
        lambda: signal.pthread_kill(threading.get_ident(), 0),
    ],
)
def test_what_would_act_on_the_real_machine_is_refused(a, call):
    with pytest.raises(
        glassnet.GlassnetError, match="would act on the real machine, not on the virtual host 'a'"
    ):
        a.run(call)


def test_off_host_processes_are_made_as_ever():
    assert (
        subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    )


def test_blocking_tls_says_that_it_is_missing(a, b):
    import ssl

    def program():
        with (
            socket.create_server(("", 443)) as listener,
            socket.create_connection(listener.getsockname()) as sock,
        ):
            ssl.create_default_context().wrap_socket(sock, server_hostname="b")

    with pytest.raises(OSError, match="TLS over blocking sockets is not implemented"):
        a.run(program)


def test_a_call_needs_a_coroutine_on_the_network(a):
    with pytest.raises(glassnet.GlassnetError, match=r"net\.run\(until=coroutine\)"):
        asyncio.run(a.call(print))
