"""Probes: real packages, unmodified, on virtual hosts.

A probe is a test in a file `tests/programs/test_probes_<topic>.py`. It starts programs that never
heard of glassnet (they are in `tests/programs/apps/`, or are a package's own) and asserts what came out:

    from probes import probe

    import shop  # apps/shop.py


    @probe("uvicorn", "requests", did="served 20 pages over one kept connection, 300 kB uploaded")
    def test_uvicorn_serves_requests(server, client):
        server.start(shop.serve)
        page = client.run(shop.buy, "http://server")
        assert page["received"] == 300_000
        return page

Its arguments are `net` (the network), `server` and `client` (two of its hosts, 20 ms apart), in any
choice, and fixtures of pytest. More hosts come from `net.lan("third")` or `net.cable`.
`probe` names the packages as they are installed by pip, or modules of the standard library, and says
in one sentence what the programs do.

Each probe runs on a perfect LAN and, unless it says `loss=None`, on one that loses 2 % of
all frames. Each of these runs twice with the same seed, and every frame at every interface of
`server` and `client` must be the same, at the same time; so must what the function returns.
Where OpenSSL draws keys for itself (TLS), say `repeats="sizes"`: then times and lengths are
compared, not bytes.

Where the environment names a file as `PROBE_DIGESTS`, each probe runs once, with loss if it
can, and adds a line to it that tells what it did: `test_probes_repeat.py` compares those of two
interpreters.

`python tests/programs/probes` runs them all and writes `docs/reference/compatibility.md`, with a row for each
probe; `page.py` says in which section those of a file are.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

import glassnet
from glassnet.datalink.interface import Interface, Tap
from glassnet.glass.taps import Taps

__all__ = ["PROBES", "Probe", "probe"]

SEED = 7
LOSS = 0.02

Repeats = Literal["bytes", "sizes"]
Record = tuple[int, str, str, str, bytes]


@dataclass(frozen=True)
class Probe:
    """What a row of the page says about one probe."""

    packages: tuple[str, ...]
    did: str
    loss: float | None
    repeats: Repeats


PROBES: dict[tuple[str, str], Probe] = {}
"""All probes of the test files imported so far, by file and function, in their order there."""


def probe(
    *packages: str, did: str, loss: float | None = LOSS, repeats: Repeats = "bytes"
) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Make a test of a function that runs programs of `packages` on hosts: see the top of this module."""

    def decorate(function: Callable[..., object]) -> Callable[..., None]:
        file = inspect.getfile(function).rpartition("/")[2]
        PROBES[file, function.__name__] = Probe(packages, did, loss, repeats)
        wanted = list(inspect.signature(function).parameters)

        def test(loss: float, **fixtures: object) -> None:
            first = _run(function, wanted, fixtures, loss)
            if digests := os.environ.get("PROBE_DIGESTS"):
                with open(digests, "a", encoding="utf-8") as lines:
                    lines.write(f"{file}:{function.__name__} {loss} {_digest(first, repeats)}\n")
            else:
                _compare(first, _run(function, wanted, fixtures, loss), repeats)

        test.__name__, test.__module__, test.__doc__ = (
            function.__name__,
            function.__module__,
            function.__doc__,
        )
        names = [name for name in wanted if name not in ("net", "server", "client")]
        keyword = inspect.Parameter.KEYWORD_ONLY
        test.__signature__ = inspect.Signature(
            [inspect.Parameter(name, keyword) for name in ["loss", *names]]
        )
        losses = {"perfect": 0.0} if loss is None else {"perfect": 0.0, "lossy": loss}
        if "PROBE_DIGESTS" in os.environ and loss is not None:
            del losses["perfect"]
        return pytest.mark.parametrize("loss", losses.values(), ids=losses)(test)

    return decorate


def _run(
    function: Callable[..., object], wanted: list[str], fixtures: dict[str, object], loss: float
) -> tuple[list[Record], object]:
    """Run a probe on a network of its own; returns every frame at every interface, and its result."""
    records: list[Record] = []

    def tap_at(host: str, _: Interface) -> Tap:
        def tap(time: int, interface: Interface, direction: str, frame: bytes) -> None:
            records.append((time, host, interface.name, direction, bytes(frame)))

        return tap

    gc.collect()  # what earlier tests left behind is no part of this run
    with glassnet.Network(seed=SEED) as net:
        server, client = net.lan("server", "client", delay="10ms", loss=loss)
        taps = Taps(tap_at)
        for host in (server, client):
            taps.add(host.internet)
        given: dict[str, Any] = {"net": net, "server": server, "client": client, **fixtures}
        result = function(**{name: given[name] for name in wanted})
        return records, result


def _digest(run: tuple[list[Record], object], repeats: Repeats) -> str:
    """What must be the same in every run of a probe, in short."""
    records, result = run
    digest = hashlib.sha256(repr(result).encode())
    for record in records:
        digest.update(repr(_without_bytes(record) if repeats == "sizes" else record).encode())
    return f"{len(records)} {digest.hexdigest()}"


def _without_bytes(record: Record) -> Record:
    return *record[:4], bytes(len(record[4]))


def _compare(
    first: tuple[list[Record], object], second: tuple[list[Record], object], repeats: Repeats
) -> None:
    """The second run of a probe must not differ from the first."""
    for number, (before, now) in enumerate(zip(first[0], second[0], strict=False)):
        if repeats == "sizes":
            before, now = _without_bytes(before), _without_bytes(now)
        if before != now:
            pytest.fail(
                f"with the same seed, frame {number} was\n{_text(before)}\nand the second time\n{_text(now)}"
            )
    assert len(first[0]) == len(second[0]), "one run with the same seed had more frames than the other"
    assert first[0] or first[1] is not None, "no frame was sent, and nothing was returned"
    assert first[1] == second[1], "the probe returned something else the second time"


def _text(record: Record) -> str:
    time, host, interface, direction, frame = record
    return f"{time / 1e9:.9f} s {host}.{interface} {direction}, {len(frame)} octets: {frame!r}"
