"""The page `docs/reference/compatibility.md`, made of the probes and of what hosts refuse."""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import metadata, version
from pathlib import Path

from probes import PROBES, Probe

from glassnet.host import refusals

__all__ = ["PAGE", "load_probes", "page"]

PROGRAMS = Path(__file__).parent.parent
PAGE = PROGRAMS.parent.parent / "docs" / "reference" / "compatibility.md"

INTRODUCTION = """\
# Compatibility

Packages that run unmodified on virtual hosts, as they come from PyPI. Each row is a probe: a test that ran
real programs of these packages on two hosts of one LAN, and passed. `make test` runs them all;
`make compatibility` runs them and writes this page.

*Same again* says what two runs with the same seed had in common: **bytes** is every byte of every frame, at the
same nanosecond; **sizes** is the length and time of every frame, where OpenSSL draws
keys for itself, or a package drew its chance when it was imported.
*Loss* says how many of all frames the cables lost in one more run of the probe; a dash means
that it was run without loss only.
"""

REFUSED = """\
## What cannot run

These packages do their networking in compiled code that calls the kernel by itself, where no virtual host can be put
under it. On a host they cannot be imported, and what was imported before is refused when it is called,
with an error that names what to use instead.

| Package | Use instead |
|---|---|
"""

VERSIONS = """\
## Versions

What the probes ran with when this page was written.

| Package | Version | Licence |
|---|---|---|
"""


def load_probes() -> dict[str, str]:
    """Import every file of probes; returns the heading of each, by file name."""
    headings = {}
    for file in sorted(PROGRAMS.glob("test_probes_*.py")):
        module = importlib.import_module(file.stem)
        headings[file.name] = (module.__doc__ or file.stem).split("\n")[0].rstrip(".")
    return headings


def page() -> str:
    """The whole page."""
    headings = load_probes()
    parts = [INTRODUCTION]
    for file, heading in headings.items():
        rows = [_row(probe) for (where, _), probe in PROBES.items() if where == file]
        parts.append(
            f"## {heading}\n\n| Packages | What the programs did | Loss | Same again |\n|---|---|---|---|\n"
            + "".join(rows)
        )
    parts.append(REFUSED + "".join(f"| `{name}` | {instead} |\n" for name, instead in _refused()))
    packages = {name for probe in PROBES.values() for name in probe.packages}
    parts.append(VERSIONS + "".join(map(_version_row, sorted(packages, key=str.lower))))
    return "\n".join(parts)


def _row(probe: Probe) -> str:
    loss = "–" if probe.loss is None else f"{probe.loss * 100:g} %"
    return f"| {', '.join(probe.packages)} | {probe.did} | {loss} | {probe.repeats} |\n"


def _refused() -> list[tuple[str, str]]:
    return [(name, instead) for name, (instead, _) in sorted(refusals._REFUSED.items())]


def _version_row(package: str) -> str:
    if package.split(".")[0] in sys.stdlib_module_names:
        return f"| {package} | {platform.python_version()} (standard library) | PSF-2.0 |\n"
    return f"| {package} | {version(package)} | {_licence(package)} |\n"


def _licence(package: str) -> str:
    about = metadata(package)
    said = about.get("License-Expression") or about.get("License") or ""
    if said and "\n" not in said and said != "UNKNOWN":
        return said
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    return ", ".join(line.rpartition(" :: ")[2] for line in classifiers) or "not stated"
