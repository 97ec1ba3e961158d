from __future__ import annotations

import io
import sys
from typing import Any, cast

import pytest

from glassnet.cli.voices import Line, voices
from glassnet.engine import Engine
from glassnet.host.current import current


class OperatingSystem:
    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name


class Host:
    def __init__(self, engine: Engine, name: str) -> None:
        self.system = cast(Any, OperatingSystem(engine, name))

    def prints(self, text: str, *, error: bool = False) -> None:
        token = current.set(self.system)
        try:
            (sys.stderr if error else sys.stdout).write(text)
        finally:
            current.reset(token)


def test_lines_are_told_by_the_engine_with_their_time_and_host() -> None:
    engine = Engine()
    web, client = Host(engine, "web"), Host(engine, "client")
    told: list[Line] = []
    with voices(told.append):
        engine.at(5, web.prints, "one\ntwo\nthr")
        engine.at(5, client.prints, "hello\n")
        engine.at(7, web.prints, "ee\n")
        assert told == []
        engine.run()
    assert told == [
        Line(5, "web", "one"),
        Line(5, "web", "two"),
        Line(5, "client", "hello"),
        Line(7, "web", "three"),
    ]


def test_what_nobody_ended_is_told_in_the_end_and_streams_are_kept_apart() -> None:
    engine = Engine()
    web = Host(engine, "web")
    told: list[Line] = []
    with voices(told.append):
        web.prints("out")
        web.prints("err\n", error=True)
    assert [line.text for line in told] == ["err", "out"]


def test_code_on_no_host_prints_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[Line] = []
    with voices(told.append):
        print("seen")
        assert sys.stdout.writable()
    assert capsys.readouterr().out == "seen\n"
    assert told == []


def test_on_a_host_there_is_no_terminal() -> None:
    engine = Engine()
    web = Host(engine, "web")
    with voices(lambda line: None):
        token = current.set(web.system)
        try:
            assert not sys.stdout.isatty()
            sys.stdout.flush()
            with pytest.raises(io.UnsupportedOperation):
                sys.stdout.fileno()
        finally:
            current.reset(token)


def test_the_streams_come_back_even_after_an_error() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), voices(lambda line: None):
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == before
