"""The command line."""

from glassnet.cli.main import app, main

__all__ = ["app", "main"]
