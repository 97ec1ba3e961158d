"""Packages with compiled networking are refused on hosts, and only there."""

from __future__ import annotations

import importlib
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
