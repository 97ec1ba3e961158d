"""Where keys are in a TOML file, whatever way it is written."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.lab.positions import dotted, positions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n", {("a",): (1, 1)}),
        ("  a.b = 1 # c = 2\n", {("a",): (1, 3), ("a", "b"): (1, 5)}),
        ('[x."y.z"]\n"q\\"" = 1', {("x",): (1, 2), ("x", "y.z"): (1, 4), ("x", "y.z", 'q"'): (2, 1)}),
        (
            "[[e]]\nat = 1\n[[e]]\n[e.sub]\nb = 2\n",
            {
                ("e",): (1, 3),
                ("e", 0): (1, 3),
                ("e", 0, "at"): (2, 1),
                ("e", 1): (3, 3),
                ("e", 1, "sub"): (4, 4),
                ("e", 1, "sub", "b"): (5, 1),
            },
        ),
        (
            'a = [1, { b = "]" }, # [9]\n  \'x\']\nc = """\nd = 1 \\"""\n"""\ne = 2\n',
            {
                ("a",): (1, 1),
                ("a", 0): (1, 6),
                ("a", 1): (1, 9),
                ("a", 1, "b"): (1, 11),
                ("a", 2): (2, 3),
                ("c",): (3, 1),
                ("e",): (6, 1),
            },
        ),
        ("a = '''\r\n[b]\r\n'''\r\nc = 1979-05-27 07:32:00\r\n", {("a",): (1, 1), ("c",): (4, 1)}),
    ],
)
def test_positions(text, expected):
    tomllib.loads(text)
    assert positions(text) == expected


scalars = st.one_of(
    st.integers(-5, 5).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    st.sampled_from(["'#]}'", '"""x\n"y" = [1]\n"""', "'''a'b\n[c]'''", "1.5e3", '""', '"\\""', '""""q"""']),
)
keys = st.one_of(
    st.sampled_from(["a", "b-c", "1", '"a.b"', "'#'", '"="', '"\\u00e9"', '"["']),
    st.text("xyz_", min_size=1, max_size=3),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[\n " + " , # ]\n".join(parts) + "]"),
        st.dictionaries(keys, inner, max_size=2).map(
            lambda table: "{ " + ", ".join(f"{key} = {value}" for key, value in table.items()) + " }"
        ),
    ),
    max_leaves=6,
)
lines = st.one_of(
    st.tuples(keys, values).map(lambda pair: f"{pair[0]} = {pair[1]}  # note"),
    st.tuples(keys, keys, values).map(lambda parts: f"{parts[0]} . {parts[1]}={parts[2]}"),
    keys.map(lambda key: f"[ {key} ]"),
    keys.map(lambda key: f"[[{key}]]"),
    st.tuples(keys, keys).map(lambda parts: f"[{parts[0]}.{parts[1]}]"),
    st.just("# [comment]"),
    st.just(""),
)


def paths(value, path=()):
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


@given(st.lists(lines, max_size=8).map("\n".join))
def test_every_key_has_the_place_where_it_stands(text):
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = positions(text)
    assert set(found) == set(paths(document))
    rows = text.split("\n")
    for path, (line, column) in found.items():
        rest = rows[line - 1][column - 1 :]
        if isinstance(path[-1], str):
            assert any(keys_of(rest[:end]) == [path[-1]] for end in range(1, len(rest) + 1)), (path, rest)


def keys_of(text):
    try:
        return list(tomllib.loads(f"{text} = 1"))
    except tomllib.TOMLDecodeError:
        return []


def test_dotted():
    assert dotted(("host", "a.b", "event", 3, "at")) == 'host."a.b".event[3].at'
