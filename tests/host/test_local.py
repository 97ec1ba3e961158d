"""The class that stands for `threading.local` where the interpreter's own cannot be shared out."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from glassnet.host.threads.local import Local


def test_state_by_strand_and_by_thread(a, b):
    local = Local()
    local.word = "off host"

    def program(word):
        before = getattr(local, "word", None)
        local.word = word
        time.sleep(1)
        return before, local.word, dict(local.__dict__)

    first, second = a.start(program, "first"), b.start(program, "second")
    assert first.result() == (None, "first", {"word": "first"})
    assert second.result() == (None, "second", {"word": "second"})
    seen = []
    thread = threading.Thread(target=lambda: seen.append(hasattr(local, "word")))
    thread.start()
    thread.join()
    assert seen == [False]
    assert local.word == "off host"


def test_initialization_in_each_strand(a):
    class Counter(Local):
        start = 5
        made = 0

        def __init__(self, step, *, scale=1):
            self.value = self.start
            self.step = step * scale
            type(self).made += 1

        @property
        def double(self):
            return self.value * 2

        @double.setter
        def double(self, value):
            self.value = value // 2

        def __getattr__(self, name):
            return f"no {name}"

    counter = Counter(2, scale=3)
    counter.value = 100

    def program():
        counter.double = 20
        return counter.value, counter.step, counter.start, counter.other

    assert a.run(program) == (10, 6, 5, "no other")
    assert (counter.value, counter.double, Counter.made) == (100, 200, 2)


def test_refusals():
    with pytest.raises(TypeError, match="Initialization arguments are not supported"):
        Local(1)
    local = Local()
    with pytest.raises(AttributeError, match="read-only"):
        local.__dict__ = {}
    with pytest.raises(AttributeError, match="read-only"):
        del local.__dict__
    with pytest.raises(AttributeError, match="no attribute 'x'"):
        del local.x
    local.x = 1
    del local.x
    assert not hasattr(local, "x")


def test_state_goes_with_its_strand_and_with_its_object(a, net):
    class Thing:
        pass

    things = []
    local = Local()

    def program():
        local.thing = Thing()
        things.append(weakref.ref(local.thing))
        other = Local()
        other.thing = Thing()
        things.append(weakref.ref(other.thing))
        del other
        gc.collect()
        return things[1]() is None

    assert a.run(program)
    gc.collect()
    assert things[0]() is None
