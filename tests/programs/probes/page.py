"""The page `docs/reference/compatibility.md`, made of the probes and of what hosts refuse."""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import files, metadata, version
from pathlib import Path

from glassnet.host import refusals
from probes import PROBES, Probe

__all__ = ["PAGE", "load_probes", "page"]

PROGRAMS = Path(__file__).parent.parent
PAGE = PROGRAMS.parent.parent / "docs" / "reference" / "compatibility.md"

INTRODUCTION = """\
# Compatibility

Packages that run unmodified on virtual hosts, as they come from PyPI. Each row is a probe: a test that ran
real programs of these packages on two hosts of one LAN, and passed. `make test` runs them all;
`make compatibility` runs them and writes this page.

*Same again* says what two runs with the same seed had in common: **bytes** is every byte of every
frame, at the same nanosecond; **sizes** is the length and time of every frame, where OpenSSL draws
keys for itself, or a package drew its chance when it was imported.
*Loss* says how many of all frames the cables lost in one more run of the probe; a dash means
that it was run without loss only.
"""

REFUSED = """\
## What cannot run

On a host these packages cannot be imported, or what they begin with is refused when it is called, with an
error that names what to use instead. So are `os.fork`, `subprocess` and `multiprocessing`
(its `connection` and its `pool.ThreadPool` work): start a program with `host.start()`, or use threads.

| Package | Because it | Use instead |
|---|---|---|
"""

SECTIONS = {
    "Web servers and frameworks": ("test_probes_web.py", "test_probes_asgi.py", "test_probes_wsgi.py"),
    "HTTP clients": ("test_probes_http_clients.py",),
    "TLS": ("test_probes_tls.py",),
    "WebSockets and remote calls": ("test_probes_websockets.py", "test_probes_rpc.py"),
    "Mail": ("test_probes_mail.py",),
    "File transfer": ("test_probes_transfer.py",),
    "Terminals": ("test_probes_shell.py",),
    "Stores and messaging": ("test_probes_stores.py", "test_probes_messaging.py"),
    "Threads, loops and frameworks": ("test_probes_concurrency.py", "test_probes_twisted.py"),
    "Names and reachability": ("test_probes_names.py",),
    "Unix-domain sockets": ("test_probes_local.py",),
}
"""The sections of the page, each with the files whose probes it tells of."""

TWISTED = """\
All programs of a network share one interpreter, and Twisted has one global reactor in it, which runs
once. So `from twisted.internet import reactor` works for one program; more of them each make their own
(`SelectReactor()`, `EPollReactor()`) and pass it on to endpoints, `Site`, `Agent`, `LoopingCall.clock`
and `deferToThreadPool`.
`SelectReactor` keeps its connections in a set: which of several that are ready goes first is not repeatable.
"""

VERSIONS = """\
## Versions

What the probes ran with when this page was written.

| Package | Version | Licence |
|---|---|---|
"""


def load_probes() -> set[str]:
    """Import every file of tests; returns the names of those that have probes."""
    for file in sorted(PROGRAMS.glob("test_probes_*.py")):
        importlib.import_module(file.stem)
    return {file for file, _ in PROBES}


def page() -> str:
    """The whole page."""
    missing = load_probes() - {file for where in SECTIONS.values() for file in where}
    assert not missing, f"in no section of the page: {sorted(missing)}"
    parts = [INTRODUCTION]
    for heading, where in SECTIONS.items():
        rows = [_row(probe) for file in where for (home, _), probe in PROBES.items() if home == file]
        parts.append(
            f"## {heading}\n\n| Packages | What the programs did | Loss | Same again |\n|---|---|---|---|\n"
            + "".join(rows)
        )
        if "test_probes_twisted.py" in where:
            parts.append(TWISTED)
    parts.append(
        REFUSED + "".join(f"| `{name}` | {does} | {instead} |\n" for name, does, instead in _refused())
    )
    packages = {name for probe in PROBES.values() for name in probe.packages}
    parts.append(VERSIONS + "".join(map(_version_row, sorted(packages, key=str.lower))))
    return "\n".join(parts)


def _row(probe: Probe) -> str:
    loss = "–" if probe.loss is None else f"{probe.loss * 100:g} %"
    return f"| {', '.join(probe.packages)} | {probe.did} | {loss} | {probe.repeats} |\n"


def _refused() -> list[tuple[str, str, str]]:
    refused = {**refusals._REFUSED, **refusals._REFUSED_IN_PART}
    return [(name, refused[name].does, refused[name].instead) for name in sorted(refused, key=str.lower)]


def _version_row(package: str) -> str:
    if package.split(".")[0] in sys.stdlib_module_names:
        return f"| {package} | {platform.python_version()} (standard library) | PSF-2.0 |\n"
    return f"| {package} | {version(package)} | {_licence(package)} |\n"


def _licence(package: str) -> str:
    about = metadata(package)
    said = about.get("License-Expression") or about.get("License") or ""
    if said and said != "UNKNOWN":
        return said.strip().splitlines()[0].strip()  # of some, the whole text of the licence
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    if classifiers:
        return ", ".join(line.rpartition(" :: ")[2] for line in classifiers)
    texts = [path for path in files(package) or [] if path.name in about.get_all("License-File", [])]
    return texts[0].read_text().strip().splitlines()[0].strip() if texts else "not stated"
