"""Lab files: a network and the programs that run on it, described in TOML."""

from glassnet.lab.problems import LabError, Problem
from glassnet.lab.session import Session

__all__ = ["LabError", "Problem", "Session"]
